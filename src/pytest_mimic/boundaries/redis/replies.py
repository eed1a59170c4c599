"""Commands and replies of Redis as plain data without secrets, and replies back as they came over the wire."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic.boundaries.base import BoundaryCall
from pytest_mimic.boundaries.redis.commands import Command, in_order, key_places, text_of, verb_of
from pytest_mimic.boundaries.redis.secrets import hide_json, hide_reply, secret_places
from pytest_mimic.boundaries.values import blank, plain_bytes
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

#: Commands after which a connection only listens.
LISTENING = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"})
#: What clients ask to find their servers: it belongs to the client, not to the test that connected first.
_SHARED = frozenset({"SENTINEL", "CLUSTER", "COMMAND"})
#: Commands that answer with items in an order that means nothing, and with names and values in turn.
_UNORDERED = frozenset("SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS".split())
_IN_TURN = frozenset({"HGETALL", "CONFIG", "CONFIG GET"})
_SCANNING = {"SCAN": "$unordered", "SSCAN": "$unordered", "HSCAN": "$pairs"}
_LONGEST_SHOWN = 300
_LONGEST_KEY = 80


def first_key(command: Command, secret: Collection[int]) -> str:
    """What a command is about: its first key, or its first argument unless that is secret; shortened."""
    keys = key_places(command)
    place = keys[0] if keys else 1
    if place >= len(command) or place in secret:
        return ""
    key = " ".join(text_of(command[place]).split())
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"


def describe_commands(
    commands: Sequence[Command], *, database: int, protocol: int, redactor: Redactor
) -> BoundaryCall:
    """Describes what is sent at once: one command, a pipeline, or a transaction."""
    secret = [secret_places(command, redactor) for command in commands]
    plain = [_plain_command(command, places, redactor) for command, places in zip(commands, secret)]
    # Described as it counts: a miss shows each word at the place by which `ignore=` names it.
    counted = [in_order(words, command) for words, command in zip(plain, commands)]
    parts: dict[str, Any] = {"database": database, "protocol": protocol}
    described: dict[str, Any] = {}
    if len(commands) == 1:
        verb, name = verb_of(commands[0]), "command"
        resource = first_key(commands[0], secret[0])
        parts[name], described[name] = counted[0], _shortened(counted[0])
    else:
        is_transaction = verb_of(commands[0]) == "MULTI"
        verb, name = ("MULTI" if is_transaction else "PIPELINE"), "commands"
        first = 1 if is_transaction else 0
        resource = first_key(commands[first], secret[first])
        parts[name], described[name] = counted, _shortened(counted)
    if database:
        described["database"] = database
    shared = len(commands) == 1 and verb.partition(" ")[0] in _SHARED
    return BoundaryCall(
        f"{verb} {resource}".strip(),
        parts=parts,
        identity=(name,) if shared else ("database", "protocol", name),
        described=described,
        shared=shared,
    )


def _plain_command(command: Command, secret: Collection[int], redactor: Redactor) -> list[Any]:
    return [
        PLACEHOLDER if place in secret else _plain_text(hide_json(part, redactor))
        for place, part in enumerate(command)
    ]


def _plain_text(value: bytes) -> Any:
    """Text stands for its bytes in UTF-8; what is no text is tagged."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return plain_bytes(value)


def _shortened(plain: Any) -> Any:
    if isinstance(plain, str) and len(plain) > _LONGEST_SHOWN:
        return f"{plain[:_LONGEST_SHOWN]}… ({len(plain)} characters)"
    return [_shortened(item) for item in plain] if isinstance(plain, list) else plain


def store_reply(reply: Any, command: Command, redactor: Redactor, *, queued: Sequence[Command] = ()) -> Any:
    """Gives a reply, read without decoding, as plain data without secrets.

    Args:
        reply: The server's.
        command: What it answers.
        redactor: Knows which names are secret.
        queued: The commands of a transaction, which EXEC answers all at once.
    """
    if queued and verb_of(command) == "EXEC" and isinstance(reply, list):
        return [store_reply(each, of, redactor) for each, of in zip(reply, queued)]
    return _tagged(_plain_reply(hide_reply(reply, command, redactor), redactor), command)


def _tagged(plain: Any, command: Command) -> Any:
    """Says of a list whether the order of its items means nothing."""
    if not isinstance(plain, list):
        return plain
    verb = verb_of(command)
    if verb in _UNORDERED:
        return {"$unordered": plain}
    if verb in _IN_TURN:
        return {"$pairs": plain}
    if verb not in _SCANNING or len(plain) != 2:
        return plain
    is_named = any(part.upper() == b"NOVALUES" for part in command[3:])
    tag = "$unordered" if is_named else _SCANNING[verb]
    return [plain[0], {tag: plain[1]}]


def comparable_reply(plain: Any) -> Any:
    """What of a stored reply verifying compares: where the order means nothing, sets and mappings.

    Args:
        plain: What `store_reply` gave, or lists and mappings of that.
    """
    if isinstance(plain, list):
        return [comparable_reply(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if tag in ("$unordered", "$set"):
        items = sorted(plain[tag], key=repr)
        is_set = all(isinstance(item, str) for item in items) and len(set(items)) == len(items)
        return set(items) if is_set else items
    if tag == "$pairs":
        names = [name if isinstance(name, str) else repr(name) for name in plain[tag][::2]]
        return dict(zip(names, plain[tag][1::2]))
    return {key: comparable_reply(item) for key, item in plain.items()}


def _plain_reply(reply: Any, redactor: Redactor) -> Any:
    if isinstance(reply, bytes):
        return _plain_text(hide_json(reply, redactor))
    if reply is None or isinstance(reply, (bool, int)):
        return reply
    if isinstance(reply, float):
        return reply if math.isfinite(reply) else {"$float": repr(reply)}
    if isinstance(reply, str):
        return {"$text": reply}
    if isinstance(reply, BaseException):
        return {"$error": [type(reply).__name__, *(str(part) for part in reply.args)]}
    if isinstance(reply, dict):
        return _plain_map(reply, redactor)
    if isinstance(reply, (set, frozenset)):
        return {"$set": sorted(_plain_list(reply, redactor), key=repr)}
    return _plain_list(reply, redactor)


def _plain_list(items: Iterable[Any], redactor: Redactor) -> list[Any]:
    return [_plain_reply(item, redactor) for item in items]


def _plain_map(reply: dict[Any, Any], redactor: Redactor) -> dict[str, Any]:
    named = {
        key: blank(item, PLACEHOLDER)
        if isinstance(key, bytes) and redactor.secret(text_of(key)) and not isinstance(item, (list, dict))
        else item
        for key, item in reply.items()
    }
    pairs = [[_plain_reply(key, redactor), _plain_reply(item, redactor)] for key, item in named.items()]
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$map": pairs}


def load_reply(plain: Any, encoder: Any, *, errors: Any) -> Any:
    """Gives a reply as the client's parser would.

    Args:
        plain: What `store_reply` gave.
        encoder: Decodes bytes where the client was asked to; None leaves them as they are.
        errors: The client's `exceptions` module.
    """
    if isinstance(plain, str):
        return _decoded(plain.encode(), encoder)
    if isinstance(plain, list):
        return [load_reply(item, encoder, errors=errors) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {
            _decoded(key.encode(), encoder): load_reply(item, encoder, errors=errors)
            for key, item in plain.items()
        }
    return _load_tagged(tag, plain[tag], encoder, errors)


def _load_tagged(tag: str, value: Any, encoder: Any, errors: Any) -> Any:
    if tag == "$error":
        return load_error(value, errors)
    if tag == "$text":
        return value
    if tag == "$float":
        return float(value)
    if tag in ("$unordered", "$pairs"):
        return [load_reply(item, encoder, errors=errors) for item in value]
    if tag == "$set":
        return {load_reply(item, encoder, errors=errors) for item in value}
    if tag == "$map":
        return {
            load_reply(key, encoder, errors=errors): load_reply(item, encoder, errors=errors)
            for key, item in value
        }
    if tag in ("$base64", "$bytes"):
        from pytest_mimic.boundaries.values import from_plain

        return _decoded(from_plain({tag: value}), encoder)
    raise CorruptRecordingError(f"a recording of redis has a value tagged {tag!r}, which is not known here")


def _decoded(value: bytes, encoder: Any) -> Any:
    return value if encoder is None else encoder.decode(value)


def store_error(error: BaseException, errors: Any) -> list[str]:
    """Gives an error of the client's as plain data: its class, or what that derives from, and its texts."""
    known = (kind.__name__ for kind in type(error).__mro__ if vars(errors).get(kind.__name__) is kind)
    return [next(known), *(str(part) for part in error.args)]


def load_error(stored: Sequence[str], errors: Any) -> Exception:
    """Gives an error as the client's own class."""
    name, *args = stored
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, errors.RedisError)):
        kind = errors.ResponseError
    error: Exception = kind(*args)
    return error

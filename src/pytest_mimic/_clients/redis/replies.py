"""Commands and replies of Redis as plain data without secrets, and replies as a client's connection returns them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import Command, in_order, key_places, text_of, verb_of
from pytest_mimic._clients.redis.redis_secrets import has_no_names, hide_reply, secret_places
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import may_be_json
from pytest_mimic._core.seam.base import ClientCall
from pytest_mimic._core.seam.database_values import blank, from_plain, plain_bytes
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# Commands whose replies are in no order, and those with names and values in turn.
_UNORDERED = frozenset("SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS".split())
_IN_TURN = frozenset({"HGETALL", "CONFIG", "CONFIG GET"})
_SCANNING = {"SCAN": "$unordered", "SSCAN": "$unordered", "HSCAN": "$pairs"}
_LONGEST_KEY = 80


def describe_commands(
    commands: Sequence[Command], *, database: int, protocol: int, redactor: Redactor
) -> ClientCall:
    """Describe commands that are sent at once: a single one, a pipeline or a transaction.

    `database` is the number of the database among those of the test. `protocol` is the version of RESP, which
    determines the types in replies.
    """
    plain = [_plain_command(command, redactor) for command in commands]
    verb, main = verb_of(commands[0][0]), commands[0]
    name, counted = "command", plain[0]
    if len(commands) > 1:
        name, counted = "commands", plain
        if verb == "MULTI":
            main = commands[1]
        else:
            verb = "PIPELINE"
    resource = _resource(main, redactor)
    described: dict[str, Any] = {name: counted}
    if database:
        described["database"] = database
    return ClientCall(
        f"{verb} {resource}".strip(),
        parts={"database": database, "protocol": protocol, name: counted},
        identity=("database", "protocol", name),
        described=described,
    )


def _plain_command(command: Command, redactor: Redactor) -> list[Any]:
    """Return the words of a command without secrets, in the order in which they count.

    Messages show them in this order, so that `ignore=` can name their places.
    """
    if has_no_names(command[0]):
        words = _texts(command)
        if words and not (len(words) > 1 and redactor.secret_key(words[1])):
            return words
    hidden = secret_places(command, redactor)
    plain = [
        PLACEHOLDER if place in hidden else _plain_word(part, redactor) for place, part in enumerate(command)
    ]
    return in_order(plain, command)


def _texts(command: Command) -> list[Any] | None:
    """Return the words of a command as texts, or None if one may be JSON, or is not UTF-8, or has the character NUL."""
    try:
        text = b"\0".join(command).decode()
    except UnicodeDecodeError:
        return None
    words = text.split("\0")
    return words if len(words) == len(command) and not may_be_json(text) else None


def _resource(command: Command, redactor: Redactor) -> str:
    """Return the shortened first key of a command, or its first argument unless that is secret."""
    keys = key_places(command)
    place = keys[0] if keys else 1
    if place >= len(command) or (not keys and place in secret_places(command, redactor)):
        return ""
    key = " ".join(text_of(command[place]).split())
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"


def _plain_word(value: bytes, redactor: Redactor) -> Any:
    """Return UTF-8 as text, without the secrets in it if it is JSON, and other bytes with a tag."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return plain_bytes(value)
    return redactor.texts.scrub_json(text) if may_be_json(text) else text


def store_reply(reply: Any, command: Command, redactor: Redactor, *, queued: Sequence[Command] = ()) -> Any:
    """Return a reply, read without decoding, as plain data without secrets.

    `queued` are the commands of a transaction, all of which `EXEC` answers.
    """
    verb = verb_of(command[0])
    if queued and verb == "EXEC" and isinstance(reply, list):
        return [store_reply(each, of, redactor) for each, of in zip(reply, queued)]
    plain = _plain_reply(hide_reply(reply, command, redactor), redactor)
    if not isinstance(plain, list):
        return plain
    # Tags say that the order means nothing when the reply is compared.
    if verb in _UNORDERED:
        return {"$unordered": plain}
    if verb in _IN_TURN:
        return {"$pairs": plain}
    if verb not in _SCANNING or len(plain) != 2:
        return plain
    is_named = any(part.upper() == b"NOVALUES" for part in command[3:])
    return [plain[0], {"$unordered" if is_named else _SCANNING[verb]: plain[1]}]


def comparable_reply(plain: Any) -> Any:
    """Return a stored reply for comparing, with sets and mappings where the order means nothing.

    `plain` is a result of `store_reply`, or lists and mappings of results.
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
        return _plain_word(reply, redactor)
    if reply is None or isinstance(reply, (bool, int)):
        return reply
    if isinstance(reply, float):
        return reply if math.isfinite(reply) else {"$float": repr(reply)}
    if isinstance(reply, str):
        return {"$text": reply}
    if isinstance(reply, BaseException):
        return {"$error": store_error(reply)}
    if not isinstance(reply, dict):
        items = [_plain_reply(item, redactor) for item in reply]
        return {"$set": sorted(items, key=repr)} if isinstance(reply, (set, frozenset)) else items
    pairs = []
    for key, item in reply.items():
        if isinstance(key, bytes) and redactor.secret(text_of(key)) and not isinstance(item, (list, dict)):
            item = blank(item, PLACEHOLDER)
        pairs.append([_plain_reply(key, redactor), _plain_reply(item, redactor)])
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$map": pairs}


def load_reply(plain: Any, encoder: Any) -> Any:
    """Return a result of `store_reply` as the client's parser would. Errors are returned, not raised.

    `encoder` decodes bytes, as the client was asked to; None leaves them as they are.
    """
    if isinstance(plain, str):
        return plain.encode() if encoder is None else encoder.decode(plain.encode())

    def decoded(value: bytes) -> Any:
        return value if encoder is None else encoder.decode(value)

    if isinstance(plain, list):
        return [load_reply(item, encoder) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {decoded(key.encode()): load_reply(item, encoder) for key, item in plain.items()}
    value = plain[tag]
    if tag == "$error":
        return load_error(value)
    if tag == "$text":
        return value
    if tag == "$float":
        return float(value)
    if tag in ("$unordered", "$pairs"):
        return load_reply(value, encoder)
    if tag == "$set":
        return set(load_reply(value, encoder))
    if tag == "$map":
        return {load_reply(key, encoder): load_reply(item, encoder) for key, item in value}
    if tag in ("$base64", "$bytes"):
        return decoded(from_plain(plain))
    raise CorruptRecordingError(f"a recording of redis has a value tagged {tag!r}, which is not known here")


def store_error(error: BaseException) -> list[str]:
    """Return an error of the client as plain data: the name of its class in `redis.exceptions`, and its texts."""
    # Some errors have a class below those in `redis.exceptions`.
    name = next((cls.__name__ for cls in type(error).__mro__ if _error_class(cls.__name__) is cls), None)
    return [name or "ResponseError", *(str(part) for part in error.args)]


def load_error(stored: Sequence[str]) -> Exception:
    name, *args = stored
    kind = _error_class(name) or redis_errors().ResponseError
    return kind(*args)  # type: ignore[no-any-return]


def _error_class(name: str) -> Any:
    found = getattr(redis_errors(), name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def redis_errors() -> Any:
    from redis import exceptions

    return exceptions

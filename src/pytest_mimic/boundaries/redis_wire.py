"""Commands and replies of Redis as plain data without secrets, and replies back as they came over the wire."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._vault.redact import PLACEHOLDER
from pytest_mimic.boundaries.base import BoundaryCall
from pytest_mimic.boundaries.plain import blank, plain_bytes
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._vault.redact import Redactor

Command = list[bytes]

#: Commands after which a connection only listens.
LISTENING = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"})
#: What clients ask to find their servers: it belongs to the client, not to the test that connected first.
_SHARED = frozenset({"SENTINEL", "CLUSTER", "COMMAND"})
#: Where the first key stands, when it is not the first argument.
_KEY_PLACES = {
    **dict.fromkeys(("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"), 3),
    **dict.fromkeys(("OBJECT", "XGROUP", "XINFO", "MEMORY", "BITOP", "ZINTER", "ZUNION", "SINTERCARD"), 2),
    **dict.fromkeys(("ZDIFF", "ZINTERCARD", "LMPOP", "ZMPOP"), 2),
    **dict.fromkeys(("BLMPOP", "BZMPOP"), 3),
}
#: Where the values of a key stand, in commands that write or look for them.
_VALUE_PLACES = {
    **dict.fromkeys(("SET", "SETNX", "GETSET", "APPEND"), slice(2, 3)),
    **dict.fromkeys(("SETEX", "PSETEX", "SETRANGE", "LSET", "LREM", "SMOVE"), slice(3, 4)),
    **dict.fromkeys(("LPUSH", "RPUSH", "LPUSHX", "RPUSHX"), slice(2, None)),
    **dict.fromkeys(("SADD", "SREM", "SISMEMBER", "SMISMEMBER"), slice(2, None)),
    "LPOS": slice(2, 3),
    "LINSERT": slice(3, 5),
    **dict.fromkeys(("HSET", "HMSET", "HSETNX"), slice(3, None, 2)),
}
#: Commands of field-value pairs after a key, and of key-value pairs.
_FIELDS = frozenset({"HSET", "HMSET", "HSETNX"})
_PAIRS = frozenset({"MSET", "MSETNX"})
#: Commands that answer with the values of a key.
_READING = frozenset(
    """GET GETSET GETDEL GETEX GETRANGE LINDEX LPOP RPOP LRANGE LMOVE RPOPLPUSH BLMOVE BRPOPLPUSH
    SMEMBERS SPOP SRANDMEMBER HGET HMGET HVALS""".split()
)
_SECRET_SETTINGS = frozenset(
    {b"requirepass", b"masterauth", b"tls-key-file-pass", b"tls-client-key-file-pass"}
)
#: Commands that answer with items in an order that means nothing, and with names and values in turn.
_UNORDERED = frozenset("SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS".split())
_IN_TURN = frozenset({"HGETALL", "CONFIG", "CONFIG GET"})
_SCANNING = {"SCAN": "$unordered", "SSCAN": "$unordered", "HSCAN": "$pairs"}
_LONGEST_SHOWN = 300
_LONGEST_KEY = 80
_SEPARATOR = re.compile(r"[:/.]")


def read_commands(packed: Any) -> list[Command]:
    """Reads the commands that a client has packed for the wire."""
    data = packed.encode() if isinstance(packed, str) else packed
    if not isinstance(data, (bytes, bytearray, memoryview)):
        data = b"".join(bytes(item, "utf-8") if isinstance(item, str) else bytes(item) for item in data)
    data = bytes(data)
    commands: list[Command] = []
    place = 0
    while place < len(data):
        count, place = _number(data, place)
        command: Command = []
        for _ in range(count):
            length, place = _number(data, place)
            command.append(data[place : place + length])
            place += length + 2
        commands.append(command)
    return commands


def _number(data: bytes, place: int) -> tuple[int, int]:
    """The number after `*` or `$`, and where its line ends."""
    end = data.index(b"\r\n", place)
    return int(data[place + 1 : end]), end + 2


def verb_of(command: Command) -> str:
    """`GET`; the client may have sent several words as one."""
    return text_of(command[0]).upper()


def text_of(value: bytes) -> str:
    """Bytes as people are shown them."""
    return value.decode("utf-8", "backslashreplace")


def first_key(command: Command, redactor: Redactor) -> str:
    """What a command is about: its first key, or its first argument unless that is secret; shortened."""
    verb = verb_of(command)
    place = _KEY_PLACES.get(verb, 1)
    upper = [part.upper() for part in command]
    if verb in ("XREAD", "XREADGROUP") and b"STREAMS" in upper:
        place = upper.index(b"STREAMS") + 1
    if verb.startswith(("EVAL", "FCALL")) and len(command) > 2 and command[2] == b"0":
        place = 1
    if place >= len(command) or place in _secret_places(command, redactor):
        return ""
    key = " ".join(text_of(command[place]).split())
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"


def describe_commands(
    commands: Sequence[Command], *, database: int, protocol: int, redactor: Redactor
) -> BoundaryCall:
    """Describes what is sent at once: one command, a pipeline, or a transaction."""
    shown = [_plain_command(command, redactor) for command in commands]
    parts: dict[str, Any] = {"database": database, "protocol": protocol}
    described: dict[str, Any] = {}
    if len(commands) == 1:
        verb, name = verb_of(commands[0]), "command"
        resource = first_key(commands[0], redactor)
        parts[name], described[name] = shown[0], _shortened(shown[0])
    else:
        is_transaction = verb_of(commands[0]) == "MULTI"
        verb, name = ("MULTI" if is_transaction else "PIPELINE"), "commands"
        resource = first_key(commands[1] if is_transaction else commands[0], redactor)
        parts[name], described[name] = shown, _shortened(shown)
    if database:
        described["database"] = database
    shared = len(commands) == 1 and verb.partition(" ")[0] in _SHARED
    return BoundaryCall(
        "redis",
        f"{verb} {resource}".strip(),
        parts=parts,
        identity=(name,) if shared else ("database", "protocol", name),
        described=described,
        shared=shared,
    )


def _plain_command(command: Command, redactor: Redactor) -> list[Any]:
    secret = _secret_places(command, redactor)
    return [
        PLACEHOLDER if place in secret else _plain_text(_hide_json(part, redactor))
        for place, part in enumerate(command)
    ]


def _secret_places(command: Command, redactor: Redactor) -> set[int]:
    """Which arguments are secret: by the field's name, or the key's, that stands before."""
    verb = verb_of(command)
    size = len(command)
    if verb == "AUTH":
        return set(range(1, size))
    if verb in ("HELLO", "MIGRATE"):
        return _after(command, (b"AUTH", b"AUTH2"), count=2)
    if verb.startswith("ACL"):
        return {place for place, part in enumerate(command) if part[:1] in b"><#!" and place > 1 and part}
    if verb in _VALUE_PLACES and size > 1 and is_secret_key(command[1], redactor):
        return set(range(size)[_VALUE_PLACES[verb]])
    if verb in _FIELDS:
        return {place + 1 for place in range(2, size - 1, 2) if redactor.secret(text_of(command[place]))}
    if verb in _PAIRS:
        return {place + 1 for place in range(1, size - 1, 2) if is_secret_key(command[place], redactor)}
    if verb == "XADD":
        return {place + 1 for place in range(2, size - 1) if redactor.secret(text_of(command[place]))}
    if verb.startswith("CONFIG"):
        return {place + 1 for place in range(1, size - 1) if _is_secret_setting(command[place], redactor)}
    return set()


def _is_secret_setting(name: bytes, redactor: Redactor) -> bool:
    return redactor.secret(text_of(name)) or name.lower() in _SECRET_SETTINGS


def _after(command: Command, words: Sequence[bytes], *, count: int) -> set[int]:
    starts = [place for place, part in enumerate(command) if part.upper() in words]
    return {start + step for start in starts for step in range(1, count + 1)}


def is_secret_key(key: bytes, redactor: Redactor) -> bool:
    """Whether a part of a key, `user:1:password`, is a secret name."""
    return any(redactor.secret(part) for part in _SEPARATOR.split(text_of(key)))


def _plain_text(value: bytes) -> Any:
    """Text stands for its bytes in UTF-8; what is no text is tagged."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return plain_bytes(value)


def _hide_json(value: bytes, redactor: Redactor) -> bytes:
    """A value that is JSON, without what stands under secret names in it."""
    if value[:1] not in (b"{", b"["):
        return value
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    hidden = _hide_parsed(parsed, redactor)
    return value if hidden == parsed else json.dumps(hidden).encode()


def _hide_parsed(parsed: Any, redactor: Redactor) -> Any:
    if isinstance(parsed, dict):
        return {
            key: blank(item, PLACEHOLDER) if redactor.secret(key) else _hide_parsed(item, redactor)
            for key, item in parsed.items()
        }
    return [_hide_parsed(item, redactor) for item in parsed] if isinstance(parsed, list) else parsed


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
    return _tagged(_plain_reply(_hide_reply(reply, command, redactor), redactor), verb_of(command))


def _tagged(plain: Any, verb: str) -> Any:
    """Says of a list whether the order of its items means nothing."""
    if not isinstance(plain, list):
        return plain
    if verb in _UNORDERED:
        return {"$unordered": plain}
    if verb in _IN_TURN:
        return {"$pairs": plain}
    return [plain[0], {_SCANNING[verb]: plain[1]}] if verb in _SCANNING and len(plain) == 2 else plain


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


def _hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    verb = verb_of(command)
    if isinstance(reply, BaseException):
        return reply
    is_secret = len(command) > 1 and is_secret_key(command[1], redactor)
    if verb in _READING and is_secret:
        return blank(reply, PLACEHOLDER)
    if verb in ("BLPOP", "BRPOP") and isinstance(reply, list) and is_secret_key(reply[0], redactor):
        return [reply[0], blank(reply[1], PLACEHOLDER)]
    if verb == "SSCAN" and is_secret and isinstance(reply, list):
        return [reply[0], blank(reply[1], PLACEHOLDER)]
    if verb == "MGET" and isinstance(reply, list):
        return _hide_named(reply, command[1:], lambda key: is_secret_key(key, redactor))
    if verb == "HGET" and len(command) > 2 and redactor.secret(text_of(command[2])):
        return blank(reply, PLACEHOLDER)
    if verb == "HMGET" and isinstance(reply, list):
        return _hide_named(reply, command[2:], lambda field: redactor.secret(text_of(field)))
    if verb in ("CONFIG", "CONFIG GET") and isinstance(reply, (dict, list)):
        return _hide_settings(reply, redactor)
    if verb in ("HGETALL", "HRANDFIELD"):
        return _hide_pairs(reply, redactor, every=is_secret)
    if verb == "HSCAN" and isinstance(reply, list) and len(reply) == 2:
        return [reply[0], _hide_pairs(reply[1], redactor, every=is_secret)]
    if verb in ("XRANGE", "XREVRANGE", "XREAD", "XREADGROUP", "XCLAIM", "XAUTOCLAIM"):
        return _hide_entries(reply, redactor)
    return reply


def _hide_named(values: list[Any], names: Sequence[bytes], secret: Any) -> list[Any]:
    return [blank(value, PLACEHOLDER) if secret(name) else value for value, name in zip(values, names)]


def _hide_settings(reply: Any, redactor: Redactor) -> Any:
    pairs = list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2]))
    hidden = [
        (name, blank(value, PLACEHOLDER) if _is_secret_setting(name, redactor) else value)
        for name, value in pairs
    ]
    return dict(hidden) if isinstance(reply, dict) else [part for pair in hidden for part in pair]


def _hide_pairs(pairs: Any, redactor: Redactor, *, every: bool = False) -> Any:
    if isinstance(pairs, dict) and every:
        return blank(pairs, PLACEHOLDER)
    if not isinstance(pairs, list):
        return pairs
    hidden = list(pairs)
    for place in range(0, len(hidden) - 1, 2):
        if every or (isinstance(hidden[place], bytes) and redactor.secret(text_of(hidden[place]))):
            hidden[place + 1] = blank(hidden[place + 1], PLACEHOLDER)
    return hidden


def _hide_entries(reply: Any, redactor: Redactor) -> Any:
    """Entries of streams: an id and a flat list of fields and values."""
    if isinstance(reply, dict):
        return {key: _hide_entries(value, redactor) for key, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    if reply and all(isinstance(item, bytes) for item in reply):
        return _hide_pairs(reply, redactor)
    return [_hide_entries(item, redactor) for item in reply]


def _plain_reply(reply: Any, redactor: Redactor) -> Any:
    if isinstance(reply, bytes):
        return _plain_text(_hide_json(reply, redactor))
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
        from pytest_mimic.boundaries.plain import from_plain

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

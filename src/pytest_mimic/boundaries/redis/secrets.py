"""What is secret in commands and replies of Redis, by the names of keys, of fields and inside of JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic.boundaries.redis.commands import (
    Command,
    after,
    behind,
    first_word,
    key_places,
    text_of,
    verb_of,
)
from pytest_mimic.boundaries.values import blank

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

_ARGUMENTS = slice(1, None)
#: Where the values of a key stand, in commands of which not all that follows a key may be one.
_VALUE_PLACES = {
    **dict.fromkeys("SET SETNX GETSET APPEND LPOS".split(), slice(2, 3)),
    **dict.fromkeys("SETEX PSETEX SETRANGE LSET LREM SMOVE".split(), slice(3, 4)),
    "LINSERT": slice(3, 5),
    **dict.fromkeys("HSET HMSET HSETNX".split(), slice(3, None, 2)),
    **dict.fromkeys("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO".split(), slice(3, None)),
    **dict.fromkeys("HGET HMGET HDEL HEXISTS HSTRLEN HRANDFIELD HSCAN SSCAN ZSCAN".split(), slice(0)),
    **dict.fromkeys("EXPIRE PEXPIRE EXPIREAT PEXPIREAT GETEX GETRANGE SUBSTR LCS".split(), slice(0)),
    **dict.fromkeys("LINDEX LRANGE LTRIM LPOP RPOP LMOVE BLMOVE BRPOPLPUSH BLPOP BRPOP".split(), slice(0)),
    **dict.fromkeys("SPOP SRANDMEMBER ZPOPMIN ZPOPMAX BZPOPMIN BZPOPMAX ZRANDMEMBER".split(), slice(0)),
    **dict.fromkeys("COPY MOVE OBJECT XGROUP XINFO MSET MSETNX".split(), slice(0)),
}
#: Commands of field-value pairs after a key, and of key-value pairs.
_FIELDS = frozenset({"HSET", "HMSET", "HSETNX", "HSETEX"})
_PAIRS = frozenset({"MSET", "MSETNX"})
#: Commands that tell about a key and give none of its values.
_TELLING = frozenset("TYPE OBJECT HKEYS XADD XGROUP XPENDING".split())
#: Commands that answer with one of the keys and what they took from it.
_POPPING = frozenset("BLPOP BRPOP BZPOPMIN BZPOPMAX LMPOP BLMPOP ZMPOP BZMPOP".split())
_STREAMS = frozenset("XRANGE XREVRANGE XREAD XREADGROUP XCLAIM XAUTOCLAIM XINFO".split())
_ANSWERS = frozenset({b"OK", b"QUEUED", b"NOKEY"})
_SECRET_SETTINGS = frozenset(
    {b"requirepass", b"masterauth", b"tls-key-file-pass", b"tls-client-key-file-pass"}
)
_SEPARATOR = re.compile(r"[:/.]")
#: A password's hash as the server keeps it, and a password that it draws.
_HASH = re.compile(rb"\b[0-9a-f]{64}\b")


def secret_places(command: Command, redactor: Redactor) -> set[int]:
    """Which arguments are secret: by the field's name, or the key's, that stands before."""
    verb = verb_of(command)
    size = len(command)
    if verb == "AUTH":
        return set(range(1, size))
    if size < 3:  # a key alone
        return set()
    if verb in ("HELLO", "MIGRATE"):
        return after(command, (b"AUTH", b"AUTH2"), count=2)
    if verb.startswith("ACL"):
        return {place for place, part in enumerate(command) if part[:1] in b"><#!" and place > 1 and part}
    keys = key_places(command)
    values = [place for place in range(size)[_VALUE_PLACES.get(verb, _ARGUMENTS)] if place not in keys]
    if values and _has_secret(keys, command, redactor):
        return set(values)
    if verb in _FIELDS:
        start = behind(command, b"FIELDS") + 1 if verb == "HSETEX" else 2
        return {place + 1 for place in range(start, size - 1, 2) if redactor.secret(text_of(command[place]))}
    if verb in _PAIRS:
        return {place + 1 for place in range(1, size - 1, 2) if is_secret_key(command[place], redactor)}
    if verb == "XADD":
        return {place + 1 for place in range(2, size - 1) if redactor.secret(text_of(command[place]))}
    if verb.startswith("CONFIG"):
        return {place + 1 for place in range(1, size - 1) if _is_secret_setting(command[place], redactor)}
    return set()


def _is_secret_setting(name: bytes, redactor: Redactor) -> bool:
    return redactor.secret(text_of(name)) or name.lower() in _SECRET_SETTINGS


def _has_secret(keys: Iterable[int], command: Command, redactor: Redactor) -> bool:
    return any(is_secret_key(command[place], redactor) for place in keys)


def is_secret_key(key: bytes, redactor: Redactor) -> bool:
    """Whether a part of a key, `user:1:password`, is a secret name."""
    return any(redactor.secret(part) for part in _SEPARATOR.split(text_of(key)))


def hide_json(value: bytes, redactor: Redactor) -> bytes:
    """A value that is JSON, without what stands under secret names in it."""
    try:
        return redactor.scrub_json(value.decode()).encode()
    except UnicodeError:
        return value


def hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """A reply, read without decoding, with what is secret in it replaced; texts that are JSON are left as they are."""
    verb = first_word(command)
    if reply is None or isinstance(reply, (BaseException, int, float)) or verb in _TELLING:
        return reply
    if verb == "CONFIG" and isinstance(reply, (dict, list)):
        return _hide_settings(reply, redactor)
    if verb == "ACL":
        return _hide_hashes(reply)
    if verb == "MGET" and isinstance(reply, list):
        return _hide_named(reply, command[1:], lambda key: is_secret_key(key, redactor))
    if verb in _POPPING and isinstance(reply, list):
        return [reply[0], *_hidden(reply[1:])] if is_secret_key(reply[0], redactor) else reply
    is_secret = _has_secret(key_places(command), command, redactor)
    if verb in _STREAMS:
        return _hide_entries(reply, redactor, every=is_secret)
    if verb in ("HSCAN", "SSCAN", "ZSCAN") and isinstance(reply, list) and len(reply) == 2:
        return [reply[0], _hide_items(reply[1], command, redactor, every=is_secret)]
    if verb in ("HGETALL", "HRANDFIELD"):
        return _hide_items(reply, command, redactor, every=is_secret)
    if verb == "LCS" and not isinstance(reply, bytes):  # with IDX, where the texts agree
        return reply
    if is_secret:
        return _hidden(reply)
    if verb == "HGET" and len(command) > 2 and redactor.secret(text_of(command[2])):
        return blank(reply, PLACEHOLDER)
    if verb in ("HMGET", "HGETEX", "HGETDEL") and isinstance(reply, list):
        names = command[2 if verb == "HMGET" else behind(command, b"FIELDS") + 1 :]
        return _hide_named(reply, names, lambda field: redactor.secret(text_of(field)))
    return reply


def _hide_items(reply: Any, command: Command, redactor: Redactor, *, every: bool) -> Any:
    """Members of a set, names of fields, or names with their values."""
    verb = verb_of(command)
    if not verb.startswith("H"):
        return _hidden(reply) if every else reply
    words = {part.upper() for part in command[2:]}
    is_named = b"NOVALUES" in words or (verb == "HRANDFIELD" and b"WITHVALUES" not in words)
    return reply if is_named else _hide_pairs(reply, redactor, every=every)


def _hidden(value: Any) -> Any:
    """A reply without its texts; a number that is written as a text becomes zero, as the client may read it as one."""
    if isinstance(value, (list, set, frozenset)):
        return type(value)(map(_hidden, value))
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, str):
        return PLACEHOLDER
    if not isinstance(value, bytes) or value in _ANSWERS:
        return value
    return b"0" if _is_number(value) else PLACEHOLDER.encode()


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _hide_named(values: list[Any], names: Sequence[bytes], secret: Any) -> list[Any]:
    return [blank(value, PLACEHOLDER) if secret(name) else value for value, name in zip(values, names)]


def _hide_settings(reply: Any, redactor: Redactor) -> Any:
    pairs = list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2]))
    hidden = [
        (name, blank(value, PLACEHOLDER) if _is_secret_setting(name, redactor) else value)
        for name, value in pairs
    ]
    return dict(hidden) if isinstance(reply, dict) else [part for pair in hidden for part in pair]


def _hide_hashes(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_hide_hashes(item) for item in reply]
    if isinstance(reply, dict):
        return {key: _hide_hashes(item) for key, item in reply.items()}
    return _HASH.sub(PLACEHOLDER.encode(), reply) if isinstance(reply, bytes) else reply


def _hide_pairs(pairs: Any, redactor: Redactor, *, every: bool = False) -> Any:
    if isinstance(pairs, dict) and every:
        return blank(pairs, PLACEHOLDER)
    if not isinstance(pairs, list):
        return pairs
    if pairs and all(isinstance(pair, list) for pair in pairs):
        return [_hide_pairs(pair, redactor, every=every) for pair in pairs]
    hidden = list(pairs)
    for place in range(0, len(hidden) - 1, 2):
        if every or (isinstance(hidden[place], bytes) and redactor.secret(text_of(hidden[place]))):
            hidden[place + 1] = blank(hidden[place + 1], PLACEHOLDER)
    return hidden


def _hide_entries(reply: Any, redactor: Redactor, *, every: bool) -> Any:
    """Entries of streams: an id and a flat list of fields and values."""
    if isinstance(reply, dict):
        return {key: _hide_entries(value, redactor, every=every) for key, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    if reply and all(isinstance(item, bytes) for item in reply):
        return _hide_pairs(reply, redactor, every=every)
    return [_hide_entries(item, redactor, every=every) for item in reply]

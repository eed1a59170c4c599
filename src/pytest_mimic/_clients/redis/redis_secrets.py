"""Secrets in commands and replies of Redis: by the names of keys and fields, and within JSON.

A key is secret if one of its parts is a secret name (`user:1:password`). Of a command with a secret key, all arguments
except the keys are hidden, and all texts in the reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    first_word,
    is_ordinary,
    key_places,
    place_after,
    text_of,
)
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

_HIDDEN = PLACEHOLDER.encode()
_WITH_CREDENTIALS = frozenset("AUTH HELLO MIGRATE ACL".split())
# Commands with names and values in turn: fields, and settings of the server.
_WITH_FIELDS = frozenset("HSET HMSET HSETNX HSETEX XADD CONFIG".split())
# Commands whose replies have names and values in turn, perhaps in nested lists.
_REPLY_WITH_FIELDS = frozenset(
    "HGETALL HSCAN XRANGE XREVRANGE XREAD XREADGROUP XCLAIM XAUTOCLAIM XINFO".split()
)
# Commands whose replies describe a key without its values.
_ABOUT_A_KEY = frozenset("TYPE OBJECT HKEYS XADD".split())
_STATUSES = frozenset({b"OK", b"QUEUED", b"NOKEY"})
_SECRET_SETTINGS = frozenset(
    {b"requirepass", b"masterauth", b"tls-key-file-pass", b"tls-client-key-file-pass"}
)
# A password's hash as the server stores it, and a password that the server draws.
_HASH = re.compile(rb"\b[0-9a-f]{64}\b")


def secret_places(command: Command, redactor: Redactor) -> set[int]:
    verb, size = first_word(command[0]), len(command)
    if verb in _WITH_CREDENTIALS:
        return _credential_places(command, verb)
    keys = key_places(command)
    for place in keys:
        if is_secret_key(command[place], redactor):
            return set(range(1, size)) - set(keys)
    if verb in _WITH_FIELDS:
        return {place + 1 for place in range(1, size - 1) if _is_secret_name(command[place], redactor)}
    return set()


@lru_cache(maxsize=512)
def has_no_names(word: bytes) -> bool:
    """Check whether the words of an ordinary command are secret only because of its key, by its first word."""
    return is_ordinary(word) and first_word(word) not in _WITH_CREDENTIALS | _WITH_FIELDS


def _credential_places(command: Command, verb: str) -> set[int]:
    size = len(command)
    if verb == "AUTH":
        return set(range(1, size))
    if verb == "ACL":  # `>password`, `<password`, `#hash`, `!hash`
        return {place for place, part in enumerate(command) if place > 1 and part[:1] in b"><#!" and part}
    start = min(place_after(command, b"AUTH"), place_after(command, b"AUTH2"))
    return set(range(start, size))


def is_secret_key(key: bytes, redactor: Redactor) -> bool:
    return redactor.secret_key(text_of(key))


def _is_secret_name(name: bytes, redactor: Redactor) -> bool:
    return redactor.secret(text_of(name)) or name.lower() in _SECRET_SETTINGS


def hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply, read without decoding, without its secrets, but for those within JSON.

    Numbers and booleans stay, so that `EXISTS`, `TTL` and `INCR` work for secret keys.
    """
    verb = first_word(command[0])
    if reply is None or isinstance(reply, (BaseException, int, float)) or verb in _ABOUT_A_KEY:
        return reply
    if verb == "CONFIG":
        return _hide_fields(reply, lambda name: _is_secret_name(name, redactor))
    if verb == "ACL":
        return _map_texts(reply, lambda text: _HASH.sub(_HIDDEN, text))
    if verb == "MGET" and isinstance(reply, list):
        return _hide_items(reply, [is_secret_key(key, redactor) for key in command[1:]])
    keys = [command[place] for place in key_places(command)]
    is_secret = any(is_secret_key(key, redactor) for key in keys)
    if _has_fields(command):
        return _hide_fields(reply, lambda name: is_secret or redactor.secret(text_of(name)))
    if is_secret and verb in ("SSCAN", "ZSCAN") and isinstance(reply, list):
        # With another cursor the client would stop too early, or never.
        return [reply[0], _map_texts(reply[1], _hide_text)]
    if is_secret:
        return _map_texts(reply, lambda text: text if text in keys else _hide_text(text))
    if verb in ("HGET", "HMGET", "HGETEX", "HGETDEL"):
        start = 2 if verb in ("HGET", "HMGET") else place_after(command, b"FIELDS") + 1
        secret = [redactor.secret(text_of(name)) for name in command[start:]]
        return _hide_items(reply, secret) if isinstance(reply, list) else _hide_items([reply], secret)[0]
    return reply


def _has_fields(command: Command) -> bool:
    verb = first_word(command[0])
    options = {part.upper() for part in command[2:]}
    if verb == "HRANDFIELD":
        return b"WITHVALUES" in options
    return verb in _REPLY_WITH_FIELDS and b"NOVALUES" not in options


def _hide_text(text: bytes) -> bytes:
    """Return the replacement of a secret text, which is 0 for a number because the client may parse it."""
    if text in _STATUSES:
        return text
    try:
        float(text)
    except ValueError:
        return _HIDDEN
    return b"0"


def _map_texts(value: Any, change: Callable[[bytes], bytes]) -> Any:
    """Return a reply with changed texts. The names in mappings stay."""
    if isinstance(value, bytes):
        return change(value)
    if isinstance(value, str):
        return change(value.encode()).decode()
    if isinstance(value, (list, set, frozenset)):
        return type(value)(_map_texts(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _map_texts(item, change) for key, item in value.items()}
    return value


def _hide_items(values: list[Any], secret: Sequence[bool]) -> list[Any]:
    pairs = zip(values, secret)
    return [_map_texts(value, lambda _: _HIDDEN) if hidden else value for value, hidden in pairs]


def _hide_fields(reply: Any, is_secret: Callable[[bytes], bool]) -> Any:
    """Hide the values of secret names in mappings, and in lists of names and values in turn."""
    if isinstance(reply, dict):
        return {
            name: _hide_fields(value, is_secret)
            if isinstance(value, (dict, list))
            else _hide_items([value], [isinstance(name, bytes) and is_secret(name)])[0]
            for name, value in reply.items()
        }
    if not isinstance(reply, list):
        return reply
    if any(isinstance(item, (dict, list)) for item in reply):
        return [_hide_fields(item, is_secret) for item in reply]
    # A name before each value, and nothing before the first name.
    names = [None, *reply[:-1]]
    secret = [
        place % 2 == 1 and isinstance(name, bytes) and is_secret(name) for place, name in enumerate(names)
    ]
    return _hide_items(reply, secret)

"""Replies of Redis as plain data without secrets, and as a client's connection returns them."""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    first_word,
    is_secret,
    plain_word,
    shown_places,
    text_of,
    verb_of,
    with_settings,
)
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

_HIDDEN = PLACEHOLDER.encode()
# Commands whose replies are in no order, and those with names and values in turn.
_UNORDERED = frozenset("SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS".split())
_IN_TURN = frozenset({"HGETALL", "CONFIG", "CONFIG GET"})
_SCANNING = frozenset({"SCAN", "SSCAN", "HSCAN"})
# Commands whose replies have names and values in turn, perhaps in nested lists.
_WITH_FIELDS = frozenset(
    "HGETALL HSCAN HRANDFIELD CONFIG XRANGE XREVRANGE XREAD XREADGROUP XCLAIM XAUTOCLAIM XINFO".split()
)
# Commands whose replies describe a key without its values.
_ABOUT_A_KEY = frozenset("TYPE OBJECT HKEYS XADD".split())
_STATUSES = frozenset({b"OK", b"QUEUED", b"NOKEY"})
# A password's hash as the server stores it, and a password that the server draws.
_HASH = re.compile(rb"\b[0-9a-f]{64}\b")
_is_number = re.compile(rb"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)").fullmatch


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
    # A tag says that the order means nothing when the reply is compared.
    if verb in _UNORDERED or verb in _IN_TURN:
        return _unordered(plain, in_turn=verb in _IN_TURN)
    if verb in _SCANNING and len(plain) == 2:
        return [plain[0], _unordered(plain[1], in_turn=verb == "HSCAN" and _has_fields(command))]
    return plain


def _unordered(plain: list[Any], *, in_turn: bool) -> dict[str, Any]:
    return {"$unordered": [list(pair) for pair in zip(plain[::2], plain[1::2])] if in_turn else plain}


# -- secrets


def hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply, read without decoding, without its secrets, but for those within JSON.

    Numbers and booleans stay, so that `EXISTS`, `TTL` and `INCR` work for secret keys.
    """
    verb = first_word(command[0])
    if verb in _ABOUT_A_KEY:
        return reply
    if verb == "ACL":
        return _map_texts(reply, lambda text: _HASH.sub(_HIDDEN, text))
    hides_all = is_secret(command, redactor)
    if _has_fields(command):
        names = with_settings(redactor)
        return _hide_fields(reply, lambda name: hides_all or names.secret(text_of(name)))
    if not hides_all:
        return reply
    shown = [command[place] for place in shown_places(command, redactor)]

    def hide(text: bytes) -> bytes:
        return text if text in shown else _hide_text(text)

    if verb in ("SSCAN", "ZSCAN") and isinstance(reply, list):
        # With another cursor the client would stop too early, or never.
        return [reply[0], _map_texts(reply[1], hide)]
    return _map_texts(reply, hide)


def _has_fields(command: Command) -> bool:
    verb = first_word(command[0])
    options = {part.upper() for part in command[2:]}
    return (
        verb in _WITH_FIELDS
        and b"NOVALUES" not in options
        and (verb != "HRANDFIELD" or b"WITHVALUES" in options)
    )


def _hide_text(text: bytes) -> bytes:
    """Return the replacement of a secret text, which is 0 for a number because the client may parse it."""
    return text if text in _STATUSES else b"0" if _is_number(text) else _HIDDEN


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


def _hide_fields(reply: Any, hides: Callable[[bytes], bool]) -> Any:
    """Hide the values of secret names in mappings, and in lists of names and values in turn."""

    def hidden(name: Any, value: Any) -> Any:
        if isinstance(value, (dict, list)):
            return _hide_fields(value, hides)
        is_hidden = isinstance(name, bytes) and hides(name)
        return _map_texts(value, lambda _: _HIDDEN) if is_hidden else value

    if isinstance(reply, dict):
        return {name: hidden(name, value) for name, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    is_nested = any(isinstance(item, (dict, list)) for item in reply)
    return [
        hidden(reply[place - 1] if place % 2 and not is_nested else None, item)
        for place, item in enumerate(reply)
    ]


# -- plain data


def _plain_reply(reply: Any, redactor: Redactor) -> Any:
    if isinstance(reply, bytes):
        return plain_word(reply, redactor)
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
        if isinstance(key, bytes) and redactor.secret(text_of(key)):
            item = _map_texts(item, _hide_text)
        pairs.append([_plain_reply(key, redactor), _plain_reply(item, redactor)])
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$map": pairs}


def load_reply(plain: Any, encoder: Any) -> Any:
    """Return a result of `store_reply` as the client's parser would. Errors are returned, not raised.

    `encoder` decodes bytes, as the client was asked to; None leaves them as they are.
    """

    def decoded(value: bytes) -> Any:
        return value if encoder is None else encoder.decode(value)

    if isinstance(plain, str):
        return decoded(plain.encode())
    if isinstance(plain, list):
        return [load_reply(item, encoder) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {decoded(key.encode()): load_reply(item, encoder) for key, item in plain.items()}
    value = plain[tag]
    if tag == "$unordered":
        words = [word for item in value for word in (item if isinstance(item, list) else [item])]
        return load_reply(words, encoder)
    if tag == "$map":
        return {load_reply(key, encoder): load_reply(item, encoder) for key, item in value}
    if tag == "$set":
        return set(load_reply(value, encoder))
    if tag == "$base64":
        return decoded(b64decode(value))
    if tag not in ("$error", "$text", "$float"):
        raise CorruptRecordingError(
            f"a recording of redis has a value tagged {tag!r}, which is not known here"
        )
    return load_error(value) if tag == "$error" else float(value) if tag == "$float" else value


def comparable_reply(plain: Any) -> Any:
    """Return a stored reply for comparing, with sets and mappings where the order means nothing.

    `plain` is a result of `store_reply`, or lists and mappings of results.
    """
    if isinstance(plain, list):
        return [comparable_reply(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if tag not in ("$unordered", "$set"):
        return {key: comparable_reply(item) for key, item in plain.items()}
    items = sorted(plain[tag], key=repr)
    if items and all(isinstance(item, list) for item in items):
        return {name if isinstance(name, str) else repr(name): value for name, value in items}
    is_set = all(isinstance(item, str) for item in items) and len(set(items)) == len(items)
    return set(items) if is_set else items


# -- errors


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

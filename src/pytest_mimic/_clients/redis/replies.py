"""Replies of Redis as plain data without secrets, and as a client's connection returns them."""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    first_word,
    is_secret,
    plain_word,
    text_of,
    with_settings,
)
from pytest_mimic.client import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic.client import Redactor

_SCANNING = frozenset("SCAN SSCAN HSCAN ZSCAN".split())
# Commands whose replies are in no order.
_UNORDERED = frozenset(
    "SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS HGETALL CONFIG SCAN SSCAN HSCAN".split()
)
# Commands whose replies have names and values in turn, perhaps in nested lists.
_WITH_FIELDS = frozenset(
    "HGETALL HSCAN CONFIG XRANGE XREVRANGE XREAD XREADGROUP XCLAIM XAUTOCLAIM XINFO".split()
)
# Commands whose replies describe a key without its values.
_ABOUT_A_KEY = frozenset("TYPE OBJECT HKEYS XADD".split())
_STATUSES = frozenset({b"OK", b"QUEUED", b"NOKEY"})
_is_number = re.compile(rb"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)").fullmatch


def store_reply(
    reply: Any, command: Command, redactor: Redactor, *, queued: Sequence[Command] = ()
) -> Any:
    """Return a reply, read without decoding, as plain data without secrets.

    `queued` are the commands of a transaction, all of which `EXEC` answers.
    """
    verb = first_word(command[0])
    if queued and verb == "EXEC" and isinstance(reply, list):
        return [store_reply(each, of, redactor) for each, of in zip(reply, queued)]
    if verb in _SCANNING and isinstance(reply, list) and len(reply) == 2:
        # With another cursor the client would stop too early, or never.
        return [
            _plain_reply(reply[0], redactor),
            _store_reply(reply[1], command, redactor),
        ]
    return _store_reply(reply, command, redactor)


def _store_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    plain = _plain_reply(hide_reply(reply, command, redactor), redactor)
    if not isinstance(plain, list) or first_word(command[0]) not in _UNORDERED:
        return plain
    # The tag says that the order means nothing when the reply is compared.
    pairs = [list(pair) for pair in zip(plain[::2], plain[1::2])]
    return {"$unordered": pairs if _has_fields(command) else plain}


# -- secrets


def hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply, read without decoding, without its secrets, but for those within JSON.

    Numbers and booleans stay, so that `EXISTS`, `TTL` and `INCR` work for secret keys.
    """
    verb = first_word(command[0])
    if verb in _ABOUT_A_KEY or (
        verb == "ACL" and command[1:2] in ([b"CAT"], [b"DRYRUN"])
    ):
        return reply
    hides_all, in_turn = (
        verb == "ACL" or is_secret(command, redactor),
        _has_fields(command),
    )
    if hides_all and not in_turn:
        return _map_texts(reply, partial(_hide_text, redactor=redactor))
    names = with_settings(redactor)
    return _hide_fields(
        reply,
        lambda name: hides_all or names.secret(text_of(name)),
        partial(_hide_field, redactor=redactor),
        in_turn=in_turn,
    )


def _has_fields(command: Command) -> bool:
    """Check whether the reply to a command has names and values in turn."""
    verb, options = first_word(command[0]), {part.upper() for part in command[2:]}
    if verb == "HRANDFIELD":
        return b"WITHVALUES" in options
    return verb in _WITH_FIELDS and b"NOVALUES" not in options


def _hide_text(text: bytes, redactor: Redactor) -> bytes:
    """Return the replacement of a secret text, which is a number for a number because the client may parse it."""
    if text in _STATUSES:
        return text
    if not _is_number(text):
        return _hide_field(text, redactor)
    value = int(text) if text.isdigit() else float(text)
    return str(redactor.number_for(value, "") or 0).encode()


def _hide_field(text: bytes, redactor: Redactor) -> bytes:
    return redactor.stand_in(text_of(text)).encode()


def _map_texts(value: Any, change: Callable[[bytes], bytes]) -> Any:
    """Return a reply with changed texts. The names in mappings stay."""
    if isinstance(value, bytes):
        return change(value)
    if isinstance(value, (list, set, frozenset)):
        return type(value)(_map_texts(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _map_texts(item, change) for key, item in value.items()}
    return value


def _hide_fields(
    reply: Any,
    hides: Callable[[bytes], bool],
    hide: Callable[[bytes], bytes],
    *,
    in_turn: bool,
) -> Any:
    """Hide the values of secret names in mappings, and in lists of names and values in turn."""

    def hidden(name: Any, value: Any) -> Any:
        if isinstance(name, bytes) and hides(name):
            return _map_texts(value, hide)
        return _hide_fields(value, hides, hide, in_turn=in_turn)

    if isinstance(reply, dict):
        return {name: hidden(name, value) for name, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    is_flat = in_turn and not any(isinstance(item, (dict, list)) for item in reply)
    return [
        hidden(reply[place - 1] if place % 2 and is_flat else None, item)
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
        return (
            {"$set": sorted(items, key=repr)}
            if isinstance(reply, (set, frozenset))
            else items
        )
    pairs = [[_plain_reply(part, redactor) for part in pair] for pair in reply.items()]
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$map": pairs}


def load_reply(plain: Any, encoder: Any) -> Any:
    """Return a result of `store_reply` as the client's parser would.

    Errors are returned, not raised.

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
        return {
            decoded(key.encode()): load_reply(item, encoder)
            for key, item in plain.items()
        }
    value = plain[tag]
    if tag == "$unordered":
        words = [
            word
            for item in value
            for word in (item if isinstance(item, list) else [item])
        ]
        return load_reply(words, encoder)
    if tag == "$map":
        return {
            load_reply(key, encoder): load_reply(item, encoder) for key, item in value
        }
    if tag == "$set":
        return set(load_reply(value, encoder))
    if tag == "$base64":
        return decoded(b64decode(value))
    if tag not in ("$error", "$text", "$float"):
        raise CorruptRecordingError(
            f"a recording of redis has a value tagged {tag!r}, which is not known here"
        )
    return (
        load_error(value)
        if tag == "$error"
        else float(value)
        if tag == "$float"
        else value
    )


def comparable_reply(plain: Any) -> Any:
    """Return a stored reply for comparing, sorted or as a mapping where the order means nothing.

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
        return {
            name if isinstance(name, str) else repr(name): value
            for name, value in items
        }
    return items


# -- errors


def store_error(error: BaseException) -> list[str]:
    """Return an error of the client as plain data: the name of its class in `redis.exceptions`, and its texts."""
    # Some errors have a class below those in `redis.exceptions`.
    names = (
        cls.__name__
        for cls in type(error).__mro__
        if hasattr(redis_errors(), cls.__name__)
    )
    return [next(names, "ResponseError"), *(str(part) for part in error.args)]


def load_error(stored: Sequence[str]) -> Exception:
    name, *args = stored
    kind = getattr(redis_errors(), name, redis_errors().ResponseError)
    return kind(*args)  # type: ignore[no-any-return]


def redis_errors() -> Any:
    from redis import exceptions

    return exceptions

"""Replies of Redis as plain data, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain
from typing import Any

from pytest_mimic.client import Plain, bytes_of, text_or_base64
from pytest_mimic.clients.redis.commands import mapping_of

# Their replies hold names and values in turn, at any depth.
_WITH_FIELDS = frozenset(
    """
    ACL CONFIG HGETALL HRANDFIELD HSCAN XAUTOCLAIM XCLAIM XINFO XRANGE XREAD XREADGROUP
    XREVRANGE
    """.split()
)
# The order in which they give items is the server's own.
_UNORDERED = frozenset("KEYS SCAN SDIFF SINTER SMEMBERS SSCAN SUNION".split())

_FIELDS = "$redis:fields"
"""Tags a list of names and values in turn, as a mapping."""


def read(
    found: list[Any] | None, asked: list[Plain], error: Exception | None = None
) -> Plain:
    """Return an answer as plain data.

    It is `{"reply": 2}`, or `{"raised": {}}` if the server answers with an error; of a
    pipeline `{"replies": [1, 2]}`, of a transaction that was done `{"results": []}`.

    Args:
        found: The replies as the parser of the client gives them, not decoded. None:
            the commands were not sent.
        asked: The commands.
        error: What ended the answer.
    """
    if error is not None:
        ended: Plain = {"error": _ending_error(error)}
        if found is not None:
            ended["replies"] = _read_each(found, asked)
        return ended
    assert found is not None
    if len(asked) == 1:
        [reply] = found
        if isinstance(reply, Exception):
            return {"raised": _error_of(reply)}
        return {"reply": _read_each(found, asked)[0]}
    results = found[-1] if asked[0]["command"] == "MULTI" else None
    if isinstance(results, list) and found[:-1] == _acknowledgements(results):
        return {"results": _read_each(results, asked[1:-1])}
    return {"replies": _read_each(found, asked)}


def _acknowledgements(results: list[Any]) -> list[bytes]:
    """Return the replies of a transaction before its results."""
    return [b"OK", *[b"QUEUED"] * len(results)]


def _read_each(found: list[Any], asked: list[Plain]) -> list[Any]:
    pairs = zip(found, asked, strict=False)
    return [_plain(reply, _order_of(command)) for reply, command in pairs]


def _order_of(command: Plain) -> str:
    """Return in which order a reply has its items, if it is a special one."""
    name, words = command["command"], command["arguments"].get("words", ())
    if name in _UNORDERED:
        return "any"
    has_names_alone = "NOVALUES" in words or (
        name == "HRANDFIELD" and "WITHVALUES" not in words
    )
    return "fields" if name in _WITH_FIELDS and not has_names_alone else ""


def _plain(reply: Any, order: str) -> Any:
    """Return a reply as plain data, or an item of one with an order of items."""
    if isinstance(reply, bytes):
        return text_or_base64(reply)
    if isinstance(reply, str):
        return {"$str": reply}
    if isinstance(reply, float) and not math.isfinite(reply):
        return {"$float": repr(reply)}
    if isinstance(reply, BaseException):
        return {"$error": _error_of(reply)}
    if isinstance(reply, (set, frozenset)):
        return {"$set": sorted((_plain(item, order) for item in reply), key=str)}
    if isinstance(reply, dict):
        parts = [_plain(part, order) for part in chain.from_iterable(reply.items())]
        mapping = mapping_of(parts)
        pairs = zip(parts[::2], parts[1::2])
        return {"$map": [*map(list, pairs)]} if mapping is None else mapping
    if isinstance(reply, (list, tuple)):
        return _in_order([_plain(item, order) for item in reply], order)
    return reply


def _in_order(items: list[Any], order: str) -> Any:
    fields = mapping_of(items) if order == "fields" and items else None
    if fields is not None:
        return {_FIELDS: fields}
    if order == "any" and all(isinstance(item, (str, dict)) for item in items):
        return sorted(items, key=str)
    return items


def _ending_error(error: Exception) -> Plain:
    """Return what is kept of an error, with the kind of an error of the network."""
    from redis import exceptions  # The client has raised it.

    plain = _error_of(error)
    if isinstance(error, exceptions.TimeoutError):
        plain["kind"] = "timeout"
    elif isinstance(error, exceptions.ConnectionError):
        plain["kind"] = "no connection"
    return plain


def _error_of(error: BaseException) -> Plain:
    classes = type(error).__mro__
    known = (one for one in classes if one.__module__ == "redis.exceptions")
    return {"class": next(known).__name__, "text": str(error)}


# -- back


def build_all(answer: Plain) -> Any:
    """Return the replies of an answer, and behind them its error, if any.

    It is the error alone if the commands were not sent.

    Raises:
        ValueError: It holds what is no reply.
    """
    if "reply" in answer:
        return [build(answer["reply"])]
    if "raised" in answer:
        return [_exception(answer["raised"])]
    if "results" in answer:
        results = build(answer["results"])
        return [*_acknowledgements(results), results]
    replies = [build(reply) for reply in answer.get("replies", ())]
    if "error" in answer:
        error = _exception(answer["error"])
        return [*replies, error] if "replies" in answer else error
    return replies


def build(plain: Any) -> Any:
    """Return a recorded reply as the parser of the client gives it, not decoded.

    Raises:
        ValueError: It is none.
    """
    if isinstance(plain, str):
        return plain.encode()
    if isinstance(plain, list):
        return [build(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {name.encode(): build(value) for name, value in plain.items()}
    if tag not in _TAGGED or len(plain) > 1:
        raise ValueError(f"a value tagged '{tag}' is not a reply")
    return _TAGGED[tag](plain[tag])


def _exception(error: dict[str, str]) -> Exception:
    """Return the exception of a recorded error, of the client's class."""
    from redis import exceptions  # Without the client nothing is given.

    made: Exception = getattr(exceptions, error["class"])(error["text"])
    return made


_TAGGED: dict[str, Callable[[Any], Any]] = {
    "$base64": lambda text: bytes_of({"$base64": text}),
    "$str": str,
    "$float": float,
    "$error": _exception,
    "$set": lambda items: set(map(build, items)),
    "$map": lambda pairs: {build(key): build(value) for key, value in pairs},
    _FIELDS: lambda fields: [*map(build, chain.from_iterable(fields.items()))],
}
"""What makes a reply, or a part of it, of what stands below a tag."""


def decoded(reply: Any, decode: Callable[[bytes], Any]) -> Any:
    """Return a reply with its texts decoded."""
    if isinstance(reply, bytes):
        return decode(reply)
    if isinstance(reply, (list, set)):
        return type(reply)(decoded(item, decode) for item in reply)
    if isinstance(reply, dict):
        pairs = reply.items()
        return {decoded(key, decode): decoded(value, decode) for key, value in pairs}
    return reply

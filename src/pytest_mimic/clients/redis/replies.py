"""Replies of Redis as plain data, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.binary import bytes_of, text_or_base64
from pytest_mimic.clients.redis import commands
from pytest_mimic.secrets.placeholders import is_placeholder

# Their replies hold names and values in turn, at any depth.
_WITH_FIELDS = frozenset(
    """
    ACL CONFIG HGETALL HRANDFIELD HSCAN XAUTOCLAIM XCLAIM XINFO XRANGE XREAD XREADGROUP
    XREVRANGE
    """.split()
)
# The order in which they give items is the server's own.
_UNORDERED = frozenset("KEYS SCAN SDIFF SINTER SMEMBERS SSCAN SUNION".split())
_SCANS = frozenset("SCAN SSCAN ZSCAN".split())
_PLAIN_WORDS = frozenset({"OK", "QUEUED"})

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
    if found is None:
        assert error is not None
        return {"error": _kept_error(error)}
    if error is not None:
        return {"replies": _read_each(found, asked), "error": _kept_error(error)}
    if len(asked) == 1:
        [reply] = found
        if isinstance(reply, Exception):
            return {"raised": _error_of(reply)}
        return {"reply": _read_each(found, asked)[0]}
    results = found[-1] if asked[0]["command"] == "MULTI" else None
    if isinstance(results, list) and found[:-1] == _before(results):
        return {"results": _read_each(results, asked[1:-1])}
    return {"replies": _read_each(found, asked)}


def _before(results: list[Any]) -> list[bytes]:
    """Return the replies of a transaction before its results."""
    return [b"OK", *[b"QUEUED"] * len(results)]


def _read_each(found: list[Any], asked: list[Plain]) -> list[Any]:
    pairs = zip(found, asked, strict=False)
    return [_Reader(command).plain(reply) for reply, command in pairs]


class _Reader:
    def __init__(self, command: Plain) -> None:
        name, words = command["command"], command["arguments"].get("words", ())
        self._is_unordered = name in _UNORDERED
        has_names_alone = "NOVALUES" in words or (
            name == "HRANDFIELD" and "WITHVALUES" not in words
        )
        self._has_fields = name in _WITH_FIELDS and not has_names_alone

    def plain(self, reply: Any) -> Any:
        if isinstance(reply, bytes):
            return text_or_base64(reply)
        if isinstance(reply, str):
            return {"$str": reply}
        if isinstance(reply, float) and not math.isfinite(reply):
            return {"$float": repr(reply)}
        if isinstance(reply, BaseException):
            return {"$error": _error_of(reply)}
        if isinstance(reply, (set, frozenset)):
            return {"$set": sorted(map(self.plain, reply), key=str)}
        if isinstance(reply, dict):
            return self._mapping(reply)
        if isinstance(reply, (list, tuple)):
            return self._list([self.plain(item) for item in reply])
        return reply

    def _mapping(self, reply: dict[Any, Any]) -> Plain:
        pairs = [[self.plain(key), self.plain(value)] for key, value in reply.items()]
        mapping = commands.mapping_of([part for pair in pairs for part in pair])
        return {"$map": pairs} if mapping is None else mapping

    def _list(self, items: list[Any]) -> Any:
        if self._has_fields:
            fields = commands.mapping_of(items) if items else None
            return items if fields is None else {_FIELDS: fields}
        if self._is_unordered and all(isinstance(item, (str, dict)) for item in items):
            return sorted(items, key=str)
        return items


def _kept_error(error: Exception) -> Plain:
    """Return what is kept of an error, with its kind if it is one of the network."""
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


def give_all(answer: Plain) -> Any:
    """Return the replies of an answer, and its error behind them if it has one.

    It is the error alone if the commands were not sent.

    Raises:
        ValueError: It holds what is no reply.
    """
    if "reply" in answer:
        return [give(answer["reply"])]
    if "raised" in answer:
        return [_exception(answer["raised"])]
    if "results" in answer:
        results = give(answer["results"])
        return [*_before(results), results]
    if "replies" not in answer:
        return _exception(answer["error"]) if "error" in answer else []
    given = [give(reply) for reply in answer["replies"]]
    return [*given, _exception(answer["error"])] if "error" in answer else given


def give(plain: Any) -> Any:
    """Return a recorded reply as the parser of the client gives it, not decoded.

    Raises:
        ValueError: It is none.
    """
    if isinstance(plain, str):
        return plain.encode()
    if isinstance(plain, list):
        return [give(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag, content = next(iter(plain.items()), ("", None))
    if not tag.startswith("$"):
        return {name.encode(): give(value) for name, value in plain.items()}
    if tag not in _BY_TAG or len(plain) != 1:
        raise ValueError(f"a value tagged '{tag}' is no reply")
    return _BY_TAG[tag](content)


def _base64(content: str) -> bytes:
    return bytes_of({"$base64": content})


def _fields(content: dict[str, Any]) -> list[Any]:
    pairs = [[name.encode(), give(value)] for name, value in content.items()]
    return [part for pair in pairs for part in pair]


def _map(content: list[list[Any]]) -> dict[Any, Any]:
    return {give(key): give(value) for key, value in content}


def _set(content: list[Any]) -> set[Any]:
    return {give(item) for item in content}


def _exception(error: dict[str, str]) -> Exception:
    """Return the exception of a recorded error, of the client's class."""
    from redis import exceptions  # Without the client nothing is given.

    made: Exception = getattr(exceptions, error["class"])(error["text"])
    return made


_BY_TAG: dict[str, Callable[[Any], Any]] = {
    "$base64": _base64,
    "$error": _exception,
    _FIELDS: _fields,
    "$float": float,
    "$map": _map,
    "$set": _set,
    "$str": str,
}


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


# -- secrets


def hide(
    redactor: Redactor, plain: Any, stand_in: StandIn, command: Plain, path: str
) -> Any:
    """Return a reply without its secrets.

    Args:
        redactor: Knows the secret names.
        plain: The reply.
        stand_in: Gives what stands in place of a secret.
        command: What it answers, as it is stored.
        path: The place of the reply in the answer.
    """
    hidden = redactor.hide(plain, stand_in, path)
    hider = _Hider(redactor, stand_in, command)
    if command["command"] in _SCANS and isinstance(hidden, list):
        # With another cursor, the client would stop too early.
        return [*hidden[:1], *hider.hidden(hidden[1:], path)]
    return hider.hidden(hidden, path)


class _Hider:
    """Hides the texts that are secret by a name in the command."""

    def __init__(self, redactor: Redactor, stand_in: StandIn, command: Plain) -> None:
        self._redactor = redactor
        self._stand_in = stand_in
        self._is_config = command["command"] == "CONFIG"
        self._is_script = "script" in command["arguments"]
        self._names = commands.names_in(redactor, command)

    def hidden(self, plain: Any, path: str, name: Any = None) -> Any:
        """Return a part of a reply without its secrets.

        Args:
            plain: The part.
            path: Its place.
            name: What stands before it.
        """
        if isinstance(plain, str):
            return self._stand_in(plain, path) if self._hides(plain, name) else plain
        if isinstance(plain, list):
            return self._items(plain, path)
        if not isinstance(plain, dict) or "$error" in plain or "$float" in plain:
            return plain
        if "$base64" in plain:
            data = plain["$base64"]
            return self._stand_in(data, path) if self._hides(data, name) else plain
        return {
            key: self.hidden(value, f"{path}.{key}", key)
            for key, value in plain.items()
        }

    def _items(self, plain: list[Any], path: str) -> list[Any]:
        items = []
        for index, item in enumerate(plain):
            # A script gives names and values in turn, or what it likes.
            name = plain[index - 1] if self._is_script and index % 2 else None
            hidden = self.hidden(item, f"{path}[{index}]", name)
            # The client reads scores from texts.
            is_score = hidden != item and isinstance(item, str) and _is_number(item)
            items.append("0" if is_score else hidden)
        return items

    def _hides(self, text: str, name: Any) -> bool:
        if not text or text in _PLAIN_WORDS or is_placeholder(text):
            return False
        if self._redactor.names.hides(name, text):
            return True
        if self._is_config and name is not None and ("pass" in name or "auth" in name):
            # `requirepass`, `masterauth` and such.
            return True
        return commands.name_that_hides(self._redactor, self._names, text) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

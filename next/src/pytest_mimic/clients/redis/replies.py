"""Replies of Redis as plain data, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.binary import bytes_of, text_or_base64
from pytest_mimic.clients.redis import commands

# Their replies hold names and values in turn, at any depth.
_WITH_FIELDS = frozenset(
    """
    ACL CONFIG EVAL EVALSHA FCALL HGETALL HRANDFIELD HSCAN XAUTOCLAIM XCLAIM XINFO
    XRANGE XREAD XREADGROUP XREVRANGE
    """.split()
)
# The order in which they give items is the server's own.
_UNORDERED = frozenset(
    """
    HKEYS HVALS KEYS SCAN SDIFF SINTER SMEMBERS SSCAN SUNION
    """.split()
)
_SCANS = frozenset({"HSCAN", "SCAN", "SSCAN", "ZSCAN"})
_PLAIN_WORDS = frozenset({"OK", "QUEUED"})


def read(
    replies: list[Any] | None, asked: list[Plain], error: Exception | None = None
) -> Plain:
    """Return an answer as plain data.

    It is `{"reply": 2}`, or `{"raised": {}}` if the server answers with an error; of a
    pipeline `{"replies": [1, 2]}`, of a transaction that was done `{"results": []}`.

    Args:
        replies: As the parser of the client gives them, not decoded. None: the commands
            were not sent.
        asked: The commands.
        error: What ended the answer.
    """
    if error is not None:
        plain_error = {"error": _kept_error(error)}
        if replies is None:
            return plain_error
        return {"replies": _read_each(replies, asked), **plain_error}
    assert replies is not None
    results = replies[-1] if asked[0]["command"] == "MULTI" and replies else None
    if isinstance(results, list) and len(results) == len(asked) - 2:
        answer: Plain = {"results": _read_each(results, asked[1:-1])}
        if replies[:-1] != _before(results):
            answer["replies"] = _read_each(replies[:-1], asked)
        return answer
    if len(asked) > 1:
        return {"replies": _read_each(replies, asked)}
    if isinstance(replies[0], Exception):
        return {"raised": _error_of(replies[0])}
    return {"reply": _read_each(replies, asked)[0]}


def _before(results: list[Any]) -> list[bytes]:
    """Return the replies of a transaction before its results."""
    return [b"OK", *[b"QUEUED"] * len(results)]


def _read_each(replies: list[Any], asked: list[Plain]) -> list[Any]:
    pairs = zip(replies, asked, strict=False)
    return [_Reader(command).plain(reply) for reply, command in pairs]


class _Reader:
    def __init__(self, command: Plain) -> None:
        name, words = command["command"], command["arguments"].get("words", ())
        self._is_scan = name in _SCANS
        self._is_unordered = name in _UNORDERED
        has_names_alone = "NOVALUES" in words or (
            name == "HRANDFIELD" and "WITHVALUES" not in words
        )
        self._has_fields = name in _WITH_FIELDS and not has_names_alone

    def plain(self, reply: Any) -> Any:
        if isinstance(reply, bytes):
            return text_or_base64(reply)
        if isinstance(reply, str):
            return {"$str": str(reply)}
        if isinstance(reply, float) and not math.isfinite(reply):
            return {"$float": repr(reply)}
        if isinstance(reply, BaseException):
            return {"$error": _error_of(reply)}
        if isinstance(reply, (set, frozenset)):
            return {"$set": sorted(map(self.plain, reply), key=str)}
        if isinstance(reply, dict):
            return self._mapping(reply)
        if isinstance(reply, (list, tuple)):
            return self._list(list(reply))
        return reply

    def _mapping(self, reply: dict[Any, Any]) -> Plain:
        pairs = [[self.plain(key), self.plain(value)] for key, value in reply.items()]
        mapping = commands.mapping_of([part for pair in pairs for part in pair])
        return {"$map": pairs} if mapping is None else mapping

    def _list(self, reply: list[Any]) -> Any:
        items = [self.plain(item) for item in reply]
        is_page = self._is_scan and len(items) == 2 and isinstance(reply[1], list)
        if self._has_fields:
            fields = commands.mapping_of(items) if items else None
            return items if fields is None else {"$fields": fields}
        is_whole = all(isinstance(item, (str, dict)) for item in items)
        if self._is_unordered and is_whole and not is_page:
            return {"$unordered": items}
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
    return {"class": type(error).__name__, "text": str(error)}


# -- back


def give_all(answer: Plain) -> list[Any]:
    """Return the replies of a recorded answer; see `give`.

    Raises:
        ValueError: It holds what is no reply.
    """
    if "reply" in answer:
        return [give(answer["reply"])]
    if "raised" in answer:
        return [exception_of(answer["raised"])]
    if "results" not in answer:
        return [give(reply) for reply in answer.get("replies", ())]
    results = give(answer["results"])
    before = give(answer["replies"]) if "replies" in answer else _before(results)
    return [*before, results]


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
    if "$base64" in plain:
        return bytes_of(plain)
    tag, content = next(iter(plain.items()), ("", None))
    if not tag.startswith("$"):
        return {name.encode(): give(value) for name, value in plain.items()}
    if tag not in _BY_TAG or len(plain) != 1:
        raise ValueError(f"a value tagged '{tag}' is no reply")
    return _BY_TAG[tag](content)


def _fields(content: dict[str, Any]) -> list[Any]:
    pairs = [[name.encode(), give(value)] for name, value in content.items()]
    return [part for pair in pairs for part in pair]


def _map(content: list[list[Any]]) -> dict[Any, Any]:
    return {give(key): give(value) for key, value in content}


def _set(content: list[Any]) -> set[Any]:
    return {give(item) for item in content}


def exception_of(error: dict[str, str]) -> Exception:
    """Return the exception of a recorded error, of the client's class."""
    from redis import exceptions  # Without the client nothing is given.

    class_: Any = getattr(exceptions, error["class"], None)
    if not (isinstance(class_, type) and issubclass(class_, exceptions.RedisError)):
        class_ = exceptions.ResponseError
    made: Exception = class_(error["text"])
    return made


_BY_TAG: dict[str, Callable[[Any], Any]] = {
    "$error": exception_of,
    "$fields": _fields,
    "$float": float,
    "$map": _map,
    "$set": _set,
    "$str": str,
    "$unordered": give,
}


def decoded(reply: Any, decode: Callable[[bytes], Any]) -> Any:
    """Return a reply with its texts decoded."""
    if isinstance(reply, bytes):
        return decode(reply)
    if isinstance(reply, list):
        return [decoded(item, decode) for item in reply]
    if isinstance(reply, set):
        return {decoded(item, decode) for item in reply}
    if isinstance(reply, dict):
        return {
            decoded(key, decode): decoded(value, decode) for key, value in reply.items()
        }
    return reply


# -- what verifying compares


def comparable(plain: Any) -> Any:
    """Return a reply without the order that its server has chosen."""
    if isinstance(plain, list):
        return [comparable(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if "$unordered" in plain:
        return sorted(map(comparable, plain["$unordered"]), key=str)
    if "$fields" in plain:
        return comparable(plain["$fields"])
    return {name: comparable(value) for name, value in plain.items()}


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
    if command["command"] == "CONFIG":
        plain = _without_passwords(plain, stand_in, path)
    hider = _Hider(redactor, stand_in, command)
    return hider.reply(redactor.hide(plain, stand_in, path), path)


class _Hider:
    """Hides the texts that are secret by a name in the command."""

    def __init__(self, redactor: Redactor, stand_in: StandIn, command: Plain) -> None:
        self._redactor = redactor
        self._stand_in = stand_in
        self._is_scan = command["command"] in _SCANS
        self._is_script = "script" in command["arguments"]
        self._is_secret = commands.is_secret(command)
        self._names = commands.names_in(command)

    def reply(self, plain: Any, path: str) -> Any:
        """Return a whole reply with what stands for each secret text in it."""
        if self._is_scan and isinstance(plain, list):
            # With another cursor, the client would stop too early.
            return [*plain[:1], *self.hidden(plain[1:], path)]
        return self.hidden(plain, path)

    def hidden(self, plain: Any, path: str) -> Any:
        """Return a part of a reply without its secrets."""
        if isinstance(plain, str):
            return self._text(plain, path)
        if isinstance(plain, list):
            return [self._item(item, f"{path}[{n}]") for n, item in enumerate(plain)]
        if not isinstance(plain, dict) or "$error" in plain or "$float" in plain:
            return plain
        if "$base64" in plain:
            hidden = self._text(plain["$base64"], path)
            return plain if hidden == plain["$base64"] else hidden
        if self._is_script and "$fields" in plain:
            # What a script gives in turn need be no names.
            items = [part for pair in plain["$fields"].items() for part in pair]
            without = self.hidden(items, path)
            return plain if without == items else without
        return {
            name: self.hidden(value, f"{path}.{name}") for name, value in plain.items()
        }

    def _item(self, item: Any, path: str) -> Any:
        hidden = self.hidden(item, path)
        # The client reads scores from texts.
        is_score = isinstance(item, str) and hidden != item and _is_number(item)
        return "0" if is_score else hidden

    def _text(self, text: str, path: str) -> str:
        if text in _PLAIN_WORDS or not text:
            return text
        by_name = commands.name_that_hides(self._redactor, self._names, text)
        if by_name is None and not self._is_secret:
            return text
        return self._stand_in(text, path)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _without_passwords(plain: Any, stand_in: StandIn, path: str) -> Any:
    """Return settings of the server without `requirepass`, `masterauth` and such."""
    fields = plain.get("$fields", plain) if isinstance(plain, dict) else {}
    hidden = {
        name: stand_in(value, f"{path}.{name}")
        for name, value in fields.items()
        if isinstance(value, str) and value and ("pass" in name or "auth" in name)
    }
    if not hidden:
        return plain
    settings = {**fields, **hidden}
    return {"$fields": settings} if "$fields" in plain else settings

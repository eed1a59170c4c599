"""HAR files (HTTP Archive 1.2), as browsers, mitmproxy and Playwright write them.

The format is that of http://www.softwareishard.com/blog/har-12-spec/, with the fields that Chromium adds (`_error`,
`_resourceType`) and those of Playwright (`_file`).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._clients.http.message import charset_of, header_of, inflate, media_type
from pytest_mimic._tools.foreign.foreign_exchanges import (
    EntryError,
    ForeignExchange,
    ForeignFile,
    Refusal,
    UnreadableError,
    usual_reason,
)

_FORM = "application/x-www-form-urlencoded"
# Statuses whose responses have no body.
_BODILESS = (204, 205, 304)
# Headers that only a body has.
_OF_A_BODY = ("content-encoding", "transfer-encoding")
# `net::ERR_CONNECTION_REFUSED`. A longer text may hold a URL.
_ERROR = re.compile(r"[\w:.-]{1,60}")
_NO_BODY = "the body of its {} is not in the file"


class _NotSentError(EntryError):
    """An entry that a client in Python would not have: it leaves no gap in the answers to its request."""


def read_har(path: Path) -> ForeignFile:
    """Read a HAR file. UnreadableError: it is not a HAR file. OSError: it cannot be read."""
    try:
        archive = json.loads(path.read_bytes().decode("utf-8-sig"))
        entries = archive["log"]["entries"]
    except (ValueError, RecursionError):
        raise UnreadableError("is not JSON") from None
    except (LookupError, TypeError):
        raise UnreadableError("is not a HAR file: it has no log with entries") from None
    if not isinstance(entries, list):
        raise UnreadableError("is not a HAR file: its entries are not a list")
    exchanges, refusals, gaps = [], [], {}
    for number, entry in enumerate(entries, 1):
        try:
            exchanges.append(_exchange(number, entry, path.parent))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            is_known = isinstance(error, EntryError)
            reason = str(error) if is_known else "it is not a request with its response"
            refusals.append(Refusal(number, reason, *_named(entry)))
            if not isinstance(error, _NotSentError):
                gaps[_call(*_named(entry))] = number
    # The n-th identical call gets the n-th answer, so none of them may be missing.
    for one in list(exchanges):
        method, url = one.request.method, one.request.url
        if (gap := gaps.get(_call(method, url))) is not None:
            exchanges.remove(one)
            refusals.append(
                Refusal(one.number, f"another answer to this request is missing: entry {gap}", method, url)
            )
    moments = [_moment(entries[one.number - 1]) for one in exchanges]
    if None not in moments:  # the order of entries is free
        exchanges = [exchanges[index] for index in sorted(range(len(exchanges)), key=lambda i: moments[i])]  # type: ignore[arg-type,return-value]
    return ForeignFile(exchanges, refusals, is_talk=True)


def _named(entry: object) -> tuple[str, str]:
    """Return the method and the URL of an entry, empty if they are missing."""
    request = entry.get("request") if isinstance(entry, dict) else None
    found = [request.get(name) if isinstance(request, dict) else None for name in ("method", "url")]
    method, url = (value if isinstance(value, str) else "" for value in found)
    return method, url


def _call(method: str, url: str) -> tuple[str, ...]:
    """Return what equal calls have in common, whatever the order of their queries."""
    base, _, query = url.partition("#")[0].partition("?")
    return method.upper(), base, *sorted(query.split("&"))


def _exchange(number: int, entry: Any, folder: Path) -> ForeignExchange:
    request, response = entry["request"], entry["response"]
    method, url = request["method"], request["url"]
    if not isinstance(method, str) or not isinstance(url, str):
        raise TypeError
    _check_transport(entry, url)
    status = response.get("status")
    if type(status) is not int or not 100 <= status <= 999:
        raise _NotSentError(f"it has no response{_network_error(entry)}")
    sent = HttpRequest(method.upper(), url, _headers(request), _request_body(request))
    headers = _headers(response)
    is_bodiless = sent.method == "HEAD" or status in _BODILESS
    content = b"" if is_bodiless else _content(response, headers, folder)
    if not content and not is_bodiless:  # browsers leave out the bodies of redirects
        headers = tuple((name, "0" if name.lower() == "content-length" else value) for name, value in headers)
        headers = tuple(pair for pair in headers if pair[0].lower() not in _OF_A_BODY)
    encoding = header_of(headers, "content-encoding")
    head = {
        "status": status,
        "reason": _one_line(response.get("statusText")) or usual_reason(status),
        # Clients in Python speak this version. A browser may have spoken a newer one.
        "version": "HTTP/1.1",
        "headers": [list(pair) for pair in headers],
    }
    return ForeignExchange(
        number,
        sent,
        head,
        content,
        # The content of a HAR file is decompressed, but not every tool knows that.
        is_decoded=bool(encoding and content) and inflate([content], encoding or "") is None,
        seconds=_seconds(entry),
        date=moment.date().isoformat() if (moment := _moment(entry)) is not None else "",
    )


def _check_transport(entry: dict[str, Any], url: str) -> None:
    scheme = url.partition(":")[0].lower()
    is_upgrade = entry["response"].get("status") == 101 or entry.get("_resourceType") == "websocket"
    if scheme in ("ws", "wss") or is_upgrade:
        raise _NotSentError("it is a WebSocket, which no client records")
    if scheme not in ("http", "https"):
        raise _NotSentError(f"it is not HTTP but {scheme}:" if scheme.isalpha() else "it has no valid URL")


def _network_error(entry: dict[str, Any]) -> str:
    """Return the browser's name for what happened, in brackets."""
    error = entry.get("_error") or entry["response"].get("_error")
    is_name = isinstance(error, str) and _ERROR.fullmatch(error)
    return f" ({error})" if is_name else " (it was blocked, or broke off)"


def _one_line(text: object) -> str:
    """Return a text as a line of HTTP may hold it, in Latin-1; nothing for what is no text."""
    line = " ".join(text.split()) if isinstance(text, str) else ""
    return line.encode("latin-1", "ignore").decode("latin-1")


def _headers(message: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return headers without the pseudo-headers of HTTP/2 (RFC 9113, 8.3)."""
    found = []
    for header in message.get("headers") or []:
        name, value = header["name"], header["value"]
        if not isinstance(name, str) or not isinstance(value, str) or not name.isascii():
            raise TypeError
        if not name.startswith(":"):
            # Chromium joins the cookies of a response by line feeds.
            found += [(name, line.strip()) for line in value.split("\n")]
    return tuple(found)


def _request_body(request: dict[str, Any]) -> bytes:
    posted = request.get("postData") or {}
    kind = media_type(posted.get("mimeType"))
    text, params = posted.get("text"), posted.get("params")
    if text and posted.get("encoding") == "base64":
        return _unbase64(text, "request")
    if text:
        return _encoded(text, posted.get("mimeType"))
    if params and kind == _FORM:
        return urlencode([(each["name"], each.get("value", "")) for each in params]).encode()
    size = request.get("bodySize", 0)
    if params or (type(size) is int and size > 0):
        raise EntryError(_NO_BODY.format("request"))
    return b""


def _content(response: dict[str, Any], headers: tuple[tuple[str, str], ...], folder: Path) -> bytes:
    content = response.get("content") or {}
    text = content.get("text")
    if text:
        if content.get("encoding") == "base64":
            return _unbase64(text, "response")
        return _encoded(text, header_of(headers, "content-type") or content.get("mimeType"))
    attached = content.get("_file")
    if isinstance(attached, str):  # Playwright keeps bodies in files beside the archive
        file = folder / Path(attached).name
        if not file.is_file():
            raise EntryError(
                f"{_NO_BODY.format('response')}, and there is no {Path(attached).name} beside it"
            )
        return file.read_bytes()
    sizes = (content.get("size"), response.get("bodySize"), header_of(headers, "content-length"))
    is_redirect = response["status"] in range(300, 400)
    if any(map(_is_positive, sizes)) and not is_redirect:
        raise EntryError(f"{_NO_BODY.format('response')}: browsers leave out large ones")
    return b""


def _is_positive(size: object) -> bool:
    return size > 0 if type(size) is int else isinstance(size, str) and size.isdigit() and int(size) > 0


def _encoded(text: object, content_type: object) -> bytes:
    """Return the bytes of a text that the tool has decoded."""
    if not isinstance(text, str):
        raise TypeError
    try:
        return text.encode(charset_of(content_type if isinstance(content_type, str) else None))
    except (LookupError, UnicodeEncodeError):
        return text.encode("utf-8", "surrogatepass")


def _unbase64(text: Any, message: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError, AttributeError):
        raise EntryError(f"the body of its {message} is not base64") from None


def _seconds(entry: dict[str, Any]) -> float:
    time = entry.get("time")
    if not isinstance(time, (int, float)) or not 0 < time < float("inf"):
        return 0.0
    return round(time / 1000, 6)


def _moment(entry: Any) -> datetime | None:
    started = entry.get("startedDateTime")
    try:
        moment = datetime.fromisoformat(_python_3_10(started))
    except (TypeError, ValueError, AttributeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _python_3_10(moment: str) -> str:
    """Return an ISO 8601 moment as `fromisoformat` of Python 3.10 reads it: three or six digits, no `Z`."""
    text = moment.replace("Z", "+00:00").replace("z", "+00:00")
    head, point, rest = text.partition(".")
    if not point:
        return text
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{head}.{digits[:6]:0<6}{rest[len(digits) :]}"

"""The exchange that all HTTP clients share: requests described, responses as readable plain data.

An exchange is stored as

    {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": [["content-type", "application/json"]],
     "body": {"json": {"id": 1}}}

`body` is left out where it is empty. `"end": "stopped"` marks a stream that its reader left, `"error"` what broke
it, or, alone, what came instead of a response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pytest_mimic.boundaries.base import Boundary, BoundaryCall
from pytest_mimic.boundaries.http.body import (
    body_value,
    deflate,
    describe_body,
    fields,
    inflate,
    load_body,
    store_body,
)
from pytest_mimic.boundaries.http.secrets import Secrets, holds_placeholder

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port, Step

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

#: The parts of a request that make it the same request.
IDENTITY = ("method", "scheme", "host", "port", "path", "query", "format", "body")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CACHED = 20_000
_URL = re.compile(r"(?P<origin>[^:/?#]+://[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
_T = TypeVar("_T")


class HttpBoundary(Boundary):
    """A boundary of an HTTP client; a subclass adds the edges."""

    parts = ("host", "port", "scheme", "method", "path", "query", "headers", "body", "format")
    implied: ClassVar = {"body": ("format",)}

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Status, content type and body, or the type of what was raised: not dates, not where chunks end.

        Of a body that a reader left, only what both were read of: how much comes besides is an accident. Beside
        nothing it is compared as it is, so that only what goes as far equals it.
        """
        if "status" not in plain:
            return {"error": plain["error"]["type"]}
        kind = next((value for name, value in plain["headers"] if name.lower() == "content-type"), None)
        headers = {} if kind is None else {"content-type": kind}
        found = {"status": plain["status"], "headers": headers, "body": body_value(plain.get("body"))}
        is_left = beside is not None and beside.get("end") == "stopped"
        if is_left or plain.get("end") == "stopped":
            found |= _left(plain, beside, is_cut=is_left)
        if "error" in plain and not is_left:
            found["error"] = plain["error"]["type"]
        return found


def _left(plain: dict[str, Any], beside: dict[str, Any] | None, *, is_cut: bool) -> dict[str, Any]:
    """What both of two bodies were read of, one of which was left; with `is_cut`, the other one."""
    chunks = load_body(plain.get("body"))
    others = chunks if beside is None else load_body(beside.get("body"))
    length = sum(map(len, others)) if is_cut else None
    body = b"".join(chunks)[:length].decode("utf-8", "backslashreplace")
    return {"body": body, "chunks": min(len(chunks), len(others))}


class _Place(NamedTuple):
    """What a URL says, redacted."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: dict[str, Any]
    url: str


class _NoPlaceError(ValueError):
    """A URL that leads nowhere."""


class _Heads(NamedTuple):
    """What request headers say, redacted."""

    by_name: dict[str, str]
    content_type: str | None
    encoding: str | None
    upgrade: bool


class Request(NamedTuple):
    """A request as its client is about to send it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] | tuple[tuple[bytes, bytes], ...]
    body: bytes

    def __repr__(self) -> str:
        """Tells no secret to who shows local variables."""
        return f"<{self.method} request>"


class Exchange:
    """Describes the requests of one client, and turns its responses into plain data and back.

    Args:
        name: The boundary's name.
        port: The engine; it is asked for its redactor when a call comes.
    """

    def __init__(self, name: str, port: Port) -> None:
        self.name = name
        self.port = port
        self._issued = 0
        self._origins: dict[str, tuple[str, str, int | None, str]] = {}
        self._places: dict[str, _Place] = {}
        self._heads: dict[Any, _Heads] = {}

    def begin(self, request: Request) -> Step | None:
        """What the engine decides about a request; None for one that is no exchange.

        Those are a WebSocket's upgrade, and a request to no place (`https://`, a port of 123456): its client says so.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run it; or it would be sent with what
                a replay gave in place of a secret.
        """
        self._renew()
        heads = self._heads.get(request.headers) or self._head(request.headers)
        if heads.upgrade:
            return None
        try:
            place = self._places.get(request.url) or self._place(request.url)
        except _NoPlaceError:
            return None
        method = request.method
        described: dict[str, Any] = {"method": method, "url": place.url}
        parts = {
            "method": method,
            "scheme": place.scheme,
            "host": place.host,
            "port": place.port,
            "path": place.path,
            "headers": heads.by_name,
        }
        if place.query:
            described["query"] = parts["query"] = place.query
        if request.body:
            parts["format"], body = describe_body(request.body, heads.content_type, heads.encoding)
            described["body"] = parts["body"] = self._scrubbed(body)
        call = BoundaryCall(
            f"{method} {place.path}",
            host=place.host,
            parts=parts,
            identity=IDENTITY,
            described=described,
        )
        step = self.port.begin(call)
        if step.mode == "run" and holds_placeholder(request.url, text_pairs(request.headers)):
            raise step.refused()
        return step

    def _renew(self) -> None:
        """Empties the caches when a server has issued a secret: what is in them may hold it."""
        issued = len(self.port.redactor.issued)
        if issued != self._issued:
            self._issued = issued
            self._places.clear()
            self._heads.clear()

    def _secrets(self) -> Secrets:
        return Secrets(self.port.redactor, self.port.redactor.issued)

    def _scrubbed(self, body: Any) -> Any:
        """A request's body without secrets."""
        if isinstance(body, str):
            return self._secrets().text(body)
        return self._secrets().scrub(body)

    def _place(self, url: str) -> _Place:
        """Reads a URL, once while it is in the cache."""
        secrets = self._secrets()
        match = _URL.match(url)
        if match is None:
            raise _NoPlaceError
        origin = match["origin"]
        scheme, host, port, shown = self._origins.get(origin) or self._origin(origin)
        path = secrets.path(match["path"]) or "/"
        query = secrets.scrub(fields(match["query"])) if match["query"] else {}
        return _cached(self._places, url, _Place(scheme, host, port, path, query, shown + path))

    def _origin(self, origin: str) -> tuple[str, str, int | None, str]:
        """Reads the part of a URL before its path: scheme, host, port, and what is shown of them."""
        parts = urlsplit(origin)
        host = (parts.hostname or "").lower()
        usual = _DEFAULT_PORTS.get(parts.scheme)
        try:
            port = parts.port or usual
        except ValueError as error:
            raise _NoPlaceError from error
        shown = f"{parts.scheme}://" + (f"[{host}]" if ":" in host else host)
        shown += "" if port == usual else f":{port}"
        return _cached(self._origins, origin, (parts.scheme, host, port, shown))

    def _head(self, headers: Any) -> _Heads:
        """Reads request headers, once while they are in the cache."""
        secrets = self._secrets()
        found: dict[str, list[str]] = {}
        shown: dict[str, list[str]] = {}
        for name, value in text_pairs(headers):
            found.setdefault(name.lower(), []).append(value)
            shown.setdefault(name.lower(), []).append(secrets.header(name, value))
        one = {name: ", ".join(values) for name, values in found.items()}
        heads = _Heads(
            {name: ", ".join(values) for name, values in shown.items()},
            one.get("content-type"),
            one.get("content-encoding"),
            "upgrade" in one and "websocket" in one["upgrade"].lower(),
        )
        return _cached(self._heads, headers, heads)

    def recorder(self, step: Step, request: Request) -> Recorder:
        """Collects what comes back for a request, for the step that runs it."""
        return Recorder(self, step, request)

    def secrets_of(self, request: Request) -> Secrets:
        """What is secret in the answer to a request: what it carried itself, and what was issued before."""
        secrets = self._secrets()
        heads = self._heads.get(request.headers) or self._head(request.headers)
        _, sent = describe_body(request.body, heads.content_type, heads.encoding)
        secrets.learn_request(request.url, text_pairs(request.headers), sent)
        return secrets

    def remember(self, issued: set[str]) -> None:
        """Secrets that a server has issued are secret in what is sent from now on, by whichever client."""
        self.port.redactor.issued |= issued


def _cached(cache: dict[Any, _T], key: Any, value: _T) -> _T:
    """Keeps a value in a cache that is emptied when it is full."""
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value
    return value


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Headers as text; bytes count as Latin-1, which loses nothing."""
    return [
        (
            name.decode("latin-1") if isinstance(name, bytes) else name,
            value.decode("latin-1") if isinstance(value, bytes) else value,
        )
        for name, value in headers
    ]


# Recording


class Recorder:
    """Collects one response, and hands it to its step once: when it is read, left, or broken.

    Attributes:
        chunks: The body as it arrives, without the framing of the transfer.
        done: The step has been told.
    """

    def __init__(self, exchange: Exchange, step: Step, request: Request) -> None:
        self._exchange = exchange
        self._step = step
        self._request = request
        self._head: dict[str, Any] = {}
        self._decoded = False
        self.chunks: list[bytes] = []
        self.done = False

    def started(
        self,
        status: int,
        reason: str | None,
        version: str,
        headers: Iterable[tuple[Any, Any]],
        *,
        decoded: bool = False,
    ) -> None:
        """The head of the response has come; `decoded` says that its chunks come decompressed."""
        self._head = {
            "status": status,
            "reason": reason or "",
            "version": version,
            "headers": [list(pair) for pair in text_pairs(headers)],
        }
        self._decoded = decoded

    @contextmanager
    def running(self, stored_error: Callable[[Exception], dict[str, Any] | None]) -> Iterator[None]:
        """While the client sends and waits for a response: what it raises, as plain data, comes instead of one."""
        try:
            with self._step.running():
                yield
        except Exception as error:
            self.failed(stored_error(error))
            raise
        except BaseException:
            self.abandon()
            raise

    @property
    def begun(self) -> bool:
        """The head of the response has come."""
        return bool(self._head)

    def complete(self) -> None:
        """The body has been read to its end.

        Raises:
            DriftError: The recording says otherwise.
        """
        self._finish()

    def stopped(self) -> None:
        """The reader has left before the end; without even a head there is nothing to record.

        Raises:
            DriftError: The recording says otherwise.
        """
        if self._head:
            self._finish(end="stopped")
        else:
            self.abandon()

    def failed(self, error: dict[str, Any] | None) -> None:
        """The client has raised this, as plain data; None for what is nothing to record.

        Raises:
            DriftError: The recording says otherwise.
        """
        if error is None:
            self.abandon()
        else:
            self._finish(error=error)

    def abandon(self) -> None:
        """There is no outcome: nothing is recorded."""
        if not self.done:
            self.done = True
            self._step.abandon()

    def _finish(self, **end: Any) -> None:
        if self.done:
            return
        self.done = True
        self._step.finish(self._plain(end))

    def _plain(self, end: dict[str, Any]) -> dict[str, Any]:
        """The exchange as it is stored."""
        secrets = self._exchange.secrets_of(self._request)
        if "error" in end:
            message = self._exchange.port.redactor.scrub_text(end["error"]["message"], secrets.values)
            end["error"] = {**end["error"], "message": message}
        if not self._head:
            return end
        sent = set(secrets.values)
        stopped = end.get("end") == "stopped"
        plain = _stored(self._head, self.chunks, decoded=self._decoded, stopped=stopped, secrets=secrets)
        self._exchange.remember(secrets.values - sent)
        return {**plain, **end}


def _stored(
    head: dict[str, Any], chunks: Sequence[bytes], *, decoded: bool, stopped: bool, secrets: Secrets
) -> dict[str, Any]:
    """A response as plain data, redacted; `secrets` learns what it says under secret names."""
    one = {name.lower(): value for name, value in head["headers"]}
    secrets.learn_headers(head["headers"])
    compressed = one.get("content-encoding")
    if compressed and not decoded:
        opened = inflate(chunks, compressed)
        chunks, compressed = (chunks, None) if opened is None else (opened, compressed)
    body = store_body(
        chunks,
        content_type=one.get("content-type"),
        compressed=compressed,
        sized="content-length" in one,
        stopped=stopped,
        secrets=secrets,
    )
    headers = [[name, secrets.header(name, value)] for name, value in head["headers"]]
    if body is not None and compressed and "compressed" not in body:
        headers = [pair for pair in headers if pair[0].lower() != "content-encoding"]
    plain = {**head, "headers": headers}
    return plain if body is None else {**plain, "body": body}


# Replaying


class Answer(NamedTuple):
    """A recorded response, as it comes over the network again."""

    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    chunks: list[bytes]
    stopped: bool
    error: dict[str, Any] | None


def is_encoded(plain: dict[str, Any]) -> bool:
    """Whether a body is stored in its `Content-Encoding`, as one that cannot be decompressed here."""
    body = plain.get("body")
    if body is None or "compressed" in body:
        return False
    return any(name.lower() == "content-encoding" for name, _ in plain["headers"])


def load_answer(plain: dict[str, Any], method: str, *, decoded: bool = False) -> Answer:
    """The response that is stored in plain data, its length told as it is.

    Args:
        plain: With a status; one that is an error alone is raised, not answered.
        method: Of the request; a HEAD's length is left alone.
        decoded: Chunks are given decompressed, for a client that takes them so.
    """
    body, error = plain.get("body"), plain.get("error")
    stopped = plain.get("end") == "stopped"
    chunks = load_body(body)
    if body is not None and not decoded and "compressed" in body:
        chunks = deflate(chunks, body["compressed"], complete=not stopped and error is None)
    size = None if body is None or method == "HEAD" else sum(map(len, chunks))
    headers, cookies = [], False
    for name, value in plain["headers"]:
        lower = name.lower()
        if lower == "content-length" and size is not None:
            told = int(value) if value.isdigit() else 0
            value = str(max(told, size + 1) if stopped or error else size)
        elif lower == "set-cookie":
            cookies = True
        headers.append((name, value))
    if cookies:
        headers = _fresh_cookies(headers)
    return Answer(plain["status"], plain["reason"], plain["version"], headers, chunks, stopped, error)


def _fresh_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers whose cookies expire no more, if they were good when they were recorded (as `Date` tells)."""
    from email.utils import parsedate_to_datetime

    date = next((value for name, value in headers if name.lower() == "date"), None)
    if date is None:
        return headers
    try:
        recorded = parsedate_to_datetime(date)
    except ValueError:
        return headers
    return [
        (name, _lasting(value, recorded) if name.lower() == "set-cookie" else value)
        for name, value in headers
    ]


def _lasting(cookie: str, recorded: Any) -> str:
    from email.utils import parsedate_to_datetime

    attributes = cookie.split(";")
    kept = []
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        if name.strip().lower() == "expires":
            try:
                if parsedate_to_datetime(value.strip().replace("-", " ")) > recorded:
                    continue
            except (ValueError, TypeError):
                pass
        kept.append(attribute)
    return ";".join(kept)

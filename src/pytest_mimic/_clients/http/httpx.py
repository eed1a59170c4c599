"""The adapter of httpx and httpx2: their network transports, sync and async.

Read against httpx 0.25 to 0.28 and httpx2 2.16. Transports within the process (ASGI, WSGI, MockTransport) are other
classes and left alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.failures import (
    CONNECTING,
    Failure,
    root_of,
    system_error,
    system_failure,
)
from pytest_mimic._clients.http.responses import ExchangeRecorder, load_response
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.sync_async import Steps, run_async, run_sync

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port


class HttpxAdapter(HttpAdapter):
    """The adapter of `httpx` or `httpx2`."""

    def edges(self) -> Sequence[Edge]:
        """Return the methods of the transports that send a request."""
        sync, asynchronous = partial(self._wrap, run_sync, ""), partial(self._wrap, run_async, "a")
        return [
            Edge(self.name, ("HTTPTransport", "handle_request"), sync),
            Edge(self.name, ("AsyncHTTPTransport", "handle_async_request"), asynchronous),
        ]

    def _wrap(self, run: Callable[..., Any], prefix: str, original: Callable[..., Any], port: Port) -> Any:
        """Return the function that replaces `original`. Methods have the prefix in their names: `read` or `aread`."""
        exchange = Exchange(port)

        @wraps(original)
        def handle_request(transport: Any, request: Any) -> Any:
            return run(self._handle(exchange, prefix, partial(original, transport), request))

        return handle_request

    def _handle(self, exchange: Exchange, prefix: str, send: Callable[..., Any], request: Any) -> Steps:
        takers = exchange.takers()
        if not takers:
            return (yield send(request))
        exchange = takers[0]
        body = yield getattr(request, f"{prefix}read")()
        sent = HttpRequest(request.method, str(request.url), tuple(request.headers.raw), body)
        step = exchange.begin(sent)
        if step is None:
            return (yield send(request))
        if step.mode == "replay":
            return self._replayed(step.outcome(is_read_only=True), request, step.exhausted)
        recorder = ExchangeRecorder(step)
        with recorder.recording_errors(partial(_failure, sys.modules[self.name])), step.running():
            response = yield send(request)
            recorder.start(
                response.status_code,
                response.extensions.get("reason_phrase", b"").decode("latin-1"),
                response.extensions.get("http_version", b"HTTP/1.1").decode("latin-1"),
                response.headers.raw,
            )
            module = sys.modules[self.name]
            recorded_stream, _ = _stream_classes(module)
            response.stream = recorded_stream(response.stream, recorder, partial(_failure, module))
            if step.mode == "run":
                return response
            chunks: Any = aiter(response.stream) if prefix else iter(response.stream)
            following: Any = anext if prefix else next
            try:  # read what the recording has, to compare it
                while not recorder.has_enough and (yield following(chunks, None)) is not None:
                    pass
            finally:
                yield getattr(chunks, f"{prefix}close")()
            yield getattr(response.stream, f"{prefix}close")()
        return self._replayed(recorder.recorded(), request, step.exhausted)

    def _replayed(self, plain: dict[str, Any], request: Any, exhausted: Callable[[], Exception]) -> Any:
        """Return the recorded response, or raise the recorded exception."""
        module = sys.modules[self.name]  # loaded by now; it is never imported from here
        if "status" not in plain:
            raise _error(module, plain["error"], request)
        answer = load_response(plain, request.method)
        if answer.is_complete and len(answer.chunks) == 1:
            stream = module.ByteStream(answer.chunks[0])
        else:
            _, replayed_stream = _stream_classes(module)
            load_error = partial(_error, module, request=request)
            stream = replayed_stream(answer.chunks, partial(answer.ending, load_error, exhausted))
        extensions = {"http_version": answer.version.encode("latin-1")}
        # HTTP/2 has no reasons. Without one, the client returns the usual reason of the status.
        if answer.version != "HTTP/2":
            extensions["reason_phrase"] = answer.reason.encode("latin-1")
        return module.Response(
            answer.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers],
            stream=stream,
            extensions=extensions,
        )


class _RecordedStream:
    """Passes the real chunks on, and records them."""

    def __init__(
        self, stream: Any, recorder: ExchangeRecorder, store: Callable[[BaseException], Any]
    ) -> None:
        self._stream = stream
        self._recorder = recorder
        self._store = store

    def __iter__(self) -> Generator[bytes, None, None]:
        with self._recorder.recording_errors(self._store):
            for chunk in self._stream:
                self._recorder.chunks.append(chunk)
                yield chunk
        self._recorder.complete()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        with self._recorder.recording_errors(self._store):
            async for chunk in self._stream:
                self._recorder.chunks.append(chunk)
                yield chunk
        self._recorder.complete()

    def close(self) -> None:
        self._stream.close()
        self._recorder.stop()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._recorder.stop()


class _ReplayedStream:
    """Returns recorded chunks, then raises the exception that ended them if there is one."""

    def __init__(self, chunks: list[bytes], end: Callable[[], Exception | None]) -> None:
        self._chunks = chunks
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        error = self._end()
        if error is not None:
            raise error

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        for chunk in self:
            yield chunk


@cache
def _stream_classes(module: Any) -> tuple[type, type]:
    # The client checks the types of its streams.
    bases = (module.SyncByteStream, module.AsyncByteStream)
    return type("RecordedStream", (_RecordedStream, *bases), {}), type(
        "ReplayedStream", (_ReplayedStream, *bases), {}
    )


# Its exceptions


_KINDS = {
    "ConnectTimeout": "connecting",
    "ReadTimeout": "reading",
    "WriteTimeout": "writing",
    "PoolTimeout": "waiting",
    "ConnectError": "unreachable",
    "ReadError": "closed",
    "WriteError": "closed",
    "CloseError": "closed",
    "RemoteProtocolError": "malformed",
    "ProxyError": "proxy",
}
_CLASSES = {
    **dict.fromkeys(CONNECTING, "ConnectError"),
    **{kind: name for name, kind in _KINDS.items() if kind not in ("unreachable", "closed")},
    "closed": "RemoteProtocolError",
}
_NUMBERED = re.compile(r"\[Errno (-?\d+)\] (.*)", re.DOTALL)
_ENDED = re.compile("disconnected|closed connection|incomplete|without sending", re.IGNORECASE)


def _failure(module: Any, error: BaseException) -> Failure | None:
    """Return an exception of httpx or httpx2 as plain data, or None if it is no outcome."""
    name = type(error).__name__
    if getattr(module, name, None) is not type(error) or name not in _KINDS:
        return None
    found: Failure = {"type": _KINDS[name], **_texts_of(str(error))}
    root = root_of(error)
    if name == "ConnectError" and root is not None:
        system = system_failure(root, reading=False) or {}
        found["type"] = system.get("type", "unreachable")
        if system.get("message") == found["message"]:
            found = system
        if found["type"] == "closed":
            found["type"] = "unreachable"
    elif name == "RemoteProtocolError" and _ENDED.search(str(error)):
        found["type"] = "closed"
    elif name in ("ReadError", "WriteError", "CloseError"):
        found["while"] = "sending" if name == "WriteError" else "receiving"
    return found


def _error(module: Any, stored: Mapping[str, Any], request: Any) -> Exception:
    """Return the exception of httpx or httpx2 for a failure."""
    name = _CLASSES[stored["type"]]
    if stored["type"] == "closed" and ("errno" in stored or "while" in stored):
        name = "WriteError" if stored.get("while") == "sending" else "ReadError"
    error: Exception = getattr(module, name)(_text_of(stored), request=request)
    if "errno" in stored:
        error.__cause__ = system_error(stored)
    return error


def _texts_of(message: str) -> Failure:
    """Return a text as plain data, with its number apart: `[Errno 111] Connection refused`."""
    match = _NUMBERED.fullmatch(message)
    return {"message": match[2], "errno": int(match[1])} if match else {"message": message}


def _text_of(stored: Mapping[str, Any]) -> str:
    """Return the text of a failure as exceptions of the system show it."""
    if "errno" not in stored or stored["type"] == "tls":
        return str(stored["message"])
    return f"[Errno {stored['errno']}] {stored['message']}"

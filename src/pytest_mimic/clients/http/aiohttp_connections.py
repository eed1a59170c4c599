"""Connections of aiohttp that give a recorded answer, and bodies that are recorded."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from textwrap import dedent
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from pytest_mimic.client import Exchange, Function, Plain
from pytest_mimic.clients.http import answers, failures
from pytest_mimic.clients.http.adapter import Attempt, BodyReplay, Read, Recorder

# What aiohttp decompresses.
_UNPACKED = ("gzip", "deflate", "br", "zstd")
_IN_BRACKETS = re.compile(r"\[(.*)\]$", re.S)
_UNIX_SOCKET = re.compile("Cannot connect to unix socket (.*) ssl:", re.S)


class _Connection(Connection):
    """A connection that goes into no pool. It counts in the connector's limit."""

    def close(self) -> None:
        """Give its place to another request."""
        self._notify_release()
        protocol: Any = self._protocol
        if protocol is not None:
            self._connector._release_acquired(self._key, protocol)
            protocol.leave()
            self._protocol = None

    release = close

    def __del__(self, *_: Any) -> None:
        """Warn of nothing: there is no socket."""


class _Nowhere(asyncio.Transport):
    """A transport that drops what is written: a replay sends nothing."""

    def write(self, *_: Any, **__: Any) -> None:
        """Drop it."""

    writelines = close = abort = pause_reading = resume_reading = write

    def is_closing(self) -> bool:
        """Whether it closes: never."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how much waits to be written: nothing."""
        return 0


class _ReplayedProtocol(ResponseHandler):
    """A protocol that gets the recorded answer piece by piece, as it is read."""

    def __init__(
        self, attempt: Connecting, response: answers.Response, exchange: Exchange | None
    ) -> None:
        super().__init__(attempt.request.loop)
        self.transport = _Nowhere()
        self._attempt: Any = attempt
        self._response = response
        self._exchange = exchange
        self._has_begun = False

    def set_response_params(self, **params: Any) -> None:
        """Take the settings, by which the session decompresses, or does not.

        Nothing arrives late.
        """
        super().set_response_params(**{**params, "read_timeout": None})
        attempt = self._attempt
        is_packed = not params.get("auto_decompress") and attempt.takes_packed(
            attempt.request.headers.get("Accept-Encoding", ""), attempt.exchange
        )
        method = attempt.request.method
        pieces = answers.on_the_wire(self._response, method, is_packed=is_packed)
        self._replay = BodyReplay(self._response, pieces, self._exchange, is_task=True)

    async def read(self) -> Any:
        """Return the head and the payload, or raise an error in place of the head."""
        # The request keeps its answer: a cycle would wait for the garbage collector.
        request, self._attempt = self._attempt.request, None
        # Other tasks run while the network is read.
        await asyncio.sleep(0)
        waiting = request._continue
        if waiting is not None and not waiting.done():
            waiting.set_result(True)
        if not self._response.status:
            raise _error(self._response.error, request)
        await self._feed_next()
        message, payload = await super().read()
        if payload is not EMPTY_PAYLOAD:
            payload.__class__ = _ReplayedReader
        return message, payload

    async def feed_next(self, payload: StreamReader) -> None:
        """Let the next piece of the body arrive, or its end."""
        # The first one often comes with the head.
        if self._has_begun:
            await asyncio.sleep(0)
        self._has_begun = True
        if await self._feed_next():
            return
        if self._response.error:
            payload.set_exception(_error(self._response.error, None))
        else:
            self.connection_lost(None)

    async def _feed_next(self) -> bool:
        piece = await self._replay.next()
        if piece:
            self.data_received(piece)
        return bool(piece)

    def close(self) -> None:
        """Close it, as a connector does when its session is closed."""
        if self.transport is not None:
            super().close()
            # A real transport would call this, and the connector waits for it.
            self._loop.call_soon(self.connection_lost, None)

    def leave(self) -> None:
        """End the call: its reader does not read on."""
        self._parser = self._payload = None
        self._replay.leave()


class _ReplayedReader(StreamReader):
    """A replayed body, whose next piece arrives when it is waited for."""

    __slots__ = ()

    async def _wait(self, func_name: str = "") -> None:  # noqa: ARG002
        protocol: Any = self._protocol
        if self._exception is None and not self._eof:
            if protocol._parser is None:
                # aiohttp raises this error, too.
                raise RuntimeError("Connection closed.")
            await protocol.feed_next(self)
        if self._exception is not None:
            raise self._exception

    async def wait_eof(self) -> None:
        """Let all pieces arrive, as a reader drains a body."""
        while not self.is_eof():
            await self._wait()


@dataclass
class Connecting(Attempt):
    """The connection of a request, recorded or real.

    A real one is recorded from the start of its answer on.

    Args:
        connector: Connects it.
        request: The request.
        exchange: The call.
        really: Connects it for real.
    """

    is_task = True
    phase = "connecting"

    connector: Any
    request: Any
    exchange: Exchange
    _really: Callable[[], Awaitable[Any]]

    async def answer(self, exchange: Exchange) -> Any:
        """Return the connection, or raise its error."""
        if exchange.mode == "replay":
            return await super().answer(exchange)
        self.recorder = Recorder(exchange)
        try:
            with exchange.step:
                connection = await self._really()
        except BaseException as error:
            return await self.failed(error, exchange)
        connection.begin_answer = _Reading(self, self.recorder, connection).start
        return connection

    def build(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return a connection that gives an answer, or an error of connecting."""
        request = self.request
        response = answers.build(answer, method=request.method)
        if not response.status and response.error["kind"] in failures.BEFORE_SENDING:
            return _error(response.error, request)
        protocol: Any = _ReplayedProtocol(self, response, exchange)
        # A connector closes what it has given out when its session is closed.
        self.connector._acquired.add(protocol)
        return _Connection(self.connector, None, protocol, request.loop)  # type: ignore[arg-type]


class _Reading(Attempt):
    """The answer on a real connection, recorded as it arrives.

    To verify, it is read here, and the session gets the recorded one.
    """

    is_task = True

    def __init__(
        self, connecting: Connecting, recorder: Recorder, connection: Any
    ) -> None:
        self.recorder = recorder
        self._connecting = connecting
        self._connection = connection
        self._params: dict[str, Any] = {}
        self._response: Any = None
        self._is_starting = False
        # An answer may be dropped before its end, with its connection or session.
        connection.add_callback(self._end)
        protocol = connection.protocol
        set_really = protocol.set_response_params

        def set_response_params(**params: Any) -> None:
            self._params = params
            del protocol.set_response_params
            set_really(**params)

        protocol.set_response_params = set_response_params

    async def start(self, response: Any, really: Function) -> Any:
        """Let a response begin with the recorded answer, or with the real answer."""
        exchange = self._connecting.exchange
        self._begin = partial(really, response)
        connection = await self.answer(exchange)
        if connection is not self._connection:
            self._connection.close()
            connection.protocol.set_response_params(**self._params)
            await self._begin(connection)
        return response

    async def send(self) -> Read:
        """Read the head of the answer, and return what reads the rest."""
        self._is_starting = True
        try:
            self._response = await self._begin(self._connection)
        except aiohttp.ClientResponseError as error:
            # Its reason is what aiohttp makes of any malformed answer.
            self.recorder.fail(error.__cause__ or error)
            raise
        self._is_starting = False
        return self._head().read

    def real_answer(self) -> Any:
        """Record the body as it arrives, and return the connection."""
        self._record(self._response.content)
        return self._connection

    async def read(self) -> None:
        """Read the body."""
        payload = self._response.content
        self._record(payload)
        while not payload.at_eof() and not self.recorder.is_enough():
            await payload.readany()

    def build(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return a connection that gives the recorded answer."""
        return self._connecting.build(answer, exchange)

    def _head(self) -> answers.Head:
        response = self._response
        encoding = response.headers.get("Content-Encoding", "").lower()
        is_unpacked = encoding in _UNPACKED and self._params.get("auto_decompress")
        # The reason came in bytes that aiohttp takes for UTF-8.
        reason = (response.reason or "").encode("utf-8", "surrogateescape")
        headers = answers.decoded(response.raw_headers)
        version = response.version
        return answers.Head(
            response.status,
            reason.decode("latin-1"),
            headers,
            version=f"HTTP/{version.major}.{version.minor}",
            unpacked=encoding if is_unpacked else "",
        )

    def _record(self, payload: Any) -> None:
        if payload is EMPTY_PAYLOAD:
            self.recorder.end()
            return
        # The first pieces may have come with the head.
        for data in payload._buffer:
            self.recorder.feed(bytes(data))
        if payload.is_eof():
            self.recorder.end()
        elif payload.exception() is not None:
            self.recorder.fail(payload.exception())
        else:
            payload._protocol.recorder = self.recorder
            payload.__class__ = _RecordedReader

    def _end(self) -> None:
        """End the exchange with its connection, if its end has not come."""
        if self._is_starting:  # It fails, or its body has come with its head.
            return
        # What runs through the reader may be its own error; a cancellation or a timeout
        # is none.
        error = sys.exc_info()[1]
        is_cancelled = type(error).__name__ in ("CancelledError", "TimeoutError")
        if self._response is None:
            self._connecting.exchange.abandon(error)
        elif error is not None and is_cancelled:
            self.recorder.fail(error)
        else:
            self.recorder.leave()


class _RecordedReader(StreamReader):
    """A real body, which is recorded as it arrives."""

    # An object may take another class only if both have the same slots.
    __slots__ = ()

    def feed_data(self, data: bytes, *size: Any) -> Any:
        self._protocol.recorder.feed(bytes(data))  # type: ignore[attr-defined]
        return super().feed_data(data, *size)

    def feed_eof(self) -> None:
        self._protocol.recorder.end()  # type: ignore[attr-defined]
        super().feed_eof()

    def set_exception(self, exc: Any, *cause: Any) -> None:
        # A closed connection is the end of its reader, not an error of the service.
        if str(exc) != "Connection closed":
            self._protocol.recorder.fail(exc)  # type: ignore[attr-defined]
        super().set_exception(exc, *cause)


def _error(error: Plain, request: Any) -> Exception:
    """Return the exception of aiohttp for a recorded error."""
    kind, text = error.get("kind", ""), error.get("text", "")
    if error.get("class", "").endswith(".TimeoutError") and not text:
        # The timeout of a whole session has no text.
        return asyncio.TimeoutError()
    if request is None and kind in ("closed early", "malformed"):
        return aiohttp.ClientPayloadError(text)
    if kind == "malformed":
        # aiohttp's parser gives this status to an answer that it cannot read.
        message = dedent(text.partition("message:\n")[2]) or text
        return HttpProcessingError(code=400, message=message)
    if kind == "proxy":
        return _refused_by_proxy(text, request)
    class_ = failures.class_of(kind, ["aiohttp"], error.get("class", ""))
    if not issubclass(class_, _OF_CONNECTING):
        return class_(text)  # type: ignore[no-any-return]
    key, proxy = request.connection_key, getattr(request, "proxy", None)
    if proxy is not None and kind in ("refused", "unreachable"):
        key = key._replace(host=proxy.host, port=proxy.port)
        class_ = aiohttp.ClientProxyConnectionError
    inner = _IN_BRACKETS.search(text)
    class_of_reason = ConnectionRefusedError if kind == "refused" else OSError
    reason = class_of_reason(None, inner[1] if inner else text)
    # The error of a Unix socket has its path before what all of them have.
    path = _UNIX_SOCKET.match(text)
    facts: list[Any] = [path[1], key, reason] if path else [key, reason]
    made: Exception = class_(*facts)
    made.__cause__ = reason
    return made


_OF_CONNECTING = (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)


def _refused_by_proxy(text: str, request: Any) -> Exception:
    url = getattr(request, "proxy", None) or request.url
    status = re.search(r"\b[45]\d\d\b", text)
    message = re.search(r"message=(['\"])(.*?)\1", text)
    return aiohttp.ClientHttpProxyError(
        aiohttp.RequestInfo(url, "CONNECT", request.headers, url),
        (),
        status=int(status[0]) if status else 502,
        message=message[2] if message else text,
    )

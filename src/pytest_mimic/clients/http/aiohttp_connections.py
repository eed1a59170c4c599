"""Connections of aiohttp that give a recorded answer, and bodies that are recorded."""

from __future__ import annotations

import asyncio
import re
import sys
from textwrap import dedent
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from pytest_mimic.client import Exchange, Plain
from pytest_mimic.clients.http import answers, failures
from pytest_mimic.clients.http.adapter import Recorder, Replay

_SWITCHING = 101
_IN_BRACKETS = re.compile(r"\[(.*)\]$", re.S)


def replayed(
    connector: Any, request: Any, given: answers.Given, exchange: Exchange | None
) -> Any:
    """Return a connection with a recorded answer, or an error of connecting."""
    if not given.status:
        error = _error(given.error, request)
        if given.error.get("kind") in failures.BEFORE_SENDING:
            return error
        return _connection(connector, request, _Unanswered(request, error))
    return _connection(connector, request, _Replayed(request, given, exchange))


def _connection(connector: Any, request: Any, protocol: Any) -> Any:
    # A connector closes what it has given out when its session is closed.
    connector._acquired.add(protocol)
    return _Connection(connector, None, protocol, request.loop)  # type: ignore[arg-type]


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


class _Protocol(ResponseHandler):
    """A protocol that no server feeds."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.loop)
        self.transport = _Nowhere()
        self._request: Any = request

    def set_response_params(self, **params: Any) -> None:
        """Take the settings with which the session reads: nothing arrives late."""
        super().set_response_params(**{**params, "read_timeout": None})

    async def read(self) -> Any:
        """Let other tasks run, as they do while the network is read."""
        # The request keeps its answer: a cycle would wait for the garbage collector.
        request, self._request = self._request, None
        await asyncio.sleep(0)
        waiting = request._continue
        if waiting is not None and not waiting.done():
            waiting.set_result(True)

    def close(self) -> None:
        """Close it, as a connector does when its session is closed."""
        if self.transport is not None:
            super().close()
            # A real transport would call this, and the connector waits for it.
            self._loop.call_soon(self.connection_lost, None)

    def leave(self) -> None:
        """End the call: its reader does not read on."""
        self._parser = self._payload = None


class _Unanswered(_Protocol):
    """Raises an error where the session waits for an answer."""

    def __init__(self, request: Any, error: BaseException) -> None:
        super().__init__(request)
        self._reason = error

    async def read(self) -> Any:
        """Raise the error."""
        await super().read()
        raise self._reason


class _Replayed(_Protocol):
    """Gets the recorded answer piece by piece, as it is read."""

    def __init__(
        self, request: Any, given: answers.Given, exchange: Exchange | None
    ) -> None:
        super().__init__(request)
        pieces = answers.on_the_wire(given, request.method)
        self._replay = Replay(given, pieces, exchange)
        self._error = given.error

    async def read(self) -> Any:
        """Return the head and the payload."""
        await super().read()
        await self._feed_next()
        message, payload = await ResponseHandler.read(self)
        if payload is not EMPTY_PAYLOAD:
            payload.__class__ = _ReplayedReader
        return message, payload

    async def feed_next(self, payload: StreamReader) -> None:
        """Let the next piece of the body arrive, or its end."""
        if await self._feed_next():
            return
        if self._error:
            payload.set_exception(_error(self._error, None))
        else:
            self.connection_lost(None)

    async def _feed_next(self) -> bool:
        replay = self._replay
        if replay.is_at_last:
            await replay.end_async()
        if replay.pieces:
            self.data_received(replay.pieces.pop(0))
            return True
        return False

    def leave(self) -> None:
        """End the call: its reader does not read on."""
        super().leave()
        self._replay.leave()


class _ReplayedReader(StreamReader):
    """A replayed body, whose next piece arrives when it is waited for."""

    __slots__ = ()

    async def _wait(self, func_name: str = "") -> None:  # noqa: ARG002
        await asyncio.sleep(0)
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


class Watched:
    """Records the next answer on a real connection, and no other.

    To verify, the answer is read here, and the session gets the recorded one.
    """

    def __init__(
        self, connection: Any, request: Any, exchange: Exchange, recorder: Recorder
    ) -> None:
        protocol = connection.protocol
        self._protocol = protocol
        self._request = request
        self._exchange = exchange
        self._recorder = recorder
        self._has_begun = False
        self._params: dict[str, Any] = {}
        self._read_really = protocol.read
        self._set_params = protocol.set_response_params
        protocol.read = self._read
        protocol.set_response_params = self._set_response_params
        # An answer may be dropped before its end, with its connection or session.
        connection.add_callback(self._end)

    def _set_response_params(self, **params: Any) -> None:
        self._params = params
        self._set_params(**params)

    async def _read(self) -> Any:
        recorder = self._recorder
        try:
            with self._exchange.step.running():
                message, payload = await self._read_really()
        except BaseException as error:
            self._restore()
            answer = recorder.fail(self._timeout_for(error))
            if answer is None:
                raise
            return await self._instead(answer)
        if 100 <= message.code < 200 and message.code != _SWITCHING:
            # It is informational: another one follows.
            return message, payload
        self._restore()
        self._has_begun = True
        recorder.begin(self._head_of(message).read)
        _record(payload, recorder, self._end)
        if self._exchange.mode == "run":
            return message, payload
        try:
            while not payload.at_eof() and not recorder.is_enough():
                await payload.readany()
            answer = recorder.end()
        except BaseException as error:
            answer = recorder.fail(error)
            if answer is None:
                raise
        return await self._instead(answer)

    def _restore(self) -> None:
        protocol = self._protocol
        if "read" in vars(protocol):
            del protocol.read, protocol.set_response_params

    def _timeout_for(self, error: BaseException) -> BaseException:
        # The timer of a session cancels its task, which then gets a timeout.
        is_timeout = getattr(self._request._timer, "_cancelled", False)
        is_cancelled = isinstance(error, asyncio.CancelledError)
        return TimeoutError() if is_timeout and is_cancelled else error

    def _head_of(self, message: Any) -> answers.Head:
        is_unpacked = self._params.get("auto_decompress", True)
        # The reason came in bytes that aiohttp takes for UTF-8.
        reason = (message.reason or "").encode("utf-8", "surrogateescape")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in message.raw_headers
        ]
        return answers.Head(
            message.code,
            reason.decode("latin-1"),
            headers,
            version=f"HTTP/{message.version.major}.{message.version.minor}",
            unpacked=(message.compression or "") if is_unpacked else "",
        )

    async def _instead(self, answer: Plain) -> Any:
        """Give the session an answer in place of the real one."""
        given = answers.give(answer, method=self._request.method)
        if not given.status:
            raise _error(given.error, self._request)
        protocol = _Replayed(self._request, given, None)
        protocol.set_response_params(**self._params)
        return await protocol.read()

    def _end(self, error: BaseException | None = None) -> None:
        """End the exchange, if its end has not come."""
        if error is None or str(error) == "Connection closed":
            # What runs through the reader may be its own error; a cancellation or a
            # timeout is none.
            error = sys.exc_info()[1]
            is_cancelled = type(error).__name__ in ("CancelledError", "TimeoutError")
            if self._has_begun and not is_cancelled:
                error = None
        if error is not None and self._has_begun:
            self._recorder.note(self._timeout_for(error))
        elif self._has_begun:
            self._recorder.leave()
        else:
            self._exchange.abandon(error)


def _record(payload: Any, recorder: Recorder, end: Any) -> None:
    """Record a real body as it arrives.

    Args:
        payload: The body.
        recorder: Takes it.
        end: Is called with what ends the body before its end.
    """
    if payload is EMPTY_PAYLOAD:
        recorder.end()
        return

    class RecordedReader(StreamReader):
        # An object may take another class only if both have the same slots.
        __slots__ = ()

        def feed_data(self, data: bytes, *size: Any) -> Any:
            recorder.feed(bytes(data))
            return super().feed_data(data, *size)

        def feed_eof(self) -> None:
            recorder.end()
            super().feed_eof()

        def set_exception(self, exc: Any, *cause: Any) -> None:
            end(exc)
            super().set_exception(exc, *cause)

    # The first pieces may have come with the head.
    for data in payload._buffer:
        recorder.feed(bytes(data))
    if payload.is_eof():
        recorder.end()
    elif payload.exception() is not None:
        end(payload.exception())
    else:
        payload.__class__ = RecordedReader


def _error(error: dict[str, str], request: Any) -> Exception:
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
    proxy = getattr(request, "proxy", None)
    if not issubclass(class_, _OF_CONNECTING):
        return class_(text)  # type: ignore[no-any-return]
    key = request.connection_key
    if proxy is not None and kind in ("refused", "unreachable"):
        key = key._replace(host=proxy.host, port=proxy.port)
        class_ = aiohttp.ClientProxyConnectionError
    inner = _IN_BRACKETS.search(text)
    class_of_reason = ConnectionRefusedError if kind == "refused" else OSError
    reason = class_of_reason(None, inner[1] if inner else text)
    found: Exception = class_(key, reason)
    found.__cause__ = reason
    return found


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

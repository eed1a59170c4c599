"""Connections of aiohttp that give a recorded response, and bodies that are recorded.

The protocol of such a connection gets the bytes of the response. A real body is
recorded as it arrives.

Importing this module imports aiohttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from pytest_mimic._clients.http.failures import (
    CONNECTING,
    Failure,
    exception_name,
    system_error,
)
from pytest_mimic._clients.http.responses import StoredResponse

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder
    from pytest_mimic.client import Step


def replayed_connection(
    connector: Any, req: Any, exchange: dict[str, Any], step: Step
) -> Any:
    """Return a connection with a recorded response.

    Where the recorded exception is one of connecting, it is raised.
    """
    failure = exchange.get("error", {})
    is_of_connecting = failure.get("type") in (*CONNECTING, "proxy")
    if is_of_connecting and "status" not in exchange:
        raise _error(failure, req)
    protocol = ReplayedProtocol(req, exchange, step)
    # A connector closes what it has given out when its session is closed.
    connector._acquired.add(protocol)
    return _UnpooledConnection(connector, None, protocol, req.loop)  # type: ignore[arg-type]


def unsent_connection(connector: Any, req: Any, reason: Exception) -> Any:
    """Return a connection on which reading the body of a request has failed.

    Nothing was sent. The session gets the error where it would get the response.
    """
    protocol = _UnsentProtocol(req, _error_of_sending(req, reason), reason)
    connector._acquired.add(protocol)
    return _UnpooledConnection(connector, None, protocol, req.loop)  # type: ignore[arg-type]


def _error_of_sending(req: Any, reason: Exception) -> Exception:
    """Return what aiohttp makes of an exception of a body that it sends.

    See `ClientRequest.write_bytes`.
    """
    if not isinstance(reason, OSError):
        return aiohttp.ClientConnectionError(
            "Failed to send bytes into the underlying connection "
            f"Connection<{req.connection_key}>: {reason!r}"
        )
    if reason.errno is None and isinstance(reason, asyncio.TimeoutError):
        return reason
    return aiohttp.ClientOSError(
        reason.errno, f"Can not write request body for {req.url}"
    )


class _UnpooledConnection(Connection):
    """A connection of aiohttp that never goes into the connector's pool.

    The connector counts it in its limit until it is closed.
    """

    def close(self) -> None:
        # aiohttp's own `close` would give the protocol to the pool of a server.
        self._notify_release()
        protocol = self._protocol
        if protocol is not None:
            # A real request may wait for the place.
            self._connector._release_acquired(self._key, protocol)
            # The parser refers to the protocol. Such a cycle would wait for the garbage
            # collector, and memory would grow with each replay.
            self._protocol = protocol._parser = protocol._payload = None

    release = close

    def __del__(self, *_: Any) -> None:
        # A real connection warns that it was not closed.
        pass


class _Nowhere(asyncio.Transport):
    """A transport that drops the request, as a replay sends nothing."""

    def write(self, *_: Any, **__: Any) -> None:
        pass

    writelines = close = abort = pause_reading = resume_reading = write

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


_NOWHERE = _Nowhere()


class ReplayedProtocol(ResponseHandler):
    """Gets the recorded response to a request when the session reads it.

    The body comes piece by piece.
    """

    def __init__(self, req: Any, exchange: dict[str, Any], step: Step) -> None:
        super().__init__(req.loop)
        self.transport = _NOWHERE
        self._exchange = exchange
        self._req: Any = req
        self._step = step
        self._is_decompressing = True

    def set_response_params(self, **params: Any) -> None:
        """Take the settings with which the session reads the response."""
        self._is_decompressing = params.get("auto_decompress", True)
        # Nothing arrives late.
        super().set_response_params(**{**params, "read_timeout": None})

    async def read(self) -> Any:
        """Return the message and the payload of the response.

        A recorded exception is raised.
        """
        # The request keeps its response. If the protocol kept the request, too, such a
        # cycle would wait for the garbage collector.
        req, self._req = self._req, None
        # Other tasks run here, as they do while the network is read.
        await asyncio.sleep(0)
        if req._continue is not None and not req._continue.done():
            # The session waits for `100 Continue` before it sends the body.
            req._continue.set_result(True)
        if "status" not in self._exchange:
            if "error" not in self._exchange:
                # The recorded request waited until it was cancelled, and so does this.
                await self._step.wait_async()
            raise _error(self._exchange["error"], req)
        self._response = StoredResponse(
            self._exchange, req.method, client_decodes=self._is_decompressing
        )
        first_piece, *later_pieces = self._response.arriving_pieces()
        # The pieces stand in reverse, so that `pop` takes the next one.
        self._pieces = later_pieces[::-1]
        self.data_received(first_piece)
        message, payload = await super().read()
        if payload is not EMPTY_PAYLOAD:
            # The reader lets each later piece arrive when it is waited for.
            payload.__class__ = _ReplayedReader
        return message, payload

    def close(self) -> None:
        """Close the connection. The connector does so when its session is closed."""
        if self.transport is not None:
            # From now on, the transport is None.
            super().close()
            # A real transport would call this in a later turn of the loop. `_NOWHERE`
            # calls nothing, and the connector waits for it.
            self._loop.call_soon(self.connection_lost, None)

    async def feed_next(self, payload: StreamReader) -> None:
        """Let the next piece of the recorded body arrive, or its end."""
        response = self._response
        failure = response.error
        if self._pieces:
            self.data_received(self._pieces.pop())
        elif response.waiting or self._step.waits:
            await self._step.wait_async()
        elif response.stopped:
            # What came next is not known: the recorded reader had left.
            raise self._step.exhausted()
        elif failure is None or failure["type"] == "closed":
            # aiohttp itself raises an error for a body that is shorter than announced.
            self.connection_lost(None)
        else:
            payload.set_exception(_error(failure, None))


class _UnsentProtocol(ReplayedProtocol):
    """Raises why the body of a request could not be read, in place of a response."""

    def __init__(self, req: Any, error: Exception, reason: Exception) -> None:
        super().__init__(req, {}, None)  # type: ignore[arg-type]
        self._failure = error
        self._reason = reason

    async def read(self) -> Any:
        """Raise the error where the session waits for the response."""
        self._req = None
        await asyncio.sleep(0)
        # aiohttp passes a timeout of the body on as it is: it is no cause of itself.
        if self._failure is self._reason:
            raise self._failure
        raise self._failure from self._reason


class _ReplayedReader(StreamReader):
    """A replayed body of aiohttp, whose next piece arrives when it is waited for."""

    __slots__ = ()

    async def _wait(self, func_name: str = "") -> None:  # noqa: ARG002
        """Let the next recorded piece arrive, where aiohttp waits for the network."""
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
        """Let all pieces of the recorded body arrive, as its reader drains it."""
        while not self.is_eof():
            await self._wait()


def record_body(
    payload: Any, recorder: ExchangeRecorder, when_left: Callable[[BaseException], None]
) -> None:
    """Record a real body as it arrives, until its end.

    `when_left` is called with the exception because of which the reader leaves the body
    before its end.
    """
    if payload is EMPTY_PAYLOAD:
        recorder.complete()
        return

    class RecordedReader(StreamReader):
        """A real body: what aiohttp's parser gives to its reader is recorded."""

        # An object may take another class only if both have the same slots.
        __slots__ = ()

        def feed_data(self, data: bytes, *size: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            recorder.chunks.append(bytes(data))
            return super().feed_data(data, *size)

        def feed_eof(self) -> None:
            try:
                recorder.complete()
            except Exception as error:
                # aiohttp, which calls this, would only log the error.
                super().set_exception(error)
            super().feed_eof()

        def set_exception(self, exc: BaseException, *cause: BaseException) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            when_left(exc)
            super().set_exception(exc, *cause)

    # The first chunks may have come with the head.
    recorder.chunks += map(bytes, payload._buffer)
    if payload.is_eof():
        recorder.complete()
    elif payload.exception() is not None:
        when_left(payload.exception())
    else:
        payload.__class__ = RecordedReader


def _error(failure: Failure, req: Any) -> Exception:
    """Return the exception of aiohttp for a recorded failure.

    The failure is one of connecting or of a response; without a request, one of the
    body of a response.
    """
    kind = failure["type"]
    message = failure["message"]
    if failure["class"] == "TimeoutError" and not message:
        # The total timeout of a session has no text.
        return asyncio.TimeoutError()
    if req is None and kind == "malformed":
        return aiohttp.ClientPayloadError(message)
    name = exception_name(failure, "aiohttp", aiohttp)
    proxy = getattr(req, "proxy", None)
    request: Any = req
    if kind == "proxy":
        return _refused_by_proxy(message, req)
    if kind in ("refused", "unreachable", "name") and proxy is not None:
        # It was the proxy that could not be reached: the error names its host.
        key_of_proxy = request.connection_key._replace(host=proxy.host, port=proxy.port)
        class_for_proxy: Any = aiohttp.ClientProxyConnectionError
        if kind == "name":
            class_for_proxy = getattr(aiohttp, name)
        return _error_of_connecting(class_for_proxy, key_of_proxy, failure)
    error_class: Any = getattr(aiohttp, name, None) or getattr(http_exceptions, name)
    if name == "HttpProcessingError":
        # aiohttp's parser gives this status to a response that it cannot parse.
        return error_class(code=400, message=message)  # type: ignore[no-any-return]
    is_of_connecting = issubclass(error_class, aiohttp.ClientConnectorError)
    if is_of_connecting or name == "ClientConnectorCertificateError":
        connection_key = getattr(req, "connection_key", None)
        return _error_of_connecting(error_class, connection_key, failure)
    return error_class(message)  # type: ignore[no-any-return]


def _error_of_connecting(
    error_class: Any, connection_key: Any, failure: Failure
) -> Exception:
    """Return the exception of aiohttp for a server that cannot be reached.

    The cause of the exception is the error of the system.
    """
    reason = system_error(failure)
    if isinstance(reason, OSError) and reason.strerror is None:
        # Without a number, aiohttp's own text has the `strerror` all the same.
        class_of_reason = OSError if failure["type"] == "name" else type(reason)
        reason = class_of_reason(None, failure["message"])
    error: Exception = error_class(connection_key, reason)
    error.__cause__ = reason
    return error


def _refused_by_proxy(message: str, req: Any) -> Exception:
    """Return aiohttp's exception for a proxy that answers instead of connecting."""
    url = getattr(req, "proxy", None) or req.url
    request_info = aiohttp.RequestInfo(url, "CONNECT", req.headers, url)
    # A text without a status was recorded through another client.
    status = 502
    # `407 Proxy Authentication Required`
    first_word, _, reason = message.partition(" ")
    if first_word.isdecimal():
        status = int(first_word)
        message = reason
    return aiohttp.ClientHttpProxyError(
        request_info, (), status=status, message=message
    )

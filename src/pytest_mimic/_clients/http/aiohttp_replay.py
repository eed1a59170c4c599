"""A connection of aiohttp whose protocol gets the bytes of a recorded response, and bodies that are recorded as they arrive.

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
    class_of,
    system_error,
)
from pytest_mimic._clients.http.responses import StoredResponse

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder
    from pytest_mimic._core.engine.steps import Step


def replayed_connection(
    connector: Any, req: Any, plain: dict[str, Any], step: Step
) -> Any:
    """Return a connection with a recorded response, or raise the recorded exception of connecting."""
    error = plain.get("error")
    if error is not None and "status" not in plain and error["type"] in CONNECTING:
        raise _error(error, req)
    protocol = ReplayedProtocol(req, plain, step)
    return _ReplayedConnection(connector, None, protocol, req.loop)  # type: ignore[arg-type]


class _ReplayedConnection(Connection):
    """A connection that belongs to no pool."""

    def close(self) -> None:
        self._notify_release()
        if (
            protocol := self._protocol
        ) is not None:  # it and its parser would wait for the garbage collector
            self._protocol = protocol._parser = protocol._payload = None

    release = close

    def __del__(self, *_: Any) -> None:
        # The real one warns about unclosed connections.
        pass


class _Nowhere(asyncio.Transport):
    """A transport that drops the request."""

    def write(self, *_: Any, **__: Any) -> None:
        pass

    writelines = close = abort = pause_reading = resume_reading = write

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


_NOWHERE = _Nowhere()


class ReplayedProtocol(ResponseHandler):
    """Gets the recorded response to a request when the session reads it, its body piece by piece."""

    def __init__(self, req: Any, plain: dict[str, Any], step: Step) -> None:
        super().__init__(req.loop)
        self.transport = _NOWHERE
        self._plain = plain
        self._req: Any = req
        self._step = step

    def set_response_params(self, **params: Any) -> None:
        # Nothing arrives late.
        super().set_response_params(**{**params, "read_timeout": None})

    async def read(self) -> Any:
        """Return the message and the payload of the response, or raise the recorded exception."""
        # The request keeps its response, and this the request: such a cycle would wait
        # for the garbage collector.
        req, self._req = self._req, None
        await asyncio.sleep(
            0
        )  # other tasks run here, as they do while the network is read
        if req._continue is not None and not req._continue.done():
            req._continue.set_result(True)
        if "status" not in self._plain:
            if "error" not in self._plain:
                await self._step.wait_async()
            raise _error(self._plain["error"], req)
        self._answer = StoredResponse(self._plain, req.method)
        first, *rest = self._answer.wire()
        self._pieces = rest[::-1]
        self.data_received(first)
        message, payload = await super().read()
        if payload is not EMPTY_PAYLOAD:
            payload.__class__ = _ReplayedReader
        return message, payload

    async def feed_next(self, payload: StreamReader) -> None:
        """Let the next piece arrive, or the end."""
        answer, error = self._answer, self._answer.error
        if self._pieces:
            self.data_received(self._pieces.pop())
        elif answer.waiting or self._step.waits:
            await self._step.wait_async()
        elif answer.stopped:
            raise self._step.exhausted()
        elif error is None or error["type"] == "closed":
            self.connection_lost(None)
        else:
            payload.set_exception(_error(error, None))


class _ReplayedReader(StreamReader):
    """Lets the next piece arrive when it is waited for."""

    __slots__ = ()

    async def _wait(self, func_name: str = "") -> None:  # noqa: ARG002
        await asyncio.sleep(0)
        protocol: Any = self._protocol
        if self._exception is None and not self._eof:
            if protocol._parser is None:
                raise RuntimeError("Connection closed.")  # as aiohttp does
            await protocol.feed_next(self)
        if self._exception is not None:
            raise self._exception

    async def wait_eof(self) -> None:
        while not self.is_eof():
            await self._wait()


def record_body(
    payload: Any, recorder: ExchangeRecorder, left: Callable[[BaseException], None]
) -> None:
    """Record a real body as it arrives, until its end or until it is `left` because of an exception."""
    if payload is EMPTY_PAYLOAD:
        recorder.complete()
        return

    class RecordedReader(StreamReader):
        """Gets the data from the parser."""

        __slots__ = ()

        def feed_data(self, data: bytes, *size: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            recorder.chunks.append(bytes(data))
            return super().feed_data(data, *size)

        def feed_eof(self) -> None:
            try:
                recorder.complete()
            except Exception as error:  # aiohttp, which calls this, would only log it
                super().set_exception(error)
            super().feed_eof()

        def set_exception(self, exc: BaseException, *cause: BaseException) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            left(exc)
            super().set_exception(exc, *cause)

    recorder.chunks += map(bytes, payload._buffer)
    if payload.is_eof():
        recorder.complete()
    elif payload.exception() is not None:
        left(payload.exception())
    else:
        payload.__class__ = RecordedReader


def _error(stored: Failure, req: Any) -> Exception:
    """Return the exception of aiohttp for a failure: of connecting, of a response, or without a request, of its body."""
    kind, message = stored["type"], stored["message"]
    name = class_of(stored, "aiohttp", aiohttp)
    make: Any = getattr(aiohttp, name, None) or getattr(http_exceptions, name)
    if (
        stored["class"] == "TimeoutError" and not message
    ):  # the total timeout of a session
        return asyncio.TimeoutError()
    if req is None and kind == "malformed":
        return aiohttp.ClientPayloadError(message)
    if name == "HttpProcessingError":
        return make(code=400, message=message)  # type: ignore[no-any-return]
    if (
        issubclass(make, aiohttp.ClientConnectorError)
        or name == "ClientConnectorCertificateError"
    ):
        return make(getattr(req, "connection_key", None), system_error(stored))  # type: ignore[no-any-return]
    return make(message)  # type: ignore[no-any-return]

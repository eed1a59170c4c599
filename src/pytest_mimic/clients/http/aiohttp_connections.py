"""Connections of aiohttp that give a recorded answer, and bodies that are recorded."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from functools import partial
from textwrap import dedent
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.payload import BytesPayload
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from pytest_mimic.client import Exchange, Function, Plain, Port
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import Attempt, BodyReplay, Read

# In bytes: a body up to this arrives without a reader, as aiohttp's buffer is larger.
_ARRIVES = 1 << 16
_IN_BRACKETS = re.compile(r"\[(.*)\]$", re.S)
_UNIX_SOCKET = re.compile("Cannot connect to unix socket (.*) ssl:", re.S)


async def connect(
    port: Port,
    original: Function,
    connector: Any,
    request: Any,
    *args: Any,
    **options: Any,
) -> Any:
    """Connect a request, for real or to its recorded answer."""
    really = partial(original, connector, request, *args, **options)
    headers = list(request.headers.items())
    read = partial(requests.read, request.method, str(request.url), headers)
    is_streamed = request.body and not isinstance(request.body, (bytes, BytesPayload))
    path = getattr(connector, "path", None)  # of a Unix socket
    server = f"unix:{path}" if path else None
    search = port.body_search(read(), "aiohttp", server=server) if is_streamed else None
    if search is not None:
        _search_body(request, search)
        return await really()
    plain = read(await _body_of(request))
    exchange = port.begin(plain, "aiohttp", server=server)
    if exchange is None:
        return await really()
    return await _AiohttpAttempt(connector, request, exchange).connection(really)


def _search_body(request: Any, search: Callable[[bytes], bytes]) -> None:
    """Let the body of a request be searched as it is written."""
    original = request.write_bytes

    async def write_bytes(writer: Any, *args: Any) -> None:
        really = writer.write
        writer.write = lambda piece: really(search(bytes(piece)))
        await original(writer, *args)

    request.write_bytes = write_bytes


async def _body_of(request: Any) -> bytes:
    """Return the body of a request; it replaces a body that can be read only once.

    Raises:
        ClientConnectionError: The application's own body has raised.
    """
    body = request.body
    if not body or isinstance(body, bytes):
        return body or b""
    try:
        data: bytes = await body.as_bytes()
    except Exception as error:
        words = f"Failed to send bytes into the underlying connection: {error!r}"
        raise aiohttp.ClientConnectionError(words) from error
    if body.consumed:
        request._body = BytesPayload(data, headers=body.headers)
    return data


class _AiohttpAttempt(Attempt):
    """The connection of a request and the answer on it, recorded or real.

    A real answer is recorded as it arrives. To verify, it is read here, and the session
    gets the recorded one.

    Args:
        connector: Connects the request.
        request: The request.
        exchange: The call.
    """

    is_task = True
    phase = "connecting"
    # The head of the real answer, and its body.
    _message: Any = None
    _payload: Any = None

    def __init__(self, connector: Any, request: Any, exchange: Exchange) -> None:
        self.exchange = exchange
        self.request = request
        self._connector = connector
        # How its session reads the answer.
        self._params: dict[str, Any] = {}

    async def connection(self, really: Function) -> Any:
        """Return the connection, or raise its error."""
        if self.exchange.mode == "replay":
            protocol = await self.answer()
        else:
            try:
                with self.exchange.real:
                    connection = await really()
            except BaseException as error:
                answer = self.recorder.fail(error, self.phase)
                if answer is None:
                    raise
                protocol = await self.verified(answer)
            else:
                self._watch(connection)
                return connection
        # A connector closes what it has given out when its session is closed.
        self._connector._acquired.add(protocol)
        key = self.request.connection_key
        return Connection(self._connector, key, protocol, self.request.loop)

    def _watch(self, connection: Any) -> None:
        """Take what a session reads from a real connection."""
        # An answer may be dropped before its end, with its connection or session.
        connection.add_callback(self._end)
        protocol = connection.protocol
        set_really, self._read_really = protocol.set_response_params, protocol.read

        def set_response_params(**params: Any) -> None:
            self._params = params
            del protocol.set_response_params
            set_really(**params)

        async def read() -> Any:
            del protocol.read
            found = await self.answer()
            if isinstance(found, _ReplayedProtocol):
                found.set_response_params(**self._params)
                return await found.read()
            return found

        protocol.set_response_params, protocol.read = set_response_params, read

    async def send(self) -> Read:
        """Read the head of the answer, and return what reads the rest."""
        self.phase = "reading"
        code = 0
        while code < 200 and code != 101:
            # The timeout of the whole session is an error only outside of its timer.
            with self._params["timer"]:
                message, self._payload = await self._read_really()
            code = message.code
            if code < 200:
                _let_write(self.request)
        self._message = message
        is_unpacked = self._params["auto_decompress"] and message.compression
        return answers.Head(
            message.code,
            # It came in bytes that aiohttp takes for UTF-8.
            message.reason.encode("utf-8", "surrogateescape").decode("latin-1"),
            answers.decoded(message.raw_headers),
            version="HTTP/{}.{}".format(*message.version),
            unpacked=message.compression if is_unpacked else "",
        ).read

    def real_answer(self) -> Any:
        """Return the head and the body, which is recorded as it arrives."""
        payload = self._payload
        # The first pieces may have come with the head.
        for data in getattr(payload, "_buffer", ()):
            self.recorder.feed(bytes(data))
        if payload.is_eof():
            self.recorder.end()
        elif payload.exception() is not None:
            self.recorder.fail(payload.exception())
        else:
            payload._protocol.recorder = self.recorder
            payload.__class__ = _RecordedReader
        return self._message, payload

    async def read(self, real_answer: Any) -> None:
        """Read the body."""
        _, payload = real_answer
        while not payload.at_eof() and not self.recorder.is_enough():
            await payload.readany()

    def _end(self) -> None:
        """End the exchange with its connection, if its end has not come."""
        # What runs through the reader may be its own error; a cancellation or a timeout
        # is none.
        error = sys.exc_info()[1]
        is_cancelled = type(error).__name__ in ("CancelledError", "TimeoutError")
        if self._message is None:
            self.exchange.abandon(error)
        elif error is not None and is_cancelled:
            self.recorder.fail(error)
        else:
            self.recorder.leave()

    def build(self, answer: Plain) -> Any:
        """Return a protocol that gives an answer, or an error of connecting."""
        method, is_packed = self.request.method, self.takes_packed(answer)
        response = answers.Response(answer, method, is_packed=is_packed)
        if not response.status and response.error["kind"] in failures.BEFORE_SENDING:
            return _error(response.error, self.request)
        return _ReplayedProtocol(self, response)


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

    def __init__(self, attempt: _AiohttpAttempt, response: answers.Response) -> None:
        super().__init__(attempt.request.loop)
        self.transport = _Nowhere()
        self._attempt: Any = attempt
        self._exchange = attempt.exchange
        self._response = response
        # It goes into no pool.
        self.force_close()

    def set_response_params(self, **params: Any) -> None:
        """Take the settings, by which the session decompresses, or does not.

        Nothing arrives late.
        """
        super().set_response_params(**{**params, "read_timeout": None})
        pieces = self._response.on_the_wire()
        self._replay = BodyReplay(self._attempt, self._response, pieces)

    async def read(self) -> Any:
        """Return the head and the payload, or raise an error in place of the head."""
        # The request keeps its answer: a cycle would wait for the garbage collector.
        request, self._attempt = self._attempt.request, None
        # Other tasks run while the network is read.
        await asyncio.sleep(0)
        _let_write(request)
        if not self._response.status:
            raise _error(self._response.error, request)
        await self.feed_next()
        # Who does not read it has an answer that is at its end, too.
        while self._arrives_at_once() and self._replay.pieces:
            await self.feed_next()
        message, payload = await super().read()
        if payload is not EMPTY_PAYLOAD:
            payload.__class__ = _ReplayedReader
        return message, payload

    def _arrives_at_once(self) -> bool:
        """Whether the body comes with the head: it is short, whole and no stream."""
        pieces = self._response.pieces
        is_short = sum(map(len, pieces)) <= _ARRIVES
        return self._response.is_whole and len(pieces) <= 1 and is_short

    async def feed_next(self, payload: Any = None) -> None:
        """Let the head arrive, the next piece of a body, or its end."""
        piece = await self._replay.next()
        if piece:
            self.data_received(piece)
        elif self._response.error:
            payload.set_exception(_error(self._response.error, None))
        else:
            self.connection_lost(None)

    def close(self) -> None:
        """Close it: its reader does not read on."""
        super().close()
        self._exchange.leave()
        # A real transport would call this, and the connector waits for it.
        self._parser = None
        self.feed_eof()
        self.connection_lost(None)


def _let_write(request: Any) -> None:
    """Let a request be written that waits to be told to continue."""
    waiting = request._continue
    if waiting is not None and not waiting.done():
        waiting.set_result(True)


class _ReplayedReader(StreamReader):
    """A replayed body, whose next piece arrives when it is waited for."""

    __slots__ = ()

    async def _wait(self, func_name: str = "") -> None:  # noqa: ARG002
        protocol: Any = self._protocol
        if self._exception is None and not self._eof:
            if protocol.transport is None:
                # aiohttp raises this error, too.
                raise RuntimeError("Connection closed.")
            # The first piece often comes with the head.
            if self.total_bytes:
                await asyncio.sleep(0)
            await protocol.feed_next(self)
        if self._exception is not None:
            raise self._exception

    async def wait_eof(self) -> None:
        """Let all pieces arrive, as a reader drains a body."""
        while not self.is_eof():
            await self._wait()


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
    class_ = failures.class_of(error, ["aiohttp"])
    if not issubclass(class_, _OF_CONNECTING):
        return class_(text)  # type: ignore[no-any-return]
    key = request.connection_key
    inner = _IN_BRACKETS.search(text)
    class_of_reason = ConnectionRefusedError if kind == "refused" else OSError
    reason = class_of_reason(None, inner[1] if inner else text)
    # The error of a Unix socket has its path before what all of them have.
    path = _UNIX_SOCKET.match(text)
    facts: list[Any] = [path[1], key, reason] if path else [key, reason]
    found: Exception = class_(*facts)
    found.__cause__ = reason
    return found


_OF_CONNECTING = (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)

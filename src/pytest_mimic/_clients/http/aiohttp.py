"""The adapter of aiohttp. Its edge is `BaseConnector.connect`.

That is below sessions, redirects, cookies and middlewares. Read against aiohttp 3.12.1
to 3.14. In a replay the session gets a connection with the recorded response
(aiohttp_connections.py): the request is built and written as usual, to nowhere, and the
response is the session's own. WebSockets and `aiohttp.test_utils` are left alone. A
replay connects to nothing, so trace configs see no connection events.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.http_calls import HttpAdapter, HttpRequest, RequestTaker
from pytest_mimic._clients.http.responses import ExchangeRecorder
from pytest_mimic.client import Edge, is_cancellation

if TYPE_CHECKING:
    from pytest_mimic.client import Port, Step


# The status of a response after which the connection is another one, a WebSocket.
_STATUS_OF_SWITCHING = 101


class AiohttpAdapter(HttpAdapter):
    """The adapter of `aiohttp`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that connects a request to its server."""
        return [Edge("aiohttp.connector", ("BaseConnector", "connect"), _wrap_connect)]


def _wrap_connect(
    original: Callable[..., Awaitable[Any]], port: Port
) -> Callable[..., Any]:
    """Return the `connect` of a connector: the connection may have a recorded response.

    The request is decided about here, before the session writes it.
    """
    taker = RequestTaker(port)

    @wraps(original)
    async def connect(self: Any, req: Any, *args: Any, **options: Any) -> Any:
        if not port.taking() or _in_test_client():
            # Nothing is mimicked here, or the server is the application under test.
            return await original(self, req, *args, **options)
        body = b""
        if req.body:
            try:
                body = await _body_of(req, req.body)
            except Exception as error:
                # The body is a generator of the application, for example. Its error is
                # no answer of a server: nothing is recorded.
                return _connection_of_unsent(self, req, error)
        request = HttpRequest(
            req.method, str(req.url), tuple(req.headers.items()), body
        )
        step = taker.begin(request)
        if step is None:
            # The request is left out, and goes to its server.
            return await original(self, req, *args, **options)
        # The module imports aiohttp.
        from pytest_mimic._clients.http.aiohttp_connections import replayed_connection

        if step.mode == "replay":
            return replayed_connection(self, req, step.outcome(is_read_only=True), step)
        recorder = _AiohttpRecorder(step, req._timer)
        connection = None
        with recorder.watching():
            connection = await original(self, req, *args, **options)
            recorder.phase = "reading"
        if connection is None:
            # To connect failed while the recording is verified.
            return replayed_connection(self, req, recorder.recorded(), step)
        # This object replaces methods of the connection, which keep it alive.
        _NextResponse(connection, req, recorder)
        return connection

    return connect


def _in_test_client() -> bool:
    """Check whether aiohttp's own test client sends the request.

    Its server is the application under test, so that the request is no call.
    """
    test_utils = sys.modules.get("aiohttp.test_utils")
    if test_utils is None:
        return False
    code_of_test_client = test_utils.TestClient._request.__code__
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not code_of_test_client:
        frame = frame.f_back
    return frame is not None


def _connection_of_unsent(connector: Any, req: Any, error: Exception) -> Any:
    """Return a connection for a request whose body raises an error when it is read.

    The session gets the error where it would have sent the body.
    """
    # The module imports aiohttp.
    from pytest_mimic._clients.http.aiohttp_connections import unsent_connection

    return unsent_connection(connector, req, error)


async def _body_of(req: Any, body: Any) -> bytes:
    """Return the whole body of a request, which counts in its identity.

    A body that can be read only once is replaced by its bytes.
    """
    if isinstance(body, bytes):
        return body
    body_bytes: bytes = await body.as_bytes()
    if body.consumed:
        # A file or a generator, which has no bytes for a real request any more.
        payload = sys.modules["aiohttp.payload"]
        req._body = payload.BytesPayload(body_bytes, headers=body.headers)
    return body_bytes


def _decodes_nothing() -> bool:
    """Tell an `ExchangeRecorder` that the session does not decompress the body."""
    return False


class _AiohttpRecorder(ExchangeRecorder):
    """Tells a timeout of the whole session from a cancellation by the application.

    The timeout is recorded. A cancellation is no outcome.
    """

    def __init__(self, step: Step, timer: Any) -> None:
        super().__init__(step)
        self._timer = timer

    def fail(self, error: BaseException) -> None:
        """Record an exception of the client; of a cancellation, only the timeout's."""
        # When the total timeout of a session is over, aiohttp's timer sets `_cancelled`
        # and cancels the task. Further up, the task gets a timeout instead. A session
        # without a timeout has a timer without this attribute.
        is_timeout = getattr(self._timer, "_cancelled", False)
        if is_timeout and is_cancellation(error):
            self.phase = "reading"
            error = TimeoutError()
        super().fail(error)


class _NextResponse:
    """Lets the recorder see the next response on a real connection, and no other.

    To verify, the response is read here, and the session gets the recorded one.
    """

    def __init__(self, connection: Any, req: Any, recorder: ExchangeRecorder) -> None:
        protocol = connection.protocol
        self._protocol = protocol
        self._req = req
        self._recorder = recorder
        # The settings with which the session reads the response: a recorded one is read
        # with the same.
        self._params: dict[str, Any] = {}
        self._real_read = protocol.read
        self._set_real_params = protocol.set_response_params
        protocol.read = self._read
        protocol.set_response_params = self._set_response_params
        # A response may be dropped before its end: returned with its connection, or
        # lost with its session.
        connection.add_callback(self._end_unless_ended)

    def _set_response_params(self, **params: Any) -> None:
        """Note what the session sets on the protocol, and set it."""
        self._params = params
        self._set_real_params(**params)

    async def _read(self) -> Any:
        """Return the message and the payload of the next response to the session."""
        from pytest_mimic._clients.http.aiohttp_connections import (
            ReplayedProtocol,
            record_body,
        )

        recorder = self._recorder
        protocol = self._protocol
        with recorder.watching():
            message, payload = await self._real_read()
            if 100 <= message.code < 200 and message.code != _STATUS_OF_SWITCHING:
                # The response is informational: another one follows.
                return message, payload
            # The methods of the class show again.
            del protocol.read, protocol.set_response_params
            version = f"HTTP/{message.version.major}.{message.version.minor}"
            headers = message.raw_headers
            # aiohttp names no compression where there are two: it undoes neither.
            is_decompressed = self._params.get("auto_decompress", True)
            if is_decompressed and message.compression:
                recorder.undone_encoding = message.compression
            else:
                recorder.decodes = _decodes_nothing
            # The reason is what the server sent, in bytes that aiohttp takes for UTF-8.
            reason = (message.reason or "").encode("utf-8", "surrogateescape")
            recorder.start(message.code, reason.decode("latin-1"), version, headers)
            record_body(payload, recorder, self._end_unless_ended)
            if not recorder.is_verifying:
                return message, payload
            # As much is read as the recording has, to compare it.
            while not payload.at_eof() and not recorder.has_as_much_as_recorded:
                await payload.readany()
        # The session gets the recorded response in place of the real one.
        recorder.stop()
        replayed_protocol = ReplayedProtocol(
            self._req, recorder.recorded(), recorder.step
        )
        replayed_protocol.set_response_params(**self._params)
        return await replayed_protocol.read()

    def _end_unless_ended(self, error: BaseException | None = None) -> None:
        """End the exchange, if its end has not come.

        It broke, or its reader gives it up, perhaps because of an exception.
        """
        recorder = self._recorder
        is_left_by_reader = error is None or str(error) == "Connection closed"
        if is_left_by_reader:
            # The exception that runs through the reader may be its own, and have
            # nothing to do with the exchange. A cancellation or a timeout has.
            error = sys.exc_info()[1]
            is_cancelled = type(error).__name__ in ("CancelledError", "TimeoutError")
            if recorder.head and not is_cancelled:
                error = None
        if error is None:
            recorder.stop()
        else:
            recorder.fail(error)

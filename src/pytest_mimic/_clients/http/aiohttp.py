"""The adapter of aiohttp: `BaseConnector.connect`, which is below sessions, redirects, cookies and middlewares.

Read against aiohttp 3.12.1 to 3.14. In a replay the session gets a connection with the recorded response
(aiohttp_replay.py): the request is built and written as usual, to nowhere, and the response is the session's own. WebSockets
and `aiohttp.test_utils` are left alone. A replay connects to nothing, so trace configs see no connection events.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, wraps
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.failures import aiohttp_failure
from pytest_mimic._clients.http.responses import ExchangeRecorder
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._clients.http.aiohttp_replay import ReplayedProtocol
    from pytest_mimic._core.seam.base import Port


class AiohttpAdapter(HttpAdapter):
    """The adapter of `aiohttp`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that connects a request to its server."""
        return [Edge("aiohttp.connector", ("BaseConnector", "connect"), _wrap_connect)]


def _wrap_connect(original: Callable[..., Awaitable[Any]], port: Port) -> Callable[..., Any]:
    own = Exchange(port)

    @wraps(original)
    async def connect(self: Any, req: Any, *args: Any, **options: Any) -> Any:
        takers = own.takers()
        if not takers or _in_test_client():
            return await original(self, req, *args, **options)
        exchange, body = takers[0], req.body
        if body:
            body = await _body_of(req, body)
        sent = HttpRequest(req.method, str(req.url), tuple(req.headers.items()), body or b"")
        step = exchange.begin(sent)
        if step is None:
            return await original(self, req, *args, **options)
        replay = _replay_module()
        if step.mode == "replay":
            plain = step.outcome(is_read_only=True)
            return replay.replayed_connection(
                replay.ReplayedProtocol(self, req, lambda: plain, step.exhausted)
            )
        recorder = ExchangeRecorder(step)
        replayed = replay.ReplayedProtocol(self, req, recorder.recorded, recorder.exhausted)
        try:
            with step.running():
                connection = await original(self, req, *args, **options)
        except BaseException as error:
            _record_error(recorder, error, req, at="connect")
            if not step.answers(error):
                raise
            return replay.replayed_connection(replayed)
        _NextResponse(connection, req, recorder, replayed)
        return connection

    return connect


@cache
def _replay_module() -> Any:
    from pytest_mimic._clients.http import aiohttp_replay  # it imports aiohttp, which is loaded by now

    return aiohttp_replay


def _in_test_client() -> bool:
    """Check whether aiohttp's own test client sends the request: its server is the application under test."""
    tools = sys.modules.get("aiohttp.test_utils")
    if tools is None:
        return False
    code = tools.TestClient._request.__code__
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


async def _body_of(req: Any, body: Any) -> bytes:
    """Return the whole body of a request. A body that can be read only once is replaced by its bytes."""
    if isinstance(body, bytes):
        return body
    data: bytes = await body.as_bytes()
    if body.consumed:
        req._body = sys.modules["aiohttp.payload"].BytesPayload(data, headers=body.headers)
    return data


class _NextResponse:
    """Lets the recorder see the next response on a real connection, and nothing after it.

    To verify, the response is read here, and the session gets that of the `replayed` protocol.
    """

    def __init__(
        self, connection: Any, req: Any, recorder: ExchangeRecorder, replayed: ReplayedProtocol
    ) -> None:
        self._protocol = protocol = connection.protocol
        self._req = req
        self._recorder = recorder
        self._replayed = replayed
        # A response may be dropped before its end: returned with its connection, or lost with its session.
        self._leave: Callable[[], None] = recorder.stop
        self._real_read, self._set_params = protocol.read, protocol.set_response_params
        protocol.read, protocol.set_response_params = self._read, self._set_response_params
        protocol.connection_lost = self._connection_lost
        connection.add_callback(self._released)

    def _set_response_params(self, **params: Any) -> None:
        self._set_params(**params)
        self._replayed.set_response_params(**params)

    async def _read(self) -> Any:
        recorder, protocol = self._recorder, self._protocol
        try:
            message, payload = await self._real_read()
        except BaseException as error:
            _record_error(recorder, error, self._req, at="response")
            if not recorder.step.answers(error):
                raise
            return await self._replayed.read()
        if 100 <= message.code < 200 and message.code != 101:  # another response follows
            return message, payload
        # The methods of the class show again.
        del protocol.read, protocol.set_response_params
        version = f"HTTP/{message.version.major}.{message.version.minor}"
        decoded = self._replayed.params.get("auto_decompress", True)
        recorder.start(message.code, message.reason, version, message.raw_headers, decoded=decoded)
        payload, self._leave = _replay_module().recorded_body(payload, recorder)
        if not recorder.is_verifying:
            return message, payload
        try:  # read what the recording has, to compare it
            while not (payload.at_eof() or recorder.has_enough):
                await payload.readany()
        except BaseException as error:
            recorder.abandon(error)  # the reader has recorded it, unless it is an interrupt
            if not recorder.step.answers(error):
                raise
        self._leave()
        return await self._replayed.read()

    def _connection_lost(self, error: BaseException | None) -> None:
        type(self._protocol).connection_lost(self._protocol, error)
        if self._recorder.head:
            self._leave()

    def _released(self) -> None:
        error, recorder = sys.exc_info()[1], self._recorder
        if error is not None and not recorder.head and not recorder.done:
            _record_error(recorder, error, self._req, at="request")  # the request could not be written
        self._leave()


def _record_error(recorder: ExchangeRecorder, error: BaseException, req: Any, *, at: str) -> None:
    """Record the exception that came instead of a response."""
    from asyncio import CancelledError

    if isinstance(error, CancelledError) and getattr(req._timer, "_cancelled", False):
        # The session's total timeout cancels the task, and raises a timeout instead further up.
        recorder.fail({"type": "reading", "message": "", "total": True})
    elif isinstance(error, Exception):
        recorder.fail(aiohttp_failure(error, at=at), error)
    else:
        recorder.abandon(error)

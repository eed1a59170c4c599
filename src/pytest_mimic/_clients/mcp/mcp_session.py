"""One connection of an MCP client: its streams, and between them the recordings and, once a request has to run, the real server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.mcp.mcp_messages import (
    describe,
    outcome_of,
    plain_message,
    replayed_messages,
    sdk_message,
)

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port, Step

_CANCELLED = "notifications/cancelled"
_NO_ANSWER = -32603  # an internal error of JSON-RPC


class _Open(NamedTuple):
    """A request that the real server has not answered yet."""

    request: dict[str, Any]
    step: Step
    messages: list[dict[str, Any]]  # what the server has sent since


class McpSession:
    """Stands between a session of the SDK and its transport.

    `server` is the first argument of the transport: the command of a server, or its URL. `connect` returns the real
    transport's block. With `gives_id`, the transport gives a function for the session's id beside its streams, as one of
    mcp 1 does.
    """

    def __init__(
        self,
        port: Port,
        server: Any,
        connect: Callable[[], AbstractAsyncContextManager[Any]],
        *,
        gives_id: bool,
    ) -> None:
        self._port = port
        self._server = server
        self._connect = connect
        self._gives_id = gives_id
        self._open: dict[Any, _Open] = {}
        self._replayed: list[Any] = []  # what the real server has not seen of the client's messages
        self._expected: dict[Any, tuple[str, Any]] = {}  # the requests of a replayed server: method, event
        self._answers: dict[str, deque[dict[str, Any]]] = {}  # what the client answered them, by the method
        self._unasked: list[dict[str, Any]] = []  # messages of the server while no request was open
        self._to_server: Any = None  # the real transport's stream

    def open(self, tasks: Any) -> tuple[Any, ...]:
        """Return the streams that the SDK reads and writes, and the function for the session's id."""
        import anyio

        self._tasks = tasks
        self._stopping = anyio.Event()
        self._connecting = anyio.Lock()
        self._to_client, from_server = anyio.create_memory_object_stream[Any](inf)
        return (from_server, _Writer(self), *((lambda: None,) if self._gives_id else ()))

    async def close(self) -> None:
        """Stop the real server. A request that stays open until then has no answer, which is its outcome."""
        for one in self._open.values():
            if one.messages and "/listen" in one.request["method"]:
                one.step.finish(outcome_of(one.messages, None, self._port, one.request))
            else:
                one.step.abandon()
        self._open.clear()
        self._stopping.set()
        if self._to_server is not None:
            await self._stopped.wait()
        self._to_client.close()

    async def send(self, message: Any) -> None:
        """Take a message of the client.

        Raises:
            MissingRecordingError: It is a request without a recording, and the mode does not run it.
        """
        plain = plain_message(message)
        if "method" not in plain:
            await self._answer(message, plain)
        elif "id" not in plain:
            await self._notify(message, plain)
        else:
            await self._ask(message, plain)

    # -- requests of the client

    async def _ask(self, message: Any, request: dict[str, Any]) -> None:
        step = self._port.begin(describe(self._port, self._server, request))
        if step.mode == "replay":
            if self._to_server is None:
                self._replayed.append(message)
            self._replay(step, request)
            return
        if step.mode != "pass":
            self._open[request["id"]] = _Open(request, step, self._unasked)
            self._unasked = []
        try:
            with step.running() if step.mode != "pass" else nullcontext():
                await self._send_for_real(message)
        except BaseException as error:
            if (one := self._open.pop(request["id"], None)) is None:
                raise
            one.step.abandon(error)
            if not one.step.answers(error):
                raise
            self._replay(one.step, request)

    def _replay(self, step: Step, request: dict[str, Any]) -> None:
        messages = replayed_messages(step.outcome(), request)
        if step.mode == "verify":  # the client has answered the real server's requests
            messages = [one for one in messages if "id" not in one or "method" not in one]
        if any("method" in one and "id" in one for one in messages):
            self._tasks.start_soon(self._converse, messages)
        else:
            self._give(messages)

    def _give(self, messages: list[dict[str, Any]]) -> None:
        for one in messages:
            self._pass(sdk_message(one))

    def _pass(self, message: Any) -> None:
        """Let the client read a message, unless its session has ended while the transport is still open."""
        import anyio

        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._to_client.send_nowait(message)

    async def _converse(self, messages: list[dict[str, Any]]) -> None:
        """Give messages among which are requests of the server: what follows comes after the client's answer."""
        import anyio

        for one in messages:
            if "method" in one and "id" in one:
                answered = anyio.Event()
                self._expected[one["id"]] = one["method"], answered
                self._give([one])
                await answered.wait()
            else:
                self._give([one])

    # -- other messages of the client

    async def _answer(self, message: Any, plain: dict[str, Any]) -> None:
        if (expected := self._expected.pop(plain["id"], None)) is not None:
            method, answered = expected
            if self._to_server is None:
                self._answers.setdefault(method, deque()).append(plain)
            answered.set()
        elif self._to_server is not None:
            await self._send_for_real(message)

    async def _notify(self, message: Any, plain: dict[str, Any]) -> None:
        if plain["method"] == _CANCELLED:
            one = self._open.pop((plain.get("params") or {}).get("requestId"), None)
            if one is not None:
                one.step.abandon()
        if self._to_server is None:
            self._replayed.append(message)
        else:
            await self._send_for_real(message)

    # -- the real server

    async def _send_for_real(self, message: Any) -> None:
        with self._port.unmimicked():  # the transport's own requests belong to this call
            async with self._connecting:
                if self._to_server is None:
                    await self._tasks.start(self._talk)
            to_server: Any = self._to_server
            await to_server.send(message)

    async def _talk(self, *, task_status: Any) -> None:
        """Start the real server, let it know what was replayed, and pass its messages on until the session ends."""
        import anyio

        self._stopped = anyio.Event()
        try:
            async with self._connect() as (from_server, to_server, *_):
                for message in self._replayed:
                    await to_server.send(message)
                    request = plain_message(message)
                    is_open = "id" in request and "method" in request
                    while is_open:
                        received = await from_server.receive()
                        plain = {} if isinstance(received, Exception) else plain_message(received)
                        if "method" in plain and "id" in plain:
                            await to_server.send(self._answer_again(plain))
                        else:
                            is_open = plain.get("id") != request["id"]
                self._replayed.clear()
                self._to_server = to_server
                task_status.started()
                async with anyio.create_task_group() as reading:
                    reading.start_soon(self._read, from_server)
                    await self._stopping.wait()
                    reading.cancel_scope.cancel()
        finally:
            self._stopped.set()

    def _answer_again(self, request: dict[str, Any]) -> Any:
        """Return what the client answered to this request of a replayed server; an error if it has answered no such request."""
        again = self._answers.get(request["method"])
        if again:
            answer = again.popleft()
        elif request["method"] == "ping":
            answer = {"jsonrpc": "2.0", "result": {}}
        else:
            text = f"the recording of this session has no answer to {request['method']}"
            answer = {"jsonrpc": "2.0", "error": {"code": _NO_ANSWER, "message": text}}
        return sdk_message({**answer, "id": request["id"]})

    async def _read(self, from_server: Any) -> None:
        async for message in from_server:
            self._receive(message)
        self._to_client.close()  # the server has ended

    def _receive(self, message: Any) -> None:
        plain = {} if isinstance(message, Exception) else plain_message(message)
        one = None
        if "method" in plain:
            asking = self._asking(plain)
            (self._unasked if asking is None else asking.messages).append(plain)
            if "id" not in plain and asking is not None and asking.step.mode == "verify":
                return  # the client gets the recorded ones
        else:
            one = self._open.pop(plain.get("id"), None)
        if one is not None:
            one.step.finish(outcome_of(one.messages, plain, self._port, one.request))
        if one is not None and one.step.mode == "verify":
            self._replay(one.step, one.request)
        else:
            self._pass(message)

    def _asking(self, plain: dict[str, Any]) -> _Open | None:
        """Return the request that a message of the server belongs to: that of its token, else the oldest one that is open."""
        token = (plain.get("params") or {}).get("progressToken")
        return self._open.get(token) or next(iter(self._open.values()), None)


class _Writer:
    """The stream to which the SDK writes."""

    def __init__(self, session: McpSession) -> None:
        self._session = session
        self._is_closed = False

    async def send(self, message: Any) -> None:
        import anyio

        if self._is_closed:
            raise anyio.ClosedResourceError
        await self._session.send(message)

    async def aclose(self) -> None:
        self._is_closed = True

    def close(self) -> None:
        self._is_closed = True

    async def __aenter__(self) -> _Writer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True

"""One connection of an MCP client: its streams, and between them the recordings or the real server."""

from __future__ import annotations

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
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port, Step


class _Open(NamedTuple):
    """A request that the real server has not answered yet."""

    request: dict[str, Any]
    step: Step
    messages: list[dict[str, Any]]  # what the server has sent since


class McpSession:
    """Stands between a session of the SDK and its transport.

    `server` is the first argument of the transport, the command of a server. `connect` returns the real transport's block.
    """

    def __init__(
        self, port: Port, server: Any, connect: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        self._port = port
        self._server = server
        self._connect = connect
        self._open: dict[Any, _Open] = {}
        self._has_replayed = False
        self._to_server: Any = None  # the real transport's stream

    def open(self, tasks: Any) -> tuple[Any, ...]:
        """Return the streams that the SDK reads and writes."""
        import anyio

        self._tasks = tasks
        self._stopping = anyio.Event()
        self._connecting = anyio.Lock()
        self._to_client, from_server = anyio.create_memory_object_stream[Any](inf)
        return from_server, _Writer(self)

    async def close(self) -> None:
        """Stop the real server. Requests that are open have no outcome."""
        for one in self._open.values():
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
            UnstorableOutcomeError: It is a new request of a session whose first requests were replayed.
        """
        plain = plain_message(message)
        if "method" in plain and "id" in plain:
            await self._ask(message, plain)
        else:
            if plain.get("method") == "notifications/cancelled":
                one = self._open.pop((plain.get("params") or {}).get("requestId"), None)
                if one is not None:
                    one.step.abandon()
            if self._to_server is not None:
                await self._send_for_real(message)

    async def _ask(self, message: Any, request: dict[str, Any]) -> None:
        step = self._port.begin(describe(self._port, self._server, request))
        if step.mode == "replay":
            self._has_replayed = True
            self._replay(step, request)
            return
        if self._has_replayed and self._to_server is None:
            step.abandon()
            raise UnstorableOutcomeError(
                f"mcp {request['method']} follows replayed requests, which no real server has seen",
                remedies=[
                    "to record the whole session again: pytest --mimic-rerecord, with all tests that use it"
                ],
            )
        if step.mode != "pass":
            self._open[request["id"]] = _Open(request, step, [])
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
        for one in replayed_messages(step.outcome(), request):
            self._pass(sdk_message(one))

    def _pass(self, message: Any) -> None:
        """Let the client read a message, unless its session has ended while the transport is still open."""
        import anyio

        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._to_client.send_nowait(message)

    # -- the real server

    async def _send_for_real(self, message: Any) -> None:
        with self._port.unmimicked():  # what the transport does belongs to this call
            async with self._connecting:
                if self._to_server is None:
                    await self._tasks.start(self._talk)
            to_server: Any = self._to_server
            await to_server.send(message)

    async def _talk(self, *, task_status: Any) -> None:
        """Start the real server, and pass its messages on until the session ends."""
        import anyio

        self._stopped = anyio.Event()
        try:
            async with self._connect() as (from_server, to_server, *_):
                self._to_server = to_server
                task_status.started()
                async with anyio.create_task_group() as reading:
                    reading.start_soon(self._read, from_server)
                    await self._stopping.wait()
                    reading.cancel_scope.cancel()
        finally:
            self._stopped.set()

    async def _read(self, from_server: Any) -> None:
        async for message in from_server:
            self._receive(message)
        self._to_client.close()  # the server has ended

    def _receive(self, message: Any) -> None:
        plain = {} if isinstance(message, Exception) else plain_message(message)
        if "method" in plain:
            asking = self._asking(plain)
            if asking is not None and "id" in plain and plain["method"] != "ping":
                self._refuse(asking, plain["method"])
            elif asking is not None and "id" not in plain:
                asking.messages.append(plain)
                if asking.step.mode == "verify":
                    return  # the client gets the recorded ones
            self._pass(message)
            return
        one = self._open.pop(plain.get("id"), None)
        if one is not None:
            one.step.finish(outcome_of(one.messages, plain, self._port, one.request))
        if one is not None and one.step.mode == "verify":
            self._replay(one.step, one.request)
        else:
            self._pass(message)

    def _refuse(self, asking: _Open, method: str) -> None:
        """Record nothing of a request for which the server asks the client, and fail the test."""
        del self._open[asking.request["id"]]
        asking.step.abandon()
        with suppress(UnstorableOutcomeError), self._port.noting:
            raise UnstorableOutcomeError(
                f"mcp {asking.request['method']} cannot be recorded: the server asks the client for {method}",
                remedies=["name the function around the session in mimic_functions"],
            )

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

    async def __aenter__(self) -> _Writer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True

    def close(self) -> None:
        self._is_closed = True

"""One connection of an MCP client: its streams, and between them the recordings or the real server.

Messages are JSON-RPC (https://modelcontextprotocol.io/specification). It is imported by
the first connection, since it needs
what the SDK is built on.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from math import inf
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._core.seam.base import ClientCall, recording
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.client_plan import Port
    from pytest_mimic._core.engine.steps import Step

anyio: Any = import_module("anyio")

# Their parameters tell the versions and abilities of the client, which change with each
# upgrade of the SDK.
_HANDSHAKES = ("initialize", "server/discover")
_SCHEMAS = ("inputSchema", "outputSchema")


class _Open(NamedTuple):
    """A request that the real server has not answered yet."""

    request: dict[str, Any]
    step: Step
    messages: list[dict[str, Any]]  # what the server has sent since


class McpSession:
    """Stands between a session of the SDK and its transport.

    `server` is the first argument of the transport, the command of a server. `connect`
    returns the real transport's block.
    """

    def __init__(
        self,
        port: Port,
        server: Any,
        connect: Callable[[], AbstractAsyncContextManager[Any]],
    ) -> None:
        self._port = port
        self._server = server
        self._connect = connect
        self._open: dict[Any, _Open] = {}
        self._has_replayed = False
        self._to_server: Any = None  # the real transport's stream
        self._connecting, self._talking, self._stopping = (
            anyio.Lock(),
            anyio.Lock(),
            anyio.Event(),
        )

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Any, Any]]:
        """Give the streams that the SDK reads and writes.

        At the end, open requests have no outcome.
        """
        self._to_client, from_server = anyio.create_memory_object_stream(inf)
        async with anyio.create_task_group() as self._tasks:
            try:
                yield from_server, _Writer(self.send)
            finally:
                for one in self._open.values():
                    one.step.cancel()
                self._stopping.set()
                with anyio.CancelScope(shield=True):
                    async with self._talking:
                        self._to_client.close()

    async def send(self, message: Any) -> None:
        """Take a message of the client. A request without a recording may be a miss."""
        plain = plain_message(message)
        if "method" in plain and "id" in plain:
            await self._ask(message, plain)
            return
        if plain.get("method") == "notifications/cancelled":
            one = self._open.pop((plain.get("params") or {}).get("requestId"), None)
            if one is not None:
                one.step.cancel()
        if self._to_server is not None:
            await self._send_for_real(message)

    async def _ask(self, message: Any, request: dict[str, Any]) -> None:
        step = self._port.begin(describe(self._port, self._server, request))
        if step is not None and step.mode == "replay":
            self._has_replayed = True
            self._replay(step, request)
            return
        is_sent = False
        with recording(step):
            if self._has_replayed and self._to_server is None:
                raise UnstorableOutcomeError(
                    f"mcp {request['method']} follows replayed requests, which no real server has seen",
                    remedies=[
                        "to record the whole session again: pytest --mimic-rerecord, with all tests that use it"
                    ],
                )
            if step is not None:
                opened = _Open(request, step, [])
                self._open[request["id"]] = opened
                step.arrived = partial(self._arrived, opened)
            await self._send_for_real(message)
            is_sent = True
        if step is not None and not is_sent:  # to verify
            del self._open[request["id"]]
            self._replay(step, request)

    def _arrived(self, opened: _Open, _end: str) -> dict[str, Any]:
        """Return what the server has sent for a request that it has not answered."""
        return outcome_of(opened.messages, {}, opened.step.call)

    async def _wait(self, step: Step) -> None:
        """Wait for an answer that did not come when the request was recorded."""
        await step.wait_async()

    def _replay(self, step: Step, request: dict[str, Any]) -> None:
        if step.waits:
            self._tasks.start_soon(self._wait, step)
        for one in replayed_messages(step.outcome(), request):
            self._pass(sdk_message(one))

    def _pass(self, message: Any) -> None:
        """Let the client read a message, unless its session has ended while the transport is still open."""
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
        async with self._talking, self._connect() as (from_server, self._to_server, *_):
            task_status.started()
            async with anyio.create_task_group() as reading:
                reading.start_soon(self._read, from_server)
                await self._stopping.wait()
                reading.cancel_scope.cancel()

    async def _read(self, from_server: Any) -> None:
        async for message in from_server:
            self._receive(message)
        self._to_client.close()  # the server has ended

    def _receive(self, message: Any) -> None:
        plain = {} if isinstance(message, Exception) else plain_message(message)
        if "method" in plain:
            # It belongs to the request of its token, else to the oldest one that is
            # open.
            token = (plain.get("params") or {}).get("progressToken")
            asking = self._open.get(token) or next(iter(self._open.values()), None)
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
            one.step.finish(outcome_of(one.messages, plain, one.step.call))
            if one.step.mode == "verify":
                self._replay(one.step, one.request)
                return
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


class _Writer(anyio.abc.ObjectSendStream):  # type: ignore[misc]
    """The stream to which the SDK writes."""

    def __init__(self, send: Callable[[Any], Any]) -> None:
        self._send, self._is_closed = send, False

    async def send(self, item: Any) -> None:
        if self._is_closed:
            raise anyio.ClosedResourceError
        await self._send(item)

    async def aclose(self) -> None:
        self._is_closed = True


# Messages as plain data, and back


def plain_message(message: Any) -> dict[str, Any]:
    """Return a message of the SDK as JSON has it."""
    plain: dict[str, Any] = message.message.model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    return plain


def sdk_message(plain: dict[str, Any]) -> Any:
    """Return the SDK's own object for a message."""
    types = sys.modules.get("mcp_types") or sys.modules["mcp.types"]
    if hasattr(types, "jsonrpc_message_adapter"):  # since mcp 2
        message = types.jsonrpc_message_adapter.validate_python(plain, by_name=False)
    else:
        message = types.JSONRPCMessage.model_validate(plain)
    return sys.modules["mcp.shared.message"].SessionMessage(message=message)


def describe(port: Port, server: Any, request: dict[str, Any]) -> ClientCall:
    """Return a request as the engine sees it.

    Servers are told apart by the order in which the test uses them. What the SDK adds
    to each request (`_meta`: tokens of
    progress, versions, traces) does not count.
    """
    method, params = request["method"], dict(request.get("params") or {})
    params.pop("_meta", None)
    secrets = Secrets(port.redactor, known=port.secrets_for(params))
    given, params = params, secrets.scrub(params)

    def learned() -> Secrets:
        secrets.learn(given)
        return secrets

    group, _, verb = method.rpartition("/")
    resource = params.get("name") or params.get("uri") or group or "server"
    command = PurePath(
        getattr(server, "command", "")
    ).name  # its arguments may hold secrets
    shown = {"server": command, "method": method, "params": params}
    return ClientCall(
        f"{verb.upper()} {resource}",
        parts={**shown, "server": port.ordinal("mcp server", repr(server))},
        identity=("server", "method")
        if method in _HANDSHAKES
        else ("server", "method", "params"),
        described={name: part for name, part in shown.items() if part},
        secrets=learned,
    )


def outcome_of(
    messages: list[dict[str, Any]], answer: dict[str, Any], call: Call
) -> dict[str, Any]:
    """Return what a request gave: the server's messages before its answer, and its result or error."""
    plain: dict[str, Any] = (
        {"messages": [_without_token(one) for one in messages]} if messages else {}
    )
    for name in ("result", "error"):
        if name in answer:
            plain[name] = answer[name]
    tools = (plain.get("result") or {}).get("tools") or []
    # A schema names fields, and holds no value of them.
    schemas = [
        {name: tool.pop(name) for name in _SCHEMAS if name in tool} for tool in tools
    ]
    secrets: Secrets = call.secrets
    secrets.begin_answer(call.issuer)
    known = set(secrets.values)
    secrets.learn(plain)
    secrets.redactor.issued.update(secrets.values.keys() - known)
    scrubbed: dict[str, Any] = secrets.scrub(plain, keep_types=True)
    for index, schema in enumerate(schemas):
        scrubbed["result"]["tools"][index].update(schema)
    return scrubbed


def _without_token(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the token of its request, which is the request's number."""
    kept = {name: value for name, value in message.items() if name != "jsonrpc"}
    if message.get("method") == "notifications/progress":
        kept["params"] = {
            name: one
            for name, one in message["params"].items()
            if name != "progressToken"
        }
    return kept


def replayed_messages(
    plain: dict[str, Any], request: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the messages of a recorded outcome, the answer last, as this request gets them."""
    token = ((request.get("params") or {}).get("_meta") or {}).get(
        "progressToken", request["id"]
    )
    messages = []
    for one in plain.get("messages", ()):
        message = {"jsonrpc": "2.0", **one}
        if message.get("method") == "notifications/progress":
            message["params"] = {"progressToken": token, **message["params"]}
        messages.append(message)
    for name in ("result", "error"):
        if name in plain:
            messages.append({"jsonrpc": "2.0", "id": request["id"], name: plain[name]})
    return messages

"""One connection of an MCP client, between the SDK's session and its transport.

A request is answered by its recording, or by the real server. Messages are JSON-RPC
(https://modelcontextprotocol.io/specification). The first connection imports this
module, because it needs what the SDK is built on.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.mcp.server_start import (
    TYPE_OF_END,
    describe_start,
    is_end_of_server,
    load_start_error,
    server_command_name,
    server_number,
    store_start_error,
)
from pytest_mimic.client import ClientCall, Secrets, UnstorableOutcomeError, recording

if TYPE_CHECKING:
    from pytest_mimic.client import Call, Port, Step

anyio: Any = import_module("anyio")

# The parameters of these requests tell the versions and abilities of the client, which
# change with each upgrade of the SDK.
_METHODS_OF_HANDSHAKE = ("initialize", "server/discover")
# The keys of a tool that hold a JSON Schema.
_KEYS_OF_SCHEMAS = ("inputSchema", "outputSchema")
# The keywords of a JSON Schema that give values of a field. Those that give choices,
# `enum` and `const`, stay as they are.
_KEYWORDS_OF_VALUES = ("default", "examples")
_METHOD_OF_PROGRESS = "notifications/progress"


class _OpenRequest(NamedTuple):
    """A request that the real server has not answered yet.

    Attributes:
        request: The request as JSON has it.
        step: What the engine does with it.
        messages: The messages that the server has sent since.
    """

    request: dict[str, Any]
    step: Step
    messages: list[dict[str, Any]]


class _ValueInSchema(NamedTuple):
    """A value that a JSON Schema gives for a field.

    Attributes:
        schema: The schema of the field.
        keyword: The key in it, `default` or `examples`.
        field: The name of the field. It is empty for a value of the whole schema.
    """

    schema: dict[str, Any]
    keyword: str
    field: str

    def as_data(self) -> dict[str, Any]:
        """Return the value under the name of its field."""
        return {self.field: self.schema[self.keyword]}


class McpSession:
    """Stands between a session of the SDK and its transport.

    Args:
        port: The engine's port.
        server: The first argument of the transport, the command of a server.
        connect: Returns the real transport's block.
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
        # The requests that were sent to the real server, by their ids.
        self._open_requests: dict[Any, _OpenRequest] = {}
        # The waits of replayed requests that got no answer, by the ids of the requests.
        self._wait_scopes: dict[Any, Any] = {}
        # Whether a request of this session was answered by its recording.
        self._has_replayed = False
        # The real transport's stream, while a real server runs.
        self._to_server: Any = None
        # Held while the real server starts, so that it starts once.
        self._connecting = anyio.Lock()
        # Held while the real server runs. The end of the session waits for it.
        self._real_server_runs = anyio.Lock()
        # Set at the end of the session: the real server has to end, too.
        self._stopping = anyio.Event()
        # Set while the client waits for a message, or has closed its stream.
        self._client_waits = anyio.Event()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Any, Any]]:
        """Give the streams that the SDK reads and writes.

        At the end both are closed, and requests without an answer end without one.

        Raises:
            Exception: The server does not start, now or when this was recorded.
        """
        self._to_client, from_server = anyio.create_memory_object_stream(inf)
        reader = _Reader(from_server, self._ask_server)
        writer = _Writer(self.take_from_client)
        with self._to_client, from_server:
            async with anyio.create_task_group() as self._tasks:
                try:
                    failure = await self._failure_of_start()
                    if failure is None:
                        yield reader, writer
                finally:
                    await writer.aclose()
                    await self._end()
        # Within the group, an error would be raised as a part of another one.
        if failure is not None:
            raise failure

    async def _end(self) -> None:
        """End open requests, and wait until the real server has ended."""
        for open_request in self._open_requests.values():
            open_request.step.cancel()
        self._open_requests.clear()
        for wait_scope in self._wait_scopes.values():
            wait_scope.cancel()
        self._stopping.set()
        # A cancelled test must not leave the process of its server behind.
        with anyio.CancelScope(shield=True):
            async with self._real_server_runs:
                self._to_client.close()

    # -- the start of the server

    async def _failure_of_start(self) -> Exception | None:
        """Start the server where it has to run at once, and return what it raises.

        None: the server has started, or need not run yet.
        """
        try:
            await self._start()
        except Exception as error:
            return error
        return None

    async def _start(self) -> None:
        """Start the server for real where the session is recorded.

        A start that fails is a call, `START`, with the number of the session. One that
        does not is none: in a replay, nothing starts.

        Raises:
            OSError, ValueError: The SDK cannot start it, now or when this was recorded.
        """
        call = describe_start(self._port, self._server)
        if self._port.is_recorded(call):
            step = self._port.begin(call)
            if step is not None:
                await self._start_as_recorded(step)
            return
        if not self._port.opens():
            # The session is replayed: a server starts if a request has to be sent.
            return
        try:
            await self._start_for_real()
        except Exception as error:
            outcome = self._stored_start(error)
            if outcome is not None:
                step = self._port.begin(call)
                if step is not None:
                    step.finish(outcome)
            raise

    async def _start_as_recorded(self, step: Step) -> None:
        """Replay, record or verify a start that fails in the recording."""
        if step.mode != "replay":
            with recording(step, self._stored_start):
                await self._start_for_real()
                # The server starts now: that is an outcome without an error.
                step.finish({})
        if step.mode == "run":
            return
        if step.waits:
            await step.wait_async()
        outcome = step.outcome()
        if "error" in outcome:
            raise load_start_error(outcome["error"])

    def _stored_start(self, error: Exception) -> Any:
        """Return the outcome of a start that failed; None: the error is no outcome."""
        return store_start_error(error, self._port.redactor)

    # -- the client's messages

    async def take_from_client(self, message: Any) -> None:
        """Take a message that the SDK writes to `_Writer`.

        Raises:
            MimicError: A replay has no recording of the request.
        """
        client_message = plain_message(message)
        # JSON-RPC: a request has an id, by which it gets an answer, and a notification
        # has none.
        if "method" in client_message and "id" in client_message:
            await self._answer_or_send(message, client_message)
            return
        if client_message.get("method") == "notifications/cancelled":
            request_id = (client_message.get("params") or {}).get("requestId")
            open_request = self._open_requests.pop(request_id, None)
            if open_request is not None:
                open_request.step.cancel()
            if request_id in self._wait_scopes:
                self._wait_scopes.pop(request_id).cancel()
        # Without a server, as in a replay, a notification has nobody to go to.
        if self._to_server is not None:
            await self._send_for_real(message)

    async def _answer_or_send(self, message: Any, request: dict[str, Any]) -> None:
        """Answer a request of the client by its recording, or send it to the server."""
        # A server that starts now would lack the state of this session. So a miss names
        # `--mimic-rerecord`, by which the whole session is recorded.
        lacks_server = self._has_replayed and self._to_server is None
        call = describe_request(self._port, self._server, request)
        step = self._port.begin(call._replace(needs_earlier=lacks_server))
        if step is not None and step.mode == "replay":
            self._has_replayed = True
            self._replay(step, request)
            return
        # False behind the block: `recording` has kept the error of sending back.
        is_sent = False
        with recording(step):
            if lacks_server:
                raise _not_recordable(
                    f"mcp {request['method']} cannot be sent: the earlier requests of "
                    "its session were replayed, and no server has seen them",
                    "record all tests that use this session again, with"
                    " --mimic-rerecord",
                )
            if step is not None:
                open_request = _OpenRequest(request, step, [])
                self._open_requests[request["id"]] = open_request
                step.outcome_so_far = partial(self._outcome_so_far, open_request)
            await self._send_for_real(message)
            is_sent = True
        if step is not None and not is_sent:
            # To verify, the client gets the recorded answer to what cannot be sent.
            del self._open_requests[request["id"]]
            self._replay(step, request)

    def _outcome_so_far(self, open_request: _OpenRequest, _end: str) -> dict[str, Any]:
        """Return what the server has sent for a request that it has not answered."""
        return outcome_of(open_request.messages, {}, open_request.step.call)

    async def _wait(self, step: Step, wait_scope: Any) -> None:
        """Wait for an answer that did not come when the request was recorded.

        The client cancels its request by a message, which cancels the scope.
        """
        with wait_scope:
            await step.wait_async()

    def _replay(self, step: Step, request: dict[str, Any]) -> None:
        """Let the client read the recorded messages of a request, its answer last."""
        if step.waits:
            wait_scope = anyio.CancelScope()
            self._wait_scopes[request["id"]] = wait_scope
            self._tasks.start_soon(self._wait, step, wait_scope)
        outcome = step.outcome()
        for message in replayed_messages(outcome, request):
            self._pass_to_client(sdk_message(message))
        if is_end_of_server(outcome.get("error")):
            # In place of an answer, the SDK reads that the server has ended.
            self._to_client.close()

    def _pass_to_client(self, message: Any) -> None:
        """Let the client read a message of the real server, or a recorded one.

        The client's session may have ended while the transport is still open.
        """
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._to_client.send_nowait(message)
            is_waiting = self._to_client.statistics().tasks_waiting_receive > 0
            # The client has what it waited for, so the server is not read further.
            if self._client_waits.is_set() and not is_waiting:
                self._client_waits = anyio.Event()

    def _ask_server(self) -> None:
        """Let the next message of the real server be read: the client waits for it."""
        self._client_waits.set()

    # -- the real server

    async def _start_for_real(self) -> None:
        """Start the real server unless it runs. What its transport does is no call."""
        with self._port.unmimicked():
            async with self._connecting:
                if self._to_server is None:
                    await self._tasks.start(self._run_real_server)

    async def _send_for_real(self, message: Any) -> None:
        """Send a message of the client to the real server, which starts if need be."""
        with self._port.unmimicked():
            await self._start_for_real()
            to_server: Any = self._to_server
            await to_server.send(message)

    async def _run_real_server(self, *, task_status: Any) -> None:
        """Start the real server, and pass its messages on until the session ends."""
        async with (
            self._real_server_runs,
            self._connect() as (from_server, self._to_server, *_),
        ):
            task_status.started()
            async with anyio.create_task_group() as reading_tasks:
                reading_tasks.start_soon(self._read_from_server, from_server)
                await self._stopping.wait()
                reading_tasks.cancel_scope.cancel()

    async def _read_from_server(self, from_server: Any) -> None:
        """Read the server's messages, each when the client waits for one.

        What is read ahead would be taken out of the server's pipe, and a server that
        writes much would not wait for its client as it does live.
        """
        while await self._is_asked():
            try:
                message = await from_server.receive()
            except anyio.EndOfStream:
                self._server_has_ended()
                return
            self._receive_from_server(message)
        await from_server.aclose()

    def _server_has_ended(self) -> None:
        """Record that open requests get no answer, and let the client read the end."""
        for open_request in self._open_requests.values():
            step = open_request.step
            answer = {"error": {"type": TYPE_OF_END}}
            step.finish(outcome_of(open_request.messages, answer, step.call))
            if step.mode == "verify":
                self._replay(step, open_request.request)
        self._open_requests.clear()
        self._to_client.close()

    async def _is_asked(self) -> bool:
        """Wait until the client waits for a message.

        Returns whether it does: it may have closed the stream that it reads.
        """
        await self._client_waits.wait()
        return bool(self._to_client.statistics().open_receive_streams)

    def _receive_from_server(self, message: Any) -> None:
        """Record a message of the real server, and let the client read it."""
        # The SDK gives an exception for what it cannot parse.
        server_message: dict[str, Any] = {}
        if not isinstance(message, Exception):
            server_message = plain_message(message)
        if "method" in server_message:
            # The message is a notification, or a request of the server itself.
            if self._is_for_client(server_message):
                self._pass_to_client(message)
            return
        # The message is an answer.
        open_request = self._open_requests.pop(server_message.get("id"), None)
        if open_request is not None:
            step = open_request.step
            step.finish(outcome_of(open_request.messages, server_message, step.call))
            if step.mode == "verify":
                self._replay(step, open_request.request)
                return
        self._pass_to_client(message)

    def _is_for_client(self, message: dict[str, Any]) -> bool:
        """Note a message that is no answer, and return whether the client gets it.

        The message belongs to the request of its token, else to the oldest request that
        is open. A client whose session is verified gets the recorded messages.
        """
        token = (message.get("params") or {}).get("progressToken")
        open_request = self._open_requests.get(token) or next(
            iter(self._open_requests.values()), None
        )
        if open_request is None:
            # No request waits for an answer, so that nothing records the message.
            return True
        # The message is a request of the server itself.
        if "id" in message:
            if message["method"] != "ping":
                self._refuse(open_request, message["method"])
            return True
        open_request.messages.append(message)
        return open_request.step.mode != "verify"

    def _refuse(self, open_request: _OpenRequest, method: str) -> None:
        """Record nothing of a request for which the server asks the client.

        A replay could not ask. The test fails, and the client goes on.
        """
        del self._open_requests[open_request.request["id"]]
        open_request.step.abandon()
        with suppress(UnstorableOutcomeError), self._port.noting:
            request_method = open_request.request["method"]
            raise _not_recordable(
                f"mcp {request_method} cannot be recorded: while it runs, the"
                f" server sends the client a request of its own ({method})",
                "name your function that opens the session in mimic_functions",
            )


def _not_recordable(problem: str, remedy: str) -> UnstorableOutcomeError:
    """Return the error for a request whose answer no replay could give."""
    return UnstorableOutcomeError(problem, remedies=[remedy])


class _Reader(anyio.abc.ObjectReceiveStream):  # type: ignore[misc]
    """The stream that the SDK reads.

    Args:
        stream_for_client: Gives the messages that have been read so far.
        ask_for_message: Is called where the client waits for another message, and
            when it closes the stream. The next message of a real server is read only
            then, never ahead.
    """

    def __init__(
        self, stream_for_client: Any, ask_for_message: Callable[[], None]
    ) -> None:
        self._stream_for_client = stream_for_client
        self._ask_for_message = ask_for_message

    async def receive(self) -> Any:
        """Return the next message to the SDK, recorded or of the real server."""
        if self._stream_for_client.statistics().current_buffer_used == 0:
            self._ask_for_message()
        return await self._stream_for_client.receive()

    def receive_nowait(self) -> Any:
        """Return a message that is there; else raise an error, and ask for the next."""
        try:
            return self._stream_for_client.receive_nowait()
        except anyio.WouldBlock:
            self._ask_for_message()
            raise

    def close(self) -> None:
        self._stream_for_client.close()
        self._ask_for_message()

    async def aclose(self) -> None:
        self.close()


class _Writer(anyio.abc.ObjectSendStream):  # type: ignore[misc]
    """The stream to which the SDK writes."""

    def __init__(self, send: Callable[[Any], Any]) -> None:
        self._send = send
        self._is_closed = False

    async def send(self, message: Any) -> None:
        """Take a message of the SDK: a recording answers it, or the real server."""
        if self._is_closed:
            raise anyio.ClosedResourceError
        await self._send(message)

    async def aclose(self) -> None:
        self._is_closed = True


# -- messages as plain data, and back


def plain_message(message: Any) -> dict[str, Any]:
    """Return a message of the SDK, of client or server, as JSON has it."""
    message_json: dict[str, Any] = message.message.model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    return message_json


def sdk_message(message_json: dict[str, Any]) -> Any:
    """Return the SDK's own object for a message."""
    types = sys.modules.get("mcp_types") or sys.modules["mcp.types"]
    adapter = getattr(types, "jsonrpc_message_adapter", None)
    if adapter is None:
        # mcp 1 has a class in its place.
        message = types.JSONRPCMessage.model_validate(message_json)
    else:
        message = adapter.validate_python(message_json, by_name=False)
    return sys.modules["mcp.shared.message"].SessionMessage(message=message)


def describe_request(port: Port, server: Any, request: dict[str, Any]) -> ClientCall:
    """Return a request as the engine sees it, without secrets: as it counts.

    Servers are told apart by the order in which the test uses them. What the SDK adds
    to each request (`_meta`: tokens of progress, versions, traces) does not count.
    """
    method = request["method"]
    sent_params = dict(request.get("params") or {})
    sent_params.pop("_meta", None)
    known_secrets = port.secrets_for(sent_params)
    secrets = Secrets(port.redactor.by_look(), known=known_secrets)
    params = secrets.scrub(sent_params)

    def learned_secrets() -> Secrets:
        """Return the secrets with those of the request, which its answer may repeat."""
        secrets.learn(sent_params)
        return secrets

    # `tools/call` of the tool `add` is shown as `CALL add`.
    group, _, verb = method.rpartition("/")
    resource = params.get("name") or params.get("uri") or group or "server"
    # People see the name of the command. The number of the server counts.
    described: dict[str, Any] = {}
    if server_command_name(server):
        described["server"] = server_command_name(server)
    described["method"] = method
    if params:
        described["params"] = params
    parts = {"server": server_number(port, server), "method": method, "params": params}
    identity: tuple[str, ...] = ("server", "method", "params")
    if method in _METHODS_OF_HANDSHAKE:
        # Otherwise each upgrade of the SDK would make the handshake a miss.
        identity = ("server", "method")
    return ClientCall(
        f"{verb.upper()} {resource}",
        parts=parts,
        identity=identity,
        described=described,
        secrets=learned_secrets,
    )


def outcome_of(
    messages: list[dict[str, Any]], answer: dict[str, Any], call: Call
) -> dict[str, Any]:
    """Return what a request gave, without secrets.

    These are the messages that the server sent before its answer, and the answer's
    result or error. The error is that of a server that has ended if there is no answer.
    """
    outcome: dict[str, Any] = {}
    if messages:
        outcome["messages"] = list(map(_without_token, messages))
    for name in ("result", "error"):
        if name in answer:
            outcome[name] = answer[name]
    # In the schema of a tool, the name `password` describes a field, and hides nothing.
    schemas = _schemas_taken_out(outcome)
    values_in_schemas = list(_values_in_schemas(schemas))

    secrets = call.secrets
    assert secrets is not None, "a request over MCP has secrets"
    secrets.begin_answer(call.issuer)
    secrets_before = set(secrets.stand_in_by_secret)
    secrets.learn(outcome)
    for schema_value in values_in_schemas:
        secrets.learn(schema_value.as_data())
    # An issued secret is secret in all later requests, too.
    secrets.redactor.issued.update(secrets.stand_in_by_secret.keys() - secrets_before)
    hidden_outcome: dict[str, Any] = secrets.scrub(outcome, keep_types=True)

    # The schemas are put back, with the values hidden that they give for secret fields.
    for schema_value in values_in_schemas:
        hidden_data = secrets.scrub(schema_value.as_data(), keep_types=True)
        schema_value.schema[schema_value.keyword] = hidden_data[schema_value.field]
    for index, schemas_of_tool in enumerate(schemas):
        hidden_outcome["result"]["tools"][index].update(schemas_of_tool)
    return hidden_outcome


def _schemas_taken_out(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the schemas out of the tools of a result, and return those of each tool.

    A schema has the names of fields as keys. What stands under such a key describes the
    field, and is not its value.
    """
    tools = (outcome.get("result") or {}).get("tools") or []
    schemas = []
    for tool in tools:
        schemas_of_tool = {}
        for name in _KEYS_OF_SCHEMAS:
            if name in tool:
                schemas_of_tool[name] = tool.pop(name)
        schemas.append(schemas_of_tool)
    return schemas


def _values_in_schemas(schemas: list[dict[str, Any]]) -> Iterator[_ValueInSchema]:
    """Yield the values that schemas give for fields, wherever they stand in them."""
    # The name of a field, and its schema or a part of that.
    pending: list[tuple[str, Any]] = [("", schemas)]
    while pending:
        field, schema_part = pending.pop()
        if isinstance(schema_part, list):
            for item in schema_part:
                pending.append((field, item))
        elif isinstance(schema_part, dict):
            for keyword, inner_part in schema_part.items():
                if keyword in _KEYWORDS_OF_VALUES:
                    yield _ValueInSchema(schema_part, keyword, field)
                elif keyword == "properties" and isinstance(inner_part, dict):
                    # The keys of `properties` are the names of fields.
                    pending.extend(inner_part.items())
                else:
                    pending.append((field, inner_part))


def _without_token(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as it is stored: without the token of its request.

    The token is a number, and `replayed_messages` puts in that of the replayed request.
    """
    message_without_token = dict(message)
    message_without_token.pop("jsonrpc", None)
    if message.get("method") == _METHOD_OF_PROGRESS:
        params = dict(message["params"])
        params.pop("progressToken", None)
        message_without_token["params"] = params
    return message_without_token


def replayed_messages(
    outcome: dict[str, Any], request: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the messages of a recorded outcome, the answer last, for this request.

    There is no answer if the server had ended before it.
    """
    meta = (request.get("params") or {}).get("_meta") or {}
    token = meta.get("progressToken", request["id"])
    messages = []
    for stored_message in outcome.get("messages", ()):
        message = {"jsonrpc": "2.0", **stored_message}
        if message.get("method") == _METHOD_OF_PROGRESS:
            # By the token of today's request, the SDK finds who waits for its progress.
            message["params"] = {"progressToken": token, **message["params"]}
        messages.append(message)
    if is_end_of_server(outcome.get("error")):
        return messages
    for name in ("result", "error"):
        if name in outcome:
            messages.append(
                {"jsonrpc": "2.0", "id": request["id"], name: outcome[name]}
            )
    return messages

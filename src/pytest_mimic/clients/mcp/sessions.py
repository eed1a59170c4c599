"""A session with a server of MCP: real and recorded, or replayed without the server."""

from __future__ import annotations

import json
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup
from mcp.client import stdio
from mcp.shared.message import SessionMessage

from pytest_mimic.client import Exchange, Plain, Port

Connect = Callable[[], AbstractAsyncContextManager[Any]]
"""Starts the server, and gives the streams of its messages."""


@asynccontextmanager
async def real(port: Port, server: Hashable, connect: Connect) -> AsyncIterator[Any]:
    """Open a session with a real server, which is recorded or verified."""
    requests = _Requests(port, server)
    async with connect() as (from_server, to_server):
        writing = _Writing(requests, to_server.send, to_server.aclose)
        yield _Reading(requests, from_server), writing


@asynccontextmanager
async def replayed(
    port: Port, server: Hashable, connect: Connect
) -> AsyncIterator[Any]:
    """Open a session without a server, which starts if a request has to be real."""
    to_client, from_server = anyio.create_memory_object_stream[Any](0)
    with to_client, from_server:
        async with anyio.create_task_group() as tasks:
            replay = _Replay(_Requests(port, server), connect, tasks, to_client)
            yield from_server, _Writing(replay, replay.send_on, to_client.aclose)
            tasks.cancel_scope.cancel()


class _Open:
    """A request without an answer.

    Attributes:
        exchange: The call.
        token: What marks messages of its progress.
        messages: What the server has said meanwhile.
    """

    def __init__(self, exchange: Exchange, token: Any) -> None:
        self.exchange = exchange
        self.token = token
        self.messages: list[Plain] = []

    def answer(self) -> Plain:
        """Return what has come so far."""
        return {"messages": list(self.messages)} if self.messages else {}


class _Requests:
    """The requests of one session.

    Args:
        port: Where they are taken.
        server: What tells the server from others.
    """

    def __init__(self, port: Port, server: Hashable) -> None:
        self._port = port
        self._server = server
        self._open: dict[Any, _Open] = {}

    def begin(self, request: Plain) -> Exchange | None:
        """Begin a request of the client. None: it runs for real."""
        plain: Plain = {"method": request["method"]}
        params = dict(request.get("params") or {})
        # It holds the number of the request, and what is traced.
        params.pop("_meta", None)
        if params:
            plain["params"] = params
        return self._port.begin(plain, numbered={"server": self._server})

    async def goes(self, message: Plain) -> None:
        """Take note of what the client sends."""
        if message.get("method") == "notifications/cancelled":
            cancelled = self._open.pop(message["params"].get("requestId"), None)
            if cancelled is not None:
                cancelled.exchange.abandon(CancelledError(), cancelled.answer())
        if not _is_request(message):
            return
        exchange = self.begin(message)
        if exchange is not None:
            self.note(message, exchange)

    def note(self, message: Plain, exchange: Exchange) -> None:
        """Wait for the answer to a request that is sent for real."""
        asked = _Open(exchange, token_of(message))
        self._open[message["id"]] = asked
        exchange.progress(asked.answer)
        exchange.step.begin_clock()

    def came(self, received: Any) -> Any:
        """Take note of what the server sends, and return what the client gets.

        None: it had no answer when it was recorded.

        Raises:
            UnstorableOutcomeError: It asks the client for something.
        """
        message = plain_of(received)
        if _is_request(message):
            self._refuse(message["method"])
        elif "method" in message:
            self._note_message(message)
        elif message.get("id") in self._open:
            asked = self._open.pop(message["id"])
            given = asked.exchange.finish({**asked.answer(), **_outcome(message)})
            if asked.exchange.hangs:
                return None
            if asked.exchange.mode != "run":
                return response(message["id"], given)
        return received

    def _note_message(self, message: Plain) -> None:
        params = dict(message.get("params") or {})
        token = params.pop("progressToken", None)
        asked = next(
            (one for one in self._open.values() if token in (None, one.token)), None
        )
        if asked is not None:
            kept = {"method": message["method"], "params": params}
            asked.messages.append(kept)

    def _refuse(self, method: str) -> None:
        """Refuse the request that the server has begun to answer by one of its own."""
        for identifier in [*self._open]:
            what = f"the server sends the client a request of its own ({method})"
            way = "name your function that opens the session in mimic_functions"
            raise self._open.pop(identifier).exchange.refuse([what], [(way, "")])

    def ended(self) -> None:
        """End what the server has not answered before it ended."""
        while self._open:
            _, asked = self._open.popitem()
            closed = {"error": {"kind": "closed early"}}
            asked.exchange.finish({**asked.answer(), **closed})


class _Replay:
    """What the client sends to a server that did not start.

    Args:
        requests: Its requests.
        connect: Starts the server.
        tasks: The tasks of the session.
        to_client: What the client reads.
    """

    def __init__(
        self, requests: _Requests, connect: Connect, tasks: TaskGroup, to_client: Any
    ) -> None:
        self._requests = requests
        self._connect = connect
        self._tasks = tasks
        self._to_client = to_client
        self._to_server: Any = None
        self._scopes: dict[Any, anyio.CancelScope] = {}

    async def goes(self, message: Plain) -> None:
        """Answer a request as it was recorded."""
        if self._to_server is not None:
            await self._requests.goes(message)
            return
        if message.get("method") == "notifications/cancelled":
            scope = self._scopes.get(message["params"].get("requestId"))
            if scope is not None:
                scope.cancel()
        if not _is_request(message):
            return
        exchange = self._requests.begin(message)
        if exchange is not None and exchange.mode == "replay":
            given = exchange.given(partial(_given, message))
            self._tasks.start_soon(self._answer, exchange, message["id"], given)
            return
        self._to_server = await self._tasks.start(self._serve)
        if exchange is not None:
            self._requests.note(message, exchange)

    async def send_on(self, message: Any) -> None:
        """Send a message to the server, if it has started."""
        if self._to_server is not None:
            await self._to_server.send(message)

    async def _serve(self, *, task_status: Any) -> None:
        async with self._connect() as (from_server, to_server):
            task_status.started(to_server)
            async for message in from_server:
                received = self._requests.came(message)
                if received is not None:
                    await self._to_client.send(received)
            self._requests.ended()

    async def _answer(
        self, exchange: Exchange, identifier: Any, given: list[Any]
    ) -> None:
        with anyio.CancelScope() as scope:
            self._scopes[identifier] = scope
            await exchange.step.wait_async()
            for each in given:
                await self._to_client.send(each)
            if exchange.recorded.get("error", {}).get("kind"):
                await self._to_client.aclose()


class _Writing(ObjectSendStream[Any]):
    """What the client writes into.

    Args:
        requests: Takes note of it.
        send: Sends it on.
        close: Ends it.
    """

    def __init__(
        self,
        requests: _Requests | _Replay,
        send: Callable[[Any], Any],
        close: Callable[[], Any],
    ) -> None:
        self._requests = requests
        self._send = send
        self._close = close

    async def send(self, item: Any) -> None:
        await self._requests.goes(plain_of(item))
        await self._send(item)

    async def aclose(self) -> None:
        await self._close()


class _Reading(ObjectReceiveStream[Any]):
    """What the client reads, message by message as it asks for them.

    Args:
        requests: Takes note of it.
        stream: The messages of the server.
    """

    def __init__(self, requests: _Requests, stream: Any) -> None:
        self._requests = requests
        self._stream = stream

    async def receive(self) -> Any:
        received = None
        while received is None:
            try:
                message = await self._stream.receive()
            except anyio.EndOfStream:
                self._requests.ended()
                raise
            received = self._requests.came(message)
        return received

    async def aclose(self) -> None:
        await self._stream.aclose()


# -- messages


def plain_of(message: Any) -> Plain:
    """Return a message as JSON; of what is none, nothing."""
    if not isinstance(message, SessionMessage):
        return {}
    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
    plain: Plain = json.loads(text)
    return plain


def message_of(plain: Plain) -> Any:
    """Return the message of a JSON.

    Raises:
        ValueError: It is none.
    """
    text = json.dumps({"jsonrpc": "2.0", **plain})
    types: Any = vars(stdio)["types"]
    adapter = getattr(types, "jsonrpc_message_adapter", None)
    if adapter is not None:
        return SessionMessage(adapter.validate_json(text, by_name=False))
    return SessionMessage(types.JSONRPCMessage.model_validate_json(text))


def _is_request(message: Plain) -> bool:
    return "method" in message and "id" in message


def response(identifier: Any, answer: Plain) -> Any:
    """Return the message that answers a request."""
    return message_of({"id": identifier, **_outcome(answer)})


def _outcome(plain: Plain) -> Plain:
    """Return result or error of a message, or of an answer."""
    return {name: plain[name] for name in ("result", "error") if name in plain}


def token_of(request: Plain) -> Any:
    """Return what marks the messages of progress of a request."""
    params = request.get("params") or {}
    return (params.get("_meta") or {}).get("progressToken")


def _notification(plain: Plain, token: Any) -> Any:
    if plain["method"] != "notifications/progress":
        return message_of(plain)
    params = {**plain.get("params", {}), "progressToken": token}
    return message_of({**plain, "params": params})


def _given(request: Plain, answer: Plain) -> list[Any]:
    """Return the messages by which a recorded answer comes."""
    token = token_of(request)
    given = [_notification(each, token) for each in answer.get("messages", ())]
    if "result" in answer or "code" in answer.get("error", {}):
        given.append(response(request["id"], answer))
    return given

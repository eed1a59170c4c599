"""A session with a server of MCP: real and recorded, or replayed without the server."""

from __future__ import annotations

import json
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.client import stdio
from mcp.shared.message import SessionMessage

from pytest_mimic.client import Exchange, Plain, Port

Connect = Callable[[], AbstractAsyncContextManager[Any]]
"""Starts the server, and gives the streams of its messages."""


@asynccontextmanager
async def real(port: Port, server: Hashable, connect: Connect) -> AsyncIterator[Any]:
    """Open a session with a real server, which is recorded or verified."""
    session = _Session(port, server)
    async with connect() as (from_server, to_server):
        session.to_server = to_server
        session.close = to_server.aclose
        yield _Reading(session, from_server), session


@asynccontextmanager
async def replayed(
    port: Port, server: Hashable, connect: Connect
) -> AsyncIterator[Any]:
    """Open a session without a server, which starts if a request has to be real."""
    session = _Session(port, server)
    to_client, from_server = anyio.create_memory_object_stream[Any](0)

    async def serve(*, task_status: Any) -> None:
        async with connect() as (from_real, to_server):
            task_status.started(to_server)
            async for received in _Reading(session, from_real):
                await to_client.send(received)

    with to_client, from_server:
        async with anyio.create_task_group() as tasks:
            session.start = partial(tasks.start, serve)
            build: Any = partial(session.build, to_client)
            session.answer = partial(tasks.start_soon, build)
            session.close = to_client.aclose
            yield from_server, session
            tasks.cancel_scope.cancel()


@dataclass
class _Open:
    """A request without an answer.

    Attributes:
        exchange: The call.
        token: What marks messages of its progress.
        messages: What the server has said meanwhile.
    """

    exchange: Exchange
    token: Any
    messages: list[Plain] = field(default_factory=list)

    def answer(self) -> Plain:
        """Return what has come so far."""
        return {"messages": list(self.messages)} if self.messages else {}

    def finish(self, outcome: Plain) -> Any:
        """Keep or compare its result or error, and return what the client gets."""
        return self.exchange.finish({**self.answer(), **outcome})


class _Session(ObjectSendStream[Any]):
    """The requests of one session, and what its client writes them into.

    Args:
        port: Where they are taken.
        server: What tells the server from others.

    Attributes:
        to_server: What the server reads; None: it has not started.
        start: Starts it, and gives this.
        answer: Answers a request as it was recorded.
        close: Ends what the client writes.
    """

    to_server: Any = None
    start: Callable[[], Awaitable[Any]]
    answer: Callable[..., object]
    close: Callable[[], Awaitable[Any]]

    def __init__(self, port: Port, server: Hashable) -> None:
        self._port = port
        self._server = server
        self._open: dict[Any, _Open] = {}
        self._scopes: dict[Any, anyio.CancelScope] = {}

    def begin(self, request: Plain) -> Exchange | None:
        """Begin a request of the client. None: it runs for real."""
        plain: Plain = {"method": request["method"]}
        params = dict(request.get("params") or {})
        # It holds the number of the request, and what is traced.
        params.pop("_meta", None)
        if params:
            plain["params"] = params
        return self._port.begin(plain, numbered={"server": self._server})

    async def aclose(self) -> None:
        await self.close()

    async def send(self, item: Any) -> None:
        """Take what the client sends: answer it, or send it on."""
        plain = plain_of(item)
        if plain.get("method") == "notifications/cancelled":
            self._cancel(plain["params"].get("requestId"))
        if _is_request(plain):
            exchange = self.begin(plain)
            if exchange is not None and exchange.mode == "replay":
                messages = exchange.replay_at_once(partial(_messages_of, plain))
                self.answer(exchange, plain["id"], messages)
                return
            if self.to_server is None:
                self.to_server = await self.start()
            if exchange is not None:
                self._note(plain, exchange)
        if self.to_server is not None:
            await self.to_server.send(item)

    def _cancel(self, identifier: Any) -> None:
        """End a request that its client has cancelled."""
        if identifier in self._scopes:
            self._scopes[identifier].cancel()
        cancelled = self._open.pop(identifier, None)
        if cancelled is not None:
            cancelled.exchange.abandon(CancelledError(), cancelled.answer())

    def _note(self, message: Plain, exchange: Exchange) -> None:
        """Wait for the answer to a request that is sent for real."""
        request = _Open(exchange, token_of(message))
        self._open[message["id"]] = request
        exchange.progress(request.answer)
        exchange.real.begin_clock()

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
            request = self._open.pop(message["id"])
            answer = request.finish(_outcome(message))
            if request.exchange.hangs:
                return None
            if request.exchange.mode != "run":
                return response(message["id"], answer)
        return received

    def _note_message(self, message: Plain) -> None:
        params = dict(message.get("params") or {})
        token = params.pop("progressToken", None)
        for request in self._open.values():
            if token in (None, request.token):
                request.messages.append({"method": message["method"], "params": params})
                return

    def _refuse(self, method: str) -> None:
        """Refuse the request that the server has begun to answer by its own request."""
        for identifier in [*self._open]:
            what = f"the server sends the client a request of its own ({method})"
            way = "name your function that opens the session in mimic_functions"
            raise self._open.pop(identifier).exchange.refuse([what], [(way, "")])

    def ended(self) -> None:
        """End what the server has not answered before it ended."""
        while self._open:
            _, request = self._open.popitem()
            request.finish({"error": {"kind": "closed early"}})

    async def build(
        self, to_client: Any, exchange: Exchange, identifier: Any, messages: list[Any]
    ) -> None:
        """Give the client the messages of a recorded answer."""
        with anyio.CancelScope() as scope:
            self._scopes[identifier] = scope
            await exchange.wait(is_task=True)
            for each in messages:
                await to_client.send(each)
            if exchange.recorded.get("error", {}).get("kind"):
                await to_client.aclose()


@dataclass
class _Reading(ObjectReceiveStream[Any]):
    """What the client reads, message by message as it asks for them.

    Args:
        session: The session.
        stream: The messages of the server.
    """

    _session: _Session
    _stream: Any

    async def receive(self) -> Any:
        received = None
        while received is None:
            try:
                message = await self._stream.receive()
            except anyio.EndOfStream:
                self._session.ended()
                raise
            received = self._session.came(message)
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


def _messages_of(request: Plain, answer: Plain) -> list[Any]:
    """Return the messages by which a recorded answer comes."""
    token = token_of(request)
    messages = [_notification(each, token) for each in answer.get("messages", ())]
    if "result" in answer or "code" in answer.get("error", {}):
        messages.append(response(request["id"], answer))
    return messages

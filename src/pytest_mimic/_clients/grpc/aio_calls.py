"""Calls on asyncio channels: the transport below the client's own call objects, real or replayed.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from importlib import import_module
from time import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.grpc.rpc import END, Rpc, Shape
from pytest_mimic._core.seam.sync_async import run_async

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_codes: Any = import_module("grpc").StatusCode
_common: Any = import_module("grpc._common")
_cygrpc: Any = import_module("grpc._cython.cygrpc")


def invoke(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, args: Any, options: dict[str, Any]
) -> Any:
    """Call a method of a service with a transport of ours, below all interceptors. `original` is the function of the client.

    The transport takes messages as the caller sends them, and gives them as the caller gets them.
    """
    copied = copy(method)
    copied._channel = SimpleNamespace(call=lambda *args: Transport(Rpc(port, method, shape), method, args))
    copied._request_serializer = copied._response_deserializer = None
    return original(copied, *args, **options)


class Transport:
    """One call, with the methods of the client's own transport, an `_AioCall`. The real one is made with `args`."""

    _initial_metadata: Any = None

    def __init__(self, rpc: Rpc, method: Any, args: tuple[Any, ...]) -> None:
        self._rpc, self._method, self._args = rpc, method, args
        self._real: Any = None
        self._end_status: Any = None
        self._is_cancelled = self._is_receiving = False
        self._callbacks: list[Callable[[], object]] = []
        self._unsent: asyncio.Queue[Any] = asyncio.Queue()
        self._answered, self._ended = asyncio.Event(), asyncio.Event()

    # -- what the client asks

    def done(self) -> bool:
        return self._end_status is not None

    def is_ok(self) -> bool:
        return self._ended_with(_codes.OK)

    def cancelled(self) -> bool:
        return self._ended_with(_codes.CANCELLED)

    def _ended_with(self, code: Any) -> bool:
        return self.done() and self._end_status.code() == code.value[0]

    def is_locally_cancelled(self) -> bool:
        return self._is_cancelled

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        callback() if self.done() else self._callbacks.append(callback)

    def time_remaining(self) -> float | None:
        deadline = self._args[1]
        return None if deadline is None else max(0, deadline - time())

    @property
    def _status(self) -> Any:
        """The status, as the client reads it for whoever awaits the call, who may wait after a failure to try again."""
        if self._rpc.recorded and not self.is_ok():
            self._rpc.step.outcome()
        return self._end_status

    async def status(self) -> Any:
        await self._ended.wait()
        return self._status

    async def initial_metadata(self) -> Any:
        await self._answered.wait()
        return self._initial_metadata

    def cancel(self, details: str) -> None:
        self._is_cancelled = True
        self._rpc.cancel(details)
        if self._real is not None:
            self._real.cancel(details)
        self._end(_cygrpc.AioRpcStatus(_codes.CANCELLED.value[0], details, None, None))

    def set_internal_error(self, text: str) -> None:
        self._real.set_internal_error(text)

    # -- what the client does

    async def unary_unary(self, request: Any, *given: Any) -> Any:
        return await self._begin([request], None, *given)

    initiate_unary_stream = unary_unary

    async def stream_unary(self, metadata: Any, may_send: Callable[[], None], *context: Any) -> Any:
        may_send()
        requests = []
        while (request := await self._unsent.get()) is not END:
            requests.append(request)
        return await self._begin(requests, None, metadata, *context)

    async def initiate_stream_stream(
        self, metadata: Any, may_send: Callable[[], None], *context: Any
    ) -> None:
        try:
            await self._begin(None, may_send, metadata, *context)
        finally:
            may_send()

    async def send_serialized_message(self, request: Any) -> None:
        if self._real is None:
            self._unsent.put_nowait(request)
        else:
            self._rpc.note_request(request)
            await self._real.send_serialized_message(_common.serialize(request, self._rpc.serialize))

    async def send_receive_close(self) -> None:
        if self._real is None:
            self._unsent.put_nowait(END)
        else:
            self._rpc.all_sent = True
            await self._real.send_receive_close()

    async def receive_serialized_message(self) -> Any:
        if not self._rpc.recorded:
            response = await self._receive()
        elif self.done():
            response = END
        else:
            if not self._rpc.is_alone:
                receive = None if self._real is None else self._receive
                await run_async(self._rpc.catch_up(receive, self._unsent.get))
            response = self._rpc.next_response()
            if self._rpc.is_over:
                self._end_as_recorded()
        return _cygrpc.EOF if response is END else response

    # -- the real call, and the recorded one

    async def _begin(self, requests: list[Any] | None, may_send: Any, metadata: Any, *context: Any) -> Any:
        """Begin a call, or its replay. The response is returned if there is only one."""
        rpc, response = self._rpc, None
        mode = rpc.begin(requests, metadata)
        if mode != "replay":
            with rpc.running():
                response = await self._ask(requests, may_send, metadata, *context)
        if mode in ("replay", "verify"):
            rpc.replay()
            self._answer(rpc.metadata("initial"))
            response = rpc.response()
            if rpc.is_over or not rpc.shape.gives_many:
                self._end_as_recorded()
        else:
            self._answer(self._real._initial_metadata)
        return response

    async def _ask(self, requests: list[Any] | None, may_send: Any, *given: Any) -> Any:
        """Begin the real call: to the server all calls are streams, of one message perhaps."""
        real = self._real = self._method._channel.call(*self._args)
        real.add_done_callback(self._take_end)
        sending: list[asyncio.Future[None]] = []

        def send() -> None:
            sending.append(asyncio.ensure_future(self._send(requests or [])))

        await real.initiate_stream_stream(given[0], may_send or send, *given[1:])
        await asyncio.gather(*sending)
        if self._rpc.shape.gives_many:
            return None
        response = await self._receive()
        if response is not END:
            await self._receive()
        return None if response is END else response

    async def _send(self, requests: list[Any]) -> None:
        with suppress(_cygrpc.InternalError):  # the server has ended the call
            for request in requests:
                await self._real.send_serialized_message(_common.serialize(request, self._rpc.serialize))
            await self._real.send_receive_close()

    async def _receive(self) -> Any:
        self._is_receiving = True
        try:
            data = await self._real.receive_serialized_message()
            if data is _cygrpc.EOF:
                await self._real.status()
                return END
            self._rpc.note_response(data)
            return _common.deserialize(data, self._method._response_deserializer)
        finally:
            self._is_receiving = False
            if self._real.done():
                self._take_end()

    def _take_end(self) -> None:
        """Take the status of the real call. It may come before the last message."""
        if not self._is_cancelled and not self._is_receiving:
            status, initial = self._real._status, self._real._initial_metadata
            self._rpc.finish(status, initial)
            if self._rpc.step.mode != "verify":
                self._end(status, initial)

    def _end_as_recorded(self) -> None:
        recorded, trailing = self._rpc.recorded, self._rpc.metadata("trailing")
        code = _codes[recorded["code"]].value[0]
        self._end(_cygrpc.AioRpcStatus(code, recorded.get("details", ""), trailing, ""))

    def _answer(self, initial: Any) -> None:
        self._initial_metadata = self._initial_metadata or initial
        self._answered.set()

    def _end(self, status: Any, initial: Any = ()) -> None:
        if not self.done():
            self._end_status = status
            self._answer(initial)
            self._ended.set()
            for callback in self._callbacks:
                callback()

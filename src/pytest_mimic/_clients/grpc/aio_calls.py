"""Calls on asyncio channels: an interceptor, below those of the caller, that records and replays.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.grpc.rpc import Method, Rpc, Shape, metadata_of

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

grpc: Any = import_module("grpc")
aio: Any = import_module("grpc.aio")

_END = object()


def intercepted(shape: Shape, port: Port, method: Any) -> Any:
    """Return a copy of a method of a service whose calls an interceptor of ours takes last."""
    called = Method(method)
    called.sending._interceptors = [*(method._interceptors or ()), Interceptor(shape, port, called)]
    return called.sending


class Interceptor:
    """Takes the calls of one method. Those of all shapes are taken in the same way."""

    def __init__(self, shape: Shape, port: Port, method: Method) -> None:
        self._shape = shape
        self._port = port
        self._method = method

    async def intercept(self, send: Callable[..., Any], details: Any, request: Any) -> Any:
        """Return the call, real or recorded. `send` makes the real one."""
        rpc, shape = Rpc(self._port, self._method, details.metadata, self._shape), self._shape
        if shape.sends_many and not shape.gives_many:
            # The caller may write messages, which it does not before it has the call.
            return DeferredCall(self._collect(rpc, send, details, request))
        rpc.begin(None if shape.sends_many else [request])
        return await self._make(rpc, send, details, request)

    intercept_unary_unary = intercept_unary_stream = intercept
    intercept_stream_unary = intercept_stream_stream = intercept

    async def _collect(self, rpc: Rpc, send: Callable[..., Any], details: Any, requests: Any) -> Any:
        messages = [request async for request in _each(requests)]
        rpc.begin(messages)
        return await self._make(rpc, send, details, messages)

    async def _make(self, rpc: Rpc, send: Callable[..., Any], details: Any, request: Any) -> Any:
        mode, is_stream = rpc.step.mode, self._shape.gives_many
        is_talk = is_stream and self._shape.sends_many
        if mode == "pass":
            self._method.is_noting = False
            return await send(details, request)
        call = stream = None
        if mode != "replay":
            with rpc.running():
                call = await send(details, _sending(rpc, request) if is_talk else request)
                if is_stream:
                    call = stream = RecordedStream(call, rpc)
                else:
                    with suppress(aio.AioRpcError):
                        rpc.note_response(await call)
                    await _finish(rpc, call)
            if mode == "run":
                return call
            request = ()
        return AsyncReplayedCall(rpc, rpc.recorded(), request if is_talk else None, stream)


async def _each(requests: Any) -> AsyncIterator[Any]:
    if hasattr(requests, "__aiter__"):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request


async def _sending(rpc: Rpc, requests: Any) -> AsyncIterator[Any]:
    """Yield the messages that the caller sends while it reads responses, and note them."""
    async for request in _each(requests):
        rpc.note_request(request)
        yield request
    rpc.all_sent = True


async def _finish(rpc: Rpc, call: Any) -> None:
    code, details = await call.code(), await call.details()
    rpc.finish(code.name, details, await call.initial_metadata(), await call.trailing_metadata())


class DeferredCall:
    """A call that begins when its messages are there."""

    _done_writing_flag, _channel = False, None  # read by the client

    def __init__(self, beginning: Coroutine[Any, Any, Any]) -> None:
        self._begun = asyncio.ensure_future(beginning)
        self.cancel, self.cancelled, self.done = self._begun.cancel, self._begun.cancelled, self._begun.done

    def __await__(self) -> Generator[Any, None, Any]:
        call = yield from self._begun.__await__()
        return (yield from call.__await__())

    def __getattr__(self, name: str) -> Any:
        async def ask() -> Any:
            return await getattr(await self._begun, name)()

        return ask

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._begun.add_done_callback(lambda _: callback(self))


class RecordedStream:
    """A real stream of responses, which is recorded as it is read."""

    def __init__(self, call: Any, rpc: Rpc) -> None:
        self._call = call
        self._rpc = rpc

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for response in self._call:
                self._rpc.note_response(response)
                yield response
        except (asyncio.CancelledError, GeneratorExit):
            self._rpc.finish()
            raise
        except aio.AioRpcError:
            await _finish(self._rpc, self._call)
            raise
        await _finish(self._rpc, self._call)

    def cancel(self) -> bool:
        is_cancelled: bool = self._call.cancel()
        self._rpc.finish()
        return is_cancelled

    def __del__(self) -> None:
        self._rpc.finish()


class AsyncReplayedCall:
    """A recorded call, of any shape. To verify a stream, the `real` one is read beside it.

    `unsent` are the messages that the caller sends while it reads responses.
    """

    _done_writing_flag, _channel = False, None  # read by the client

    def __init__(self, rpc: Rpc, recorded: dict[str, Any], unsent: Any = None, real: Any = None) -> None:
        self._rpc = rpc
        self._call = real
        self._real = None if real is None else aiter(real)
        self._recorded = recorded
        self._initial, self._trailing = (
            aio.Metadata(*metadata_of(recorded, name)) for name in ("initial", "trailing")
        )
        self._code = grpc.StatusCode[recorded.get("code", "CANCELLED")]
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done, self.cancelled = self._ended.done, self._ended.cancelled
        self._unsent: asyncio.Queue[Any] = asyncio.Queue()
        # The client takes messages at once, so that a caller may write all of them before it reads.
        self._taking = None if unsent is None else asyncio.ensure_future(self._take(unsent))
        if "responses" not in recorded:
            self._ended.set_result(None)

    async def _take(self, requests: Any) -> None:
        try:
            async for request in _each(requests):
                self._unsent.put_nowait(request)
        finally:
            self._unsent.put_nowait(_END)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        self._raise_failure()
        return self._rpc.load(self._recorded["response"])

    async def __aiter__(self) -> AsyncIterator[Any]:
        responses = self._recorded["responses"]
        try:
            for index in range(len(responses) + 1):
                await self._reach(index)
                if self.cancelled():
                    raise asyncio.CancelledError
                if index < len(responses):
                    yield self._rpc.load(responses[index])
            if self._recorded.get("end") == "stopped":
                raise self._rpc.step.exhausted()
        finally:  # its reader may leave early
            if self._taking is not None:
                self._taking.cancel()
        if not self.done():
            self._ended.set_result(None)
        self._raise_failure()

    async def _reach(self, index: int) -> None:
        """Let the caller send what it sent before it got the response at this index, and check that."""
        if self._real is not None:
            is_last = index == len(self._recorded["responses"]) and "code" in self._recorded
            with suppress(StopAsyncIteration, aio.AioRpcError):
                await anext(self._real)
                while is_last:
                    await anext(self._real)
            return
        for _ in self._rpc.unsent(self._recorded, index):
            request = await self._unsent.get()
            if request is _END:
                self._unsent.put_nowait(_END)
                break
            self._rpc.note_request(request)
        self._rpc.check_sent(self._recorded, index)

    def _raise_failure(self) -> None:
        if self._code is not grpc.StatusCode.OK:
            # Once more: now it is whoever awaits the call that gets the failure, and may wait to try again.
            self._rpc.step.outcome()
            raise aio.AioRpcError(
                self._code, self._initial, self._trailing, self._recorded.get("details", ""), ""
            )

    def cancel(self) -> bool:
        for inner in (self._call, self._taking):
            if inner is not None:
                inner.cancel()
        return self._ended.cancel()

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._ended.add_done_callback(lambda _: callback(self))

    def time_remaining(self) -> None:
        """Return that there is no deadline."""

    async def wait_for_connection(self) -> None:
        """Return at once: nothing is connected."""

    async def initial_metadata(self) -> Any:
        return self._initial

    async def trailing_metadata(self) -> Any:
        await asyncio.wait([self._ended])
        return self._trailing

    async def code(self) -> Any:
        await asyncio.wait([self._ended])
        return grpc.StatusCode.CANCELLED if self.cancelled() else self._code

    async def details(self) -> str:
        await asyncio.wait([self._ended])
        text: str = self._recorded.get("details", "")
        return "Locally cancelled by application!" if self.cancelled() else text

    async def debug_error_string(self) -> str:
        return ""


for _kind in (aio.UnaryUnaryCall, aio.UnaryStreamCall, aio.StreamUnaryCall, aio.StreamStreamCall):
    for _class in (DeferredCall, RecordedStream, AsyncReplayedCall):
        _kind.register(_class)

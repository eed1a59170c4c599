"""Calls on asyncio channels, recorded and replayed above the interceptors of the channel.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.grpc.rpc import Ending, Rpc, Shape

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

grpc: Any = import_module("grpc")
_aio: Any = import_module("grpc.aio")
_METADATA: Any = import_module("grpc.aio").Metadata


def invoke(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, args: Any, options: dict[str, Any]
) -> Any:
    """Return a call of a method of a service. `original` is the function of the client."""
    name = "request_iterator" if shape.sends_many else "request"
    given = {**({name: args[0]} if args else {}), **options}
    return AioCall(Rpc(port, method, shape), original, method, name, given)


class AioCall(_aio.UnaryUnaryCall, _aio.UnaryStreamCall, _aio.StreamUnaryCall):  # type: ignore[misc]
    """One call: a real one that is recorded, or a recorded one.

    It begins when its messages are known: at once if it sends one message, else when the last one was written.
    """

    def __init__(self, rpc: Rpc, original: Any, method: Any, name: str, given: dict[str, Any]) -> None:
        self._rpc, self._original, self._method, self._name, self._given = rpc, original, method, name, given
        self._real: Any = None
        self._ending: Ending | None = None
        self._written: list[Any] = []
        self._callbacks: list[Callable[[Any], None]] = []
        self._is_cancelled = False
        self._all_sent = asyncio.Event()
        self._begun: asyncio.Future[Any]
        if rpc.shape.sends_many:
            self._begun = asyncio.ensure_future(self._begin_later())
        else:
            self._begun = asyncio.get_running_loop().create_future()
            self._begin([given[name]])
            self._begun.set_result(None)

    # -- its beginning

    async def write(self, request: Any) -> None:
        self._written.append(request)

    async def done_writing(self) -> None:
        self._all_sent.set()

    async def _begin_later(self) -> None:
        requests = self._given.get(self._name)
        if requests is None:
            await self._all_sent.wait()
        elif hasattr(requests, "__aiter__"):
            self._written = [request async for request in requests]
        else:
            self._written = list(requests)
        self._begin(self._written)

    def _begin(self, requests: list[Any]) -> None:
        rpc, given = self._rpc, dict(self._given)
        if rpc.shape.sends_many:
            given[self._name] = iter(requests)
        mode = rpc.begin(requests, given.get("metadata"))
        if mode == "replay":
            self._replay()
        elif mode == "pass":
            self._real = self._original(self._method, **given)
        else:
            with rpc.running():
                self._real = self._original(rpc.noting(self._method), **given)

    def _replay(self) -> None:
        self._rpc.replay()
        self._end(self._rpc.ending)

    # -- its messages

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        rpc, response = self._rpc, None
        await self._begun
        if self._real is not None and self._ending is None:
            with rpc.running():
                try:
                    response = await self._real
                except _aio.AioRpcError:
                    if rpc.step.mode == "pass":
                        raise
            await self._take_end()
            if rpc.step.mode != "verify":
                self._response = response
        self._eof()
        return self._response if hasattr(self, "_response") else rpc.response

    async def read(self) -> Any:
        await self._begun
        if self._is_cancelled:
            return self._eof()
        if self._rpc.step.mode == "verify" and not self._rpc.recorded:
            while self._rpc.wants_more() and self._ending is None:
                await self._read_real()
            self._rpc.finish()
            self._real.cancel()
            self._ending = None
            self._replay()
        if not self._rpc.recorded:
            return await self._read_real()
        if self._ending is None:
            response = self._rpc.next_response()
            self._end(self._rpc.ending)
            return response
        return self._eof()

    async def _read_real(self) -> Any:
        if self._ending is not None:
            return self._eof()
        with self._rpc.running():
            try:
                response = await self._real.read()
            except _aio.AioRpcError:
                response = _aio.EOF
            if response is not _aio.EOF:
                return response
        await self._take_end()
        return self._eof() if self._rpc.step.mode != "verify" else _aio.EOF

    def _eof(self) -> Any:
        """Return the end of a stream, or raise the error that the call ended with."""
        if self._is_cancelled:
            raise asyncio.CancelledError
        ending: Any = self._ending
        if ending.code is not grpc.StatusCode.OK:
            initial, trailing = (_METADATA(*pairs or ()) for pairs in (ending.initial, ending.trailing))
            raise _aio.AioRpcError(ending.code, initial, trailing, ending.details)
        return _aio.EOF

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if (response := await self.read()) is _aio.EOF:
            raise StopAsyncIteration
        return response

    # -- its end

    async def _take_end(self) -> None:
        """Take the end of the real call, and record it. To verify, the caller gets the recorded one."""
        rpc, real = self._rpc, self._real
        if self._ending is not None:
            return
        ending = None
        if real is not None:
            with rpc.running():
                ending = Ending(
                    await real.code(),
                    await real.details(),
                    await real.initial_metadata(),
                    await real.trailing_metadata(),
                )
            if rpc.step.mode != "pass":
                rpc.finish(None if self._is_cancelled else ending)
        if rpc.step.mode == "verify" and not rpc.shape.gives_many:
            self._replay()
        else:
            self._end(ending)

    def _end(self, ending: Ending | None) -> None:
        if ending is not None and self._ending is None:
            self._ending = ending
            for callback in self._callbacks:
                callback(self)

    async def _ended(self) -> Any:
        await self._begun
        if self._rpc.shape.gives_many and self._rpc.step.mode == "verify" and not self._rpc.recorded:
            await self.read()
        if self._ending is None and not self._rpc.recorded:
            await self._take_end()
        return self._ending

    async def code(self) -> Any:
        return (await self._ended()).code

    async def details(self) -> Any:
        return (await self._ended()).details

    async def trailing_metadata(self) -> Any:
        return _METADATA(*(await self._ended()).trailing or ())

    async def initial_metadata(self) -> Any:
        await self._begun
        real: Any = self._real
        if real is not None and not self._rpc.recorded:
            return await real.initial_metadata()
        return _METADATA(*self._rpc.initial)

    def cancel(self) -> bool:
        if self.done():
            return False
        self._is_cancelled = True
        self._begun.cancel()
        if self._rpc.step.mode != "replay":
            self._rpc.finish()
        if self._real is not None:
            self._real.cancel()
        self._end(Ending(grpc.StatusCode.CANCELLED, "Locally cancelled by application!", (), ()))
        return True

    def cancelled(self) -> bool:
        return self._ending is not None and self._ending.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._ending is not None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self) if self.done() else self._callbacks.append(callback)

    def time_remaining(self) -> float | None:
        return None if self._real is None else self._real.time_remaining()

    async def wait_for_connection(self) -> None:
        await self._begun
        if self._real is not None:
            await self._real.wait_for_connection()

    def __del__(self) -> None:
        self._rpc.discard()

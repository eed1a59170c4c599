"""Calls on a channel of asyncio, taken by an interceptor below the caller's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Any

import grpc
import grpc.aio
from grpc.aio._interceptor import UnaryUnaryCallResponse

from pytest_mimic.client import Exchange, Function, Plain, Port
from pytest_mimic_grpc import calls, messages


def call(
    port: Port, original: Function, method: Any, *args: Any, **options: Any
) -> Any:
    """Make or replay a call, or refuse a stream in both directions."""
    channel = method._references[0]
    if channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN:
        raise grpc.aio.UsageError("Channel is closed.")
    server = getattr(channel, "_mimic_target", channel)
    interceptor = _Interceptor(port, method, server)
    # Messages that are written later come from no iterator.
    sent = args[0] if args else options.get("request_iterator")
    is_written = isinstance(method, grpc.aio.StreamUnaryMultiCallable) and sent is None
    if is_written or isinstance(method, grpc.aio.StreamStreamMultiCallable):
        interceptor.refuse(calls.TWO_WAYS)
        return original(method, *args, **options)
    taken = copy(method)
    # Those of the caller stay real, and see what is replayed.
    taken._interceptors = [*(method._interceptors or ()), interceptor]
    return original(taken, *args, **options)


def new_channel(
    _: Port, original: Function, channel: Any, target: str, *args: Any, **options: Any
) -> None:
    """Note where a channel leads, of which grpc keeps no trace."""
    original(channel, target, *args, **options)
    channel._mimic_target = target


def get_state(
    port: Port, original: Function, channel: Any, try_to_connect: bool = False
) -> Any:
    """Say that a channel is ready in a replay."""
    is_replay = port.replays
    state = original(channel, try_to_connect and not is_replay)
    if not is_replay or state is grpc.ChannelConnectivity.SHUTDOWN:
        return state
    return grpc.ChannelConnectivity.READY


# -- what grpc gives


def _error_of(answer: Plain) -> Any:
    return grpc.aio.AioRpcError(
        grpc.StatusCode[answer.get("code", "CANCELLED")],
        grpc.aio.Metadata(*messages.metadata(answer, "metadata")),
        grpc.aio.Metadata(*messages.metadata(answer, "trailing")),
        details=answer.get("details", ""),
    )


class _Ended(UnaryUnaryCallResponse):  # type: ignore[misc]
    """A call that has ended: it says what an error says of its end."""

    def __init__(self, answer: Plain, response: Any = None) -> None:
        super().__init__(response)
        self._answer = answer

    async def code(self) -> Any:
        return _error_of(self._answer).code()

    async def details(self) -> Any:
        return _error_of(self._answer).details()

    async def initial_metadata(self) -> Any:
        return _error_of(self._answer).initial_metadata()

    async def trailing_metadata(self) -> Any:
        return _error_of(self._answer).trailing_metadata()


class _ReplayedCall(_Ended):
    """A stream of recorded responses.

    Args:
        exchange: The call.
        answer: What is given.
        responses: The messages in it.
    """

    def __init__(self, exchange: Exchange, answer: Plain, responses: list[Any]) -> None:
        super().__init__(answer)
        self._exchange = exchange
        self._responses = self._each(responses)
        self._end = asyncio.get_running_loop().create_future()
        self.done = self._end.done
        self.cancelled = self._end.cancelled
        self.add_done_callback = self._end.add_done_callback

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._responses

    async def _each(self, responses: list[Any]) -> AsyncIterator[Any]:
        for response in responses:
            self._raise_if_cancelled()
            yield response
        self._raise_if_cancelled()
        await self._exchange.wait(is_task=True)
        if "code" not in self._answer:
            raise self._exchange.read_further()
        self._end.set_result(None)
        if self._answer["code"] != "OK":
            raise _error_of(self._answer)

    def _raise_if_cancelled(self) -> None:
        if self._end.cancelled():
            raise asyncio.CancelledError

    def cancel(self) -> bool:
        self._exchange.leave()
        return self._end.cancel()


# grpc asks of what kind a call is that an interceptor gives.
grpc.aio.StreamUnaryCall.register(_Ended)
grpc.aio.UnaryStreamCall.register(_ReplayedCall)


async def _next_of(call: Any) -> Any:
    return await anext(aiter(call))


async def _each(stream: calls.Stream) -> AsyncIterator[Any]:
    with suppress(StopAsyncIteration):
        while True:
            yield await stream.next()


class _Interceptor(calls.Method):
    """Takes the calls of one method."""

    is_task = True
    next_of = staticmethod(_next_of)
    real = staticmethod(_each)
    replayed = _ReplayedCall

    async def intercept_unary_unary(self, go_on: Any, details: Any, sent: Any) -> Any:
        """Make or replay a call of one response."""
        exchange = self.begin(sent, details.metadata)
        if exchange is None:
            return await go_on(details, sent)

        async def send() -> Plain:
            try:
                real = await go_on(details, sent)
                response = await real
                answer = await calls.end_of(real)
            except grpc.aio.AioRpcError as error:
                return await calls.end_of(error)
            answer["response"] = calls.read_response(exchange, response)
            return answer

        return await exchange.answer(send, self._build, is_task=True)

    async def intercept_stream_unary(self, go_on: Any, details: Any, sent: Any) -> Any:
        """Make or replay a call whose messages are read before it begins."""
        if self._port.is_unseen:
            return await go_on(details, sent)
        if hasattr(sent, "__aiter__"):
            all_sent = [message async for message in sent]
        else:
            all_sent = list(sent)
        return await self.intercept_unary_unary(go_on, details, all_sent)

    async def intercept_unary_stream(self, go_on: Any, details: Any, sent: Any) -> Any:
        """Make or replay a call with a stream of responses."""
        return await self.stream(partial(go_on, details, sent), sent, details.metadata)

    def _build(self, answer: Plain) -> Any:
        """Return the call, or the error, of a recorded answer."""
        if "code" not in answer:
            return None  # The call has never ended.
        if answer["code"] != "OK":
            return _error_of(answer)
        return _Ended(answer, self.response_in(answer))

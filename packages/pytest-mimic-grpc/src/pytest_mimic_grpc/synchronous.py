"""Calls on a channel without asyncio: of one response, and of a stream of them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
from grpc._channel import _InactiveRpcError, _MultiThreadedRendezvous, _RPCState

from pytest_mimic.client import Exchange, Function, Plain, Port, at_once
from pytest_mimic_grpc import calls, messages

_FUTURE = "future() has no place in the order of calls: make the call in a thread"


def unary(
    port: Port,
    original: Function,
    method: Any,
    sent: Any,
    timeout: Any,
    metadata: Any,
    *options: Any,
) -> tuple[Any, Any]:
    """Make or replay a call with one response.

    grpc makes of its state what the caller gets: a response, a call, an error.
    """
    called = _Method(port, method)
    plain, real = sent, sent
    if isinstance(method, grpc.StreamUnaryMultiCallable) and not port.is_unseen:
        plain = list(sent)
        real = iter(plain)

    def start() -> tuple[Any, Any]:
        return original(method, real, timeout, metadata, *options)  # type: ignore[no-any-return]

    exchange = called.begin(plain, metadata)
    if exchange is None:
        return start()

    async def send() -> Plain:
        state, _ = start()
        answer = await calls.end_of(_InactiveRpcError(state))
        if state.code is grpc.StatusCode.OK:
            answer["response"] = calls.read_response(exchange, state.response)
        return answer

    return at_once(exchange.answer(send, called.build, is_task=False)), None


def stream(
    port: Port,
    original: Function,
    method: Any,
    request: Any,
    timeout: Any = None,
    metadata: Any = None,
    *args: Any,
    **options: Any,
) -> Any:
    """Make or replay a call with a stream of responses."""

    async def start() -> Any:
        return original(method, request, timeout, metadata, *args, **options)

    return at_once(_Method(port, method).stream(start, request, metadata))


def refused(
    port: Port, original: Function, method: Any, *args: Any, **options: Any
) -> Any:
    """Refuse a stream in both directions, and a call that ends at some time."""
    called = _Method(port, method)
    called.refuse(_FUTURE if original.__name__ == "future" else calls.TWO_WAYS)
    return original(method, *args, **options)


def subscribe(
    port: Port,
    original: Function,
    channel: Any,
    callback: Any,
    *args: Any,
    **options: Any,
) -> Any:
    """Say that a channel is ready in a replay."""
    if port.replays:
        return callback(grpc.ChannelConnectivity.READY)
    return original(channel, callback, *args, **options)


def credentials(port: Port, original: Function, plugin: Any, name: Any = None) -> Any:
    """Let the requests for a token be a part of the call that needs it.

    grpc makes them in a thread of its own.
    """

    def plugin_inside(context: Any, callback: Any) -> Any:
        with port.unseen():
            return plugin(context, callback)

    return original(plugin_inside, name)


# -- what grpc gives


async def _next_of(call: Any) -> Any:
    for response in call:
        return response
    raise StopAsyncIteration


def _end(state: Any, answer: Plain) -> None:
    state.code = grpc.StatusCode[answer["code"]]
    state.details = state.debug_error_string = answer.get("details", "")
    state.trailing_metadata = messages.metadata(answer, "trailing")


class _ReplayedRendezvous(_MultiThreadedRendezvous):  # type: ignore[misc]
    """A stream of recorded responses.

    Args:
        exchange: The call.
        answer: What is given.
        responses: The messages in it.
    """

    def __init__(self, exchange: Exchange, answer: Plain, responses: list[Any]) -> None:
        initial = messages.metadata(answer, "metadata")
        state = _RPCState((), initial, None, None, None)
        no_call = SimpleNamespace(cancel=lambda *_: None)
        super().__init__(state, no_call, None, None)
        self._exchange = exchange
        self._answer = answer
        self._responses = iter(responses)

    def _next(self) -> Any:
        if self._state.code is None:
            for response in self._responses:
                return response
            self._end()
        if self._state.code is grpc.StatusCode.OK:
            raise StopIteration
        raise self

    def _end(self) -> None:
        at_once(self._exchange.wait(is_task=False))
        if "code" not in self._answer:
            raise self._exchange.read_further()
        _end(self._state, self._answer)
        self._call_back()

    def cancel(self) -> bool:
        is_left: bool = super().cancel()
        if is_left:
            self._exchange.leave()
            self._call_back()
        return is_left

    def _call_back(self) -> None:
        callbacks, self._state.callbacks = self._state.callbacks, None
        for callback in callbacks:
            callback()


class _RecordedStream:
    """A real stream, recorded as far as it is read."""

    def __init__(self, stream: calls.Stream) -> None:
        self._stream = stream
        self.cancel = stream.cancel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.call, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return at_once(self._stream.next())
        except StopAsyncIteration:
            raise StopIteration from None


class _Method(calls.Method):
    """A method on a channel without asyncio.

    Raises:
        ValueError: The channel is closed, which a replay does not touch.
    """

    is_task = False
    next_of = staticmethod(_next_of)
    real = _RecordedStream
    replayed = _ReplayedRendezvous

    def __init__(self, port: Port, method: Any) -> None:
        method._channel.check_connectivity_state(False)
        super().__init__(port, method, method._channel.target())

    def build(self, answer: Plain) -> Any:
        """Return the state of a call that has ended, or None if it never has."""
        if "code" not in answer:
            return None
        state = _RPCState((), messages.metadata(answer, "metadata"), None, None, None)
        _end(state, answer)
        if state.code is grpc.StatusCode.OK:
            state.response = self.response_in(answer)
        return state

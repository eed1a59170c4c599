"""Calls on a channel without asyncio: of one response, and of a stream of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import grpc
from grpc._channel import _MultiThreadedRendezvous, _RPCState

from pytest_mimic.client import Exchange, Function, Plain, Port, at_once
from pytest_mimic.clients.grpc import calls, messages
from pytest_mimic.engine.nesting import Unmimicked

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
    _check_open(method)
    called = _called(port, method)
    plain, real = sent, sent
    if isinstance(method, grpc.StreamUnaryMultiCallable) and not port.run.is_unseen():
        plain = list(sent)
        real = iter(plain)

    def go_on() -> tuple[Any, Any]:
        return original(method, real, timeout, metadata, *options)  # type: ignore[no-any-return]

    exchange = at_once(called.begin(plain, metadata))
    if exchange is None:
        return go_on()

    async def send() -> Plain:
        state, _ = go_on()
        answer = calls.end(
            state.code, state.details, state.initial_metadata, state.trailing_metadata
        )
        if state.code is grpc.StatusCode.OK:
            answer["response"] = calls.read_response(exchange, state.response)
        return answer

    build = partial(_build, called)
    return at_once(exchange.answer(send, build, is_task=False)), None


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
    _check_open(method)
    called = _called(port, method)
    exchange = at_once(called.begin(request, metadata))
    go_on = partial(original, method, request, timeout, metadata, *args, **options)
    if exchange is None:
        return go_on()
    build = called.responses_in
    if exchange.mode == "replay":
        return _ReplayedRendezvous(
            exchange, exchange.recorded, exchange.replay_at_once(build)
        )
    with exchange.running():
        recorded = _RecordedStream(exchange, go_on())
    if exchange.mode == "run":
        return recorded
    answer = recorded.compared()
    return _ReplayedRendezvous(exchange, answer, build(answer))


def refused(
    port: Port, original: Function, method: Any, *args: Any, **options: Any
) -> Any:
    """Refuse a stream in both directions, and a call that ends at some time."""
    _check_open(method)
    reason = _FUTURE if original.__name__ == "future" else calls.TWO_WAYS
    _called(port, method).refuse(reason)
    return original(method, *args, **options)


def _called(port: Port, method: Any) -> calls.Method:
    return calls.Method(port, method, method._channel.target())


def _check_open(method: Any) -> None:
    """Let grpc refuse a call on a closed channel, which a replay does not touch."""
    method._channel.check_connectivity_state(False)


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
        before = port.run.nesting.enter(Unmimicked())
        try:
            return plugin(context, callback)
        finally:
            port.run.nesting.leave(before)

    return original(plugin_inside, name)


# -- what grpc gives


def _build(called: calls.Method, answer: Plain) -> Any:
    """Return the state of a call that has ended, or None if it never has."""
    if "code" not in answer:
        return None
    state = _RPCState((), messages.metadata(answer, "metadata"), None, None, None)
    _end(state, answer)
    if state.code is grpc.StatusCode.OK:
        state.response = called.response_in(answer)
    return state


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
        step = self._exchange.step
        if step.is_open or self._exchange.hangs:
            step.wait()
        if "code" not in self._answer:
            raise step.read_further()
        _end(self._state, self._answer)
        self._call_back()

    def cancel(self) -> bool:
        is_left: bool = super().cancel()
        if is_left:
            self._exchange.step.leave()
            self._call_back()
        return is_left

    def _call_back(self) -> None:
        callbacks, self._state.callbacks = self._state.callbacks, None
        for callback in callbacks:
            callback()


class _RecordedStream:
    """A real stream, recorded as far as it is read."""

    def __init__(self, exchange: Exchange, call: Any) -> None:
        self._call = call
        self._responses = calls.Responses(exchange)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            with self._responses.reading():
                response = next(self._call)
        except (StopIteration, grpc.RpcError):
            self._responses.end(calls.end_of(self._call))
            raise
        self._responses.keep(response)
        return response

    def cancel(self) -> Any:
        """Leave the stream."""
        self._responses.end({})
        return self._call.cancel()

    def compared(self) -> Plain:
        """Read as many responses as were recorded, and return what is given."""
        with suppress(grpc.RpcError):  # It is compared.
            for _ in self:
                if self._responses.are_enough():
                    self.cancel()
                    break
        return self._responses.answer

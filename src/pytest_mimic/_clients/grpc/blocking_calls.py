"""Calls on sync channels: real ones while they are recorded, and recorded ones as the client gives them.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.grpc.rpc import Method, Rpc, Shape, metadata_of

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

grpc: Any = import_module("grpc")
_channel: Any = import_module("grpc._channel")

# Stands for the connection of a call that has none.
_UNCONNECTED = SimpleNamespace(cancel=lambda *_: None)


def invoke(shape: Shape, original: Callable[..., Any], port: Port, method: Any, given: dict[str, Any]) -> Any:
    """Call a method of a service, or replay it. `original` is the function of the client, `given` are its arguments."""
    called, request = Method(method), given[shape.request]
    rpc, is_talk = Rpc(port, called, given.get("metadata"), shape), shape.sends_many and shape.gives_many
    if is_talk:
        mode = rpc.begin(None)
    elif shape.sends_many:
        try:
            messages = list(request)
        except Exception:  # as the client does
            state = _channel._RPCState((), (), (), grpc.StatusCode.UNKNOWN, "Exception iterating requests!")
            raise _channel._InactiveRpcError(state) from None
        mode, given[shape.request] = rpc.begin(messages), iter(messages)
    else:
        mode = rpc.begin([request])
    if mode == "pass":
        return original(method, **given)
    call: Any = None
    if mode != "replay" and (shape.gives_many or (mode == "run" and shape.style == "future")):
        if is_talk:
            given[shape.request] = _sending(rpc, request)
        with rpc.running():
            call = original(called.sending, **given)
            kind: Any = type(call)
            call.__class__ = _recorded(kind)
            call.rpc = rpc
            if not shape.gives_many:
                call.add_done_callback(_Recorded.settle)
        if mode == "run":
            return call
    elif mode != "replay":
        with rpc.running():
            result = _ask(rpc, called.sending, given)
            if mode == "run":
                return result if shape.style == "with_call" else result[0]
    return _replayed(shape, rpc, call, request if is_talk else ())


def _ask(rpc: Rpc, method: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Make a call that gives one message. An error of the client's is its outcome."""
    try:
        response, call = method.with_call(**given)
    except grpc.RpcError as error:
        _finish(rpc, error)
        if rpc.step.mode == "run":
            raise
        return None, error
    rpc.note_response(response)
    _finish(rpc, call)
    return response, call


def _replayed(shape: Shape, rpc: Rpc, real: Any, unsent: Iterable[Any]) -> Any:
    recorded = rpc.recorded()
    if shape.gives_many or shape.style == "future":
        return ReplayedCall(rpc, recorded, real, unsent)
    if recorded["code"] != "OK":
        raise _channel._InactiveRpcError(_state_of(recorded))
    response = rpc.load(recorded["response"])
    return (response, ReplayedCall(rpc, recorded)) if shape.style == "with_call" else response


def _sending(rpc: Rpc, requests: Iterable[Any]) -> Iterator[Any]:
    """Yield the messages that the caller sends while it reads responses, and note them."""
    for request in requests:
        rpc.note_request(request)
        yield request
    rpc.all_sent = True


def _finish(rpc: Rpc, call: Any) -> None:
    rpc.finish(call.code().name, call.details(), call.initial_metadata(), call.trailing_metadata())


class _Recorded:
    """A real call that goes on after it was begun: a future, or a stream of responses."""

    rpc: Rpc
    _settling = threading.Lock()

    def _next(self: Any) -> Any:
        try:
            response = super()._next()  # type: ignore[misc]
        except (StopIteration, grpc.RpcError):
            self._end()
            raise
        self.rpc.note_response(response)
        return response

    def result(self, timeout: float | None = None) -> Any:
        try:
            return super().result(timeout)  # type: ignore[misc]
        finally:
            self.settle()

    def exception(self, timeout: float | None = None) -> Any:
        try:
            return super().exception(timeout)  # type: ignore[misc]
        finally:
            self.settle()

    def settle(self: Any) -> None:
        """Record a response that has come. The client tells it from a thread of its own, perhaps after its reader has it."""
        with self._settling:
            if self.done() and not self.rpc.is_done and not self.rpc.shape.gives_many:
                if self.code() is grpc.StatusCode.OK:
                    self.rpc.note_response(super().result())  # type: ignore[misc]
                self._end()

    def cancel(self, *_: object) -> bool:
        is_cancelled: bool = super().cancel()  # type: ignore[misc]
        if is_cancelled:
            self.rpc.finish()
        return is_cancelled

    def _end(self: Any) -> None:
        self.rpc.finish() if self.cancelled() else _finish(self.rpc, self)

    def __del__(self) -> None:
        super().__del__()  # type: ignore[misc]
        self.rpc.finish()


@cache
def _recorded(kind: Any) -> type:
    return type(kind.__name__, (_Recorded, kind), {})


class ReplayedCall(_channel._MultiThreadedRendezvous):  # type: ignore[misc]
    """A recorded call: a future, a stream, and its own error. To verify a stream, the `real` one is read beside it.

    `unsent` are the messages that the caller has yet to send.
    """

    def __init__(
        self, rpc: Rpc, recorded: dict[str, Any], real: Any = None, unsent: Iterable[Any] = ()
    ) -> None:
        self._final = _state_of(recorded)
        state = _channel._RPCState((), self._final.initial_metadata, None, None, None)
        super().__init__(state, _UNCONNECTED if real is None else real, None, None)
        self._rpc = rpc
        self._recorded = recorded
        self._real = real
        self._unsent = iter(unsent)
        self._index = 0
        if "responses" not in recorded:
            if "response" in recorded:
                state.response = rpc.load(recorded["response"])
            self._end()

    def _next(self) -> Any:
        if self._state.code is None:
            responses, index = self._recorded["responses"], self._index
            self._reach(index)
            if index < len(responses):
                self._index += 1
                return self._rpc.load(responses[index])
            if self._recorded.get("end") == "stopped":
                raise self._rpc.step.exhausted()
            self._end()
        return super()._next()

    def _reach(self, index: int) -> None:
        """Let the caller send what it sent before it got the response at this index, and check that."""
        if self._real is not None:
            is_last = index == len(self._recorded["responses"]) and "code" in self._recorded
            with suppress(StopIteration, grpc.RpcError):
                next(self._real)
                while is_last:
                    next(self._real)
            return
        for _ in self._rpc.unsent(self._recorded, index):
            try:
                self._rpc.note_request(next(self._unsent))
            except Exception:  # the end, or an error of the caller's, which ends the call
                break
        self._rpc.check_sent(self._recorded, index)

    def _end(self) -> None:
        state, final = self._state, self._final
        state.trailing_metadata, state.details = final.trailing_metadata, final.details
        state.debug_error_string, state.code = "", final.code
        for callback in state.callbacks:
            callback()


class Metadatum(NamedTuple):
    """One pair of metadata."""

    key: str
    value: Any


def _state_of(recorded: dict[str, Any]) -> Any:
    initial, trailing = (
        tuple(Metadatum(*pair) for pair in metadata_of(recorded, name)) for name in ("initial", "trailing")
    )
    code = grpc.StatusCode[recorded["code"]] if "code" in recorded else None
    state = _channel._RPCState((), initial, trailing, code, recorded.get("details", ""))
    state.debug_error_string = ""
    return state

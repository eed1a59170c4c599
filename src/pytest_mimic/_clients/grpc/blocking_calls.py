"""Calls on sync channels, recorded and replayed. While recording, a call that gives one message is made to its end at once.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.grpc.rpc import Ending, Rpc, Shape

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

grpc: Any = import_module("grpc")
_channel: Any = import_module("grpc._channel")

_OPTIONS = ("timeout", "metadata", "credentials", "wait_for_ready", "compression")
# What a stream tells when it has ended.
_AFTER_THE_END = ("code", "details", "trailing_metadata", "result", "exception", "traceback")
# Stands for the connection of a call that has none.
_UNCONNECTED = SimpleNamespace(cancel=lambda *_: None)


def invoke(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, args: Any, options: dict[str, Any]
) -> Any:
    """Call a method of a service, or replay it. `original` is the function of the client."""
    name = "request_iterator" if shape.sends_many else "request"
    given = dict(zip((name, *_OPTIONS), args, strict=False)) | options
    rpc = Rpc(port, method, shape)
    messages = [given[name]]
    if shape.sends_many:
        messages = list(given[name])
        given[name] = iter(messages)
    mode = rpc.begin(messages, given.get("metadata"))
    if mode == "pass":
        return original(method, **given)
    if mode != "replay":
        if shape.gives_many:
            with rpc.running():
                real = RealStream(rpc, original(rpc.noting(method), **given))
                if mode == "run":
                    return real
                real.read_as_recorded()
        else:
            call = _made(rpc, method, given)
            if mode == "run":
                return _returned(call, shape.style)
    rpc.replay()
    return _returned(
        FinishedCall(rpc, rpc.response, rpc.ending), "stream" if shape.gives_many else shape.style
    )


def _made(rpc: Rpc, method: Any, given: dict[str, Any]) -> Any:
    """Make a call that gives one message, and return it when it has ended."""
    with rpc.running():
        response = None
        try:
            response, call = rpc.noting(method).with_call(**given)
        except grpc.RpcError as error:
            call = error
        ending = _ending_of(call)
        rpc.finish(ending)
        return FinishedCall(rpc, response, ending)


def _ending_of(call: Any) -> Ending:
    return Ending(call.code(), call.details(), call.initial_metadata(), call.trailing_metadata())


def _returned(call: Any, style: str) -> Any:
    if style in ("future", "stream"):
        return call
    if call.code() is not grpc.StatusCode.OK:
        raise _channel._InactiveRpcError(call._state)
    return (call.result(), call) if style == "with_call" else call.result()


class RealStream:
    """A stream of the server's that is recorded: as far as it is read."""

    def __init__(self, rpc: Rpc, real: Any) -> None:
        self._rpc, self._real = rpc, real

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._rpc.running():
            try:
                return next(self._real)
            except (StopIteration, grpc.RpcError):
                self._rpc.finish(_ending_of(self._real))
                raise
        raise StopIteration

    def read_as_recorded(self) -> None:
        """Read as far as the recording goes, which is then compared."""
        try:
            while self._rpc.wants_more():
                next(self)
        except (StopIteration, grpc.RpcError):
            return
        self.cancel()

    def cancel(self) -> Any:
        self._rpc.finish()
        return self._real.cancel()

    def __getattr__(self, name: str) -> Any:
        if name in _AFTER_THE_END:
            self._real.code()
            self._rpc.finish(_ending_of(self._real))
        return getattr(self._real, name)

    def __del__(self) -> None:
        self._rpc.discard()


class FinishedCall(_channel._MultiThreadedRendezvous):  # type: ignore[misc]
    """A call that needs no server any more: a future, a recorded stream, and its own error."""

    def __init__(self, rpc: Rpc, response: Any, ending: Ending | None) -> None:
        state = _channel._RPCState((), rpc.initial, None, None, None)
        super().__init__(state, _UNCONNECTED, None, None)
        self._rpc = rpc
        state.response = response
        self._end(ending)

    def _next(self) -> Any:
        if self._state.code is None:
            response = self._rpc.next_response()
            self._end(self._rpc.ending)
            return response
        if self._state.code is grpc.StatusCode.OK:
            raise StopIteration
        raise self

    def cancel(self) -> bool:
        is_cancelled: bool = super().cancel()
        self._tell()
        return is_cancelled

    def _end(self, ending: Ending | None) -> None:
        state = self._state
        if ending is not None:
            with state.condition:  # another thread may cancel the call, wait for its end, or add a callback
                if state.code is None:
                    state.initial_metadata, state.trailing_metadata = ending.initial, ending.trailing
                    state.details, state.debug_error_string = ending.details, ""
                    state.code = ending.code
                    state.condition.notify_all()
            self._tell()

    def _tell(self) -> None:
        """Call the callbacks of the ended call, once."""
        with self._state.condition:
            callbacks, self._state.callbacks = self._state.callbacks, None
        for callback in callbacks or ():
            callback()


# It is an exception, too, whose text has the name of its class.
FinishedCall.__name__ = FinishedCall.__qualname__ = _channel._MultiThreadedRendezvous.__name__

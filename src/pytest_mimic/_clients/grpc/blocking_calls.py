"""Calls on sync channels: real ones are recorded as the client's transport tells of them, and recorded ones replayed.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.grpc.rpc import END, Rpc, Shape
from pytest_mimic._core.seam.sync_async import run_sync

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

grpc: Any = import_module("grpc")
_channel: Any = import_module("grpc._channel")
_cygrpc: Any = import_module("grpc._cython.cygrpc")

_kinds = _cygrpc.OperationType
_OPTIONS = ("timeout", "metadata", "credentials", "wait_for_ready", "compression")
# Stands for the connection of a call that has none.
_UNCONNECTED = SimpleNamespace(cancel=lambda *_: None)


def invoke(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, args: Any, options: dict[str, Any]
) -> Any:
    """Call a method of a service, or replay it. `original` is the function of the client."""
    name = "request_iterator" if shape.sends_many else "request"
    given = dict(zip((name, *_OPTIONS), args, strict=False)) | options
    rpc, request = Rpc(port, method, shape), given[name]
    messages = None if shape.is_talk else [request]
    if shape.sends_many and not shape.gives_many:
        try:
            messages = list(request)
        except Exception as error:  # the client only logs it: it is the call that fails
            state = _channel._RPCState((), (), (), grpc.StatusCode.UNKNOWN, "Exception iterating requests!")
            failed = _channel._InactiveRpcError(state)
            if shape.style != "future":
                raise failed from error
            failed.__cause__ = error
            return failed
        given[name] = iter(messages)
    mode = rpc.begin(messages, given.get("metadata"))
    if mode == "pass":
        return original(method, **given)
    real: Any = None
    if mode != "replay":
        if shape.is_talk:
            given[name] = _sending(rpc, request)
        recorded = copy(method)
        recorded._channel = call = NotedCall(rpc, method)
        recorded._managed_call = call.managed_call
        with rpc.running():
            real = original(recorded, **given)
            if mode == "run":
                return real
            if shape.style == "future":
                real.exception()
    rpc.replay()
    call = ReplayedCall(rpc, real if shape.gives_many else None, request if shape.is_talk else ())
    if shape.gives_many or shape.style == "future":
        return call
    if call.code() is not grpc.StatusCode.OK:
        raise _channel._InactiveRpcError(call._state)
    return (call.result(), call) if shape.style == "with_call" else call.result()


def _sending(rpc: Rpc, requests: Iterable[Any]) -> Iterator[Any]:
    """Yield the messages that the caller sends while it reads responses, and note them."""
    for request in requests:
        rpc.note_request(request)
        yield request
    rpc.all_sent = True


class NotedCall:
    """A real call in the place of its channel and of itself. What the server sends is noted before the client has it."""

    def __init__(self, rpc: Rpc, method: Any) -> None:
        self._rpc, self._method = rpc, method
        self._initial: Any = None
        self._status: Any = None
        self._is_receiving = False
        self._early: list[Any] = []
        self._noted: list[Any] = []
        self._guard = threading.Lock()

    def segregated_call(self, *args: Any) -> Any:
        """Begin a call whose events its caller waits for."""
        self._call = self._method._channel.segregated_call(*args)
        return self

    def managed_call(self, *args: Any) -> Any:
        """Begin a call whose events the client's thread gives to a handler, the eighth argument."""
        self._call = self._method._managed_call(*args[:7], self._noting(args[7]), *args[8:])
        return self

    def operate(self, operations: Any, handler: Any) -> Any:
        with self._guard:  # its event waits until it is known that a message is to come
            is_begun = self._call.operate(operations, handler and self._noting(handler))
            if is_begun and any(one.type() == _kinds.receive_message for one in operations):
                self._is_receiving = True
        return is_begun

    def next_event(self) -> Any:
        while not self._noted:
            self._noted += self._note(self._call.next_event())
        return self._noted.pop(0)

    def cancel(self, code: int, details: str) -> None:
        if code == grpc.StatusCode.CANCELLED.value[0]:
            self._rpc.cancel(details)
        else:  # the caller's messages raised an error
            self._rpc.finish(_cygrpc.AioRpcStatus(code, details, None, None))
        self._call.cancel(code, details)

    def _noting(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def handle(event: Any) -> bool:
            results = [handler(noted) for noted in self._note(event)]
            return bool(results) and results[-1]

        return handle

    def _note(self, event: Any) -> list[Any]:
        """Note an event, and return those that the client may have now.

        The status waits for the initial metadata and for a message that the client waits for: all are recorded with it.
        """
        with self._guard:
            for operation in event.batch_operations:
                kind = operation.type()
                if kind == _kinds.receive_initial_metadata:
                    self._initial = operation.initial_metadata()
                elif kind == _kinds.receive_status_on_client:
                    self._status = operation
                elif kind == _kinds.receive_message:
                    self._is_receiving = False
                    if (data := operation.message()) is not None:
                        self._rpc.note_response(data)
            if self._status is None:
                return [event]
            self._early.insert(0, event)
            if self._initial is None or self._is_receiving:
                return []
            events, self._early = self._early, []
        self._rpc.finish(self._status, self._initial)
        return events


class ReplayedCall(_channel._MultiThreadedRendezvous):  # type: ignore[misc]
    """A recorded call: a future, a stream, and its own error. To verify a stream, the `real` one is read beside it.

    `unsent` are the messages that the caller has yet to send.
    """

    def __init__(self, rpc: Rpc, real: Any, unsent: Iterable[Any]) -> None:
        state = _channel._RPCState((), rpc.metadata("initial"), None, None, None)
        super().__init__(state, _UNCONNECTED if real is None else real._call, None, None)
        self._rpc = rpc
        self._real = real
        self._unsent = iter(unsent)
        state.response = rpc.response()
        if rpc.is_over or not rpc.shape.gives_many:
            self._end()

    def _next(self) -> Any:
        if self._state.code is None:
            if not self._rpc.is_alone:
                receive = None if self._real is None else partial(_next_of, self._real)
                run_sync(self._rpc.catch_up(receive, partial(_next_of, self._unsent)))
            response = self._rpc.next_response()
            if self._rpc.is_over:
                self._end()
            if response is not END:
                return response
        return super()._next()

    def cancel(self) -> bool:
        is_cancelled: bool = super().cancel()
        self._tell()
        return is_cancelled

    def _end(self) -> None:
        state, recorded = self._state, self._rpc.recorded
        with state.condition:  # another thread may cancel the call, wait for its end, or add a callback
            if state.code is None:
                state.trailing_metadata = self._rpc.metadata("trailing")
                state.details, state.debug_error_string = recorded.get("details", ""), ""
                state.code = grpc.StatusCode[recorded["code"]]
                state.condition.notify_all()
        self._tell()

    def _tell(self) -> None:
        """Call the callbacks of the ended call, once."""
        with self._state.condition:
            callbacks, self._state.callbacks = self._state.callbacks, None
        for callback in callbacks or ():
            callback()


def _next_of(messages: Iterator[Any]) -> Any:
    try:
        return next(messages)
    except Exception:  # the end, an error of the server's, or one of the caller's, which ends the call
        return END


# It is an exception, too, whose text has the name of its class.
ReplayedCall.__name__ = ReplayedCall.__qualname__ = _channel._MultiThreadedRendezvous.__name__

"""Calls on a channel without asyncio: of one response, and of a stream of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import grpc

from pytest_mimic.client import Exchange, Plain, Port
from pytest_mimic.clients.grpc import messages
from pytest_mimic.clients.grpc.calls import begin, refuse


class Calls:
    """The calls of one kind of method.

    Args:
        port: Where they are taken.
        closed: The closed channels by id.
        original: What makes them for real.
        takes_stream: Whether they are sent a stream of messages.
    """

    def __init__(
        self,
        port: Port,
        closed: dict[int, Any],
        original: Callable[..., Any],
        *,
        takes_stream: bool,
    ) -> None:
        self._port = port
        self._closed = closed
        self._original = original
        self._takes_stream = takes_stream

    def _begin(
        self, method: Any, request: Any, metadata: Any
    ) -> tuple[Exchange | None, Any]:
        """Begin a call, and return it with what is sent.

        Raises:
            ValueError: The channel is closed.
            UnstorableOutcomeError: The request is no message.
        """
        self._check_open(method)
        if self._port.run.passes():
            return None, request
        sent = list(request) if self._takes_stream else request
        begun = partial(begin, self._port, name_of(method), method._target)
        try:
            plain: Plain
            if self._takes_stream:
                plain = {"requests": [messages.read(each) for each in sent]}
            else:
                plain = {"request": messages.read(sent)}
            exchange = begun(plain, metadata)
        except messages.NoMessageError as error:
            exchange = begun({}, metadata)
            if exchange is not None:
                raise refuse(exchange, name_of(method), str(error)) from None
        return exchange, iter(sent) if self._takes_stream else sent

    def _check_open(self, method: Any) -> None:
        if id(method._channel) in self._closed:
            raise ValueError("Cannot invoke RPC: Channel closed!")

    def _refuse(self, method: Any, reason: str) -> None:
        """Refuse a call, if a line takes it."""
        self._check_open(method)
        name = name_of(method)
        exchange = begin(self._port, name, method._target, {})
        if exchange is not None:
            raise refuse(exchange, name, reason)

    def call(
        self, method: Any, request: Any, timeout: Any = None, *args: Any, **options: Any
    ) -> Any:
        """Make or replay a call with one response."""
        response, _ = method.with_call(request, timeout, *args, **options)
        return response

    def with_call(
        self,
        method: Any,
        request: Any,
        timeout: Any = None,
        metadata: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Return the response and the call."""
        exchange, sent = self._begin(method, request, metadata)
        go_on = partial(
            self._original, method, sent, timeout, metadata, *args, **options
        )
        if exchange is None:
            return go_on()
        if exchange.mode == "replay":
            return exchange.replay(partial(_given, method))
        # Its place is kept if its test ends before it.
        exchange.progress(dict)
        error = None
        try:
            with exchange.step.running():
                response, call = go_on()
            answer = {"response": messages.read(response), **_end_of(call)}
        except grpc.RpcError as failure:
            error, answer = failure, _end_of(failure)
        except messages.NoMessageError as reason:
            raise refuse(exchange, name_of(method), str(reason)) from None
        except BaseException as other:
            exchange.abandon(other)
            raise
        given = exchange.finish(answer)
        if exchange.mode == "run" and error is None:
            return response, call
        found = error if exchange.mode == "run" else _given(method, given)
        if isinstance(found, BaseException):
            raise found
        return found

    def future(self, method: Any, *args: Any, **options: Any) -> Any:
        """Refuse a call that ends at some time."""
        reason = "future() has no order among other calls: call it in a thread"
        self._refuse(method, reason)
        return self._original(method, *args, **options)

    def stream(
        self,
        method: Any,
        request: Any,
        timeout: Any = None,
        metadata: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Make or replay a call with a stream of responses."""
        exchange, sent = self._begin(method, request, metadata)
        go_on = partial(
            self._original, method, sent, timeout, metadata, *args, **options
        )
        if exchange is None:
            return go_on()
        deserialize = method._response_deserializer
        if exchange.mode == "replay":
            answer = exchange.given(partial(_checked, method))
            return _Replayed(answer, deserialize, exchange)
        recorded = _Recorded(name_of(method), exchange)
        with exchange.step.running():
            recorded.call = go_on()
        if exchange.mode == "run":
            return recorded
        return _Replayed(recorded.read_as_recorded(), deserialize)

    def two_way(self, method: Any, *args: Any, **options: Any) -> Any:
        """Refuse a stream in both directions."""
        self._refuse(method, "it is a stream in both directions")
        return self._original(method, *args, **options)


def name_of(method: Any) -> str:
    """Return the name of a method: `/shop.Orders/Get`."""
    name = method._method
    return name.decode() if isinstance(name, bytes) else str(name)


def _given(method: Any, answer: Plain) -> Any:
    """Return a response with its call, or the error, of a recorded answer."""
    if "code" not in answer:
        return None  # The call has never ended.
    if answer["code"] != "OK":
        return _RecordedError(answer)
    response = messages.give(answer["response"], method._response_deserializer)
    return response, _Ended(answer)


def _checked(method: Any, answer: Plain) -> Plain:
    for response in answer.get("responses", ()):
        messages.give(response, method._response_deserializer)
    return answer


def _end_of(call: Any) -> Plain:
    """Return how a real call, or its error, has ended."""
    return messages.answer(
        call.code().name,
        call.details(),
        call.initial_metadata(),
        call.trailing_metadata(),
    )


# -- what stands for calls


class _Metadatum(NamedTuple):
    key: str
    value: str | bytes


class _Ended(grpc.Call):  # type: ignore[misc]
    """A call that has ended."""

    def __init__(self, answer: Plain) -> None:
        super().__init__()
        self._answer = answer

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._answer.get("code", "CANCELLED")]

    def details(self) -> str:
        details: str = self._answer.get("details", "")
        return details

    def debug_error_string(self) -> str:
        return self.details()

    def initial_metadata(self) -> tuple[_Metadatum, ...]:
        return self._metadata("metadata")

    def trailing_metadata(self) -> tuple[_Metadatum, ...]:
        return self._metadata("trailing")

    def _metadata(self, name: str) -> tuple[_Metadatum, ...]:
        pairs = messages.give_metadata(self._answer.get(name, {}))
        return tuple(_Metadatum(*pair) for pair in pairs)

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float | None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], Any]) -> bool:  # noqa: ARG002
        return False


class _RecordedError(_Ended, grpc.RpcError, grpc.Future):  # type: ignore[misc]
    """The error of a call; interceptors take it for the call itself."""

    def __str__(self) -> str:
        return f"<RPC that ended with {self.code()}: {self.details()}>"

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        raise self

    def exception(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self

    def traceback(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self.__traceback__

    def cancelled(self) -> bool:
        return False

    def running(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        fn(self)


class _Replayed(_Ended):
    """A stream of recorded responses.

    Args:
        answer: The answer.
        deserialize: Makes the messages.
        exchange: The replay that ends with it.
    """

    def __init__(
        self, answer: Plain, deserialize: Any, exchange: Exchange | None = None
    ) -> None:
        super().__init__(answer)
        self._deserialize = deserialize
        self._exchange = exchange
        self._rest = iter(answer.get("responses", ()))
        self._is_done = False
        self._callbacks: list[Callable[[Any], Any]] = []

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for response in self._rest:
            return messages.give(response, self._deserialize)
        if not self._is_done:
            self._end_replay()
        if self.code() is grpc.StatusCode.OK:
            raise StopIteration
        raise _RecordedError(self._answer)

    def _end_replay(self) -> None:
        if self._exchange is not None:
            self._exchange.step.wait()
            if "code" not in self._answer:
                raise self._exchange.step.read_further()
        self._done()

    def _done(self) -> None:
        self._is_done = True
        for callback in self._callbacks:
            callback(self)

    def is_active(self) -> bool:
        return not self._is_done

    def done(self) -> bool:
        return self._is_done

    def cancel(self) -> bool:
        if self._is_done:
            return False
        if self._exchange is not None:
            self._exchange.step.leave()
        self._rest = iter(())
        self._answer = {**self._answer, "code": "CANCELLED", "details": "cancelled"}
        self._done()
        return True

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        if self._is_done:
            callback(self)
        else:
            self._callbacks.append(callback)


class _Recorded:
    """A real stream, recorded as far as it is read.

    Attributes:
        call: The real one.
    """

    call: Any

    def __init__(self, method: str, exchange: Exchange) -> None:
        self._method = method
        self._exchange = exchange
        self._responses = responses = list[Plain]()
        # This object may be garbage before its test ends.
        exchange.progress(lambda: {"responses": list(responses)})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.call, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            with self._exchange.step.running():
                response = next(self.call)
        except (StopIteration, grpc.RpcError):
            self._finish(self._whole())
            raise
        except BaseException as error:
            self._exchange.abandon(error, self._so_far())
            raise
        self._keep(response)
        return response

    def cancel(self) -> Any:
        """Leave the stream."""
        if self._exchange.step.is_open:
            self._finish(self._so_far())
        return self.call.cancel()

    def read_as_recorded(self) -> Plain:
        """Read as many responses as were recorded, and return the recorded answer."""
        recorded = self._exchange.recorded
        wanted = len(recorded.get("responses", ()))
        try:
            with self._exchange.step.running():
                for response in self.call:
                    self._keep(response)
                    if "code" not in recorded and len(self._responses) >= wanted:
                        self.call.cancel()
                        return self._exchange.finish(self._so_far())
        except grpc.RpcError:
            pass
        return self._exchange.finish(self._whole())

    def _keep(self, response: Any) -> None:
        try:
            self._responses.append(messages.read(response))
        except messages.NoMessageError as error:
            raise refuse(self._exchange, self._method, str(error)) from None

    def _finish(self, answer: Plain) -> None:
        if self._exchange.step.is_open:
            self._exchange.finish(answer)

    def _so_far(self) -> Plain:
        return {"responses": list(self._responses)}

    def _whole(self) -> Plain:
        return {"responses": list(self._responses), **_end_of(self.call)}

"""Calls on a channel of asyncio, taken by an interceptor below those of the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator
from copy import copy
from typing import Any

import grpc
import grpc.aio

from pytest_mimic.client import Exchange, Plain, Port
from pytest_mimic.clients.grpc import messages
from pytest_mimic.clients.grpc.calls import begin, refuse


def call(
    port: Port,
    channel: Any,
    streams: tuple[bool, bool],
    method: Any,
    original: Callable[..., Any],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """Call a method of a service.

    Args:
        port: Where the call is taken.
        channel: The channel.
        streams: Whether the method is sent a stream, and gives one.
        method: The method.
        original: What makes the call for real.
        args: What is sent, and more.
        options: What is given by name.
    """
    if channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN:
        raise grpc.aio.UsageError("Channel is closed.")
    target = getattr(channel, "_mimic_target", id(channel))
    sent = [*args, options.get("request_iterator")][0]
    if streams == (True, True) or (streams[0] and sent is None):
        name = _name_of(method._method)
        exchange = begin(port, name, target, {})
        if exchange is not None:
            reason = "its messages are a stream in both directions, or written later"
            raise refuse(exchange, name, reason)
        return original(method, *args, **options)
    interceptor = _Interceptor(port, target, method._response_deserializer)
    taken = copy(method)
    # Those of the caller stay real, and see what is replayed.
    taken._interceptors = [*(method._interceptors or ()), interceptor]
    return original(taken, *args, **options)


class _Interceptor:
    """Takes a call of one method, below the interceptors of the caller."""

    def __init__(self, port: Port, target: object, deserialize: Any) -> None:
        self._target = target
        self._port = port
        self._deserialize = deserialize

    async def intercept_unary_unary(
        self, go_on: Any, details: Any, request: Any
    ) -> Any:
        """Make or replay a call of one message."""
        exchange = self._begin(details, lambda: {"request": messages.read(request)})
        return await self._unary(exchange, go_on, details, request)

    async def intercept_stream_unary(
        self, go_on: Any, details: Any, requests: Any
    ) -> Any:
        """Make or replay a call whose messages are read before it begins."""
        if self._port.run.passes():
            return await go_on(details, requests)
        if hasattr(requests, "__aiter__"):
            sent = [request async for request in requests]
        else:
            sent = list(requests)

        def read() -> Plain:
            return {"requests": [messages.read(request) for request in sent]}

        exchange = self._begin(details, read)
        return await self._unary(exchange, go_on, details, sent)

    async def _unary(
        self, exchange: Exchange | None, go_on: Any, details: Any, sent: Any
    ) -> Any:
        if exchange is None:
            return await go_on(details, sent)
        if exchange.mode == "replay":
            return await exchange.replay_async(self._given)
        # Its place is kept if its test ends before it.
        exchange.progress(dict)
        call, error = None, None
        try:
            with exchange.step.running():
                call = await go_on(details, sent)
                response = await call
                answer = await _whole(call)
            answer["response"] = messages.read(response)
        except grpc.aio.AioRpcError as failure:
            error, answer = failure, _end_of_error(failure)
        except messages.NoMessageError as reason:
            raise refuse(exchange, _name_of(details.method), str(reason)) from None
        except BaseException as other:
            exchange.abandon(other)
            raise
        given = exchange.finish(answer)
        if exchange.mode == "run" and error is None:
            return call
        found = error if exchange.mode == "run" else self._given(given)
        if isinstance(found, BaseException):
            raise found
        return found

    async def intercept_unary_stream(
        self, go_on: Any, details: Any, request: Any
    ) -> Any:
        """Make or replay a call with a stream of responses."""
        exchange = self._begin(details, lambda: {"request": messages.read(request)})
        if exchange is None:
            return await go_on(details, request)
        if exchange.mode == "replay":
            answer = exchange.given(self._checked)
            return _Replayed(answer, self._deserialize, exchange)
        with exchange.step.running():
            call = await go_on(details, request)
        recording = self._recorded(exchange, call, _name_of(details.method))
        if exchange.mode == "run":
            return recording
        return _Replayed(
            await self._compared(exchange, call, recording), self._deserialize
        )

    async def _recorded(
        self, exchange: Exchange, call: Any, method: str
    ) -> AsyncIterator[Any]:
        """Yield the responses of a real stream, recorded as far as they are read."""
        responses: list[Plain] = []

        def so_far() -> Plain:
            return {"responses": list(responses)}

        exchange.progress(so_far)
        stream = call.__aiter__()
        while True:
            try:
                with exchange.step.running():
                    response = await stream.__anext__()
                responses.append(messages.read(response))
            except StopAsyncIteration:
                exchange.finish({**so_far(), **await _whole(call)})
                return
            except grpc.aio.AioRpcError as error:
                exchange.finish({**so_far(), **_end_of_error(error)})
                raise
            except messages.NoMessageError as reason:
                raise refuse(exchange, method, str(reason)) from None
            except BaseException as error:
                exchange.abandon(error, so_far())
                raise
            yield response

    async def _compared(
        self, exchange: Exchange, call: Any, recording: AsyncIterator[Any]
    ) -> Plain:
        """Read as many responses as were recorded, and return the recorded answer."""
        recorded = exchange.recorded
        responses: list[Plain] = []
        try:
            async for response in recording:
                responses.append(messages.read(response))
                if "code" not in recorded and len(responses) >= len(
                    recorded.get("responses", ())
                ):
                    call.cancel()
                    exchange.finish({"responses": responses})
                    break
        except grpc.aio.AioRpcError:
            pass  # It is compared.
        return recorded

    def _begin(self, details: Any, read: Callable[[], Plain]) -> Exchange | None:
        if self._port.run.passes():
            return None
        method = _name_of(details.method)
        try:
            plain = read()
        except messages.NoMessageError as reason:
            exchange = begin(self._port, method, self._target, {})
            if exchange is None:
                return None
            raise refuse(exchange, method, str(reason)) from None
        return begin(self._port, method, self._target, plain, details.metadata)

    def _given(self, answer: Plain) -> Any:
        """Return the call, or the error, of a recorded answer."""
        if "code" not in answer:
            return None  # The call has never ended.
        if answer["code"] != "OK":
            return _error_of(answer)
        response = messages.give(answer["response"], self._deserialize)
        return _Answered(answer, response)

    def _checked(self, answer: Plain) -> Plain:
        for response in answer.get("responses", ()):
            messages.give(response, self._deserialize)
        return answer


def _name_of(method: object) -> str:
    return method.decode() if isinstance(method, bytes) else str(method)


async def _whole(call: Any) -> Plain:
    """Return how a real call has ended."""
    code = await call.code()
    initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
    return messages.answer(code.name, await call.details(), initial, trailing)


def _end_of_error(error: Any) -> Plain:
    return messages.answer(
        error.code().name,
        error.details(),
        error.initial_metadata(),
        error.trailing_metadata(),
    )


# -- what stands for calls


def _metadata(answer: Plain, name: str) -> Any:
    return grpc.aio.Metadata(*messages.give_metadata(answer.get(name, {})))


def _error_of(answer: Plain) -> Any:
    return grpc.aio.AioRpcError(
        grpc.StatusCode[answer["code"]],
        _metadata(answer, "metadata"),
        _metadata(answer, "trailing"),
        details=answer.get("details", ""),
    )


class _Ended(grpc.aio.Call):  # type: ignore[misc]
    """A call that has ended."""

    def __init__(self, answer: Plain) -> None:
        self._answer = answer

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._answer.get("code", "CANCELLED")]

    async def details(self) -> str:
        details: str = self._answer.get("details", "")
        return details

    async def debug_error_string(self) -> str:
        return await self.details()

    async def initial_metadata(self) -> Any:
        return _metadata(self._answer, "metadata")

    async def trailing_metadata(self) -> Any:
        return _metadata(self._answer, "trailing")

    async def wait_for_connection(self) -> None:
        """Do nothing: no connection is needed."""

    def cancelled(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def time_remaining(self) -> float | None:
        return None

    def cancel(self) -> bool:
        return False

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        callback(self)


class _Answered(_Ended, grpc.aio.UnaryUnaryCall, grpc.aio.StreamUnaryCall):  # type: ignore[misc]
    """A call with one response."""

    def __init__(self, answer: Plain, response: Any) -> None:
        super().__init__(answer)
        self._response = response

    def __await__(self) -> Generator[Any, None, Any]:
        return self._respond().__await__()

    async def _respond(self) -> Any:
        return self._response

    async def write(self, request: Any) -> None:
        """Do nothing: all was written."""

    async def done_writing(self) -> None:
        """Do nothing: all was written."""


class _Replayed(_Ended, grpc.aio.UnaryStreamCall):  # type: ignore[misc]
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
        self._is_done = self._is_cancelled = False
        self._callbacks: list[Callable[[Any], Any]] = []
        self._responses = self._each()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._responses

    async def read(self) -> Any:
        async for response in self._responses:
            return response
        return grpc.aio.EOF

    async def _each(self) -> AsyncIterator[Any]:
        for response in self._answer.get("responses", ()):
            self._raise_if_cancelled()
            yield messages.give(response, self._deserialize)
        self._raise_if_cancelled()
        if self._exchange is not None:
            await self._exchange.step.wait_async()
            if "code" not in self._answer:
                raise self._exchange.step.read_further()
        self._done()
        if self._answer["code"] != "OK":
            raise _error_of(self._answer)

    def _raise_if_cancelled(self) -> None:
        from asyncio import CancelledError

        if self._is_cancelled:
            raise CancelledError

    def _done(self) -> None:
        self._is_done = True
        for callback in self._callbacks:
            callback(self)

    def cancelled(self) -> bool:
        return self._is_cancelled

    def done(self) -> bool:
        return self._is_done

    def cancel(self) -> bool:
        if self._is_done:
            return False
        if self._exchange is not None:
            self._exchange.step.leave()
        self._is_cancelled = True
        self._done()
        return True

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        if self._is_done:
            callback(self)
        else:
            self._callbacks.append(callback)

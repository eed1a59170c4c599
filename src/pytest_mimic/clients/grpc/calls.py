"""What calls have in common, with asyncio and without: how they begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from grpc import RpcError

from pytest_mimic.client import Exchange, MimicError, Plain, Port, at_once
from pytest_mimic.clients.grpc.messages import (
    Deserialize,
    NoMessageError,
    build,
    read,
    read_metadata,
)

TWO_WAYS = "its messages are a stream in both directions, or written later"


class Method:
    """A method of a service, on one channel.

    Args:
        port: Where its calls are taken.
        multicallable: What grpc makes its calls with.
        server: What tells the server from others.
    """

    def __init__(self, port: Port, multicallable: Any, server: object) -> None:
        name: str | bytes = multicallable._method
        self._name = name.decode() if isinstance(name, bytes) else name
        self._port = port
        self._server = server
        self._deserialize: Deserialize = multicallable._response_deserializer

    async def begin(
        self, sent: Any, metadata: Iterable[Any] | None = None, *, is_task: bool = False
    ) -> Exchange | None:
        """Begin a call. None: it runs for real.

        Args:
            sent: The message, or a list of messages.
            metadata: What is sent beside it.
            is_task: Whether a task waits for it; else a thread does (see `at_once`).

        Raises:
            UnstorableOutcomeError: What is sent is no message.
        """
        if self._port.run.is_unseen():
            return None
        request: Plain = {}
        reason = ""
        try:
            if isinstance(sent, list):
                request["requests"] = [read(message) for message in sent]
            else:
                request["request"] = read(sent)
        except NoMessageError as error:
            reason = str(error)
        if metadata:
            request["metadata"] = read_metadata(metadata)
        return await self._begin(request, reason, is_task=is_task)

    def refuse(self, reason: str) -> None:
        """Refuse a call, if a line takes it.

        Raises:
            UnstorableOutcomeError: A line does.
        """
        at_once(self._begin({}, reason, is_task=False))

    async def _begin(
        self, request: Plain, reason: str, *, is_task: bool
    ) -> Exchange | None:
        exchange = await self._port.begin_async(
            {"method": self._name, **request},
            numbered={"server": self._server},
            place=_place_of(self._server),
            is_task=is_task,
        )
        if exchange is not None and reason:
            raise refused(exchange, reason)
        return exchange

    def response_in(self, answer: Plain) -> Any:
        """Return the response that a client is given; see `messages.build`."""
        return build(answer["response"], self._deserialize)

    def responses_in(self, answer: Plain) -> list[Any]:
        """Return the responses of a stream; see `messages.build`."""
        read_responses = answer.get("responses", ())
        return [build(response, self._deserialize) for response in read_responses]


def _place_of(server: object) -> str:
    """Return `localhost:50051` of a target: `dns:///localhost:50051`, `ipv4:...`."""
    text = server.decode() if isinstance(server, bytes) else str(server)
    if text.startswith("unix:"):
        return text
    return text.rpartition("/")[2].removeprefix("dns:").removeprefix("ipv4:")


def refused(exchange: Exchange, reason: str) -> MimicError:
    """Give the error of a call that cannot be recorded."""
    method = exchange.step.call.signature.removeprefix("CALL ")
    words = "name the function around it; or leave it out, but then a replay needs the"
    return exchange.refuse([reason], [(f"{words} server", f"grpc exclude={method}")])


def read_response(exchange: Exchange, response: object) -> Plain:
    """Return a response as plain data.

    Raises:
        UnstorableOutcomeError: It is no message.
    """
    try:
        return read(response)
    except NoMessageError as error:
        raise refused(exchange, str(error)) from None


def end(
    code: Any,
    details: str | None,
    initial: Iterable[Any] | None,
    trailing: Iterable[Any] | None,
) -> Plain:
    """Return how a call has ended, as plain data."""
    plain: Plain = {"code": code.name}
    if details:
        plain["details"] = details
    for name, pairs in (("metadata", initial), ("trailing", trailing)):
        metadata = read_metadata(pairs)
        if metadata:
            plain[name] = metadata
    return plain


def end_of(call: Any) -> Plain:
    """Return how a call has ended, which grpc says at once."""
    initial, trailing = call.initial_metadata(), call.trailing_metadata()
    return end(call.code(), call.details(), initial, trailing)


class Responses:
    """The responses of a real stream, recorded as far as they are read.

    Attributes:
        answer: The answer that the caller gets, once the stream has ended.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.answer: Plain = {}
        self._exchange = exchange
        self._read: list[Plain] = []
        exchange.progress(self.so_far)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read one response for real."""
        try:
            with self._exchange.step:
                yield
        except (StopIteration, StopAsyncIteration, RpcError):
            raise
        except BaseException as error:
            self._exchange.abandon(error, self.so_far())
            raise

    def keep(self, response: object) -> None:
        """Add a response.

        Raises:
            UnstorableOutcomeError: It is no message.
        """
        self._read.append(read_response(self._exchange, response))

    def so_far(self) -> Plain:
        """Return what was read."""
        return {"responses": list(self._read)}

    def end(self, how: Plain) -> None:
        """End the stream, if it has not ended; a stream that was left has no code."""
        if self._exchange.step.is_open:
            self.answer = self._exchange.finish({**self.so_far(), **how})

    def are_enough(self) -> bool:
        """Return whether as many were read as of a recorded stream that was left."""
        recorded = self._exchange.recorded
        has_ended = "code" in recorded
        return not has_ended and len(self._read) >= len(recorded.get("responses", ()))

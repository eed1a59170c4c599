"""What calls have in common, with asyncio and without: how they begin and end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from inspect import isawaitable
from typing import Any

from grpc import RpcError

from pytest_mimic.client import Exchange, MimicError, Plain, Port
from pytest_mimic_grpc.messages import (
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

    Attributes:
        is_task: Whether tasks wait for its calls; else threads do (see `at_once`).
        next_of: Reads the next response of a real stream of responses, or raises
            `StopAsyncIteration`.
        real: Makes of a real stream what its caller reads.
        replayed: Makes the same of a call, an answer and the messages in it.
    """

    is_task: bool
    next_of: Callable[[Any], Awaitable[Any]]
    real: Callable[[Stream], Any]
    replayed: Callable[[Exchange, Plain, list[Any]], Any]

    def __init__(self, port: Port, multicallable: Any, server: object) -> None:
        name: str | bytes = multicallable._method
        self._name = name.decode() if isinstance(name, bytes) else name
        self._port = port
        self._server = server
        self._deserialize: Deserialize = multicallable._response_deserializer

    def begin(
        self, sent: Any, metadata: Iterable[Any] | None = None, *, reason: str = ""
    ) -> Exchange | None:
        """Begin a call. None: it runs for real.

        Args:
            sent: The message, or a list of messages.
            metadata: What is sent beside it.
            reason: Why it cannot be recorded, whatever it sends.

        Raises:
            UnstorableOutcomeError: There is a reason, or what is sent is no message.
        """
        if self._port.is_unseen:
            return None
        request: Plain = {"method": self._name}
        try:
            if isinstance(sent, list):
                request["requests"] = [read(message) for message in sent]
            elif not reason:
                request["request"] = read(sent)
        except NoMessageError as error:
            reason = str(error)
        if metadata:
            request["metadata"] = read_metadata(metadata)
        exchange = self._port.begin(
            request,
            numbered={"server": self._server},
            server=_address_of(self._server),
        )
        if exchange is not None and reason:
            raise refused(exchange, reason)
        return exchange

    def refuse(self, reason: str) -> None:
        """Refuse a call, if a line takes it.

        Raises:
            UnstorableOutcomeError: A line does.
        """
        self.begin(None, reason=reason)

    async def stream(
        self, start: Callable[[], Awaitable[Any]], sent: Any, metadata: Any
    ) -> Any:
        """Make or replay a call with a stream of responses.

        Args:
            start: Starts the real call.
            sent: As for `begin`.
            metadata: As for `begin`.
        """
        exchange = self.begin(sent, metadata)
        if exchange is None:
            return await start()
        if exchange.mode == "replay":
            responses = exchange.replay_at_once(self.responses_in)
            return self.replayed(exchange, exchange.recorded, responses)
        with exchange.running():
            stream = Stream(exchange, await start(), self.next_of)
        if exchange.mode == "run":
            return self.real(stream)
        answer = await stream.compared()
        return self.replayed(exchange, answer, self.responses_in(answer))

    def response_in(self, answer: Plain) -> Any:
        """Return the response that a client is given; see `messages.build`."""
        return build(answer["response"], self._deserialize)

    def responses_in(self, answer: Plain) -> list[Any]:
        """Return the responses of a stream; see `messages.build`."""
        read_responses = answer.get("responses", ())
        return [build(response, self._deserialize) for response in read_responses]


def _address_of(server: object) -> str:
    """Return `localhost:50051` of a target: `dns:///localhost:50051`, `ipv4:...`."""
    text = server.decode() if isinstance(server, bytes) else str(server)
    if text.startswith("unix:"):
        return text
    return text.rpartition("/")[2].removeprefix("dns:").removeprefix("ipv4:")


def refused(exchange: Exchange, reason: str) -> MimicError:
    """Give the error of a call that cannot be recorded."""
    method = exchange.call.signature.removeprefix("CALL ")
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


async def end_of(call: Any) -> Plain:
    """Return how a call has ended; with asyncio, grpc says it to who waits for it."""
    said = (
        call.code(),
        call.details(),
        call.initial_metadata(),
        call.trailing_metadata(),
    )
    code, details, initial, trailing = [
        await one if isawaitable(one) else one for one in said
    ]
    plain: Plain = {"code": code.name}
    if details:
        plain["details"] = details
    for name, pairs in (("metadata", initial), ("trailing", trailing)):
        metadata = read_metadata(pairs)
        if metadata:
            plain[name] = metadata
    return plain


class Stream:
    """The responses of a real stream, recorded as far as they are read.

    Args:
        exchange: The call.
        call: What grpc gives.
        next_of: Reads its next response.

    Attributes:
        call: What grpc gives.
    """

    def __init__(
        self, exchange: Exchange, call: Any, next_of: Callable[[Any], Awaitable[Any]]
    ) -> None:
        self.call = call
        self._exchange = exchange
        self._next_of = next_of
        self._read: list[Plain] = []
        self._answer: Plain = {}
        exchange.progress(self._so_far)

    def _so_far(self) -> Plain:
        return {"responses": list(self._read)}

    async def next(self) -> Any:
        """Return the next response.

        Raises:
            StopAsyncIteration: The stream has ended.
            UnstorableOutcomeError: The response is no message.
        """
        try:
            with self._exchange.real:
                response = await self._next_of(self.call)
        except (StopAsyncIteration, RpcError):
            self._end(await end_of(self.call))
            raise
        except BaseException as error:
            self._exchange.abandon(error, self._so_far())
            raise
        self._read.append(read_response(self._exchange, response))
        return response

    def cancel(self) -> Any:
        """Leave the stream, which then has no code."""
        self._end({})
        return self.call.cancel()

    def _end(self, how: Plain) -> None:
        if self._exchange.is_open:
            self._answer = self._exchange.finish({**self._so_far(), **how})

    async def compared(self) -> Plain:
        """Read as many responses as were recorded, and return the answer."""
        recorded = self._exchange.recorded
        has_ended, count = "code" in recorded, len(recorded.get("responses", ()))
        with suppress(StopAsyncIteration, RpcError):  # It is compared.
            await self.next()
            while has_ended or len(self._read) < count:
                await self.next()
            self.cancel()
        return self._answer

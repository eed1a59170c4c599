"""What calls have in common, with asyncio and without: how they begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic.client import Exchange, MimicError, Plain, Port
from pytest_mimic.clients.grpc.messages import NoMessageError, read, read_metadata

TWO_WAYS = "its messages are a stream in both directions, or written later"


def begin(
    port: Port,
    method: str | bytes,
    server: object,
    sent: Any,
    metadata: Iterable[Any] | None = None,
) -> Exchange | None:
    """Begin a call. None: it runs for real.

    Args:
        port: Where it is taken.
        method: `/shop.Orders/Get`.
        server: What tells the server from others.
        sent: The message, or a list of messages.
        metadata: What is sent beside it.

    Raises:
        UnstorableOutcomeError: What is sent is no message.
    """
    if port.run.passes():
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
    return _begin(port, method, server, request, reason)


def refuse(port: Port, method: str | bytes, server: object, reason: str) -> None:
    """Refuse a call, if a line takes it.

    Raises:
        UnstorableOutcomeError: A line does.
    """
    _begin(port, method, server, {}, reason)


def _begin(
    port: Port, method: str | bytes, server: object, request: Plain, reason: str
) -> Exchange | None:
    name = method.decode() if isinstance(method, bytes) else method
    exchange = port.begin({"method": name, **request}, numbered={"server": server})
    if exchange is not None and reason:
        raise refused(exchange, reason)
    return exchange


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


class Responses:
    """The responses of a real stream, recorded as far as they are read.

    Attributes:
        given: The answer that the caller gets, once the stream has ended.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.given: Plain = {}
        self._exchange = exchange
        self._read: list[Plain] = []
        exchange.progress(self.so_far)

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
        """End the stream, if it has not ended; one that was left has no code."""
        if self._exchange.step.is_open:
            self.given = self._exchange.finish({**self.so_far(), **how})

    def are_enough(self) -> bool:
        """Return whether as many were read as of a recorded stream that was left."""
        recorded = self._exchange.recorded
        has_ended = "code" in recorded
        return not has_ended and len(self._read) >= len(recorded.get("responses", ()))

"""What all clients of HTTP have in common: one kind, one conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pytest_mimic.client import (
    Adapter,
    Exchange,
    Path,
    Plain,
    Redactor,
    StandIn,
)
from pytest_mimic.clients.http import answers, bodies, failures, requests
from pytest_mimic.secrets.split import hide_split


class HttpAdapter(Adapter):
    """A client of HTTP."""

    kind = "http"
    head = ("status", "headers", "error")

    def signature(self, request: Plain) -> str:
        """Return `GET /users/1`."""
        return requests.signature(request)

    def host(self, request: Plain) -> str | None:
        """Return `api.shop.com:8080`."""
        return requests.host(request)

    def parts(self, request: Plain) -> Plain:
        """Return method, scheme, host, port, path, query, headers and body."""
        return requests.parts_of(request)

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:
        """Return the parts that tell a request from others."""
        return requests.counted(parts, matched)

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a request without its secrets."""
        rest = {key: value for key, value in request.items() if key != "url"}
        if "parts" in rest.get("body", {}):
            rest["body"] = _without_secret_parts(rest["body"], redactor, stand_in)
        url = redactor.hide_url(request["url"], stand_in)
        hidden = redactor.hide(rest, stand_in)
        return {key: url if key == "url" else hidden[key] for key in request}

    def hide_answer(
        self,
        redactor: Redactor,
        answer: Plain,
        stand_in: StandIn,
        request: Plain,  # noqa: ARG002
    ) -> Plain:
        """Return an answer without its secrets, those of split events too."""
        hidden: Plain = redactor.hide(answer, stand_in)
        body = hidden.get("body", {})
        for key in ("events", "lines"):
            if key in body:

                def hide(text: str) -> str:
                    return redactor.hide_text(text, stand_in, "body")

                body[key] = hide_split(body[key], hide)
        return hidden

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return status, content type, body, and the kind of an error.

        Of a body that its reader has left, what both have counts.
        """
        compared: Plain = {}
        if "status" in answer:
            compared["status"] = answer["status"]
        content_type = answer.get("headers", {}).get("content-type")
        if content_type is not None:
            compared["headers"] = {"content-type": content_type}
        if "body" in answer:
            compared["body"] = bodies.content(answer["body"])
        if "left" in answer or "left" in other:
            sizes = [bodies.size(one.get("body", {})) for one in (answer, other)]
            compared["body"] = bodies.beginning(answer.get("body", {}), min(sizes))
        if "error" in answer:
            compared["error"] = {"kind": answer["error"].get("kind")}
        return compared

    def places_of(self, path: Path) -> list[Path]:
        """Return where a part stands: below the form of a body, and in each event."""
        if path[0] != "body":
            return [path]
        below = path[1:]
        return [path, ("body", "*", *below), *_in_events(below)]

    def tokens(self, answer: Plain) -> int:
        """Return how many tokens of a language model an answer has cost."""
        return answers.tokens_of(answer)

    def label(self, request: Plain) -> str:
        """Return `http GET /users/1?page=2`."""
        query = urlsplit(request["url"]).query
        return f"http {requests.signature(request)}{f'?{query}' if query else ''}"


def _in_events(path: Path) -> list[Path]:
    """Return where a field of each event stands, stored and compared."""
    return [("body", "events", "*", "data", *path), ("body", "*", "data", *path)]


def _without_secret_parts(body: Plain, redactor: Redactor, stand_in: StandIn) -> Plain:
    """Return a body of several parts without those whose own names are secret."""
    parts = []
    for part in body["parts"]:
        held = part["body"]
        text = bodies.content(held)
        name = part.get("name", "")
        if isinstance(text, str) and redactor.names.hides(name, text):
            held = {**held, "text": stand_in(text, f"body.{name}")}
        parts.append({**part, "body": held})
    return {"parts": parts}


class Recorder:
    """Keeps what comes of an answer while its reader reads it.

    Args:
        exchange: The call.
        status: The status.
        reason: The phrase behind it.
        headers: As they came.
        version: That of the protocol.
        unpacked: How the body was compressed that the client decompresses.
    """

    def __init__(
        self,
        exchange: Exchange,
        status: int,
        reason: str,
        headers: Sequence[tuple[str, str]],
        version: str = "HTTP/1.1",
        unpacked: str = "",
    ) -> None:
        self._exchange = exchange
        self._unpacked = unpacked
        self._head = (status, reason, list(headers))
        self._version = version
        self._pieces: list[bytes] = []
        self._is_done = False
        self._given: Plain = {}
        exchange.progress(lambda: self._answer(is_left=True))

    def feed(self, data: bytes) -> None:
        """Keep what was read."""
        self._pieces.append(data)

    def is_enough(self) -> bool:
        """Whether as much has come as its reader had read of the recorded answer.

        What was left may never end.
        """
        recorded = self._exchange.recorded
        if "left" not in recorded:
            return False
        size = bodies.size(self._answer(is_left=True).get("body", {}))
        return size >= bodies.size(recorded.get("body", {}))

    def end(self) -> Plain:
        """End an answer that was read whole, and return what its caller gets."""
        return self._end(self._answer())

    def leave(self) -> None:
        """End an answer whose reader does not read on."""
        self._end(self._answer(is_left=True))

    def note(self, error: BaseException) -> None:
        """End an answer that broke off by an error that its reader gets in any case."""
        try:
            self.fail(error)
        except BaseException as raised:
            if raised is not error:
                raise

    def fail(self, error: BaseException) -> Plain:
        """End an answer that broke off, and return what its caller gets.

        Raises:
            BaseException: The error itself, if it is none of the network.
        """
        if isinstance(error, Exception) and failures.kind_of(error):
            return self._end(self._answer(error=failures.plain(error)))
        if not self._is_done:
            self._is_done = True
            self._exchange.abandon(error, self._answer(is_left=True))
        raise error

    def _end(self, answer: Plain) -> Plain:
        if not self._is_done:
            self._is_done = True
            self._given = self._exchange.finish(answer)
        return self._given

    def _answer(
        self, *, is_left: bool = False, error: dict[str, str] | None = None
    ) -> Plain:
        return answers.read(
            *self._head,
            self._pieces,
            version=self._version,
            unpacked=self._unpacked,
            is_left=is_left,
            error=error,
        )


def failed(
    exchange: Exchange, error: BaseException, phase: str = "reading"
) -> Plain | None:
    """Keep an error of the network; None: it is none, and the call left no outcome."""
    # To verify, any error is another answer than the recorded one.
    is_kept = exchange.mode != "run" or failures.kind_of(error)
    if not isinstance(error, Exception) or not is_kept:
        exchange.abandon(error)
        return None
    return exchange.finish({"error": failures.plain(error, phase)})


def raised(found: Any) -> Any:
    """Return what a client is given, or raise it if it is an error."""
    if isinstance(found, BaseException):
        raise found
    return found


def has_head(exchange: Exchange) -> bool:
    """Return whether a recorded call was answered, so that its reader gets a body."""
    return "status" in exchange.recorded


def end_body(exchange: Exchange, given: answers.Given) -> None:
    """End the body of a replayed answer, whose pieces were read.

    Raises:
        MissingRecordingError: Its reader had left it when it was recorded.
    """
    exchange.step.wait()
    if given.is_left:
        raise exchange.step.read_further()


async def end_body_async(exchange: Exchange, given: answers.Given) -> None:
    """As `end_body`, for a task."""
    await exchange.step.wait_async()
    if given.is_left:
        raise exchange.step.read_further()

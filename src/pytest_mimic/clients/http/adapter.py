"""What all clients of HTTP have in common: one kind, one conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
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

Read: TypeAlias = Callable[..., Plain]
"""Reads the pieces of an answer that have come, as `answers.Head.read` does."""


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
        hidden = dict(request)
        hidden["url"] = redactor.hide_url(request["url"], stand_in)
        hidden["headers"] = redactor.hide_headers(request["headers"], stand_in)
        body = request.get("body")
        if body is not None:
            if "parts" in body:
                body = _without_secret_parts(body, redactor, stand_in)
            hidden["body"] = redactor.hide(body, stand_in, "body")
        return hidden

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

                hide_split(body[key], hide)
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

    def is_opaque(self, plain: Plain) -> bool:
        """Return whether a body is bytes, but for images, sound and films."""
        return bodies.is_opaque(plain.get("body", {}), plain.get("headers", {}))

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
    """Keeps what comes of a real answer while its reader reads it.

    Args:
        exchange: The call.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._pieces: list[bytes] = []
        self._read: Read = _unanswered
        self._is_done = False
        self._given: Plain = {}

    def begin(self, read: Read) -> None:
        """Take note that the head has come, by which the rest is read."""
        self._read = read
        self._exchange.progress(lambda: read(self._pieces, is_left=True))

    def feed(self, data: bytes) -> bytes:
        """Keep what was read, and return it."""
        self._pieces.append(data)
        return data

    def is_enough(self) -> bool:
        """Whether as much has come as its reader had read of the recorded answer.

        What was left may never end.
        """
        recorded = self._exchange.recorded
        if "left" not in recorded:
            return False
        so_far = self._read(self._pieces, is_left=True)
        size = bodies.size(so_far.get("body", {}))
        return size >= bodies.size(recorded.get("body", {}))

    def end(self) -> Plain:
        """End an answer that was read whole, and return what its caller gets."""
        return self._end(self._read(self._pieces))

    def leave(self) -> None:
        """End an answer whose reader does not read on."""
        if not self._is_done:
            self._end(self._read(self._pieces, is_left=True))

    def note(self, error: BaseException, phase: str = "reading") -> bool:
        """End an answer that broke off; whether that is an outcome of the call."""
        # To verify, any error is another answer than the recorded one.
        is_real = self._exchange.mode == "run"
        kind = failures.kind_of(error, phase)
        is_kept = isinstance(error, Exception) and bool(kind or not is_real)
        if is_kept and not self._is_done:
            self._end(self._read(self._pieces, error=failures.plain(error, phase)))
        elif not self._is_done:
            self._is_done = True
            so_far = self._read(self._pieces, is_left=True)
            self._exchange.abandon(error, so_far or None)
        return is_kept

    def fail(self, error: BaseException, phase: str = "reading") -> Plain | None:
        """End an answer that broke off, and return what its caller gets.

        None: he gets the error itself, while recording and if it is no outcome.
        """
        is_kept = self.note(error, phase)
        return self._given if is_kept and self._exchange.mode != "run" else None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The reading of the whole answer by the application itself."""
        try:
            yield
        except GeneratorExit:
            self.leave()
            raise
        except BaseException as error:
            self.note(error)
            raise
        self.end()

    def _end(self, answer: Plain) -> Plain:
        if not self._is_done:
            self._is_done = True
            self._given = self._exchange.finish(answer)
        return self._given


def _unanswered(_: Sequence[bytes], *, error: Plain | None = None, **__: bool) -> Plain:
    return {"error": error} if error else {}


class Replay:
    """A call that is replayed: what its reader gets, and when it ends.

    It ends before the last piece of a body is given. The reader of a body whose length
    is known does not ask for its end.

    Args:
        given: The recorded answer.
        pieces: Those of its body, or of what comes over the network.
        exchange: The call. None: it has ended, and its answer is given.
    """

    def __init__(
        self,
        given: answers.Given,
        pieces: Sequence[bytes] = (),
        exchange: Exchange | None = None,
    ) -> None:
        self.pieces = list(pieces)
        self._given = given
        self._exchange = exchange
        self._last = not given.is_left and not given.error

    @property
    def is_at_last(self) -> bool:
        """Whether the call ends before the next piece."""
        return len(self.pieces) == self._last and self._exchange is not None

    def end(self) -> None:
        """Wait until the call may end.

        Raises:
            MissingRecordingError: Its reader had left it when it was recorded.
        """
        if self._exchange is not None:
            self._exchange.step.wait()
            self._ended()

    async def end_async(self) -> None:
        """As `end`, for a task."""
        if self._exchange is not None:
            await self._exchange.step.wait_async()
            self._ended()

    def leave(self) -> None:
        """End the call: its reader does not read on."""
        if self._exchange is not None:
            self._exchange.step.leave()

    def _ended(self) -> None:
        exchange, self._exchange = self._exchange, None
        if self._given.is_left and exchange is not None:
            raise exchange.step.read_further()


def raised(found: Any) -> Any:
    """Return what a client is given, or raise it if it is an error."""
    if isinstance(found, BaseException):
        raise found
    return found


def has_head(exchange: Exchange) -> bool:
    """Return whether a recorded call was answered, so that its reader gets a body."""
    return "status" in exchange.recorded

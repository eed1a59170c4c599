"""What all clients of HTTP have in common: one kind, one conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from pytest_mimic.client import (
    Adapter,
    Exchange,
    Path,
    Plain,
    Redactor,
    StandIn,
    raised,
)
from pytest_mimic.clients.http import answers, bodies, failures, requests

# With these statuses, a service names what it does not like in a request.
_SAY_WHAT_IS_WRONG = frozenset({400, 404, 409, 422})

# What services call the tokens that were asked and answered, and those of the asked
# that their cache had.
_TOKENS = {
    name: kind
    for kind, names in {
        "in": "prompt_tokens input_tokens promptTokenCount",
        "out": "completion_tokens output_tokens candidatesTokenCount",
        "cached": "cached_tokens cache_read_input_tokens cachedContentTokenCount",
    }.items()
    for name in names.split()
}
_DETAILS = ("prompt_tokens_details", "input_tokens_details")

Read: TypeAlias = Callable[..., Plain]
"""Reads the pieces of an answer that have come, as `answers.Head.read` does."""


class HttpAdapter(Adapter):
    """A client of HTTP."""

    kind = "http"
    head: Sequence[str] = ("status", "headers", "error")
    sent_back = (
        "headers.etag",
        "headers.last-modified",
        "headers.location",
        "headers.link",
    )
    content = ("headers", "body", "form")
    parts = staticmethod(requests.parts_of)
    counted = staticmethod(requests.counted)

    def signature(self, request: Plain) -> str:
        """Return `GET /users/1`."""
        _, _, path, _ = requests.split(request["url"])
        return f"{request['method']} {path or '/'}"

    def uncounted(self, now: Plain, recorded: Plain) -> list[str]:
        headers, before = now["headers"], recorded.get("headers", {})
        if headers == before:
            return []
        return [f"headers.{name}" for name in requests.uncounted(headers, before)]

    def is_of_line(self, name: str, request: Plain) -> bool:
        """Return whether a line `llm` is for a request; others are for each.

        None is for a request that becomes a WebSocket.
        """
        if request.get("headers", {}).get("upgrade", "").lower() == "websocket":
            return False
        if name != "llm":
            return True
        # Many projects ask no language model.
        from pytest_mimic.clients.http.language_models import is_question

        return is_question(request)

    def of_line(self, name: str) -> Adapter:
        """Return the adapter of language models for a line `llm`."""
        return LanguageModels() if name == "llm" else self

    def host(self, request: Plain) -> str | None:
        """Return `api.shop.com:8080`."""
        _, server, _, _ = requests.split(request["url"])
        return server

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a request without its secrets."""
        headers = request.get("headers", {})
        hidden = {
            **request,
            "url": redactor.hide_url(request["url"], stand_in),
            "headers": redactor.hide_headers(headers, stand_in),
        }
        body = request.get("body")
        if body is not None:
            if "parts" in body:
                body = _without_secret_parts(body, redactor.of_fields, stand_in)
            of_body = redactor.of_fields if "form" in body else redactor
            hidden["body"] = of_body.hide(body, stand_in, "body")
        return hidden

    def hide_answer(
        self,
        redactor: Redactor,
        answer: Plain,
        stand_in: StandIn,
        request: Plain,  # noqa: ARG002
    ) -> Plain:
        """Return an answer without its secrets."""
        if answer.get("status") in _SAY_WHAT_IS_WRONG:
            redactor = redactor.of_errors
        headers = answer.get("headers", {})
        rest = {**answer, "headers": {}} if headers else answer
        hidden: Plain = redactor.hide(rest, stand_in)
        if headers:
            hidden["headers"] = redactor.hide_headers(headers, stand_in)
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
            compared["body"] = bodies.held(answer["body"])
            if answers.was_left(answer) or answers.was_left(other):
                in_both = slice(len(answers.items(other)))
                compared["body"] = answers.items(answer)[in_both]
        if "error" in answer:
            compared["error"] = {"kind": answer["error"].get("kind")}
        return compared

    def is_opaque(self, plain: Plain) -> bool:
        """Return whether a body is bytes, but for images, sound and films."""
        content_type = str(plain.get("headers", {}).get("content-type", ""))
        return bodies.is_opaque(plain.get("body", {}), content_type)

    def places_of(self, path: Path) -> list[Path]:
        """Return where a part stands: below a body, in each line or event."""
        if path[0] != "body":
            return [path]
        in_event = ("*", "data")
        ways = [(), ("*",), ("lines", "*"), ("events", *in_event), in_event]
        return [("body", *way, *path[1:]) for way in ways]

    def spent(self, answer: Plain) -> tuple[str, dict[str, int]]:
        """Return which language model has answered, and what it has counted."""
        body = answer.get("body", {})
        events = body.get("events", ())
        data = [event.get("data") for event in events if isinstance(event, dict)]
        said = _objects_in([body.get("json"), *data], "message", "response")
        usages = [one.get("usage") or one.get("usageMetadata") for one in said]
        if not any(usages):
            return "", {}
        counts = dict[str, int]()
        for part in _objects_in(usages, *_DETAILS):
            for name, count in part.items():
                kind = _TOKENS.get(name)
                # Each event of a stream names the sum until then.
                if kind and isinstance(count, int):
                    counts[kind] = max(counts.get(kind, 0), count)
        models = [one.get("model") or one.get("modelVersion") for one in said]
        return next((one for one in models if isinstance(one, str)), ""), counts


class LanguageModels(HttpAdapter):
    """Compares the answers of language models, whichever client has asked."""

    head = (*HttpAdapter.head, "turn")

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return what verifying compares, and which tools, roles and ends it names."""
        from pytest_mimic.clients.http.language_models import turn_of

        compared = super().comparable(answer, other)
        return {**compared, "turn": turn_of(compared.get("body"))}


def _objects_in(parts: Iterable[Any], *names: str) -> list[dict[str, Any]]:
    """Return the objects of JSON among parts, each with those it has under names."""
    found = []
    for part in parts:
        if isinstance(part, dict):
            below = map(part.get, names)
            found += [part, *(one for one in below if isinstance(one, dict))]
    return found


def _without_secret_parts(body: Plain, redactor: Redactor, stand_in: StandIn) -> Plain:
    """Return a body of several parts without the parts whose own names are secret."""
    parts = []
    for part in body["parts"]:
        name, text = part.get("name", ""), bodies.held(part["body"])
        if isinstance(text, str) and redactor.hides(name, text):
            hidden = {"text": stand_in(text, f"body.{name}")}
            part = {**part, "body": part["body"] | hidden}
        parts.append(part)
    return {"parts": parts}


class Attempt:
    """One attempt of a request, as a client makes it.

    Attributes:
        exchange: The call.
        is_task: Whether a task waits for it; else a thread does.
        phase: What it does while it is made for real: `connecting`, `writing`,
            `reading`.
    """

    exchange: Exchange
    is_task = False
    phase = "reading"

    @cached_property
    def recorder(self) -> Recorder:
        """Takes the real answer."""
        return Recorder(self.exchange)

    async def send(self) -> Read:
        """Make it for real until its answer begins, and return what reads the rest."""
        raise NotImplementedError

    def real_answer(self) -> Any:
        """Return the real answer, which is recorded while it is read."""
        raise NotImplementedError

    async def read(self, real_answer: Any) -> None:
        """Read the real answer as far as the recorded answer was read."""
        raise NotImplementedError

    def build(self, answer: Plain) -> Any:
        """Return an answer as the client's own object, or its error."""
        raise NotImplementedError

    async def answer(self) -> Any:
        """Return what the client gets, recorded or real, or raise its error."""
        exchange = self.exchange
        if exchange.mode == "replay":
            return await self._replayed()
        try:
            with exchange.real:
                read = await self.send()
            self.recorder.begin(read)
            real_answer = self.real_answer()
            if not self.recorder.reads_whole():
                return real_answer
            await self.read(real_answer)
        except BaseException as error:
            answer = self.recorder.fail(error, self.phase)
            if answer is None:
                raise
        else:
            answer = self.recorder.end()
        return await self.verified(answer)

    async def verified(self, answer: Plain) -> Any:
        """Return what the client gets of a real answer that has ended."""
        if self.exchange.hangs:
            return await self._replayed()
        return raised(self.exchange.built(self.build, answer))

    async def _replayed(self) -> Any:
        if "status" not in self.exchange.recorded:
            await self.exchange.wait(is_task=self.is_task)
        return self.exchange.replay_at_once(self.build)

    def takes_packed(self, answer: Plain) -> bool:
        """Return whether a server would encode a body as it did, for this reader."""
        encoding = answer.get("encoding", "")
        if not encoding:
            return False
        asked: Any = self.exchange.call.described
        accepted = asked["headers"].get("accept-encoding")
        names = answers.names_in(encoding)
        if accepted is None or all(name in accepted for name in names):
            return True
        # The server may have encoded it all the same.
        recorded = self.exchange.asked_before
        return bool(recorded.get("headers", {}).get("accept-encoding") == accepted)


class Recorder:
    """Keeps what comes of a real answer while its reader reads it.

    Args:
        exchange: The call.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._pieces: list[bytes] = []
        self._read: Read = _unanswered
        self._answer: Plain = {}
        self._is_whole = False

    def begin(self, read: Read) -> None:
        """Take note that the head has come, by which the rest is read."""
        self._read = read
        self._exchange.progress(lambda: read(self._pieces, is_left=True))

    def feed(self, data: bytes) -> bytes:
        """Keep what was read, and return it."""
        self._pieces.append(data)
        return data

    def reads_whole(self) -> bool:
        """Whether an answer is read to its end before its caller gets anything.

        What he gets is then the recorded answer: to verify, and of what all tests share
        if it is a document, since an equal call may have ended before.
        """
        exchange = self._exchange
        self._is_whole = exchange.mode != "run" or (
            exchange.is_shared
            and answers.is_document(self._read(self._pieces, is_left=True))
        )
        return self._is_whole

    def is_enough(self) -> bool:
        """Whether as much has come as its reader had read of the recorded answer.

        What was left may never end.
        """
        if self._exchange.mode == "run":
            return False
        recorded = self._exchange.recorded
        if not answers.was_left(recorded):
            return False
        so_far = self._read(self._pieces, is_left=True)
        return len(answers.items(so_far)) >= len(answers.items(recorded))

    def end(self, **how: Any) -> Plain:
        """End an answer, and return what its caller gets.

        Args:
            how: As `answers.Head.read` takes it; nothing: it was read whole.
        """
        if self._exchange.is_open:
            self._answer = self._exchange.finish(self._read(self._pieces, **how))
            # Who reads holds this recorder, and perhaps a socket, in a cycle.
            self._read = _unanswered
        return self._answer

    def leave(self) -> None:
        """End an answer whose reader does not read on."""
        self.end(is_left=True)

    def fail(self, error: BaseException, phase: str = "reading") -> Plain | None:
        """End an answer that broke off, and return what its caller gets.

        None: he gets the error itself, while recording and if it is no outcome.
        """
        # To verify, any error is another answer than the recorded one.
        is_verified = self._exchange.mode != "run"
        is_outcome = is_verified or failures.kind_of(error, phase)
        if is_outcome and isinstance(error, Exception):
            answer = self.end(error=failures.plain(error, phase))
            return answer if is_verified or self._is_whole else None
        so_far = self._read(self._pieces, is_left=True)
        self._exchange.abandon(error, so_far or None)
        return None


def _unanswered(_: Sequence[bytes], *, error: Plain | None = None, **__: bool) -> Plain:
    return {"error": error} if error else {}


class BodyReplay:
    """A body that is given: what its reader gets, and when the call ends.

    Args:
        attempt: The call, and who waits for it.
        response: The answer.
        pieces: Those of its body, or of what comes over the network.
    """

    def __init__(
        self, attempt: Attempt, response: answers.Response, pieces: Sequence[bytes]
    ) -> None:
        self.pieces = list(pieces)
        self._exchange = attempt.exchange
        self._is_task = attempt.is_task
        self._response = response

    async def next(self) -> bytes:
        """Return what comes next over the network; empty: there is nothing.

        The call ends before the last piece. The reader of a body whose length is known
        does not ask for its end.
        """
        if len(self.pieces) == self._response.is_whole:
            await self.end()
        return self.pieces.pop(0) if self.pieces else b""

    async def end(self) -> None:
        """Wait until the call may end.

        Raises:
            MissingRecordingError: Its reader had left it when it was recorded.
        """
        await self._exchange.wait(is_task=self._is_task)
        if self._response.is_left:
            raise self._exchange.read_further()

    async def leave(self) -> None:
        """End the call: its reader does not read on."""
        self._exchange.leave()

"""Real responses, recorded while a client reads them, and stored ones, as a client gets them in a replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.body import hides_text, load_body, store_body
from pytest_mimic._clients.http.encodings import inflate
from pytest_mimic._clients.http.failures import store_error
from pytest_mimic._clients.http.http_secrets import Secrets, text_pairs
from pytest_mimic._clients.http.media_types import header_of
from pytest_mimic._core.redact.redactor import NO_NAMES
from pytest_mimic._core.seam.real_secrets import as_recorded, with_secrets

if TYPE_CHECKING:
    from pytest_mimic._core.engine.steps import Step

# The checksums of a body, which clients of clouds compare.
_CHECKSUM = re.compile(
    r"x-amz-crc32|x-amz-checksum-.*|x-goog-hash|content-md5|(?:content-|repr-)?digest",
    re.IGNORECASE,
)
# RFC 9110, 15.3.5 and 15.4.5
_WITHOUT_BODY = (204, 304)


class ExchangeRecorder:
    """Collects one response, and reports it to its step once: when it has been read, given up or broken.

    Attributes:
        head: Status, reason, version and headers of the response; empty before they
            arrive.
        chunks: The body as it arrives, without the framing of the transfer. The edge
            adds to it.
        phase: What a timeout is one of: `connecting`, `writing` or `reading`. The edge
            sets it.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        # The response is only compared then, and the recorded one returned.
        self.is_verifying = step.mode == "verify"
        self.head: dict[str, Any] = {}
        self._hidden: dict[str, Any] = {}
        self._real: dict[str, Any] = {}
        self.chunks: list[bytes] = []
        self.phase = "connecting"
        self.done = False  # the step has its outcome, or was abandoned
        # Returns the chunks of the body that have arrived, where the edge adds none
        # before the end.
        self.received: Callable[[], list[bytes]] | None = None
        step.arrived = self._arrived

    def start(
        self,
        status: int,
        reason: str | None,
        version: str,
        headers: Iterable[tuple[Any, Any]],
    ) -> None:
        """Take the head of the response."""
        self.head = {
            "status": status,
            "reason": reason or "",
            "version": version,
            "headers": [list(pair) for pair in text_pairs(headers)],
        }
        # A reader may send back what stands in the head before it has read the body.
        secrets: Secrets = self.step.call.secrets
        secrets.begin_answer(self.step.call.issuer)
        secrets.learn_headers(self.head["headers"])

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Return a block in which the client does a part of the exchange for real.

        To verify, it ends without an error.
        """
        try:
            with self.step.running():
                yield
        except BaseException as error:
            self.fail(error)
            if not self.step.answers(error):
                raise

    @cached_property
    def wanted(self) -> int | None:
        """How many bytes of the body to read for comparing it, as it arrives; None to read all of it.

        The reader of the recorded response may have stopped: a stream may never end.
        """
        plain = self.step.outcome(is_read_only=True)
        return sum(map(len, load_body(plain.get("body")))) if "end" in plain else None

    @property
    def has_enough(self) -> bool:
        """Whether so much of the body was read."""
        return self.wanted is not None and sum(map(len, self.chunks)) >= self.wanted

    def recorded(self) -> dict[str, Any]:
        """Return the recorded exchange after verifying it, with the secrets of the real one in the same places."""
        found: dict[str, Any] = with_secrets(
            self.step.outcome(), self._hidden, self._real
        )
        return found

    def stop(self) -> None:
        """Record a response whose reader does not want the rest."""
        if self.head:
            self.complete(end="stopped")
        else:
            self.abandon()

    def fail(self, error: BaseException) -> None:
        """Record an exception of the client, or end the step without an outcome if it is none: an interrupt, for example."""
        if (stored := store_error(error, self.phase)) is None:
            self.abandon(error)
        else:
            self.complete(error=stored)

    def abandon(self, error: BaseException | None = None) -> None:
        self.done = True
        self.step.abandon(error)

    def complete(self, **end: Any) -> None:
        """Record a response that was read to its end, or to the `end` or the `error` that is given."""
        if self.done:
            return
        self.done = True
        plain = self._plain(**end)
        if hides_text(plain) and not self.is_verifying:
            self.step.report(
                "gave a text that is stored as base64: nothing in it is redacted"
            )
        self.step.finish(plain)
        issuer = self.step.call.issuer
        if issuer is not None and issuer.numbers and not self.is_verifying:
            names = ", ".join(sorted(issuer.numbers))
            kept = ", ".join(f"!{name}" for name in sorted(issuer.numbers))
            self.step.report(
                f"gave numbers that others stand for ({names}), to keep them:"
                f" mimic_redact = {kept}"
            )
        if issuer is not None and self.step.mode == "run":
            issuer.known.keep(plain, self.step.amend)

    def _arrived(self, end: str) -> dict[str, Any]:
        """Return what has come of the response so far; see `Step.arrived`."""
        if self.received is not None:
            self.chunks = self.received()
        return self._plain(end=end if self.head else "waiting")

    def _plain(self, **end: Any) -> dict[str, Any]:
        """Return the exchange as plain data without secrets, with its `end` or `error`."""
        secrets: Secrets = self.step.call.secrets
        redactor = secrets.redactor
        # The response may repeat what the request sent, and what other answers have
        # issued since.
        secrets.begin_answer(self.step.call.issuer)
        if "error" in end:
            message = redactor.scrub_text(end["error"]["message"], secrets.values)
            end["error"] = {**end["error"], "message": message}
        plain: dict[str, Any] = {}
        if self.head:
            sent = set(secrets.values)
            store = partial(
                store_response, self.head, [*self.chunks], stopped="end" in end
            )
            plain = store(secrets=secrets)
            # A secret that a server issues is secret in all later requests, whichever
            # client sends them.
            redactor.issued.update(secrets.values.keys() - sent)
            if self.is_verifying:
                recorded = self.step.outcome(is_read_only=True)
                plain = as_recorded(recorded, plain, self.step.call.issuer.known)
                self._hidden, self._real = plain, store(secrets=Secrets(NO_NAMES))
        return {**plain, **end}


def store_response(
    head: dict[str, Any],
    chunks: list[bytes],
    *,
    secrets: Secrets,
    stopped: bool = False,
) -> dict[str, Any]:
    """Return a response as plain data without secrets, and learn those under secret names in it.

    Its head has `status`, `reason`, `version` and `headers`. The chunks come without
    the framing of the transfer. Its
    reader may have `stopped` before the end.
    """
    secrets.learn_headers(head["headers"])
    one = {name.lower(): value for name, value in head["headers"]}
    encoding = one.get("content-encoding", "").strip().lower()
    opened = inflate(chunks, encoding) if encoding else None
    body = store_body(
        chunks if opened is None else opened,
        content_type=one.get("content-type"),
        secrets=secrets,
        stopped=stopped,
    )
    headers = [[name, secrets.header(name, value)] for name, value in head["headers"]]
    if body is not None and opened is not None:
        headers = [pair for pair in headers if pair[0].lower() != "content-encoding"]
    if any(map(_CHECKSUM.fullmatch, one)) and b"".join(load_body(body)) != b"".join(
        chunks
    ):
        headers = [pair for pair in headers if not _CHECKSUM.fullmatch(pair[0])]
    plain = {**head, "headers": headers}
    return plain if body is None else {**plain, "body": body}


class StoredResponse:
    """A recorded response, which has a status, in the form in which it arrives over the network.

    Attributes:
        headers: With the `Content-Length` that it has now. That of a response to a HEAD
            is left alone.
        stopped: It was not read further than these chunks.
        waiting: Its reader waited for more then, until it was cancelled.
        error: The exception that broke it after these chunks, as plain data.
        is_complete: It ends after its chunks, without an exception.
    """

    def __init__(self, plain: dict[str, Any], method: str) -> None:
        self.status, self.reason, self.version = (
            plain["status"],
            plain["reason"],
            plain["version"],
        )
        self.error: dict[str, Any] | None = plain.get("error")
        self.stopped, self.waiting = "end" in plain, plain.get("end") == "waiting"
        self.is_complete = not self.stopped and self.error is None
        self.chunks = load_body(plain.get("body"))
        self._has_body = method != "HEAD" and self.status not in _WITHOUT_BODY
        size = (
            sum(map(len, self.chunks)) if "body" in plain and method != "HEAD" else None
        )
        headers, has_cookies = [], False
        for name, value in plain["headers"]:
            lower = name.lower()
            if lower == "content-length" and size is not None:
                # Of an incomplete body, more is announced than there is: the client
                # must not take it for complete.
                declared = int(value) if value.isdigit() else 0
                value = str(size if self.is_complete else max(declared, size + 1))
            has_cookies = has_cookies or lower == "set-cookie"
            headers.append((name, value))
        self.headers = _with_lasting_cookies(headers) if has_cookies else headers

    def ending(
        self,
        load_error: Callable[[dict[str, Any]], Exception],
        exhausted: Callable[[], Exception],
    ) -> Exception | None:
        """Return the exception to raise after the chunks, or None if the response is complete.

        `load_error` turns plain data into the client's exception. `exhausted` returns
        the error for
        reading further than was recorded.
        """
        if self.error is not None:
            return load_error(self.error)
        return exhausted() if self.stopped else None

    def wire(self) -> list[bytes]:
        """Return the pieces in which the response arrives over HTTP/1.1, of which the first begins with its head."""
        version = "HTTP/1.0" if self.version == "HTTP/1.0" else "HTTP/1.1"
        lines = [f"{version} {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        pieces, framing = self.chunks, header_of(self.headers, "transfer-encoding")
        if framing is not None and "chunked" in framing.lower():
            pieces = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in pieces]
            if self.is_complete and self._has_body:
                pieces.append(b"0\r\n\r\n")
        # What is whole arrives at once.
        return (
            [b"".join([head, *pieces])]
            if self.is_complete and len(self.chunks) < 2
            else [head, *pieces]
        )


def _with_lasting_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the expiry of cookies that were still valid when they were recorded, at the time in `Date`."""
    from http.cookiejar import http2time  # type: ignore[attr-defined]

    recorded = http2time(header_of(headers, "date") or "")
    if recorded is None:
        return headers

    def lasts(attribute: str) -> bool:
        name, _, value = attribute.partition("=")
        return name.strip().lower() != "expires" or (http2time(value) or 0) <= recorded

    return [
        (
            name,
            ";".join(filter(lasts, value.split(";")))
            if name.lower() == "set-cookie"
            else value,
        )
        for name, value in headers
    ]

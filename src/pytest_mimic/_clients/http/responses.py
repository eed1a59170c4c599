"""Real responses, recorded while a client reads them, and stored ones, as a client gets them in a replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.http.body import load_body, store_body
from pytest_mimic._clients.http.http_secrets import NoSecrets
from pytest_mimic._clients.http.message import deflate, header_of, inflate, text_pairs

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets
    from pytest_mimic._core.seam.base import Step

# The checksums of a body, which clients of clouds compare.
_CHECKSUM = re.compile(
    r"x-amz-crc32|x-amz-checksum-.*|x-goog-hash|content-md5|(?:content-|repr-)?digest", re.IGNORECASE
)
# The encodings that aiohttp decodes before its reader sees them. It leaves the others to the application.
_DECODED = frozenset({"br", "deflate", "gzip", "zstd"})


class ExchangeRecorder:
    """Collects one response, and reports it to its step once: when it has been read, given up or broken.

    Attributes:
        head: Status, reason, version and headers of the response; empty before they arrive.
        chunks: The body as it arrives, without the framing of the transfer. The edge adds to it.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        # The response is only compared then, and the recorded one returned.
        self.is_verifying = step.mode == "verify"
        self.head: dict[str, Any] = {}
        self._is_decoded = False
        self._hidden: dict[str, Any] = {}
        self._real: dict[str, Any] = {}
        self.chunks: list[bytes] = []
        self.done = False  # the step has its outcome, or was abandoned

    @contextmanager
    def recording_errors(self, store_error: Callable[[Exception], dict[str, Any] | None]) -> Iterator[None]:
        """Return a block in which a client's exception is the outcome if `store_error` has plain data for it.

        To verify, the block ends without the exception, as the recorded outcome is returned.
        """
        try:
            yield
        except Exception as error:
            self.fail(store_error(error), error)
            if not self.step.answers(error):
                raise
        except BaseException as error:
            # If the reader of a stream stops, the client closes the stream next: `stop` follows.
            if not (self.head and isinstance(error, GeneratorExit)):
                self.abandon()
            raise

    def start(
        self,
        status: int,
        reason: str | None,
        version: str,
        headers: Iterable[tuple[Any, Any]],
        *,
        decoded: bool = False,
    ) -> None:
        """Take the head of the response. With `decoded`, its chunks come decompressed."""
        self.head = {
            "status": status,
            "reason": reason or "",
            "version": version,
            "headers": [list(pair) for pair in text_pairs(headers)],
        }
        self._is_decoded = decoded

    def exhausted(self) -> Exception:
        """Return the error for reading further than was recorded."""
        return self.step.exhausted()

    @cached_property
    def wanted(self) -> int | None:
        """How many bytes of the body to read for comparing it, as it arrives; None to read all of it.

        The reader of the recorded response may have stopped: a stream may never end.
        """
        plain = self.step.outcome(is_read_only=True)
        is_stopped = plain.get("end") == "stopped"
        return sum(map(len, load_response(plain, "GET").chunks)) if is_stopped else None

    @property
    def has_enough(self) -> bool:
        """Whether so much of the body was read."""
        return self.wanted is not None and sum(map(len, self.chunks)) >= self.wanted

    def recorded(self) -> dict[str, Any]:
        """Return the recorded exchange after verifying it, with the secrets of the real one in the same places."""
        from pytest_mimic._core.redact.reveal import with_secrets

        found: dict[str, Any] = with_secrets(self.step.outcome(), self._hidden, self._real)
        return found

    def stop(self) -> None:
        """Record a response whose reader does not want the rest."""
        if self.head:
            self.complete(end="stopped")
        else:
            self.abandon()

    def fail(self, stored: dict[str, Any] | None, error: BaseException | None = None) -> None:
        """Record an exception of the client, as plain data, or abandon the exchange if it is None."""
        if stored is None:
            self.abandon(error)
        else:
            self.complete(error=stored)

    def abandon(self, error: BaseException | None = None) -> None:
        if not self.done:
            self.done = True
            self.step.abandon(error)

    def complete(self, **end: Any) -> None:
        """Record a response that was read to its end, or to the `end` or the `error` that is given."""
        if self.done:
            return
        self.done = True
        # The response may repeat what the request sent, and what servers have issued since.
        secrets: Secrets = self.step.call.edge_call.secrets()
        redactor = secrets.redactor
        secrets.values |= redactor.issued
        if "error" in end:
            end["error"] = _scrub_error(
                end["error"], lambda text: redactor.texts.scrub_text(text, secrets.values)
            )
        plain: dict[str, Any] = {}
        if self.head:
            sent = set(secrets.values)
            store = partial(
                store_response, self.head, self.chunks, decoded=self._is_decoded, stopped="end" in end
            )
            plain = store(secrets=secrets)
            # A secret that a server issues is secret in all later requests, whichever client sends them.
            redactor.issued |= secrets.values - sent
            if self.is_verifying:
                self._hidden, self._real = plain, store(secrets=NoSecrets(redactor))
        self.step.finish({**plain, **end})


def store_response(
    head: dict[str, Any],
    chunks: list[bytes],
    *,
    secrets: Secrets,
    decoded: bool = False,
    stopped: bool = False,
) -> dict[str, Any]:
    """Return a response as plain data without secrets, and learn those under secret names in it.

    Its head has `status`, `reason`, `version` and `headers`. The chunks come without the framing of the transfer; with
    `decoded`, they are decompressed already. Its reader may have `stopped` before the end.
    """
    secrets.learn_headers(head["headers"])
    one = {name.lower(): value for name, value in head["headers"]}
    compressed = one.get("content-encoding")
    encoding = (compressed or "").strip().lower()
    if encoding == "identity" or (decoded and encoding not in _DECODED):
        compressed = None  # the chunks are as they arrived
    if compressed and not decoded:
        opened = inflate(chunks, compressed)
        chunks, compressed = (chunks, None) if opened is None else (opened, compressed)
    body = store_body(
        chunks,
        content_type=one.get("content-type"),
        compressed=compressed,
        sized="content-length" in one,
        stopped=stopped,
        secrets=secrets,
    )
    headers = [[name, secrets.header(name, value)] for name, value in head["headers"]]
    if any(map(_CHECKSUM.fullmatch, one)) and (compressed or b"".join(load_body(body)) != b"".join(chunks)):
        headers = [pair for pair in headers if not _CHECKSUM.fullmatch(pair[0])]
    if body is not None and compressed and "compressed" not in body:
        # Decompressed for good: no encoder for it.
        headers = [pair for pair in headers if pair[0].lower() != "content-encoding"]
    plain = {**head, "headers": headers}
    return plain if body is None else {**plain, "body": body}


def _scrub_error(error: dict[str, Any], scrub: Callable[[str], str]) -> dict[str, Any]:
    """Return an exception as plain data without secrets in its message and those of its causes."""
    found = {**error, "message": scrub(error["message"])}
    return {**found, "cause": _scrub_error(error["cause"], scrub)} if "cause" in error else found


class StoredResponse(NamedTuple):
    """A recorded response in the form in which it arrives over the network."""

    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    chunks: list[bytes]
    stopped: bool  # it was not read further than these chunks
    error: dict[str, Any] | None  # the exception that broke it after these chunks, as plain data

    @property
    def is_complete(self) -> bool:
        """Whether the response ends after its chunks, without an exception."""
        return not self.stopped and self.error is None

    def ending(
        self, load_error: Callable[[dict[str, Any]], Exception], exhausted: Callable[[], Exception]
    ) -> Exception | None:
        """Return the exception to raise after the chunks, or None if the response is complete.

        `load_error` turns plain data into the client's exception. `exhausted` returns the error for
        reading further than was recorded.
        """
        if self.error is not None:
            return load_error(self.error)
        return exhausted() if self.stopped else None


def load_response(
    plain: dict[str, Any], method: str, *, decoded: bool = False, accepted: str | None = None
) -> StoredResponse:
    """Return the response of a stored exchange, with the `Content-Length` that it has now.

    The exchange has a status: one that is only an error has no response. The length in the response to a HEAD is
    left alone. With `decoded`, the chunks are decompressed, for a client whose reader gets them so. `accepted` is the
    `Accept-Encoding` of a client that does not decode: it gets a body plain that it has not asked for in its encoding.
    """
    if accepted is not None and "compressed" in (plain.get("body") or {}):
        plain = _as_accepted(plain, accepted)
    body, error = plain.get("body"), plain.get("error")
    stopped = plain.get("end") == "stopped"
    chunks = load_body(body)
    if body is not None and not decoded and body.get("compressed"):
        chunks = deflate(chunks, body["compressed"], complete=not stopped and error is None)
    size = None if body is None or method == "HEAD" else sum(map(len, chunks))
    headers, has_cookies = [], False
    for name, value in plain["headers"]:
        lower = name.lower()
        if lower == "content-length" and size is not None:
            declared = int(value) if value.isdigit() else 0
            # Of an incomplete body, more is announced than there is: the client must not take it for complete.
            value = str(max(declared, size + 1) if stopped or error else size)
        has_cookies = has_cookies or lower == "set-cookie"
        headers.append((name, value))
    if has_cookies:
        headers = _with_lasting_cookies(headers)
    return StoredResponse(plain["status"], plain["reason"], plain["version"], headers, chunks, stopped, error)


def _as_accepted(plain: dict[str, Any], accepted: str) -> dict[str, Any]:
    """Return an exchange without its `Content-Encoding`, unless that is accepted."""
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if names & {plain["body"]["compressed"].strip().lower(), "*"}:
        return plain
    headers = [pair for pair in plain["headers"] if pair[0].lower() != "content-encoding"]
    return {**plain, "headers": headers, "body": {**plain["body"], "compressed": ""}}


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
        (name, ";".join(filter(lasts, value.split(";"))) if name.lower() == "set-cookie" else value)
        for name, value in headers
    ]

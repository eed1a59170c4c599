"""Responses: real ones are recorded while a client reads them, stored ones replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.http.compression import (
    deflate,
    encoding_of,
    fails_to_decompress,
    inflate,
)
from pytest_mimic._clients.http.failures import BROKEN_ENCODING, store_failure
from pytest_mimic._clients.http.headers import header_of, text_pairs
from pytest_mimic._clients.http.response_body import hides_text, load_body, store_body
from pytest_mimic.client import (
    NO_REDACTION,
    Secrets,
    as_recorded,
    lazy_attribute,
    with_secrets,
)

if TYPE_CHECKING:
    from pytest_mimic.client import Step

# The checksums of a body, which clients of clouds compare: they are dropped where a
# replay gives other bytes.
_HEADER_OF_CHECKSUM = re.compile(
    r"x-amz-crc32|x-amz-checksum-.*|x-goog-hash|content-md5|(?:content-|repr-)?digest",
    re.IGNORECASE,
)
# Nothing follows their heads, not even an end of chunks (RFC 9110, 15.3.5, 15.4.5).
_STATUSES_WITHOUT_BODY = (204, 304)
# A part of a body (RFC 9110, 15.3.7): where it begins is told in compressed bytes, so
# it is stored compressed.
_STATUS_OF_PART = 206
# The first stream that a client opens on a connection (RFC 9113, 5.1.1).
_FIRST_STREAM = 1
# What a client of HTTP/1.1 takes for a malformed chunk.
_NO_CHUNK_SIZE = "malformed\r\n"


def _client_decodes_by_default() -> bool:
    """Tell an `ExchangeRecorder` that its client decompresses the body, as most do."""
    return True


class Encoding(NamedTuple):
    """How the body of a response was encoded, and who saw that.

    Attributes:
        name: The `Content-Encoding` that the service sent; empty without one.
        is_undone: Whether the chunks that were recorded come decompressed.
        is_handed_out: Whether the client gave its caller the compressed bytes.
    """

    name: str = ""
    is_undone: bool = False
    is_handed_out: bool = False


class ExchangeRecorder:
    """Collects one response, and reports it to its step once.

    One of these methods ends it:

    ============  =====================================  ============================
    the method    when the edge calls it                 what is stored
    ============  =====================================  ============================
    `complete`    the body was read to its end           the whole response
    `fail`        the client raised an exception         what came, and the `error`
    `stop`        the reader closed it before its end    what came, and the `end`
                                                         `stopped`; or the `error`, if
                                                         nobody can decompress it
    `abandon`     no head has come, or the client was    nothing
                  interrupted
    ============  =====================================  ============================

    Attributes:
        head: Status, reason, version and headers of the response; empty before they
            arrive.
        chunks: The body as it arrives, without the framing of the transfer. The edge
            adds to it.
        phase: What a timeout is one of: `connecting`, `writing` or `reading`. The edge
            sets it, and `store_failure` reads it.
        undone_encoding: The `Content-Encoding` that the client has undone before it
            added the chunks; empty if it has not.
        decodes: Returns whether the client has undone, or undoes, the encoding for its
            caller. It is asked when the body has come.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        # The response is only compared then, and the recorded one returned.
        self.is_verifying = step.mode == "verify"
        self.head: dict[str, Any] = {}
        # The real exchange twice, for `recorded`: it is verified without its secrets,
        # and the code under test gets the recorded one with them.
        self._exchange_without_secrets: dict[str, Any] = {}
        self._exchange_with_secrets: dict[str, Any] = {}
        self.chunks: list[bytes] = []
        self.phase = "connecting"
        self.undone_encoding = ""
        self.decodes: Callable[[], bool] = _client_decodes_by_default
        # Whether the step has its outcome, or was abandoned. Then nothing that the
        # client still reads or raises is recorded.
        self.done = False
        # Returns the chunks of the body that have arrived, where the edge adds none
        # before the end.
        self.received: Callable[[], list[bytes]] | None = None
        # The engine asks it when the test ends before the response does.
        step.outcome_so_far = self._plain_so_far

    def start(
        self,
        status: int,
        reason: str | None,
        version: str,
        headers: Iterable[tuple[Any, Any]],
        *,
        stream_id: int | None = None,
    ) -> None:
        """Take the head of the response.

        Args:
            status: The status.
            reason: The words behind the status; None or empty: there are none.
            version: The version of HTTP.
            headers: The headers.
            stream_id: The number of the response's stream. None: it is not HTTP/2.
        """
        self.head = {
            "status": status,
            "reason": reason or "",
            "version": version,
            "headers": [list(pair) for pair in text_pairs(headers)],
        }
        if stream_id is not None:
            self.head["stream_id"] = stream_id
        # A reader may send back a token of the head before it has read the body.
        secrets = self.step.call.secrets
        assert secrets is not None, "a request over HTTP has secrets"
        secrets.begin_answer(self.step.call.issuer)
        secrets.learn_headers(self.head["headers"])

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Return a context manager for a part of the exchange that is made for real.

        When a recording is verified, no error leaves the block.
        """
        try:
            with self.step.running():
                yield
        except BaseException as error:
            self.fail(error)
            if not self.step.answers(error):
                raise

    @lazy_attribute
    def body_bytes_to_read(self) -> int | None:
        """How many bytes of the real body are read to compare it, while it is verified.

        None stands for all of it. The reader of the recorded response may have stopped:
        a stream may never end, so no more of it is read than the recording has.
        """
        recorded_exchange = self.step.outcome(is_read_only=True)
        if "end" not in recorded_exchange:
            return None
        return sum(map(len, load_body(recorded_exchange.get("body"))))

    @property
    def has_as_much_as_recorded(self) -> bool:
        """Whether as much of the real body was read as the recording has."""
        return (
            self.body_bytes_to_read is not None
            and sum(map(len, self.chunks)) >= self.body_bytes_to_read
        )

    def recorded(self) -> dict[str, Any]:
        """Return the recorded exchange after verifying it, which the caller gets.

        The secrets of the real one stand in it at the same places, since a service
        would refuse a placeholder in the next real request.
        """
        recorded_exchange: dict[str, Any] = with_secrets(
            self.step.outcome(),
            self._exchange_without_secrets,
            self._exchange_with_secrets,
        )
        return recorded_exchange

    def stop(self) -> None:
        """Record a response whose reader wants no more, or cannot decompress it."""
        if not self.head:
            self.abandon()
        elif self._is_broken():
            self.complete(error=BROKEN_ENCODING)
        else:
            self.complete(end="stopped")

    def _is_broken(self) -> bool:
        """Check whether the client had to decompress what it got, and could not.

        The client has then raised an error for its caller, and closed the response. The
        error is recorded, not that the reader has stopped.
        """
        encoding = self._encoding()
        if not encoding.name or encoding.is_undone or not self.decodes():
            return False
        return fails_to_decompress(self.chunks, encoding.name)

    def _is_broken_again(self) -> bool:
        """Check whether a real body cannot be decompressed, as the recorded one.

        While it is verified, nobody decompresses it: without this check, each such
        response would be reported as a drift.
        """
        recorded_error = self.step.outcome(is_read_only=True).get("error", {})
        if recorded_error.get("class") != BROKEN_ENCODING["class"] or not self.head:
            return False
        return fails_to_decompress(self.chunks, self._encoding().name)

    def fail(self, error: BaseException) -> None:
        """Record an exception of the client.

        Another one, an interrupt for example, ends the step without an outcome.
        """
        failure = store_failure(error, self.phase)
        if failure is None:
            self.abandon(error)
        else:
            self.complete(error=failure)

    def abandon(self, error: BaseException | None = None) -> None:
        """End the step without an outcome, so that nothing is recorded."""
        self.done = True
        self.step.abandon(error)

    def complete(self, **end_parts: Any) -> None:
        """Record a response that was read to its end, or to an `end` or `error`.

        Args:
            end_parts: The part `end` or `error` that the stored exchange gets; none, if
                the body is whole.
        """
        if self.done:
            # The client closes what it has read to its end, for example.
            return
        self.done = True
        if self.is_verifying and not end_parts and self._is_broken_again():
            end_parts["error"] = dict(BROKEN_ENCODING)
        exchange = self._stored_exchange(**end_parts)
        # The text may have secrets that the vault then has: the run reports it.
        if hides_text(exchange) and not self.is_verifying:
            self.step.report(
                "gave a text that is stored as base64: nothing in it is redacted"
            )
        self.step.finish(exchange)

    def _plain_so_far(self, end: str) -> dict[str, Any]:
        """Return what has come of the response so far; see `Step.outcome_so_far`."""
        if self.received is not None:
            self.chunks = self.received()
        if not self.head:
            # Without a status, nobody can have stopped reading.
            end = "waiting"
        return self._stored_exchange(end=end)

    def _stored_exchange(self, **end_parts: Any) -> dict[str, Any]:
        """Return the exchange, with its `end` or `error`, as it is stored.

        To verify, it is compared with the recorded one in this form.
        """
        secrets = self.step.call.secrets
        assert secrets is not None, "a request over HTTP has secrets"
        redactor = secrets.redactor
        # The response may repeat what the request sent, and what other answers have
        # issued since.
        secrets.begin_answer(self.step.call.issuer)
        if "error" in end_parts:
            # The text of an error may repeat a secret of the request.
            failure = dict(end_parts["error"])
            for name in ("message", "received"):
                if name in failure:
                    failure[name] = redactor.scrub_text(
                        failure[name], secrets.stand_in_by_secret
                    )
            end_parts["error"] = failure
        exchange: dict[str, Any] = {}
        if self.head:
            secrets_of_request = set(secrets.stand_in_by_secret)
            # While it is verified, the response is stored a second time, with secrets.
            store = partial(
                store_response,
                self.head,
                [*self.chunks],
                encoding=self._encoding(),
                stopped="end" in end_parts,
                is_whole=not end_parts,
            )
            exchange = store(secrets=secrets)
            # A secret that a server issues is secret in all later requests, whichever
            # client sends them.
            redactor.issued.update(
                secrets.stand_in_by_secret.keys() - secrets_of_request
            )
            if self.is_verifying:
                recorded_exchange = self.step.outcome(is_read_only=True)
                issuer = self.step.call.issuer
                assert issuer is not None, "a real call has one"
                # A service issues other secrets each time. They get the placeholders of
                # the recorded ones, so that they are no drift.
                exchange = as_recorded(recorded_exchange, exchange, issuer.known)
                self._exchange_without_secrets, self._exchange_with_secrets = (
                    exchange,
                    store(secrets=Secrets(NO_REDACTION)),
                )
        return {**exchange, **end_parts}

    @property
    def stores_decompressed(self) -> bool:
        """Whether the body is compressed, and stored decompressed, if it is not whole.

        A broken chunk is then stored without its size on the wire, which was that of
        compressed bytes. This can be asked once the head has come.
        """
        encoding = self._encoding()
        are_bytes_counted = (
            self.head["status"] == _STATUS_OF_PART or encoding.is_handed_out
        )
        return encoding.is_undone or (bool(encoding.name) and not are_bytes_counted)

    def _encoding(self) -> Encoding:
        """Return how the body is encoded: it is stored decompressed, see `Encoding`."""
        if self.undone_encoding:
            return Encoding(self.undone_encoding, is_undone=True)
        encoding_name = header_of(self.head["headers"], "content-encoding") or ""
        is_handed_out = not self.decodes()
        recorded_body: dict[str, Any] = {}
        if self.is_verifying:
            recorded_body = self.step.outcome(is_read_only=True).get("body") or {}
        if recorded_body:
            # While it is verified, nobody decompresses the body. So the real one is
            # stored as the recorded one is, or each would differ.
            is_handed_out = recorded_body.get(
                "handed_out", "encoding" not in recorded_body
            )
        return Encoding(encoding_name.strip().lower(), is_handed_out=is_handed_out)


def store_response(
    head: dict[str, Any],
    chunks: list[bytes],
    *,
    secrets: Secrets,
    encoding: Encoding | None = None,
    stopped: bool = False,
    is_whole: bool = True,
) -> dict[str, Any]:
    """Return a response as plain data without secrets, which are learned.

    An `ExchangeRecorder` asks for it. The head has `status`, `reason`, `version` and
    `headers`. The chunks come without the framing of the transfer. The reader of the
    response may have `stopped` before its end.

    A body is stored decompressed, beside its `encoding`. It is stored as it came where
    it cannot be decompressed, or where somebody counts the compressed bytes: of a part
    of a body, and of one that was handed out and is not whole.
    """
    secrets.learn_headers(head["headers"])
    header_values = {name.lower(): value for name, value in head["headers"]}
    if encoding is None:
        encoding = Encoding(header_values.get("content-encoding", "").strip().lower())
    are_bytes_counted = head["status"] == _STATUS_OF_PART or (
        encoding.is_handed_out and not is_whole
    )
    # None: the body is not compressed, or is stored as it came.
    decompressed_chunks: list[bytes] | None = None
    if encoding.is_undone:
        decompressed_chunks = chunks
    elif encoding.name and not are_bytes_counted:
        # What was handed out compressed is compressed again for a replay, to its end.
        decompressed_chunks = inflate(
            chunks, encoding.name, to_its_end=encoding.is_handed_out and is_whole
        )
    stored_chunks = chunks
    if decompressed_chunks is not None:
        stored_chunks = decompressed_chunks
    body = store_body(
        stored_chunks,
        content_type=header_values.get("content-type"),
        secrets=secrets,
        stopped=stopped,
    )
    # The headers that are true of the body as it came only.
    dropped_headers: set[str] = set()
    if body is not None and decompressed_chunks is not None:
        dropped_headers.add("content-encoding")
        # A replay compresses the body by it for a client that gets compressed bytes.
        body["encoding"] = encoding.name
        if not encoding.is_undone:
            body["encoding"] = encoding_of(chunks, encoding.name)
        if encoding.is_handed_out:
            body["handed_out"] = True
    # The client would refuse a replayed body that a checksum does not fit.
    checksum_headers = set(filter(_HEADER_OF_CHECKSUM.fullmatch, header_values))
    if checksum_headers and b"".join(load_body(body)) != b"".join(chunks):
        dropped_headers |= checksum_headers
    kept_headers = []
    for name, value in head["headers"]:
        if name.lower() not in dropped_headers:
            kept_headers.append([name, secrets.header(name, value)])
    exchange = {**head, "headers": kept_headers}
    if body is not None:
        exchange["body"] = body
    return exchange


class StoredResponse:
    """A recorded response, in the form in which it arrives over the network.

    Only an exchange that came to a status has one.

    Attributes:
        headers: The headers, with the `Content-Length` that the body has now; that of a
            response to a HEAD is left alone. They have the `Content-Encoding` of the
            service if the client that recorded handed the compressed bytes out, or the
            one that replays never decompresses: then the body is compressed anew.
        stream_id: The number of its stream on the connection, if it came over HTTP/2.
        stopped: Whether the body was not read further than these chunks.
        waiting: Whether the reader waited for more behind the chunks, until it was
            cancelled.
        error: The exception that broke the body off behind the chunks, as plain data.
        is_complete: Whether the body ends behind the chunks, without an exception.
    """

    def __init__(
        self, exchange: dict[str, Any], method: str, *, client_decodes: bool = True
    ) -> None:
        self.status: int = exchange["status"]
        self.reason: str = exchange["reason"]
        self.version: str = exchange["version"]
        self.stream_id: int = exchange.get("stream_id", _FIRST_STREAM)
        self.error: dict[str, Any] | None = exchange.get("error")
        self.stopped = "end" in exchange
        self.waiting = exchange.get("end") == "waiting"
        self.is_complete = not self.stopped and self.error is None
        self._has_body = method != "HEAD" and self.status not in _STATUSES_WITHOUT_BODY
        body = exchange.get("body")
        self.chunks = load_body(body)
        # A copy, which grows below: the stored exchange is shared. JSON has lists for
        # pairs.
        headers: list[tuple[str, str]] = list(map(tuple, exchange["headers"]))
        # `handed_out`: the client that recorded gave its caller the compressed bytes.
        if body is not None and (body.get("handed_out") or not client_decodes):
            headers += self._compress_again(body.get("encoding", ""))
        lower_names = [name.lower() for name, _ in headers]
        # The body may have another length than it had on the wire: it was decompressed,
        # or edited, or secrets were replaced in it.
        if body is not None and method != "HEAD":
            for index, lower_name in enumerate(lower_names):
                if lower_name == "content-length":
                    name, recorded_length = headers[index]
                    headers[index] = name, self._length_now(recorded_length)
        if "set-cookie" in lower_names:
            headers = _with_lasting_cookies(headers)
        self.headers = headers

    def _compress_again(self, encoding: str) -> list[tuple[str, str]]:
        """Compress the body for this replay, and return the header that says so."""
        if not encoding:
            # The body came as it is stored.
            return []
        self.chunks, encoding_name = deflate(
            self.chunks, encoding, is_whole=self.is_complete
        )
        return [("Content-Encoding", encoding_name)]

    def _length_now(self, recorded_length: str) -> str:
        """Return the length of the body as it is now, for the header of this value.

        Of an incomplete body, a greater length is announced than it has: the client
        must not take it for complete.
        """
        length = sum(map(len, self.chunks))
        if not self.is_complete:
            length += 1
            # `int` takes no `²`, which is a digit, too.
            if recorded_length.isdecimal():
                length = max(length, int(recorded_length))
        return str(length)

    def error_at_end(
        self,
        load_error: Callable[[dict[str, Any]], Exception],
        exhausted: Callable[[], Exception],
    ) -> Exception | None:
        """Return the exception to raise after the chunks; None for a complete response.

        `load_error` turns plain data into the client's exception. `exhausted` returns
        the error for reading further than was recorded.
        """
        if self.error is not None:
            return load_error(self.error)
        if self.stopped:
            # What came next is not known: the test must not take it for the end.
            return exhausted()
        return None

    def arriving_pieces(self) -> list[bytes]:
        """Return the pieces of bytes in which the response arrives over HTTP/1.

        A response that is complete and has one chunk arrives in one piece, else the
        head is a piece of its own.
        """
        # A parser of HTTP/1 knows no other versions. A recorded HTTP/2 is one for it.
        version = "HTTP/1.1"
        if self.version == "HTTP/1.0":
            version = "HTTP/1.0"
        lines_of_head = [f"{version} {self.status} {self.reason}"]
        for name, value in self.headers:
            lines_of_head.append(f"{name}: {value}")
        head = "\r\n".join([*lines_of_head, "\r\n"])
        # Older recordings have surrogates for bytes of a reason that are not UTF-8.
        head_bytes = head.encode("latin-1", "surrogateescape")
        pieces_of_body = self.chunks
        framing = header_of(self.headers, "transfer-encoding") or ""
        if "chunked" in framing.lower():
            pieces_of_body = self._framed_chunks()
        if self.is_complete and len(self.chunks) < 2:
            # What is whole arrives at once.
            return [b"".join([head_bytes, *pieces_of_body])]
        return [head_bytes, *pieces_of_body]

    def _framed_chunks(self) -> list[bytes]:
        """Return the chunks of the transfer (RFC 9112, 7.1), each with its size.

        The last may be malformed, or break off: the client's parser then raises the
        error that it raised when the response was recorded.
        """
        failure = self.error or {}
        whole_chunks = self.chunks
        broken_chunk = b""
        if "missing" in failure:
            whole_chunks, broken_chunk = _split_at_end(
                whole_chunks, failure.get("came", 0)
            )
        framed_chunks = [
            b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in whole_chunks
        ]
        if self.is_complete and self._has_body:
            # The chunk without data ends the body.
            framed_chunks.append(b"0\r\n\r\n")
        elif failure.get("type") == "malformed":
            received = failure.get("received", _NO_CHUNK_SIZE)
            framed_chunks.append(received.encode("latin-1", "replace"))
        elif "missing" in failure:
            announced_size = len(broken_chunk) + failure["missing"]
            framed_chunks.append(b"%x\r\n%s" % (announced_size, broken_chunk))
        return framed_chunks


def _split_at_end(chunks: list[bytes], size: int) -> tuple[list[bytes], bytes]:
    """Return chunks without the last bytes of the last one, and these bytes.

    The last bytes are those that came of a chunk that broke off.
    """
    if not chunks:
        # Nothing came behind the size of the first chunk.
        return [], b""
    *chunks_before, last_chunk = chunks
    position = max(len(last_chunk) - size, 0)
    if position:
        chunks_before.append(last_chunk[:position])
    return chunks_before, last_chunk[position:]


def _with_lasting_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the expiry of cookies that were valid when they were recorded, at `Date`.

    A client would drop the cookies themselves in a replay that comes later.
    """
    from http.cookiejar import http2time  # type: ignore[attr-defined]

    recorded_at = http2time(header_of(headers, "date") or "")
    if recorded_at is None:
        # Without a date, nothing tells which cookies were valid.
        return headers
    replayed_headers = []
    for name, value in headers:
        if name.lower() == "set-cookie":
            value = _without_later_expiry(value, recorded_at)
        replayed_headers.append((name, value))
    return replayed_headers


def _without_later_expiry(cookie: str, recorded_at: float) -> str:
    """Return a cookie without an expiry that is later than a moment, in seconds.

    An earlier expiry stays: by it, a service deletes the cookie.
    """
    from http.cookiejar import http2time  # type: ignore[attr-defined]

    kept_attributes = []
    for attribute in cookie.split(";"):
        name, _, value = attribute.partition("=")
        expires_at = None
        if name.strip().lower() == "expires":
            expires_at = http2time(value)
        if expires_at is None or expires_at <= recorded_at:
            kept_attributes.append(attribute)
    return ";".join(kept_attributes)

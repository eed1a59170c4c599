"""The bytes on connections of `http.client`: requests, real and recorded responses.

A request is collected while it is sent. A real response is recorded while it is read,
and a recorded one arrives in pieces. `http_client.py` puts these files in place.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.http.failures import CUT_OFF, Failure
from pytest_mimic._clients.http.http_calls import HttpRequest

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder

# The arguments of `read` with which a file is read to its end.
_SIZES_THAT_READ_ALL = ((), (None,), (-1,))
# `http.client` refuses longer lines, so that a longer one is no size of a chunk.
_LONGEST_LINE = 65_536


class RecordedFile:
    """Replaces the file of a real response, and records the bytes that are read.

    The end of the file, or its closing, ends the exchange.

    Args:
        file: The real file.
        recorder: Gets the body at its end.
        chunked: Whether the body has chunks (RFC 9112, 7.1).
        length: The number of bytes that the body has according to its head; None if the
            head does not say.
        drops_pieces: Whether the client drops what it has got of a piece when the rest
            does not come, and raises an error. It does so again in a replay, where the
            bytes come back as they came.
    """

    def __init__(
        self,
        file: Any,
        recorder: ExchangeRecorder,
        *,
        chunked: bool,
        length: int | None,
        drops_pieces: bool,
    ) -> None:
        self._file = file
        self._drops_pieces = drops_pieces
        self._recorder = recorder
        self._chunked = chunked
        self._length = length
        self._received_bytes: list[bytes] = []
        # How many bytes of the last piece the client has dropped.
        self._dropped = 0
        # Whether the server has sent all that it sends.
        self._at_end = False
        # The recorder must not hold this file: when nobody reads the file any more, it
        # is collected, and its closing ends the exchange.
        recorder.received = partial(_body_in, self._received_bytes, chunked=chunked)
        # Whether the file is that of a response of urllib3.
        self._is_of_urllib3 = False
        # Whether the first read asked urllib3 to decompress; None: nobody has read.
        self._decompresses: bool | None = None

    def note_decoding(self) -> None:
        """Tell the recorder whether urllib3 hands the compressed bytes out.

        Who reads a response says so at each read, and the first one decides.
        """
        self._is_of_urllib3 = True
        self._recorder.decodes = self._client_decodes

    def _client_decodes(self) -> bool:
        """Return whether urllib3 decompresses the body, as it does by default."""
        return self._decompresses is not False

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real file; a method that reads keeps the bytes."""
        attribute = getattr(self._file, name)
        if name not in ("read1", "readline"):
            return attribute

        def read_and_keep(*size: Any) -> bytes:
            return self._read_and_keep(attribute, size)

        return read_and_keep

    def _read_and_keep(
        self, read: Callable[..., bytes], size: tuple[Any, ...]
    ) -> bytes:
        """Read from the real file by one of its methods, and keep the bytes."""
        if self._is_of_urllib3 and self._decompresses is None:
            # The first reader decides in which form the body is recorded.
            self._decompresses = _is_read_by_urllib3_that_decompresses()
        try:
            data = read(*size)
        except BaseException as error:
            self._end(error)
            raise
        if not data and size != (0,):
            # Only a file at its end gives nothing to a reader that wants something.
            self._at_end = True
        self._received_bytes.append(data)
        return data

    def read(self, *size: Any) -> bytes:
        """Read from the real file as the client asks, and note whether it has ended."""
        data = self._read_and_keep(self._file.read, size)
        # Fewer bytes than were asked for are the last ones.
        reads_all = size in _SIZES_THAT_READ_ALL
        is_last = not reads_all and len(data) < size[0]
        self._at_end = self._at_end or reads_all or is_last
        if is_last and self._drops_pieces:
            self._dropped = len(data)
        return data

    def readinto(
        self, buffer: Any
    ) -> int:  # pragma: no cover (urllib3 reads so in Python 3.10 only)
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the real file, and end the exchange, also if closing raises."""
        try:
            self._file.close()
        finally:
            self._end(None)

    def _end(self, error: BaseException | None) -> None:
        """Tell the recorder how the body ended, once: whole, broken, or left."""
        recorder = self._recorder
        if recorder.done:
            return
        received = b"".join(self._received_bytes)
        failure_if_cut_off = CUT_OFF
        if self._chunked:
            if self._dropped and recorder.stores_decompressed:
                # The client did not decompress these bytes.
                received = received[: -self._dropped]
            unframed = unframe(received)
            recorder.chunks = unframed.chunks
            if unframed.missing and not recorder.stores_decompressed:
                # A replay gives the same part of the last chunk.
                sizes = {"came": unframed.came, "missing": unframed.missing}
                failure_if_cut_off = {**CUT_OFF, **sizes}
            is_complete = unframed.is_whole
            if unframed.malformed:
                # The client finds that out above this file, and closes it.
                recorder.complete(error=_failure_of_malformed_chunk(unframed.malformed))
                return
        else:
            recorder.chunks = [received]
            # Without a length, the end of the connection ends the body.
            is_complete = self._at_end
            if self._length is not None:
                is_complete = len(received) >= self._length
        if is_complete:
            recorder.complete()
        elif error is not None:
            recorder.fail(error)
        elif self._at_end:
            recorder.complete(error=failure_if_cut_off)
        else:
            recorder.stop()


def _body_in(pieces: list[bytes], *, chunked: bool) -> list[bytes]:
    """Return the chunks of a real body, in what was read of its file so far.

    The recorder asks for it when the test ends before the body does.
    """
    received = b"".join(pieces)
    if chunked:
        return unframe(received).chunks
    return [received]


def _is_read_by_urllib3_that_decompresses() -> bool:
    """Check whether a response of urllib3 reads, and decompresses what it gets.

    The body is then replayed decompressed, and else compressed.
    """
    # 0 is this function, 1 `_read_and_keep`: its callers are looked through.
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        is_method = frame.f_code.co_name in ("read", "read1", "read_chunked")
        if is_method and frame.f_globals.get("__name__") == "urllib3.response":
            reader = frame.f_locals
            # Nothing public tells this before the read.
            has_codec = getattr(reader["self"], "_decoder", None) is not None
            return bool(reader["decode_content"]) and has_codec
        frame = frame.f_back
    return False


def _failure_of_malformed_chunk(line: bytes) -> Failure:
    """Return the failure of a chunked body in which a chunk begins with no size.

    A chunk of seven bytes begins with the line `7`. A replay raises `IncompleteRead` at
    the same place, as `http.client` does.

    Args:
        line: What stands in place of the size.
    """
    received = line.decode("latin-1")
    return {
        "type": "malformed",
        "class": "IncompleteRead",
        "message": f"a chunk begins with {received.rstrip()[:80]!r}",
        "received": received,
    }


class Unframed(NamedTuple):
    """A chunked body (RFC 9112, 7.1) without its framing, as far as it came.

    Attributes:
        chunks: The data of its chunks.
        is_whole: Whether the body came to its end.
        malformed: The line that stands where a chunk's size should; empty if each chunk
            has its size.
        came: Of a last chunk that broke off, how many bytes came.
        missing: How many of its bytes did not.
    """

    chunks: list[bytes]
    is_whole: bool = False
    malformed: bytes = b""
    came: int = 0
    missing: int = 0


def unframe(received: bytes) -> Unframed:
    """Return the chunks of a chunked body, of a response or a request, and its end."""
    chunks: list[bytes] = []
    position = 0
    while True:
        # Each chunk begins with a line that has its size: `1a;name=value`.
        line_end = received.find(b"\n", position) + 1
        line_of_size = received[position : line_end or len(received)]
        if not line_end and len(line_of_size) <= _LONGEST_LINE:
            # The body broke off within the line.
            return Unframed(chunks)
        try:
            size = int(line_of_size.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:
            return Unframed(chunks, malformed=line_of_size[: _LONGEST_LINE + 1])
        if size == 0:
            # The chunk without data ends the body.
            return Unframed(chunks, is_whole=True)
        data = received[line_end : line_end + size]
        if data:
            chunks.append(data)
        if len(data) < size:
            return Unframed(chunks, came=len(data), missing=size - len(data))
        position = line_end + size + 2


class RequestMessage:
    """A request that is collected while a client sends it.

    The stand-in for the socket has one. It decides about the request once it is whole.
    """

    def __init__(self) -> None:
        # What was sent, in order.
        self.pieces: list[bytes] = []
        # The target in the first line: a path, or a URL for a proxy.
        self.target = ""
        self.headers: tuple[tuple[str, str], ...] = ()
        # Empty until the head of the request is complete.
        self.method = ""
        # The pieces of the body, with the framing of its chunks if it is chunked.
        self._body: list[bytes] = []
        # How many bytes of the body the client has not sent yet; None if the body is
        # chunked, so that only its last chunk tells.
        self._bytes_to_come: int | None = 0
        # Whether all that the head announced was sent: the request is then begun.
        self.is_complete = False

    def add(self, piece: bytes) -> None:
        """Add what a client sends."""
        self.pieces.append(piece)
        if not self.method:
            sent_bytes = b"".join(self.pieces)
            head, blank_line, piece = sent_bytes.partition(b"\r\n\r\n")
            if not blank_line:
                # The rest of the head comes with another call of `send`.
                return
            self._read_head(head.decode("latin-1"))
        self._body.append(piece)
        if self._bytes_to_come is not None:
            self._bytes_to_come -= len(piece)
            self.is_complete = self._bytes_to_come <= 0
        elif piece.endswith(b"0\r\n\r\n"):
            # This may be the last chunk, or stand in the data of another one.
            self.is_complete = unframe(b"".join(self._body)).is_whole

    def _read_head(self, head: str) -> None:
        """Read the request's first line and headers, and how its body will end."""
        # A header may go on in a line that begins with a blank.
        unfolded_head = head.replace("\r\n\t", " ").replace("\r\n ", " ")
        first_line, *header_lines = unfolded_head.split("\r\n")
        # `rsplit`, because a method that the user got wrong may have blanks.
        self.method, self.target, _ = first_line.rsplit(" ", 2)
        headers = []
        values_by_name = {}
        for header_line in header_lines:
            name, _, value = header_line.partition(":")
            value = value.strip()
            headers.append((name, value))
            values_by_name[name.lower()] = value
        self.headers = tuple(headers)
        # By these two, the client says where the body of the request ends.
        length = values_by_name.get("content-length", "")
        if "chunked" in values_by_name.get("transfer-encoding", "").lower():
            self._bytes_to_come = None
        elif length.isdecimal():
            self._bytes_to_come = int(length)

    def request(self, url: str, headers: tuple[tuple[str, str], ...]) -> HttpRequest:
        """Return the request as it is described to the engine, with its whole body."""
        body = b"".join(self._body)
        if self._bytes_to_come is None:
            body = b"".join(unframe(body).chunks)
        return HttpRequest(self.method, url, headers, body)


class NoSocket:
    """Stands at the end of `response.raw._fp.fp.raw._sock`.

    Libraries for authentication look for a certificate there.

    The socket of a connection without TLS has no `getpeercert`, and neither has this
    one.
    """


class WholeBytes(io.BytesIO):
    """The file of a socket that has the whole response at once."""

    _sock = NoSocket()


class RecordedBytes(io.RawIOBase):
    """The file of a socket on which a recorded response arrives piece by piece.

    A read returns at most one piece.

    Args:
        pieces: The bytes of the response.
        error_at_end: Is called behind the last piece, and returns the error to raise
            there; None for a response that just ends.
    """

    _sock = NoSocket()

    def __init__(
        self, pieces: Sequence[bytes], error_at_end: Callable[[], Exception | None]
    ) -> None:
        # The pieces stand in reverse, so that `pop` takes the next one. Empty ones are
        # left out: to read nothing means the end.
        self._pieces = [piece for piece in reversed(pieces) if piece]
        self._error_at_end = error_at_end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Give the reader of the response the next piece, or as much as it asks for."""
        if not self._pieces:
            error = self._error_at_end()
            if error is not None:
                raise error
            return 0
        piece = self._pieces.pop()
        size = min(len(buffer), len(piece))
        buffer[:size] = piece[:size]
        if size < len(piece):
            # The next read gets the rest.
            self._pieces.append(piece[size:])
        return size

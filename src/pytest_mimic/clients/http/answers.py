"""An answer of HTTP as plain data, and what a client is given of it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from importlib import import_module
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from pytest_mimic.client import Plain, fields
from pytest_mimic.clients.http import bodies
from pytest_mimic.clients.http.failures import NAMES_BY_KIND
from pytest_mimic.secrets.placeholders import OWN
from pytest_mimic.values.outcome import MOST_BYTES

_WITHOUT_BODY = (204, 304)
_PARTIAL = 206
# They hold for the very bytes that came.
_CHECKSUMS = frozenset(
    "content-md5 digest content-digest repr-digest x-amz-checksum-crc32"
    " x-amz-checksum-crc32c x-amz-checksum-crc64nvme x-amz-checksum-sha1"
    " x-amz-checksum-sha256 x-amz-crc32 x-goog-hash".split()
)
_GZIP = zlib.MAX_WBITS | 16
# In bytes: so much is given to a reader at once.
_PIECE = 1024
_MALFORMED_CHUNK = b"malformed\r\n"
# A header may go on in a line that is indented.
_UNSENDABLE = r"\0|\r(?!\n)|\n(?![ \t])"


Packer = Callable[..., "list[bytes]"]
"""Takes the pieces of a body, and whether it `is_whole`, and gives them compressed."""


class Head(NamedTuple):
    """What comes before the body of a real answer.

    Attributes:
        status: The status.
        reason: The phrase behind it, if it has one.
        headers: As they came; several of one name are a list.
        version: That of the protocol.
        unpacked: How the body was compressed that the client has decompressed.
    """

    status: int
    reason: str
    headers: Iterable[tuple[str, str]]
    version: str = "HTTP/1.1"
    unpacked: str = ""

    def read(
        self,
        pieces: Sequence[bytes],
        *,
        is_left: bool = False,
        error: Plain | None = None,
    ) -> Plain:
        """Return the answer as plain data, with its secrets.

        Args:
            pieces: The body as it came, perhaps compressed.
            is_left: Whether its reader left it before its end.
            error: What broke it off.
        """
        headers = fields((name.lower(), value) for name, value in self.headers)
        data = b"".join(pieces)
        encoding = self.unpacked or str(headers.get("content-encoding", ""))
        body = data if self.unpacked else decompressed(data, encoding)
        is_part = self.status == _PARTIAL and not self.unpacked
        plain: Plain = {"status": self.status}
        if self.version != "HTTP/1.1":
            plain["version"] = self.version
        # HTTP/2 has none.
        has_reason = bool(self.reason) or self.version.startswith("HTTP/1")
        if has_reason and self.reason != _phrase(self.status):
            plain["reason"] = self.reason
        plain["headers"] = headers
        if not body or is_part or encoding == "identity":
            # What nobody here can read, nothing, and a part stay as they came.
            body = data
        elif encoding:
            plain["encoding"] = encoding
            headers.pop("content-encoding", "")
        if body:
            content_type = str(headers.get("content-type", ""))
            plain["body"] = bodies.read_given(body, content_type)
        is_whole = headers.get("content-length") == str(len(data))
        is_left = is_left and not (is_whole or bodies.is_done(plain.get("body", {})))
        if is_left:
            plain["left"] = True
        if len(pieces) > 1 and (is_left or error):
            plain["pieces"] = [len(piece) for piece in pieces]
        if error:
            plain["error"] = error
        return plain


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as they are sent, as texts."""
    return [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
    ]


def was_left(answer: Plain) -> bool:
    """Return whether a recorded answer is a part of what would have come."""
    return "left" in answer and not bodies.is_done(answer.get("body", {}))


def is_document(answer: Plain) -> bool:
    """Return whether an answer has one body, and is no stream without an end."""
    headers = answer.get("headers", {})
    kind = bodies.media_type(str(headers.get("content-type", "")))
    if kind in bodies.STREAMS:
        return False
    return "content-length" in headers or kind.endswith("json")


def items(answer: Plain) -> Sequence[Any]:
    """Return the events, lines or letters of the body of an answer."""
    body = answer.get("body", {})
    found: Sequence[Any] | None = body.get("events") or body.get("lines")
    return found or b"".join(bodies.pieces(body)).decode("latin-1")


class Response:
    """What a client is given of a recorded answer.

    Args:
        answer: The answer.
        method: That of the request.

    Attributes:
        status: The status; 0: there is none.
        reason: The phrase behind it.
        headers: As they came, names in lower case, without what says how bytes came.
        pieces: The bytes of the body, decompressed: event by event of a stream.
        encoding: How they were compressed when they came.
        is_left: Whether the reader had left it, so that more would have come.
        error: What broke the exchange off, by its kind; empty: nothing.
        is_whole: Whether nothing did, and it was read to its end.
        version: That of the protocol, `HTTP/1.1`.

    Raises:
        ValueError: The answer was edited to what no client can be given.
    """

    def __init__(self, answer: Plain, method: str, *, is_packed: bool) -> None:
        _check(answer)
        self.method = method
        self.status: int = answer.get("status", 0)
        self.encoding: str = answer.get("encoding", "")
        self.version: str = answer.get("version", "HTTP/1.1")
        self.error: Plain = answer.get("error", {})
        self.is_left = was_left(answer)
        self.is_whole = not self.is_left and not self.error
        pieces = [*bodies.pieces(answer.get("body", {}))]
        if answer.get("pieces") and len(pieces) == 1:
            pieces = _in_pieces(pieces[0], answer["pieces"])
        self.pieces = [piece for piece in pieces if piece]
        self.headers: list[tuple[str, str]] = []
        headers = answer.get("headers", {})
        packers = _packers(self.encoding) if is_packed else []
        if packers:
            for packer in packers:
                self.pieces = packer(self.pieces, is_whole=self.is_whole)
            self.pieces = [piece for piece in self.pieces if piece]
            headers = {**headers, "content-encoding": self.encoding}
        # A body that was cut short ends before its length.
        self._says_length = self.is_whole or bool(packers)
        for name, held in headers.items():
            values = held if isinstance(held, list) else [held]
            if name == "content-length" and method != "HEAD" and self._says_length:
                values = [str(sum(map(len, self.pieces)) + (not self.is_whole))]
            elif name == "set-cookie":
                values = [_lasting(cookie, headers) for cookie in values]
            elif name in _CHECKSUMS and not _has_its_bytes(answer, self.pieces):
                values = []
            for value in values:
                self.headers.append((name, value))
        self.reason: str = answer.get("reason", _phrase(self.status))
        sent = "".join([self.reason, *map("".join, self.headers)])
        sent.encode("latin-1")  # headers are bytes, kept so
        if re.search(_UNSENDABLE, f"{sent}."):
            raise ValueError("a reason or header has more than one line, or a zero")

    def on_the_wire(self) -> list[bytes]:
        """Return it as it comes over a socket: its head, and pieces of its body."""
        headers = dict(self.headers)
        pieces = self.pieces
        # HTTP/2 has no lines, and a parser of lines knows no such version.
        version = "HTTP/1.0" if self.version == "HTTP/1.0" else "HTTP/1.1"
        lines = [f"{version} {self.status} {self.reason}"]
        has_body = self.method != "HEAD" and self.status not in _WITHOUT_BODY
        is_chunked = "transfer-encoding" in headers
        if not self.is_whole and not is_chunked and "content-length" not in headers:
            # Else the end of the connection would be that of the body.
            is_chunked = True
            lines.append("Transfer-Encoding: chunked")
        for name, value in self.headers:
            # Some code reads names as they are usually written.
            lines.append(f"{name.title()}: {value}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if not has_body:
            return [head]
        if is_chunked:
            pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
            if self.error.get("kind") == "malformed":
                pieces.append(_MALFORMED_CHUNK)
            elif self.is_whole:
                pieces.append(b"0\r\n\r\n")
        return [head, *pieces]


@cache
def _phrase(status: int) -> str:
    # Before a request nothing else may need it.
    from http.client import responses

    return responses.get(status, "")


def _check(answer: Plain) -> None:
    """Refuse an answer that no server could have sent."""
    status, error = answer.get("status"), answer.get("error")
    if status is None and error is None:
        raise ValueError("it has no status, and no error")
    if status is not None and not (type(status) is int and 100 <= status <= 599):
        raise ValueError(f"{status!r} is not a status")
    if error is not None and error["kind"] not in NAMES_BY_KIND:
        raise ValueError(f"{error['kind']!r} is not a kind of network error")
    if not isinstance(answer.get("version", ""), str):
        raise ValueError("a version is a text")
    if answer.get("left", True) is not True:
        raise ValueError("left is not true")
    if any(size < 1 for size in answer.get("pieces", ())):
        raise ValueError("a piece is empty")


def _has_its_bytes(answer: Plain, pieces: Sequence[bytes]) -> bool:
    """Return whether a body has the very bytes that came: a checksum holds."""
    return "encoding" not in answer and not any(
        OWN.encode() in piece for piece in pieces
    )


def _packers(encoding: str) -> list[Packer]:
    """Return what writes an encoding, step by step; none: nothing here can.

    They store more than they compress: that costs nothing.
    """
    try:
        return [_PACKERS[name]() for name in names_in(encoding) if name != "identity"]
    except (KeyError, ImportError):
        return []


def _packing(make: Callable[[], Any], *flushed: Any) -> Packer:
    """Return what compresses the pieces of a body, each of which can be read at once.

    Args:
        make: Makes what compresses.
        flushed: What its method `flush` takes to end a piece.
    """

    def pack(pieces: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
        writer = make()
        compress = getattr(writer, "compress", None) or writer.process
        finish = getattr(writer, "finish", writer.flush)
        packed = []
        for number, piece in enumerate(pieces, 1):
            is_last = is_whole and number == len(pieces)
            begun = compress(piece)
            packed.append(begun + (finish() if is_last else writer.flush(*flushed)))
        return packed

    return pack


def _gzipping() -> Packer:
    return _packing(partial(zlib.compressobj, 0, wbits=_GZIP), zlib.Z_SYNC_FLUSH)


def _deflating() -> Packer:
    return _packing(partial(zlib.compressobj, 0), zlib.Z_SYNC_FLUSH)


def _brotli_writer() -> Packer:
    brotli = import_module("brotli")
    return _packing(lambda: brotli.Compressor(quality=0))


def _zstd_writer() -> Packer:
    try:
        zstd = import_module("compression.zstd")
    except ImportError:
        zstd = import_module("zstandard")
        make = zstd.ZstdCompressor(level=1).compressobj
        return _packing(make, zstd.COMPRESSOBJ_FLUSH_BLOCK)
    make = partial(zstd.ZstdCompressor, level=1)
    return _packing(make, zstd.ZstdCompressor.FLUSH_BLOCK)


def _in_pieces(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Return bytes in as many pieces as came, which may have been compressed."""
    ends = [0, *accumulate(sizes)]
    ends = [end * len(data) // ends[-1] for end in ends]
    return [data[start:end] for start, end in pairwise(ends)]


def _lasting(cookie: str, headers: Plain) -> str:
    """Return a cookie that was valid when it came without its time of expiry."""
    pair, *attributes = cookie.split(";")
    kept = []
    for attribute in attributes:
        name, _, value = attribute.strip().partition("=")
        if name.lower() == "max-age" and value.isdecimal() and int(value) > 0:
            continue
        # A cookie that a service takes back expires in 1970.
        is_expiry = name.lower() == "expires"
        if is_expiry and _seconds(value) > max(_seconds(headers.get("date")), 86_400):
            continue
        kept.append(attribute)
    return ";".join([pair, *kept])


def _seconds(date: object) -> float:
    """Return the seconds since 1970 of a date; 0: it is none."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(str(date)).timestamp()
    except (TypeError, ValueError):
        return 0.0


def decompressed(data: bytes, encoding: str) -> bytes | None:
    """Return the bytes that were compressed, or None if nobody here can read them.

    So it is where they would be more than `MOST_BYTES`.
    """
    for name in reversed(names_in(encoding)):
        try:
            reader = _READERS[name]()
            data = _read(reader, data) if reader is not None else data
        except Exception:  # each library has an error of its own
            return None
    return data


def names_in(encoding: str) -> list[str]:
    """Return the steps in which a body was encoded."""
    return encoding.lower().replace(" ", "").split(",")


def _read(reader: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Return what a reader makes of bytes, a few of which may become very many."""
    found = bytearray()
    for start in range(0, len(data), _PIECE):
        found += reader(data[start : start + _PIECE])
        if len(found) > MOST_BYTES:
            raise ValueError("it is too large when it is decompressed")
    return bytes(found)


def _inflating() -> Callable[[bytes], bytes]:
    reader = zlib.decompressobj()
    is_begun = False

    def read(piece: bytes) -> bytes:
        nonlocal reader, is_begun
        try:
            return reader.decompress(piece)
        except zlib.error:
            if is_begun:
                raise
            # Some servers leave out zlib's header (RFC 1950).
            reader = zlib.decompressobj(-zlib.MAX_WBITS)
            return reader.decompress(piece)
        finally:
            is_begun = True

    return read


def _gunzipping() -> Callable[[bytes], bytes]:
    reader = zlib.decompressobj(_GZIP)

    def read(piece: bytes) -> bytes:
        nonlocal reader
        found = reader.decompress(piece)
        while reader.eof and reader.unused_data:  # Another file follows.
            piece, reader = reader.unused_data, zlib.decompressobj(_GZIP)
            found += reader.decompress(piece)
        return found

    return read


def _with_brotli() -> Callable[[bytes], bytes]:
    read: Callable[[bytes], bytes] = import_module("brotli").Decompressor().process
    return read


def _with_zstd() -> Callable[[bytes], bytes]:
    try:
        reader = import_module("compression.zstd").ZstdDecompressor()
    except ImportError:
        reader = import_module("zstandard").ZstdDecompressor().decompressobj()
    read: Callable[[bytes], bytes] = reader.decompress
    return read


# Each gives a reader of one body; None: the bytes stand as they are.
_READERS: dict[str, Callable[[], Callable[[bytes], bytes] | None]] = {
    "": lambda: None,
    "identity": lambda: None,
    "gzip": _gunzipping,
    "x-gzip": _gunzipping,
    "deflate": _inflating,
    "br": _with_brotli,
    "zstd": _with_zstd,
}
# Each gives what writes the encoding; it raises an ImportError where its library lacks.
_PACKERS: dict[str, Callable[[], Packer]] = {
    "gzip": _gzipping,
    "x-gzip": _gzipping,
    "deflate": _deflating,
    "br": _brotli_writer,
    "zstd": _zstd_writer,
}

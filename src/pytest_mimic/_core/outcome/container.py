"""The file format of a pickle: its stream and buffers, compressed if that saves enough, with checksums."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_64, xxh3_64_intdigest, xxh3_128

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.pickles import Pickled

START = b"pytest-mimic pickle, format 3\n".ljust(64, b"\0")
FILE_START = b"pytest-mimic file, format 3\n".ljust(64, b"\0")
END = b"\0mim"
# The alignment of buffers that Arrow recommends. It also holds for a mapped file.
_ALIGN = 64
_BLOCK = 1 << 20
_PIECE = 8 << 20
# The widest items that are shuffled, in bytes: complex128.
_WIDEST = 16
# The size of a larger item, such as a long text of numpy's, is not stored: it is of no use.
_WIDEST_STORED = 0xFFFF
_RAW, _ZSTD, _SHUFFLED = 0, 1, 2
# Shuffled data compresses as well at the lowest level, in half the time.
_LEVELS = {_ZSTD: 3, _SHUFFLED: 1}
# A buffer that is stored raw can be mapped; above this size that is worth more than some saved space.
_LARGE = 8 << 20
_SAVED, _SAVED_LARGE = 0.10, 0.25
_SEGMENT = struct.Struct("<HHIQQQ")  # codec, size of an item, zero, stored bytes, bytes, check of the stored
_TAIL = struct.Struct("<16sQI4s")  # checksum of the content, check of table and checksum, segments, END


class DamagedError(Exception):
    """The bytes are not those that were written. The text says how they differ, or is empty."""


class Segment(NamedTuple):
    """One entry of the table."""

    codec: int
    item: int
    stored: int
    size: int
    check: int


class Packer:
    """Writes a file of segments, each with the size of its items in bytes, piece by piece.

    `checksum` is of the uncompressed content, in hex; empty until all pieces were taken.
    """

    def __init__(self, segments: Iterable[tuple[memoryview, int]], start: bytes = START) -> None:
        self._segments = segments
        self._start = start
        self._content = xxh3_128()
        self._position = 0
        self.checksum = ""

    def pieces(self) -> Iterator[bytes | memoryview]:
        table = []
        yield self._counted(self._start)
        for data, item in self._segments:
            yield self._counted(b"\0" * (-self._position % _ALIGN))
            before = self._position
            segment, compressed = _choose(data, item)
            stored = xxh3_64()
            for piece in self._segment(data, segment, compressed):
                if segment.codec != _RAW:  # a raw segment is the content, which has a hash already
                    stored.update(piece)
                yield self._counted(piece)
            table.append(segment._replace(stored=self._position - before, check=stored.intdigest()))
        yield self._tail(table)

    def _counted(self, piece: Any) -> Any:
        self._position += len(piece)
        return piece

    def _segment(
        self, data: memoryview, segment: Segment, compressed: bytes | None
    ) -> Iterator[bytes | memoryview]:
        self._content.update(segment.size.to_bytes(8, "little"))
        if compressed is not None:
            self._content.update(data)
            yield compressed
            return
        if segment.codec == _RAW:
            for block in _blocks(data):
                self._content.update(block)
                yield block
            return
        compressor = zstd_module().ZstdCompressor(level=_LEVELS[segment.codec])
        compressor.set_pledged_input_size(segment.size)
        for block in _blocks(data):
            self._content.update(block)
            piece = compressor.compress(
                _shuffle(block, segment.item) if segment.codec == _SHUFFLED else block
            )
            if piece:
                yield piece
        yield compressor.flush()

    def _tail(self, table: list[Segment]) -> bytes:
        checksum = self._content.digest()
        self.checksum = checksum.hex()
        rows = b"".join(_SEGMENT.pack(s.codec, s.item, 0, s.stored, s.size, s.check) for s in table)
        return rows + _TAIL.pack(checksum, xxh3_64_intdigest(rows + checksum), len(table), END)


def segments_of(pickled: Pickled) -> Iterator[tuple[memoryview, int]]:
    """Yield the streams of a pickle as one segment, then each buffer, each with the size of its items in bytes."""
    chunks = pickled.chunks
    yield memoryview(chunks[0] if len(chunks) == 1 else b"".join(chunks)), 1
    yield from pickled.buffers


def packer_of(pickled: Pickled) -> Packer:
    return Packer(segments_of(pickled))


def checksum_of(segments: Iterable[memoryview | bytes]) -> str:
    content = xxh3_128()
    for segment in segments:
        data = memoryview(segment)
        content.update(len(data).to_bytes(8, "little"))
        for block in _blocks(data):
            content.update(block)
    return content.hexdigest()


def pieces_of(content: bytes) -> Iterator[bytes]:
    """Yield long bytes in the pieces in which their object stores them; empty ones are one empty piece."""
    for start in range(0, max(len(content), 1), _PIECE):
        yield content[start : start + _PIECE]


def object_name(content: bytes) -> str:
    """Return the name of the object of these long bytes, which contains its checksum."""
    checksum = checksum_of(pieces_of(content))
    return f"objects/{checksum[:2]}/{checksum}.bin"


def content_of(data: memoryview, name: str) -> bytes:
    """Return the long bytes in an object. DamagedError: they are not what its name says."""
    return b"".join(unpack_segments(data, name.rpartition("/")[2].partition(".")[0], FILE_START))


def claimed_checksum(data: memoryview) -> str:
    """Return the checksum that a file itself states. DamagedError: it is not a file of a pickle."""
    return _table(data)[0]


def unpack(data: memoryview, checksum: str) -> tuple[bytes, list[Any]]:
    """Return the pickle streams and their buffers, which may be slices of `data`.

    Raises:
        DamagedError: The content does not have that checksum, or any byte of the file is not as written.
    """
    parts = list(unpack_segments(data, checksum))
    return bytes(parts[0]), parts[1:]


def item_sizes(data: memoryview) -> list[int]:
    """Return the size of the items in each segment, in bytes. DamagedError: it is not a file of a pickle."""
    return [segment.item for segment in _table(data)[1]]


def unpack_segments(data: memoryview, checksum: str, header: bytes = START) -> Iterator[Any]:
    """Yield the content, segment by segment. It is right only if no error is raised until the end; see `unpack`."""
    stated, table = _table(data, header)
    if stated != checksum:
        raise DamagedError("")
    content, position = xxh3_128(), len(START)
    for segment in table:
        position = _skip_padding(data, position)
        stored = data[position : position + segment.stored]
        position += segment.stored
        part = _restored(stored, segment)
        content.update(segment.size.to_bytes(8, "little"))
        for block in _blocks(memoryview(part)):
            content.update(block)
        yield part
    if content.hexdigest() != checksum or position != len(data) - _TAIL.size - _SEGMENT.size * len(table):
        raise DamagedError("")


def _table(data: memoryview, header: bytes = START) -> tuple[str, list[Segment]]:
    size = len(data)
    if bytes(data[: len(START)]) != header:
        raise DamagedError("")
    if size < len(START) + _TAIL.size or bytes(data[-len(END) :]) != END:
        raise DamagedError(f"it ends after {size:,} bytes")
    checksum, check, count, _ = _TAIL.unpack(data[-_TAIL.size :])
    start = size - _TAIL.size - _SEGMENT.size * count
    if start < len(START) or count == 0:
        raise DamagedError("")
    rows = bytes(data[start : size - _TAIL.size])
    if xxh3_64_intdigest(rows + checksum) != check:
        raise DamagedError("")
    table = [Segment(row[0], row[1], *row[3:]) for row in _SEGMENT.iter_unpack(rows)]
    return checksum.hex(), table


def _skip_padding(data: memoryview, position: int) -> int:
    end = position + -position % _ALIGN
    if any(data[position:end]):
        raise DamagedError("")
    return end


def _restored(stored: memoryview, segment: Segment) -> Any:
    """Return the content of a segment. A raw one is a slice of the file."""
    if segment.codec == _RAW:
        return stored
    if xxh3_64_intdigest(stored) != segment.check:
        raise DamagedError("")
    zstd = zstd_module()
    try:
        whole = zstd.ZstdDecompressor().decompress(stored, max_length=segment.size)
    except (zstd.ZstdError, EOFError) as reason:
        raise DamagedError("") from reason
    if segment.codec == _SHUFFLED:
        return bytearray().join(
            [_unshuffle(bytes(block), segment.item) for block in _blocks(memoryview(whole))]
        )
    return bytearray(whole)


def _blocks(data: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(data), _BLOCK):
        yield data[start : start + _BLOCK]


def _choose(data: memoryview, item: int) -> tuple[Segment, bytes | None]:
    """Choose how to store the data, by trying its first block. If that is all of it, return it compressed as well."""
    block, size = data[:_BLOCK], len(data)
    item = item if item <= _WIDEST_STORED else 1
    codecs = (_ZSTD, _SHUFFLED) if 1 < item <= _WIDEST else (_ZSTD,)
    found = {codec: _compressed(block, item, codec) for codec in codecs}
    codec = min(found, key=lambda codec: len(found[codec]))
    needed = _SAVED_LARGE if size > _LARGE else _SAVED
    if len(found[codec]) > len(block) * (1 - needed):
        return Segment(_RAW, item, 0, size, 0), None
    return Segment(codec, item, 0, size, 0), found[codec] if size <= _BLOCK else None


def _compressed(block: memoryview, item: int, codec: int) -> bytes:
    data = _shuffle(block, item) if codec == _SHUFFLED else block
    compressed: bytes = zstd_module().compress(data, level=_LEVELS[codec])
    return compressed


def _shuffle(block: memoryview | bytes, item: int) -> bytes:
    """Return the first bytes of all items, then the second bytes, and so on, then a rest shorter than an item."""
    data = bytes(block)
    whole = len(data) - len(data) % item
    return b"".join([data[start:whole:item] for start in range(item)]) + data[whole:]


def _unshuffle(data: bytes, item: int) -> bytearray:
    size = len(data)
    each = size // item
    whole = each * item
    out = bytearray(size)
    out[whole:] = data[whole:]
    zeros = bytes(each)
    for start in range(item):
        plane = data[start * each : (start + 1) * each]
        if plane != zeros:  # numbers with few digits have mostly zero bytes: this takes a quarter of the time
            out[start:whole:item] = plane
    return out


@cache  # a module that is missing is looked for in all of `sys.path` each time
def zstd_module() -> Any:
    """Return the module for zstd, which the standard library has since Python 3.14."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd

"""The file format of a pickle: a header line, then its stream and buffers at steps of 64 bytes, compressed as a whole if that pays."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from xxhash import xxh3_128, xxh3_128_hexdigest

from pytest_mimic._core.outcome.faults import DamagedError

PICKLE = b"pytest-mimic pickle, format 4, "
FILE = b"pytest-mimic file, format 4, "
_HEADER = 128
# The alignment of buffers that Arrow recommends. It also holds for a mapped file.
_ALIGN = 64
# What is larger is not compressed: it can be mapped, which is worth more than some saved space.
_LARGE = 8 << 20
_SAVED = 0.10
_SIZE = struct.Struct("<Q")


class Packed(NamedTuple):
    """A file, and the checksum of its content, 32 hex digits."""

    pieces: list[Any]  # buffers, in order
    checksum: str


def packed(parts: Iterable[Any], start: bytes = PICKLE) -> Packed:
    """Return the file of a pickle's stream and buffers, or of the one part of a `FILE`."""
    content = _content(parts)
    checksum = _checksum(content)
    how = b"raw"
    if sum(map(len, content)) < _LARGE:
        whole = b"".join(content)
        compressed = zstd_module().compress(whole, level=3)
        if len(compressed) <= len(whole) * (1 - _SAVED):
            content, how = [compressed], b"zstd"
    header = start + how + b" " + checksum.encode() + b"\n"
    return Packed([header.ljust(_HEADER, b"\0"), *content], checksum)


def checksum_of(parts: Iterable[Any]) -> str:
    """Return the checksum of a content without writing it."""
    return _checksum(_content(parts))


def _content(parts: Iterable[Any]) -> list[Any]:
    """Return the sizes of parts, then the parts, each at the next step."""
    views = [memoryview(part).cast("B") if len(part) else b"" for part in parts]
    table = b"".join(_SIZE.pack(size) for size in (len(views), *map(len, views)))
    found: list[Any] = []
    for view in (table, *views):
        found += [view, b"\0" * (-len(view) % _ALIGN)]
    return found


def _checksum(content: Iterable[Any]) -> str:
    hasher = xxh3_128()
    for piece in content:
        hasher.update(piece)
    return hasher.hexdigest()


def claimed_checksum(data: memoryview, start: bytes = PICKLE) -> str:
    """Return the checksum that a file itself states. DamagedError: it is not such a file."""
    return _stated(data, start)[1]


def _stated(data: memoryview, start: bytes) -> tuple[str, str]:
    line, _, rest = bytes(data[:_HEADER]).partition(b"\n")
    words = line.removeprefix(start).split()
    if len(data) < _HEADER or not line.startswith(start) or len(words) != 2 or rest.strip(b"\0"):
        raise DamagedError("")
    return words[0].decode("latin-1"), words[1].decode("latin-1")


def unpack(data: memoryview, checksum: str, start: bytes = PICKLE) -> list[memoryview]:
    """Return the parts, slices of `data` unless it is compressed.

    Raises:
        DamagedError: The content does not have that checksum, or any byte of the file is not as written.
    """
    how, stated = _stated(data, start)
    content = data[_HEADER:]
    if how == "zstd":
        zstd = zstd_module()
        try:
            content = memoryview(bytearray(zstd.decompress(bytes(content))))
        except (zstd.ZstdError, EOFError, MemoryError) as reason:
            raise DamagedError("") from reason
    elif how != "raw":
        raise DamagedError("")
    if stated != checksum or xxh3_128_hexdigest(content) != checksum:
        raise DamagedError("")
    count = _SIZE.unpack(content[: _SIZE.size])[0]
    position = _SIZE.size * (count + 1)
    sizes = [size for (size,) in _SIZE.iter_unpack(content[_SIZE.size : position])]
    parts = []
    for size in sizes:
        position += -position % _ALIGN
        parts.append(content[position : position + size])
        position += size
    return parts


def object_name(content: bytes) -> str:
    """Return the name of the object of these long bytes, which contains its checksum."""
    checksum = checksum_of([content])
    return f"objects/{checksum[:2]}/{checksum}.bin"


def content_of(data: memoryview, name: str) -> bytes:
    """Return the long bytes in an object. DamagedError: they are not what its name says."""
    [part] = unpack(data, name.rpartition("/")[2].partition(".")[0], FILE)
    return bytes(part)


@cache  # a module that is missing is looked for in all of `sys.path` each time
def zstd_module() -> Any:
    """Return the module for zstd, which the standard library has since Python 3.14."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd

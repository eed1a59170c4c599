"""The file of a pickle: its stream and its buffers, each at a multiple of 64 bytes.

The file is compressed as a whole if that saves enough.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from xxhash import xxh3_128

from pytest_mimic._core.outcome.outcome import DamagedError

Piece = bytes | memoryview

# The alignment of buffers that Arrow recommends. The buffers of a mapped file have it
# as well.
_ALIGNMENT = 64
_HEAD_OF_RAW = b"pytest-mimic pickle, format 4, raw\n".ljust(_ALIGNMENT, b"\0")
_HEAD_OF_ZSTD = b"pytest-mimic pickle, format 4, zstd\n".ljust(_ALIGNMENT, b"\0")
# Files of this size or more are stored raw, so that they can be mapped into memory,
# which is worth more than some saved space.
_LEAST_SIZE_OF_MAPPED = 8 << 20
# A file that compression makes smaller by less than this share is stored raw.
_LEAST_SAVED_SHARE = 0.10
# Smaller files are stored raw, as each takes a block of the disk in any case.
_LEAST_COMPRESSED_SIZE = 4096


def pieces_of(stream_and_buffers: Sequence[Piece]) -> list[Piece]:
    """Return the file of a pickle in pieces, some of which are the buffers themselves.

    Args:
        stream_and_buffers: The stream of the pickle, and its buffers.
    """
    head = struct.pack(
        f"<{len(stream_and_buffers) + 1}Q",
        len(stream_and_buffers),
        *map(len, stream_and_buffers),
    )
    pieces: list[Piece] = []
    for part in (head, *stream_and_buffers):
        # Zeros fill each part up to the place where the next one begins.
        pieces += [part, b"\0" * (-len(part) % _ALIGNMENT)]
    size = sum(map(len, pieces))
    if _LEAST_COMPRESSED_SIZE <= size < _LEAST_SIZE_OF_MAPPED:
        compressed: bytes = zstd_module().compress(b"".join(pieces), level=3)
        if len(compressed) <= size * (1 - _LEAST_SAVED_SHARE):
            return [_HEAD_OF_ZSTD, compressed]
    return [_HEAD_OF_RAW, *pieces]


def stream_and_buffers(data: memoryview) -> list[memoryview]:
    """Return the pickle's stream and its buffers.

    They are slices of `data`, unless `data` is compressed.

    Raises:
        DamagedError: The data is not the file of a pickle. Whether its bytes are those
            that were written is checked by the name of the file; see `object_name`.
    """
    head, body = bytes(data[:_ALIGNMENT]), data[_ALIGNMENT:]
    if head not in (_HEAD_OF_RAW, _HEAD_OF_ZSTD):
        # The caller names the file.
        raise DamagedError("")
    if head == _HEAD_OF_ZSTD:
        zstd = zstd_module()
        decompressor = zstd.ZstdDecompressor()
        try:
            # No file of this size or more was compressed, so an edited one cannot fill
            # the memory.
            decompressed = decompressor.decompress(
                body, max_length=_LEAST_SIZE_OF_MAPPED
            )
            body = memoryview(bytearray(decompressed))
        except zstd.ZstdError as reason:
            raise DamagedError("") from reason
        if not decompressor.eof or decompressor.unused_data:
            raise DamagedError("")
    try:
        (count,) = struct.unpack_from("<Q", body)
        sizes = struct.unpack_from(f"<{count}Q", body, 8)
    except struct.error as reason:
        # The file is shorter than its own head says.
        raise DamagedError("") from reason
    slices: list[memoryview] = []
    position = _aligned_size(8 + 8 * count)
    for size in sizes:
        slices.append(body[position : position + size])
        position += _aligned_size(size)
    # There is always the stream, and nothing stands behind the last buffer.
    if not slices or position != len(body):
        raise DamagedError("")
    return slices


def _aligned_size(size: int) -> int:
    """Return a size rounded up to a multiple of `_ALIGNMENT`."""
    return size + -size % _ALIGNMENT


def object_name(pieces: Sequence[Piece], suffix: str) -> str:
    """Return the name of the object with these bytes, which contains their hash."""
    digest = xxh3_128()
    for piece in pieces:
        digest.update(piece)
    digits = digest.hexdigest()
    return f"objects/{digits[:2]}/{digits}.{suffix}"


# The result is kept: Python would look for the missing one of the two modules in all of
# `sys.path` each time.
@cache
def zstd_module() -> Any:
    """Return the module for zstd, which the standard library has since Python 3.14."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd


def running_python() -> str:
    """Return the version of this Python, such as `3.11`.

    Code that is stored by value can be loaded only by the version that stored it.
    """
    return f"{sys.version_info.major}.{sys.version_info.minor}"

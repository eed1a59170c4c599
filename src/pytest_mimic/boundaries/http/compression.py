"""Content encodings: bodies are decompressed to be stored, and compressed again for the client."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def inflate(chunks: Sequence[bytes], encoding: str) -> list[bytes] | None:
    """Decompress chunks one by one.

    Args:
        chunks: A body, perhaps without its end.
        encoding: The value of `Content-Encoding`; several encodings are undone from the last to the first.

    Returns:
        As many chunks, some perhaps empty. None if an encoding is unknown here, or if the body is not in it.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        decoded = _DECODERS[name](chunks) if name in _DECODERS else None
        if decoded is None:
            return None
        chunks = decoded
    return list(chunks)


def can_deflate(encoding: str) -> bool:
    """Return whether `deflate` can write this encoding."""
    return encoding.strip().lower() in ("gzip", "x-gzip", "deflate")


def deflate(chunks: Iterable[bytes], encoding: str, *, complete: bool = True) -> list[bytes]:
    """Encode chunks so that each one can be decoded as soon as it has arrived.

    Level 0 stores the data instead of compressing it (RFC 1951, 3.2.4), which costs next to nothing.

    Args:
        chunks: A body, not compressed.
        encoding: `gzip` or `deflate`.
        complete: Write the end of the body, with its checksum.
    """
    # Window bits as zlib wants them: 16 more than the size of the window write gzip's header and trailer.
    compressor = zlib.compressobj(0, wbits=zlib.MAX_WBITS + (16 if "gzip" in encoding.lower() else 0))
    written = [compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]
    if complete:
        written[-1:] = [b"".join(written[-1:]) + compressor.flush()]
    return written


def _decompress(decoder: Any, chunks: Sequence[bytes], error: type[Exception]) -> list[bytes] | None:
    try:
        found = [decoder.decompress(chunk) for chunk in chunks]
    except error:
        return None
    # A second gzip member, for example, which clients treat differently.
    return None if getattr(decoder, "unused_data", b"") else found


def _gunzip(chunks: Sequence[bytes]) -> list[bytes] | None:
    return _decompress(zlib.decompressobj(16 + zlib.MAX_WBITS), chunks, zlib.error)


def _undeflate(chunks: Sequence[bytes]) -> list[bytes] | None:
    # RFC 9110 means the zlib format (RFC 1950); some servers send the bare stream (RFC 1951).
    found = _decompress(zlib.decompressobj(), chunks, zlib.error)
    return _decompress(zlib.decompressobj(-zlib.MAX_WBITS), chunks, zlib.error) if found is None else found


def _unzstd(chunks: Sequence[bytes]) -> list[bytes] | None:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd  # type: ignore[import-not-found, unused-ignore]
    return _decompress(zstd.ZstdDecompressor(), chunks, zstd.ZstdError)


def _unbrotli(chunks: Sequence[bytes]) -> list[bytes] | None:
    try:
        import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None
    decoder = brotli.Decompressor()
    try:
        return [decoder.process(chunk) for chunk in chunks]
    except brotli.error:
        return None


_DECODERS: dict[str, Callable[[Sequence[bytes]], list[bytes] | None]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
    "br": _unbrotli,
    "identity": list,
}

"""Content encodings: bodies are decompressed to be stored, and compressed again for the client."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any


def inflate(chunks: Sequence[bytes], encoding: str) -> list[bytes] | None:
    """Decompress the chunks of a body, perhaps without its end, one by one.

    There are as many as before, some perhaps empty. None if an encoding is unknown here, or the body is not in it.
    """
    found: list[bytes] | None = list(chunks)
    # `Content-Encoding: deflate, gzip`: the last encoding is undone first.
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if found is not None and name != "identity":
            found = _decode(found, name)
    return found


def _decode(chunks: Sequence[bytes], name: str) -> list[bytes] | None:
    for decoder in _decoders(name):
        try:
            found = [decoder(chunk) for chunk in chunks]
        except Exception:  # each library has its own
            continue
        # Unused data is a second gzip member, for example, which clients treat differently.
        if not getattr(getattr(decoder, "__self__", None), "unused_data", b""):
            return found
    return None


def _decoders(name: str) -> list[Any]:
    """Return the functions to try that decompress the chunks of a body."""
    if name in ("gzip", "x-gzip"):
        return [zlib.decompressobj(16 + zlib.MAX_WBITS).decompress]
    if name == "deflate":
        # RFC 9110 means the zlib format (RFC 1950); some servers send the bare stream (RFC 1951).
        return [zlib.decompressobj().decompress, zlib.decompressobj(-zlib.MAX_WBITS).decompress]
    try:
        if name == "zstd":
            try:
                from compression import zstd  # type: ignore[import-not-found, unused-ignore]
            except ImportError:
                from backports import zstd  # type: ignore[import-not-found, unused-ignore]
            return [zstd.ZstdDecompressor().decompress]
        if name == "br":
            import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

            return [brotli.Decompressor().process]
    except ImportError:
        pass
    return []


def can_deflate(encoding: str) -> bool:
    """Return whether `deflate` can write this encoding."""
    return encoding.strip().lower() in ("gzip", "x-gzip", "deflate")


def deflate(chunks: Iterable[bytes], encoding: str, *, complete: bool = True) -> list[bytes]:
    """Encode chunks so that each one can be decoded as soon as it has arrived.

    Level 0 stores the data instead of compressing it (RFC 1951, 3.2.4), which costs next to nothing. A complete body
    ends with its checksum.
    """
    # Window bits as zlib wants them: 16 more than the size of the window write gzip's header and trailer.
    compressor = zlib.compressobj(0, wbits=zlib.MAX_WBITS + (16 if "gzip" in encoding.lower() else 0))
    written = [compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]
    if complete:
        written[-1:] = [b"".join(written[-1:]) + compressor.flush()]
    return written

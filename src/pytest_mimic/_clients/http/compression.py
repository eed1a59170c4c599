"""The compression of bodies, by `Content-Encoding`: bodies are stored decompressed.

They are compressed anew for a reader who sees compressed bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_mimic.client import zstd_module

_NAMES_OF_GZIP = ("gzip", "x-gzip")
# The encoding of a body that came as the bare stream of RFC 1951, as some servers send
# it, where RFC 9110 means the zlib format (RFC 1950). Both are `deflate` in a header.
_BARE_DEFLATE = "bare deflate"
_WINDOW_OF_GZIP = 16 + zlib.MAX_WBITS
# A decoder or encoder gets the chunks of a body one by one.
_OfOneChunk = Callable[[bytes], bytes]


def encodings_in_header(content_encoding: str) -> list[str]:
    """Return the encodings that a `Content-Encoding` names, as they were applied."""
    return [
        encoding_name.strip().lower() for encoding_name in content_encoding.split(",")
    ]


def encoding_of(chunks: Sequence[bytes], encoding: str) -> str:
    """Return the encoding of a body, which says more than its `Content-Encoding`.

    It is stored, so that the body is compressed in the same way for a replay.
    """
    start = b"".join(chunks)[:2]
    if encoding != "deflate" or len(start) < 2:
        return encoding
    # The method in the first byte is 8, and both are a multiple of 31 (RFC 1950, 2.2).
    is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start, "big") % 31 == 0
    return encoding if is_zlib else _BARE_DEFLATE


def inflate(
    chunks: Sequence[bytes], encoding: str, *, to_its_end: bool = False
) -> list[bytes] | None:
    """Decompress the chunks of a body, one by one.

    Args:
        chunks: The chunks of the body.
        encoding: The value of `Content-Encoding`.
        to_its_end: Whether the body must have its end.

    Returns:
        As many chunks as there were, some perhaps empty. None if no decoder of an
        encoding is installed, or the body is in another encoding.
    """
    inflated: list[bytes] | None = list(chunks)
    # `Content-Encoding: deflate, gzip`: the last encoding is undone first.
    for name in reversed(encodings_in_header(encoding)):
        if inflated is not None:
            inflated = _decode(inflated, name, to_its_end=to_its_end)
    return inflated


def _decode(
    chunks: Sequence[bytes], name: str, *, to_its_end: bool
) -> list[bytes] | None:
    """Undo one encoding, `gzip`; None if no decoder of this name takes the chunks."""
    for decode in _decoders(name):
        try:
            decoded = [decode(chunk) for chunk in chunks]
        # Each library has its own exceptions.
        except Exception:
            continue
        decoder: Any = getattr(decode, "__self__", None)
        if to_its_end and not _is_ended(decoder):
            continue
        # Unused data is a second gzip member, for example, which clients treat
        # differently.
        if not getattr(decoder, "unused_data", b""):
            return decoded
    return None


def fails_to_decompress(chunks: Sequence[bytes], encoding: str) -> bool:
    """Check whether no decoder of an encoding takes the beginning of a body.

    The body may be in another encoding than its headers name.
    """
    decoders = _decoders(encoding)
    for decode in decoders:
        if _accepts(decode, chunks):
            return False
    # Without a decoder nobody can say so. What is recorded is then that the reader has
    # stopped, and no error of decompressing.
    return bool(decoders)


def _accepts(decode: _OfOneChunk, chunks: Sequence[bytes]) -> bool:
    """Check whether a decompressor takes the beginning of a body."""
    try:
        for chunk in chunks:
            decode(chunk)
    except EOFError:
        # The stream has ended, and another one follows.
        return True
    # Each library has its own exceptions.
    except Exception:
        return False
    return True


def _is_ended(decoder: Any) -> bool:
    """Check whether a decompressor has come to the end of its stream."""
    if hasattr(decoder, "is_finished"):
        return bool(decoder.is_finished())
    return bool(decoder.eof)


def _decoders(name: str) -> list[_OfOneChunk]:
    """Return the functions to try that decompress the chunks of a body."""
    if name in _NAMES_OF_GZIP:
        return [zlib.decompressobj(_WINDOW_OF_GZIP).decompress]
    if name in ("deflate", _BARE_DEFLATE):
        return [
            zlib.decompressobj().decompress,
            zlib.decompressobj(-zlib.MAX_WBITS).decompress,
        ]
    try:
        if name == "zstd":
            return [zstd_module().ZstdDecompressor().decompress]
        if name == "br":
            import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

            return [brotli.Decompressor().process]
    except ImportError:
        pass
    return []


def deflate(
    chunks: Sequence[bytes], encoding: str, *, is_whole: bool
) -> tuple[list[bytes], str]:
    """Compress the chunks of a body one by one; return them with a header's value.

    This names the encoding that is asked for, or gzip if a codec is missing here. Each
    chunk can be decompressed when it arrives. A body that is not whole is put into the
    encoding's frame, and not compressed: so there are at least as many bytes as the
    reader of the recorded body read.
    """
    names = encodings_in_header(encoding)
    if not is_whole or not all(map(_can_encode, names)):
        names = ["gzip"]
    packed = list(chunks)
    for name in names:
        packed = list(_encode(packed, name, is_whole=is_whole))
    header = ", ".join(names).replace(_BARE_DEFLATE, "deflate")
    return packed, header


def _can_encode(name: str) -> bool:
    """Check whether a body can be compressed so here."""
    if name not in ("br", "zstd"):
        return name in (*_NAMES_OF_GZIP, "deflate", _BARE_DEFLATE)
    # Whoever has the codec can decompress, too.
    return bool(_decoders(name))


def _encode(chunks: Sequence[bytes], name: str, *, is_whole: bool) -> Iterator[bytes]:
    """Yield the chunks of a body, compressed by one encoding, as `deflate` says."""
    # The usual level, or none: a body that is not whole is only laid out.
    level = -1 if is_whole else 0
    compress, flush, finish = _encoder(name, level=level)
    last_index = len(chunks) - 1
    for index, chunk in enumerate(chunks):
        end_chunk = flush
        if is_whole and index == last_index:
            end_chunk = finish
        yield compress(chunk) + end_chunk()


def _encoder(
    name: str, *, level: int
) -> tuple[_OfOneChunk, Callable[[], bytes], Callable[[], bytes]]:
    """Return functions that compress a chunk, end a chunk, and end the body.

    A reader can decompress a chunk that has ended, without the chunks behind it.
    """
    encoder: Any
    if name == "br":
        import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

        encoder = brotli.Compressor()
        return encoder.process, encoder.flush, encoder.finish
    if name == "zstd":
        encoder = zstd_module().ZstdCompressor()

        def flush_block() -> bytes:
            return bytes(encoder.flush(encoder.FLUSH_BLOCK))

        return encoder.compress, flush_block, encoder.flush
    window = _WINDOW_OF_GZIP
    if name == "deflate":
        window = zlib.MAX_WBITS
    elif name == _BARE_DEFLATE:
        window = -zlib.MAX_WBITS
    encoder = zlib.compressobj(level, wbits=window)

    def flush_piece() -> bytes:
        return bytes(encoder.flush(zlib.Z_SYNC_FLUSH))

    return encoder.compress, flush_piece, encoder.flush

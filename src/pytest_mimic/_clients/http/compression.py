"""The compression of bodies, by `Content-Encoding`: bodies are stored decompressed.

They are compressed anew for a reader who sees compressed bytes. The body of a request
is decompressed by `inflate`, too, before it counts in the identity.
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
# The function of a decompressor or compressor that gets a body chunk by chunk.
_ChunkFunction = Callable[[bytes], bytes]


def encodings_in_header(content_encoding: str) -> list[str]:
    """Return the encodings that a `Content-Encoding` names, in their order.

    The one that was applied first comes first.
    """
    return [
        encoding_name.strip().lower() for encoding_name in content_encoding.split(",")
    ]


def encoding_of(chunks: Sequence[bytes], encoding: str) -> str:
    """Return the encoding of a body, which says more than its `Content-Encoding`.

    It tells `deflate` from its bare form. It is stored, so that the body is compressed
    in the same way for a replay.
    """
    first_bytes = b"".join(chunks)[:2]
    if encoding != "deflate" or len(first_bytes) < 2:
        return encoding
    # The method in the first byte is 8, and both are a multiple of 31 (RFC 1950, 2.2).
    is_zlib = (
        first_bytes[0] & 0x0F == 8 and int.from_bytes(first_bytes, "big") % 31 == 0
    )
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
        encoding is installed, or the body is in another encoding. Such a body is stored
        as it came.
    """
    inflated_chunks: list[bytes] | None = list(chunks)
    # `Content-Encoding: deflate, gzip`: the last encoding is undone first.
    for encoding_name in reversed(encodings_in_header(encoding)):
        if inflated_chunks is not None:
            inflated_chunks = _decode(
                inflated_chunks, encoding_name, to_its_end=to_its_end
            )
    return inflated_chunks


def _decode(
    chunks: Sequence[bytes], name: str, *, to_its_end: bool
) -> list[bytes] | None:
    """Undo one encoding, `gzip`; None if no decoder of this name takes the chunks."""
    for decode in _decompressing_functions(name):
        # A function that fails has the wrong form of the encoding: the next is tried.
        try:
            decoded_chunks = [decode(chunk) for chunk in chunks]
        # Each library has its own exceptions.
        except Exception:
            continue
        decompressor: Any = getattr(decode, "__self__", None)
        if to_its_end and not _is_ended(decompressor):
            # A replay would compress the body to its end, which the recorded one lacks.
            continue
        # Unused data is a second gzip member, for example, which clients treat
        # differently.
        if not getattr(decompressor, "unused_data", b""):
            return decoded_chunks
    return None


def fails_to_decompress(chunks: Sequence[bytes], encoding: str) -> bool:
    """Check whether no decoder of an encoding takes the beginning of a body.

    The client that had to decompress it has then raised an error, which is recorded.
    The body may be in another encoding than its headers name.
    """
    decoders = _decompressing_functions(encoding)
    for decode in decoders:
        if _accepts(decode, chunks):
            return False
    # Without a decoder nobody can say so. What is recorded is then that the reader has
    # stopped, and no error of decompressing.
    return bool(decoders)


def _accepts(decode: _ChunkFunction, chunks: Sequence[bytes]) -> bool:
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


def _is_ended(decompressor: Any) -> bool:
    """Check whether a decompressor has come to the end of its stream."""
    if hasattr(decompressor, "is_finished"):
        return bool(decompressor.is_finished())
    return bool(decompressor.eof)


def _decompressing_functions(name: str) -> list[_ChunkFunction]:
    """Return the functions to try that decompress the chunks of a body.

    There are two for `deflate`, whose two forms have one name. There is none for an
    encoding whose codec is not installed.
    """
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
        # Without the codec, the body is stored compressed.
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
    encoding_names = encodings_in_header(encoding)
    if not is_whole or not all(map(_can_encode, encoding_names)):
        encoding_names = ["gzip"]
    compressed_chunks = list(chunks)
    for encoding_name in encoding_names:
        compressed_chunks = list(
            _encode(compressed_chunks, encoding_name, is_whole=is_whole)
        )
    content_encoding = ", ".join(encoding_names).replace(_BARE_DEFLATE, "deflate")
    return compressed_chunks, content_encoding


def _can_encode(name: str) -> bool:
    """Check whether a replay can compress a body so, with what is installed here."""
    if name not in ("br", "zstd"):
        return name in (*_NAMES_OF_GZIP, "deflate", _BARE_DEFLATE)
    # Whoever has the codec can decompress, too.
    return bool(_decompressing_functions(name))


def _encode(chunks: Sequence[bytes], name: str, *, is_whole: bool) -> Iterator[bytes]:
    """Yield the chunks of a body, compressed by one encoding, as `deflate` says."""
    # The usual level, or none: a body that is not whole is only laid out.
    level = -1 if is_whole else 0
    compress, flush, finish = _compressing_functions(name, level=level)
    last_index = len(chunks) - 1
    for index, chunk in enumerate(chunks):
        end_chunk = flush
        if is_whole and index == last_index:
            end_chunk = finish
        yield compress(chunk) + end_chunk()


def _compressing_functions(
    name: str, *, level: int
) -> tuple[_ChunkFunction, Callable[[], bytes], Callable[[], bytes]]:
    """Return functions that compress a chunk, end a chunk, and end the body.

    A reader can decompress a chunk that has ended, without the chunks behind it.
    """
    compressor: Any
    if name == "br":
        import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

        compressor = brotli.Compressor()
        return compressor.process, compressor.flush, compressor.finish
    if name == "zstd":
        compressor = zstd_module().ZstdCompressor()

        def flush_block() -> bytes:
            return bytes(compressor.flush(compressor.FLUSH_BLOCK))

        return compressor.compress, flush_block, compressor.flush
    window = _WINDOW_OF_GZIP
    if name == "deflate":
        window = zlib.MAX_WBITS
    elif name == _BARE_DEFLATE:
        window = -zlib.MAX_WBITS
    compressor = zlib.compressobj(level, wbits=window)

    def flush_sync() -> bytes:
        return bytes(compressor.flush(zlib.Z_SYNC_FLUSH))

    return compressor.compress, flush_sync, compressor.flush

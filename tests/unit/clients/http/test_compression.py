"""Bodies are decompressed, and compressed anew."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pytest_mimic._clients.http.compression import deflate, fails_to_decompress, inflate
from pytest_mimic._core.outcome.pickle_file import zstd_module

ENCODED = {
    "gzip": (gzip.compress(b"text"), "gzip"),
    "deflate": (zlib.compress(b"text"), "deflate"),
    "bare deflate": (zlib.compress(b"text")[2:-4], "deflate"),
    "twice": (gzip.compress(gzip.compress(b"text")), "gzip, gzip"),
    "zstd": (zstd_module().compress(b"text"), "zstd"),
}


@pytest.mark.parametrize(("data", "encoding"), ENCODED.values(), ids=ENCODED)
def test_compressed_bodies_are_decompressed(data, encoding):
    assert b"".join(inflate([data[:3], data[3:]], encoding)) == b"text"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"no gzip", "gzip"),
        (b"text", "unheard-of"),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "gzip"),
    ],
    ids=["wrong", "unknown", "two members"],
)
def test_a_body_in_another_encoding_than_declared_is_refused(data, encoding):
    assert inflate([data], encoding) is None


def test_brotli_is_decompressed():
    brotli = pytest.importorskip("brotli")
    data = brotli.compress(b"text")

    assert b"".join(inflate([data[:3], data[3:]], "br")) == b"text"
    assert inflate([b"no brotli"], "br") is None


NAMES = ["gzip", "deflate", "br", "zstd", "deflate, gzip"]


@pytest.mark.parametrize("name", NAMES)
def test_a_body_is_compressed_chunk_by_chunk(name):
    """Each chunk can be read when it arrives."""
    packed, encoding = deflate([b"one", b"two", b"three"], name, is_whole=True)

    assert encoding == name
    assert inflate(packed, name, to_its_end=True) == [b"one", b"two", b"three"]


def test_without_a_codec_a_body_is_compressed_with_gzip():
    packed, encoding = deflate([b"text"], "unheard-of", is_whole=True)

    assert (gzip.decompress(b"".join(packed)), encoding) == (b"text", "gzip")


def test_a_body_that_is_not_whole_has_more_bytes_than_its_reader_read():
    [packed], _ = deflate([b"a" * 5000], "gzip", is_whole=False)

    assert len(packed) > 5000


def test_a_body_that_is_cut_off_has_no_end():
    cut = gzip.compress(b"text")[:-4]

    assert inflate([cut], "gzip") == [b"text"]
    assert inflate([cut], "gzip", to_its_end=True) is None


@pytest.mark.parametrize(
    ("data", "encoding", "broken"),
    [
        (b"no gzip", "gzip", True),
        (gzip.compress(b"text")[:-9], "gzip", False),
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip", False),
        (zlib.compress(b"text")[2:-4], "deflate", False),
        (b"text", "unheard-of", False),
    ],
    ids=["other", "begun", "two members", "bare", "unknown"],
)
def test_a_body_that_goes_wrong_is_known(data, encoding, broken):
    assert fails_to_decompress([data], encoding) is broken

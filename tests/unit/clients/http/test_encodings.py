"""Bodies are decompressed, and compressed anew."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pytest_mimic._clients.http.encodings import inflate
from pytest_mimic._core.outcome.memory import zstd_module

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

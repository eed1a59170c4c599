"""Bodies that were compressed come back in their encoding, and never one under the name of the other."""

from __future__ import annotations

import asyncio
import gzip
import io
import shutil
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from support.http_drivers import DRIVERS, Ask

from clients.http.four_ways import both, connect

httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")

TEXT = b"begun and done " * 100
UNPACK = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": lambda data: pytest.importorskip("brotli").decompress(data),
    # In a replay it has zlib's header (RFC 1950).
    "bare deflate": lambda data: zlib.decompress(
        data, zlib.MAX_WBITS if data[:1] == b"x" else -zlib.MAX_WBITS
    ),
}
TAKING_PLAIN = ("http.client", "urllib", "urllib3")
Read = Callable[[str], tuple[bytes, Any]]


@pytest.fixture
def line():
    """The line of every HTTP client."""
    return "http"


def by_urllib(url):
    with urllib.request.urlopen(url) as response:
        return response.read(), response.headers


def by_http_client(url):
    parts = urlsplit(url)
    with connect(url) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.read(), response.headers


def by_raw_of_requests(url):
    file = io.BytesIO()
    with requests.get(url, stream=True) as response:
        shutil.copyfileobj(response.raw, file)
        return file.getvalue(), response.headers


def by_iter_raw_of_httpx(url):
    with httpx.stream("GET", url) as response:
        return b"".join(response.iter_raw()), response.headers


def by_urllib3(url):
    response = urllib3.PoolManager().request("GET", url, decode_content=False)
    return response.data, response.headers


def by_stream_of_urllib3(url):
    response = urllib3.PoolManager().request("GET", url, preload_content=False)
    pieces = response.stream(7, decode_content=False)
    return b"".join(pieces), response.headers


NEVER_DECODING = [by_urllib, by_http_client]
# What asks its client for the bytes as they came.
RAW = [by_raw_of_requests, by_iter_raw_of_httpx, by_urllib3, by_stream_of_urllib3]


@pytest.mark.parametrize("name", ["gzip", "deflate"])
@pytest.mark.parametrize("read", NEVER_DECODING, ids=lambda read: read.__name__)
def test_code_that_decompresses_itself_gets_compressed_bytes(runs, server, read, name):
    """Their length is announced, and what the server said of other bytes is not."""

    def talk(url):
        data, headers = read(f"{url}/packed?by={quote(name)}")
        is_announced = int(headers["Content-Length"]) == len(data)
        return UNPACK[name](data), bool(headers["Content-Encoding"]), is_announced

    assert both(runs, server, talk) == ((TEXT, True, True),) * 2
    _, headers = read(f"{server.url}/packed?by={quote(name)}")
    assert "Content-MD5" not in headers


@pytest.mark.parametrize("name", ["gzip", "deflate", "bare deflate", "br"])
@pytest.mark.parametrize("read", RAW, ids=lambda read: read.__name__)
def test_bytes_as_they_came_are_read_as_their_headers_say(runs, server, read, name):

    def talk(url):
        data, headers = read(f"{url}/packed?by={quote(name)}")
        assert int(headers.get("Content-Length", len(data))) == len(data)
        return UNPACK[name](data), headers["Content-Encoding"]

    assert both(runs, server, talk) == ((TEXT, name.split()[-1]),) * 2


def test_a_session_of_aiohttp_that_decodes_nothing_gets_compressed_bytes(runs, server):
    aiohttp = pytest.importorskip("aiohttp")

    async def talk(url):
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(f"{url}/packed?by=gzip") as response,
        ):
            data = await response.read()
            return gzip.decompress(data), response.headers["Content-Encoding"]

    seen = both(runs, server, lambda url: asyncio.run(talk(url)))
    assert seen == ((TEXT, "gzip"), (TEXT, "gzip"))


@pytest.mark.parametrize("name", ["gzip", "br"])
@pytest.mark.parametrize(
    "writer", [pytest.param(one, id=one.name) for one in DRIVERS if one.decodes]
)
def test_a_body_comes_back_encoded_for_who_takes_its_encoding(
    runs, server, writer, name
):
    """http.client and urllib say by themselves that they read no compressed body."""
    plain = Ask(f"/packed?by={name}")
    packed = Ask(f"/packed?by={name}", headers={"Accept-Encoding": "gzip"})
    writer.talk(server.url, packed)
    server.stop()

    for reader in DRIVERS:
        for ask in (plain, packed):
            runs.again("replay")
            [answer] = reader.talk(server.url, ask)
            names = [name for name, _ in answer.headers]
            takes = ask is packed or reader.line not in TAKING_PLAIN
            assert ("content-encoding" in names) is takes, reader.name
            is_packed = takes and not reader.decodes
            body = UNPACK[name](answer.body) if is_packed else answer.body
            assert body == TEXT, reader.name


@pytest.mark.parametrize(("method", "more"), [("HEAD", ""), ("GET", "&range=1")])
def test_an_answer_without_its_whole_body_keeps_its_headers(runs, server, method, more):
    def talk(url):
        asked = requests.request(method, f"{url}/packed?by=gzip{more}", stream=True)
        names = "Content-Encoding", "Content-Length", "Content-MD5"
        return asked.raw.read(decode_content=False), [*map(asked.headers.get, names)]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert real[1][0] == "gzip"

"""Compressed bytes that a client hands out, which its caller decompresses, come back compressed."""

from __future__ import annotations

import gzip
import io
import shutil
import urllib.request
import zlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from support.http_drivers import DRIVERS, Ask
from support.http_server import Server
from support.runs import Runs

from clients.http.aiohttp_sessions import run
from clients.http.four_ways import both, connect, four_ways, same

httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")

TEXT = b"begun and done " * 100
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "bare deflate": lambda data: zlib.decompress(data, -zlib.MAX_WBITS),
}
Read = Callable[[str], tuple[bytes, Any]]


@pytest.fixture
def line() -> str:
    """The line of every HTTP client."""
    return "http"


def by_urllib(url: str) -> tuple[bytes, Any]:
    with urllib.request.urlopen(url) as response:
        return response.read(), response.headers


def by_http_client(url: str) -> tuple[bytes, Any]:
    parts = urlsplit(url)
    with connect(url) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.read(), response.headers


def by_raw_of_requests(url: str) -> tuple[bytes, Any]:
    file = io.BytesIO()
    with requests.get(url, stream=True) as response:
        shutil.copyfileobj(response.raw, file)
        return file.getvalue(), response.headers


def by_iter_raw_of_httpx(url: str) -> tuple[bytes, Any]:
    with httpx.stream("GET", url) as response:
        return b"".join(response.iter_raw()), response.headers


def by_urllib3(url: str) -> tuple[bytes, Any]:
    response = urllib3.PoolManager().request("GET", url, decode_content=False)
    return response.data, response.headers


def by_stream_of_urllib3(url: str) -> tuple[bytes, Any]:
    response = urllib3.PoolManager().request("GET", url, preload_content=False)
    pieces = response.stream(7, decode_content=False)
    return b"".join(pieces), response.headers


READERS = [
    by_urllib,
    by_http_client,
    by_raw_of_requests,
    by_iter_raw_of_httpx,
    by_urllib3,
    by_stream_of_urllib3,
]


@pytest.mark.parametrize("name", UNPACK)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_bytes_that_code_decompresses_itself_come_back_compressed(
    runs: Runs, server: Server, read: Read, name: str
) -> None:
    """Their length is announced, and what the server said of other bytes is not."""

    def talk(url: str) -> tuple[bytes, str, bool]:
        data, headers = read(f"{url}/packed?by={quote(name)}")
        is_announced = int(headers["Content-Length"]) == len(data)
        return UNPACK[name](data), headers["Content-Encoding"], is_announced

    encoding = name.removeprefix("bare ")
    assert both(runs, server, talk) == ((TEXT, encoding, True),) * 2
    _, headers = read(f"{server.url}/packed?by={quote(name)}")
    assert "Content-MD5" not in headers


def test_a_file_that_is_decompressed_while_it_is_read(
    runs: Runs, server: Server
) -> None:
    """1.0.0rc3 raised `BadGzipFile` in the replay."""

    def talk(url: str) -> bytes:
        with urllib.request.urlopen(f"{url}/packed?by=gzip") as response:
            return gzip.GzipFile(fileobj=response).read()

    assert both(runs, server, talk) == (TEXT, TEXT)


def test_a_session_of_aiohttp_that_decodes_nothing_gets_compressed_bytes(
    runs: Runs, server: Server
) -> None:
    async def talk(session: Any, url: str) -> tuple[bytes, str]:
        async with session.get(f"{url}/packed?by=gzip") as response:
            data = await response.read()
            return gzip.decompress(data), response.headers["Content-Encoding"]

    real, replayed = both(
        runs, server, lambda _: run(talk, server, auto_decompress=False)
    )

    assert real == replayed == (TEXT, "gzip")


def test_a_session_of_aiohttp_undoes_no_two_encodings(
    runs: Runs, server: Server
) -> None:
    """aiohttp hands out the compressed bytes, also in a replay."""

    async def talk(session: Any, url: str) -> tuple[bytes, str]:
        async with session.get(
            f"{url}/packed", params={"by": "gzip, gzip"}
        ) as response:
            data = await response.read()
            text = gzip.decompress(gzip.decompress(data))
            return text, response.headers["Content-Encoding"]

    real, replayed = both(runs, server, lambda _: run(talk, server))

    assert real == replayed == (TEXT, "gzip, gzip")


@pytest.mark.parametrize(
    "writer", [pytest.param(one, id=one.name) for one in DRIVERS if one.decodes]
)
def test_what_a_client_decoded_is_plain_but_for_those_that_never_decode(
    runs: Runs, server: Server, writer: Any
) -> None:
    ask = Ask("/packed?by=gzip")
    writer.talk(server.url, ask)
    server.stop()

    for reader in DRIVERS:
        runs.again("replay")
        [answer] = reader.talk(server.url, ask)
        names = [name for name, _ in answer.headers]
        body = answer.body if reader.decodes else gzip.decompress(answer.body)
        assert body == TEXT, reader.name
        assert ("content-encoding" in names) is not reader.decodes, reader.name


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_part_of_compressed_bytes_comes_back_byte_by_byte(
    runs: Runs, server: Server, read: Read
) -> None:
    def talk(url: str) -> bytes:
        return read(f"{url}/packed?by=deflate&range=1")[0]

    real, replayed = both(runs, server, talk)

    assert real == replayed == zlib.compress(TEXT)[2:12]


def test_a_reader_who_stops_gets_the_same_compressed_bytes(
    runs: Runs, server: Server
) -> None:
    def talk(url: str) -> bytes:
        with urllib.request.urlopen(f"{url}/packed?by=deflate") as response:
            return response.read(12)  # type: ignore[no-any-return]

    real, replayed = both(runs, server, talk)

    assert real == replayed == zlib.compress(TEXT)[:12]


def drained(pieces: Iterable[bytes]) -> tuple[bytes, type[Exception] | None, str]:
    """Return what pieces of a body are together, and the class and text of the error at their end."""
    got = []
    try:
        for piece in pieces:
            got.append(piece)
    except Exception as error:
        return b"".join(got), type(error), str(error)
    return b"".join(got), None, ""


def torn_for_requests(url: str) -> Iterable[bytes]:
    pieces: Iterable[bytes] = requests.get(url, stream=True).iter_content(100)
    return pieces


def torn_for_urllib3(url: str) -> Iterable[bytes]:
    response = urllib3.PoolManager().request("GET", url, preload_content=False)
    pieces: Iterable[bytes] = response.stream(100)
    return pieces


def torn_for_urllib(url: str) -> Iterable[bytes]:
    with urllib.request.urlopen(url) as response:
        yield from iter(lambda: response.read(100), b"")


@pytest.mark.parametrize("by", ["gzip", "nothing"])
@pytest.mark.parametrize(
    "pieces",
    [torn_for_requests, torn_for_urllib3, torn_for_urllib],
    ids=["requests", "urllib3", "urllib"],
)
def test_a_body_that_breaks_within_a_chunk_ends_where_it_did(
    runs: Runs, server: Server, pieces: Any, by: str
) -> None:
    """`http.client` drops what it has read of a piece when the rest does not come."""
    real, replayed = both(
        runs, server, lambda url: drained(pieces(f"{url}/torn?by={by}"))
    )

    assert (len(real[0]), real[1]) == (len(replayed[0]), replayed[1])
    if by == "nothing":
        assert real == replayed
        assert real[0] != b""


def whole_for_requests(url: str) -> Iterable[bytes]:
    yield requests.get(url).content


def whole_for_urllib3(url: str) -> Iterable[bytes]:
    yield urllib3.PoolManager().request("GET", url, retries=False).data


def whole_for_urllib(url: str) -> Iterable[bytes]:
    with urllib.request.urlopen(url) as response:
        yield response.read()


@pytest.mark.parametrize(
    ("pieces", "by"),
    [
        (whole_for_requests, "nothing"),
        (whole_for_urllib3, "nothing"),
        (whole_for_urllib, "nothing"),
        (whole_for_urllib, "gzip"),
        (torn_for_urllib, "gzip"),
    ],
)
def test_a_body_that_breaks_within_a_chunk_says_what_is_missing(
    runs: Runs, server: Server, pieces: Any, by: str
) -> None:
    """Where the bytes come back as they came."""
    same(runs, server, lambda url: drained(pieces(f"{url}/torn?by={by}")))


def torn_for_httpx(url: str) -> Iterable[bytes]:
    with httpx.stream("GET", url) as response:
        yield from response.iter_raw()


@pytest.mark.parametrize("pieces", [torn_for_requests, torn_for_urllib3])
def test_a_compressed_body_that_breaks_is_verified_as_it_was_recorded(
    runs: Runs, server: Server, pieces: Any
) -> None:
    four_ways(runs, server, lambda url: drained(pieces(f"{url}/torn?by=gzip")))


def test_a_compressed_body_that_breaks_for_httpx_is_verified_as_it_was_recorded(
    runs: Runs, server: Server
) -> None:
    def pieces(url: str) -> Iterable[bytes]:
        with httpx.stream("GET", url) as response:
            yield from response.iter_bytes()

    same(runs, server, lambda url: drained(pieces(f"{url}/torn?by=gzip")))


def test_another_client_gets_all_that_came_of_a_broken_chunk(
    runs: Runs, server: Server
) -> None:
    """The client that recorded has dropped it."""
    url = f"{server.url}/torn"
    runs.again("off")
    of_httpx = drained(torn_for_httpx(url))
    runs.again("record")
    of_requests = drained(whole_for_requests(url))
    server.stop()
    runs.again("replay")

    replayed = drained(torn_for_httpx(url))

    assert of_requests[0] == b""
    assert replayed[:2] == of_httpx[:2]
    assert replayed[0] != b""

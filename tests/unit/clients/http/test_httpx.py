"""The client of httpx and httpx2, recorded with a real server and replayed without it."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import signal
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from support.http_server import EVENTS, NOWHERE, Server, running_unix_server

from pytest_mimic._clients.http.exchange import Exchange, HttpRequest
from pytest_mimic.errors import MissingRecordingError
from unit.clients.http.four_ways import both
from unit.clients.runs import Runs

SECRETS = ("key-in-query-1", "key-in-json-22", "key-in-form-333", "bearer-4444-x", "cookie-55555-y")


@pytest.fixture(params=["httpx", "httpx2"])
def httpx(request: pytest.FixtureRequest) -> ModuleType:
    """httpx or httpx2."""
    return pytest.importorskip(request.param)


@pytest.fixture
def line(httpx: ModuleType) -> str:
    """The client under test."""
    return httpx.__name__


def shown(response: Any) -> dict[str, Any]:
    """Return what an application sees of a response, without its date."""
    # A compressed body comes back in the same encoding, of another length.
    hidden = ("date", "content-length" if "content-encoding" in response.headers else "")
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in hidden]
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "version": response.http_version,
        "headers": headers,
        "content": response.content,
        "encoding": response.encoding,
        "url": str(response.url),
        "history": [old.status_code for old in response.history],
        "closed": response.is_closed,
    }


@pytest.mark.promise("sync and async clients replay")
@pytest.mark.parametrize(
    "page", ["users/1", "pretty", "text", "binary", "nothing", "gzip", "deflate", "html", "old", "missing"]
)
def test_a_replayed_response_looks_like_the_real_one(
    httpx: ModuleType, runs: Runs, server: Server, page: str
) -> None:
    real, replayed = both(runs, server, lambda url: httpx.get(f"{url}/{page}"))

    assert shown(real) == shown(replayed)
    assert replayed.elapsed.total_seconds() >= 0
    assert replayed.request.method == "GET"


@pytest.mark.promise("sync and async clients replay")
@pytest.mark.parametrize("page", ["users/1", "gzip", "html"])
def test_the_async_client_replays_as_well(httpx: ModuleType, runs: Runs, server: Server, page: str) -> None:
    async def talk(url: str) -> Any:
        async with httpx.AsyncClient() as client:
            return await client.get(f"{url}/{page}")

    real, replayed = both(runs, server, lambda url: asyncio.run(talk(url)))

    assert shown(real) == shown(replayed)


def test_the_async_client_works_under_trio(httpx: ModuleType, runs: Runs, server: Server) -> None:
    trio = pytest.importorskip("trio")

    async def talk(url: str) -> Any:
        async with httpx.AsyncClient() as client:
            return await client.get(f"{url}/users/1")

    real, replayed = both(runs, server, lambda url: trio.run(talk, url))

    assert shown(real) == shown(replayed)


def test_http_2_gets_the_usual_reason(httpx: ModuleType, runs: Runs) -> None:
    exchange = Exchange(runs.port)
    request = HttpRequest("GET", "http://shop.test/missing", (), b"")
    recorder = exchange.recorder(exchange.begin(request), request)
    recorder.start(404, "", "HTTP/2", [])
    recorder.complete()
    runs.again("replay")

    response = httpx.get("http://shop.test/missing")

    assert (response.http_version, response.reason_phrase) == ("HTTP/2", "Not Found")


@pytest.mark.promise("streamed bodies and server-sent events replay chunk by chunk")
@pytest.mark.parametrize("page", ["events", "packed_events", "packed_lines", "chunks"])
def test_a_stream_replays_chunk_by_chunk(httpx: ModuleType, runs: Runs, server: Server, page: str) -> None:
    def talk(url: str) -> list[bytes]:
        with httpx.stream("GET", f"{url}/{page}") as response:
            return list(response.iter_bytes())

    real, replayed = both(runs, server, talk)

    secret, hidden = b"tok-4711-event", b"<redacted>"
    assert [chunk.replace(secret, hidden) for chunk in real] == replayed
    assert len(replayed) > 2


@pytest.mark.parametrize("page", ["long", "long?way=html", "long?way=gzip"])
def test_a_reader_can_stop_at_the_same_place(
    httpx: ModuleType, runs: Runs, server: Server, page: str
) -> None:
    """It reads as many chunks as while recording, whatever the body."""

    def talk(url: str) -> list[bytes]:
        with httpx.stream("GET", f"{url}/{page}") as response:
            return list(islice(response.iter_bytes(), 3))

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert len(replayed) == 3


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_reader_of_raw_bytes_can_stop_at_the_same_place(
    httpx: ModuleType, runs: Runs, server: Server, count: int
) -> None:
    """Some chunks of a compressed body decode to nothing."""

    def talk(url: str) -> tuple[int, bytes]:
        with httpx.stream("GET", f"{url}/packed_bit_by_bit") as response:
            chunks = list(islice(response.iter_raw(), count))
        return len(chunks), zlib.decompressobj(31).decompress(b"".join(chunks))

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert replayed[0] == count


@pytest.mark.promise("responses are stored as readable data")
def test_recorded_events_are_readable(httpx: ModuleType, runs: Runs, server: Server) -> None:
    with httpx.stream("GET", f"{server.url}/events") as response:
        lines = list(response.iter_lines())

    assert "".join(f"{line}\n" for line in lines) == "".join(EVENTS)
    [plain] = runs.plain
    assert plain["body"] == {
        "chunks": [EVENTS[0], 'event: note\ndata: {"access_token": "<redacted>"}\n\n', EVENTS[2]]
    }


@pytest.mark.promise("streamed bodies and server-sent events replay chunk by chunk")
def test_an_async_stream_replays_chunk_by_chunk(httpx: ModuleType, runs: Runs, server: Server) -> None:
    async def talk(url: str) -> list[str]:
        async with httpx.AsyncClient() as client, client.stream("GET", f"{url}/events") as response:
            return [text async for text in response.aiter_text() if text]

    real, replayed = both(runs, server, lambda url: asyncio.run(talk(url)))

    assert (
        [text.replace("tok-4711-event", "<redacted>") for text in real]
        == replayed
        == runs.plain[0]["body"]["chunks"]
    )


def test_recording_does_not_delay_chunks(httpx: ModuleType, runs: Runs, server: Server) -> None:
    """The application has the beginning before the server sends the rest."""
    with httpx.stream("GET", f"{server.url}/stall", timeout=5) as response:
        assert next(response.iter_bytes()) == b"the beginning"

    [plain] = runs.plain
    assert plain["end"] == "stopped"


def test_reading_further_than_recorded_is_a_miss(httpx: ModuleType, runs: Runs, server: Server) -> None:
    with httpx.stream("GET", f"{server.url}/events") as response:
        assert next(response.iter_text()) == EVENTS[0]
    runs.again("replay")

    with httpx.stream("GET", f"{server.url}/events") as response:
        chunks = response.iter_text()
        assert next(chunks) == EVENTS[0]
        with pytest.raises(MissingRecordingError, match="read further"):
            next(chunks)


@pytest.mark.promise("responses are stored as readable data")
def test_recorded_bodies_are_readable(httpx: ModuleType, runs: Runs, server: Server) -> None:
    for page in ("users/1", "gzip", "deflate", "text", "html", "nothing"):
        httpx.get(f"{server.url}/{page}")

    assert [plain.get("body") for plain in runs.plain] == [
        {"json": {"id": 1, "name": "Zoë", "page": None}},
        {"json": {"packed": True}, "style": "spaced", "compressed": "gzip"},
        {"text": "deflated text", "compressed": "deflate"},
        {"text": "Käse\r\nfür alle", "charset": "iso-8859-1"},
        {"text": "<p>one page</p>"},
        None,
    ]


@pytest.mark.promise("an HTTP request counts by method, URL and body")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"params": {"a": "1", "b": "2"}}, {"params": {"b": "2", "a": "1"}}),
        ({"json": {"a": 1, "b": [2]}}, {"content": b'{ "b": [2], "a": 1 }'}),
        ({"data": {"a": "1", "b": "2"}}, {"data": {"b": "2", "a": "1"}}),
        ({"files": {"f": ("n.txt", b"text")}}, {"files": {"f": ("n.txt", io.BytesIO(b"text"))}}),
        ({"headers": {"accept": "a/b"}}, {"headers": {"accept": "c/d"}}),
        ({"params": {"api_key": "one"}}, {"params": {"api_key": "two"}}),
        ({"json": {"password": "one"}}, {"json": {"password": "two"}}),
    ],
    ids=["query", "json", "form", "multipart", "headers", "secret query", "secret json"],
)
def test_equal_requests_are_the_same_call(
    httpx: ModuleType, runs: Runs, server: Server, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Order, layout, boundary strings, headers and secrets do not count."""
    httpx.post(f"{server.url}/users/1", **first)
    runs.again("replay")

    assert httpx.post(f"{server.url}/users/1", **second).json()["id"] == 1


@pytest.mark.promise("an HTTP request counts by method, URL and body")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"params": {"a": "1"}}, {"params": {"a": "2"}}),
        ({"params": {"a": "1"}}, {}),
        ({"json": {"a": 1}}, {"json": {"a": "1"}}),
        ({"json": {"a": None}}, {"json": {}}),
        ({"json": {"password": None}}, {"json": {"password": "x"}}),
        ({"json": {"a": "1"}}, {"data": {"a": "1"}}),
        ({"files": {"f": ("n.txt", b"text")}}, {"files": {"f": ("m.txt", b"text")}}),
        ({"files": {"f": ("n.bin", b"\xff")}}, {"files": {"f": ("n.bin", b"\xfe")}}),
        ({"content": b"\xff"}, {"content": b"\xfe"}),
    ],
    ids=["query", "no query", "json type", "json null", "null secret", "form", "filename", "file", "bytes"],
)
def test_different_requests_are_different_calls(
    httpx: ModuleType, runs: Runs, server: Server, first: dict[str, Any], second: dict[str, Any]
) -> None:
    httpx.post(f"{server.url}/users/1", **first)
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match=r"no recording of httpx2? POST /users/1"):
        httpx.post(f"{server.url}/users/1", **second)


@pytest.mark.promise("every call has a signature")
def test_a_call_has_a_signature_and_a_host(httpx: ModuleType, runs: Runs, server: Server) -> None:
    httpx.get(f"{server.url}/users/1?page=2")

    [call] = runs.calls
    assert (call.signature, call.host) == ("GET /users/1", "127.0.0.1")
    assert call.described == {"method": "GET", "url": f"{server.url}/users/1", "query": {"page": "2"}}
    assert call.parts["headers"]["accept"] == "*/*"


def test_uploads_are_sent_and_identify_the_call(httpx: ModuleType, runs: Runs, server: Server) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"half": '
        yield b"1}"

    def talk(url: str) -> list[str]:
        answers = [
            httpx.post(f"{url}/echo", content=parts()),
            httpx.post(f"{url}/echo", content=io.BytesIO(b"from a file")),
            httpx.post(
                f"{url}/echo", files={"f": ("n.txt", io.BytesIO(b"text"))}, data={"password": "pass-word-1"}
            ),
        ]
        return [answer.json()["body"] for answer in answers]

    real, replayed = both(runs, server, talk)

    assert real[:2] == replayed[:2] == ['{"half": 1}', "from a file"]
    assert "pass-word-1" in real[2]
    assert "pass-word-1" not in runs.text
    assert runs.calls[0].parts["body"] == {"half": 1}
    file = {"filename": "n.txt", "type": "text/plain", "content": "text"}
    assert runs.calls[2].parts["body"] == {"f": file, "password": "<redacted>"}


def test_an_async_upload_is_sent_and_identifies_the_call(
    httpx: ModuleType, runs: Runs, server: Server
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def talk(url: str) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{url}/echo", content=parts())).json()["body"]  # type: ignore[no-any-return]

    assert both(runs, server, lambda url: asyncio.run(talk(url))) == ("one two", "one two")


def test_each_redirect_is_a_call(httpx: ModuleType, runs: Runs, server: Server) -> None:
    """Cookies reach the jar and the next request, and the history is complete."""

    def talk(url: str) -> Any:
        with httpx.Client(follow_redirects=True) as client:
            response = client.get(f"{url}/redirect")
            return response.status_code, [old.status_code for old in response.history], list(client.cookies)

    real, replayed = both(runs, server, talk)

    assert real == replayed == (200, [302], ["hop"])
    assert [call.signature for call in runs.calls[:2]] == ["GET /redirect", "GET /landing"]


@pytest.mark.promise("redaction keeps a cookie's name and replaces its value")
def test_cookies_keep_names_and_do_not_expire(httpx: ModuleType, runs: Runs, server: Server) -> None:
    def talk(url: str) -> dict[str, str]:
        with httpx.Client() as client:
            client.get(f"{url}/cookies")
            return dict(client.cookies)

    real, replayed = both(runs, server, talk)

    assert real == {"session": "cookie-secret-123", "theme": "dark"}
    assert replayed == {"session": "<redacted>", "theme": "<redacted>"}


def test_authentication_and_hooks_are_real(httpx: ModuleType, runs: Runs, server: Server) -> None:
    seen = []

    class Challenge(httpx.Auth):  # type: ignore[misc, name-defined]
        def auth_flow(self, request: Any) -> Any:
            response = yield request
            if response.status_code == 401:
                request.headers["authorization"] = "Bearer bearer-4444-x"
                yield request

    def talk(url: str) -> Any:
        hooks = {"response": [lambda response: seen.append(response.status_code)]}
        with httpx.Client(auth=Challenge(), event_hooks=hooks) as client:
            return client.get(f"{url}/private/1").status_code

    real, replayed = both(runs, server, talk)

    # To the engine these are two calls of one identity: the n-th has the n-th outcome.
    assert (real, replayed, seen) == (200, 200, [401, 200, 401, 200])


@pytest.mark.promise("clients store, compare and replay redacted data")
def test_no_secret_is_stored(httpx: ModuleType, runs: Runs, server: Server) -> None:
    for request in (
        {"params": {"api_key": SECRETS[0]}},
        {"json": {"deep": [{"client_secret": SECRETS[1]}]}},
        {"data": {"password": SECRETS[2]}},
        {"headers": {"authorization": f"Bearer {SECRETS[3]}"}},
        {"headers": {"cookie": f"session={SECRETS[4]}"}},
    ):
        real = httpx.post(f"{server.url}/echo", **request)
        assert any(secret in real.text for secret in SECRETS)
    httpx.get(f"{server.url}/login")

    assert not [secret for secret in (*SECRETS, "tok-issued-42") if secret in runs.text]
    assert runs.plain[-1]["body"] == {
        "json": {"access_token": "<redacted>", "expires_in": 3600, "refresh_token": None}
    }


@pytest.mark.promise("redaction leaves live traffic alone, and identities use redacted data")
def test_an_issued_token_in_a_later_path_is_the_same_call(
    httpx: ModuleType, runs: Runs, server: Server
) -> None:
    """A replay sends the placeholder."""

    def talk(url: str) -> Any:
        token = httpx.get(f"{url}/login").json()["access_token"]
        return httpx.get(f"{url}/items/{token}").status_code

    assert both(runs, server, talk) == (200, 200)
    assert "tok-issued-42" not in runs.text


def test_a_token_issued_in_xml_is_the_same_call_later(httpx: ModuleType, runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        document = ElementTree.fromstring(httpx.get(f"{url}/markup").content)
        return document.get("key"), httpx.get(f"{url}/items/{document.findtext('token')}").status_code

    assert both(runs, server, talk) == (("1", 200), ("1", 200))
    assert "tok-0819-xml" not in runs.text


@pytest.mark.promise("responses and errors replay as the client's own objects")
@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("hang", "ReadTimeout"),
        ("refuse", "RemoteProtocolError"),
        ("broken", "RemoteProtocolError"),
        ("short", "RemoteProtocolError"),
    ],
)
def test_client_errors_are_recorded(
    httpx: ModuleType, runs: Runs, server: Server, page: str, name: str
) -> None:
    timeout = 0.2 if name == "ReadTimeout" else None

    def talk(url: str) -> tuple[str, str]:
        with pytest.raises(getattr(httpx, name)) as caught:
            httpx.get(f"{url}/{page}", timeout=timeout)
        assert caught.value.request.method == "GET"
        return type(caught.value).__name__, str(caught.value)

    real, replayed = both(runs, server, talk)

    assert real == replayed


def test_a_refused_connection_keeps_host_and_reason(httpx: ModuleType, runs: Runs) -> None:
    with pytest.raises(httpx.ConnectError, match="refused"):
        httpx.get(f"{NOWHERE}/users/1")
    runs.again("replay")

    with pytest.raises(httpx.ConnectError, match="refused"):
        httpx.get(f"{NOWHERE}/users/1")
    assert runs.plain[0]["error"]["type"] == f"{httpx.__name__}:ConnectError"


@pytest.mark.parametrize("mode", ["record", "replay"])
@pytest.mark.parametrize("url", ["nowhere", "https://", "http://127.0.0.1:123456/"])
def test_the_client_refuses_an_invalid_url(httpx: ModuleType, runs: Runs, mode: Any, url: str) -> None:
    runs.again(mode)

    with pytest.raises(httpx.TransportError):
        httpx.get(url)


def test_a_broken_stream_replays_its_beginning_and_breaks(
    httpx: ModuleType, runs: Runs, server: Server
) -> None:
    def talk(url: str) -> list[bytes]:
        chunks = []
        with httpx.stream("GET", f"{url}/broken") as response, pytest.raises(httpx.RemoteProtocolError):
            chunks.extend(response.iter_bytes())
        return chunks

    assert both(runs, server, talk) == ([b"first", b"second"], [b"first", b"second"])


def test_a_broken_async_stream_replays_its_beginning(httpx: ModuleType, runs: Runs, server: Server) -> None:
    async def read(url: str) -> list[bytes]:
        chunks: list[bytes] = []

        async def collect(response: Any) -> None:
            async for chunk in response.aiter_bytes():
                chunks.append(chunk)

        async with httpx.AsyncClient() as client, client.stream("GET", f"{url}/broken") as response:
            with pytest.raises(httpx.RemoteProtocolError):
                await collect(response)
        return chunks

    real, replayed = both(runs, server, lambda url: asyncio.run(read(url)))

    assert real == replayed == [b"first", b"second"]


def test_a_partly_read_async_stream_is_recorded(httpx: ModuleType, runs: Runs, server: Server) -> None:
    """Even if the event loop closes its iterator before the response."""

    async def talk() -> None:
        async with httpx.AsyncClient() as client, client.stream("GET", f"{server.url}/events") as response:
            async for _ in response.aiter_raw():
                break
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(talk())

    [plain] = runs.plain
    assert plain["end"] == "stopped"


def test_a_body_whose_reading_is_cancelled_is_not_recorded(
    httpx: ModuleType, runs: Runs, server: Server
) -> None:
    async def talk() -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(f"{server.url}/stall"), 0.2)

    asyncio.run(talk())

    assert (runs.plain, runs.abandoned) == ([], 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
def test_an_interrupted_body_is_not_recorded(httpx: ModuleType, runs: Runs, server: Server) -> None:
    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with httpx.stream("GET", f"{server.url}/stall") as response:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                response.read()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_an_exception_of_other_code_is_not_recorded(httpx: ModuleType, runs: Runs, server: Server) -> None:
    def trace(event: str, _info: Any) -> None:
        raise LookupError(event)

    with httpx.Client() as client, pytest.raises(LookupError, match="connect_tcp"):
        client.get(f"{server.url}/users/1", extensions={"trace": trace})

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_a_cancelled_call_is_not_recorded(httpx: ModuleType, runs: Runs, server: Server) -> None:
    async def talk() -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(f"{server.url}/hang"), 0.1)

    asyncio.run(talk())

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_verifying_compares_status_and_body(httpx: ModuleType, runs: Runs, server: Server) -> None:
    httpx.get(f"{server.url}/users/1")
    httpx.get(f"{server.url}/flaky")
    runs.again("verify")

    httpx.get(f"{server.url}/users/1")
    assert not runs.drifts()
    assert httpx.get(f"{server.url}/flaky").json() == {"try": 1}
    assert "body.try: 1 recorded, 2 now" in runs.drifts()
    assert server.seen == ["GET /users/1", "GET /flaky"] * 2


@pytest.mark.promise("in-process test clients and transports are never intercepted")
def test_in_process_transports_are_left_alone(httpx: ModuleType, runs: Runs) -> None:
    def app(environ: dict[str, Any], start: Callable[..., None]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"wsgi"]

    for transport in (
        httpx.MockTransport(lambda _: httpx.Response(200, text="mock")),
        httpx.WSGITransport(app=app),
    ):
        with httpx.Client(transport=transport) as client:
            assert client.get("http://inside/").text in ("mock", "wsgi")
    assert runs.calls == []


def test_a_proxy_does_not_change_the_call(httpx: ModuleType, runs: Runs, server: Server) -> None:
    if "proxy" not in inspect.signature(httpx.Client).parameters:
        pytest.skip("this httpx says proxies")

    def talk(url: str) -> Any:
        with httpx.Client(proxy=url) as client:
            return client.get("http://elsewhere.example/users/1").json()["id"]

    assert both(runs, server, talk) == (1, 1)
    assert runs.calls[0].host == "elsewhere.example"


def test_a_unix_socket_does_not_change_the_call(httpx: ModuleType, runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    def talk() -> Any:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            return client.get("http://docker/users/1").json()["id"]

    with running_unix_server(path):
        assert talk() == 1
    runs.again("replay")

    assert talk() == 1


def test_websockets_are_left_alone(httpx: ModuleType, runs: Runs, server: Server) -> None:
    runs.again("replay")

    response = httpx.get(f"{server.url}/users/1", headers={"connection": "upgrade", "upgrade": "websocket"})

    assert (response.status_code, runs.calls) == (200, [])


@pytest.mark.promise("a call that is left out runs for real and is not recorded")
@pytest.mark.parametrize("mode", ["off", "pass"])
def test_an_excluded_call_is_real(httpx: ModuleType, runs: Runs, server: Server, mode: Any) -> None:
    runs.again(mode)

    async def ask() -> Any:
        async with httpx.AsyncClient() as client:
            return await client.get(f"{server.url}/users/1")

    assert httpx.get(f"{server.url}/users/1").json()["id"] == 1
    assert asyncio.run(ask()).json()["id"] == 1
    assert runs.plain == []


def test_a_hundred_concurrent_requests_get_their_own_replies(
    httpx: ModuleType, runs: Runs, server: Server
) -> None:
    async def talk(url: str) -> list[str]:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=20)) as client:
            answers = await asyncio.gather(*(client.get(f"{url}/items/{number}") for number in range(100)))
            return [answer.json()["path"] for answer in answers]

    real, replayed = both(runs, server, lambda url: asyncio.run(talk(url)))

    assert real == replayed == [f"/items/{number}" for number in range(100)]

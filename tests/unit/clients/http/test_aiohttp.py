"""The client of aiohttp, recorded with a real server and replayed without it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.http_server import EVENTS, NOWHERE, Server, running_unix_server

from pytest_mimic.errors import MissingRecordingError
from unit.clients.http.four_ways import both as both_ways
from unit.clients.runs import Runs

aiohttp = pytest.importorskip("aiohttp")


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "aiohttp"


def run(talk: Callable[[Any, str], Awaitable[Any]], server: Server, **options: Any) -> Any:
    """Run a conversation in a session."""

    async def main() -> Any:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), **options) as session:
            return await talk(session, server.url)

    return asyncio.run(main())


def both(
    runs: Runs, server: Server, talk: Callable[[Any, str], Awaitable[Any]], **options: Any
) -> tuple[Any, Any]:
    """Return what a conversation gives while it is recorded, and after the server is gone."""
    return both_ways(runs, server, lambda _: run(talk, server, **options))


async def shown(response: Any) -> dict[str, Any]:
    """Return what an application sees of a response, without its date."""
    body = await response.read()
    # A compressed body comes back in the same encoding, of another length.
    hidden = ("Date", "Content-Length" if "Content-Encoding" in response.headers else "")
    return {
        "status": response.status,
        "reason": response.reason,
        "version": response.version,
        "headers": [(name, value) for name, value in response.headers.items() if name not in hidden],
        "raw_headers": [pair for pair in response.raw_headers if pair[0].decode() not in hidden],
        "content": body,
        "text": None if response.content_type == "application/octet-stream" else await response.text(),
        "method": response.method,
        "url": response.url,
        "real_url": response.real_url,
        "info": (response.request_info.method, response.request_info.url),
        "history": [old.status for old in response.history],
        "connection": response.connection,
        "closed": response.closed,
        "ok": response.ok,
    }


@pytest.mark.promise("sync and async clients replay")
@pytest.mark.parametrize(
    "page",
    ["users/1?a=1#here", "pretty", "text", "binary", "nothing", "gzip", "deflate", "html", "old", "missing"],
)
def test_a_replayed_response_looks_like_the_real_one(runs: Runs, server: Server, page: str) -> None:
    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/{page}") as response:
            return await shown(response)

    real, replayed = both(runs, server, talk)

    assert real == replayed


def test_a_session_can_read_compressed_bodies(runs: Runs, server: Server) -> None:
    import gzip

    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/gzip") as response:
            return gzip.decompress(await response.read())

    assert both(runs, server, talk, auto_decompress=False) == (b'{"packed": true}',) * 2


@pytest.mark.parametrize("page", ["events", "packed_events", "packed_lines", "chunks"])
def test_a_stream_replays_chunk_by_chunk(runs: Runs, server: Server, page: str) -> None:
    async def talk(session: Any, url: str) -> list[bytes]:
        async with session.get(f"{url}/{page}") as response:
            return [chunk async for chunk, end in response.content.iter_chunks() if end or chunk]

    real, replayed = both(runs, server, talk)

    assert b"".join(real).replace(b"tok-4711-event", b"<redacted>") == b"".join(replayed)
    assert len(replayed) >= 3
    assert len(runs.plain[0]["body"]["chunks"]) >= 3


async def errors_of(*reads: Callable[[], Awaitable[bytes]]) -> list[Any]:
    """Return what each read gives: the data, or the name of its exception and the text."""
    found: list[Any] = []
    for read in reads:
        try:
            found.append(await read())
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


@pytest.mark.parametrize(
    ("method", "page"),
    [
        ("GET", "nothing"),
        ("GET", "tagged"),
        ("HEAD", "users/1"),
        ("HEAD", "gzip"),
        ("GET", "users/1"),
        ("GET", "redirect"),
    ],
)
def test_a_read_after_close_gives_the_same(runs: Runs, server: Server, method: str, page: str) -> None:
    """Nothing, if the response has no body (204, 304, HEAD), else an exception of aiohttp."""

    async def talk(session: Any, url: str) -> list[Any]:
        headers = {"If-None-Match": '"one"'}
        response = await session.request(method, f"{url}/{page}", headers=headers, allow_redirects=False)
        response.close()
        return await errors_of(response.read, response.read)

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert (real[0] == b"") == (method == "HEAD" or page in ("nothing", "tagged"))


@pytest.mark.parametrize("reads", [0, 1])
@pytest.mark.parametrize("page", ["users/1", "events", "long", "long?way=html", "stall"])
def test_a_read_after_its_session_closed_gives_the_same(
    runs: Runs, server: Server, page: str, reads: int
) -> None:
    """The rest of a body that had not arrived is no miss: it cannot be read in a live run either."""

    async def talk(session: Any, url: str) -> list[Any]:
        response = await session.get(f"{url}/{page}")
        if page == "events":  # all of it has arrived
            await response.content.wait_eof()
        for _ in range(reads):
            await response.content.readany()
        await session.close()
        read = await errors_of(response.read, response.read, response.content.readany)
        return [None if isinstance(each, bytes) else each for each in read]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert runs.state.ledger.missing == []


@pytest.mark.parametrize("page", ["long", "long?way=html", "long?way=gzip"])
def test_a_reader_can_stop_at_the_same_place(runs: Runs, server: Server, page: str) -> None:
    """It reads as many chunks as while recording, whatever the body."""

    async def talk(session: Any, url: str) -> list[bytes]:
        async with session.get(f"{url}/{page}") as response:
            return [await response.content.readany() for _ in range(3)]

    real, replayed = both(runs, server, talk)

    assert b"".join(real).startswith(b"".join(replayed))
    assert all(replayed)


def test_an_empty_body_ends_when_it_is_read(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> list[tuple[bytes, bool]]:
        found = []
        for _ in range(2):
            async with session.get(f"{url}/redirect", allow_redirects=False) as response:
                found += [await response.content.readchunk(), await response.content.readchunk()]
        return found

    assert both(runs, server, talk) == ([(b"", False)] * 4,) * 2


@pytest.mark.parametrize("page", ["events", "users/1", "chunks"])
@pytest.mark.parametrize(
    "way", ["iter_any", "iter_chunked", "readline", "read parts", "readexactly", "lines"]
)
def test_all_ways_to_read_a_body_work(runs: Runs, server: Server, page: str, way: str) -> None:
    async def read(content: Any) -> list[bytes]:
        if way == "iter_any":
            return [part async for part in content.iter_any()]
        if way == "iter_chunked":
            return [part async for part in content.iter_chunked(7)]
        if way == "readline":
            return [await content.readline(), await content.read()]
        if way == "read parts":
            return [await content.read(3), await content.read(4), await content.read()]
        if way == "readexactly":
            return [await content.readexactly(9), await content.read()]
        return [line async for line in content]

    async def talk(session: Any, url: str) -> list[bytes]:
        async with session.get(f"{url}/{page}") as response:
            return await read(response.content)

    real, replayed = both(runs, server, talk)

    assert b"".join(real).replace(b"tok-4711-event", b"<redacted>") == b"".join(replayed)


@pytest.mark.promise("streamed bodies and server-sent events replay chunk by chunk")
def test_each_read_returns_one_event(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> list[bytes]:
        async with session.get(f"{url}/events") as response:
            return [part async for part in response.content.iter_any()]

    _, replayed = both(runs, server, talk)

    hidden = 'event: note\ndata: {"access_token": "<redacted>"}\n\n'
    assert [part.decode() for part in replayed] == [EVENTS[0], hidden, EVENTS[2]]


def test_an_empty_chunk_ends_a_chunked_body(runs: Runs, server: Server) -> None:
    """aiohttp reports the end after the last chunk, with an empty one."""

    async def talk(session: Any, url: str) -> list[tuple[bytes, bool]]:
        async with session.get(f"{url}/chunks") as response:
            return [item async for item in response.content.iter_chunks()]

    _, replayed = both(runs, server, talk)

    chunks = (b"one,", b"two,", b"\xff\x00,", b"four", b"")
    assert replayed == [(chunk, True) for chunk in chunks]


def test_recording_does_not_delay_chunks(runs: Runs, server: Server) -> None:
    """The application has the beginning before the server sends the rest."""

    async def talk(session: Any, url: str) -> bytes:
        async with session.get(f"{url}/stall") as response:
            return await response.content.read(5)  # type: ignore[no-any-return]

    assert run(talk, server) == b"the b"
    [plain] = runs.plain
    assert (plain["end"], plain["body"]) == ("stopped", {"text": "the b"})


def test_reading_further_than_recorded_is_a_miss(runs: Runs, server: Server) -> None:
    async def stop(session: Any, url: str) -> None:
        async with session.get(f"{url}/stall") as response:
            await response.content.readany()

    async def look(session: Any, url: str) -> int:
        async with session.get(f"{url}/stall") as response:
            return response.status  # type: ignore[no-any-return]

    async def go_on(session: Any, url: str) -> None:
        async with session.get(f"{url}/stall") as response:
            await response.read()

    run(stop, server)
    runs.again("replay")

    assert run(look, server) == 200
    assert runs.state.ledger.missing == []
    with pytest.raises(MissingRecordingError, match="read further"):
        run(go_on, server)


def test_uploads_are_sent_and_identify_the_call(runs: Runs, server: Server) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"half": '
        yield b"1}"

    def form() -> Any:
        form = aiohttp.FormData()
        form.add_field("password", "pass-word-1")
        form.add_field("f", io.BytesIO(b"text"), filename="n.txt", content_type="text/plain")
        return form

    async def talk(session: Any, url: str) -> list[str]:
        bodies = [
            {"data": parts()},
            {"data": io.BytesIO(b"from a file")},
            {"json": {"a": 1}},
            {"data": {"a": "1"}},
            {"data": form()},
            {"data": b"packed", "compress": "deflate"},
        ]
        found = []
        for body in bodies:
            async with session.post(f"{url}/echo", **body) as response:
                found.append((await response.json())["body"])
        return found

    real, replayed = both(runs, server, talk)

    assert real[:4] == replayed[:4] == ['{"half": 1}', "from a file", '{"a": 1}', "a=1"]
    assert "pass-word-1" in real[4]
    assert "pass-word-1" not in runs.text
    file = {"filename": "n.txt", "type": "text/plain", "content": "text"}
    bodies = [call.parts["body"] for call in runs.calls[:6]]
    assert bodies == [
        {"half": 1},
        "from a file",
        {"a": 1},
        {"a": "1"},
        {"password": "<redacted>", "f": file},
        "packed",
    ]


def test_expect_100_continue_works_without_a_server(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> str:
        async with session.post(f"{url}/echo", data=b"waited", expect100=True) as response:
            return (await response.json())["body"]  # type: ignore[no-any-return]

    assert both(runs, server, talk) == ("waited", "waited")


def test_each_redirect_is_a_call(runs: Runs, server: Server) -> None:
    """Cookies reach the jar and the next request, and the history is complete."""

    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/redirect") as response:
            jar = [cookie.key for cookie in session.cookie_jar]
            return response.status, [old.status for old in response.history], jar, await response.json()

    real, replayed = both(runs, server, talk)

    assert real[:3] == replayed[:3] == (200, [302], ["hop"])
    assert [call.signature for call in runs.calls[:2]] == ["GET /redirect", "GET /landing"]
    assert "hop-cookie-99" not in runs.text


def test_a_redirect_can_send_the_body_again(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> str:
        async with session.post(f"{url}/again", data=io.BytesIO(b"twice")) as response:
            return (await response.json())["body"]  # type: ignore[no-any-return]

    assert both(runs, server, talk) == ("twice", "twice")


def test_cookies_keep_names_and_do_not_expire(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/cookies") as response:
            jar = {cookie.key: cookie.value for cookie in session.cookie_jar}
            return jar, {name: morsel.value for name, morsel in response.cookies.items()}

    real, replayed = both(runs, server, talk)

    cookies = {"session": "cookie-secret-123", "theme": "dark"}
    hidden = dict.fromkeys(cookies, "<redacted>")
    assert (real, replayed) == ((cookies, cookies), (hidden, hidden))


def test_session_features_work_in_a_replay(runs: Runs, server: Server) -> None:
    """Middlewares, trace configs, authentication and raise_for_status are real."""
    seen = []

    async def retry(request: Any, handler: Any) -> Any:
        response = await handler(request)
        seen.append(response.status)
        if response.status == 200:
            return response
        response.release()
        return await retry(request, handler)

    def tracing() -> Any:
        config = aiohttp.TraceConfig()

        async def end(*_: Any) -> None:
            seen.append("end")

        config.on_request_end.append(end)
        return config

    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/flaky", middlewares=[retry]) as response:
            tries = (await response.json())["try"]
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await session.get(f"{url}/missing", raise_for_status=True)
        return tries, caught.value.status

    headers = {"Authorization": "Bearer bearer-4444-x"}
    real, replayed = both(runs, server, talk, headers=headers, trace_configs=[tracing()])

    assert real == replayed == (3, 404)
    assert seen == [503, 503, 200, "end"] * 2
    assert "bearer-4444-x" not in runs.text


def test_no_secret_is_stored(runs: Runs, server: Server) -> None:
    secrets = ("key-in-query-1", "key-in-json-22", "key-in-form-333", "bearer-4444-x", "cookie-55555-y")

    async def talk(session: Any, url: str) -> list[str]:
        found = []
        for request in (
            {"params": {"api_key": secrets[0]}},
            {"json": {"deep": [{"client_secret": secrets[1]}]}},
            {"data": {"password": secrets[2]}},
            {"headers": {"authorization": f"Bearer {secrets[3]}"}},
            {"cookies": {"session": secrets[4]}},
        ):
            async with session.post(f"{url}/echo", **request) as response:
                found.append(await response.text())
        async with session.get(f"{url}/login") as response:
            token = (await response.json())["access_token"]
        async with session.get(f"{url}/items/{token}") as response:
            found.append(await response.text())
        return found

    real, _ = both(runs, server, talk)

    assert [secret for secret in secrets if secret in "".join(real)] == list(secrets)
    assert not [secret for secret in (*secrets, "tok-issued-42") if secret in runs.text]


@pytest.mark.parametrize(
    ("page", "name", "timeout"),
    [
        ("hang", "TimeoutError", {"total": 0.2}),
        ("hang", "SocketTimeoutError", {"sock_read": 0.2}),
        ("stall", "TimeoutError", {"total": 0.2}),
        ("stall", "SocketTimeoutError", {"sock_read": 0.2}),
        ("refuse", "ServerDisconnectedError", {}),
        ("broken", "ClientPayloadError", {}),
        ("short", "ClientPayloadError", {}),
        ("babble", "ClientResponseError", {}),
    ],
)
def test_client_errors_are_recorded(
    runs: Runs, server: Server, page: str, name: str, timeout: dict[str, float]
) -> None:
    async def talk(session: Any, url: str) -> tuple[str, str]:
        with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)) as caught:
            async with session.get(f"{url}/{page}", timeout=aiohttp.ClientTimeout(**timeout)) as response:
                await response.read()
        return type(caught.value).__name__, str(caught.value)

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert real[0] == name


def test_a_refused_connection_keeps_host_and_reason(runs: Runs, server: Server) -> None:
    async def talk(session: Any, _: str) -> tuple[Any, ...]:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"{NOWHERE}/users/1")
        return caught.value.host, caught.value.os_error.errno, type(caught.value).__name__

    real = run(talk, server)
    runs.again("replay")

    assert run(talk, server) == real


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://proxy.invalid:3128"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_error_of_a_proxy_names_the_proxy(runs: Runs, server: Server, scheme: str, proxy: str) -> None:
    async def talk(session: Any, _: str) -> tuple[Any, ...]:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"{scheme}://elsewhere.example/", proxy=proxy)
        error = caught.value
        return type(error).__name__, str(error), error.host, error.port, error.ssl

    real = run(talk, server)
    runs.again("replay")

    assert run(talk, server) == real
    assert real[2] in proxy


def test_a_cancelled_call_is_not_recorded(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.get(f"{url}/hang"), 0.1)

    run(talk, server)

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_a_body_whose_reading_is_cancelled_is_not_recorded(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> None:
        async with session.get(f"{url}/stall") as response:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(response.read(), 0.1)

    run(talk, server)

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_a_body_read_to_its_end_after_a_timeout_is_recorded(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> None:
        async with session.get(f"{url}/stall") as response:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(response.content.readexactly(100), 0.1)
            server.stopping.set()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()

    run(talk, server)

    assert [plain["error"]["type"] for plain in runs.plain] == ["aiohttp:ClientPayloadError"]


@pytest.mark.parametrize("page", ["flaky", "changing"])
def test_verifying_reports_a_difference_to_the_reader(runs: Runs, server: Server, page: str) -> None:
    async def talk(session: Any, url: str) -> None:
        async with session.get(f"{url}/users/1") as response:
            await response.read()
        async with session.get(f"{url}/{page}") as response:
            await response.read()

    run(talk, server)
    runs.again("verify")

    run(talk, server)

    assert "no longer gives what was recorded" in runs.drifts()


@pytest.mark.promise("replay opens no connection")
def test_a_replay_resolves_no_host_name(runs: Runs, server: Server) -> None:
    async def resolved(session: Any, url: str) -> int:
        port = int(url.rpartition(":")[2])
        connector = aiohttp.TCPConnector(resolver=_Here())
        url = f"http://elsewhere.example:{port}/users/1"
        async with aiohttp.ClientSession(connector=connector) as own, own.get(url) as response:
            return response.status  # type: ignore[no-any-return]

    assert both(runs, server, resolved) == (200, 200)
    assert runs.calls[0].host == "elsewhere.example"


def test_a_proxy_does_not_change_the_call(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> Any:
        async with session.get("http://elsewhere.example/users/1", proxy=url) as response:
            return (await response.json())["id"]

    assert both(runs, server, talk) == (1, 1)
    assert runs.calls[0].host == "elsewhere.example"


def test_a_unix_socket_does_not_change_the_call(runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def talk() -> Any:
        connector = aiohttp.UnixConnector(str(path))
        url = "http://docker/users/1"
        async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
            return (await response.json())["id"]

    with running_unix_server(path):
        assert asyncio.run(talk()) == 1
    runs.again("replay")

    assert asyncio.run(talk()) == 1


class _Here(aiohttp.abc.AbstractResolver):  # type: ignore[misc, name-defined]
    """Resolves every name to loopback."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


@pytest.mark.promise("in-process test clients and transports are never intercepted")
def test_the_test_client_is_left_alone(runs: Runs) -> None:
    """Its server is the application under test."""
    from aiohttp import test_utils, web

    async def main() -> str:
        async def page(_: web.Request) -> web.Response:
            return web.Response(text="in process")

        app = web.Application()
        app.router.add_get("/", page)
        async with test_utils.TestClient(test_utils.TestServer(app)) as client:
            return await (await client.get("/")).text()

    assert asyncio.run(main()) == "in process"
    assert runs.calls == []


def test_websockets_are_left_alone(runs: Runs) -> None:
    from aiohttp import test_utils, web

    async def main() -> str:
        async def page(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("hello")
            await socket.close()
            return socket

        app = web.Application()
        app.router.add_get("/", page)
        async with (
            test_utils.TestServer(app) as server,
            aiohttp.ClientSession() as session,
            session.ws_connect(server.make_url("/")) as socket,
        ):
            return await socket.receive_str()  # type: ignore[no-any-return]

    runs.again("replay")

    assert asyncio.run(main()) == "hello"


@pytest.mark.parametrize("mode", ["off", "pass"])
def test_an_excluded_call_is_real(runs: Runs, server: Server, mode: Any) -> None:
    runs.again(mode)

    async def talk(session: Any, url: str) -> Any:
        async with session.get(f"{url}/users/1") as response:
            return (await response.json())["id"]

    assert run(talk, server) == 1
    assert runs.plain == []


def test_a_hundred_concurrent_requests_get_their_own_replies(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> list[str]:
        async def one(number: int) -> str:
            async with session.get(f"{url}/items/{number}") as response:
                return (await response.json())["path"]  # type: ignore[no-any-return]

        return await asyncio.gather(*(one(number) for number in range(100)))

    real, replayed = both(runs, server, talk)

    assert real == replayed == [f"/items/{number}" for number in range(100)]


def test_a_recorded_connection_returns_to_its_pool(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> list[int]:
        return [(await (await session.get(f"{url}/items/{number}")).json())["path"] for number in range(3)]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert len(runs.plain) == 3

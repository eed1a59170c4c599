"""What each HTTP adapter keeps: one set of tests, which knows a client only through its driver."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from support.http_drivers import DRIVERS, FAILURES, Answer, Ask, Driver
from support.http_server import Server, running_server

from pytest_mimic._clients.http.body import load_body
from pytest_mimic.errors import MissingRecordingError
from unit.clients.http.four_ways import both, four_ways, same
from unit.clients.runs import Runs

PAGES = "users/1 pretty text binary nothing gzip deflate html old older chunks missing".split()
SYNC = [driver for driver in DRIVERS if not driver.is_async]
ASYNC = [driver for driver in DRIVERS if driver.is_async]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECRETS = ("key-in-query-1", "key-in-json-22", "key-in-form-333", "bearer-4444-x", "cookie-55555-y")


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    """The client under test."""
    found: Driver = request.param
    pytest.importorskip(found.line)
    return found


@pytest.fixture
def line(driver: Driver) -> str:
    """The line of the client."""
    return driver.line


def ways(drivers: list[Driver]) -> list[Any]:
    """Return each driver with each of its ways to read a body."""
    return [pytest.param(each, way, id=f"{each.name}-{way}") for each in drivers for way in each.readings]


def each_of(drivers: list[Driver]) -> Any:
    """Return the parameters of a test for some of the drivers."""
    return pytest.mark.parametrize("driver", drivers, ids=lambda driver: driver.name)


def hidden(seen: Any) -> Any:
    """Return what was seen live as a replay shows it."""
    if isinstance(seen, bytes):
        return seen.replace(b"tok-4711-event", b"<redacted>")
    return seen.replace("tok-4711-event", "<redacted>") if isinstance(seen, str) else seen


def multipart(filename: str, content: bytes, boundary: str) -> dict[str, Any]:
    """Return the body of a form with a file, and its header."""
    head = f'Content-Disposition: form-data; name="f"; filename="{filename}"\r\nContent-Type: text/plain'
    body = b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (
        boundary.encode(),
        head.encode(),
        content,
        boundary.encode(),
    )
    return {"body": body, "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"}}


# Responses


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_looks_like_the_real_one(driver: Driver, runs: Runs, server: Server, method: str) -> None:
    pages = PAGES if method == "GET" else ["users/1", "nothing", "gzip", "tagged", "missing"]
    if not driver.decodes:  # bytes in another encoding of the same data
        pages = [page for page in pages if page not in ("gzip", "deflate")]

    def talk(url: str) -> list[Answer]:
        return driver.talk(url, *(Ask(f"/{page}", method) for page in pages))

    answers = dict(zip(pages, same(runs, server, talk), strict=True))

    assert [answers[page].status for page in ("users/1", "nothing", "missing")] == [200, 204, 404]
    assert runs.signatures == [f"{method} /{page}" for page in pages]


@pytest.mark.parametrize(("driver", "way"), ways(DRIVERS))
def test_a_body_can_be_read_in_each_way(driver: Driver, runs: Runs, server: Server, way: str) -> None:
    def talk(url: str) -> list[Any]:
        # The chunks of a document are no part of its outcome, nor are the pieces in which a body ends with its connection.
        answers = driver.talk(url, *(Ask(f"/{page}", read=way) for page in ("users/1", "nothing", "chunks")))
        return [answer._replace(body=joined(answer.body)) for answer in answers]

    same(runs, server, talk)

    assert runs.plain[0]["body"] == {"json": {"id": 1, "name": "Zoë", "page": None}}


def joined(body: Any) -> Any:
    """Return pieces of bytes as one; aiohttp may read several at once."""
    if isinstance(body, list) and body and all(isinstance(piece, bytes) for piece in body):
        return b"".join(body)
    if isinstance(body, list) and body and isinstance(body[0], tuple):
        return b"".join(piece for piece, _ in body)
    return body


@pytest.mark.parametrize("page", ["events", "packed_events", "packed_lines", "chunks"])
def test_a_stream_replays_chunk_by_chunk(driver: Driver, runs: Runs, server: Server, page: str) -> None:
    if page.startswith("packed") and not driver.decodes:
        pytest.skip("its reader sees compressed bytes")

    def talk(url: str) -> list[bytes]:
        return driver.talk(url, Ask(f"/{page}", read="chunks"))[0].body

    live, recorded, verified, replayed = four_ways(runs, server, talk)

    if driver.line == "aiohttp":  # live, it may read several chunks at once
        live, recorded, verified = ([b"".join(seen)] for seen in (live, recorded, verified))
        assert len(replayed) > 2
        replayed = [b"".join(replayed)]
    assert live == recorded == verified
    assert [hidden(chunk) for chunk in live] == replayed
    assert len(load_body(runs.plain[0]["body"])) >= 3


def test_recorded_events_are_readable(driver: Driver, runs: Runs, server: Server) -> None:
    driver.talk(server.url, Ask("/events", read="chunks"))

    note = {"event": "note", "json": {"access_token": "<redacted>"}}
    events = [{"json": {"delta": "Grüß"}}, note, {"data": "[DONE]"}]
    assert runs.plain[0]["body"] == {"events": events, "style": "spaced"}


def test_recorded_bodies_are_readable(driver: Driver, runs: Runs, server: Server) -> None:
    driver.talk(
        server.url, *(Ask(f"/{page}") for page in ("users/1", "gzip", "deflate", "text", "html", "nothing"))
    )

    assert [plain.get("body") for plain in runs.plain] == [
        {"json": {"id": 1, "name": "Zoë", "page": None}},
        {"json": {"packed": True}, "style": "spaced", "compressed": "gzip"},
        {"text": "deflated text", "compressed": "deflate"},
        {"text": "Käse\r\nfür alle", "charset": "iso-8859-1"},
        {"text": "<p>one page</p>"},
        None,
    ]


@pytest.mark.parametrize("page", ["long", "long?way=html", "long?way=gzip"])
def test_a_reader_can_stop_at_the_same_place(driver: Driver, runs: Runs, server: Server, page: str) -> None:
    """It reads as much as while recording, whatever the body."""
    if "gzip" in page and not driver.decodes:
        pytest.skip("its reader sees compressed bytes")
    way = "parts" if page == "long" and driver.line in ("requests", "urllib3", "http.client") else "chunks"

    def talk(url: str) -> list[bytes]:
        return driver.talk(url, Ask(f"/{page}", read=way, stop=3))[0].body

    real, replayed = both(runs, server, talk)

    if driver.line in ("aiohttp", "http.client"):  # they may read more at once live
        assert b"".join(real).startswith(b"".join(replayed))
    else:
        assert real == replayed
    assert runs.plain[0]["end"] == "stopped"


def test_recording_does_not_delay_chunks(driver: Driver, runs: Runs, server: Server) -> None:
    """The application has the beginning before the server sends the rest."""
    [answer] = driver.talk(server.url, Ask("/stall", read="parts", stop=3))

    assert b"the beginning".startswith(b"".join(answer.body)[:12])
    [plain] = runs.plain
    assert plain["end"] == "stopped"


def test_reading_further_than_recorded_is_a_miss(driver: Driver, runs: Runs, server: Server) -> None:
    [answer] = driver.talk(server.url, Ask("/stall", read="parts", stop=2))
    runs.again("replay")

    assert driver.talk(server.url, Ask("/stall", read="parts", stop=2))[0].body == answer.body
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="read further"):
        driver.talk(server.url, Ask("/stall", read="parts"))


# Requests


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Ask("/users/1?a=1&b=2"), Ask("/users/1?b=2&a=1")),
        (Ask("", body=b'{"a":1,"b":[2]}', headers=JSON), Ask("", body=b'{ "b": [2], "a": 1 }', headers=JSON)),
        (Ask("", body=b"a=1&b=2", headers=FORM), Ask("", body=b"b=2&a=1", headers=FORM)),
        (Ask("", **multipart("n.txt", b"text", "one")), Ask("", **multipart("n.txt", b"text", "two"))),
        (Ask("", headers={"Accept-Language": "en"}), Ask("", headers={"Accept-Language": "nb"})),
        (Ask("/users/1?api_key=one"), Ask("/users/1?api_key=two")),
        (
            Ask("", body=b'{"password":"one"}', headers=JSON),
            Ask("", body=b'{"password":"two"}', headers=JSON),
        ),
    ],
    ids=["query", "json", "form", "multipart", "headers", "secret query", "secret json"],
)
def test_equal_requests_are_the_same_call(
    driver: Driver, runs: Runs, server: Server, first: Ask, second: Ask
) -> None:
    """Order, layout, boundary strings, headers and secrets do not count."""
    driver.talk(server.url, posted(first))
    runs.again("replay")

    assert b'"id":1' in driver.talk(server.url, posted(second))[0].body


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Ask("/users/1?a=1"), Ask("/users/1?a=2")),
        (Ask("/users/1?a=1"), Ask("/users/1")),
        (Ask("", body=b'{"a":1}', headers=JSON), Ask("", body=b'{"a":"1"}', headers=JSON)),
        (Ask("", body=b'{"a":null}', headers=JSON), Ask("", body=b"{}", headers=JSON)),
        (Ask("", body=b'{"password":null}', headers=JSON), Ask("", body=b'{"password":"x"}', headers=JSON)),
        (Ask("", body=b'{"a":"1"}', headers=JSON), Ask("", body=b"a=1", headers=FORM)),
        (Ask("", **multipart("n.txt", b"text", "b")), Ask("", **multipart("m.txt", b"text", "b"))),
        (Ask("", **multipart("n.bin", b"\xff", "b")), Ask("", **multipart("n.bin", b"\xfe", "b"))),
        (Ask("", body=b"\xff"), Ask("", body=b"\xfe")),
    ],
    ids=["query", "no query", "json type", "json null", "null secret", "form", "filename", "file", "bytes"],
)
def test_different_requests_are_different_calls(
    driver: Driver, runs: Runs, server: Server, first: Ask, second: Ask
) -> None:
    driver.talk(server.url, posted(first))
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="no recording of http POST /users/1"):
        driver.talk(server.url, posted(second))


def posted(ask: Ask) -> Ask:
    """Return a request that is posted, by default to the page of a user."""
    return ask._replace(method="POST", path=ask.path or "/users/1", body=ask.body or b"", read="whole")


def test_a_call_has_a_signature_and_a_host(driver: Driver, runs: Runs, server: Server) -> None:
    driver.talk(server.url, Ask("/users/1?page=2", headers={"Accept-Language": "nb"}))

    [call] = runs.calls
    assert (call.signature, call.host) == ("GET /users/1", "127.0.0.1")
    assert call.described == {"method": "GET", "url": f"{server.url}/users/1", "query": {"page": "2"}}
    assert call.parts["headers"]["accept-language"] == "nb"


def test_a_body_is_sent_as_it_is_live(driver: Driver, runs: Runs, server: Server) -> None:
    asks = [
        Ask("/echo", "POST", JSON, b'{"half": 1}'),
        Ask("/echo", "PUT", FORM, urlencode({"a": "1", "password": "pass-word-1"}).encode()),
        Ask("/echo", "PATCH", {}, b"text"),
        Ask(
            "/echo",
            "POST",
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\npass-word-1\r\n--b--\r\n',
        ),
    ]

    def talk(url: str) -> list[bytes]:
        return [answer.body.replace(b"pass-word-1", b"<redacted>") for answer in driver.talk(url, *asks)]

    same(runs, server, talk)

    bodies = [call.parts["body"] for call in runs.calls]
    assert bodies == [{"half": 1}, {"a": "1", "password": "<redacted>"}, "text", {"password": "<redacted>"}]
    assert "pass-word-1" not in runs.text


def test_each_redirect_is_a_call(driver: Driver, runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        return driver.talk(url, Ask("/redirect", follow=True))[0]

    live, recorded, _, replayed = four_ways(runs, server, talk)

    assert (live.status, live.history) == (recorded.status, recorded.history)
    assert (live.status, live.history) == (replayed.status, replayed.history)
    assert runs.signatures == ["GET /redirect", "GET /landing"]
    assert "hop-cookie-99" not in runs.text
    assert "tok-0815-redirect" not in runs.text


@each_of([driver for driver in DRIVERS if driver.line not in ("http.client",)])
def test_a_redirect_can_send_the_body_again(driver: Driver, runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        return b'"body":"twice"' in driver.talk(url, Ask("/again", "POST", {}, b"twice", follow=True))[0].body

    assert same(runs, server, talk)


@each_of([driver for driver in DRIVERS if driver.line != "urllib3"])
def test_cookies_keep_names_and_do_not_expire(driver: Driver, runs: Runs, server: Server) -> None:
    real, replayed = both(runs, server, lambda url: driver.cookies(url, Ask("/cookies")))

    assert real == {"session": "cookie-secret-123", "theme": "dark"}
    assert replayed == dict.fromkeys(real, "<redacted>")


def test_no_secret_is_stored(driver: Driver, runs: Runs, server: Server) -> None:
    asks = [
        Ask(f"/echo?api_key={SECRETS[0]}", "POST"),
        Ask("/echo", "POST", JSON, b'{"deep":[{"client_secret":"%b"}]}' % SECRETS[1].encode()),
        Ask("/echo", "POST", FORM, f"password={SECRETS[2]}".encode()),
        Ask("/echo", "POST", {"Authorization": f"Bearer {SECRETS[3]}"}),
        Ask("/echo", "POST", {"Cookie": f"session={SECRETS[4]}"}),
        Ask("/login"),
    ]

    answers = driver.talk(server.url, *asks)

    assert all(secret.encode() in each.body for secret, each in zip(SECRETS, answers, strict=False))
    assert not [secret for secret in (*SECRETS, "tok-issued-42") if secret in runs.text]
    login = {"access_token": "<redacted>", "expires_in": 3600, "refresh_token": None}
    assert runs.plain[-1]["body"] == {"json": login}


def test_an_issued_token_in_a_later_path_is_the_same_call(driver: Driver, runs: Runs, server: Server) -> None:
    """A replay sends the placeholder."""

    def talk(url: str) -> int:
        document = ElementTree.fromstring(driver.talk(url, Ask("/markup"))[0].body)
        token = (document.findtext("token") or "").replace("<", "%3C").replace(">", "%3E")
        return driver.talk(url, Ask(f"/items/{token}"))[0].status

    assert both(runs, server, talk) == (200, 200)
    assert "tok-0819-xml" not in runs.text


@each_of([driver for driver in DRIVERS if driver.digests])
def test_digest_authentication_takes_two_calls(driver: Driver, runs: Runs, server: Server) -> None:
    def talk(url: str) -> tuple[int, Any]:
        [answer] = driver.talk(url, Ask("/digest", login=("ann", "pass-word-1")))
        return answer.status, answer.body

    assert same(runs, server, talk) == (200, b'{"welcome":true}')
    assert runs.signatures == ["GET /digest"] * 2
    assert "pass-word-1" not in runs.text


@pytest.mark.parametrize("kind", ["forwarding", "tunnel"])
def test_a_proxy_does_not_change_the_call(
    driver: Driver, runs: Runs, server: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", Driver.certificates)
    with running_server(tls=True) as other:
        target = other.url if kind == "tunnel" else "http://elsewhere.example"

        same(runs, server, lambda url: driver.talk(target, Ask("/users/1"), Ask("/users/1"), proxy=url))

    assert runs.signatures == ["GET /users/1"] * 2
    assert runs.calls[0].host == ("127.0.0.1" if kind == "tunnel" else "elsewhere.example")
    assert runs.calls[0].parts["port"] == (other.server_address[1] if kind == "tunnel" else 80)
    assert ("CONNECT" in " ".join(server.seen)) == (kind == "tunnel")


# Errors


@pytest.mark.parametrize("kind", FAILURES)
def test_an_error_is_the_same(driver: Driver, runs: Runs, server: Server, kind: str) -> None:
    place, ask = FAILURES[kind]

    def talk(url: str) -> list[str]:
        found = driver.failure(place or url, ask)
        return [found[0], found[1].replace("key-in-url-77", "<redacted>")]

    [name, _] = same(runs, server, talk)

    assert name == driver.errors[kind]
    assert "key-in-url-77" not in runs.text


# Each value has one of these, as it is or as Python writes its bytes.
SIGNS = ("tok-4711", "пароль", "sswort", "open sesame")
UNSENT = [
    "Bearer tok-4711-abcdef\r\nX: y",
    "tok-4711-abcdef\n",
    "tok-4711-abcdef€",
    "Bearer пароль",
    "Bearer pässwort\n",
    "open sesame\n",
    """it's "tok-4711\\\n""",
]


@pytest.mark.parametrize("value", UNSENT)
def test_a_refused_secret_is_not_stored(driver: Driver, runs: Runs, server: Server, value: str) -> None:
    for name, header in {"Authorization": value, "X-Api-Key": value, "Cookie": f"sid={value}"}.items():
        with suppress(Exception):
            driver.talk(server.url, Ask("/users/1", headers={name: header}))

    assert not [sign for sign in SIGNS if sign in runs.text or repr(sign)[1:-1] in runs.text]


def test_a_certificate_that_is_not_trusted_is_an_error(
    driver: Driver, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    certifi = pytest.importorskip("certifi")
    monkeypatch.setattr(Driver, "certificates", certifi.where())

    with running_server(tls=True) as server:
        # The reason of aiohttp's error is of another class in a replay.
        parts = 1 if driver.line == "aiohttp" else 2
        name, *_ = same(runs, server, lambda url: driver.failure(url, Ask("/users/1"))[:parts])

    assert name == driver.errors["tls"]


def test_a_broken_stream_replays_its_beginning_and_breaks(driver: Driver, runs: Runs, server: Server) -> None:
    [answer] = driver.talk(server.url, Ask("/broken", read="parts", stop=2))
    real = driver.failure(server.url, Ask("/broken", read="parts"))
    server.stop()
    runs.again("replay")

    [again] = driver.talk(server.url, Ask("/broken", read="parts", stop=2))
    if driver.line == "aiohttp":  # it may read more at once live
        assert b"".join(answer.body).startswith(b"".join(again.body))
    else:
        assert again.body == answer.body
    assert driver.failure(server.url, Ask("/broken", read="parts")) == real


class Alarm(Exception):
    """What a signal handler raises."""


@pytest.mark.parametrize("kind", [Alarm, KeyboardInterrupt])
@each_of(SYNC)
def test_an_interrupted_body_is_not_recorded(
    driver: Driver, runs: Runs, server: Server, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    """The interrupt comes when all that the server has sent is read."""
    main = threading.get_ident()

    def interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
        def receive(self: socket.socket, *args: Any) -> Any:
            if threading.get_ident() == main:
                assert server.waiting.wait(30)
                if not select.select([self], [], [], 0)[0]:
                    raise kind
            return real(self, *args)

        return receive

    for name in ("recv", "recv_into"):
        monkeypatch.setattr(socket.socket, name, interrupted(getattr(socket.socket, name)))
    with pytest.raises(kind):
        driver.talk(server.url, Ask("/stall", read="chunks"))

    assert (runs.plain, runs.abandoned) == ([], 1)


@pytest.mark.parametrize("page", ["hang", "stall"])
@each_of(ASYNC)
def test_a_cancelled_call_is_not_recorded(driver: Any, runs: Runs, server: Server, page: str) -> None:
    async def main() -> None:
        async with driver.session(None) as session:
            call = asyncio.ensure_future(driver.send(session, server.url, Ask(f"/{page}")))
            await asyncio.to_thread(server.waiting.wait, 30)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(main())

    assert (runs.plain, runs.abandoned) == ([], 1)


# Ways to run


def test_verifying_compares_status_and_body(driver: Driver, runs: Runs, server: Server) -> None:
    driver.talk(server.url, Ask("/users/1"), Ask("/flaky"))
    runs.again("verify")

    driver.talk(server.url, Ask("/users/1"))
    assert not runs.drifts()
    [answer] = driver.talk(server.url, Ask("/flaky"))
    assert answer.body == b'{"try":1}'
    assert "body.try: 1 recorded, 2 now" in runs.drifts()
    assert server.seen == ["GET /users/1", "GET /flaky"] * 2


def verify(runs: Runs, server: Server) -> None:
    """Begin a run that verifies, with a new release of the server."""
    runs.again("verify")
    server.release = 2


def attempt(driver: Driver, server: Server, path: str) -> Any:
    """Return the body of a response, or the name of the exception that came instead."""
    try:
        return driver.talk(server.url, Ask(path))[0].body
    except Exception as error:
        return type(error).__name__


def test_verifying_goes_on_with_recorded_values_and_real_secrets(
    driver: Driver, runs: Runs, server: Server
) -> None:
    """The server accepts the token and the cookie that it issued in this run; everything else is as recorded."""

    def converse() -> tuple[Any, Any]:
        [first] = driver.talk(server.url, Ask("/signin", "POST"))
        user, cookie = json.loads(first.body)["user"], dict(first.headers)["set-cookie"].partition(";")[0]
        headers = {"Authorization": f"Bearer {user['access_token']}", "Cookie": cookie}
        return user["release"], driver.talk(server.url, Ask("/account", headers=headers))[0].body

    recorded = converse()
    verify(runs, server)

    assert converse() == recorded == (1, '{"name":"Zoë"}'.encode())
    assert server.strangers == 0
    drifts = runs.drifts()
    assert drifts.count("no longer gives") == 1
    assert "body.user.release: 1 recorded, 2 now" in drifts
    assert "of-release" not in runs.text + drifts


def test_verifying_gives_the_recorded_chunks(driver: Driver, runs: Runs, server: Server) -> None:
    ask = Ask("/feed", read="chunks")
    recorded = b"".join(driver.talk(server.url, ask)[0].body)
    verify(runs, server)

    assert b"".join(driver.talk(server.url, ask)[0].body) == recorded
    assert (b"release 1" in recorded, "release 2" in runs.drifts()) == (True, True)
    assert runs.state.ledger.verified == 1


def test_verifying_compares_a_stream_as_far_as_it_was_read(
    driver: Driver, runs: Runs, server: Server
) -> None:
    """It may never end."""
    # aiohttp may read both chunks at once.
    ask = Ask("/endless", read="chunks", stop=1 if driver.line == "aiohttp" else 2)
    [recorded] = driver.talk(server.url, ask)
    verify(runs, server)

    assert b"".join(recorded.body).startswith(b"".join(driver.talk(server.url, ask)[0].body))
    assert (runs.drifts(), runs.state.ledger.verified) == ("", 1)


@pytest.mark.parametrize(("path", "drift"), [("/moody", "GET /moody"), ("/mended", "status: 200 now")])
def test_verifying_gives_what_was_recorded_though_the_server_changed(
    driver: Driver, runs: Runs, server: Server, path: str, drift: str
) -> None:
    """A response though the server fails now, an error though it answers now."""
    recorded = attempt(driver, server, path)
    verify(runs, server)

    assert attempt(driver, server, path) == recorded
    assert drift in runs.drifts()


def test_verifying_gives_a_response_though_nobody_listens_now(
    driver: Driver, runs: Runs, server: Server
) -> None:
    recorded = attempt(driver, server, "/users/1")
    verify(runs, server)
    server.stop()

    assert attempt(driver, server, "/users/1") == recorded
    assert "GET /users/1" in runs.drifts()


def test_verifying_refuses_a_connection_though_somebody_listens_now(
    driver: Driver, runs: Runs, server: Server
) -> None:
    server.stop()
    recorded = attempt(driver, server, "/users/1")
    runs.again("verify")

    with running_server(server.server_address[1]) as other:
        assert attempt(driver, other, "/users/1") == recorded == driver.errors["refused"]

    assert "status: 200 now" in runs.drifts()


def test_a_missing_recording_is_neither_retried_nor_wrapped(
    driver: Driver, runs: Runs, server: Server
) -> None:
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="GET /users/1"):
        driver.talk(server.url, Ask("/users/1"))

    assert (len(runs.calls), server.seen) == (1, [])


@pytest.mark.parametrize("mode", ["off", "pass"])
def test_an_excluded_call_is_real(driver: Driver, runs: Runs, server: Server, mode: Any) -> None:
    runs.again(mode)

    assert [each.status for each in driver.talk(server.url, Ask("/users/1"), Ask("/echo", "POST", {}, b"x"))]
    assert (runs.plain, len(server.seen)) == ([], 2)


def test_concurrent_requests_get_their_own_replies(driver: Driver, runs: Runs, server: Server) -> None:
    def talk(url: str) -> Iterator[bool]:
        answers = driver.many(url, [Ask(f"/echo/{number}") for number in range(50)])
        return [f'"path":"/echo/{number}"'.encode() in each.body for number, each in enumerate(answers)]

    assert same(runs, server, talk) == [True] * 50

"""What each HTTP adapter keeps: one set of tests, which knows a client only through its driver."""

from __future__ import annotations

import asyncio
import gzip
import json
import select
import socket
import sys
import threading
import zlib
from contextlib import suppress
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from urllib.parse import urlencode

import pytest
from support.face import PLACEHOLDER
from support.http_drivers import DRIVERS, FAILURES, Ask, Driver
from support.http_server import running_server
from support.placeholders import unmarked

from clients.http.four_ways import both, four_ways, same
from pytest_mimic.errors import MissingRecordingError

PAGES = "users/1 pretty text binary nothing gzip deflate html chunks old older last closing missing".split()
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request):
    """The client under test."""
    return request.param


@pytest.fixture
def line(driver):
    """The line of the client, or that of all for a test of several."""
    return driver.line


def some(condition):
    """Return the parameters of a test for some of the drivers."""
    found = [driver for driver in DRIVERS if condition(driver)]
    return pytest.mark.parametrize("driver", found, ids=lambda driver: driver.name)


# Responses


def plain(answer):
    """Return an answer without the encoding of its body, which a replay gives plain."""
    unpack = {
        b"\x1f\x8b": gzip.decompress,
        b"x\x9c": zlib.decompress,
        b"x\x01": zlib.decompress,
    }.get(answer.body[:2], bytes)
    headers = [
        pair
        for pair in answer.headers
        if pair[0] not in ("content-encoding", "content-length")
    ]
    return answer._replace(headers=headers, body=unpack(answer.body))


def test_a_response_looks_like_the_real_one(driver, runs, server):
    asks = [Ask(f"/{page}") for page in PAGES]
    asks += [
        Ask(f"/{page}", "HEAD")
        for page in ("users/1", "nothing", "gzip", "tagged", "missing")
    ]

    def talk(url):
        return [plain(answer) for answer in driver.talk(url, *asks)]

    answers = same(runs, server, talk)

    assert [answer.status for answer in answers[:3] + answers[-1:]] == [
        200,
        200,
        200,
        404,
    ]
    assert runs.signatures == [f"{ask.method} {ask.path}" for ask in asks]


def test_a_body_can_be_read_in_each_way(driver, runs, server):
    def talk(url):
        asks = [
            Ask(f"/{page}", read=way)
            for way in driver.readings
            for page in ("users/1", "nothing", "chunks")
        ]
        return [joined(answer.body) for answer in driver.talk(url, *asks)]

    same(runs, server, talk)


def joined(body):
    """Return pieces as one: where those of a document end is no part of its outcome."""
    if not isinstance(body, list) or not body:
        return body or b""
    if isinstance(body[0], tuple):
        return b"".join(piece for piece, _ in body)
    is_text = all(isinstance(piece, type(body[0])) for piece in body) and isinstance(
        body[0], (bytes, str)
    )
    return body[0][:0].join(body) if is_text else body


@pytest.mark.parametrize("page", ["events", "packed_events"])
def test_a_stream_replays_event_by_event(driver, runs, server, page):
    if page.startswith("packed") and not driver.decodes:
        pytest.skip("its reader sees compressed bytes")

    def talk(url):
        return driver.talk(url, Ask(f"/{page}", read="chunks"))[0].body

    live, recorded, verified, replayed = four_ways(runs, server, talk)

    assert b"".join(live) == b"".join(recorded) == b"".join(verified)
    hidden = b"".join(live).replace(b"tok-4711-event", b"<redacted>")
    assert unmarked(b"".join(replayed).decode()) == hidden.decode()
    assert len(replayed) == 3
    note = {"event": "note", "data": {"access_token": "<redacted>"}}
    events = [{"data": {"delta": "Grüß"}}, note, {"data": "[DONE]"}]
    assert unmarked(list(runs.answers[0].events)) == events


@pytest.mark.parametrize("page", ["long", "long?way=gzip"])
def test_a_reader_can_stop_at_the_same_place(driver, runs, server, page):
    """It reads as much as while recording, whatever the body."""
    if "gzip" in page and not driver.decodes:
        pytest.skip("its reader sees compressed bytes")
    way = (
        "parts"
        if page == "long" and driver.line in ("requests", "urllib3", "http.client")
        else "chunks"
    )

    def talk(url):
        return driver.talk(url, Ask(f"/{page}", read=way, stop=3))[0].body

    real, replayed = both(runs, server, talk)

    assert len(real) == len(replayed) == 3
    assert b"".join(real).startswith(b"".join(replayed)) or b"".join(
        replayed
    ).startswith(b"".join(real))
    assert runs.answers[0].end == "open"


def test_a_stream_that_stalls_is_recorded_as_far_as_it_was_read(driver, runs, server):
    """The application has the beginning before the server sends the rest; a replay that reads further is a miss."""
    ask = Ask("/stall", read="parts", stop=3)
    [answer] = driver.talk(server.url, ask)
    runs.again("replay")

    assert b"the beginning".startswith(b"".join(answer.body)[:12])
    assert driver.talk(server.url, ask)[0].body == answer.body
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="read further"):
        driver.talk(server.url, ask._replace(stop=None))


# Requests


def test_a_body_is_sent_as_it_is_live(driver, runs, server):
    part = b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\npass-word-1\r\n--b--\r\n'
    asks = [
        Ask("/echo", "POST", JSON, b'{"half": 1}'),
        Ask(
            "/echo",
            "PUT",
            FORM,
            urlencode({"a": "1", "password": "pass-word-1"}).encode(),
        ),
        Ask("/echo", "PATCH", {}, b"text"),
        Ask("/echo", "POST", {"Content-Type": "multipart/form-data; boundary=b"}, part),
    ]

    def talk(url):
        return [
            answer.body.replace(b"pass-word-1", PLACEHOLDER.encode())
            for answer in driver.talk(url, *asks)
        ]

    same(runs, server, talk)

    bodies = [call.parts["body"] for call in runs.asked]
    assert bodies == [
        {"half": 1},
        {"a": "1", "password": PLACEHOLDER},
        "text",
        {"password": PLACEHOLDER},
    ]
    assert "pass-word-1" not in runs.text


def test_an_upload_of_the_email_package_is_the_same_call_again(driver, runs, server):
    """It has a random boundary and bare line feeds, as those of google-api-python-client."""

    def talk(url):
        upload = MIMEMultipart("related")
        upload.attach(MIMEText('{"name": "a"}', "json"))
        upload.attach(MIMEText("PASSWORD=pass-word-1\nA=1", "plain"))
        head, _, body = upload.as_bytes().partition(b"\n\n")
        kind = head.decode().partition(": ")[2].partition("\nMIME")[0]
        headers = {"Content-Type": kind.replace("\n", "")}
        return driver.talk(url, Ask("/users/1", "POST", headers, body))[0].status

    assert same(runs, server, talk) == 200
    assert "pass-word-1" not in runs.text


def test_each_redirect_is_a_call(driver, runs, server):
    """The second one sends the body again."""
    asks = [
        Ask("/redirect", follow=True),
        Ask("/again", "POST", {}, b"twice", follow=True),
    ]
    if driver.line == "http.client":
        del asks[1:]

    def talk(url):
        answers = driver.talk(url, *asks)
        return [
            (each.status, each.history, b'"body":"twice"' in each.body)
            for each in answers
        ]

    same(runs, server, talk)

    assert (
        runs.signatures
        == ["GET /redirect", "GET /landing", "POST /again", "POST /echo"][
            : 2 * len(asks)
        ]
    )
    assert "hop-cookie-99" not in runs.text
    assert "tok-0815-redirect" not in runs.text


@pytest.mark.parametrize("kind", ["forwarding", "tunnel"])
def test_a_proxy_does_not_change_the_call(driver, runs, server, kind, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", Driver.certificates)
    with running_server(tls=True) as other:
        target = other.url if kind == "tunnel" else "http://elsewhere.example"

        same(
            runs,
            server,
            lambda url: driver.talk(
                target, Ask("/users/1"), Ask("/users/1"), proxy=url
            ),
        )

    assert runs.signatures == ["GET /users/1"] * 2
    assert runs.asked[0].host == (
        other.url[8:] if kind == "tunnel" else "elsewhere.example"
    )  # with its port
    assert runs.asked[0].parts["port"] == (
        other.server_address[1] if kind == "tunnel" else 80
    )
    assert ("CONNECT" in " ".join(server.seen)) == (kind == "tunnel")


# Errors


def test_an_error_is_the_same(driver, runs, server):
    def talk(url):
        found = {
            kind: driver.failure(place or url, ask)
            for kind, (place, ask) in FAILURES.items()
        }
        return {
            kind: [name, text.replace("key-in-url-77", PLACEHOLDER)]
            for kind, (name, text) in found.items()
        }

    seen = same(runs, server, talk)

    assert {kind: name for kind, (name, _) in seen.items()} == {
        kind: driver.errors[kind] for kind in FAILURES
    }
    assert "key-in-url-77" not in runs.text


@pytest.mark.rare
@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a full queue refuses connections"
)
def test_a_timeout_keeps_its_kind(driver, runs):
    """Of sending to a server that does not read, which aiohttp does not limit, and of connecting to one that is full."""
    asks = [
        Ask("/", "POST", {}, b"x" * 10_000_000, timeout=0.1),
        Ask("/full", timeout=0.1),
    ]
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy:
        url = f"http://127.0.0.1:{busy.getsockname()[1]}"
        if driver.line == "aiohttp":
            socket.create_connection(busy.getsockname()).close()
            del asks[0]
        real = [driver.failure(url, ask) for ask in asks]
    runs.again("replay")

    assert [driver.failure(url, ask) for ask in asks] == real
    kinds = ["writing", "connecting"][-len(asks) :]
    assert [answer.error for answer in runs.answers] == kinds
    assert " at 0x" not in runs.text


@pytest.mark.parametrize(
    "value",
    ["Bearer tok-4711-abcdef\r\nX: y", "tok-4711-abcdef€", """it's "tok-4711\\\n"""],
)
def test_a_refused_secret_is_not_stored(driver, runs, server, value):
    for name, header in {
        "Authorization": value,
        "X-Api-Key": value,
        "Cookie": f"sid={value}",
    }.items():
        with suppress(Exception):
            driver.talk(server.url, Ask("/users/1", headers={name: header}))

    assert "tok-4711" not in runs.text


def test_a_certificate_that_is_not_trusted_is_an_error(driver, runs, monkeypatch):
    certifi = pytest.importorskip("certifi")
    monkeypatch.setattr(Driver, "certificates", certifi.where())

    with running_server(tls=True) as server:
        # The reason of aiohttp's error is of another class in a replay.
        parts = 1 if driver.line == "aiohttp" else 2
        name, *_ = same(
            runs, server, lambda url: driver.failure(url, Ask("/users/1"))[:parts]
        )

    assert name == driver.errors["tls"]


def test_a_broken_stream_replays_its_beginning_and_breaks(driver, runs, server):
    ask = Ask("/broken", read="parts")
    [answer] = driver.talk(server.url, ask._replace(stop=2))
    real = driver.failure(server.url, ask)
    server.stop()
    runs.again("replay")

    [again] = driver.talk(server.url, ask._replace(stop=2))
    assert b"".join(answer.body).startswith(b"".join(again.body))
    assert driver.failure(server.url, ask) == real


@some(lambda driver: not driver.is_async)
def test_an_interrupted_body_is_not_recorded(driver, runs, server, monkeypatch):
    """The interrupt comes when all that the server has sent is read."""
    main = threading.get_ident()

    def interrupted(real):
        def receive(self, *args):
            if threading.get_ident() == main:
                assert server.waiting.wait(30)
                if not select.select([self], [], [], 0)[0]:
                    raise KeyboardInterrupt
            return real(self, *args)

        return receive

    for name in ("recv", "recv_into"):
        monkeypatch.setattr(
            socket.socket, name, interrupted(getattr(socket.socket, name))
        )
    with pytest.raises(KeyboardInterrupt):
        driver.talk(server.url, Ask("/stall", read="chunks"))

    assert (runs.answers, runs.abandoned) == ([], 1)


@pytest.mark.parametrize("page", ["hang", "endless"])
@some(lambda driver: driver.is_async)
def test_a_client_that_listens_until_it_is_cancelled_waits_in_a_replay(
    driver, runs, server, page
):
    """Before the answer or after its first events, as a client of MCP does."""
    ask = Ask(f"/{page}", headers={"Accept": "text/event-stream"}, read="lines")

    async def main():
        async with driver.session(None) as session:
            call = asyncio.ensure_future(driver.send(session, server.url, ask))
            done, _ = await asyncio.wait([call], timeout=0.1)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            return bool(done)

    assert not asyncio.run(main())
    server.stop()
    runs.again("replay")

    assert not asyncio.run(main())
    assert [answer.end for answer in runs.answers] == ["waiting"]
    assert runs.misses == 0


# Ways to run


def verify(runs, server):
    """Begin a run that verifies, with a new release of the server."""
    runs.again("verify")
    server.release = 2


def attempt(driver, server, path):
    """Return the body of a response, or the name of the exception that came instead."""
    try:
        return driver.talk(server.url, Ask(path))[0].body
    except Exception as error:
        return type(error).__name__


def test_verifying_goes_on_with_recorded_values_and_real_secrets(driver, runs, server):
    """The server accepts the token, the cookie and the password that it issued in this run; all else is as recorded."""

    def converse():
        [first] = driver.talk(server.url, Ask("/signin", "POST"))
        body, cookie = (
            json.loads(first.body),
            dict(first.headers)["set-cookie"].partition(";")[0],
        )
        token = body["user"]["access_token"]
        headers = {
            "Authorization": f"Bearer {token}",
            "Cookie": cookie,
            "X-Files": body["files"],
        }
        return body["user"]["release"], driver.talk(
            server.url, Ask("/account", headers=headers)
        )[0].body

    recorded = converse()
    verify(runs, server)

    assert converse() == recorded == (1, '{"name":"Zoë"}'.encode())
    assert server.strangers == 0
    drifts = runs.drifts()
    assert drifts.count("no longer gives") == 1
    assert "body.user.release: 1 recorded, 2 now" in drifts
    assert "of-release" not in runs.text + drifts


def test_verifying_a_stream_gives_the_recorded_events(driver, runs, server):
    """Those of one that was left are compared as far as it was read: it may never end."""
    # aiohttp may read both events at once.
    left = Ask("/endless", read="chunks", stop=1 if driver.line == "aiohttp" else 2)
    asks = [Ask("/feed", read="chunks"), left]
    feed, endless = [b"".join(answer.body) for answer in driver.talk(server.url, *asks)]
    verify(runs, server)

    again = [b"".join(answer.body) for answer in driver.talk(server.url, *asks)]
    assert (again[0], endless.startswith(again[1])) == (feed, True)
    drifts = runs.drifts()
    assert (b"release 1" in feed, "release 2" in drifts, "endless" in drifts) == (
        True,
        True,
        False,
    )
    # The feed has drifted.
    assert runs.verified == 1


def test_verifying_gives_what_was_recorded_where_the_network_fails_now(
    driver, runs, server
):
    """Its caller gets what was recorded, whatever has failed now, and the run names it."""
    pages = ("/moody", "/mended", "/users/1")
    recorded = [attempt(driver, server, page) for page in pages]
    verify(runs, server)

    assert attempt(driver, server, "/moody") == recorded[0]
    assert attempt(driver, server, "/mended") == recorded[1]
    server.stop()
    assert attempt(driver, server, "/users/1") == recorded[2]
    drifts = runs.drifts()
    assert all(
        part in drifts for part in ("GET /moody", "status: 200 now", "GET /users/1")
    )


def test_a_missing_recording_is_neither_retried_nor_wrapped(driver, runs, server):
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="GET /users/1"):
        driver.talk(server.url, Ask("/users/1"))

    assert (len(runs.asked), server.seen) == (1, [])


@pytest.mark.parametrize("mode", ["off", "pass"])
def test_an_excluded_call_is_real(driver, runs, server, mode):
    runs.again(mode)

    assert [
        each.status
        for each in driver.talk(
            server.url, Ask("/users/1"), Ask("/echo", "POST", {}, b"x")
        )
    ]
    assert (runs.answers, len(server.seen)) == ([], 2)


def test_concurrent_requests_get_their_own_replies(driver, runs, server):
    def talk(url):
        answers = driver.many(url, [Ask(f"/echo/{number}") for number in range(100)])
        return [
            f'"path":"/echo/{number}"'.encode() in each.body
            for number, each in enumerate(answers)
        ]

    assert same(runs, server, talk) == [True] * 100

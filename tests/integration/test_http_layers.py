"""Section 7, HTTP is one kind: clients that are built on each other: one request is one recording, at the outermost client that takes it."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("requests", reason="needs requests")


# In each of these ways, a client sends the same request.
CLIENTS = """
    import os, urllib.request
    import requests, urllib3

    HEADERS = {"Authorization": "Bearer bearer-of-4711", "Content-Type": "application/json"}
    BODY = b'{"n": 1, "password": "pass-word-1"}'

    def by_requests(path):
        return requests.post(os.environ["API"] + path, data=BODY, headers=HEADERS).content

    def by_urllib3(path):
        return urllib3.PoolManager().request("POST", os.environ["API"] + path, body=BODY, headers=HEADERS).data

    def by_stdlib(path):
        return urllib.request.urlopen(urllib.request.Request(os.environ["API"] + path, BODY, HEADERS)).read()
"""
WAYS = {"requests": "requests", "urllib3": "urllib3", "stdlib": "http.client"}


@pytest.fixture
def layers(project):
    """A project with the clients."""
    project.write("callers.py", CLIENTS)
    return project


def record(layers, server, *, passed=1):
    """Record, replay without the server, and return the recorded calls."""
    recorded = layers.record().expect(passed=passed)
    server.stop()
    layers.replay().expect(passed=passed)
    return recorded.calls


ALL = """
    import callers

    def test_it():
        seen = [getattr(callers, "by_" + way)("/users/1?token=tok-1234-abcd") for way in {ways}]
        assert all(b"Zo" in body for body in seen)
"""


def test_a_request_is_recorded_once(layers):
    """The recordings look alike, whichever client has sent it.

    Secrets are hidden in each.
    """
    layers.ini(*WAYS.values())
    layers.write("test_it.py", ALL.format(ways=[*WAYS]))

    with layers.shop() as server:
        recordings = record(layers, server)
    asked = {one.call["identity"] for one in recordings}
    given = {re.sub(r"\d\d:\d\d:\d\d", "", json.dumps(one.value)) for one in recordings}

    assert [one.target for one in recordings] == ["http"] * len(WAYS)
    assert len(server.seen) == len(WAYS)
    assert (len(asked), len(given)) == (1, 1)
    assert recordings[0].signature == "POST /users/1"
    for secret in ("bearer-of-4711", "pass-word-1", "tok-1234-abcd"):
        assert secret not in "".join(one.text for one in recordings)


# The lines, what a test does, and the calls.
LOWER = {
    "the higher one left it out": (
        ('requests exclude="/text,/html"', 'urllib3 exclude="/html"', "http.client"),
        """
        import callers

        def test_it():
            for path in ("/users/1", "/text", "/html"):
                assert callers.by_requests(path)
        """,
        ["POST /html", "POST /text", "POST /users/1"],
    ),
    # A stream is read after the call has returned, and a redirect is followed by the
    # higher client.
    "no line names the higher one": (
        ("http.client",),
        """
        def test_it():
            with requests.Session() as session:
                with session.get(os.environ["API"] + "/chunks", stream=True) as response:
                    assert b"".join(response.iter_content(None)) == b"one,two,\\xff\\x00,four"
                response = session.get(os.environ["API"] + "/redirect")
                assert [each.status_code for each in response.history] == [302]
                assert list(session.cookies.keys()) == ["hop"]
        """,
        ["GET /chunks", "GET /landing", "GET /redirect"],
    ),
}


@pytest.mark.parametrize(("lines", "test", "calls"), LOWER.values(), ids=LOWER)
def test_a_lower_client_takes_what_no_higher_one_did(layers, lines, test, calls):
    layers.ini(*lines)
    layers.write("test_it.py", test)

    with layers.shop() as server:
        recordings = record(layers, server)

    assert taken(recordings) == calls


def test_two_clients_of_a_test_talk_in_one_conversation(layers):
    """A new request of the one is refused where the log of both stands."""
    layers.ini("requests", "urllib3")
    test = "import callers\n\ndef test_it():\n    callers.by_requests('/users/1')\n    callers.by_urllib3('{}')\n"
    layers.write("test_it.py", test.format("/text"))
    with layers.shop() as server:
        layers.record().expect(passed=1)
        layers.write("test_it.py", test.format("/html"))

        layers.record().expect(
            failed=1, says=["pytest --mimic-rerecord test_it.py::test_it"]
        )

        assert server.seen == ["POST /users/1", "POST /text"]


def test_a_stream_that_is_read_late_is_verified_and_recorded_once(layers):
    """In a thread, after its call has returned, while the clients below are active."""
    layers.ini(*WAYS.values())
    layers["test_it.py"] = """
        from concurrent.futures import ThreadPoolExecutor

        def test_it():
            responses = [requests.get(os.environ["API"] + path, stream=True) for path in ("/chunks", "/old")]
            with ThreadPoolExecutor(2) as threads:
                bodies = list(threads.map(lambda response: b"".join(response.iter_content(None)), responses))
            assert bodies == [b"one,two,\\xff\\x00,four", b"until the end"]
    """

    with layers.shop() as server:
        layers.record().expect(passed=1)
        layers.run("--mimic-verify").expect(passed=1, says=["2 calls verified"])
        recordings = record(layers, server)
    assert {one.target for one in recordings} == {"http"}
    assert len(server.seen) == 4


# Each client, with a function that sends a request through its client.
EVERYWHERE = """
    import asyncio, os, urllib.request
    import aiohttp, httpx, httpx2, requests, urllib3

    URL = os.environ["API"] + "/items/"

    async def by_async_httpx():
        async with httpx.AsyncClient() as client:
            return (await client.get(URL + "httpx-async")).content

    async def by_aiohttp():
        async with aiohttp.ClientSession() as session:
            async with session.get(URL + "aiohttp") as response:
                return await response.read()

    def test_it():
        assert b"path" in asyncio.run(by_aiohttp())
        assert b"path" in asyncio.run(by_async_httpx())
        assert b"path" in httpx.get(URL + "httpx").content
        assert b"path" in httpx2.get(URL + "httpx2").content
        assert b"path" in requests.get(URL + "requests").content
        assert b"path" in urllib3.PoolManager().request("GET", URL + "urllib3").data
        assert b"path" in urllib.request.urlopen(URL + "http.client").read()
"""
CLIENTS_OF_ALL = ("aiohttp", "http.client", "httpx", "httpx2", "requests", "urllib3")
ASKED = sorted(f"GET /items/{name}" for name in (*CLIENTS_OF_ALL, "httpx-async"))


def taken(recordings):
    """Return the calls that were recorded."""
    return sorted(one.signature for one in recordings)


@pytest.mark.parametrize("lines", [["http"], CLIENTS_OF_ALL], ids=["http", "own names"])
def test_all_clients_together_take_each_call_once(project, lines):
    """When it is recorded, verified, and replayed."""
    for module in ("aiohttp", "httpx", "httpx2"):
        pytest.importorskip(module)
    project.ini(*lines)
    project.tests(EVERYWHERE)

    with project.shop() as server:
        project.record().expect(passed=1, says=[f"{len(ASKED)} calls recorded"])
        assert len(server.seen) == len(ASKED)
        verified = project.run("--mimic-verify")
        verified.expect(passed=1, says=[f"{len(ASKED)} calls verified"])
        assert len(server.seen) == 2 * len(ASKED)
    replayed = project.replay()

    replayed.expect(passed=1, says=[f"{len(ASKED)} calls replayed"])
    assert taken(replayed.calls) == ASKED


def test_the_line_of_a_client_goes_before_the_one_of_all_clients(layers):
    layers.ini("http", "requests ignore=query.n")
    layers["test_it.py"] = """
        import os, urllib3, requests

        def test_it():
            url, number = os.environ["API"], os.environ["NUMBER"]
            assert requests.get(url + "/text?n=" + number).ok
            assert urllib3.PoolManager().request("GET", url + "/text?n=1").data
    """

    with layers.shop():
        layers.record(env={"NUMBER": "1"}).expect(passed=1)
    layers.replay(env={"NUMBER": "2"}).expect(passed=1)

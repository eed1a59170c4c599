"""What becomes of the bodies of requests: left out, sent again, kept as bytes."""

from __future__ import annotations

import threading

import pytest
from support import loopback

pytest.importorskip("httpx")

NOWHERE = {"API": "http://127.0.0.1:9"}


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png"])
def test_bytes_that_nobody_can_search_are_named(project, kind):
    project.ini("httpx")
    project.test(f"""
        data = bytes(range(256))
        headers = {{"Content-Type": "{kind}"}}
        httpx.post(os.environ["API"] + "/nothing", content=data, headers=headers)
    """)

    with project.shop():
        recorded = project.record().expect(passed=1)

    told = "kept as bytes, which cannot be searched for secrets: http POST /nothing"
    assert (told in recorded.output) == (kind != "image/png")


def test_a_body_that_is_read_once_is_sent_by_the_attempt_that_connects(project):
    pytest.importorskip("urllib3")
    project.ini("http ignore=host,port")
    project.tests("""
        import urllib3

        REFUSALS = [1]
        connect = urllib3.util.connection.create_connection

        def refused_once(*args, **options):
            if REFUSALS:
                REFUSALS.pop()
                raise ConnectionRefusedError("not yet")
            return connect(*args, **options)

        def test_it(monkeypatch):
            REFUSALS[:] = [1]
            monkeypatch.setattr(urllib3.util.connection, "create_connection", refused_once)
            pool = urllib3.PoolManager()
            answer = pool.request(
                "POST",
                os.environ["API"] + "/echo",
                body=(part for part in [b"one ", b"two"]),
                retries=urllib3.Retry(connect=1, backoff_factor=0),
            )
            assert json.loads(answer.data)["body"] == "one two"
    """)
    with project.shop():
        recorded = project.record().expect(passed=1)

    assert len(recorded.calls) == 2
    project.replay(env=NOWHERE).expect(passed=1)


class Waiting(loopback.Handler):
    """Tells whoever asks that the first part of an upload is here."""

    def do_POST(self):
        self.rfile.readline(), self.rfile.readline()
        self.server.has_begun.set()
        while self.rfile.readline() != b"0\r\n":
            pass
        self.rfile.readline()
        self.server.has_begun.clear()
        self.answer(200, "{}", "application/json")

    def do_GET(self):
        status = 200 if self.server.has_begun.wait(5) else 504
        self.answer(status, "{}", "application/json")


def test_a_body_that_no_line_takes_is_sent_as_it_is_made(project):
    """Its next part may wait for what the server does with the first one."""
    pytest.importorskip("aiohttp")
    project.ini('http exclude="POST /upload"')
    project.tests("""
        import asyncio, http.client, os

        def has_begun():
            connection = http.client.HTTPConnection(os.environ["API"].partition("//")[2])
            connection.request("GET", "/has-begun")
            status = connection.getresponse().status
            connection.close()
            return status

        async def body():
            yield b"a"
            assert await asyncio.to_thread(has_begun) == 200
            yield b"b"

        async def by_aiohttp(url):
            async with aiohttp.ClientSession() as client, client.post(url, data=body()) as answer:
                return answer.status

        async def by_httpx(url):
            async with httpx.AsyncClient() as client:
                return (await client.post(url, content=body())).status_code

        @pytest.mark.parametrize("send", [by_aiohttp, by_httpx])
        def test_it(send):
            assert asyncio.run(send(os.environ["API"] + "/upload")) == 200
    """)
    server = loopback.Server(Waiting)
    server.has_begun = threading.Event()

    with loopback.serving(server):
        project.record(env={"API": server.url}).expect(passed=2)

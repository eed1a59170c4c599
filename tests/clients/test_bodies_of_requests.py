"""What becomes of the bodies of requests: left out, sent again, kept as bytes."""

from __future__ import annotations

import pytest
from support.http_server import running_server

pytest.importorskip("httpx")

NOWHERE = {"API": "http://127.0.0.1:9"}


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png"])
def test_bytes_that_nobody_can_search_are_named(project, kind):
    project.ini("httpx")
    project.tests(f"""
        import os
        import httpx

        def test_it():
            data = bytes(range(256))
            headers = {{"Content-Type": "{kind}"}}
            httpx.post(os.environ["API"] + "/nothing", content=data, headers=headers)
    """)

    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=1)

    told = "kept as bytes, which cannot be searched for secrets: http POST /nothing"
    assert (told in recorded.output) == (kind != "image/png")


def test_a_body_that_is_read_once_is_sent_by_the_attempt_that_connects(project):
    pytest.importorskip("urllib3")
    project.ini("http ignore=host,port")
    project.tests("""
        import json, os
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
    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=1)

    assert len(recorded.calls) == 2
    project.replay(env=NOWHERE).expect(passed=1)

"""Section 2 of SECURITY.md: what an answer holds in clear is no secret where it is sent back, and counts."""

from __future__ import annotations

import json

import pytest
from support import loopback

pytest_plugins = ("support.database_servers",)

FORMS = {
    "json": lambda token: json.dumps({"items": [], "next": token}),
    "xml": lambda token: f"<page><next>{token}</next></page>",
    "form": lambda token: f"count=2&next={token}",
    "link": lambda token: f"<https://shop.test/items?page={token}>; rel=next",
}


class Lists(loopback.Handler):
    """Gives the token of the next page in one of the forms, and says which page was asked."""

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        for token in ("a-3", "a-2"):
            if token in self.path + body:
                self.json({"page": token})
                return
        self.send_response(200)
        content = FORMS[self.path.strip("/")]("a-2 a-3").encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET


SENT = {
    "query": "httpx.get(url, params={'session': token})",
    "form": "httpx.post(url, data={'auth': token})",
    "body": "httpx.post(url, json={'key': token})",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_pages_are_told_apart_in_any_order(project, form, sent):
    project.ini("http")
    project.tests(f"""
        import os, httpx

        def test_it():
            first = httpx.get(os.environ["API"] + "/{form}").text
            url = os.environ["API"] + "/more"
            for token in os.environ["ORDER"].split():
                assert token in first
                assert {sent}.json() == {{"page": token}}
    """)

    with project.shop(Lists):
        run = project.record(env={"ORDER": "a-2 a-3"})
        run.expect(passed=1, never=["redacted", "told apart"])
        project.run("--mimic-verify", env={"ORDER": "a-2 a-3"}).expect(passed=1)

    project.replay(env={"ORDER": "a-3 a-2"}).expect(passed=1)


def test_pages_of_a_database_are_told_apart_in_any_order(project):
    pytest.importorskip("sqlalchemy")
    project.ini("sqlalchemy")
    project.tests("""
        import os
        from sqlalchemy import create_engine, text

        def test_it():
            with create_engine("sqlite://").connect() as connection:
                connection.execute(text("create table page (session text, n int)"))
                connection.execute(text("insert into page values ('a-2', 2), ('a-3', 3)"))
                rows = connection.execute(text("select session from page")).all()
                page = text("select n from page where session = :session")
                for token in os.environ["ORDER"].split():
                    assert (token,) in rows
                    found = connection.execute(page, {"session": token}).scalar()
                    assert found == int(token[-1])
    """)

    project.record(env={"ORDER": "a-2 a-3"}).expect(passed=1, never=["told apart"])

    project.replay(env={"ORDER": "a-3 a-2"}).expect(passed=1)


def test_pages_of_redis_are_told_apart_in_any_order(project, redis_server):
    redis = pytest.importorskip("redis")
    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
        client.hset("first", "session", "a-2")
        client.hset("second", "session", "a-3")
    project.ini("redis")
    project.tests("""
        import os, redis

        def test_it():
            client = redis.Redis(port=int(os.environ["REDIS"]), decode_responses=True)
            held = [client.hgetall(key)["session"] for key in ("first", "second")]
            for token in os.environ["ORDER"].split():
                is_new = client.hset("page", "session", token)
                assert token in held and bool(is_new) == (token == "a-2")
    """)
    env = {"REDIS": str(redis_server.port)}

    recorded = project.record(env={**env, "ORDER": "a-2 a-3"})
    recorded.expect(passed=1, never=["told apart"])

    project.replay(env={**env, "ORDER": "a-3 a-2"}).expect(passed=1)


def test_what_no_answer_of_the_test_gave_is_hidden_whatever_ran_before(project):
    project.ini("http")
    project.tests("""
        import os, httpx

        def page():
            url = os.environ["API"] + "/more"
            assert httpx.get(url, params={"session": "a-2"}).json()["page"]

        def test_with_an_answer():
            httpx.get(os.environ["API"] + "/json")
            page()

        def test_without():
            page()
    """)

    with project.shop(Lists):
        project.record().expect(passed=2)

    project.replay("-p", "no:randomly").expect(passed=2)
    project.replay("test_shop.py::test_without").expect(passed=1)
    sent = [call.call["request"]["url"] for call in project.calls()]
    assert sorted(url.rpartition("=")[2] for url in sent if "session" in url) == [
        "a-2",
        "mimic-redacted",
    ]

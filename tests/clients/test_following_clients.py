"""Recordings of clients follow their line: recorded with the service there, replayed with it gone."""

from __future__ import annotations

import json

import pytest
from support import loopback
from support.loopback import Server, serving


class Model(loopback.Handler):
    """Answers each prompt with the number of the request."""

    def do_POST(self):
        """Answer a prompt."""
        asked = json.loads(self.body())
        self.server.seen.append(asked)
        number = len(self.server.seen)
        if asked.get("again"):
            number = 0
        self.json({"number": number, "prompt": asked["prompt"]}, X_Number=str(number))


@pytest.fixture
def service():
    """A service that answers prompts."""
    with serving(Server(Model)) as server:
        yield server


SHOP = """
    from urllib.request import Request, urlopen

    def ask(prompt, language="en", **fields):
        body = json.dumps({"prompt": prompt, **fields}).encode()
        headers = {"Content-Type": "application/json", "Accept-Language": language}
        url = os.environ["SERVICE"] + "/v1/chat?key=" + fields.get("run", "")
        with urlopen(Request(url, body, headers)) as answer:
            return json.load(answer)["number"]
"""
ASKS = """
    import shop

    def test_one():
        assert shop.ask("tea", run="a", meta={"id": 1, "n": [1]}) == 1
        assert shop.ask("milk", run="b", meta={"id": 2, "n": [1]}) == 2
        assert shop.ask("tea", run="c", meta={"id": 3, "n": [1]}) == 3
"""
OTHER_RUN = [('run="a"', 'run="x"'), ('run="c"', 'run="y"')]
OTHER_ID = [('"id": 1', '"id": 8'), ('"id": 3', '"id": 9')]
HTTP = {
    "parts": ("http", "http ignore=query.key,body.run", OTHER_RUN),
    "a path with a star": ("http ignore=query,body.run", "http ignore=query,body.run,body.*.id", OTHER_ID),
    "parts that count again": ("http ignore=query,body.run", "http", []),
    "a match that goes": ("http match=headers.accept-language", "http", []),
    "sequence=no": ("http", "http sequence=no", []),
    "a line for some": ("http", "http only=POST ignore=body.run,query", OTHER_RUN),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "changes"), HTTP.values(), ids=HTTP)
def test_requests_follow_their_line(
    project, service, monkeypatch, before, after, changes
):
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(ASKS)
    project.ini(before)
    project.record().expect(passed=1)
    service.stop()
    project.ini(after)
    test = ASKS
    for change in changes:
        test = test.replace(*change)
    project.tests(test)

    project.replay().expect(passed=1)


SQL = """
    import sqlalchemy as sa

    engine = sa.create_engine("sqlite:///" + os.environ["DATABASE"])

    def add(name, made):
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS users (name, made)"))
            connection.execute(
                sa.text("INSERT INTO users VALUES (:name, :made)"),
                {"name": name, "made": made},
            )
            return connection.scalar(sa.text("SELECT count(*) FROM users"))
"""

"""Recordings of clients follow their line: recorded with the service there, replayed with it gone."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import loopback
from support.loopback import Server, serving

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import RedisServer
    from support.rekeying import Rekey

pytest_plugins = ("support.database_servers", "support.rekeying")


class Model(loopback.Handler):
    """Answers each prompt with the number of the request."""

    def do_POST(self) -> None:
        """Answer a prompt."""
        asked = json.loads(self.body())
        self.server.seen.append(asked)  # type: ignore[attr-defined]
        number = len(self.server.seen)  # type: ignore[attr-defined]
        if asked.get("again"):
            number = 0
        self.json({"number": number, "prompt": asked["prompt"]}, X_Number=str(number))


@pytest.fixture
def service() -> Iterator[Server]:
    """A service that answers prompts."""
    with serving(Server(Model)) as server:
        yield server


SHOP = """
    import json, os
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
    "a path with a star": (
        "http ignore=query,body.run",
        "http ignore=query,body.run,body.*.id",
        OTHER_ID,
    ),
    "any part": ("http", "http ignore=*.run,*.key", OTHER_RUN),
    "a whole part": ("http", "http ignore=body,query.key", OTHER_RUN),
    "parts that count again": ("http ignore=query,body.run", "http", []),
    "a match that goes": ("http match=headers.accept-language", "http", []),
    "a match on a part": ("http ignore=query", "http match=body.prompt", []),
    "a match on a header": ("http", "http match=headers.accept-language", []),
    "sequence=no": ("http", "http sequence=no", []),
    "a line for some": ("http", "http only=POST ignore=body.run,query", OTHER_RUN),
}


@pytest.mark.parametrize(("before", "after", "changes"), HTTP.values(), ids=HTTP)
def test_requests_follow_their_line(
    project: Project,
    service: Server,
    rekey: Rekey,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    after: str,
    changes: list[tuple[str, str]],
) -> None:
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

    code, lines = rekey()

    assert code == 0, lines
    project.replay().expect(passed=1)
    assert rekey()[0] == 0


def test_answers_to_equal_requests_of_one_test_keep_their_order(
    project: Project, service: Server, rekey: Rekey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two tests has its own sequence."""
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests("""
        import shop

        def test_one():
            assert [shop.ask("tea", run=run) for run in "bab"] == [1, 2, 3]

        def test_two():
            assert [shop.ask("tea", run=run) for run in "ab"] == [4, 5]
    """)
    project.ini("http")
    project.record("-p", "no:randomly").expect(passed=2)
    service.stop()
    project.ini("http ignore=query,body.run")

    assert rekey()[0] == 0
    project.replay().expect(passed=2)


def test_different_answers_stay_where_one_recording_serves_all(
    project: Project, service: Server, rekey: Rekey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal answers of two tests become one, although the server's headers differ."""
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests("""
        import shop

        def test_one():
            assert shop.ask("tea", again=True) == 0
            assert shop.ask("milk") == 2

        def test_two():
            assert shop.ask("tea", again=True) == 0
            shop.ask("milk")
    """)
    project.ini("http")
    project.record("-p", "no:randomly").expect(passed=2)
    service.stop()
    project.ini("http sequence=no")

    code, lines = rekey()

    assert code == 1
    assert any("test_two" in line for line in lines)
    assert any("--mimic-rerecord" in line for line in lines)
    project.replay().expect(failed=2)


CANNOT = {
    "from all tests to their own": (
        "http sequence=no",
        "http",
        "sequence=no",
    ),
}


@pytest.mark.parametrize(("before", "after", "reason"), CANNOT.values(), ids=CANNOT)
def test_what_is_not_kept_is_said(
    project: Project,
    service: Server,
    rekey: Rekey,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    after: str,
    reason: str,
) -> None:
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(ASKS)
    project.ini(before)
    project.record().expect(passed=1)
    kept = project.files()
    project.ini(after)

    code, lines = rekey()

    assert code == 1
    assert any(reason in line for line in lines)
    assert project.files() == kept


SQL = """
    import os
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


def test_statements_follow_their_line(
    project: Project, rekey: Rekey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy")
    test = """
        import shop

        def test_one():
            assert shop.add("Ann", made=1) == 1
            assert shop.add("Bob", made=b"2") == 2
            shop.engine.dispose()
    """
    monkeypatch.setenv("DATABASE", str(tmp_path / "users.db"))
    project.module(SQL)
    project.tests(test)
    project.ini("sqlalchemy")
    project.record().expect(passed=1)
    monkeypatch.setenv("DATABASE", str(tmp_path / "gone" / "users.db"))
    project.ini("sqlalchemy ignore=params.made")
    project.tests(test.replace("made=1", "made=7"))

    code, lines = rekey()

    assert code == 0, lines
    project.replay().expect(passed=1)


def test_commands_of_redis_follow_their_line(
    project: Project,
    redis_server: RedisServer,
    rekey: Rekey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    test = """
        import os, redis

        def test_one():
            with redis.Redis(port=int(os.environ["PORT"])) as client:
                assert client.set("user:1", "made 1")
                assert client.get("user:1") == b"made 1"
                assert client.set("user:2", "made 2")
                assert client.pipeline().get("user:1").get("user:2").execute() == [
                    b"made 1", b"made 2"
                ]
    """
    monkeypatch.setenv("PORT", str(redis_server.port))
    project.tests(test)
    project.ini("redis")
    project.record().expect(passed=1)
    monkeypatch.setenv("PORT", "1")
    project.ini("redis ignore=arguments.words.0")
    project.tests(test.replace('set("user:1", "made 1")', 'set("user:1", "now 7")'))

    code, lines = rekey()

    assert code == 0, lines
    project.replay().expect(passed=1)


def test_calls_of_grpc_follow_their_line(
    project: Project, rekey: Rekey, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("grpc_tools", reason="needs grpcio-tools")
    from support.grpc_server import running_library

    test = """
        import os, grpc
        from support.grpc_server import protos, services

        def test_one():
            with grpc.insecure_channel(os.environ["LIBRARY"]) as channel:
                stub = services.LibraryStub(channel)
                assert stub.Find(protos.Wish(title="Emma", count=1)).title == "Emma"
                wish = protos.Wish(title="Emma", count=2)
                assert [book.title for book in stub.List(wish)] == ["Emma 0", "Emma 1"]
    """
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
    project.process = True
    project.tests(test)
    project.ini("grpc")
    with running_library() as library:
        monkeypatch.setenv("LIBRARY", library.target)
        project.record().expect(passed=1)
    project.ini("grpc ignore=request.count sequence=no")
    project.tests(test.replace("count=1", "count=5"))

    code, lines = rekey()

    assert code == 0, lines
    project.replay().expect(passed=1)


@pytest.mark.rare
def test_calls_of_mcp_follow_their_line(project: Project, rekey: Rekey) -> None:
    pytest.importorskip("mcp")
    support = Path(__file__).parents[1] / "support"
    server = project.root / "server.py"
    test = f"""
        import asyncio
        from mcp import Client, StdioServerParameters

        SERVER = StdioServerParameters(command={sys.executable!r}, args=["server.py"])

        def test_one():
            async def main():
                async with Client(SERVER) as client:
                    said = await client.call_tool("say", {{"text": "one"}})
                    return said.structured_content["text"]

            assert "one" in asyncio.run(main())
    """
    project.process = True
    shutil.copy(support / "mcp_stdio_server.py", server)
    project.write("answer", "as usual")
    project.tests(test)
    project.ini("mcp")
    project.record().expect(passed=1)
    server.unlink()
    project.ini("mcp ignore=params.arguments.text")
    project.tests(test.replace('{"text": "one"}', '{"text": "two"}'))

    code, lines = rekey()

    assert code == 0, lines
    project.replay().expect(passed=1)


def test_the_ids_of_a_service_follow(
    project: Project, service: Server, rekey: Rekey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first wish of three trials: ids made anew were recorded, and are ignored later."""
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests("""
        import uuid
        import shop

        def test_one():
            ids = [str(uuid.uuid4()) for _ in range(3)]
            assert [shop.ask("tea", run=each) for each in ids] == [1, 2, 3]
    """)
    project.ini("http")
    project.record().expect(passed=1)
    service.stop()
    project.replay().expect(failed=1)
    project.ini("http ignore=query.key,body.run")

    assert rekey()[0] == 0
    project.replay().expect(passed=1)


def test_the_date_in_a_prompt_follows(
    project: Project, service: Server, rekey: Rekey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the message with the date is ignored: another question is a miss."""
    test = """
        import shop

        def test_one():
            messages = [{"content": "Today is Monday."}, {"content": "About tea?"}]
            assert shop.ask("x", messages=messages) == 1
    """
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(test)
    project.ini("http")
    project.record().expect(passed=1)
    service.stop()
    project.ini("http ignore=body.messages.0.content")

    assert rekey()[0] == 0
    project.tests(test.replace("Monday", "Tuesday"))
    project.replay().expect(passed=1)
    project.tests(test.replace("About tea", "Delete everything"))
    project.replay().expect(failed=1)


def test_a_miss_of_a_request_names_the_option_that_differs(
    project: Project, service: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(ASKS)
    project.ini("http")
    project.record().expect(passed=1)
    service.stop()
    project.ini("http sequence=no")

    project.replay().expect(
        failed=1,
        says=["pytest-mimic rekey"],
    )

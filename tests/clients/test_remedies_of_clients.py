"""What a miss of a client prints is pasted, and the message is gone.

Another question is still a miss.

The same table of functions, of HTTP and of SQL is in `tests/integration/test_remedies.py`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest_plugins = ("support.database_servers",)

TESTS = Path(__file__).parents[1]

# Each run has a number, and each test asks something.
VALUES = """
import datetime, os, uuid

ASK = os.environ["ASK"]


def uuid4(): return str(uuid.uuid4())
def iso(): return datetime.datetime.now(datetime.timezone.utc).isoformat()
"""

REDIS = """
import os, redis
client = redis.Redis.from_url(os.environ["REDIS_URL"])
"""

GRPC = """
import os, grpc
from support.grpc_server import protos, services

stub = services.LibraryStub(grpc.insecure_channel(os.environ["LIBRARY"]))

def find(title, **fields):
    return stub.Find(protos.Wish(title=title, **fields)).title

def books(title, **fields):
    wish = protos.Wish(title=title, count=1, **fields)
    return [book.title for book in stub.List(wish)]
"""

MCP = """
import asyncio, sys
from mcp import Client, StdioServerParameters

SERVER = StdioServerParameters(command=sys.executable, args=["server.py"])


def say(**arguments):
    async def main():
        async with Client(SERVER, mode="legacy") as client:
            return (await client.call_tool("say", arguments)).structured_content
    return asyncio.run(main())
"""


class Situation(NamedTuple):
    """A call of a client with a part that is made anew, and what helps it."""

    #: The client, and what is asked with it.
    client: str
    body: str
    #: The line of the ini file that is printed. Empty: none.
    line: str


MODULES = {
    "redis": ("redis", "kept", REDIS),
    "grpc": ("grpc", "books", GRPC),
    "mcp": ("mcp", "talks", MCP),
}

SITUATIONS = {
    "redis, a moment": Situation(
        "redis",
        "kept.client.hset(ASK, 'at', values.iso())",
        "redis ignore=arguments.fields.at",
    ),
    "redis, an id": Situation(
        "redis", "kept.client.set('run', ASK + ' ' + values.uuid4())", ""
    ),
    "grpc, a moment": Situation(
        "grpc",
        "books.find(ASK, sent_at=values.iso())",
        "grpc ignore=request.sent_at",
    ),
    "grpc, an id in a stream": Situation(
        "grpc",
        "books.books(ASK, sent_at=values.uuid4())",
        "grpc ignore=request.sent_at",
    ),
    "mcp, an id": Situation(
        "mcp",
        "talks.say(text=ASK, run=values.uuid4())",
        "mcp ignore=params.arguments.run",
    ),
}


class Asking:
    """A project, run after run, whose tests ask `ASK`."""

    def __init__(self, project: Any) -> None:
        self.project = project
        project.process = True
        project.write("values.py", VALUES)
        self.ask = "tea"

    def run(self, *args: str, **options: Any) -> Any:
        return self.project.run(*args, env={"ASK": self.ask}, **options)

    def paste(self, command: str) -> Any:
        """Run a command that was printed, as a shell would."""
        program, *args = shlex.split(command)
        assert program == "pytest"
        return self.run(*args)


@pytest.fixture
def asking(
    project: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[str], Asking]:
    """Make a project with the server of a client, which runs."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)

    def make(client: str) -> Asking:
        pytest.importorskip(client)
        target, module, text = MODULES[client]
        if client == "redis":
            server = request.getfixturevalue("redis_server")
            monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{server.port}/0")
        elif client == "grpc":
            monkeypatch.setenv("LIBRARY", request.getfixturevalue("library").target)
        elif client == "mcp":
            shutil.copy(
                TESTS / "support/mcp_stdio_server.py", project.root / "server.py"
            )
            project.write("answer", "as usual")
        made = Asking(project)
        project.ini(target)
        project.write(f"{module}.py", text)
        return made

    return make


@pytest.fixture
def library() -> Iterator[Any]:
    pytest.importorskip("grpc_tools", reason="needs grpcio-tools")
    from support.grpc_server import running_library

    with running_library() as server:
        yield server


def ignoring(lines: list[str]) -> list[str]:
    """Return the lines of the ini file that are printed, each once."""
    found = [re.search(r"[\w.]+ ignore=\S+", line) for line in lines]
    return list(dict.fromkeys(one[0] for one in found if one))


def last_command(lines: list[str]) -> str:
    """Return the last command that is printed for tests."""
    found = [re.search(r"pytest --mimic-r\S+ .*", line) for line in lines]
    return [one[0] for one in found if one][-1]


@pytest.mark.rare
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_what_a_miss_of_a_client_prints_ends_it(asking, situation) -> None:
    shop = asking(situation.client)
    module = MODULES[situation.client][1]
    shop.project.tests(
        f"import {module}, values\nfrom values import ASK\n\n"
        f"def test_it():\n    {situation.body}\n"
    )
    shop.run("--mimic-record").expect(passed=1)

    printed = shop.run().expect(failed=1).output.splitlines()

    command = last_command(printed)
    lines = ignoring(printed)
    if situation.line:
        assert lines == [situation.line]
        shop.project.ini(*lines)
    else:
        assert not lines
        return
    shop.paste(command).expect(passed=1)
    shop.run().expect(passed=1)
    shop.ask = "coffee"
    shop.run().expect(failed=1)

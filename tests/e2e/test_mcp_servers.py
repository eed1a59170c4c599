"""A session with an MCP server is recorded and replayed: over HTTP, with a server of a wider fixture, and together with the line `http`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.ports import held_port

pytest.importorskip("mcp")

CONFORMANCE = Path(__file__).parent / "conformance"
TALKS = """
import asyncio
import sys

import pytest
from mcp import Client, StdioServerParameters


def talk(server, *texts):
    async def main():
        async with Client(server) as client:
            tools = sorted(tool.name for tool in (await client.list_tools()).tools)
            page = (await client.read_resource("weather://Oslo")).contents[0].text
            said = [(await client.call_tool("say", {"text": text})).structured_content["text"] for text in texts]
            return tools, page, said

    return asyncio.run(main())


STDIO = StdioServerParameters(command=sys.executable, args=["server.py"])
SAID = (["consult", "count", "log_in", "say"], "rain in Oslo")
"""


@pytest.fixture
def talks(project):
    """A project with a server that can be started."""
    project.process = True
    project.ini("mcp", "http")
    shutil.copy(CONFORMANCE / "stdio_server.py", project.root / "server.py")
    project.write("answer", "as usual")
    project.write("talks.py", TALKS)
    return project


@contextmanager
def running(root: Path, transport: str) -> Iterator[int]:
    """Yield the port of a server over HTTP."""
    with held_port() as port:
        command = [sys.executable, str(CONFORMANCE / "mcp_server.py"), str(port), transport]
        process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running" in line:
                break
        try:
            yield port
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.promise("an MCP session replays, and no server starts")
@pytest.mark.parametrize(
    ("transport", "server"),
    [("streamable-http", "'http://127.0.0.1:{}/mcp'"), ("sse", "sse_client('http://127.0.0.1:{}/sse')")],
)
def test_a_session_over_http_is_recorded_once_and_replays_without_a_server(talks, transport, server):
    with running(talks.root, transport) as port:
        test = """
            from mcp.client.sse import sse_client
            from talks import SAID, talk

            def test_talk():
                assert talk(SERVER, 'a', 'b') == (*SAID, ['a', 'b'])
            """
        talks.write("test_talk.py", test.replace("SERVER", server.format(port)))
        recorded = talks.run("--mimic-record")
        talks.run("--mimic-verify").expect(passed=1)

    recorded.expect(passed=1)
    assert {name.split("/")[1] for name in recorded.vault} == {"mcp"}
    talks.run().expect(passed=1)


@pytest.mark.promise("an MCP session replays, and no server starts")
def test_a_server_over_stdio_does_not_start_in_a_replay(talks):
    talks.write(
        "test_talk.py",
        "from talks import SAID, STDIO, talk\n\ndef test_talk():\n    assert talk(STDIO, 'a') == (*SAID, ['a'])\n",
    )
    talks.run("--mimic-record").expect(passed=1)
    talks.root.joinpath("started").unlink()

    talks.run(hash_seed=7).expect(passed=1)
    assert not talks.root.joinpath("started").exists()


HELD = """
    import asyncio

    import pytest
    from mcp import Client
    from mcp_types import CreateMessageResult, TextContent
    from talks import STDIO

    asked = []

    async def sample(_context, params):
        asked.append(params.messages[0].content.text)
        content = TextContent(type="text", text=f"yes, {asked[-1]}")
        return CreateMessageResult(role="assistant", model="m", content=content)

    @pytest.fixture(scope="module")
    def call():
        loop = asyncio.new_event_loop()
        ready, end = asyncio.Event(), asyncio.Event()
        clients = []

        async def hold():
            async with Client(STDIO, mode="legacy", sampling_callback=sample) as client:
                clients.append(client)
                ready.set()
                await end.wait()

        task = loop.create_task(hold())
        loop.run_until_complete(ready.wait())
        yield lambda tool, **given: loop.run_until_complete(clients[0].call_tool(tool, given)).content[0].text
        end.set()
        loop.run_until_complete(task)
        loop.close()
    """
TESTS = """
    def test_one(call):
        assert "yes, one" in call("consult", question="one")
        assert asked == ["one"]

    def test_two(call):
        assert '"text": "two"' in call("say", text="two")
        assert asked == ["one"]
    """


def test_a_new_call_over_a_session_of_a_wider_fixture_runs_after_what_was_replayed(talks):
    """The real server starts then, is told first what the client has said so far, and gets the same answers."""
    talks.write("test_talk.py", HELD + TESTS)
    talks.run("--mimic-record").expect(passed=2)
    talks.write("test_talk.py", HELD + TESTS.replace('"two"', '"three"'))

    talks.run("--mimic-record").expect(passed=2, says=["1 call recorded"])
    talks.root.joinpath("server.py").unlink()
    talks.run().expect(passed=2)


def test_a_miss_in_a_group_of_exceptions_is_a_miss(talks):
    talks.write("test_talk.py", "from talks import STDIO, talk\n\ndef test_talk():\n    talk(STDIO)\n")

    run = talks.run()

    run.expect(failed=1, says=["MissingRecordingError: no recording of mcp", "1 call missing"])
    assert not talks.root.joinpath("started").exists()

"""A session with an MCP server is recorded and replayed: over stdio by `mcp`, and over HTTP by `http`."""

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


def talk(server, *texts, mode="auto"):
    async def main():
        async with Client(server, mode=mode) as client:
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


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_session_over_http_is_recorded_by_the_line_http(talks, mode):
    """In the legacy mode the client listens, too, by a GET."""
    with running(talks.root, "streamable-http") as port:
        test = f"""
            from talks import SAID, talk

            def test_talk():
                assert talk('http://127.0.0.1:{port}/mcp', 'a', 'b', mode={mode!r}) == (*SAID, ['a', 'b'])
            """
        talks.write("test_talk.py", test)
        recorded = talks.run("--mimic-record")
        talks.run("--mimic-verify").expect(passed=1)

    recorded.expect(passed=1, never=["cancelled"])
    assert {name.split("/")[1] for name in recorded.vault if name.startswith("calls/")} == {"http"}
    talks.run().expect(passed=1, never=["missing"])


def test_a_server_over_stdio_does_not_start_in_a_replay(talks):
    talks.write(
        "test_talk.py",
        "from talks import SAID, STDIO, talk\n\ndef test_talk():\n    assert talk(STDIO, 'a') == (*SAID, ['a'])\n",
    )
    talks.run("--mimic-record").expect(passed=1)
    talks.root.joinpath("started").unlink()

    talks.run(hash_seed=7).expect(passed=1)
    assert not talks.root.joinpath("started").exists()


def test_a_session_in_which_the_server_asks_the_client_is_refused(talks):
    talks.write(
        "test_talk.py",
        """
        import asyncio
        from mcp import Client
        from mcp_types import CreateMessageResult, TextContent
        from talks import STDIO

        async def sample(_context, params):
            return CreateMessageResult(role="assistant", model="m", content=TextContent(type="text", text="yes"))

        def test_talk():
            async def main():
                async with Client(STDIO, mode="legacy", sampling_callback=sample) as client:
                    return (await client.call_tool("consult", {"question": "one"})).content[0].text
            assert "yes" in asyncio.run(main())
        """,
    )

    run = talks.run("--mimic-record")

    run.expect(
        failed=1, says=["the server asks the client for sampling/createMessage", "name the function around"]
    )


def test_a_session_over_http_without_the_line_http_is_an_error(talks):
    talks.ini("mcp")
    talks.write(
        "test_talk.py", "from talks import talk\n\ndef test_talk():\n    talk('http://127.0.0.1:1/mcp')\n"
    )

    talks.run("--mimic-record").expect(failed=1, says=["is recorded by the line http"])


def test_a_miss_in_a_group_of_exceptions_is_a_miss(talks):
    talks.write("test_talk.py", "from talks import STDIO, talk\n\ndef test_talk():\n    talk(STDIO)\n")

    run = talks.run()

    run.expect(failed=1, says=["MissingRecordingError: no recording of mcp", "1 call missing"])
    assert not talks.root.joinpath("started").exists()

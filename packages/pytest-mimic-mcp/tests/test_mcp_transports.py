"""A session with an MCP server is recorded and replayed: over stdio by `mcp`, and over HTTP by `http`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.ports import held_port

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="mcp is not installed")

SUPPORT = Path(__file__).parents[3] / "tests" / "support"
TALKS = """
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


@pytest.fixture(scope="module", autouse=True)
def _mcp_is_loaded():
    """Load it before a test: each test forgets what it was first to import."""
    import_module("mcp")


@pytest.fixture
def talks(project):
    """A project with a server that can be started."""
    project.ini("mcp", "http")
    shutil.copy(SUPPORT / "mcp_stdio_server.py", project.root / "server.py")
    project.write("answer", "as usual")
    project.write("talks.py", TALKS)
    return project


@contextmanager
def running(root, transport):
    """Yield the port of a server over HTTP."""
    with held_port() as port:
        command = [
            sys.executable,
            str(SUPPORT / "mcp_http_server.py"),
            str(port),
            transport,
        ]
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


@pytest.mark.rare
def test_a_session_over_http_is_recorded_by_the_line_http(talks):
    """In the legacy mode the client listens, too, by a GET."""
    with running(talks.root, "streamable-http") as port:
        test = f"""
            import pytest
            from talks import SAID, talk

            @pytest.mark.parametrize("mode", ["auto", "legacy"])
            def test_talk(mode):
                assert talk('http://127.0.0.1:{port}/mcp', 'a', 'b', mode=mode) == (*SAID, ['a', 'b'])
            """
        talks.write("test_talk.py", test)
        recorded = talks.run("--mimic-record").expect(passed=2, never=["cancelled"])
        talks.run("--mimic-verify").expect(passed=2)

    assert {call.target for call in recorded.calls} == {"http"}
    talks.run().expect(passed=2, never=["missing"])


EVERYTHING = """
from mcp import ClientSession, stdio_client
from talks import SAID, STDIO, talk


async def session():
    steps = []

    async def progress(step, all_steps, _):
        steps.append((step, all_steps))

    async with stdio_client(STDIO) as streams, ClientSession(*streams) as session:
        await session.initialize()
        await session.call_tool("count", {"steps": 3}, progress_callback=progress)
        said = await asyncio.gather(*(session.call_tool("say", {"text": f"text {n}"}) for n in range(5)))
        with pytest.raises(Exception, match="unknown: "):
            await session.read_resource("nothing://here")
        await session.call_tool("log_in", {"api_key": "sk-4711-planted-0815"})
        return steps, [one.structured_content for one in said]


def test_session():
    steps, said = asyncio.run(session())
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert said == [{"text": f"text {n}", "answer": "as usual"} for n in range(5)]


def test_talk():
    assert talk(STDIO, "a") == (*SAID, ["a"])
"""


def test_a_server_over_stdio_does_not_start_in_a_replay(talks):
    """Tools, progress, errors and calls at the same time replay; a changed answer is drift; no secret is stored."""
    talks.write("test_talk.py", EVERYTHING)
    unnamed = ["processes in which nothing is mimicked"]
    recorded = talks.run("--mimic-record").expect(passed=2, never=unnamed)
    talks.run("--mimic-verify").expect(passed=2, never=unnamed)
    talks.root.joinpath("started").unlink()
    talks.run(hash_seed=2).expect(passed=2)
    assert not talks.root.joinpath("started").exists()

    talks.write("answer", "otherwise")
    drifted = talks.run("--mimic-verify").expect(
        failed=2, says=["'as usual' recorded, 'otherwise' now"]
    )
    talks.ini("mcp compare=shape")
    talks.run("--mimic-verify").expect(passed=2)

    assert (
        "sk-4711-planted"
        not in b"".join(recorded.vault.values()).decode()
        + recorded.output
        + drifted.output
    )


def test_a_cancelled_call_of_a_tool_waits_in_a_replay(talks):
    """The calls behind it keep their places."""
    talks["test_talk.py"] = """
        from mcp import ClientSession, stdio_client
        from talks import STDIO

        async def main():
            async with stdio_client(STDIO) as streams, ClientSession(*streams) as session:
                await session.initialize()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(session.call_tool("wait", {}), 1)
                said = await session.call_tool("say", {"text": "after"})
                return said.structured_content["text"]

        def test_talk():
            assert asyncio.run(main()) == "after"
    """
    recorded = talks.run("--mimic-record").expect(passed=1, never=["not recorded"])
    talks.write("hurries", "")
    talks.run("--mimic-verify").expect(passed=1)
    talks.root.joinpath("started").unlink()

    talks.run().expect(passed=1)

    assert not talks.root.joinpath("started").exists()
    assert [call.end for call in recorded.calls].count("waiting") == 1


def test_a_server_that_ends_without_an_answer_ends_so_in_a_replay(talks):
    """The client is told at once that the connection is closed."""
    talks["test_talk.py"] = """
        from mcp import ClientSession, MCPError, stdio_client
        from talks import STDIO

        async def main():
            async with stdio_client(STDIO) as streams, ClientSession(*streams) as session:
                await session.initialize()
                with pytest.raises(MCPError, match="Connection closed"):
                    await session.call_tool("crash", {})

        def test_talk():
            asyncio.run(main())
    """
    recorded = talks.run("--mimic-record").expect(passed=1, says=["CALL crash"])
    talks.run("--mimic-verify").expect(passed=1)
    talks.root.joinpath("started").unlink()

    talks.run().expect(passed=1, says=["2 calls replayed"], never=["waited"])

    assert not talks.root.joinpath("started").exists()
    assert "waiting" not in [call.end for call in recorded.calls]


def test_what_cannot_be_recorded_names_the_remedy(talks):
    """A server that asks the client, and a session over HTTP that only a line `mcp` would take."""
    talks.ini("mcp")
    talks["test_talk.py"] = """
        from mcp import Client
        from mcp_types import CreateMessageResult, TextContent
        from talks import STDIO, talk

        async def sample(_context, params):
            return CreateMessageResult(role="assistant", model="m", content=TextContent(type="text", text="yes"))

        def test_asking():
            async def main():
                async with Client(STDIO, mode="legacy", sampling_callback=sample) as client:
                    return (await client.call_tool("consult", {"question": "one"})).content[0].text
            assert "yes" in asyncio.run(main())

        def test_http():
            talk("http://127.0.0.1:1/mcp")
    """

    asks = "server sends the client a request of its own (sampling/createMessage)"
    remedy = "name your function that opens the session in mimic_functions"
    over_http = "This one is over HTTP: add a line http to mimic_functions"
    run = talks.run("--mimic-record")

    run.expect(failed=2, says=[asks, remedy, over_http])


def test_a_new_request_with_sequence_no_names_the_option_that_records_it(talks):
    """The handshake is replayed, so that no server can answer this request alone."""
    talks.ini("mcp sequence=no")
    test = "from talks import SAID, STDIO, talk\n\ndef test_talk():\n    assert talk(STDIO, 'a')[2] == ['a']\n"
    talks.write("test_talk.py", test)
    talks.run("--mimic-record").expect(passed=1)
    talks.write("test_talk.py", test.replace("'a'", "'b'"))

    talks.run().expect(
        failed=1,
        says=["pytest --mimic-rerecord test_talk.py::test_talk"],
        never=["--mimic-record "],
    )
    talks.run("--mimic-rerecord", "test_talk.py::test_talk").expect(passed=1)


def test_a_miss_in_a_group_of_exceptions_is_a_miss(talks):
    talks.write(
        "test_talk.py",
        "from talks import STDIO, talk\n\ndef test_talk():\n    talk(STDIO)\n",
    )

    talks.run().expect(failed=1, says=["MissingRecordingError"])
    assert not talks.root.joinpath("started").exists()


MISSING = """
from mcp import Client, StdioServerParameters, stdio_client

BAD = StdioServerParameters(command="no-such-command", args=["--token", "x"])


async def ask():
    async with Client(BAD) as client:
        await client.list_tools()


async def enter():
    async with stdio_client(BAD):
        pass


def test_ask():
    with pytest.raises(FileNotFoundError, match="No such file"):
        asyncio.run(ask())


def test_enter():
    for _ in range(2):
        with pytest.raises(FileNotFoundError) as raised:
            asyncio.run(enter())
        assert raised.value.filename == "no-such-command"
        assert raised.value.errno == 2
"""


def test_a_missing_command_raises_where_it_does_live(talks):
    """Alone, and before any request."""
    talks.write("test_missing.py", MISSING)
    talks.run("--mimic-live").expect(passed=2)

    talks.run("--mimic-record").expect(passed=2)

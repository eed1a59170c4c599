"""Of secrets that are planted in calls of MCP no byte is stored or shown."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.planted import assert_hidden, planted

MCP = """
    from mcp import Client, StdioServerParameters

    PLANTED = os.environ["PLANTED"].split()
    SERVER = StdioServerParameters(
        command=sys.executable,
        args=["server.py", "--token", PLANTED[0], "--api-key=" + PLANTED[6]],
        env={"API_KEY": PLANTED[1]},
    )
    MISSING = StdioServerParameters(command="no-such", args=["--token", PLANTED[0]])

    async def talk():
        async with Client(SERVER) as client:
            await client.call_tool("log_in", {"api_key": PLANTED[2]})
            nested = {"text": "a", "user": {"password": PLANTED[3]}, "again": PLANTED[3]}
            await client.call_tool("say", nested)
            await client.call_tool("say", {"text": json.dumps({"token": PLANTED[4]})})
            headers = {"Authorization": "Bearer " + PLANTED[7]}
            await client.call_tool("say", {"text": "b", "headers": headers})
            variables = [{"name": "API_KEY", "value": PLANTED[8]}]
            await client.call_tool("say", {"text": "c", "env": variables})
            patch = {"op": "add", "path": "/password", "value": PLANTED[9]}
            await client.call_tool("say", {"text": "d", "changes": [patch]})
            await client.call_tool("say", {"text": f"https://ann:{PLANTED[5]}@shop.test/"})

    def test_mcp():
        asyncio.run(talk())

    def test_missing(mimic_mode):
        if mimic_mode == "record":  # A start that fails is not recorded.
            with pytest.raises(FileNotFoundError):
                asyncio.run(talk_to_nobody())

    async def talk_to_nobody():
        async with Client(MISSING) as client:
            await client.list_tools()
"""


def test_none_of_those_of_mcp_is_stored_or_shown(project):
    secrets = [planted(600 + number) for number in range(10)]
    server = Path(__file__).parents[3] / "tests/support/mcp_stdio_server.py"
    shutil.copy(server, project.root / "server.py")
    project.write("answer", "as usual")
    project.ini("mcp")
    project.write("test_plants.py", MCP)
    project.process = True
    env = {"PLANTED": " ".join(secrets)}

    run = project.record("--mimic-report=page.html", env=env)
    project.root.joinpath("server.py").unlink()
    replayed = project.run(env=env)

    assert_hidden(project, run, replayed, secrets)

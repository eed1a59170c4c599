"""An MCP server: over stdio, or over HTTP on the port that it is given. Its answer stands in a file."""

import sys
from pathlib import Path

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("answers")
FOLDER = Path(__file__).parent
FOLDER.joinpath("started").open("a").write("started\n")


@server.tool()
def say(text: str) -> dict[str, str]:
    return {"text": text, "answer": FOLDER.joinpath("answer").read_text(encoding="utf-8")}


@server.tool()
async def count(steps: int, ctx: Context) -> str:
    for step in range(steps):
        await ctx.report_progress(step + 1, steps)
    return "counted"


@server.tool()
def log_in(api_key: str) -> dict[str, str]:
    return {"access_token": api_key}


@server.resource("weather://{city}")
def weather(city: str) -> str:
    return f"rain in {city}"


if __name__ == "__main__":
    if sys.argv[1:]:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")

"""An MCP server over HTTP on the port that it is given, made with the SDK."""

import sys

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("answers")


@server.tool()
def say(text: str) -> dict[str, str]:
    return {"text": text, "answer": "as usual"}


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
    server.run("streamable-http", port=int(sys.argv[1]))

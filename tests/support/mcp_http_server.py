"""An MCP server over HTTP, made with the SDK, on the port and by the transport that it is given."""

import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import SamplingMessage, TextContent

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


@server.tool()
async def consult(question: str, ctx: Context) -> str:
    """Ask the client's model."""
    message = SamplingMessage(
        role="user", content=TextContent(type="text", text=question)
    )
    return (await ctx.session.create_message([message], max_tokens=9)).content.text


@server.resource("weather://{city}")
def weather(city: str) -> str:
    return f"rain in {city}"


if __name__ == "__main__":
    server.run(sys.argv[2], port=int(sys.argv[1]))

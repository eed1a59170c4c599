"""Calls the tools of an MCP server over stdio."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters, stdio_client

SECRET = "sk-4711-conformance-0815"


@asynccontextmanager
async def connected():
    server = StdioServerParameters(command=sys.executable, args=[os.environ["MCP_SERVER"]])
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


async def call_async(text):
    async with connected() as session:
        return (await session.call_tool("say", {"text": text})).structured_content


def call(text):
    return asyncio.run(call_async(text))


def fail():
    async def main():
        async with connected() as session:
            await session.read_resource("nothing://here")

    asyncio.run(main())


def stream(_text):
    async def main():
        seen = []

        async def progress(step, steps, _message):
            seen.append((step, steps))

        async with connected() as session:
            await session.call_tool("count", {"steps": 3}, progress_callback=progress)
        return seen

    return asyncio.run(main())


def send_secret():
    async def main():
        async with connected() as session:
            await session.call_tool("log_in", {"api_key": SECRET})

    asyncio.run(main())

"""The adapter of MCP: what a request is, what is hidden, where a session begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from pytest_mimic.client import Adapter, Edge, Function, Plain, Port, around


class Mcp(Adapter):
    """MCP over stdio; over HTTP it is HTTP."""

    name = kind = "mcp"
    is_session = True

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return what opens a session."""
        wrap = around(partial(_stdio_client, port))
        yield Edge("mcp.client.stdio", ("stdio_client",), wrap)
        wrap_http = around(partial(_http_client, port))
        streamable = "mcp.client.streamable_http"
        for name in ("streamable_http_client", "streamablehttp_client"):
            yield Edge(streamable, (name,), wrap_http, is_optional=True)
        yield Edge("mcp.client.sse", ("sse_client",), wrap_http, is_optional=True)

    def signature(self, request: Plain) -> str:
        """Return `CALL say`, `READ weather://Oslo`, `GET greeting` or `LIST tools`."""
        return _request_words(request["method"], request.get("params", {}))

    def comparable(self, answer: Plain, other: Plain) -> Plain:  # noqa: ARG002
        """Return result or error."""
        return {name: answer[name] for name in ("result", "error") if name in answer}


@asynccontextmanager
async def _stdio_client(
    port: Port, original: Function, server: Any, *args: Any, **options: Any
) -> AsyncIterator[Any]:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            # What the server does is recorded: it is no process to be named.
            with port.unseen():
                opened = await stack.enter_async_context(start())
            yield opened

    start = partial(original, server, *args, **options)
    if port.takes():
        # The client is loaded by now.
        from pytest_mimic_mcp import sessions

        key = (server.command, *server.args)
        is_real = port.run.mode == "verify" or port.will_run()
        session = sessions.real if is_real else sessions.replayed
        opened = session(port, key, connect)
    else:
        opened = start()
    async with opened as streams:
        yield streams


def _http_client(port: Port, original: Function, *args: Any, **options: Any) -> Any:
    """Refuse a session over HTTP that nothing would record."""
    if port.takes() and not port.takes_any("httpx", "httpx2"):
        raise port.refuse(
            "a session of mcp cannot be recorded",
            ["The line mcp takes sessions over stdio"],
            [("This one is over HTTP: add a line http to mimic_functions", "")],
        )
    return original(*args, **options)


def _request_words(method: str, params: Mapping[str, object]) -> str:
    """Return what a request of MCP asks for.

    | method | words |
    |---|---|
    | `tools/call` | `CALL say` |
    | `resources/read` | `READ weather://Oslo` |
    | `tools/list` | `LIST tools` |
    | `initialize` | `INITIALIZE` |
    """
    what, _, verb = method.rpartition("/")
    resource = params.get("name", params.get("uri", what))
    return f"{verb.upper()} {resource}".rstrip()

"""The adapter of the SDK `mcp`: the transports of its client. In a replay no server starts, and nothing is connected.

Read against mcp 1.30 and 2.3. The session above stays real: the handshake, validation, callbacks, caches.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.mcp.mcp_messages import comparable_outcome
from pytest_mimic._clients.mcp.mcp_session import McpSession
from pytest_mimic._core.seam.base import Adapter, Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_RENAMED = (1, 24)
_OLD = "streamablehttp_client"


class McpAdapter(Adapter):
    """The adapter of `mcp`."""

    def edges(self) -> Sequence[Edge]:
        transports = [("stdio", "stdio_client"), ("sse", "sse_client"), *_http_transports()]
        return [Edge(f"mcp.client.{module}", (name,), _wrap) for module, name in transports]

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        return comparable_outcome(plain)

    def failure(self, plain: Any, /) -> str | None:
        """Return the code of an error of the protocol. The result of a tool may tell an error: that is an answer."""
        error = plain.get("error")
        return f"gave error {error.get('code')}" if isinstance(error, dict) else None


def _wrap(original: Callable[..., AbstractAsyncContextManager[Any]], port: Port) -> Callable[..., Any]:
    @wraps(original)
    def client(*args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
        real = partial(original, *args, **kwargs)
        if not port.taking():
            return real()
        server = args[0] if args else next(iter(kwargs.values()), None)
        return _connected(McpSession(port, server, real, gives_id=original.__name__ == _OLD))

    return client


@asynccontextmanager
async def _connected(session: McpSession) -> AsyncIterator[tuple[Any, ...]]:
    import anyio

    async with anyio.create_task_group() as tasks:
        try:
            yield session.open(tasks)
        finally:
            with anyio.CancelScope(shield=True):
                await session.close()
            tasks.cancel_scope.cancel()


def _http_transports() -> list[tuple[str, str]]:
    """Return the functions for streamable HTTP of the installed version: mcp 1.24 renamed it, mcp 2 dropped the old name."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        major, minor = map(int, version("mcp").split(".")[:2])
    except (PackageNotFoundError, ValueError):  # pragma: no cover (mcp is not installed)
        return []
    old = [("streamable_http", _OLD)] if major < 2 else []
    new = [("streamable_http", "streamable_http_client")] if (major, minor) >= _RENAMED else []
    return [*old, *new]

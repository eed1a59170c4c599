"""The adapter of the SDK `mcp`: the transport of its client over stdio.

In a replay no server starts.

Read against mcp 1.30 and 2.3. The session above stays real: the handshake, validation,
callbacks, caches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic.client import Adapter, Edge, TargetError

if TYPE_CHECKING:
    from pytest_mimic.client import Port

# The transports over HTTP, which `http` records. mcp 1.24 renamed the second one, and
# mcp 2 dropped its old name.
_OVER_HTTP = (
    ("sse", "sse_client"),
    ("streamable_http", "streamablehttp_client"),
    ("streamable_http", "streamable_http_client"),
)


class McpAdapter(Adapter):
    """The adapter of `mcp`."""

    waits = True

    def edges(self) -> Sequence[Edge]:
        edges = [Edge("mcp.client.stdio", ("stdio_client",), _wrap_stdio)]
        for module, name in _OVER_HTTP:
            module_of_transport = f"mcp.client.{module}"
            edges.append(
                Edge(module_of_transport, (name,), _wrap_http, is_optional=True)
            )
        return edges

    def comparable(self, outcome: Any, _other_outcome: Any = None, /) -> Any:
        """Return what verifying compares of a request: its answer.

        The SDK's own data in it and the messages before it do not count.
        """
        if "error" in outcome:
            return {"error": outcome["error"]}
        if not isinstance(outcome.get("result"), dict):
            return {}
        result = dict(outcome["result"])
        result.pop("_meta", None)
        return {"result": result}

    def failure(self, outcome: Any, /) -> str | None:
        """Return how a request failed, in words; None: it has a result.

        | the error | the words |
        |---|---|
        | of the server, `{"code": -32601, …}` | `gave error -32601` |
        | an exception while the server starts, `{"type": …}` | `raised OSError` |

        The result of a tool may tell an error: that is an answer.
        """
        error = outcome.get("error")
        if not isinstance(error, dict):
            return None
        if "code" in error:
            return f"gave error {error['code']}"
        return super().failure(outcome)


def _wrap_stdio(
    original: Callable[..., AbstractAsyncContextManager[Any]], port: Port
) -> Callable[..., Any]:
    """Give the client a session that the port records and replays."""

    @wraps(original)
    def client(*args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
        connect_for_real = partial(original, *args, **kwargs)
        if not port.taking():
            return connect_for_real()
        # The module imports what the SDK is built on.
        from pytest_mimic._clients.mcp.mcp_session import McpSession

        # The first argument, under whatever name, says which server to start.
        server = next(iter((*args, *kwargs.values())), None)
        return McpSession(port, server, connect_for_real).connected()

    return client


def _wrap_http(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Refuse a session over HTTP that nothing would record."""

    @wraps(original)
    def client(*args: Any, **kwargs: Any) -> Any:
        if port.taking() and not port.takes_kind("http"):
            with port.noting:
                raise TargetError(
                    "the line mcp records sessions over stdio. This one is over HTTP:"
                    " add a line http to mimic_functions"
                )
        return original(*args, **kwargs)

    return client

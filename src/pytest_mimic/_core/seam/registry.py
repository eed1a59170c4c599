"""The table of clients by name, and the edges at which their calls are intercepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

# The class of each client, as `module:Class`. Importing the module must not import the
# client.
CLIENTS = {
    "http": "pytest_mimic._clients.http.labels:EveryHttpClient",
    "httpx": "pytest_mimic._clients.http.httpx:HttpxAdapter",
    "httpx2": "pytest_mimic._clients.http.httpx:HttpxAdapter",
    "requests": "pytest_mimic._clients.http.labels:RequestsAdapter",
    "aiohttp": "pytest_mimic._clients.http.aiohttp:AiohttpAdapter",
    "urllib3": "pytest_mimic._clients.http.labels:Urllib3Adapter",
    "http.client": "pytest_mimic._clients.http.http_client:StdlibAdapter",
    "sqlalchemy": "pytest_mimic._clients.sql.sqlalchemy:SqlAdapter",
    "redis": "pytest_mimic._clients.redis.redis_client:RedisAdapter",
    "grpc": "pytest_mimic._clients.grpc.channels:GrpcAdapter",
    "mcp": "pytest_mimic._clients.mcp.mcp_transports:McpAdapter",
}
# The clients whose requests the line `http` takes. Their recordings lie under `http`.
HTTP_CLIENTS = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "http.client")
# The clients that a cassette takes if it names no targets, where they are installed:
# HTTP as one.
TAKEN_BY_CASSETTES = ("http", "sqlalchemy", "redis")
# Names that `ignore=` and `match=` accept at every client, so that one list of options
# can serve several.
COMMON_PARTS = ("host", "port", "headers", "query", "body", "params")

# The entry points of the adapters that other distributions bring.
_GROUP = "pytest_mimic.clients"


class Edge(NamedTuple):
    """A function of a client at which its calls are intercepted.

    It is patched when its module is imported; mimicking never imports a client.
    """

    module: str  # that defines it, `requests.adapters`
    path: tuple[str, ...]  # the names that lead to it there, `("HTTPAdapter", "send")`
    # Gets the original function and the engine's `Port`, and returns the function that
    # replaces it.
    wrap: Callable[[Callable[..., Any], Any], Callable[..., Any]]
    origin: str = ""  # the client whose port `wrap` gets; by default, the adapter's own
    excluded: bool = False  # as a target may be


def is_client(name: str) -> bool:
    """Return whether a line may name this client.

    The adapters of other distributions are looked up for unknown names only.
    """
    if name not in CLIENTS and name.isidentifier():
        from importlib.metadata import entry_points

        for found in entry_points(group=_GROUP, name=name):
            CLIENTS[name] = found.value
    return name in CLIENTS


def is_bundled(name: str) -> bool:
    return CLIENTS[name].startswith("pytest_mimic.")


def names_client(target: str) -> bool:
    """Return whether a recording's target is a client, which may not be installed here.

    A function has a colon.
    """
    return ":" not in target


def kind_of(name: str) -> str:
    """Return the name under which the recordings of a client lie."""
    return "http" if name in HTTP_CLIENTS else name

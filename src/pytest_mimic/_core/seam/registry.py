"""The table of clients by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Adapter

# The class of each client, as `module:Class`. Importing the module must not import the client.
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
# The clients that a cassette takes if it names no targets, where they are installed: HTTP as one.
TAKEN_BY_CASSETTES = ("http", "sqlalchemy", "redis")
# Names that `ignore=` and `match=` accept at every client, so that one list of options can serve several.
COMMON_PARTS = ("host", "port", "headers", "query", "body", "params")
_HTTP = ("host", "port", "scheme", "method", "path", "query", "headers", "body", "format")
# The parts of the calls of each kind of client, as `ignore=` and `match=` name them: no adapter is loaded to check a line.
_PARTS = {
    "http": _HTTP,
    "sqlalchemy": ("statement", "params", "database"),
    "redis": ("command", "commands", "database", "protocol"),
    "grpc": ("server", "method", "request", "metadata"),
    "mcp": ("server", "method", "params"),
}

# The entry points of the adapters that other distributions bring.
_GROUP = "pytest_mimic.clients"


def is_client(name: str) -> bool:
    """Return whether a line may name this client. The adapters of other distributions are looked up for unknown names only."""
    if name not in CLIENTS and name.isidentifier():
        from importlib.metadata import entry_points

        for found in entry_points(group=_GROUP, name=name):
            CLIENTS[name] = found.value
    return name in CLIENTS


def is_bundled(name: str) -> bool:
    return CLIENTS[name].startswith("pytest_mimic.")


def names_client(target: str) -> bool:
    """Return whether a recording's target is a client, which may not be installed here. A function has a colon."""
    return ":" not in target


def load_adapter(name: str) -> Adapter:
    """Return the adapter of a client by its name, without importing the client.

    Raises:
        TargetError: There is none, or that of another distribution cannot be imported.
    """
    if not is_client(name):
        raise TargetError(f"{name}: no installed distribution has an adapter for this client")
    from pytest_mimic._core.seam.base import Adapter

    module, _, class_name = CLIENTS[name].partition(":")
    try:
        adapter = getattr(import_module(module), class_name)(name)
        if not isinstance(adapter, Adapter):
            raise TypeError("it is no pytest_mimic.client.Adapter")
    except Exception as error:
        if is_bundled(name):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise TargetError(f"{name}: its adapter {CLIENTS[name]} cannot be loaded ({reason})") from error
    return adapter


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a client's calls. That of another distribution is asked for them."""
    return _PARTS[kind_of(name)] if is_bundled(name) else load_adapter(name).parts


def kind_of(name: str) -> str:
    """Return the name under which the recordings of a client lie."""
    return "http" if name in HTTP_CLIENTS else name

"""The clients that a line may name, ours and those of other distributions."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Client:
    """A client that a line may name.

    Attributes:
        kind: The name under which its calls are recorded: `http` of `httpx`.
        adapter: The class of its adapter, `module:Class`, whose module does not import
            the client.
        parts: The parts of its calls, as `ignore=` and `match=` name them.
        answer: The parts of its answers, as `volatile=` names them; empty: unknown.
    """

    def __init__(
        self,
        kind: str,
        adapter: str,
        parts: tuple[str, ...] = (),
        answer: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.adapter = adapter
        self.parts = parts
        self.answer = answer


def _client(kind: str, adapter: str, parts: str, answer: str) -> Client:
    # Each client takes these names, so that one list of options can serve several.
    common = ("host", "port", "headers", "query", "body", "params")
    adapter = f"pytest_mimic.clients.{adapter}"
    return Client(kind, adapter, (*parts.split(), *common), tuple(answer.split()))


def _http(adapter: str) -> Client:
    return _client(
        "http",
        f"http.{adapter}",
        "scheme method url path",
        "status headers body error",
    )


_BUNDLED = {
    "http": _http("all_clients:Http"),
    "httpx": _http("httpx:Httpx"),
    "httpx2": _http("httpx:Httpx2"),
    "requests": _http("http_client:Requests"),
    "aiohttp": _http("aiohttp:Aiohttp"),
    "urllib3": _http("http_client:Urllib3"),
    "http.client": _http("http_client:HttpClient"),
    "sqlalchemy": _client(
        "sqlalchemy",
        "sql.adapter:Sqlalchemy",
        "statement parameters database",
        "columns rows count lastrowid raised",
    ),
    "redis": _client(
        "redis",
        "redis.adapter:Redis",
        "command commands arguments database",
        "reply replies error",
    ),
    "grpc": _client(
        "grpc",
        "grpc.adapter:Grpc",
        "server method request requests metadata",
        "response responses code details metadata trailing",
    ),
    "mcp": _client("mcp", "mcp.adapter:Mcp", "server method", "result error messages"),
}
CLIENT_NAMES = tuple(_BUNDLED)


def client_of(name: str) -> Client | None:
    """Return the client of a name, of another distribution too; None: there is none."""
    client = _BUNDLED.get(name)
    if client is None and name.isidentifier():
        # To read the entry points takes milliseconds.
        from importlib.metadata import entry_points

        for entry_point in entry_points(group="pytest_mimic.clients", name=name):
            client = Client(name, entry_point.value)
    return client


def adapter_of(client: Client) -> Any:
    """Return the adapter of a client.

    Raises:
        Exception: It cannot be loaded.
    """
    module, _, name = client.adapter.partition(":")
    return getattr(import_module(module), name)()

"""The table of clients by name."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Adapter

# The class of each client, as `module:Class`. Importing the module must not import the client.
CLIENTS = {
    "http": "pytest_mimic._clients.http.every_client:EveryHttpClient",
    "httpx": "pytest_mimic._clients.http.httpx:HttpxAdapter",
    "httpx2": "pytest_mimic._clients.http.httpx:HttpxAdapter",
    "requests": "pytest_mimic._clients.http.requests:RequestsAdapter",
    "aiohttp": "pytest_mimic._clients.http.aiohttp:AiohttpAdapter",
    "urllib3": "pytest_mimic._clients.http.urllib3:Urllib3Adapter",
    "http.client": "pytest_mimic._clients.http.http_client:StdlibAdapter",
    "botocore": "pytest_mimic._clients.aws.botocore:BotocoreAdapter",
    "sqlalchemy": "pytest_mimic._clients.sql.sqlalchemy:SqlAdapter",
    "redis": "pytest_mimic._clients.redis.client:RedisAdapter",
    "grpc": "pytest_mimic._clients.grpc.channels:GrpcAdapter",
}
# The clients whose requests the line `http` takes. Their recordings lie under `http`.
HTTP_CLIENTS = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "http.client")
# The clients that a cassette takes if it names no targets, where they are installed: HTTP as one.
TAKEN_BY_CASSETTES = ("http", "botocore", "sqlalchemy", "redis")
# Names that `ignore=` and `match=` accept at every client, so that one list of options can serve several.
COMMON_PARTS = ("host", "port", "headers", "query", "body", "params")


def load_adapter(name: str) -> Adapter:
    """Return a client by its name, without importing its client."""
    module, _, class_name = CLIENTS[name].partition(":")
    adapter: Adapter = getattr(import_module(module), class_name)(name)
    return adapter


def kind_of(name: str) -> str:
    """Return the name under which the recordings of a client lie."""
    return "http" if name in HTTP_CLIENTS else name


def is_installed(name: str) -> bool:
    # The parent of a dotted name would be imported. `http.client` is always there.
    return name in sys.modules or find_spec(name.partition(".")[0]) is not None

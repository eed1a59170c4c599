"""The table of boundaries by name."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Boundary

# The class of each boundary, as `module:Class`. Importing the module must not import the client.
BOUNDARIES = {
    "httpx": "pytest_mimic._clients.http.httpx:HttpxBoundary",
    "httpx2": "pytest_mimic._clients.http.httpx:HttpxBoundary",
    "requests": "pytest_mimic._clients.http.requests:RequestsBoundary",
    "aiohttp": "pytest_mimic._clients.http.aiohttp:AiohttpBoundary",
    "urllib3": "pytest_mimic._clients.http.urllib3:Urllib3Boundary",
    "http.client": "pytest_mimic._clients.http.http_client:StdlibBoundary",
    "botocore": "pytest_mimic._clients.aws.botocore:BotocoreBoundary",
    "sqlalchemy": "pytest_mimic._clients.sql.sqlalchemy:SqlBoundary",
    "redis": "pytest_mimic._clients.redis.client:RedisBoundary",
}
# Names that `ignore=` and `match=` accept at every boundary, so that one list of options can serve several.
COMMON_PARTS = ("host", "port", "headers", "query", "body", "params")


def load_boundary(name: str) -> Boundary:
    """Return a boundary by its name, without importing its client."""
    module, _, class_name = BOUNDARIES[name].partition(":")
    boundary: Boundary = getattr(import_module(module), class_name)(name)
    return boundary


def is_installed(name: str) -> bool:
    """Check whether the client of a boundary can be imported."""
    # The parent of a dotted name would be imported. `http.client` is always there.
    return name in sys.modules or find_spec(name.partition(".")[0]) is not None

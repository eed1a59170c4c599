"""The bundled boundaries, by the names that target lines use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Boundary

# The module of each boundary: its `boundary(name)` gives the adapter. Clients are not imported.
MODULES = {
    "httpx": "pytest_mimic.boundaries.http.httpx",
    "httpx2": "pytest_mimic.boundaries.http.httpx",
    "requests": "pytest_mimic.boundaries.http.requests",
    "aiohttp": "pytest_mimic.boundaries.http.aiohttp",
    "sqlalchemy": "pytest_mimic.boundaries.sql.sqlalchemy",
    "redis": "pytest_mimic.boundaries.redis.client",
}


def load_boundary(name: str) -> Boundary:
    """Gives the adapter of a boundary without importing its client."""
    from importlib import import_module

    boundary: Boundary = import_module(MODULES[name]).boundary(name)
    return boundary


def is_installed(name: str) -> bool:
    """Checks whether the client of a boundary can be imported."""
    import sys
    from importlib.util import find_spec

    client = load_boundary(name).client
    return client in sys.modules or find_spec(client) is not None

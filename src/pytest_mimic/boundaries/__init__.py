"""The bundled adapters for client libraries, by the word that names each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Boundary


def load_boundary(name: str) -> Boundary:
    """The adapter named so; its client is not imported."""
    from importlib import import_module

    module = import_module(f"{__name__}.{'httpx' if name == 'httpx2' else name}")
    boundary: Boundary = module.boundary(name)
    return boundary


def is_installed(name: str) -> bool:
    """Whether the client of the boundary named so can be imported."""
    import sys
    from importlib.util import find_spec

    client = load_boundary(name).client
    return client in sys.modules or find_spec(client) is not None

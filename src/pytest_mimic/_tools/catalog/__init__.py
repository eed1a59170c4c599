"""The recordings and cassettes of a vault as people look at them. Nothing is loaded, and nothing is written."""

from __future__ import annotations

from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile
from pytest_mimic._tools.catalog.catalog import Catalog

__all__ = ["Catalog", "CatalogCall", "CatalogFile"]

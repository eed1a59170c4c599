"""scipy: sparse arrays count by format, shape and entries, not by the order in which entries are stored."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.identity.kinds import Kind, library_tag


def library_kind(type_: type, _base: type, _layout: bool) -> Kind | None:
    """Return the kind of a type of scipy or a subclass, or None if there is no rule for it."""
    if any(part.__module__.startswith("scipy.sparse") for part in type_.__mro__) and hasattr(type_, "tocoo"):
        return Kind(library_tag(type_, "scipy", type_.__name__), _sparse)
    return None


def _sparse(value: Any) -> object:
    if value.format in ("csr", "csc", "bsr"):
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        return value.shape, _wide(value.indptr), _wide(value.indices), value.data
    entries = value.tocoo(copy=True)
    # scipy sets it for every array made of a dictionary of keys, whose entries have any order.
    entries.has_canonical_format = False
    entries.sum_duplicates()
    coordinates = getattr(entries, "coords", None) or (entries.row, entries.col)
    return value.shape, [_wide(places) for places in coordinates], entries.data


def _wide(places: Any) -> object:
    """Return indexes as 64-bit integers: scipy chooses their width by the size of the array."""
    return places.astype(sys.modules["numpy"].int64, copy=False)

"""scipy: sparse arrays by format, shape and entries; the order in which entries are kept does not count."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._identity.kinds import Kind, type_tag


def library_kind(type_: type, _base: type, _layout: bool) -> Kind | None:
    """The kind of a type of scipy's, or derived from one; None where no rule here is for it."""
    if any(part.__module__.startswith("scipy.sparse") for part in type_.__mro__) and hasattr(type_, "tocoo"):
        name = f"scipy:{type_.__name__}" if type_.__module__.startswith("scipy") else type_tag(type_)
        return Kind(name, _sparse)
    return None


def _sparse(value: Any) -> object:
    if value.format in ("csr", "csc", "bsr"):
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        return value.shape, _wide(value.indptr), _wide(value.indices), value.data
    entries = value.tocoo(copy=True)
    entries.has_canonical_format = (
        False  # scipy says so of dictionaries of keys, in whatever order these stand
    )
    entries.sum_duplicates()
    coordinates = getattr(entries, "coords", None) or (entries.row, entries.col)
    return value.shape, [_wide(places) for places in coordinates], entries.data


def _wide(places: Any) -> object:
    """Indexes as 64-bit integers: scipy picks their width by size."""
    return places.astype(sys.modules["numpy"].int64, copy=False)

"""Samples of tables, arrays, images and other values of libraries, taken in a time that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.describe.leaves import library_facts
from pytest_mimic._core.identity.libraries import has_extent, library_of, record_fields
from pytest_mimic._core.identity.tables import Column, Table, open_elements, sample_of

# How many numbers are searched for the smallest and the largest one.
_RANGED = 100_000
# How many elements at the beginning and at the end of an array are shown.
_FIRST, _LAST = 6, 2
_DIGITS = 6


class SampledColumn(NamedTuple):
    """A column of a sample, or its index."""

    name: object  # the name of the column; None without one, a list for several levels of an index
    dtype: str  # the library's name for the kind of the values
    values: list[Any]
    is_index: bool = False  # whether these are the labels of the rows


def columns_of(sample: Table | Column, index: str = "") -> list[SampledColumn]:
    """Return the columns of a sample, then its index, which is of this class."""
    parts = sample.parts if isinstance(sample, Table) else {"": sample}
    # A series has a name, and an index has several; a table may have columns of these names.
    names = [parts[key] for key in ("name", "names") if key in parts and not isinstance(parts[key], Column)]
    found: list[SampledColumn] = []
    for key, part in parts.items():
        if isinstance(part, Column):
            found.append(
                SampledColumn(_bare(names[0]) if names else key or None, part.dtype, list(part.values))
            )
        elif is_library(part):
            for column in columns_of(open_elements(part)):  # type: ignore[arg-type]
                dtype = column.dtype if index == "Index" else index
                found.append(column._replace(dtype=dtype, is_index=True))
    return found


def _bare(names: object) -> object:
    """Return the only one of several names by itself."""
    if not isinstance(names, list):
        return names
    return names[0] if len(names) == 1 else None if set(names) == {None} else names


def extent(value: Any) -> str:
    """Return the size of a library's value, and what its elements are: `480 × 640 × 3 uint8, 0 to 255`."""
    kind = type(value)
    sample = sample_of(value)
    if sample is not None:
        rows = count(sample.rows, "item" if sample.columns is None else "row")
        return rows if sample.columns is None else f"{rows} × {count(sample.columns, 'column')}"
    element, shape = library_facts(value)
    size = " × ".join(map(str, shape))
    if library_of(kind) == "PIL":
        # The format of the class, as a pickle of an image keeps no other.
        return ", ".join(filter(None, (getattr(kind, "format", None), element, size)))
    facts = [" ".join(filter(None, (size, element.removeprefix("torch."))))]
    if getattr(value, "format", None) in ("coo", "csc", "csr"):
        facts.append(f"{value.nnz:,} stored")
    elif kind.__qualname__ == "ndarray":
        facts.append(_range(value))
    return ", ".join(filter(None, facts))


def _range(array: Any) -> str:
    """Return the smallest and the largest number of an array, which do not depend on its layout; empty for others."""
    if array.dtype.kind not in "iuf" or not _FIRST + _LAST < array.size <= _RANGED:
        return ""
    least, most = array.min() + 0, array.max() + 0  # a zero without its sign, as either one may be found
    return f"{rounded(least)} to {rounded(most)}" if least == least else "with NaN"


def ends_of_array(value: Any) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """Return the first and the last elements of a numpy array; None for an empty one, or another value."""
    if library_of(type(value)) != "numpy" or not value.size:
        return None
    if value.size <= _FIRST + _LAST:
        return list(value.flat), ()
    return list(value.flat[:_FIRST]), list(value.flat[-_LAST:])


def plain(value: object) -> Any:
    """Return a text or bytes of numpy as Python's own, and a record by the names of its fields."""
    fields = record_fields(value)
    if fields is not None:
        return fields
    if not isinstance(value, (str, bytes)) or library_of(type(value)) != "numpy":
        return value
    return str(value) if isinstance(value, str) else bytes(value)


def rounded(value: Any) -> object:
    """Return a float with about six significant digits, or all of those before the point; any other value as it is."""
    if not isinstance(value, float) and getattr(getattr(value, "dtype", None), "kind", "") != "f":
        return value
    if type(value).__name__ == "MaskedConstant":  # numpy warns of its conversion
        return value
    if getattr(value, "ndim", 0) or not math.isfinite(value) or not value:
        return value
    number = float(value)
    if not number or not math.isfinite(number):  # a long double may be beyond them
        return value
    return round(number, max(0, _DIGITS - 1 - math.floor(math.log10(abs(number)))))


def is_library(value: object) -> bool:
    """Return whether a value is a library's data, with a shape or a length."""
    return library_of(type(value)) is not None and has_extent(type(value))


def count(number: int, word: str) -> str:
    """Return `1 row`, or `1,000 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"

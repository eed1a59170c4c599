"""The short form of plain values: a few scalars, all of them small, are dumped as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from operator import ne
from typing import Any, TypeVar

from pytest_mimic._core.files.places import LONGEST_PATH

# The most scalars that are dumped together. The size alone decides, so that a value has one form.
SHORT = 64

# The most scalars of several types among which long ones are searched for.
MANY = 1 << 12

# A text or bytes of more items is long: it is hashed by itself, and never copied as a whole. As it is no path, it is not
# searched for one either.
LONG = LONGEST_PATH

NAN = float("nan")
NUMBERS = frozenset({int, float, bool, type(None)})
INTEGERS = NUMBERS - {float}
SIZED = frozenset({str, bytes})
SCALARS = NUMBERS | SIZED
EXACT = SCALARS - {float}
TEXT = frozenset({str})

# A path contains it. Searching for it first costs 0.1 µs and 0.04 ns a byte, against 0.4 µs and 0.8 ns for a mark.
SEPARATOR = ord(os.sep)

Plain = TypeVar("Plain", list[Any], tuple[Any, ...])


def short_form(values: Plain) -> Plain | None:
    """Return at most `SHORT` scalars as they are dumped, or None if one of the values is long or no scalar."""
    if INTEGERS.issuperset(map(type, values)):
        return values
    types = set(map(type, values))
    if not types <= SCALARS:
        return None
    if types <= SIZED:  # half the time, for few texts
        return None if max(map(len, values)) > LONG else values
    if not types.isdisjoint(SIZED) and has_long(values):
        return None
    return plain_nans(values) if float in types else values


def plain_nans(values: Plain) -> Plain:
    """Return scalars with the same bits for every NaN: their sign differs by machine."""
    if any(map(ne, values, values)):
        return type(values)([NAN if value != value else value for value in values])
    return values


def has_long(values: Iterable[Any]) -> bool:
    return any(type(value) in SIZED and len(value) > LONG for value in values)


def is_marked(data: bytes, marks: Sequence[bytes]) -> bool:
    """Check whether data contains one of the marks, which are absolute paths."""
    return any(data.find(mark) >= 0 for mark in marks)

"""The scalars that are dumped as they are, and which of them are too long for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from operator import ne
from typing import Any, TypeVar

from pytest_mimic._core.files.places import LONGEST_PATH

# The most scalars that are dumped together. The size alone decides, so that a value has
# one form.
SHORT = 64

# The most scalars of several types among which long ones are searched for.
MANY = 1 << 12

# A text or bytes of more items is long: it is hashed by itself, and never copied as a
# whole. As it is no path, it is not searched for one either.
LONG = LONGEST_PATH

NAN = float("nan")
NUMBERS = frozenset({int, float, bool, type(None)})
SIZED = frozenset({str, bytes})
SCALARS = NUMBERS | SIZED
EXACT = SCALARS - {float}
TEXT = frozenset({str})

# A path contains it. Searching for it first costs 0.1 µs and 0.04 ns a byte, against
# 0.4 µs and 0.8 ns for a mark.
SEPARATOR = ord(os.sep)

Plain = TypeVar("Plain", list[Any], tuple[Any, ...])


def plain_nans(values: Plain) -> Plain:
    """Return scalars with the same bits for every NaN: its sign differs by machine."""
    # Only a NaN differs from itself.
    has_nan = any(map(ne, values, values))
    if not has_nan:
        return values
    return type(values)([NAN if value != value else value for value in values])


def has_long(values: Iterable[Any]) -> bool:
    """Check whether a text, or bytes, among the values is too long to be dumped."""
    return any(type(value) in SIZED and len(value) > LONG for value in values)


def is_marked(data: bytes, marks: Sequence[bytes]) -> bool:
    """Check whether data contains one of the marks, which are absolute paths."""
    return any(data.find(mark) >= 0 for mark in marks)

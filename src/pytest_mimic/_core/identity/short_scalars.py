"""The scalars that marshal dumps as they are, and which are too long to be dumped.

Of the dumps, identities are made: a change here makes recordings misses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from operator import ne
from typing import Any, TypeVar

from pytest_mimic._core.files.places import LONGEST_PATH

# The most scalars of an argument that are dumped together. The number of scalars alone
# decides, so that a value has one form.
MOST_DUMPED_TOGETHER = 64

# The greatest length of a text or bytes that is dumped. A longer one is hashed by
# itself, and never copied as a whole. No path is so long, so it is not searched for
# paths either.
LONGEST_DUMPED = LONGEST_PATH

# This version of marshal's format has no references, so that equal values have equal
# dumps, whatever they share.
MARSHAL_VERSION = 2

# The one NaN that is dumped in place of any other.
NAN = float("nan")
NUMBERS = frozenset({int, float, bool, type(None)})
# The types of the scalars with a length, which may be too long to be dumped.
TEXTS_AND_BYTES = frozenset({str, bytes})
SCALARS = NUMBERS | TEXTS_AND_BYTES
# The types of the scalars of which equal values have equal dumps. NaNs have different
# ones.
SCALARS_BUT_FLOATS = SCALARS - {float}
# The type of the keys of a dict with a short form.
ONLY_TEXTS = frozenset({str})

# The byte that every path contains. To search for it first costs 0.1 µs and 0.04 ns a
# byte, against 0.4 µs and 0.8 ns a byte for a folder.
SEPARATOR = ord(os.sep)

Plain = TypeVar("Plain", list[Any], tuple[Any, ...])


def plain_nans(values: Plain) -> Plain:
    """Return scalars with the same bits for every NaN.

    The sign of a NaN that is computed differs by machine.
    """
    # Only a NaN differs from itself.
    has_nan = any(map(ne, values, values))
    if not has_nan:
        return values
    return type(values)([NAN if value != value else value for value in values])


def has_long(values: Iterable[Any]) -> bool:
    """Check whether a text, or bytes, among the values is too long to be dumped."""
    return any(
        type(value) in TEXTS_AND_BYTES and len(value) > LONGEST_DUMPED
        for value in values
    )


def mentions_folder(dumped_strings: bytes, folders: Sequence[bytes]) -> bool:
    """Check whether dumped strings contain one of `Places.temporary_folders`.

    Then a string may be a path, and the value is searched for paths.
    """
    return any(dumped_strings.find(folder) >= 0 for folder in folders)

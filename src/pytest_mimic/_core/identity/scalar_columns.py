"""Columns of many numbers: each is encoded by one call of C code."""

from __future__ import annotations

from pickle import Pickler
from sys import getrecursionlimit
from typing import Any

from pytest_mimic._core.identity.short import NAN, NUMBERS, plain_nans

# Values looked at before a column is pickled: a column with other types is often recognised by them.
SAMPLES = 16

# With a higher limit, a pickler that recurses into a deep value may overflow the stack of Python 3.10 and 3.11.
SAFE_RECURSION = 3000


class _Refusal(Exception):  # noqa: N818 - not an error: the column is no column of numbers
    """A value is not plain."""


class _NumberPickler(Pickler):
    """A pickler of plain data. It asks no object for its state."""

    def __init__(self, found: list[bytes]) -> None:
        self.write = found.append
        super().__init__(self, 2)

    def reducer_override(self, _value: object) -> Any:
        """Refuse a value of any other type than the plain ones."""
        raise _Refusal


def pickled_numbers(column: list[Any]) -> bytes | None:
    """Return a pickle of a column of numbers, bools and None; None if it holds anything else.

    This takes 15 ns a value, where a check of the types and a dump take 20. A pickler remembers each text and container
    that it meets, but neither numbers nor empty tuples. One look at its memory therefore replaces the check.
    """
    if not NUMBERS.issuperset(map(type, column[:: len(column) // SAMPLES + 1])):
        return None
    if getrecursionlimit() > SAFE_RECURSION and not NUMBERS.issuperset(map(type, column)):
        return None
    found: list[bytes] = []
    pickler = _NumberPickler(found)
    try:
        pickler.dump(column)
    except (_Refusal, RecursionError):
        return None
    if len(pickler.memo.copy()) > 1:
        return None
    try:
        total: float = sum(column)
    except (TypeError, OverflowError):
        # None, an empty tuple or the column itself; or an int that is too large for a float.
        types = set(map(type, column))
        if not types <= NUMBERS:
            return None
        total = NAN if float in types else 0
    if total != total:
        found.clear()
        _NumberPickler(found).dump(plain_nans(column))
    return b"".join(found)

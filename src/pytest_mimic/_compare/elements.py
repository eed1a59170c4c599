"""The comparison of columns: arrays of numbers and lists of objects, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._compare.numbers import Closeness


def extent(values: Any) -> tuple[int, ...]:
    """Return the shape of a numpy array, or the length of a list."""
    return (len(values),) if isinstance(values, list) else tuple(values.shape)


def times(lengths: tuple[int, ...]) -> str:
    """Return a shape as it is shown: `1797x64`."""
    return "x".join(map(str, lengths)) if lengths else "()"


def differing(
    recorded: Any, actual: Any, close: Closeness, alike: Callable[[Any, Any], bool]
) -> tuple[int, Any]:
    """Return how many elements differ, and the index of the first: a number in a list, a tuple in an array.

    Args:
        recorded: The recorded elements.
        actual: The elements now, as many.
        close: The equality of numbers.
        alike: The equality of objects.
    """
    if isinstance(recorded, list):
        pairs = enumerate(zip(recorded, actual, strict=True))
        places = [index for index, pair in pairs if not alike(*pair)]
        return len(places), places[0] if places else None
    import numpy

    if recorded.dtype.hasobject or recorded.dtype.names:
        count, first = differing(recorded.ravel().tolist(), actual.ravel().tolist(), close, alike)
    else:
        unequal = close.unequal(recorded, actual).ravel()
        count, first = int(unequal.sum()), int(unequal.argmax()) if unequal.size else 0
    if not count:
        return 0, None
    return count, tuple(int(index) for index in numpy.unravel_index(first, recorded.shape))


def first_difference(count: int, values: Any, first: Any, fact: str) -> str:
    """Return `2 of 9 elements differ, first [1, 2]: 1.5 recorded, 1.6 now`."""
    index = ", ".join(map(str, first)) if isinstance(first, tuple) else first
    return f"{count} of {math.prod(extent(values))} elements differ, first [{index}]: {fact}"

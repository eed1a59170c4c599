"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import pickle
from typing import Any

from pytest_mimic._outcome import exceptions


def reduced(thing: Any) -> Any:
    """Return the reduction of a value that Python's own would not keep whole, or NotImplemented for any other."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
    # Python 3.10 loses the scope.
    if type(thing).__name__ == "IPv6Address" and getattr(thing, "scope_id", None):
        return type(thing), (str(thing),)
    return NotImplemented


def named(module: str, qualname: str) -> Any:
    """Represent a function whose name leads to its mimic wrapper (see `Admission`).

    It always raises UnpicklingError. Only pytest-mimic loads such a pickle, and never calls this.
    """
    raise pickle.UnpicklingError(f"{module}:{qualname} is loaded by pytest-mimic alone")


# The name that recordings have for it.
named.__module__ = "pytest_mimic._outcome.pickles"

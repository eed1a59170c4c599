"""Iterators made by C code, which are streams as outcomes.

`map`, `zip`, `iter(…)`, those of `itertools`
"""

from __future__ import annotations

from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

# They are streams, or are awaited, in ways of their own.
_OTHERS = (AsyncGeneratorType, CoroutineType, GeneratorType)


def is_c_iterator(value: object) -> bool:
    """Return whether a value is an iterator made by C code that does nothing else.

    An open file, a cursor or a reader has methods and attributes of its own.
    """
    kind: Any = type(value)
    return hasattr(kind, "__next__") and _only_iterates(kind)


@lru_cache(maxsize=1024)
def _only_iterates(kind: Any) -> bool:
    if issubclass(kind, _OTHERS) or not hasattr(kind, "__iter__"):
        return False
    method = next(
        vars(base)["__next__"] for base in kind.__mro__ if "__next__" in vars(base)
    )
    # A method in Python is a function; one in C is a wrapper of a slot.
    is_in_c = type(method).__name__ == "wrapper_descriptor"
    return is_in_c and not any(map(_is_own_way, _public_members(kind)))


def _public_members(kind: Any) -> list[object]:
    members = {}
    for base in reversed(kind.__mro__):
        members.update(vars(base))
    return [member for name, member in members.items() if name[:1] != "_"]


def _is_own_way(member: object) -> bool:
    """Return whether an attribute says more than the items.

    Another way to make such an iterator, as `chain.from_iterable` is one, does not.
    """
    return type(member).__name__ != "classmethod_descriptor"

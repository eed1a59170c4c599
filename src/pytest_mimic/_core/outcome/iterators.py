"""Iterators made by C code, which are recorded as streams.

That is `map`, `zip`, `iter(…)`, and the iterators of `itertools`.
"""

from __future__ import annotations

from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

# Generators and coroutines, which are recorded in other ways.
_OTHERS = (AsyncGeneratorType, CoroutineType, GeneratorType)


def is_c_iterator(value: object) -> bool:
    """Return whether a value is an iterator of C code that only gives items.

    An open file, a cursor or a reader iterates as well, but has methods and attributes
    of its own.
    """
    kind: Any = type(value)
    return hasattr(kind, "__next__") and _only_iterates(kind)


@lru_cache(maxsize=1024)
def _only_iterates(kind: Any) -> bool:
    """Return whether the objects of a class give items, and have nothing else."""
    if issubclass(kind, _OTHERS) or not hasattr(kind, "__iter__"):
        return False
    method = next(
        vars(base)["__next__"] for base in kind.__mro__ if "__next__" in vars(base)
    )
    # The `__next__` of a class in C is a wrapper of a slot, and in Python a function.
    is_in_c = type(method).__name__ == "wrapper_descriptor"
    return is_in_c and not any(map(_is_own_way, _public_members(kind)))


def _public_members(kind: Any) -> list[object]:
    """Return the methods and attributes of a class without `_` before their names."""
    members = {}
    for base in reversed(kind.__mro__):
        members.update(vars(base))
    return [member for name, member in members.items() if name[:1] != "_"]


def _is_own_way(member: object) -> bool:
    """Return whether a member of an iterator's class does more than give items.

    A class method, `chain.from_iterable`, only makes another such iterator.
    """
    return type(member).__name__ != "classmethod_descriptor"

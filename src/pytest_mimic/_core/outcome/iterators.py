"""Iterators made by C code, which are recorded as streams.

Such iterators are `map`, `zip`, `iter(…)`, and those of `itertools`.
"""

from __future__ import annotations

from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

# Generators and coroutines iterate as well, and are recorded in other ways.
_RECORDED_IN_OTHER_WAYS = (AsyncGeneratorType, CoroutineType, GeneratorType)


def is_c_iterator(value: object) -> bool:
    """Return whether a value is an iterator of C code that only gives items.

    What a call returns is then recorded as a stream. Inside of an outcome, such an
    iterator is refused.

    An open file, a cursor or a reader iterates as well, but has methods and attributes
    of its own.
    """
    kind: Any = type(value)
    return hasattr(kind, "__next__") and _only_iterates(kind)


@lru_cache(maxsize=1024)
def _only_iterates(kind: Any) -> bool:
    """Return whether the objects of a class give items, and have nothing else."""
    if issubclass(kind, _RECORDED_IN_OTHER_WAYS) or not hasattr(kind, "__iter__"):
        return False
    method = next(
        vars(base)["__next__"] for base in kind.__mro__ if "__next__" in vars(base)
    )
    # The `__next__` of a class in C is a wrapper of a slot, and in Python a function.
    is_written_in_c = type(method).__name__ == "wrapper_descriptor"
    return is_written_in_c and not any(
        map(_does_more_than_iterate, _public_members(kind))
    )


def _public_members(kind: Any) -> list[object]:
    """Return the public methods and attributes of an iterator's class."""
    member_by_name: dict[str, object] = {}
    # The bases come first, so that a member of a subclass takes the place of theirs.
    for base in reversed(kind.__mro__):
        member_by_name.update(vars(base))
    return [member for name, member in member_by_name.items() if name[:1] != "_"]


def _does_more_than_iterate(member: object) -> bool:
    """Return whether a member of an iterator's class does more than give items.

    A class method, `chain.from_iterable`, only makes another such iterator.
    """
    return type(member).__name__ != "classmethod_descriptor"

"""How a caller comes to what a call gives: it awaits it, or reads it item by item."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator
from functools import lru_cache
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Literal, TypeAlias

from pytest_mimic.errors import MimicError
from pytest_mimic.values.classes import may_be_raised

Layer = Literal["", "await", "stream", "astream"]
"""How a caller comes to what a result stands for; empty: the result is a value."""


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is an outcome, and no sign of being cut short."""
    return not isinstance(error, MimicError) and may_be_raised(type(error))


def layer_of_calls(function: object) -> Layer:
    """Return the layer in which each call of a function gives what it gives."""
    if isgeneratorfunction(function):
        return "stream"
    if isasyncgenfunction(function):
        return "astream"
    return "await" if iscoroutinefunction(function) else ""


def layer_of(result: object) -> Layer:
    """Return how a caller comes to what a result stands for."""
    if isinstance(result, CoroutineType):
        return "await"
    if isinstance(result, AsyncGeneratorType):
        return "astream"
    if isinstance(result, GeneratorType):
        return "stream"
    cls: Any = type(result)
    return "stream" if hasattr(cls, "__next__") and _only_iterates(cls) else ""


@lru_cache(maxsize=1024)
def _only_iterates(cls: Any) -> bool:
    """Return whether objects of a class in C give items and do nothing else.

    So do `map`, `zip`, `iter(...)` and those of `itertools`. A file or a cursor has
    methods of its own.
    """
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        members.update(vars(base))
    if type(members["__next__"]).__name__ != "wrapper_descriptor":
        return False
    for name, member in members.items():
        # A class method, `chain.from_iterable`, makes another such iterator.
        is_maker = type(member).__name__ == "classmethod_descriptor"
        if not name.startswith("_") and not is_maker:
            return False
    return True


StreamBody: TypeAlias = Generator[Any, Any, Any]
"""Gives the items of a stream, and an `Awaited` for each thing that it waits for."""


class Awaited:
    """What the body of a stream yields to have it awaited."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable


async def to_async(
    body: StreamBody, real: AsyncGenerator[Any, Any] | None = None
) -> AsyncGenerator[Any, Any]:
    """Give what the body of a stream yields, and await for it what it needs.

    Args:
        body: A generator of items, and of `Awaited`.
        real: The stream that it reads, which is closed at the end.
    """
    try:
        item = next(body)
        while True:
            try:
                if type(item) is Awaited:
                    sent = await item.awaitable
                else:
                    sent = yield item
            except BaseException as thrown:
                item = body.throw(thrown)
            else:
                item = body.send(sent)
    except StopIteration:
        return
    finally:
        if real is not None:
            await real.aclose()

"""A wrapper looks like its function, and the innermost activation decides about its calls."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from pytest_mimic._core.engine.wrappers import Mimicked
from unit.core.engine.runs import Runs


def plain(a: int, *, b: int = 2) -> int:
    """Add."""
    return a + b


async def coroutine(a: int) -> int:
    return a


def generator(a: int) -> Iterator[int]:
    yield a


async def asyncgen(a: int) -> AsyncIterator[int]:
    yield a


@pytest.mark.parametrize("function", [plain, coroutine, generator, asyncgen])
def test_a_wrapper_has_the_kind_and_the_signature_of_its_function(
    function: Callable[..., Any],
) -> None:
    wrapper = Mimicked(function).wrapper

    for is_kind in (
        *(inspect.iscoroutinefunction, inspect.isgeneratorfunction),
        *(inspect.isasyncgenfunction, inspect.isfunction),
    ):
        assert is_kind(wrapper) is is_kind(function)
    assert inspect.getfullargspec(wrapper) == inspect.getfullargspec(function)
    assert (wrapper.__name__, wrapper.__doc__) == (function.__name__, function.__doc__)


def test_a_wrapper_of_a_cached_function_has_the_methods_of_its_cache() -> None:
    cached = functools.lru_cache(plain)
    wrapper: Any = Mimicked(cached).wrapper

    assert wrapper(1) == wrapper(1) == 3
    assert wrapper.cache_info().hits == 1
    wrapper.cache_clear()
    assert cached.cache_info().hits == 0


def test_the_innermost_activation_decides_and_any_may_end(runs: Runs) -> None:
    calls: list[int] = []
    mimicked = Mimicked(calls.append)
    outer, inner = runs.plan(plain), runs.plan(plain)

    mimicked.push("outer", outer)
    mimicked.push("inner", inner)
    assert mimicked.plan is inner
    mimicked.push("outer", outer)  # in the place that it has
    assert mimicked.plan is inner
    mimicked.push("inner", None)  # it leaves the function out
    mimicked.wrapper(1)
    mimicked.remove("outer")
    mimicked.remove("inner")
    mimicked.wrapper(2)

    assert calls == [1, 2]
    assert mimicked.plan is None


def test_an_async_stream_passes_on_what_its_reader_does() -> None:
    done: list[Any] = []

    async def stream() -> AsyncIterator[Any]:
        try:
            done.append((yield 1))
            try:
                yield 2
            except KeyError as error:
                done.append(error)
            yield 3
        finally:
            done.append("closed")

    async def read() -> list[Any]:
        made: Any = Mimicked(stream).wrapper()
        error = KeyError()
        items = [
            await made.__anext__(),
            await made.asend("sent"),
            await made.athrow(error),
        ]
        await made.aclose()
        return [*items, done == ["sent", error, "closed"]]

    assert asyncio.run(read()) == [1, 2, 3, True]

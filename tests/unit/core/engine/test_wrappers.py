"""The wrappers of functions of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from pytest_mimic._core.engine.wrappers import Mimicked


def fetch(city: str) -> list[str]:
    return [city]


async def fetch_later(city: str) -> list[str]:
    return [city]


def pages(city: str) -> Iterator[str]:
    yield city


async def later_pages(city: str) -> AsyncIterator[str]:
    yield city


def test_a_wrapper_that_outlives_its_block_calls_the_function() -> None:
    """Code may keep it: a partial, a callback, or a name that a test imported in the block."""
    made = [Mimicked(function).wrapper for function in (fetch, fetch_later, pages, later_pages)]

    async def items(stream: Any) -> list[str]:
        return [item async for item in stream]

    called, awaited, read, read_later = (wrapper("Oslo") for wrapper in made)
    assert called == asyncio.run(awaited) == [*read] == asyncio.run(items(read_later)) == ["Oslo"]

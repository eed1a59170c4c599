"""A value, a coroutine and a stream: each is run by its performer, and replayed in its form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from unit.core.engine.runs import Runs

# The names of the functions below that have run.
RAN: list[str] = []


def value() -> str:
    RAN.append("value")
    return "a value"


async def coroutine() -> str:
    RAN.append("coroutine")
    return "a value"


def returned_coroutine() -> Any:
    return coroutine()


def stream() -> Iterator[str]:
    RAN.append("stream")
    yield "an item"
    return "an end"


async def async_stream() -> AsyncIterator[str]:
    RAN.append("async_stream")
    yield "an item"


def returned_async_stream() -> Any:
    return async_stream()


async def coroutine_of_stream() -> Iterator[str]:
    return stream()


async def coroutine_of_async_stream() -> AsyncIterator[str]:
    return async_stream()


def iterator_of_c() -> Any:
    RAN.append("iterator_of_c")
    return map(str.upper, ["an item"])


PERFORMED = [
    value,
    coroutine,
    returned_coroutine,
    stream,
    async_stream,
    returned_async_stream,
    coroutine_of_stream,
    coroutine_of_async_stream,
    iterator_of_c,
]


def received(made: Any) -> list[object]:
    """Return what a caller gets: the steps that it takes, and what they give."""

    async def receive(given: Any) -> list[object]:
        if hasattr(given, "__await__"):
            return ["awaited", *await receive(await given)]
        if hasattr(given, "__anext__"):
            return ["read async", [item async for item in given]]
        if hasattr(given, "__next__"):
            return ["read", *read(given)]
        return [given]

    return asyncio.run(receive(made))


def read(stream: Iterator[object]) -> list[object]:
    """Return the items of a stream, and its end."""
    items: list[object] = []
    while True:
        try:
            items.append(next(stream))
        except StopIteration as stop:
            return [items, stop.value]


@pytest.mark.parametrize("function", PERFORMED, ids=lambda function: function.__name__)
def test_each_performer_replays_in_the_form_of_the_real_call(
    runs: Runs, function: Callable[[], Any]
) -> None:
    """It runs the function once to record it, once to verify it, and not to replay it."""
    RAN.clear()
    real = received(function())

    assert received(runs.mimic(function)()) == real
    runs.again("replay")
    assert received(runs.mimic(function)()) == real
    runs.again("verify")
    assert received(runs.mimic(function)()) == real

    assert len(RAN) == 3
    assert runs.errors() == []


def test_a_value_that_is_a_stream_now_has_drifted(runs: Runs) -> None:
    def rates() -> object:
        return "none"

    runs.mimic(rates)()
    runs.again("verify")

    def rates() -> object:
        yield "EUR"

    assert [*runs.mimic(rates)()] == []

    (error,) = runs.errors()
    assert "the call returned 'none' when recorded, gave 1 items now" in error

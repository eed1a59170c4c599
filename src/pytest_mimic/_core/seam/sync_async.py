"""Runs one body for the sync and the async method of a client."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from types import GeneratorType
from typing import Any

Steps = Generator[Any, Any, Any]


def sync_method(begin: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Return a method that gives what `begin` returns; if that is a generator, its result.

    `begin` gets the `first` arguments and those of the method.
    """
    bound = partial(begin, *first)

    def method(*args: Any, **kwargs: Any) -> Any:
        begun = bound(*args, **kwargs)
        return run_sync(begun) if type(begun) is GeneratorType else begun

    return method


def async_method(begin: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Return an async method that does the same."""
    bound = partial(begin, *first)

    async def method(*args: Any, **kwargs: Any) -> Any:
        begun = bound(*args, **kwargs)
        return await run_async(begun) if type(begun) is GeneratorType else begun

    return method


def waiting(value: object) -> Steps:
    return (yield value)


def run_sync(steps: Steps) -> object:
    """Return the result of the generator. Each value that it yields is sent back."""
    try:
        value = next(steps)
        while True:
            value = steps.send(value)
    except StopIteration as end:
        return end.value


async def run_async(steps: Steps) -> object:
    """Return the result of the generator. Each awaitable that it yields is awaited, and its result sent back."""
    try:
        awaitable = next(steps)
        while True:
            try:
                value = await awaitable
            except BaseException as error:
                awaitable = steps.throw(error)
            else:
                awaitable = steps.send(value)
    except StopIteration as end:
        return end.value

"""Runs one body for the sync and the async method of a client."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

Steps = Generator[Any, Any, Any]


def run_sync(steps: Steps) -> Any:
    """Return the result of the generator. Each value that it yields is sent back."""
    try:
        value = next(steps)
        while True:
            value = steps.send(value)
    except StopIteration as end:
        return end.value


async def run_async(steps: Steps) -> Any:
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

"""Lets nobody wait after a miss or a recorded failure, which no time would change."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from pytest_mimic.patch.patches import Patches, find

_is_hurried: ContextVar[bool] = ContextVar("pytest_mimic_hurried", default=False)


class Sleeps:
    """The sleeps of a run. Nothing is patched before the first one is to be skipped."""

    def __init__(self) -> None:
        self._patches: Patches | None = None

    def skip(self) -> None:
        """Let the sleeps of this thread or task return at once, until its next call."""
        if self._patches is None:
            self._patch()
        _is_hurried.set(True)

    def go_on(self) -> None:
        """Let this thread or task sleep again."""
        if _is_hurried.get():
            _is_hurried.set(False)

    def close(self) -> None:
        """Restore the functions."""
        if self._patches is not None:
            self._patches.restore()
            self._patches = None

    def _patch(self) -> None:
        patches = self._patches = Patches()
        wrapped = []
        for module, make in (("time", _hurried), ("asyncio", _hurried_async)):
            [named] = find(module, ["sleep"], patches, is_edge=True)
            wrapper = make(named.function)
            patches.put(named.holder, named.name, named.original, named, wrapper)
            wrapped.append((named, wrapper))
        patches.put_wherever_held(wrapped)


def _hurried(sleep: Callable[[float], None]) -> Callable[[float], None]:
    @wraps(sleep)
    def skipping(seconds: float, /) -> None:
        sleep(0 if _is_hurried.get() else seconds)

    return skipping


def _hurried_async(sleep: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(sleep)
    async def skipping(delay: float, result: object = None) -> object:
        return await sleep(0 if _is_hurried.get() else delay, result)

    return skipping

"""Lets nobody wait after a miss or a recorded failure, which no time would change."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from pytest_mimic.patch.named import find
from pytest_mimic.patch.patches import Patches

_is_hurried: ContextVar[bool] = ContextVar("pytest_mimic_hurried", default=False)


class Sleeps:
    """The sleeps of a run. Nothing is patched before the first one is to be skipped."""

    def __init__(self) -> None:
        self._patches = Patches()
        self._lock = threading.Lock()
        # What wraps the sleep of a module that was not imported until now.
        self._unpatched: dict[str, Callable[[Any], Any]] = {
            "time": _hurried,
            "asyncio": _hurried_async,
        }

    def skip(self) -> None:
        """Let the sleeps of this thread or task return at once.

        They do until its next call, or the next test.
        """
        if self._unpatched:
            with self._lock:  # Threads may miss at the same moment.
                self._patch(sys.modules.keys() & self._unpatched.keys())
        _is_hurried.set(True)

    def go_on(self) -> None:
        """Let this thread or task sleep again."""
        if _is_hurried.get():
            _is_hurried.set(False)

    def close(self) -> None:
        """Restore the functions."""
        self._patches.restore()

    def _patch(self, modules: Iterable[str]) -> None:
        wrapped = []
        for module in modules:
            [named] = find(module, ["sleep"], self._patches, is_edge=True)
            wrapper = self._unpatched.pop(module)(named.function)
            self._patches.put(named, wrapper)
            wrapped.append((named, wrapper))
        self._patches.put_wherever_held(wrapped)


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

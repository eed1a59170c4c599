"""Tells whether code runs inside of a call that runs for real, also in the threads that such a call starts."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any


class Inside:
    """The real call that the current thread or task is part of. While a call is active, nothing in it is mimicked."""

    def __init__(self) -> None:
        self._variable: ContextVar[Any] = ContextVar("pytest_mimic_inside", default=None)
        self._replaced: list[tuple[Any, str, object, object]] = []

    def call(self) -> Any:
        """Return the call, which may have ended; None outside of calls."""
        return self._variable.get() or getattr(threading.current_thread(), "_mimic_inside", None)

    @property
    def is_nested(self) -> bool:
        outer = self._variable.get() or getattr(threading.current_thread(), "_mimic_inside", None)
        return outer is not None and outer.active

    @contextmanager
    def entered(self, call: object) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads that it starts, as part of a call."""
        self._replace(threading.Thread, "start", self._start)
        # The call itself may import it. Then its pool's threads are told as any others.
        if (pools := sys.modules.get("concurrent.futures.thread")) is not None:
            self._replace(pools.ThreadPoolExecutor, "submit", self._submit)
        token = self._variable.set(call)
        try:
            yield
        finally:
            with suppress(ValueError):  # a coroutine may be closed in another context than it was awaited in
                self._variable.reset(token)

    def _replace(self, holder: Any, name: str, run: Callable[..., Any]) -> None:
        """Let new threads, and tasks of pools, belong to the call that starts them, until `restore`."""
        original = getattr(holder, name)
        if getattr(original, "__mimic_inside__", None) is self:
            return

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return run(original, *args, **kwargs)

        wrapper.__mimic_inside__ = self  # type: ignore[attr-defined]
        self._replaced.append((holder, name, original, wrapper))
        setattr(holder, name, wrapper)

    def restore(self) -> None:
        """Put back what the run has replaced. What others have put there since stays."""
        while self._replaced:
            holder, name, original, wrapper = self._replaced.pop()
            if getattr(holder, name) is wrapper:
                setattr(holder, name, original)

    def _start(self, original: Callable[[Any], None], thread: Any) -> None:
        if self.is_nested:
            thread._mimic_inside = self.call()
        original(thread)

    def _submit(self, original: Any, pool: object, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not self.is_nested:
            return original(pool, function, *args, **kwargs)
        # Since Python 3.14, a pool may pickle its tasks for other interpreters, in which nothing is mimicked.
        if all(base.__module__ != "concurrent.futures.interpreter" for base in type(pool).__mro__):
            function = functools.partial(self._run, self.call(), function)
        # A thread that the pool starts now serves other callers later.
        with self.entered(SimpleNamespace(active=False)):
            return original(pool, function, *args, **kwargs)

    def _run(self, call: object, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        with self.entered(call):
            return function(*args, **kwargs)

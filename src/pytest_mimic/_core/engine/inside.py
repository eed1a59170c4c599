"""Tells whether code runs inside of a call that runs for real, also in the threads that such a call starts."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple


class _Marker(NamedTuple):
    """What code is in if it is no call: `active` where nothing is mimicked."""

    active: bool


class Inside:
    """The real call that the current thread or task is part of. While a call is active, nothing in it is mimicked."""

    def __init__(self) -> None:
        self._variable: ContextVar[Any] = ContextVar("pytest_mimic_inside", default=None)
        self._patched: list[tuple[Any, str, object, object]] = []

    def call(self) -> Any:
        """Return the call, which may have ended; None outside of calls."""
        found = self._variable.get()
        return getattr(threading.current_thread(), "_mimic_inside", None) if found is None else found

    @property
    def is_nested(self) -> bool:
        outer = self._variable.get() or self.call()
        return outer is not None and outer.active

    @contextmanager
    def entered(self, call: object) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads that it starts, as part of a call."""
        if getattr(threading.Thread.start, "__mimic_inside__", None) is not self:
            self._put(threading.Thread, "start", self._start)
        # The call itself may import it. Then its pool's threads are told as any others.
        pools = sys.modules.get("concurrent.futures.thread")
        if (
            pools is not None
            and getattr(pools.ThreadPoolExecutor.submit, "__mimic_inside__", None) is not self
        ):
            self._put(pools.ThreadPoolExecutor, "submit", self._submit)
        token = self._variable.set(call)
        try:
            yield
        finally:
            with suppress(ValueError):  # a coroutine may be closed in another context than it was awaited in
                self._variable.reset(token)

    def unmimicked(self) -> AbstractContextManager[None]:
        """Return a block in which nothing is mimicked."""
        return self.entered(_Marker(active=True))

    def _put(self, holder: Any, name: str, run: Callable[..., Any]) -> None:
        """Let new threads, and tasks of pools, belong to the call that starts them, until `restore`."""
        original = getattr(holder, name)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return run(original, *args, **kwargs)

        wrapper.__mimic_inside__ = self  # type: ignore[attr-defined]
        self._patched.append((holder, name, vars(holder).get(name), wrapper))
        setattr(holder, name, wrapper)

    def restore(self) -> None:
        """Put back what the run has replaced. What others have put there since stays."""
        while self._patched:
            holder, name, original, wrapper = self._patched.pop()
            if vars(holder).get(name) is not wrapper:
                continue
            if original is None:  # it was inherited: gevent's threads do that
                delattr(holder, name)
            else:
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
            function = self._task(self.call(), function)
        # A thread that the pool starts now serves other callers later.
        with self.entered(_Marker(active=False)):
            return original(pool, function, *args, **kwargs)

    def _task(self, call: object, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def task(*args: Any, **kwargs: Any) -> Any:
            with self.entered(call):
                return function(*args, **kwargs)

        return task

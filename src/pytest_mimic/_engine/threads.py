"""Threads belong to the recorded call that started them: context variables do not get there by themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any


class Handing:
    """While it is entered, new threads and tasks of thread pools see the value of a context variable.

    Args:
        inside: The variable; where it is None, nothing is handed on.
    """

    def __init__(self, inside: ContextVar[Any]) -> None:
        self._inside = inside
        self._guard = Lock()
        self._entered = 0
        self._originals: list[tuple[type, str, object, object]] = []

    def __enter__(self) -> None:
        with self._guard:
            self._entered += 1
            if self._entered == 1:
                self._patch()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._entered -= 1
            if not self._entered:
                self._restore()

    def _patch(self) -> None:
        from concurrent.futures.thread import ThreadPoolExecutor

        self._put(Thread, "start", self._starting)
        self._put(ThreadPoolExecutor, "submit", self._submitting)

    def _put(self, holder: type, name: str, wrap: Callable[[Any], Any]) -> None:
        original = getattr(holder, name)
        ours = functools.wraps(original)(wrap(original))
        self._originals.append((holder, name, vars(holder).get(name), ours))
        setattr(holder, name, ours)

    def _restore(self) -> None:
        """Puts back what is still there; what others put in its place stays."""
        while self._originals:
            holder, name, own, ours = self._originals.pop()
            if vars(holder).get(name) is not ours:
                continue
            if own is None:  # inherited, as the threads of gevent do
                delattr(holder, name)
            else:
                setattr(holder, name, own)

    def _starting(self, original: Callable[[Thread], None]) -> Callable[[Thread], None]:
        def start(thread: Thread) -> None:
            value = self._inside.get()
            if value is None:
                original(thread)
                return
            own = vars(thread).get("run")
            work = self._within(value, thread.run)

            def put_back() -> None:
                vars(thread).pop("run")
                if own is not None:
                    vars(thread)["run"] = own

            def run() -> None:
                put_back()
                work()

            vars(thread)["run"] = run
            try:
                original(thread)
            except BaseException:
                put_back()
                raise

        return start

    def _submitting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(pool: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            value = self._inside.get()
            if value is None:
                return original(pool, function, *args, **kwargs)
            # A thread that the pool starts now serves other callers later: it must inherit nothing.
            token = self._inside.set(None)
            try:
                return original(pool, self._within(value, function), *args, **kwargs)
            finally:
                self._inside.reset(token)

        return submit

    def _within(self, value: object, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            token = self._inside.set(value)
            try:
                return function(*args, **kwargs)
            finally:
                self._inside.reset(token)

        return call

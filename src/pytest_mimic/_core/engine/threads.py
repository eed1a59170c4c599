"""Copies the real call under way into new threads, which inherit no context variables."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any


class ContextCopier:
    """While entered, copies a context variable into new threads and into tasks of thread pools, unless it is None."""

    def __init__(self, variable: ContextVar[Any]) -> None:
        self._variable = variable
        self._guard = Lock()
        self._entered = 0
        self._originals: list[tuple[type, str, object, object]] = []
        # The last wrappers, with what they wrap: a run enters for each call that it records.
        self._wrappers: dict[str, tuple[object, Any]] = {}

    def __enter__(self) -> None:
        patches: list[tuple[type, str, Callable[[Any], Any]]] = [(Thread, "start", self._wrap_start)]
        # The call itself may import it. Then its pool's threads are copied into as any others.
        if (pools := sys.modules.get("concurrent.futures.thread")) is not None:
            patches.append((pools.ThreadPoolExecutor, "submit", self._wrap_submit))
        with self._guard:
            self._entered += 1
            for holder, name, wrap in patches if self._entered == 1 else ():
                original = getattr(holder, name)
                known, wrapper = self._wrappers.get(name, (None, None))
                if known is not original:
                    wrapper = functools.wraps(original)(wrap(original))
                    self._wrappers[name] = original, wrapper
                self._originals.append((holder, name, vars(holder).get(name), wrapper))
                setattr(holder, name, wrapper)

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._entered -= 1
            while self._originals and not self._entered:
                holder, name, original, wrapper = self._originals.pop()
                if vars(holder).get(name) is not wrapper:
                    continue  # others have patched over it, and stay
                if original is None:  # it was inherited: gevent's threads do that
                    delattr(holder, name)
                else:
                    setattr(holder, name, original)

    def _wrap_start(self, original: Callable[[Thread], None]) -> Callable[[Thread], None]:
        def start(thread: Thread) -> None:
            value = self._variable.get()
            if value is None:
                original(thread)
                return
            # A thread calls its own `run`, which a subclass or an instance may have replaced.
            own_run = vars(thread).get("run")
            run_inside = self._inside(value, thread.run)

            def restore_run() -> None:
                vars(thread).pop("run")
                if own_run is not None:
                    vars(thread)["run"] = own_run

            def run() -> None:
                restore_run()
                run_inside()

            vars(thread)["run"] = run
            try:
                original(thread)
            except BaseException:
                restore_run()
                raise

        return start

    def _wrap_submit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(pool: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            value = self._variable.get()
            if value is None:
                return original(pool, function, *args, **kwargs)
            # Since Python 3.14, a pool may pickle its tasks for other interpreters, in which nothing is mimicked.
            if all(base.__module__ != "concurrent.futures.interpreter" for base in type(pool).__mro__):
                function = self._inside(value, function)
            # A thread that the pool starts now serves other callers later, so it must not inherit the value.
            token = self._variable.set(None)
            try:
                return original(pool, function, *args, **kwargs)
            finally:
                self._variable.reset(token)

        return submit

    def _inside(self, value: object, function: Callable[..., Any]) -> Callable[..., Any]:

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            token = self._variable.set(value)
            try:
                return function(*args, **kwargs)
            finally:
                self._variable.reset(token)

        return call

"""Tells whether the function of a test is called: a plugin may answer in its place.

`pytest_pyfunc_call` asks plugins to run a test, and the first answer counts. A plugin
may run the function, as anyio does, or answer without a call, to skip it. Then the test
passes, and has used none of its recordings.
"""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from types import MethodType
from typing import Any

import pytest


class WatchedFunction:
    """The function of a running test, which notes whether it is called.

    While it is watched, the test has another function of the same kind, name and
    signature.

    Attributes:
        is_called: Whether it was called; of a coroutine function, whether its coroutine
            was awaited.
    """

    def __init__(self, item: pytest.Function) -> None:
        self.is_called = False
        self._item: Any = item
        self._function = self._item.obj
        self._watched_function = self._noting_its_call(self._function)
        self._item.obj = self._watched_function

    def _noting_its_call(self, function: Any) -> Any:
        """Return a function that notes its call, bound to the same object."""
        plain_function = getattr(function, "__func__", function)

        @wraps(plain_function)
        async def note_and_await(*args: Any, **kwargs: Any) -> object:
            __tracebackhide__ = True
            self.is_called = True
            return await plain_function(*args, **kwargs)

        @wraps(plain_function)
        def note_and_call(*args: Any, **kwargs: Any) -> object:
            __tracebackhide__ = True
            self.is_called = True
            return plain_function(*args, **kwargs)

        watched_function: Any = note_and_call
        if iscoroutinefunction(plain_function):
            watched_function = note_and_await
        if plain_function is not function:
            return MethodType(watched_function, function.__self__)
        return watched_function

    def give_back(self) -> None:
        """Give the test its own function, unless a plugin has given it another one."""
        if self._item.obj is self._watched_function:
            self._item.obj = self._function

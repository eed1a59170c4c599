"""Keeps the plugin's own file access apart from the code that an event loop runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def outside_event_loop(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, which runs as if this thread had no event loop.

    Tools that find blocking calls in an event loop (blockbuster) look for a running loop. They are right about the
    application, but the plugin has to read and write its files before a call can go on. The function must not need
    the loop.
    """

    @wraps(function)
    def outside(*args: P.args, **kwargs: P.kwargs) -> R:
        asyncio = sys.modules.get("asyncio.events")
        loop = None if asyncio is None else asyncio._get_running_loop()
        if asyncio is None or loop is None:
            return function(*args, **kwargs)
        asyncio._set_running_loop(None)
        try:
            return function(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    return outside

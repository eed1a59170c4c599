"""The code that opens a connection: the client library, and the line and function of the project."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Container, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from pytest_mimic._patch.holders import is_machinery
from pytest_mimic._swallowed.handled import is_in_project

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"
# The boundaries of the clients that one may meet between the project and a socket. `http.client` is that of `urllib` too.
_BOUNDARIES = {
    "httpx": "httpx",
    "httpcore": "httpx",
    "httpx2": "httpx2",
    "httpcore2": "httpx2",
    "requests": "requests",
    "aiohttp": "aiohttp",
    "urllib3": "urllib3",
    "http": "http.client",
    "botocore": "botocore",
    "aiobotocore": "botocore",
    "sqlalchemy": "sqlalchemy",
    "redis": "redis",
}
_WEBSOCKETS = ("websockets", "websocket", "httpx_ws", "wsproto")
# They run code for others, and open no connection on their own account.
_RUNNERS = frozenset({"anyio", "asyncio", "concurrent", "contextlib", "socket", "ssl", "threading", "trio"})
# The functions of event loops that run a step of a task.
_RUNNING = frozenset({"_run", "run", "run_forever", "unrolled_run"})


class Opener(NamedTuple):
    """The code that opens a connection.

    Attributes:
        client: The library that opens it, `requests`, or an empty text.
        boundary: The name of the boundary that could take it, or an empty text.
        is_websocket: Whether it is for a WebSocket.
        place: The project's innermost line, `shop/api.py:12`, or an empty text.
        function: The project's innermost function that can be a target, `shop.api:fetch_rates`, or an empty text.
    """

    client: str
    boundary: str
    is_websocket: bool
    place: str
    function: str


def find_opener(rootdir: Path, tests: set[str], boundaries: Container[str]) -> Opener:
    """Return the code that opens the connection that the caller's caller opens.

    Args:
        rootdir: The project's folder.
        tests: The files of the test's own code, which has no targets.
        boundaries: The names of all boundaries.
    """
    stack = list(_stack(sys._getframe(2)))
    frames = list(takewhile(lambda frame: not _is_loop(frame), stack))
    beyond = stack[len(frames) :]
    if not any(_is_own(frame, rootdir) for frame in frames):
        frames += _waiting(frames, rootdir)
    own = [frame for frame in (*frames, *beyond) if _is_own(frame, rootdir)]
    if own and own[0] in frames:
        libraries = frames[: frames.index(own[0])]
    else:  # a fixture of a plugin, perhaps: pytest called it, but not for itself
        libraries = list(takewhile(lambda frame: not is_machinery(_module(frame)), frames))
    packages = [_package(frame) for frame in libraries if not is_machinery(_module(frame))]
    known = [name for package in packages if (name := _BOUNDARIES.get(package, "")) in boundaries]
    clients = [package for package in packages if package not in _RUNNERS]
    return Opener(
        clients[-1] if clients else "",
        known[-1] if known else "",
        any(map(_is_websocket, libraries)),
        _place(own[0], rootdir) if own else "",
        next((name for frame in own if (name := _target(frame, tests))), ""),
    )


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            yield frame
        frame = frame.f_back


def _waiting(frames: Sequence[FrameType], rootdir: Path) -> list[FrameType]:
    """Return the frames of the task that waits for the connection, as a client opens it in a task of its own.

    No task says for which other one it waits. So it is the only one in which the same library was called by the project.
    """
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return []
    try:
        current = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return []
    packages = {_package(frame) for frame in frames} - _RUNNERS
    found = {}
    for task in asyncio.all_tasks():
        chain = _awaiting(task.get_coro())
        own = [frame for frame in chain if _is_own(frame, rootdir)]
        if task is not current and own and packages & set(map(_package, chain)):
            found[own[0].f_code, own[0].f_lineno] = chain
    return next(iter(found.values())) if len(found) == 1 else []


def _awaiting(coroutine: Any) -> list[FrameType]:
    """Return the frames of a waiting coroutine and of those that it awaits, the innermost first."""
    frames = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            frames.append(frame)
        if (
            type(coroutine).__name__ == "coroutine_wrapper"
        ):  # an object whose `__await__` returns that of a coroutine
            coroutine = next(iter(gc.get_referents(coroutine)), None)
        else:
            coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return frames[::-1]


def _is_loop(frame: FrameType) -> bool:
    return _package(frame) in ("asyncio", "trio") and frame.f_code.co_name in _RUNNING


def _is_own(frame: FrameType, rootdir: Path) -> bool:
    return is_in_project(frame.f_code.co_filename, rootdir)


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def _is_websocket(frame: FrameType) -> bool:
    package = _package(frame)
    return package in _WEBSOCKETS or (package == "aiohttp" and frame.f_code.co_name == "_ws_connect")


def _place(frame: FrameType, rootdir: Path) -> str:
    return f"{Path(frame.f_code.co_filename).relative_to(rootdir).as_posix()}:{frame.f_lineno}"


def _target(frame: FrameType, tests: set[str]) -> str:
    """Return a frame's function as a target, or an empty text if it cannot or should not be one."""
    code, module = frame.f_code, _module(frame)
    file = Path(code.co_filename)
    if code.co_filename in tests or file.name == "conftest.py" or module == "__main__":
        return ""
    name: str = getattr(code, "co_qualname", "") or _qualified(code)
    last = name.rpartition(".")[2]
    return "" if "<" in name or last.startswith("__") else f"{module}:{name}"


def _qualified(code: CodeType) -> str:
    """Return the qualified name of a function on Python 3.10, where its code does not have it."""
    functions = (one for one in gc.get_referrers(code) if isinstance(one, FunctionType))
    return next((function.__qualname__ for function in functions), code.co_name)

"""Which part of a value cannot be stored, in words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FunctionType
from typing import Any

_NAMES = {
    "_io.TextIOWrapper": "an open file",
    "_io.BufferedReader": "an open file",
    "_io.BufferedWriter": "an open file",
    "_io.BufferedRandom": "an open file",
    "_io.FileIO": "an open file",
    "_thread.lock": "a thread lock",
    "_thread.RLock": "a thread lock",
    "socket.socket": "a socket",
    "builtins.generator": "a generator",
    "builtins.async_generator": "an async generator",
    "builtins.coroutine": "a coroutine",
    "builtins.frame": "a frame",
    "builtins.traceback": "a traceback",
    "builtins.memoryview": "a memoryview",
    "builtins.module": "a module",
    "sqlite3.Connection": "a database connection",
    "sqlite3.Cursor": "a database cursor",
}


def find_part(value: object, path: str, storable: Callable[[object], bool]) -> tuple[str, object]:
    """The path of the first innermost part that cannot be stored, and that part."""
    seen: set[int] = set()
    while True:
        seen.add(id(value))
        for step, part in _parts(value):
            if id(part) not in seen and not storable(part):
                path, value = path + step, part
                break
        else:
            return path, value


def describe(part: object) -> str:
    """What the part is: `an open file`, `a Session object`."""
    kind = type(part)
    known = _NAMES.get(f"{kind.__module__}.{kind.__qualname__}")
    if known is not None:
        return known
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {kind.__name__} object"


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    """Everything the value holds, each with the step that leads to it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]", part
        for key in value:
            yield f".keys()[{key!r}]", key
    elif isinstance(value, (list, tuple, deque)):
        fields = getattr(value, "_fields", None)
        for index, part in enumerate(value):
            yield f".{fields[index]}" if fields else f"[{index}]", part
    elif isinstance(value, (set, frozenset)):
        for part in value:
            yield "{...}", part
    if isinstance(value, BaseException):
        for index, part in enumerate(value.args):
            yield f".args[{index}]", part
        if value.__cause__ is not None:
            yield ".__cause__", value.__cause__
        if value.__context__ is not None:
            yield ".__context__", value.__context__
    if isinstance(value, FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with suppress(ValueError):  # nothing was assigned to it yet
                yield f".{name}", cell.cell_contents
    yield from _attributes(value)


def _attributes(value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, type):
        return
    for name, part in list(getattr(value, "__dict__", {}).items()):
        yield f".{name}", part
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name) and name not in ("__dict__", "__weakref__"):
                yield f".{name}", getattr(value, name)

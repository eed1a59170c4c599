"""Pickles loaded with the imports that somebody finds for them, and with paths restored."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, ClassVar

from pytest_mimic._core.outcome.names import RefusedError
from pytest_mimic._core.outcome.placed_paths import NOWHERE, PathStore

#: The name that represents, in a pickle, a function whose own name leads to its mimic wrapper.
NAMED = "pytest_mimic._core.outcome.reducing:named"


Find = Callable[[str, str], Any]
"""Returns the object with a name, `module` and `qualname`."""


def load_all(
    stream: Any,
    buffers: Iterable[object],
    find: Find,
    *,
    count: int,
    paths: PathStore | None = None,
    is_watched: bool = False,
) -> list[Any]:
    """Load `count` pickles from one stream. They share no objects. Their paths are restored by `paths`.

    With `is_watched`, nothing is set on a class, module, function or member of an enum, which takes much longer.
    RefusedError: it would be. Any other error: the pickle is damaged, or code of the value's classes raises.
    """
    unpickler: Any = _WatchedUnpickler if is_watched else _Unpickler
    file = io.BytesIO(stream)
    buffers = iter(buffers)
    return [unpickler(file, buffers, find, paths or NOWHERE).load() for _ in range(count)]


class _Finder:
    """The part of an unpickler that finds imports and paths."""

    def __init__(self, file: object, buffers: Iterable[object], find: Find, paths: PathStore) -> None:
        super().__init__(file, buffers=buffers)  # type: ignore[call-arg]
        self._find = find
        self._paths = paths

    def find_class(self, module: str, name: str) -> object:
        return self._find(module, name)

    def persistent_load(self, pid: Any) -> object:
        # Only texts, so that an edited pickle gives no other object to `restored`.
        kind, where = pid
        parts = (where,) if type(where) is str else where
        if not all(type(part) is str for part in parts):
            raise pickle.UnpicklingError("a path that is not a text")
        return self._paths.restored(kind, where)


class _Unpickler(_Finder, pickle.Unpickler):
    pass


_LASTING = (type, ModuleType, FunctionType, BuiltinFunctionType, Enum)


def _looking(code: bytes, *, below: int = 2, has_mark: bool = False) -> dict[int, Callable[[Any], None]]:
    """Return an operation of the unpickler in Python, which looks first at the object that is to be changed."""
    operation = pickle._Unpickler.dispatch[code[0]]

    def look(unpickler: Any) -> None:
        # The parts since the last mark are on a stack of their own.
        stack = unpickler.metastack[-1] if has_mark else unpickler.stack
        if issubclass(type(stack[-1 if has_mark else -below]), _LASTING):
            raise RefusedError("it changes a class, a module, a function or a member of an enum")
        operation(unpickler)

    return {code[0]: look}


class _WatchedUnpickler(_Finder, pickle._Unpickler):
    """Python's unpickler in Python, which can be watched, unlike the one in C."""

    dispatch: ClassVar[dict[int, Any]] = {
        **pickle._Unpickler.dispatch,
        **_looking(pickle.BUILD),
        **_looking(pickle.APPEND),
        **_looking(pickle.SETITEM, below=3),
        **_looking(pickle.APPENDS, has_mark=True),
        **_looking(pickle.SETITEMS, has_mark=True),
        **_looking(pickle.ADDITEMS, has_mark=True),
    }


def is_foreign(made_by: str | None) -> bool:
    """Return whether code stored by value belongs to another Python version. None means no such code."""
    return made_by not in (None, python_version())


def python_version() -> str:
    """Return the version that code stored by value belongs to, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"

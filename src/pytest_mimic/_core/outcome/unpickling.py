"""Pickles loaded with only the imports that their recording lists."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pytest_mimic._core.outcome.allow_list import is_code, resolve
from pytest_mimic._core.outcome.placed_paths import NOWHERE

# The name that represents, in a pickle, a function whose own name leads to its mimic wrapper.
NAMED = "pytest_mimic._core.outcome.pickles", "named"


class PathRestorer(Protocol):
    """Restores the paths of a pickle; see `PathStore`."""

    def restored(self, kind: Any, where: Any) -> Any: ...


class Admission:
    """The names that a pickle may import: plain classes and functions, and `code`, which can import or run more."""

    def __init__(self, imports: Iterable[str] = (), code: Iterable[str] = ()) -> None:
        self._imports = frozenset(imports)
        self._code = frozenset(code)
        self._admitted: set[str] = set()

    def find(self, module: str, qualname: str, resolve: Callable[[str, str], Any] = resolve, /) -> Any:
        """Return the object with a name, as `resolve` finds it.

        Raises:
            RefusedError: The name is not listed, or it is code and not listed as code.
        """
        name = f"{module}:{qualname}"
        if name in self._admitted:
            return self._found(module, qualname, resolve)
        if name not in self._imports and name not in self._code:
            raise RefusedError(f"it imports {name}, which its recording does not list")
        found = self._found(module, qualname, resolve)
        if name not in self._code and is_code(name, found):
            raise CodeRefusedError(f"it imports {name}, which its recording does not list as code")
        self._admitted.add(name)
        return found

    def _found(self, module: str, qualname: str, resolve: Callable[[str, str], Any]) -> Any:
        return self.find if (module, qualname) == NAMED else resolve(module, qualname)


class RefusedError(Exception):
    """A pickle imports a name that it may not, or would change an object that it imports."""


class CodeRefusedError(RefusedError):
    """A name is listed, but what it leads to can run code and is not listed as code."""


def load_all(
    stream: Any,
    buffers: Iterable[Any],
    admission: Admission,
    *,
    count: int,
    paths: PathRestorer | None = None,
) -> list[Any]:
    """Load `count` pickles from one stream. They share no objects. Their paths are restored by `paths`.

    Raises:
        RefusedError: A pickle imports a name that it may not.
        Exception: The pickle is damaged, or code of the value's classes raises.
    """
    file = io.BytesIO(stream)
    buffers = iter(buffers)
    return [_Unpickler(file, buffers, admission, paths or NOWHERE).load() for _ in range(count)]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, buffers: Iterable[Any], admission: Admission, paths: PathRestorer) -> None:
        super().__init__(file, buffers=buffers)
        self._find = admission.find
        self._paths = paths

    def find_class(self, module: str, qualname: str, /) -> Any:
        return self._find(module, qualname)

    def persistent_load(self, reference: Any, /) -> Any:
        # Only texts, so that an edited pickle gives no other object to `restored`.
        kind, where = reference
        parts = (where,) if type(where) is str else where
        if not all(type(part) is str for part in parts):
            raise pickle.UnpicklingError("a path that is not a text")
        return self._paths.restored(kind, where)


def is_foreign(made_by: str | None) -> bool:
    """Return whether code stored by value belongs to another Python version. None means no such code."""
    return made_by not in (None, python_version())


def python_version() -> str:
    """Return the version that code stored by value belongs to, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"

"""Pickles loaded: what they import must be listed, or nothing is."""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Iterable
from typing import Any

from pytest_mimic._outcome.names import name_of, resolve

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_NAMED = ("pytest_mimic._outcome.pickles", "named")

# What fetches, imports or runs by a name or a text held as data: whatever is in these packages,
_CODE_PACKAGES = frozenset(
    "_pickle bdb cProfile cloudpickle code codeop ctypes dill distutils doctest ensurepip imp importlib joblib"
    " marshal multiprocessing pdb pickle pip pkgutil pty pydoc runpy shelve subprocess timeit unittest venv"
    " zipimport".split()
)
# any function of these modules,
_CODE_MODULES = frozenset("gc inspect nt os platform posix shutil socket sys webbrowser".split())
# these,
_CODE_NAMES = frozenset(
    "_functools:reduce _io:open _operator:attrgetter _operator:methodcaller builtins:__import__"
    " builtins:breakpoint builtins:code builtins:compile builtins:delattr builtins:eval builtins:exec"
    " builtins:function builtins:getattr builtins:globals builtins:input builtins:locals builtins:open"
    " builtins:setattr builtins:vars dataclasses:_create_fn functools:reduce io:open"
    " logging.config:_resolve logging:getLogger numpy.testing._private.utils:runstring numpy:load"
    " operator:attrgetter operator:methodcaller pandas.io.pickle:read_pickle pandas:read_pickle"
    " profile:run profile:runctx torch.serialization:load torch.storage:_load_from_bytes"
    " types:CodeType types:FunctionType typing:_eval_type typing:get_type_hints".split()
)


class Admission:
    """Which names a pickle may import: `find_class` of the loading.

    Args:
        imports: Names of plain classes and functions.
        code: Names of what can import or run more.
    """

    def __init__(self, imports: Iterable[str], code: Iterable[str]) -> None:
        self._imports = frozenset(imports)
        self._code = frozenset(code)
        self._admitted: set[str] = set()

    def find(self, module: str, qualname: str) -> Any:
        """What the name stands for.

        Raises:
            RefusedError: The name is not listed, or is code and not listed as such.
        """
        name = f"{module}:{qualname}"
        if name in self._admitted:
            return self._found(module, qualname)
        if name not in self._imports and name not in self._code:
            raise RefusedError(name, "which its recording does not list")
        found = self._found(module, qualname)
        if name not in self._code and is_code(name, found):
            raise RefusedError(name, "which its recording does not list as code")
        self._admitted.add(name)
        return found

    def _found(self, module: str, qualname: str) -> Any:
        if (module, qualname) == _NAMED:
            return self.find
        return resolve(module, qualname)


class RefusedError(Exception):
    """A pickle asked for a name that it may not import."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"it imports {name}, {why}")
        self.name = name


def is_code(name: str, found: object) -> bool:
    """Whether what the name stands for can import, fetch or run what a pickle holds as data."""
    if isinstance(found, types.ModuleType):
        return True
    own = name_of(found)
    for each in {name, own}:
        module = each.partition(":")[0].partition(".")[0]
        if each in _CODE_NAMES or module in _CODE_PACKAGES:
            return True
        if module in _CODE_MODULES and not isinstance(found, type):
            return True
    # A dotted name that leads elsewhere reaches through a module or an object, as `json:codecs.open` does; and the
    # standard library's methods do what their objects can: `pathlib:Path.write_text`, `string:Formatter.get_field`.
    if "." not in name.partition(":")[2] or isinstance(found, type):
        return False
    return own != name or own.partition(":")[0].partition(".")[0] in sys.stdlib_module_names


def load_all(stream: Any, buffers: Iterable[Any], admission: Admission, *, count: int) -> list[Any]:
    """Load `count` pickles that stand one after the other, sharing nothing.

    Raises:
        RefusedError: A pickle imports what it may not.
        Exception: Whatever loading raises.
    """
    file = io.BytesIO(stream)
    buffers = iter(buffers)
    return [_Unpickler(file, buffers, admission).load() for _ in range(count)]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, buffers: Iterable[Any], admission: Admission) -> None:
        super().__init__(file, buffers=buffers)
        self._find = admission.find

    def find_class(self, module: str, qualname: str, /) -> Any:
        return self._find(module, qualname)


def is_foreign(made_by: str | None) -> bool:
    """Whether code stored by value is that of another version than this Python's; None stands for no such code."""
    return made_by not in (None, python_version())


def python_version() -> str:
    """The version that code stored by value belongs to, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"

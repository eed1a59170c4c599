"""Classes and functions by name, and those that are code: they import, fetch or run what a pickle holds as data."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable
from enum import Enum
from importlib import import_module
from itertools import accumulate
from typing import Any

from pytest_mimic._core.machinery import TEST_MACHINERY

# The standard library can do anything that Python can, and so can the packages of every test run. Of these, the names
# that pickles of values need are listed below, and all others count as code.
_MACHINERY = sys.stdlib_module_names | TEST_MACHINERY | {"filelock", "iniconfig", "pygments", "test"}
# Modules whose classes are plain values, without the `_` in the names of those in C ...
_VALUE_MODULES = frozenset(
    "argparse array ast builtins calendar collections collections.abc collections_abc configparser csv dataclasses"
    " datetime decimal difflib elementtree email enum fractions functools graphlib html.entities html.parser"
    " http.cookiejar http.cookies inspect ipaddress itertools json numbers operator optparse pathlib plistlib"
    " pydatetime pydecimal queue random re sched shlex sre statistics string struct textwrap time tokenize traceback"
    " types typing urllib.error urllib.parse urllib.response uuid warnings weakrefset xml.dom.minicompat"
    " xml.dom.minidom xml.etree zoneinfo".split()
)
# ... except these, which fetch or open something by its name, or contain code.
_FETCHERS = frozenset(
    "_operator:attrgetter _operator:methodcaller argparse:FileType builtins:code builtins:function"
    " operator:attrgetter operator:methodcaller types:CodeType types:FunctionType".split()
)
# Further classes of values, and the functions that pickles of values call.
_MAKERS = frozenset(
    "_codecs:encode _io:BytesIO _io:StringIO _operator:getitem _operator:or_ array:_array_reconstructor builtins:iter"
    " contextlib:nullcontext copyreg:__newobj__ copyreg:__newobj_ex__ copyreg:_reconstructor http.client:HTTPMessage"
    " io:BytesIO io:StringIO logging:Formatter logging:LogRecord logging:PercentStyle"
    " operator:getitem operator:or_ pytest_mimic._core.outcome.exceptions:make pytest_mimic._core.outcome.exceptions:restore"
    " pytest_mimic._core.outcome.exceptions:restore_links pytest_mimic._core.outcome.pickles:named"
    " pytest_mimic._core.outcome.reducing:view re:_compile"
    " subprocess:CompletedProcess tarfile:TarInfo urllib.request:Request zipfile:ZipInfo".split()
)
# Of other packages, these count as code as a whole ...
_CODE_PACKAGES = frozenset(
    "_distutils_hack cloudpickle dill distutils imp joblib pip pkg_resources setuptools wheel".split()
)
# ... and these names.
_CODE_NAMES = frozenset(
    "numpy.testing._private.utils:runstring numpy:load pandas.io.pickle:read_pickle pandas:read_pickle"
    # Their own format contains the Python functions of a plan.
    " polars.expr.expr:Expr polars.lazyframe.frame:LazyFrame"
    " torch.serialization:load torch.storage:_load_from_bytes".split()
)


def is_code(name: str, found: object) -> bool:
    """Return whether the object that a pickle names can import, fetch or run something that the pickle has as data."""
    if isinstance(found, types.ModuleType):
        return True
    own = name_of(found)
    names = {name, own}
    if names & _CODE_NAMES or any(_package(each) in _CODE_PACKAGES for each in names):
        return True
    if isinstance(found, type):
        return _is_acting_class(found, names)
    if isinstance(found, Enum) or type(found).__module__ == "typing" or names & _MAKERS:
        return False
    if any(_package(each) in _MACHINERY for each in names):
        return found is not Ellipsis and found is not NotImplemented
    # A dotted name that is not the object's own reaches through a module or an object: `shop:client.session.get`.
    # A container gives access to all its items, by a key that is data.
    return ("." in name.partition(":")[2] and own != name) or (
        hasattr(type(found), "__getitem__") and not callable(found)
    )


def _is_acting_class(cls: type, names: Iterable[str]) -> bool:
    """Return whether making an instance of a class may do more than store its arguments."""
    if issubclass(cls, (BaseException, Enum, tuple)):
        return False
    for name in names:
        if name in _FETCHERS:
            return True
        if name not in _MAKERS and _package(name) in _MACHINERY:
            module = name.partition(":")[0].lstrip("_")
            parents = accumulate(module.split("."), lambda parent, part: f"{parent}.{part}")
            if _VALUE_MODULES.isdisjoint(parents):
                return True
    return False


def _package(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


def name_of(thing: object) -> str:
    """Return the name in a class's or function's own attributes, which may lead elsewhere."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None)}"


def resolve(module: str, qualname: str) -> Any:
    """Return the object with a name, importing its module.

    If this Python lacks a private module of the standard library, the public module is used instead: Python 3.13
    has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    found = _imported(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _imported(module: str) -> Any:
    found = sys.modules.get(module)
    if found is not None:
        return found
    try:
        return import_module(module)
    except ModuleNotFoundError:
        from pytest_mimic._core.identity.callables import public_module

        public = public_module(module)
        if public == module:
            raise
        return import_module(public)


def resolve_class(module: str, qualname: str) -> Any:
    """Return the class with a name, importing its module. Nothing else of it runs: only modules and classes are opened.

    A name may also lead to a function or a module, which the caller has to refuse.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such class.
        NoClassError: The name leads to something else, or to a class that cannot be looked at without running code.
    """
    found = _imported(module)
    for part in qualname.split("."):
        if issubclass(type(found), types.ModuleType):
            found = getattr(found, part)
            continue
        if not has_plain_metaclass(found):
            raise NoClassError
        space = next((vars(base) for base in found.__mro__ if part in vars(base)), None)
        if space is None:
            raise AttributeError(f"{module} has no class {qualname}", name=qualname)
        found = space[part]
    if type(found) not in _INERT and not has_plain_metaclass(found):
        raise NoClassError
    return found


_INERT = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


class NoClassError(Exception):
    """A name leads to something else than a class of which nothing runs when it is looked at."""


def has_plain_metaclass(thing: object) -> bool:
    """Return whether a thing is a class whose metaclass leaves to Python how a class is read and compared."""
    for meta in type(thing).__mro__:
        if meta is type:
            return True
        if not _READING.isdisjoint(vars(meta)) or type(vars(meta).get("__module__", "")) is not str:
            return False
    return False


_READING = frozenset(
    "__getattribute__ __class__ __dict__ __mro__ __flags__ __qualname__ __name__ __hash__ __eq__".split()
)


def importable(thing: object) -> Any:
    """Resolve the own name of a class or function. Return None unless it leads to that or to its mimic wrapper."""
    module, qualname = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or module not in sys.modules:
        return None
    try:
        found = resolve(module, qualname)
    except AttributeError:
        return None
    if found is thing or getattr(found, "__mimic_original__", None) is thing:
        return found
    return found if getattr(thing, "__mimic_original__", None) is found else None

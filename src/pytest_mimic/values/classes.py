"""Which classes a file may name, and what may be set on their objects.

Every answer is read off the dictionaries of classes, so that none of their code runs.
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from types import (
    GetSetDescriptorType,
    MemberDescriptorType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.names import (
    bases_of,
    class_named,
    is_of_python,
    member_of,
    members_of,
    name_of,
)
from pytest_mimic.values.rows import checked, row_of
from pytest_mimic.values.state import (
    LIBRARIES,
    is_larger_than_attributes,
    kind_of,
    library_of,
)
from pytest_mimic.values.tree import SCALARS

_PYTHON = frozenset(
    "argparse:Namespace collections:ChainMap collections:UserDict collections:UserList"
    " collections:UserString decimal:DecimalTuple difflib:Match doctest:TestResults"
    " http.cookiejar:Cookie inspect:ArgInfo inspect:Attribute"
    " inspect:FullArgSpec sched:Event ssl:DefaultVerifyPaths"
    " statistics:LinearRegression statistics:NormalDist subprocess:CompletedProcess"
    " tokenize:TokenInfo urllib.parse:DefragResult urllib.parse:DefragResultBytes"
    " urllib.parse:ParseResult urllib.parse:ParseResultBytes urllib.parse:SplitResult"
    " urllib.parse:SplitResultBytes urllib.robotparser:RequestRate".split()
)
"""The classes of Python whose objects are made of their attributes."""
_SPEAKING = frozenset(
    "argparse ast asyncio.exceptions asyncio.queues binascii builtins bz2 calendar"
    " concurrent.futures configparser copy csv dataclasses datetime decimal"
    " email.errors ftplib getopt graphlib gzip http http.client http.cookiejar"
    " http.cookies imaplib importlib.metadata inspect io ipaddress json.decoder locale"
    " lzma mailbox netrc operator pathlib pickle plistlib poplib queue re selectors"
    " shelve shutil signal smtplib socket sqlite3 sre_constants ssl statistics string"
    " struct subprocess tarfile threading tokenize tomllib types unicodedata"
    " urllib.error uuid xml.etree.ElementTree xml.parsers.expat xml.sax zipfile zlib"
    " zoneinfo".split()
)
"""The modules of Python whose exceptions and enums are made."""

_BUILTINS = (int, float, str, bytes, tuple, list, dict, set)
_HOOKS = ("__del__", "__getattr__", "__getattribute__")
_PLACES = ("__dict__", "__class__", "__slots__")
_OF_CLASSES = frozenset(
    name for name, member in vars(type).items() if not callable(member)
)
"""What classes say of themselves: `__name__`, `__mro__` and the like."""


def allowed(name: str) -> type:
    """Give a class that a file names, if its objects may be made.

    Making an object of it, reading its attributes, or letting go of it, runs no code of
    the class.

    Args:
        name: `module:Outer.Inner`.

    Raises:
        CorruptRecordingError: They may not.
        StaleRecordingError: The class is gone, or its module was not imported.
    """
    fault = _fault_of_name(name)
    if not fault:
        cls = class_named(name)
        metaclass = type(cls)
        fault = "its metaclass is an odd one"
        # What is remembered of a class is found by its hash, which must be that of C.
        if type(metaclass) is type:
            fault = _fault_of_metaclass(metaclass) or _fault_of(cls, name)
    if fault:
        raise refused(name, fault)
    return cls


def refused(name: str, reason: str) -> CorruptRecordingError:
    """Give the error for what no file may name."""
    what = f"a readable recording may not make {name}"
    return CorruptRecordingError(what, [reason], damage="refused")


@lru_cache(maxsize=1024)
def _fault_of_name(name: str) -> str:
    """Say why a class of this name may not be looked up; empty: it may."""
    module, colon, _ = name.partition(":")
    if not colon:
        return "it is the name of no class"
    is_in_table = module in _SPEAKING or name in _PYTHON
    return "it is in no table" if is_of_python(name) and not is_in_table else ""


@lru_cache(maxsize=64)
def _fault_of_metaclass(metaclass: type) -> str:
    """Say why a class of this metaclass may not be asked anything; empty: it may."""
    for base in bases_of(metaclass):
        if base is type:
            break
        for name, member in members_of(base).items():
            is_hook = name in (*_HOOKS, "__eq__", "__hash__")
            is_hook = is_hook or (name in _OF_CLASSES and is_descriptor(member))
            if is_hook and not _is_known(base, name):
                return f"its metaclass has {name}"
    return ""


@lru_cache(maxsize=256)
def _fault_of(cls: type, name: str) -> str:
    """Say why no object of a class may be made of attributes; empty: it may.

    Its metaclass must have no fault.
    """
    is_error, is_enum = issubclass(cls, BaseException), issubclass(cls, Enum)
    is_in_table = is_error or is_enum or name in _PYTHON
    if is_of_python(cls.__module__) and not is_in_table:
        return "it is in no table"
    for base in bases_of(cls):
        members = members_of(base)
        if type(members.get("__module__", "")) is not str:
            return "it does not tell its module"
        if vars(builtins).get(base.__name__) is base:
            continue
        if base.__module__.startswith("scipy.sparse."):
            return "C reads what lies at its indices"
        for hook in _HOOKS:
            if hook in members and not _is_known(base, hook):
                return f"it has {hook}"
        for place in _PLACES:
            member = members.get(place)
            if is_descriptor(member) and type(member) is not GetSetDescriptorType:
                return f"it has a descriptor as {place}"
    if is_enum:
        return ""
    beside = base_beside(cls)
    if is_error:
        return "" if may_be_raised(cls) else "it ends a test"
    if beside is None:
        return "it is made of more than attributes and a builtin"
    if is_larger_than_attributes(cls, beside):
        return "it keeps something in C"
    return ""


def _is_known(base: type, name: str) -> bool:
    """Tell whether a hook is that of pydantic, or what `enum` has for old ways."""
    package = base.__module__.partition(".")[0]
    return name == "__getattr__" and package in ("pydantic", "enum")


# By name, as few runs load them. Other signs of pytest are no `Exception`.
_CUT_SHORT = {
    "_pytest.outcomes.Exit",
    "concurrent.futures._base.CancelledError",
    "unittest.case.SkipTest",
    "unittest.case._ShouldStop",
}


def may_be_raised(cls: type) -> bool:
    """Tell whether an exception is an outcome, and no sign of being cut short."""
    names = {f"{base.__module__}.{base.__name__}" for base in bases_of(cls)}
    return issubclass(cls, Exception) and names.isdisjoint(_CUT_SHORT)


def base_beside(cls: type) -> type | None:
    """Give the builtin that objects are beside their attributes, or `object`.

    `None`: they are something else.
    """
    base = kind_of(cls).base
    if base is None:
        return object
    return base if base in _BUILTINS else None


@lru_cache(maxsize=256)
def fields_of(cls: type) -> frozenset[str]:
    """Give the names of the fields that a class declares."""
    declared = member_of(cls, "__dataclass_fields__")
    if type(declared) is dict:
        for field in declared.values():
            checked(field, dataclasses.Field)
        # A metaclass may have another answer to this name.
        holder: Any = SimpleNamespace(__dataclass_fields__=declared)
        return frozenset(field.name for field in dataclasses.fields(holder))
    if type(member_of(cls, "__pydantic_fields__")) is dict:
        return frozenset(member_of(cls, "__pydantic_fields__"))
    if type(member_of(cls, "_fields")) is tuple:
        return frozenset(checked(name, str) for name in member_of(cls, "_fields"))
    return frozenset(field.name for field in member_of(cls, "__attrs_attrs__") or ())


# -- attributes


def check_names(cls: type, names: Iterable[str]) -> None:
    """Check that attributes may be set: none hides a method, property or the like.

    Raises:
        TypeError: One of them may not.
    """
    wrong = first_unsettable(cls, names)
    if wrong:
        raise TypeError(f"{name_of(cls)} has a descriptor or no place for {wrong}")


def first_unsettable(cls: type, names: Iterable[str]) -> str:
    """Give the first name under which no attribute may be set; empty: there is none."""
    return next((name for name in names if not _is_settable(cls, name)), "")


@lru_cache(maxsize=1024)
def _is_settable(cls: type, name: str) -> bool:
    is_free = not is_descriptor(member_of(cls, name))
    return is_slot(cls, name) or (is_free and not name[:2] == name[-2:] == "__")


@lru_cache(maxsize=1024)
def is_slot(cls: type, name: str) -> bool:
    """Tell whether objects keep an attribute in a slot."""
    return type(member_of(cls, name)) is MemberDescriptorType


def is_descriptor(member: object) -> bool:
    """Tell whether what stands in a class acts when it is looked up."""
    return member_of(type(member), "__get__") is not None


# -- keys


def is_key(value: Any) -> bool:
    """Tell whether hashing a value and comparing it runs no code of a class."""
    kind = type(value)
    if kind in SCALARS or row_of(kind) is not None:
        return True
    if kind in (tuple, frozenset):
        return all(map(is_key, value))
    return _is_hashed_by_c(kind)  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def _is_hashed_by_c(cls: type) -> bool:
    """Tell whether Python or a library hashes and compares the objects of a class."""
    owner, comparing = _owner_of(cls, "__hash__"), _owner_of(cls, "__eq__")
    if issubclass(cls, Enum):
        return is_of_python(owner.__module__) and is_of_python(comparing.__module__)
    is_of_c = type(members_of(owner)["__hash__"]) is WrapperDescriptorType
    return is_of_c and library_of(owner) in LIBRARIES


def _owner_of(cls: type, name: str) -> type:
    return next(base for base in bases_of(cls) if name in members_of(base))

"""Exceptions taken apart and made again, without their `__init__`."""

from __future__ import annotations

from functools import lru_cache
from types import BuiltinFunctionType
from typing import Any, TypeAlias

from pytest_mimic.values.names import FIELDS, member_of
from pytest_mimic.values.rows import checked
from pytest_mimic.values.tree import SCALARS

# Fields of Python's own classes that say nothing: `obj` is what the code had at hand,
# `_metadata` what its parser had, and those of a group stand in its arguments.
_PASSED_OVER = frozenset({"args", "obj", "message", "exceptions", "_metadata"})


Parts: TypeAlias = "tuple[dict[Any, object], dict[str, object]]"
"""What an exception is made of: the attributes that were set on it, and beside them

- `args`: its arguments
- `fields`: what its classes keep: `errno`, `filename`, slots
- `notes`: its notes
- `cause`: the exception behind `from`
- `from`: whether a traceback leaves out the context

What there is not of these is `None`, or missing.
"""


def parts_of(error: BaseException) -> Parts:
    """Take an exception apart."""
    attributes = dict(error.__dict__)
    beside = {
        "args": list(error.args),
        "fields": _fields_of(error) or None,
        "notes": attributes.pop("__notes__", None),
        "cause": error.__cause__,
        "from": error.__suppress_context__ or None,
    }
    return attributes, beside


def _fields_of(error: BaseException) -> dict[str, object]:
    fields: dict[str, object] = {}
    for base in type(error).__mro__:
        if base is BaseException:
            break
        own = vars(base)
        if "__slots__" not in own and base.__module__ != "builtins":
            # What a class of C keeps besides is nothing that it says.
            continue
        for name, member in own.items():
            if not isinstance(member, FIELDS):
                continue
            if name[:2] == "__" or (name in _PASSED_OVER and "__slots__" not in own):
                continue
            # Where a class has none of a field, Python says None or an AttributeError.
            value = getattr(error, name, None)
            if value is not None:
                fields[name] = value
    return fields


def made_bare(cls: Any, args: tuple[object, ...]) -> BaseException:
    """Make an exception of its arguments alone, past `__init__` of its class."""
    make = _maker_of(cls)
    # Its arguments may be anything, and C looks into those that it gets.
    if "exceptions" in vars(make.__self__):
        message, inner = args
        error: BaseException = make(
            cls, checked(message, str), checked(inner, list, tuple)
        )
    else:
        error = make(cls)
    _set("args", error, args)
    return error


@lru_cache(maxsize=256)
def _maker_of(cls: Any) -> Any:
    """Give the `__new__` in C that makes exceptions of a class."""
    makers = [vars(base).get("__new__") for base in cls.__mro__]
    return next(one for one in makers if isinstance(one, BuiltinFunctionType))


def _set(name: str, error: BaseException, value: object) -> None:
    vars(BaseException)[name].__set__(error, value)


def check_fields(cls: type, fields: dict[str, Any]) -> None:
    """Check what the classes of Python shall keep of an exception: they read it in C.

    Raises:
        TypeError, ValueError: A field is none, or is not of a type that it may have.
    """
    for name, value in fields.items():
        member = member_of(cls, name)
        if name[:2] == "__" or type(member) not in FIELDS:
            raise TypeError(f"it has no field {name}")
        is_of_python = member.__objclass__.__module__ == "builtins"
        if is_of_python and type(value) not in (*SCALARS, bytes):
            raise TypeError(f"{name} is of type {type(value).__name__}")
    if "object" in fields and issubclass(cls, UnicodeError):
        kind = bytes if issubclass(cls, UnicodeDecodeError) else str
        length = len(checked(fields["object"], kind))
        if not 0 <= fields["start"] <= fields["end"] <= length:
            raise ValueError("its start and end are not in what it is about")


def complete(error: BaseException, parts: Parts) -> None:
    """Set what an exception has beside its arguments, past `__setattr__` of its class.

    Raises:
        AttributeError, TypeError, ValueError: Its class has no such field any more.
    """
    attributes, beside = parts
    fields: Any = beside.get("fields") or {}
    for name, value in fields.items():
        if getattr(error, name, None) is not value:
            object.__setattr__(error, name, value)
    error.__dict__.update(attributes)
    if beside.get("notes") is not None:
        error.__dict__["__notes__"] = beside["notes"]
    _set("__cause__", error, beside.get("cause"))
    _set("__suppress_context__", error, bool(beside.get("from")))

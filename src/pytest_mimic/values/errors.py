"""Exceptions taken apart and made again, without their `__init__`."""

from __future__ import annotations

from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, NamedTuple

# Fields of Python's own classes that say nothing: `obj` is what the code had at hand,
# and those of a group stand in its arguments.
_PASSED_OVER = frozenset({"args", "obj", "message", "exceptions"})


class ErrorParts(NamedTuple):
    """What an exception is made of.

    Attributes:
        args: Its arguments.
        fields: What its classes keep beside: `errno`, `filename`, slots.
        attributes: What was set on it.
        notes: Its notes, if it has any.
        cause: The exception behind `from`.
        hides_context: Whether a traceback leaves out the context.
    """

    args: tuple[object, ...]
    fields: dict[str, object]
    attributes: dict[str, object]
    notes: object = None
    cause: BaseException | None = None
    hides_context: bool = False


def parts_of(error: BaseException) -> ErrorParts:
    """Take an exception apart."""
    attributes = _attributes_of(error)
    notes = attributes.pop("__notes__", None)
    return ErrorParts(
        error.args,
        _fields_of(error),
        attributes,
        notes,
        error.__cause__,
        error.__suppress_context__,
    )


def _attributes_of(error: BaseException) -> dict[str, object]:
    """Give what was set on an exception, as its class gives it to be pickled."""
    attributes = dict(error.__dict__)
    if not isinstance(type(error).__reduce__, FunctionType):
        return attributes
    try:
        reduced: Any = error.__reduce__()
        return {**attributes, **reduced[2]}
    except Exception:  # It gives no attributes, or fails at it.
        return attributes
    finally:
        # The class may have changed the very mapping that it gives.
        error.__dict__.update(attributes)


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
            if not isinstance(member, (MemberDescriptorType, GetSetDescriptorType)):
                continue
            if name[:2] == "__" or (name in _PASSED_OVER and "__slots__" not in own):
                continue
            # Where a class has none of a field, Python says None or an AttributeError.
            value = getattr(error, name, None)
            if value is not None:
                fields[name] = value
    return fields


def made_bare(cls: type[BaseException], args: tuple[object, ...]) -> BaseException:
    """Make an exception of its arguments alone, past `__init__` of its class."""
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    error: BaseException = builtin.__new__(cls, *args)
    object.__setattr__(error, "args", args)
    return error


def complete(error: BaseException, parts: ErrorParts) -> None:
    """Set what an exception has beside its arguments, past `__setattr__` of its class.

    Raises:
        AttributeError, TypeError, ValueError: Its class has no such field any more.
    """
    for name, value in parts.fields.items():
        if getattr(error, name, None) is not value:
            object.__setattr__(error, name, value)
    error.__dict__.update(parts.attributes)
    if parts.notes is not None:
        error.__dict__["__notes__"] = parts.notes
    object.__setattr__(error, "__cause__", parts.cause)
    object.__setattr__(error, "__suppress_context__", parts.hides_context)

"""The fields in C of builtin exceptions, which stand in no `__dict__`: one table.

Identities, outcomes and descriptions of exceptions have them beside the attributes.
"""

from __future__ import annotations

from contextlib import suppress
from types import MethodDescriptorType
from typing import NamedTuple


class FieldsInC(NamedTuple):
    """The fields that a builtin exception has in C.

    Attributes:
        from_arguments: The names of the fields that the constructor fills with its
            arguments. A program may set them anew: parsers give a `SyntaxError` its
            `filename` later.
        beside_arguments: The names of the fields whose values `args` does not have.
        counting_unless_none: The names of further fields of which `args` does not have
            the values. One that is None does not count, as in most errors that are
            raised by code and not by the interpreter.
    """

    from_arguments: tuple[str, ...] = ()
    beside_arguments: tuple[str, ...] = ()
    counting_unless_none: tuple[str, ...] = ()


_OF_UNICODE_ERROR = FieldsInC(("encoding", "object", "start", "end", "reason"))
# By the class that brings the fields. `AttributeError.obj` is left out, as it may be
# any object, and so is `SyntaxError.print_file_and_line`, which stays None.
FIELDS_IN_C: dict[type[BaseException], FieldsInC] = {
    BlockingIOError: FieldsInC(("characters_written",)),
    OSError: FieldsInC(("errno", "strerror"), ("filename", "filename2")),
    ImportError: FieldsInC(("msg",), ("name", "path")),
    NameError: FieldsInC(counting_unless_none=("name",)),
    AttributeError: FieldsInC(counting_unless_none=("name",)),
    StopIteration: FieldsInC(("value",)),
    SyntaxError: FieldsInC(
        (
            "msg",
            "filename",
            "lineno",
            "offset",
            "text",
            "end_lineno",
            "end_offset",
        )
    ),
    UnicodeDecodeError: _OF_UNICODE_ERROR,
    UnicodeEncodeError: _OF_UNICODE_ERROR,
    UnicodeTranslateError: FieldsInC(("object", "start", "end", "reason")),
}


def fields_in_c(class_: type[BaseException]) -> tuple[str, ...]:
    """Return the names of all fields in C of a class of exceptions.

    An outcome stores those that its class would not set again by itself.
    """
    names: tuple[str, ...] = ()
    for base, fields in FIELDS_IN_C.items():
        if issubclass(class_, base):
            names += fields.beside_arguments + fields.counting_unless_none
            names += fields.from_arguments
    return names


def exception_fields(error: BaseException) -> tuple[str, ...]:
    """Return the names of the fields in C that count for an exception.

    Its arguments do not tell their values.
    """
    fields_beside_arguments: list[str] = []
    fields_set_later: list[str] = []
    for base, fields in FIELDS_IN_C.items():
        if not isinstance(error, base):
            continue
        fields_beside_arguments += fields.beside_arguments
        for name in fields.counting_unless_none:
            if getattr(error, name) is not None:
                fields_beside_arguments.append(name)
        fields_set_later += _fields_unlike_arguments(error, base, fields.from_arguments)
    return (*fields_beside_arguments, *fields_set_later)


def _fields_unlike_arguments(
    error: BaseException, base: type[BaseException], names: tuple[str, ...]
) -> list[str]:
    """Return the fields in which an exception differs from one with its arguments.

    If its builtin base takes other arguments than its class, these are all fields.
    """
    new_error: BaseException | None = None
    with suppress(Exception):
        new_error = base(*error.args)
    changed_fields = []
    for name in names:
        # A field may have no value: `characters_written` of a write that did not block.
        if hasattr(error, name) and not is_equal_field(error, new_error, name):
            changed_fields.append(name)
    return changed_fields


def is_equal_field(
    error: BaseException, other: BaseException | None, name: str
) -> bool:
    """Check whether a field of two exceptions is equal. One without a value is None.

    One of them is made of the arguments of the other. Fields that are equal then
    neither count in an identity nor are stored in an outcome.
    """
    value = getattr(error, name, None)
    value_of_other = getattr(other, name, None)
    if value is value_of_other:
        return True
    # The value of a `StopIteration` may be an array, which has no truth value.
    with suppress(Exception):
        return bool(value == value_of_other)
    return False


def is_pickled_in_c(class_: type) -> bool:
    """Return whether an extension says how exceptions of a class are pickled.

    Such an exception may hold everything in C, where no argument and no attribute shows
    it: the errors of pydantic's `ValidationError`.
    """
    for base in class_.__mro__:
        if base.__module__ == "builtins":
            return False
        for name in ("__reduce_ex__", "__reduce__"):
            if name in vars(base):
                return type(vars(base)[name]) is MethodDescriptorType
    return False

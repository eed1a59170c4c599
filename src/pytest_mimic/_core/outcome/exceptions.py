"""Exceptions of outcomes: taken apart, and made again without their `__init__`.

Nodes and pickles have the same state of an exception, from which `restore` makes it:

| key | what it holds |
|---|---|
| `attributes` | the exception's `__dict__`, without notes |
| `fields` | slots, and fields in C that the arguments do not set |
| `notes`, `cause` | `__notes__`, `__cause__` |
| `suppress_context` | `__suppress_context__` |
| `args` | the arguments: in JSON, and in a pickle beside `own` if they are simple |
| `own` | in a pickle: the state that the class itself pickles |

Pickles name `make` and `restore`, so neither can have another name.
"""

from __future__ import annotations

import builtins
from contextlib import suppress
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast

from pytest_mimic._core.types.attributes_and_parts import slot_members
from pytest_mimic._core.types.exception_fields import fields_in_c, is_equal_field
from pytest_mimic._core.types.type_names import name_of

# The types of the arguments and attributes that are kept beside the class's own pickle.
_SIMPLE_TYPES = frozenset({str, int, float, bool, bytes})


def make(cls: type[BaseException], args: tuple[object, ...]) -> BaseException:
    """Return an exception of a class with these arguments.

    The `__init__` of a user's class is not called.
    """
    # Loading a pickle calls this function, and an edited pickle could name any object
    # in place of the class.
    class_or_other: object = cls
    if not (
        isinstance(class_or_other, type) and issubclass(class_or_other, BaseException)
    ):
        raise TypeError(f"{cls!r} is not an exception class")
    base = _builtin_error_of(cls)
    exception = cast(BaseException, base.__new__(cls, *args))
    # A subclass may have other arguments than its builtin base.
    with suppress(TypeError):
        base.__init__(exception, *args)
    if exception.args is not args:
        _set_past_class(exception, args=args)
    return exception


def _builtin_error_of(cls: type[BaseException]) -> Any:
    """Return the builtin class from which a class of exceptions derives."""
    for base in cls.__mro__:
        if vars(builtins).get(base.__name__) is base:
            return base
    raise TypeError(f"{cls!r} has no builtin base")


def _set_past_class(exception: BaseException, **attributes: object) -> None:
    """Set attributes past the class, because a frozen dataclass refuses to set any."""
    for name, value in attributes.items():
        object.__setattr__(exception, name, value)


def restore(exception: Any, state: dict[str, Any]) -> None:
    """Give an exception its state.

    The state that the class itself has pickled comes first, then what it may have left
    out.
    """
    # An edited pickle could name any object in place of the exception.
    if not isinstance(exception, BaseException):
        raise TypeError(f"{exception!r} is not an exception")
    if state.get("own") is not None:
        exception.__setstate__(state["own"])
    if "own" in state and "args" in state:
        _set_past_class(exception, args=state["args"])
    # The attributes are set past the class, which may define another `__dict__`.
    dict_of_builtin: Any = vars(BaseException)["__dict__"]
    attributes = dict_of_builtin.__get__(exception)
    attributes.update(state.get("attributes", {}))
    if "notes" in state:
        attributes["__notes__"] = state["notes"]
    for name, value in state.get("fields", {}).items():
        _settable_field(type(exception), name).__set__(exception, value)
    # Python sets the flag to True where a cause is set, so the flag comes last.
    _set_past_class(exception, __cause__=state.get("cause"))
    _set_past_class(
        exception, __suppress_context__=state.get("suppress_context", False)
    )


def _settable_field(
    cls: type[BaseException], name: str
) -> MemberDescriptorType | GetSetDescriptorType:
    """Return the slot or the field in C with a name.

    Raises:
        ValueError: The class has no such slot or field. A property is none, as its
            setter would run code.
    """
    is_in_c = name in fields_in_c(cls)
    for base in cls.__mro__:
        member = base.__dict__.get(name)
        if type(member) is MemberDescriptorType:
            return member
        if is_in_c and type(member) is GetSetDescriptorType:
            return member
    raise ValueError(f"{name_of(cls)} has no field {name!r:.60}")


def state_of_exception(exception: BaseException) -> dict[str, Any]:
    """Return the state that JSON and pickles have for `restore`, but empty parts."""
    attributes = dict(exception.__dict__)
    notes = attributes.pop("__notes__", None)
    state = {
        "attributes": attributes,
        "fields": _fields_of_exception(exception),
        "cause": exception.__cause__,
        "suppress_context": exception.__suppress_context__,
    }
    if notes is not None:
        state["notes"] = notes
    return {name: part for name, part in state.items() if not _is_empty(part)}


def _is_empty(part: object) -> bool:
    """Return whether a part of a state says nothing: None, False or an empty dict.

    An empty list of notes says that somebody has removed them.
    """
    return part is None or part is False or (type(part) is dict and not part)


def reduce(exception: BaseException) -> Any:
    """Return the reduction of an exception for a pickle.

    NotImplemented: the class pickles its objects itself.
    """
    cls = type(exception)
    state = state_of_exception(exception)
    if not _reduces_itself(cls) and remade(exception) is not None:
        return make, (cls, exception.args), state, None, None, restore
    # The class decides how its exceptions are pickled, or `make` cannot make them.
    reduction_of_class: Any = exception.__reduce_ex__(4)
    if not isinstance(reduction_of_class, tuple):
        # The exception is a constant, which is pickled by its name.
        return NotImplemented
    make_by_class, args, state_of_class, *further_parts = (*reduction_of_class, None)
    if any(part is not None for part in further_parts):
        # The class is pickled with items or with a function of its own for the state.
        return NotImplemented
    # The reduction of the class may leave out notes and links, and simple arguments and
    # attributes, as those of urllib3 do. `restore` sets them after the class's state.
    state_left_out: dict[str, Any] = {}
    for name in ("notes", "cause", "suppress_context"):
        if name in state:
            state_left_out[name] = state[name]
    attributes: dict[str, Any] = {}
    for name, value in vars(exception).items():
        if type(value) in _SIMPLE_TYPES:
            attributes[name] = value
    state_left_out["attributes"] = attributes
    if _SIMPLE_TYPES.issuperset(map(type, exception.args)):
        state_left_out["args"] = exception.args
    return (
        make_by_class,
        args,
        {**state_left_out, "own": state_of_class},
        None,
        None,
        restore,
    )


def _reduces_itself(cls: type[BaseException]) -> bool:
    """Return whether a class of a user says how its exceptions are pickled."""
    for base in cls.__mro__:
        if base.__module__ == "builtins":
            return False
        if "__reduce__" in vars(base) or "__reduce_ex__" in vars(base):
            return True
    return False


def _fields_of_exception(exception: BaseException) -> dict[str, object]:
    """Return the slots that have a value, and fields in C.

    Fields that `make` sets from the arguments are left out: `errno` and `strerror` of
    `OSError(2, "no such file")`.
    """
    remade_exception = remade(exception)
    fields: dict[str, object] = {}
    cls = cast(type, type(exception))
    for name in fields_in_c(cls):
        if not is_equal_field(exception, remade_exception, name):
            fields[name] = getattr(exception, name, None)
    for name, member in slot_members(cls, below=BaseException).items():
        # A slot may be empty.
        with suppress(AttributeError):
            fields[name] = member.__get__(exception)
    return fields


def remade(exception: BaseException) -> BaseException | None:
    """Return another exception with the same class and arguments.

    A field of the first exception that differs in it is stored beside the arguments.
    None: `make` cannot make such an exception.
    """
    try:
        remade_exception = make(type(exception), exception.args)
    # The class of an extension may raise anything.
    except Exception:
        return None
    return remade_exception if type(remade_exception) is type(exception) else None

"""Exceptions taken apart and put together again without calling their `__init__`."""

from __future__ import annotations

import builtins
from contextlib import suppress
from itertools import takewhile
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast

from pytest_mimic._core.types.kinds import name_of
from pytest_mimic._core.types.opening import slot_members

# Fields in C, which are neither in `args` nor in `__dict__`. `AttributeError.obj` is
# left out: it is any object.
FIELDS: dict[type[BaseException], tuple[str, ...]] = {
    OSError: ("errno", "strerror", "filename", "filename2"),
    BlockingIOError: ("characters_written",),
    ImportError: ("msg", "name", "path"),
    StopIteration: ("value",),
    UnicodeError: ("encoding", "object", "start", "end", "reason"),
    NameError: ("name",),
    AttributeError: ("name",),
    SyntaxError: (
        "msg",
        "filename",
        "lineno",
        "offset",
        "text",
        "end_lineno",
        "end_offset",
    ),
}
_SIMPLE = frozenset({str, int, float, bool, bytes})


def make(cls: type[BaseException], args: tuple[object, ...]) -> BaseException:
    """Return an exception of a class with these arguments, without calling a user's `__init__`."""
    known: object = cls
    if not (isinstance(known, type) and issubclass(known, BaseException)):
        raise TypeError(f"{cls!r} is not an exception class")
    base: Any = next(
        base for base in cls.__mro__ if vars(builtins).get(base.__name__) is base
    )
    made = cast(BaseException, base.__new__(cls, *args))
    try:
        base.__init__(made, *args)
    except TypeError:  # a subclass with other arguments than its builtin base
        pass
    if made.args is not args:
        _set(made, args=args)
    return made


def _set(exception: BaseException, **attributes: object) -> None:
    """Set attributes past the class, because a frozen dataclass refuses to set any."""
    for name, value in attributes.items():
        object.__setattr__(exception, name, value)


def restore(exception: Any, state: dict[str, Any]) -> None:
    """Give an exception its state: that from its class's own reduction, then the parts that this may have left out."""
    if not isinstance(
        exception, BaseException
    ):  # an edited pickle could name any other object
        raise TypeError(f"{exception!r} is not an exception")
    if state.get("own") is not None:
        exception.__setstate__(state["own"])
    if "own" in state and "args" in state:
        _set(exception, args=state["args"])
    # Past the class, which may have a `__dict__` of its own.
    attributes: Any = vars(BaseException)["__dict__"]
    attributes.__get__(exception).update(state.get("attributes", {}))
    if "notes" in state:
        attributes.__get__(exception)["__notes__"] = state["notes"]
    for name, value in state.get("fields", {}).items():
        _field(type(exception), name).__set__(exception, value)
    # After the cause: setting one suppresses the context.
    _set(exception, __cause__=state.get("cause"))
    _set(exception, __suppress_context__=state.get("suppress_context", False))


def _field(
    cls: type[BaseException], name: str
) -> MemberDescriptorType | GetSetDescriptorType:
    """Return the slot or the field in C with a name.

    ValueError: there is none; a property's setter would run code.
    """
    in_c = any(
        issubclass(cls, base) and name in names for base, names in FIELDS.items()
    )
    for base in cls.__mro__:
        member = base.__dict__.get(name)
        if type(member) is MemberDescriptorType or (
            type(member) is GetSetDescriptorType and in_c
        ):
            return member
    raise ValueError(f"{name_of(cls)} has no field {name!r:.60}")


def state_of(exception: BaseException) -> dict[str, Any]:
    """Return the state for `restore`, without empty parts."""
    attributes = dict(exception.__dict__)
    notes = attributes.pop("__notes__", None)
    state = {
        "attributes": attributes,
        "fields": _fields(exception),
        "cause": exception.__cause__,
        "suppress_context": exception.__suppress_context__,
    }
    if notes is not None:
        state["notes"] = notes
    return {
        name: value
        for name, value in state.items()
        if not (value is None or value is False or (type(value) is dict and not value))
    }


def reduce(exception: BaseException) -> Any:
    """Return the reduction of an exception for a pickle, or NotImplemented to leave it to the class."""
    cls = type(exception)
    own = takewhile(lambda base: base.__module__ != "builtins", cls.__mro__)
    reduces_itself = any(
        "__reduce__" in vars(base) or "__reduce_ex__" in vars(base) for base in own
    )
    state = state_of(exception)
    if not reduces_itself and remade(exception) is not None:
        return make, (cls, exception.args), state, None, None, restore
    reduced: Any = exception.__reduce_ex__(4)
    if not isinstance(reduced, tuple):
        return NotImplemented
    make_it, args, own_state, *others = (*reduced, None)
    if any(part is not None for part in others):
        return NotImplemented
    # Its own reduction may leave out notes and links, and simple arguments and
    # attributes, as urllib3's do.
    rest: dict[str, Any] = {
        key: state[key]
        for key in ("notes", "cause", "suppress_context")
        if key in state
    }
    rest["attributes"] = {
        name: value for name, value in vars(exception).items() if type(value) in _SIMPLE
    }
    if all(type(arg) in _SIMPLE for arg in exception.args):
        rest["args"] = exception.args
    return make_it, args, {**rest, "own": own_state}, None, None, restore


def _fields(exception: BaseException) -> dict[str, object]:
    """Return slots with a value, and fields in C that `make` would not set from the arguments."""
    again, cls = remade(exception), cast(type, type(exception))
    found: dict[str, object] = {}
    for base, names in FIELDS.items():
        for name in names if isinstance(exception, base) else ():
            value, other = getattr(exception, name, None), getattr(again, name, None)
            try:
                is_equal = value is other or bool(value == other)
            except (
                Exception
            ):  # the value of a StopIteration may be an array, which has no truth value
                is_equal = False
            if not is_equal:
                found[name] = value
    for name, member in slot_members(cls, below=BaseException).items():
        with suppress(AttributeError):  # an empty slot
            found[name] = member.__get__(exception)
    return found


def remade(exception: BaseException) -> BaseException | None:
    """Return another exception with the same class and arguments, or None if `make` cannot make one."""
    try:
        again = make(type(exception), exception.args)
    except Exception:  # an extension's class may raise anything
        return None
    return again if type(again) is type(exception) else None

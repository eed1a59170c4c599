"""Exceptions taken apart and put together again without calling their `__init__`."""

from __future__ import annotations

import builtins
from contextlib import suppress
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
    """Return an exception of a class with these arguments.

    The `__init__` of a user's class is not called.
    """
    # An edited pickle could name any other object.
    named: object = cls
    if not (isinstance(named, type) and issubclass(named, BaseException)):
        raise TypeError(f"{cls!r} is not an exception class")
    base = _builtin_of(cls)
    exception = cast(BaseException, base.__new__(cls, *args))
    # A subclass may have other arguments than its builtin base.
    with suppress(TypeError):
        base.__init__(exception, *args)
    if exception.args is not args:
        _set(exception, args=args)
    return exception


def _builtin_of(cls: type[BaseException]) -> Any:
    """Return the builtin class from which a class of exceptions derives."""
    for base in cls.__mro__:
        if vars(builtins).get(base.__name__) is base:
            return base
    raise TypeError(f"{cls!r} has no builtin base")


def _set(exception: BaseException, **attributes: object) -> None:
    """Set attributes past the class, because a frozen dataclass refuses to set any."""
    for name, value in attributes.items():
        object.__setattr__(exception, name, value)


def restore(exception: Any, state: dict[str, Any]) -> None:
    """Give an exception its state.

    First comes that from its class's own reduction, then what this may have left out.
    """
    # An edited pickle could name any other object.
    if not isinstance(exception, BaseException):
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

    Raises:
        ValueError: There is none; the setter of a property would run code.
    """
    is_in_c = False
    for base, names in FIELDS.items():
        if issubclass(cls, base) and name in names:
            is_in_c = True
    for base in cls.__mro__:
        member = base.__dict__.get(name)
        if type(member) is MemberDescriptorType:
            return member
        if is_in_c and type(member) is GetSetDescriptorType:
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
    return {name: part for name, part in state.items() if not _is_empty(part)}


def _is_empty(part: object) -> bool:
    """Return whether a part of a state says nothing. Empty notes do."""
    return part is None or part is False or (type(part) is dict and not part)


def reduce(exception: BaseException) -> Any:
    """Return the reduction of an exception for a pickle.

    NotImplemented: it is left to the class.
    """
    cls = type(exception)
    state = state_of(exception)
    if not _reduces_itself(cls) and remade(exception) is not None:
        return make, (cls, exception.args), state, None, None, restore
    reduced: Any = exception.__reduce_ex__(4)
    if not isinstance(reduced, tuple):
        return NotImplemented
    make_it, args, own_state, *others = (*reduced, None)
    if any(part is not None for part in others):
        return NotImplemented
    # Its own reduction may leave out notes and links, and simple arguments and
    # attributes, as urllib3's do.
    rest: dict[str, Any] = {}
    for name in ("notes", "cause", "suppress_context"):
        if name in state:
            rest[name] = state[name]
    attributes: dict[str, Any] = {}
    for name, value in vars(exception).items():
        if type(value) in _SIMPLE:
            attributes[name] = value
    rest["attributes"] = attributes
    if _SIMPLE.issuperset(map(type, exception.args)):
        rest["args"] = exception.args
    return make_it, args, {**rest, "own": own_state}, None, None, restore


def _reduces_itself(cls: type[BaseException]) -> bool:
    """Return whether a class of a user says how its exceptions are pickled."""
    for base in cls.__mro__:
        if base.__module__ == "builtins":
            return False
        if "__reduce__" in vars(base) or "__reduce_ex__" in vars(base):
            return True
    return False


def _fields(exception: BaseException) -> dict[str, object]:
    """Return the slots that have a value, and fields in C.

    Fields that `make` would set from the arguments are left out.
    """
    twin = remade(exception)
    fields: dict[str, object] = {}
    for base, names in FIELDS.items():
        if not isinstance(exception, base):
            continue
        for name in names:
            value = getattr(exception, name, None)
            if not _is_equal(value, getattr(twin, name, None)):
                fields[name] = value
    cls = cast(type, type(exception))
    for name, member in slot_members(cls, below=BaseException).items():
        # A slot may be empty.
        with suppress(AttributeError):
            fields[name] = member.__get__(exception)
    return fields


def _is_equal(value: object, other: object) -> bool:
    if value is other:
        return True
    # The value of a StopIteration may be an array, which has no truth value.
    with suppress(Exception):
        return bool(value == other)
    return False


def remade(exception: BaseException) -> BaseException | None:
    """Return another exception with the same class and arguments.

    None: `make` cannot make one.
    """
    try:
        twin = make(type(exception), exception.args)
    # The class of an extension may raise anything.
    except Exception:
        return None
    return twin if type(twin) is type(exception) else None

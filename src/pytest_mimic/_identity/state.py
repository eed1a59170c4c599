"""Objects of types that have no rule: they reduce to their state."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any

from pytest_mimic._identity.kinds import Kind, Reduce, is_stdlib, type_tag
from pytest_mimic._identity.refused import Unstable, full_name, human_name, refuse

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

PYDANTIC = frozenset({"pydantic.main.BaseModel", "pydantic.v1.main.BaseModel"})

# Caches that classes keep in their instances. They say nothing about the value.
MEMORIES = frozenset({"_attrs_cached_hash"})
PANDAS_CACHED = "pandas._libs.properties.CachedProperty"


def attribute_reader(type_: type, *, below: type = object) -> Reduce | None:
    """Return a function that reads the attributes of an instance, `__dict__` and slots, or None if a type has neither.

    Args:
        type_: The type of the instances.
        below: A base class. Its slots and those of its bases do not count.
    """
    left_out = MEMORIES | _cached_properties(type_) | _slots_of_cached_properties(type_)
    slots = slot_members(type_, below=below)
    has_dict = any("__dict__" in base.__dict__ for base in type_.__mro__)
    if not slots and not has_dict:
        return None
    if not slots and left_out == MEMORIES:
        return attrgetter("__dict__")

    def read(value: Any) -> object:
        attributes = dict(value.__dict__) if has_dict else {}
        for name, slot in slots.items():
            try:
                attributes[name] = slot.__get__(value)
            except AttributeError:
                continue
        for name in left_out & attributes.keys():
            del attributes[name]
        return attributes

    return read


def slot_members(type_: type, *, below: type = object) -> dict[str, MemberDescriptorType]:
    """Return the slots of a class and its bases, up to `below`, by attribute name."""
    return {
        name: member
        for base in reversed(type_.__mro__[: type_.__mro__.index(below)])
        for name, member in base.__dict__.items()
        if type(member) is MemberDescriptorType and base.__flags__ & 1 << 9
    }


def exception_fields(error: BaseException) -> tuple[str, ...]:
    """Return the names of an exception's attributes that are neither in its arguments nor in its `__dict__`."""
    if isinstance(error, OSError):
        return "filename", "filename2"
    return ("name", "path") if isinstance(error, ImportError) else ()


def _cached_properties(type_: type) -> frozenset[str]:
    """Return the names under which cached properties, of functools or pandas, keep their results."""
    functools = sys.modules.get("functools")
    cached = getattr(functools, "cached_property", ())
    members = [pair for base in type_.__mro__ for pair in base.__dict__.items()]
    in_pandas = any(full_name(type(member)) == PANDAS_CACHED for _, member in members)
    own = (name for name, member in members if isinstance(member, cached))
    return frozenset([*own, "_cache"] if in_pandas else own)


def _slots_of_cached_properties(type_: type) -> frozenset[str]:
    """Return the slots that attrs adds to a class for its cached properties: those that are not fields."""
    return frozenset(
        name
        for base in type_.__mro__
        if "__attrs_attrs__" in base.__dict__
        for name in frozenset(base.__dict__.get("__slots__", ())).difference(
            field.name for field in base.__dict__["__attrs_attrs__"]
        )
    )


def state_kind(type_: type) -> Kind:
    """Return the kind of a type that no table lists.

    Its values reduce by `__reduce_ex__` or `__getstate__` if the type defines them, otherwise to their attributes.
    """
    if type_ is object:
        return Kind(type_tag(type_), refuse)
    if not PYDANTIC.isdisjoint(map(full_name, type_.__mro__)):
        return Kind(type_tag(type_), _pydantic_state)
    if _has_own(type_, "__reduce_ex__", "__reduce__", "__getnewargs_ex__", "__getnewargs__") or (
        type_ in copyreg.dispatch_table
    ):
        if is_stdlib(type_.__module__) and hasattr(type_, "__next__"):
            return Kind(type_tag(type_), refuse)
        return Kind(type_tag(type_), _reduced)
    if _own_getstate(type_):
        return Kind(type_tag(type_), _got_state)
    read = attribute_reader(type_) or _no_attributes
    return Kind(type_tag(type_), _checked(read), attributes=True)


def _has_own(type_: type, *names: str) -> bool:
    return any(name in base.__dict__ for base in type_.__mro__ if base is not object for name in names)


def _own_getstate(type_: type) -> bool:
    """Return whether a class defines `__getstate__` itself: dataclasses and attrs generate one for frozen or slotted classes."""
    for base in type_.__mro__:
        method = base.__dict__.get("__getstate__")
        if method is not None and base is not object:
            return getattr(method, "__module__", "") != "dataclasses" and (
                getattr(method, "__name__", "") != "slots_getstate"
            )
    return False


def _no_attributes(_: Any) -> object:
    return {}


def _checked(read: Reduce) -> Reduce:
    """Return the reader with a check at the first value: a type of C may have state that Python cannot see."""
    seen: list[bool] = []

    def reduce(value: Any) -> object:
        if not seen:
            _check_visible(value)
            seen.append(True)
        return read(value)

    return reduce


def _check_visible(value: Any) -> None:
    if _has_own(type(value), "__getstate__"):
        return
    try:
        object.__reduce_ex__(value, 2)
    except Exception as error:  # pickle's own check; a type of C may raise anything
        raise Unstable(human_name(type(value)), type(value)) from error


def _asked(ask: Callable[[Any], Any], value: Any) -> Any:
    try:
        return ask(value)
    except Exception as error:  # a class that cannot be pickled may raise anything
        raise Unstable(human_name(type(value)), type(value)) from error


def _got_state(value: Any) -> object:
    return _asked(lambda value: value.__getstate__(), value)


def _reduced(value: Any) -> object:
    reduce = copyreg.dispatch_table.get(type(value))
    parts = _asked(reduce if reduce is not None else lambda value: value.__reduce_ex__(4), value)
    if isinstance(parts, str):
        return f"{getattr(value, '__module__', type(value).__module__)}:{parts}"
    make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
    return (
        make,
        arguments,
        state,
        None if items is None else list(items),
        None if pairs is None else dict(pairs),
    )


def _pydantic_state(value: Any) -> object:
    fields = getattr(type(value), "model_fields", None)
    if fields is None:  # pydantic 1, which keeps extras among the fields
        names = type(value).__private_attributes__
        return value.__dict__, {name: getattr(value, name) for name in names if hasattr(value, name)}
    return (
        {name: item for name, item in value.__dict__.items() if name in fields},
        value.__pydantic_extra__,
        value.__pydantic_private__,
    )

"""Objects of types that have no rule: they reduce to their state, without what differs by version, as in a ConfigParser."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any

from pytest_mimic._core.identity.kinds import (
    HEAP_TYPE,
    Kind,
    Reduce,
    Unstable,
    full_name,
    human_name,
    is_stdlib,
    refuse,
    type_tag,
)

PYDANTIC = frozenset({"pydantic.main.BaseModel", "pydantic.v1.main.BaseModel"})

# Caches that classes keep in their instances. They say nothing about the value.
MEMORIES = frozenset({"_attrs_cached_hash"})
PANDAS_CACHED = "pandas._libs.properties.CachedProperty"

# Attributes of a ConfigParser that it derives from others, or that some versions of Python keep otherwise.
PARSER = frozenset(
    "_allow_unnamed_section _comment_prefixes _comments _converters _inline_comment_prefixes _optcre _prefixes"
    " _proxies".split()
)


def attribute_reader(type_: type, *, below: type = object) -> Reduce | None:
    """Return a function that reads the attributes of an instance, `__dict__` and slots, or None if a type has neither.

    The slots of the base class `below` and of its bases do not count.
    """
    left_out = MEMORIES | _cached_properties(type_)
    slots = slot_members(type_, below=below)
    has_dict = any("__dict__" in base.__dict__ for base in type_.__mro__)
    if not slots and not has_dict:
        return None
    if not slots and left_out == MEMORIES:
        return attrgetter("__dict__")

    def read(value: object) -> object:
        attributes = {**(value.__dict__ if has_dict else {}), **slot_values(value, slots)}
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
        if type(member) is MemberDescriptorType and base.__flags__ & HEAP_TYPE
    }


def slot_values(value: object, members: Mapping[str, MemberDescriptorType]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in members.items():
        with suppress(AttributeError):
            found[name] = member.__get__(value)
    return found


def exception_fields(error: BaseException) -> tuple[str, ...]:
    """Return the names of an exception's attributes that are neither in its arguments nor in its `__dict__`."""
    if isinstance(error, OSError):
        return "filename", "filename2"
    return ("name", "path") if isinstance(error, ImportError) else ()


def _cached_properties(type_: type) -> set[str]:
    """Return the names under which cached properties, of functools, pandas or attrs, and parsers keep what they derive."""
    cached = getattr(sys.modules.get("functools"), "cached_property", ())
    found: set[str] = set()
    for base in type_.__mro__:
        if base.__name__ == "RawConfigParser":
            found |= PARSER
        for name, member in base.__dict__.items():
            if isinstance(member, cached):
                found.add(name)
            elif full_name(type(member)) == PANDAS_CACHED:
                found.add("_cache")
        if "__attrs_attrs__" in base.__dict__:
            # In a class with slots, attrs gives each cached property one. It is not among the fields.
            fields = {field.name for field in base.__dict__["__attrs_attrs__"]}
            found |= {name for name in base.__dict__.get("__slots__", ()) if name not in fields}
    return found


def state_kind(type_: type) -> Kind:
    """Return the kind of a type that no table lists.

    Its values reduce by `__reduce_ex__` or `__getstate__` if the type defines them, otherwise to their attributes.
    """
    if type_ is object:
        return Kind(type_tag(type_), refuse)
    if not PYDANTIC.isdisjoint(map(full_name, type_.__mro__)):
        return Kind(type_tag(type_), _pydantic_state)
    own = type_.__mro__[:-1]  # less object
    makers = {"__reduce_ex__", "__reduce__", "__getnewargs_ex__", "__getnewargs__"}
    if type_ in copyreg.dispatch_table or any(makers & vars(base).keys() for base in own):
        if is_stdlib(type_.__module__) and hasattr(type_, "__next__"):
            return Kind(type_tag(type_), refuse)
        return Kind(type_tag(type_), _reduced)
    getstate = next((vars(base)["__getstate__"] for base in own if "__getstate__" in vars(base)), None)
    # dataclasses and attrs generate one for classes with slots. These are read like others.
    is_generated = getattr(getstate, "__module__", "") == "dataclasses" or (
        getattr(getstate, "__name__", "") == "slots_getstate"
    )
    if getstate is not None and not is_generated:
        return Kind(
            type_tag(type_),
            lambda value: _unversioned(_asked(lambda value: value.__getstate__(), value), value),
        )
    read = attribute_reader(type_) or (lambda _: {})
    return Kind(type_tag(type_), read if getstate else _checked(read), attributes=True)


def _checked(read: Reduce) -> Reduce:
    """Return the reader with a check at the first value: a type of C may have state that Python cannot see."""
    is_checked = False

    def reduce(value: object) -> object:
        nonlocal is_checked
        if not is_checked:
            _asked(lambda value: object.__reduce_ex__(value, 2), value)  # pickle's own check
            is_checked = True
        return read(value)

    return reduce


def _asked(ask: Callable[[Any], object], value: object) -> Any:
    try:
        return ask(value)
    except Exception as error:  # a class that cannot be pickled may raise anything
        raise Unstable(human_name(type(value)), type(value)) from error


def _reduced(value: object) -> object:
    reduce = copyreg.dispatch_table.get(type(value)) or (lambda value: value.__reduce_ex__(4))
    parts = _asked(reduce, value)
    if isinstance(parts, str):
        return f"{getattr(value, '__module__', type(value).__module__)}:{parts}"
    make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
    items = None if items is None else list(items)
    return make, arguments, _unversioned(state, value), items, None if pairs is None else dict(pairs)


def _unversioned(state: object, value: object) -> object:
    """Return a state without the version of its library that the class adds, as scikit-learn's `_sklearn_version`."""
    library = sys.modules.get(type(value).__module__.partition(".")[0])
    version = getattr(library, "__version__", None)
    if type(state) is not dict or type(version) is not str:
        return state
    own = getattr(value, "__dict__", {})
    return {
        name: item for name, item in state.items() if type(item) is not str or item != version or name in own
    }


def _pydantic_state(value: Any) -> object:
    fields = getattr(type(value), "model_fields", None)
    if fields is None:  # pydantic 1, which keeps extras among the fields
        names = type(value).__private_attributes__
        return value.__dict__, {name: getattr(value, name) for name in names if hasattr(value, name)}
    counted = {name: item for name, item in value.__dict__.items() if name in fields}
    return counted, value.__pydantic_extra__, value.__pydantic_private__

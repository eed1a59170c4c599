"""What an object is made of: its attributes, or what its class gives to be pickled."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping
from itertools import compress, product
from types import FunctionType, MemberDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

from pytest_mimic.values.rows import row_of

_HOOKS = (
    "__reduce_ex__",
    "__reduce__",
    "__getstate__",
    "__setstate__",
    "__getnewargs_ex__",
    "__getnewargs__",
)
# These write the hooks of the classes that they make, and keep nothing back there.
_GENERATORS = frozenset({"dataclasses", "attr._make", "collections"})
_ABSENT = object()

CONTAINERS = frozenset(
    {
        "collections:Counter",
        "collections:OrderedDict",
        "collections:defaultdict",
        "collections:deque",
        "types:SimpleNamespace",
    }
)
"""The classes of Python that make their objects themselves in a replay."""

LIBRARIES = frozenset(
    {"numpy", "pandas", "polars", "pyarrow", "scipy", "PIL", "google"}
)
"""The packages of which `libraries` knows classes."""

_BUILTIN_BASES = (int, float, str, list, tuple, dict, set, frozenset)


class State(NamedTuple):
    """An object as `pickle` takes it apart.

    Attributes:
        attributes: By name.
        maker: What makes the object of `arguments`; `None`: its class alone does.
        arguments: What `maker` or the class gets.
        state: What `__setstate__` gets, where it is no mapping of attributes.
        items: What is appended.
        pairs: What is set by key.
    """

    attributes: Mapping[Any, object]
    maker: object = None
    arguments: tuple[object, ...] = ()
    state: object = None
    items: Iterable[object] | None = None
    pairs: Iterable[tuple[object, object]] | None = None


def deciding_class(cls: type) -> type:
    """Give the class that says how objects are pickled; `object` if none does."""
    for base in cls.__mro__:
        if base is object:
            break
        hooks = [vars(base)[name] for name in _HOOKS if name in vars(base)]
        if any(not is_generated(hook) for hook in hooks):
            return base
    return object


def is_generated(hook: object) -> bool:
    """Tell whether a library wrote a hook, so that it keeps nothing back."""
    namespace = getattr(hook, "__globals__", {})
    return namespace.get("__name__") in _GENERATORS


def is_of_extension(cls: type) -> bool:
    """Tell whether an extension in C says how objects of a class are pickled."""
    return _is_decided_in_c(cls) and deciding_class(cls).__module__ != "builtins"


def _is_decided_in_c(cls: type) -> bool:
    """Tell whether the class that says how objects are pickled is written in C."""
    own = vars(deciding_class(cls))
    hooks = [own[name] for name in _HOOKS if name in own]
    return not any(isinstance(hook, FunctionType) for hook in hooks)


def builtin_base_of(cls: type) -> type | None:
    """Give the builtin, or the type with a row, from which a class derives."""
    for base in cls.__mro__:
        if base in _BUILTIN_BASES or row_of(base) is not None:
            return base
    return None


def attributes_of(value: object, below: type = object) -> dict[str, object]:
    """Give the attributes of an object, slots among them, without running its code.

    Args:
        value: Any object.
        below: The slots of this class and of its bases are left out.
    """
    try:
        attributes = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        attributes = {}
    for base in type(value).__mro__:
        if base is below:
            break
        for name, member in _slots_of(base).items():
            # A class of C may shadow the slots of a base whose layout it does not have.
            if getattr(type(value), name, None) is member:
                part = _member_of(value, member)
                if part is not _ABSENT:
                    attributes[name] = part
    return attributes


def _slots_of(cls: type) -> dict[str, MemberDescriptorType]:
    """Give the slots that a class in Python declares itself."""
    own = vars(cls)
    if "__slots__" not in own:
        return {}
    return {
        name: member
        for name, member in own.items()
        if isinstance(member, MemberDescriptorType)
    }


def _member_of(value: object, member: MemberDescriptorType) -> object:
    try:
        return member.__get__(value)
    except AttributeError:
        return _ABSENT


def state_of(value: object) -> State | str:
    """Give what an object is pickled as: its state, or the name of a constant.

    Raises:
        Exception: The class cannot be pickled, or fails at it.
    """
    # First, since looking gives some objects of C an empty `__dict__`.
    own = attributes_of(value)
    cls = type(value)
    reducer: Any = copyreg.dispatch_table.get(cls)
    reduction: Any = value.__reduce_ex__(4) if reducer is None else reducer(value)
    if isinstance(reduction, str):
        return reduction
    filled: tuple[Any, ...] = (*tuple(reduction), None, None, None)
    maker, arguments, state, items, pairs = filled[:5]
    maker, arguments = _maker_of(maker, arguments)
    named = _as_attributes(state)
    attributes: dict[object, object] = {}
    if _is_decided_in_c(cls):
        # C says how such an object is pickled, and knows nothing of what was added. The
        # private attributes of a library's own class are caches.
        has_caches = str(cls.__module__).partition(".")[0] in LIBRARIES
        for name, part in own.items():
            if not has_caches or not name.startswith("_"):
                attributes[name] = part
    if named is not None:
        attributes.update(named)
        state = None
    return State(attributes, maker, arguments, state, items, pairs)


def _maker_of(maker: Any, arguments: tuple[Any, ...]) -> tuple[object, tuple[Any, ...]]:
    if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
        return None, arguments[1:]
    if maker is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
        _, positional, named = arguments
        return None, (*positional, *sorted(named.items()))
    return maker, arguments


def _as_attributes(state: object) -> Mapping[object, object] | None:
    if isinstance(state, dict):
        return state
    if isinstance(state, tuple) and len(state) == 2:
        attributes, slots = state
        if isinstance(slots, dict) and (attributes is None or type(attributes) is dict):
            return {**(attributes or {}), **slots}
    return None


def made_bare(cls: Any, attributes: Mapping[str, object]) -> Any:
    """Make an object of its attributes, and run nothing of its class.

    Raises:
        TypeError, AttributeError: The class has no place for one of them.
    """
    made = object.__new__(cls)
    set_attributes(made, attributes)
    return made


def set_attributes(made: Any, attributes: Mapping[str, object]) -> None:
    """Set attributes where the object keeps them, past `__setattr__` of its class.

    Raises:
        TypeError, AttributeError: The object has no place for one of them.
    """
    slots: dict[str, MemberDescriptorType] = {}
    for base in reversed(type(made).__mro__):
        slots.update(_slots_of(base))
    rest: dict[str, object] = {}
    for name, part in attributes.items():
        if name in slots:
            slots[name].__set__(made, part)
        else:
            rest[name] = part
    if rest:
        object.__getattribute__(made, "__dict__").update(rest)


# -- what an object remembers of itself


def cached_properties_of(cls: type) -> frozenset[str]:
    """Give the names under which objects of a class keep what a property computed.

    These are the descriptors that an attribute of the object hides, and that are no
    functions: an object with another function than its class is no cache.
    """
    names: dict[str, bool] = {}
    for base in cls.__mro__:
        # A class of attrs with slots has one for each field and each such property.
        fields = [field.name for field in vars(base).get("__attrs_attrs__", ())]
        for name, found in vars(base).items():
            is_property = bool(fields) and name in _slots_of(base).keys() - fields
            names.setdefault(name, is_property or _is_cache(found))
    return frozenset(name for name, is_cache in names.items() if is_cache)


def _is_cache(found: object) -> bool:
    # By its type: a mock gives any class as its own.
    kind = type(found)
    if issubclass(kind, property):
        # A kind of property that computes once, as that of werkzeug.
        return kind is not property and property.__getattribute__(found, "fset") is None
    if not hasattr(kind, "__get__") or hasattr(kind, "__set__"):
        return False
    return not callable(found) and not issubclass(kind, (classmethod, staticmethod))


def hash_of_class(cls: type) -> object:
    """Give what a class has as `__hash__`; to ask a mock for it changes the mock."""
    return next(
        vars(base)["__hash__"] for base in cls.__mro__ if "__hash__" in vars(base)
    )


LEAST_HASH = 1 << 32
"""Smaller numbers are data: an amount in cents is its own hash."""


def remembered_hashes(value: object, attributes: Mapping[Any, object]) -> list[str]:
    """Give the names of private attributes that hold the object's own `hash()`."""
    numbers = [
        name
        for name, part in attributes.items()
        if isinstance(part, int) and abs(part) >= LEAST_HASH and str(name)[:1] == "_"
    ]
    if not numbers:
        return []
    method = hash_of_class(type(value))
    if method is object.__hash__:
        return []
    if not isinstance(method, (FunctionType, WrapperDescriptorType)):
        # A mock notes that it was asked.
        return []
    try:
        own = hash(value)
    except Exception:
        # It is code of the user, and may do anything.
        return []
    return [name for name in numbers if attributes[name] == own]


def without_hashes(
    value: object, attributes: Mapping[Any, object], names: list[str]
) -> dict[Any, object] | None:
    """Give the attributes of an object that has not taken its hash yet.

    Returns:
        `None` if a copy without these attributes has another hash, or none: then they
        are data, or were taken by the constructor.
    """
    rest = {name: part for name, part in attributes.items() if name not in names}
    # Before it is taken, an attribute may be missing or `None`.
    for are_none in product((False, True), repeat=len(names)):
        bare = {**rest, **dict.fromkeys(compress(names, are_none))}
        try:
            if hash(_bare_copy(value, bare)) == hash(value):
                return bare
        except Exception:
            # It is code of the user, and has lost what it relies on.
            continue
    return None


def _bare_copy(value: object, attributes: Mapping[Any, object]) -> object:
    cls: Any = type(value)
    base: Any = next((b for b in (tuple, frozenset) if isinstance(value, b)), None)
    made = object.__new__(cls) if base is None else base.__new__(cls, value)
    set_attributes(made, attributes)
    return made

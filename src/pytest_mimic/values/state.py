"""What an object is made of: its attributes, or what its class gives to be pickled."""

from __future__ import annotations

import copyreg
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic.values.names import FIELDS, is_found, member_of, name_of
from pytest_mimic.values.rows import Row, refusal_of, row_of
from pytest_mimic.values.tree import Refused

Attributes: TypeAlias = "dict[Any, Any]"
"""What an object has, by name."""

_HOOKS = (
    "__reduce_ex__",
    "__reduce__",
    "__getstate__",
    "__setstate__",
    "__getnewargs_ex__",
    "__getnewargs__",
)
# These write the hooks of the classes that they make, and keep nothing back there.
_GENERATORS = frozenset({"dataclasses", "attr._make", "collections", "urllib.parse"})
_POINTER = tuple.__itemsize__
CONTAINERS: dict[str, type] = {
    "collections:Counter": Counter,
    "collections:OrderedDict": OrderedDict,
    "collections:defaultdict": defaultdict,
    "collections:deque": deque,
    "types:SimpleNamespace": SimpleNamespace,
}
"""The classes of Python that make their objects themselves in a replay."""

# Torch numbers the hooks of all modules of a process together.
_NUMBERED_HOOKS = r"_(\w+ward|(load_)?state_dict)(_pre|_post)?_hooks\w*"
LIBRARIES = frozenset(
    "numpy pandas polars pyarrow scipy torch PIL google multidict".split()
)
"""The packages of which `libraries` knows classes."""

FUNCTIONS = (
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    partial,
    type(lru_cache(len)),
)

_BUILTIN_BASES = (int, float, str, list, tuple, dict, set, frozenset)


class Kind:
    """What holds for all objects of a class, as long as the process remembers it.

    Attributes:
        cls: The class.
        name: Its name.
        is_found: Whether the name leads to the class.
        decider: The class that says how its objects are pickled; `object` if none does.
        is_decided_in_c: Whether this class is written in C.
        base: The builtin, or the type with a row, from which it derives.
        row: The row of that type.
        slots: The slots of its objects, less those of `base`.
        has_attributes_alone: Whether its objects are made of nothing else.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self._computed = _Computed(cls)

    @cached_property
    def name(self) -> str:
        return name_of(self.cls)

    @property
    def is_found(self) -> bool:
        return is_found(self.cls, self.name)

    @cached_property
    def decider(self) -> type:
        for base in self.cls.__mro__[:-1]:
            hooks = [vars(base)[name] for name in _HOOKS if name in vars(base)]
            if any(not is_generated(hook) for hook in hooks):
                return base
        return object

    @cached_property
    def is_decided_in_c(self) -> bool:
        own = vars(self.decider)
        hooks = [own[name] for name in _HOOKS if name in own]
        return not any(isinstance(hook, FunctionType) for hook in hooks)

    @property
    def is_of_extension(self) -> bool:
        """Whether an extension in C says how its objects are pickled."""
        return self.decider.__module__ != "builtins" and self.is_decided_in_c

    @cached_property
    def base(self) -> type | None:
        for base in self.cls.__mro__:
            if base in _BUILTIN_BASES or row_of(base) is not None:
                return base
        return None

    @cached_property
    def row(self) -> Row | None:
        return None if self.base is None else row_of(self.base)

    @cached_property
    def slots(self) -> Mapping[str, MemberDescriptorType]:
        return slots_of(self.cls, below=self.base)

    @cached_property
    def has_attributes_alone(self) -> bool:
        # To have an object taken apart may run its `__getattr__`, which changes it.
        if self.decider is not object or self.base is not None or self.has_caches:
            return False
        if issubclass(self.cls, BaseException) or self.cls in copyreg.dispatch_table:
            return False
        return not is_larger_than_attributes(self.cls)

    @cached_property
    def may_hold_addresses(self) -> bool:
        """Whether code of the class, or C, makes the pickles of its objects."""
        bases = [base for base in self.cls.__mro__ if base is not object]
        hooks = [vars(base).get(name) for base in bases for name in _HOOKS]
        if any(hook is not None and not is_generated(hook) for hook in hooks):
            return True
        return self.base is None and is_larger_than_attributes(self.cls)

    @cached_property
    def refused(self) -> Refused | None:
        """What it is, if its objects have no identity."""
        return refusal_of(self.cls)

    @cached_property
    def has_caches(self) -> bool:
        """Whether it is a library's own class, whose private attributes are caches."""
        return library_of(self.cls) in LIBRARIES

    @cached_property
    def is_of_library(self) -> bool:
        """Whether it is a library's own class, or derives from one."""
        return not LIBRARIES.isdisjoint(map(library_of, self.cls.__mro__))

    def counted(self, attributes: Attributes) -> Attributes:
        """Give attributes without what properties have computed.

        Hooks of torch have numbers by their order.
        """
        if self.is_of_library:
            attributes = _with_hooks_by_order(attributes)
        computed = self._computed
        names = [name for name in attributes if computed[name]]
        return _without(attributes, names) if names else attributes

    def without_notes(self, attributes: Attributes) -> Attributes:
        """Give attributes without what an object notes of how it was used."""
        notes = _notes_of(self.cls)
        names = [name for name in attributes if name in notes] if notes else []
        return _without(attributes, names) if names else attributes


def _with_hooks_by_order(attributes: Attributes) -> Attributes:
    names = filter(re.compile(_NUMBERED_HOOKS).fullmatch, map(str, attributes))
    hooks = {name: attributes[name] for name in names}
    numbers = sorted(set().union(*hooks.values()))
    for name, part in hooks.items():
        places = map(numbers.index, part)
        hooks[name] = OrderedDict(zip(places, part.values(), strict=True))
    return {**attributes, **hooks}


class _Computed(dict[Any, bool]):
    """Whether a property has computed an attribute of a class, by its name."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __missing__(self, name: Any) -> bool:
        self[name] = _is_computed(self._cls, name)
        return self[name]


def _without(attributes: Attributes, names: list[Any]) -> Attributes:
    return {name: part for name, part in attributes.items() if name not in names}


def library_of(cls: type) -> str:
    """Give the name of the package that a class comes from."""
    return str(cls.__module__).partition(".")[0]


kind_of: Callable[[type], Kind] = lru_cache(maxsize=256)(Kind)
"""Gives what holds for all objects of a class."""


class State(NamedTuple):
    """What an object is made of.

    Attributes:
        attributes: Its attributes by name.
        beside: What stands beside them in its tree, by key: `args` of an exception,
            `of` for what it is as its builtin base, and what `pickle` takes it apart
            into: `by` (what makes it), `()` (of what), `state`, `items`, `pairs`.
        is_readable: Whether a replay can make the object without code of its class.
    """

    attributes: Attributes
    beside: Mapping[str, object] = {}
    is_readable: bool = True


def is_larger_than_attributes(cls: type, base: type = object) -> bool:
    """Tell whether C keeps something in objects of a class beside their attributes.

    It is the rule by which `object.__reduce_ex__` refuses an object.

    Args:
        cls: The class.
        base: The builtin that its objects are besides.
    """
    # A class below may hide a slot, which is there all the same.
    below = cls.__mro__[: cls.__mro__.index(base)]
    pointers = sum(len(_own_slots(one)) for one in below)
    # Since Python 3.11 these two stand before the object, at a negative offset.
    pointers += bool(cls.__dictoffset__) + (cls.__weakrefoffset__ > 0)
    size = base.__basicsize__ + pointers * _POINTER
    return cls.__basicsize__ > size or cls.__itemsize__ > base.__itemsize__


def is_generated(hook: object) -> bool:
    """Tell whether a library wrote a hook, so that it keeps nothing back."""
    namespace = getattr(hook, "__globals__", {})
    return namespace.get("__name__") in _GENERATORS


def attributes_of(
    value: object, slots: Mapping[str, MemberDescriptorType] | None = None
) -> Attributes:
    """Give the attributes of an object, slots among them, without running its code."""
    try:
        attributes = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        attributes = {}
    for name, member in (slots_of(type(value)) if slots is None else slots).items():
        try:
            attributes[name] = member.__get__(value)
        except AttributeError:  # It is empty.
            continue
    return attributes


def _slots_of(
    cls: type, *, below: type | None = None
) -> dict[str, MemberDescriptorType]:
    """Give the slots that a class declares, and its bases in Python up to a base."""
    slots: dict[str, MemberDescriptorType] = {}
    for base in cls.__mro__:
        if base is below:
            break
        for name, member in _own_slots(base).items():
            # A class below may have another attribute of that name.
            if member_of(cls, name) is member:
                slots[name] = member
    return slots


slots_of: Callable[..., dict[str, MemberDescriptorType]] = lru_cache(256)(_slots_of)
"""Gives the slots that a class declares, and its bases in Python below one."""


def _own_slots(cls: type) -> dict[str, MemberDescriptorType]:
    own = vars(cls)
    if "__slots__" not in own:
        return {}
    return {
        name: member
        for name, member in own.items()
        if isinstance(member, MemberDescriptorType)
    }


def state_of(value: Any, kind: Kind) -> State | str:
    """Give what an object is made of, or the name of a constant.

    Raises:
        Exception: The class cannot be pickled, or fails at it.
    """
    if kind.has_attributes_alone:
        return State(attributes_of(value, kind.slots))
    if isinstance(value, BaseException) and not kind.is_of_extension:
        from pytest_mimic.values import errors  # few values are exceptions

        return State(*errors.parts_of(value))
    if kind.base is not None and issubclass(kind.base, kind.decider):
        return _state_on_base(value, kind)
    if hasattr(kind.cls, "__pydantic_fields_set__"):
        return _state_of_model(value, kind)
    return _pickled_state(value, kind)


def _state_on_base(value: Any, kind: Kind) -> State:
    """Take an object apart that is a builtin with attributes."""
    attributes = attributes_of(value, kind.slots)
    names = getattr(kind.cls, "_fields", None)
    if kind.base is tuple and isinstance(names, tuple) and len(names) == len(value):
        fields = dict(zip(names, tuple.__iter__(value), strict=True))
        return State(fields, {"attributes": attributes or None})
    return State(attributes, {"of": _as_base(value, kind)})


def _as_base(value: Any, kind: Kind) -> object:
    """Give an object as its builtin base; an object with a row stays as it is."""
    base: Any = kind.base
    if kind.row is not None:
        return value
    if base is str:
        return str.__str__(value)
    if base in (int, float):
        return base.__pos__(value)
    if base is dict:
        return dict(dict.items(value))
    return base(base.__iter__(value))


_HIDDEN = {
    "extra": "__pydantic_extra__",
    "private": "__pydantic_private__",
    "fields_set": "__pydantic_fields_set__",
}


def _state_of_model(value: object, kind: Kind) -> State:
    """Take a model of pydantic 2 apart into its fields."""
    fields = attributes_of(value, kind.slots)
    beside = {key: fields.pop(name, None) or None for key, name in _HIDDEN.items()}
    beside["fields_set"] = sorted(beside["fields_set"] or ())
    return State(fields, beside)


def _pickled_state(value: Any, kind: Kind) -> State | str:
    # First, since looking gives some objects of C an empty `__dict__`.
    known = attributes_of(value, kind.slots)
    reducer: Any = copyreg.dispatch_table.get(kind.cls)
    reduction: Any = value.__reduce_ex__(4) if reducer is None else reducer(value)
    attributes: Attributes = {}
    if kind.is_decided_in_c:
        # C says how such an object is pickled, and knows nothing of what was added.
        for name, part in known.items():
            if not kind.has_caches or not name.startswith("_"):
                attributes[name] = part
    if isinstance(reduction, str):
        return reduction
    filled: tuple[Any, ...] = (*tuple(reduction), None, None, None)
    maker, arguments, state, items, pairs = filled[:5]
    maker, arguments = _maker_of(maker, arguments)
    named = _as_attributes(state)
    is_set = kind.base in (set, frozenset)
    beside: dict[str, Any] = {
        # What a row gives counts in any case; members of sets have no order.
        "of": _as_base(value, kind) if is_set or kind.row is not None else None,
        "by": None if maker is kind.cls else maker,
        "()": list(arguments) if arguments and not is_set else None,
        "state": state if named is None else None,
        "items": None if items is None else list(items),
        "pairs": None if pairs is None else list(pairs),
    }
    is_more = maker or arguments or beside["state"] is not None
    hook = getattr(kind.cls, "__setstate__", None)
    is_set_by_code = hook is not None and not is_generated(hook)
    if _ids_of(named or {}) == _ids_of(known):
        is_set_by_code = False  # It sets the attributes as they are.
    is_readable = not (is_more or items or pairs or is_set_by_code)
    if kind.name in CONTAINERS:
        is_readable = beside["by"] is None
    return State({**attributes, **(named or {})}, beside, is_readable)


def _ids_of(attributes: Attributes) -> dict[Any, int]:
    return {name: id(part) for name, part in attributes.items()}


def _maker_of(maker: Any, arguments: tuple[Any, ...]) -> tuple[object, tuple[Any, ...]]:
    if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
        return None, arguments[1:]
    if maker is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
        _, positional, named = arguments
        return None, (*positional, *sorted(named.items()))
    return maker, arguments


def _as_attributes(state: object) -> Attributes | None:
    if isinstance(state, dict):
        return state
    if isinstance(state, tuple) and len(state) == 2:
        attributes, slots = state
        if isinstance(slots, dict) and (attributes is None or type(attributes) is dict):
            return {**(attributes or {}), **slots}
    return None


def made_bare(cls: Any, attributes: Attributes) -> Any:
    """Make an object of its attributes, and run nothing of its class.

    Raises:
        TypeError, AttributeError: The class has no place for one of them.
    """
    made = object.__new__(cls)
    set_attributes(made, attributes)
    return made


def set_attributes(made: Any, attributes: Attributes) -> None:
    """Set attributes where the object keeps them, past `__setattr__` of its class.

    Raises:
        TypeError, AttributeError: The object has no place for one of them.
    """
    slots = slots_of(type(made))
    rest: Attributes = {}
    for name, part in attributes.items():
        if name in slots:
            slots[name].__set__(made, part)
        else:
            rest[name] = part
    if rest:
        object.__getattribute__(made, "__dict__").update(rest)


# -- what an object remembers of itself


_REMEMBERED = {
    ("http.cookiejar", "_now"),  # when cookies were last looked at
    ("tempfile", "cleanup_called"),
    ("tempfile", "close_called"),
    ("pandas", "sortorder"),  # of an index of several levels: what it knows of them
    ("pandas.core.indexes.multi", "sortorder"),  # the same before pandas 3
    ("pandas.api.extensions", "_readonly"),  # from pandas 3 on, whether it was copied
    ("sklearn.utils._bunch", "_deprecated_key_to_warnings"),  # no copy of it has one
    ("urllib.parse", "_keep_empty"),  # from Python 3.15 on, how a URL was split
}


@lru_cache(maxsize=256)
def _notes_of(cls: type) -> frozenset[str]:
    modules = {base.__module__ for base in cls.__mro__}
    return frozenset(name for module, name in _REMEMBERED if module in modules)


def _is_computed(cls: type, name: str) -> bool:
    """Tell whether objects of a class keep under a name what a property computed.

    Then the attribute hides a descriptor that is no function: an object with another
    function than its class is no cache.
    """
    if name in _notes_of(cls):
        return True
    for base in cls.__mro__:
        own = vars(base)
        if name in own:
            # A class of attrs with slots has one for each field and each such property.
            fields = [field.name for field in own.get("__attrs_attrs__", ())]
            is_slot = name in _own_slots(base) and name not in fields
            return (is_slot and bool(fields)) or _is_cache(own[name])
    return False


def _is_cache(found: object) -> bool:
    # By its type: a mock gives any class as its own.
    kind = type(found)
    if issubclass(kind, property):
        # A kind of property that computes once, as that of werkzeug.
        return kind is not property and property.__getattribute__(found, "fset") is None
    is_get_alone = hasattr(kind, "__get__") and not hasattr(kind, "__set__")
    if not is_get_alone or callable(found) or issubclass(kind, classmethod):
        return False
    # One that holds no function computes nothing: a field of Django's models.
    of_c = [name for name in dir(kind) if isinstance(member_of(kind, name), FIELDS)]
    held = [getattr(found, name, None) for name in of_c]
    held += attributes_of(found).values()
    return any(callable(part) and not isinstance(part, type) for part in held)


LEAST_HASH = 1 << 32
"""Smaller numbers are data: an amount in cents is its own hash."""


def large_numbers(attributes: Attributes) -> list[Any]:
    """Give the names of attributes that may be a hash or an address."""
    return [
        name
        for name, part in attributes.items()
        if isinstance(part, int) and abs(part) >= LEAST_HASH
    ]


def private_numbers(attributes: Attributes) -> list[Any]:
    """Give the names of private attributes that may be a hash or an address."""
    return [name for name in large_numbers(attributes) if str(name)[:1] == "_"]


def addresses_in(attributes: Attributes) -> list[Any]:
    """Give the names of private attributes that are the `id()` of another attribute.

    A vectorizer of scikit-learn has one.
    """
    numbers = private_numbers(attributes)
    addresses = set(map(id, attributes.values())) if numbers else ()
    return [name for name in numbers if attributes[name] in addresses]


def without_own_address(
    value: object, attributes: Attributes, numbers: list[Any]
) -> Attributes:
    """Give attributes with `None` for an object's own `id()`.

    A variable of PuLP has it.

    Args:
        value: The object.
        attributes: Its attributes.
        numbers: The names of those that are large numbers.
    """
    own = [name for name in numbers if attributes[name] == id(value)]
    return {**attributes, **dict.fromkeys(own)} if own else attributes


OWN_HASH = "the object's own hash(), which is another one in each process"


def own_hashes_in(value: object, attributes: Attributes) -> list[Any]:
    """Give the names of private attributes that hold an object's own `hash()`."""
    numbers = private_numbers(attributes)
    method = member_of(type(value), "__hash__") if numbers else None
    # A mock notes that it was asked.
    is_asked = isinstance(method, (FunctionType, WrapperDescriptorType))
    if not is_asked or method is object.__hash__:
        return []
    try:
        own = hash(value)
    except Exception:
        # It is code of the user, and may do anything.
        return []
    return [name for name in numbers if attributes[name] == own]

"""Any value taken apart: the attributes of an object, and the parts of any value.

No code of the value's class runs, except `__mimic_identity__` for
`content_and_attributes`. What counts of a value in an identity,
`_core/identity/rules.py` decides; it reads attributes here.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from io import BytesIO, StringIO
from operator import attrgetter
from types import (
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.types.exception_fields import exception_fields
from pytest_mimic._core.types.reductions import Reduce, registered_reduction
from pytest_mimic._core.types.stdlib_types import ROWS, row_of
from pytest_mimic._core.types.type_names import full_name


class Part(NamedTuple):
    """One of the values that another value holds.

    =========  =====================================================
    role       the part is
    =========  =====================================================
    argument   one of an exception's `args`
    attribute  in `__dict__` or a slot, or the cause of an exception
    entry      a value of a dict
    field      of a named tuple, or a variable of a closure
    item       of a list or a tuple
    key        a key of a dict
    member     of a set
    =========  =====================================================

    Attributes:
        role: How the value holds the part.
        name: The index, key or name by which the value holds the part.
        value: The part.
    """

    role: Literal["argument", "attribute", "entry", "field", "item", "key", "member"]
    name: Any
    value: Any

    @property
    def step(self) -> str:
        """The step of a path that leads to the part: `.rates`, `[2]`, `['a b']`."""
        if self.role != "entry":
            return _STEP_FORMATS[self.role].format(self.name)
        if isinstance(self.name, str):
            return key_step(self.name)
        return f"[{self.name!r}]"


# The decorators of properties whose object keeps what they derive, under their name.
_CACHED_PROPERTIES = (
    ("functools", "cached_property"),
    ("astropy.utils.decorators", "lazyproperty"),
    ("django.utils.functional", "cached_property"),
    ("werkzeug.utils", "cached_property"),
)
# How a path goes on to a part, by its role.
_STEP_FORMATS = {
    "argument": ".args[{}]",
    "attribute": ".{}",
    "field": ".{}",
    "item": "[{}]",
    "key": ".keys()[{!r}]",
    "member": "{{...}}",
}


def key_step(key: str) -> str:
    """Return the step that leads to an entry of a mapping.

    base  →  .base        two words  →  ['two words']
    """
    if key.isidentifier():
        return f".{key}"
    return f"[{key!r}]"


def is_pair(value: Any) -> bool:
    """Return whether a value is a (name, value) pair, as in a list of headers.

    Pairs read from JSON are lists.
    """
    if type(value) not in (tuple, list) or len(value) != 2:
        return False
    return type(value[0]) in (str, bytes)


# Attributes

# The attribute in which attrs keeps the hash of an instance. It says nothing about the
# value.
CACHED_HASH = "_attrs_cached_hash"
# Attributes that attrs and SQLAlchemy keep for themselves, which no message shows.
_BOOKKEEPING_NAMES = frozenset({CACHED_HASH, "_sa_adapter", "_sa_instance_state"})
# The dicts in which a pydantic model keeps its extra fields and private attributes.
_DICTS_OF_PYDANTIC = ("__pydantic_extra__", "__pydantic_private__")
# The classes of the descriptors by which Python itself stores attributes.
_DESCRIPTORS_IN_C = (GetSetDescriptorType, MemberDescriptorType)


@lru_cache(maxsize=4096)
def slot_members(
    type_: Any, *, below: type = object
) -> dict[str, MemberDescriptorType]:
    """Return the slots of a class and its bases, up to `below`, by attribute name.

    By its slot, an attribute is read and set past the methods of the class.
    """
    slots: dict[str, MemberDescriptorType] = {}
    bases = type_.__mro__[: type_.__mro__.index(below)]
    for base in reversed(bases):
        if "__slots__" not in base.__dict__:
            # Classes in C have such members without `__slots__`: since Python 3.13,
            # files keep their buffers there.
            continue
        for name, member in base.__dict__.items():
            if type(member) is MemberDescriptorType:
                slots[name] = member
    return slots


def attribute_reader(type_: Any, *, below: type = object) -> Reduce | None:
    """Return a function that reads the attributes of an instance, `__dict__` and slots.

    Identities are made of what it reads. The slots of the base class `below` and of its
    bases do not count, nor does what a class only remembers. No property is evaluated.
    None: the type has neither a `__dict__` nor slots.
    """
    slots = slot_members(type_, below=below)
    dict_descriptor = _dict_descriptor(type_)
    names_left_out = _names_of_cached_properties(type_)
    if dict_descriptor is None and not slots:
        return None
    if dict_descriptor is not None and not slots and not names_left_out:
        # Most classes: the `__dict__` itself is returned, and not copied.
        read_dict: Reduce = dict_descriptor.__get__
        if type_.__getattribute__ is object.__getattribute__:
            # `attrgetter` is faster than the descriptor, and gives the same dict here.
            read_dict = attrgetter("__dict__")
        return read_dict

    def read_attributes(value: object) -> dict[str, Any]:
        # This is a new dict: names are deleted from it.
        attributes: dict[str, Any] = {}
        if dict_descriptor is not None:
            attributes.update(dict_descriptor.__get__(value))
        for name, member in slots.items():
            # A slot may be empty.
            with suppress(AttributeError):
                attributes[name] = member.__get__(value)
        for name in names_left_out & attributes.keys():
            del attributes[name]
        return attributes

    return read_attributes


@lru_cache(maxsize=4096)
def _dict_descriptor(type_: Any) -> Any:
    """Return the descriptor of a type's `__dict__`, or None if its instances have none.

    A `__dict__` that a class defines itself, as a lazy proxy does, may run anything.
    """
    for base in type_.__mro__:
        descriptor = vars(base).get("__dict__")
        if type(descriptor) in _DESCRIPTORS_IN_C:
            return descriptor
    return None


_known_reader = lru_cache(maxsize=1024)(attribute_reader)


def all_attributes(value: object, *, below: type = object) -> dict[str, Any]:
    """Return the attributes of an instance as `attribute_reader` reads them.

    Slots of the class `below` and of its bases are left out. The dict is empty if the
    instance has no place for attributes.
    """
    type_: Any = type(value)
    read = _known_reader(type_, below=below)
    if read is None:
        return {}
    try:
        attributes: dict[str, Any] = dict(read(value))  # type: ignore[call-overload]
    except AttributeError:
        # The `__dict__` of a proxy in C is that of the object behind it, which may have
        # none.
        return {}
    return attributes


def set_attributes(value: object, attributes: Mapping[str, Any]) -> None:
    """Set the attributes of an instance that is being made, in `__dict__` and slots.

    No `__setattr__` or property of its class runs.

    Raises:
        AttributeError: The instance has no place for an attribute.
    """
    type_: Any = type(value)
    slots = slot_members(type_)
    dict_descriptor = _dict_descriptor(type_)
    for name, attribute in attributes.items():
        # A frozen class, for example, would refuse an ordinary assignment.
        if name in slots:
            slots[name].__set__(value, attribute)
        elif dict_descriptor is not None:
            dict_descriptor.__get__(value)[name] = attribute
        else:
            raise AttributeError(f"{type_.__qualname__} has no place for {name!r:.60}")


def _names_of_cached_properties(type_: type) -> set[str]:
    """Return the names under which cached properties keep what they derive.

    These are the cached properties of `_CACHED_PROPERTIES`, and those of attrs.
    """
    cached = []
    for module, class_name in _CACHED_PROPERTIES:
        # A module that is not loaded has made no property.
        decorator = getattr(sys.modules.get(module), class_name, None)
        if decorator is not None:
            cached.append(decorator)
    decorators = tuple(cached)
    names: set[str] = set()
    for base in type_.__mro__:
        for name, member in base.__dict__.items():
            if isinstance(member, decorators):
                names.add(name)
        if "__attrs_attrs__" in base.__dict__:
            names.add(CACHED_HASH)
            # In a class with slots, attrs gives each cached property a slot, which is
            # not among the fields.
            slots = set(base.__dict__.get("__slots__", ()))
            names |= slots - {field.name for field in base.__dict__["__attrs_attrs__"]}
    return names


def exception_parts(error: BaseException) -> dict[str, Any]:
    """Return the `exception_fields` of an exception and its cause, unless None.

    They are described and compared beside its arguments. No identity asks this.
    """
    parts = {}
    for name in (*exception_fields(error), "__cause__"):
        part = getattr(error, name, None)
        if part is not None:
            parts[name] = part
    return parts


def user_attributes(value: object) -> dict[str, Any]:
    """Return the attributes of an object that its user knows, to show or compare them.

    They are in `__dict__` and slots, without bookkeeping: what Python, attrs and
    SQLAlchemy keep for themselves. The notes of an exception belong to its user, and so
    do the extra fields and private attributes of a pydantic model, which the model
    keeps in dicts beside its fields.

    An identity does not ask this: `_core/identity/rules.py` says what counts there.
    """
    attributes = {
        str(name): attribute for name, attribute in all_attributes(value).items()
    }
    for name_of_dict in _DICTS_OF_PYDANTIC:
        attributes_beside_fields = attributes.get(name_of_dict)
        if isinstance(attributes_beside_fields, dict):
            attributes |= attributes_beside_fields
    attributes_of_user = {}
    for name, attribute in attributes.items():
        is_bookkeeping = name[:2] == "__" or name in _BOOKKEEPING_NAMES
        if name == "__notes__" or not is_bookkeeping:
            attributes_of_user[name] = attribute
    return attributes_of_user


def fields_of(value: Any) -> tuple[str, ...]:
    """Return the names of a named tuple's items, as messages show them: `("x", "y")`.

    Other values have none, and neither has a tuple with more or fewer items than names.
    """
    if not issubclass(type(value), tuple):
        return ()
    names = getattr(type(value), "_fields", None)
    if not isinstance(names, tuple) or len(names) != tuple.__len__(value):
        return ()
    return names


# Opening


def content_and_attributes(value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the content and the attributes of an object, as people see them.

    The object is neither a plain value nor a value of a library. Only
    `__mimic_identity__` and functions given to `register_fingerprint` run, as they do
    for the identity.

    | object | content | attributes |
    |---|---|---|
    | with an identity of its own | the data that this identity uses | none |
    | of a class derived from a builtin, `MyList` | the plain list | its attributes |
    | a named tuple | none | its items, by name |
    | any other | none | its attributes |

    Returns:
        The content in a tuple, which is empty if there is none, and the attributes by
        name.
    """
    type_ = type(value)
    rule = registered_reduction(type_)
    if rule is not None:
        # A rule that fails is reported when the identity is taken.
        with suppress(Exception):
            return (rule.reduce(value),), {}
    row_and_base = row_of(type_)
    if row_and_base is None:
        return (), user_attributes(value)
    row, base = row_and_base
    name = full_name(base)
    # These two have nothing but what looks like attributes.
    if name == "functools.partial":
        return (), row.take(value)
    if name == "types.SimpleNamespace":
        return (), user_attributes(value)
    content = _SHOWN_CONTENT.get(name, row.take)(value)
    fields = fields_of(value)
    if fields:
        return (), dict(zip(fields, content, strict=False))
    shown_facts = {}
    for fact in _SHOWN_FACTS.get(name, ()):
        part = getattr(value, fact)
        if part is not None:
            shown_facts[fact] = part
    return (content,), shown_facts | user_attributes(value)


# For `_SHOWN_CONTENT`: what people see of a value, where `Row.take` gives something
# else or raises, as it does for a closed file.


def _bytes_in_memory(file: BytesIO) -> bytes:
    if file.closed:
        return b""
    return BytesIO.getvalue(file)


def _text_in_memory(file: StringIO) -> str:
    if file.closed:
        return ""
    return StringIO.getvalue(file)


def _items_of_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    return dict(dict.items(value))


def _items_of_deque(value: deque[Any]) -> list[Any]:
    return list(deque.__iter__(value))


# The functions that give what people see of the content of a value, by the full name of
# the class that a row lists. Where there is none, people see what `Row.take` gives.
_SHOWN_CONTENT: dict[str, Any] = {
    "_io.BytesIO": _bytes_in_memory,
    "_io.StringIO": _text_in_memory,
    "collections.defaultdict": _items_of_dict,
    "collections.deque": _items_of_deque,
}
# The attributes that people see beside that content.
_SHOWN_FACTS = {
    "collections.defaultdict": ("default_factory",),
    "collections.deque": ("maxlen",),
}
# How the items of a builtin container are read, also of a derived class.
_READ_ITEMS: dict[type, Callable[[Any], Iterable[object]]] = {
    dict: dict.values,
    list: list.__iter__,
    tuple: tuple.__iter__,
    set: set.__iter__,
    frozenset: frozenset.__iter__,
}
CONTAINERS = tuple(_READ_ITEMS)


def items_of_container(value: object) -> Iterable[object]:
    """Return the items of a builtin container or of a subclass, the values of a dict.

    A subclass may have an `__iter__` of its own, such as one that asks a service, which
    is not run. A proxy or a mock that gives a container as its `__class__` is none.
    Other values have no items.
    """
    type_ = type(value)
    for container_class, read_items in _READ_ITEMS.items():
        if issubclass(type_, container_class):
            return read_items(value)
    return ()


def parts_of(value: Any) -> Iterator[Part]:
    """Yield every part that a value holds.

    Whoever searches a value for something goes through it by this: for secrets, paths,
    streams, or hashes. The walk of identities does not.

    | value | its parts |
    |---|---|
    | a container | items, members, entries and keys |
    | an exception | its arguments and its cause |
    | a function | the variables that it closes over |
    | any object | its attributes |
    | a class, a module | none: it is known by its name |
    """
    type_ = type(value)
    container_class = next(
        (base for base in CONTAINERS if issubclass(type_, base)), None
    )
    if container_class is dict:
        for key, part in dict.items(value):
            yield Part("entry", key, part)
        for key in dict.keys(value):
            yield Part("key", key, key)
    elif container_class is set or container_class is frozenset:
        for part in items_of_container(value):
            yield Part("member", None, part)
    elif container_class is not None:
        names = fields_of(value)
        for index, part in enumerate(items_of_container(value)):
            if names:
                yield Part("field", names[index], part)
            else:
                yield Part("item", index, part)
    # No attribute leads to what these three hold.
    elif issubclass(type_, MappingProxyType):
        yield from parts_of(dict(value))
    elif issubclass(type_, deque):
        yield from parts_of(list(deque.__iter__(value)))
    elif issubclass(type_, partial):
        for name, part in ROWS["functools.partial"].take(value).items():
            yield Part("attribute", name, part)
    if issubclass(type_, BaseException):
        yield from _parts_of_error(value)
    if type_ is FunctionType:
        # A secret, a path or a stream may be in a variable that it closes over.
        names = value.__code__.co_freevars
        for name, cell in zip(names, value.__closure__ or (), strict=True):
            # Nothing may have been assigned to the variable yet.
            with suppress(ValueError):
                yield Part("field", name, cell.cell_contents)
    if not issubclass(type_, (type, ModuleType)):
        for name, part in all_attributes(value).items():
            yield Part("attribute", name, part)


def _parts_of_error(error: BaseException) -> Iterator[Part]:
    """Yield the arguments and the cause of an exception as Python has them.

    They are read past the class, which may define other attributes of these names.
    """
    members = vars(BaseException)
    for index, part in enumerate(members["args"].__get__(error)):
        yield Part("argument", index, part)
    cause = members["__cause__"].__get__(error)
    if cause is not None:
        yield Part("attribute", "__cause__", cause)

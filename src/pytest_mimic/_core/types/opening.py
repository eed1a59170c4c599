"""The one opener: any value taken apart into what it holds, without running code of its class but that of its row."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
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

from pytest_mimic._core.types.kinds import Reduce, full_name, is_stdlib, registered_kind
from pytest_mimic._core.types.libraries import LIBRARIES
from pytest_mimic._core.types.table import ROWS, row_of


class Part(NamedTuple):
    """One of the values that another value holds."""

    #: How the value holds it.
    role: Literal["argument", "attribute", "entry", "field", "item", "key", "member"]
    name: Any  # its index, key or name
    value: Any  # the part

    @property
    def step(self) -> str:
        """The step of a path that leads to the part: `.rates`, `[2]`, `['two words']`."""
        if self.role == "entry":
            return (
                key_step(self.name)
                if isinstance(self.name, str)
                else f"[{self.name!r}]"
            )
        return _STEPS[self.role].format(self.name)


_STEPS = {
    "argument": ".args[{}]",
    "attribute": ".{}",
    "field": ".{}",
    "item": "[{}]",
    "key": ".keys()[{!r}]",
    "member": "{{...}}",
}


def key_step(key: str) -> str:
    """Return the step of a path that leads to the entry of a mapping: `.base`, or `['two words']`."""
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


# Paths as users write them

Steps = tuple[str, ...]

_STEP = r"[^\s.\[\]]+"
_BRACKET = r"""\[(?:-?\d+|\*|'[^']+'|"[^"]+")\]"""
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP}|{_BRACKET})*")
_PART = re.compile(rf"{_BRACKET}|{_STEP}")


def parse_path(path: str) -> Steps:
    """Return the steps of a path.

    Between dots are mapping keys, attributes, indexes (`rows.0` or `rows[0]`), or `*`
    for any one. A key with spaces
    or dots is written as `rows['two words']`.

    Raises:
        ValueError: A step is empty, or brackets contain neither an index nor a quoted
            key.
    """
    if not _PATH.fullmatch(path.strip()):
        raise ValueError(
            f"not a path: {path!r} (write steps between dots, like rows.*.id)"
        )
    parts = _PART.findall(path.strip())
    # In brackets: an index, or a key in quotes.
    return tuple(
        part if part[0] != "[" else part[2:-2] if part[1] in "'\"" else part[1:-1]
        for part in parts
    )


def further(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """Return whether the paths leave out one part, and the paths that lead on into it."""
    matching = [steps for steps in paths if steps[0] == "*" or steps[0] in names]
    return any(len(steps) == 1 for steps in matching), [
        steps[1:] for steps in matching if len(steps) > 1
    ]


def type_name(kind: type) -> str:
    """Return `shop.models:Rate`, `pandas:Index`, or the bare name for a class of the standard library."""
    module = str(kind.__module__)
    if (
        library := module.partition(".")[0]
    ) in LIBRARIES:  # which moves its classes from version to version
        module = library
    return kind.__qualname__ if is_stdlib(module) else f"{module}:{kind.__qualname__}"


def is_pair(value: Any) -> bool:
    """Return whether a value is a (name, value) pair, as in a list of headers.

    Pairs read from JSON are lists.
    """
    return (
        type(value) in (tuple, list)
        and len(value) == 2
        and type(value[0]) in (str, bytes)
    )


# Attributes

# A cache that attrs keeps in its instances. It says nothing about the value.
CACHED_HASH = "_attrs_cached_hash"
_KEPT = frozenset({CACHED_HASH, "_sa_adapter", "_sa_instance_state"})
_REAL = (GetSetDescriptorType, MemberDescriptorType)


@lru_cache(maxsize=4096)
def slot_members(
    type_: Any, *, below: type = object
) -> dict[str, MemberDescriptorType]:
    """Return the slots of a class and its bases, up to `below`, by attribute name."""
    return {
        name: member
        for base in reversed(type_.__mro__[: type_.__mro__.index(below)])
        for name, member in base.__dict__.items()
        # Classes in C have members, too: files keep their buffers there since Python
        # 3.13.
        if type(member) is MemberDescriptorType and "__slots__" in base.__dict__
    }


def attribute_reader(type_: Any, *, below: type = object) -> Reduce | None:
    """Return a function that reads the attributes of an instance, `__dict__` and slots, or None if a type has neither.

    The slots of the base class `below` and of its bases do not count, nor does what a
    class only remembers. No property
    is evaluated.
    """
    slots = slot_members(type_, below=below)
    # A `__dict__` that a class defines itself, such as a lazy proxy's, may run
    # anything.
    places = (vars(base).get("__dict__") for base in type_.__mro__)
    place = next((each for each in places if type(each) in _REAL), None)
    left_out = _remembered(type_)
    if place is None and not slots:
        return None
    if place is not None and not slots and not left_out:
        is_plain = type_.__getattribute__ is object.__getattribute__
        read_dict: Reduce = attrgetter("__dict__") if is_plain else place.__get__
        return read_dict

    def read(value: object) -> dict[str, Any]:
        found = {} if place is None else dict(place.__get__(value))
        for name, member in slots.items():
            with suppress(AttributeError):  # an empty slot
                found[name] = member.__get__(value)
        for name in left_out & found.keys():
            del found[name]
        return found

    return read


_known_reader = lru_cache(maxsize=1024)(attribute_reader)


def all_attributes(value: object, *, below: type = object) -> dict[str, Any]:
    """Return the attributes of an instance as `attribute_reader` reads them; none for a value that has no place for any."""
    kind: Any = type(value)
    read = _known_reader(kind, below=below)
    return {} if read is None else dict(read(value))  # type: ignore[call-overload]


def set_attributes(value: object, attributes: Mapping[str, Any]) -> None:
    """Set the attributes of an instance, in `__dict__` and slots, past its class."""
    kind: Any = type(value)
    slots = slot_members(kind)
    places = (vars(base).get("__dict__") for base in kind.__mro__)
    place: Any = next((each for each in places if type(each) in _REAL), None)
    for name, part in attributes.items():
        if name in slots:
            slots[name].__set__(value, part)
        elif place is not None:
            place.__get__(value)[name] = part
        else:
            raise AttributeError(f"{kind.__qualname__} has no place for {name!r:.60}")


def _remembered(type_: type) -> set[str]:
    """Return the names under which cached properties, of functools or attrs, keep what they derive."""
    cached = getattr(sys.modules.get("functools"), "cached_property", ())
    found: set[str] = set()
    for base in type_.__mro__:
        found |= {
            name for name, member in base.__dict__.items() if isinstance(member, cached)
        }
        if "__attrs_attrs__" in base.__dict__:
            # In a class with slots, attrs gives each cached property one. It is not
            # among the fields.
            fields = {field.name for field in base.__dict__["__attrs_attrs__"]}
            found.add(CACHED_HASH)
            found |= {
                name
                for name in base.__dict__.get("__slots__", ())
                if name not in fields
            }
    return found


def exception_fields(error: BaseException) -> tuple[str, ...]:
    """Return the names of an exception's attributes that are neither in its arguments nor in its `__dict__`."""
    if isinstance(error, OSError):
        return "filename", "filename2"
    return ("name", "path") if isinstance(error, ImportError) else ()


def exception_parts(error: BaseException) -> dict[str, Any]:
    """Return these attributes of an exception and its cause, those that are not None."""
    names = *exception_fields(error), "__cause__"
    return {
        name: part for name in names if (part := getattr(error, name, None)) is not None
    }


def attributes_of(value: object) -> dict[str, Any]:
    """Return the attributes in `__dict__` and slots, without the bookkeeping of Python, attrs and SQLAlchemy.

    The notes of an exception belong to its user, and so do the extra fields and private
    attributes of a pydantic
    model, which it keeps in dicts beside its fields.
    """
    found = {str(name): part for name, part in all_attributes(value).items()}
    for beside in (found.get("__pydantic_extra__"), found.get("__pydantic_private__")):
        if isinstance(beside, dict):
            found |= beside
    return {
        name: part
        for name, part in found.items()
        if name == "__notes__" or not (name[:2] == "__" or name in _KEPT)
    }


def fields_of(value: Any) -> tuple[str, ...]:
    """Return the names of a named tuple's items; nothing for other values."""
    names = (
        getattr(type(value), "_fields", None)
        if issubclass(type(value), tuple)
        else None
    )
    return (
        names if isinstance(names, tuple) and len(names) == tuple.__len__(value) else ()
    )


# Opening


def opened(value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Open an object that is neither a plain value nor a value of a library: return its content and its attributes.

    The content is a plain container, number or text, or the plainer data that its
    identity uses. It is in a tuple, which is
    empty for an object with nothing but attributes. These are by name, and so are the
    items of a named tuple. Only
    `__mimic_identity__` and functions given to `register_fingerprint` run, as they do
    for the identity.
    """
    kind = type(value)
    rule = registered_kind(kind)
    if rule is not None:
        with suppress(
            Exception
        ):  # a rule that fails is reported when the identity is taken
            return (rule.reduce(value),), {}
    found = row_of(kind)
    if found is not None:
        row, base = found
        name = full_name(base)
        if name == "functools.partial":
            return (), row.take(value)
        if name != "types.SimpleNamespace":
            content = _CONTENT.get(name, row.take)(value)
            if fields := fields_of(value):
                return (), dict(zip(fields, content, strict=False))
            facts = _FACTS.get(name, ())
            beside = {
                fact: part
                for fact in facts
                if (part := getattr(value, fact)) is not None
            }
            return (content,), beside | attributes_of(value)
    return (), attributes_of(value)


# What people see of a value that has more parts, and the one beside it.
_CONTENT: dict[str, Any] = {
    "_io.BytesIO": lambda value: b"" if value.closed else BytesIO.getvalue(value),
    "_io.StringIO": lambda value: "" if value.closed else StringIO.getvalue(value),
    "collections.defaultdict": lambda value: dict(dict.items(value)),
    "collections.deque": lambda value: list(deque.__iter__(value)),
}
_FACTS = {
    "collections.defaultdict": ("default_factory",),
    "collections.deque": ("maxlen",),
}
_CONTAINERS = (dict, list, tuple, set, frozenset)


def parts_of(value: Any) -> Iterator[Part]:
    """Yield every part that a value holds: items, entries and keys, attributes, variables of a closure.

    Classes and modules are known by their names, so they have no parts.
    """
    kind = type(value)
    plain = next((base for base in _CONTAINERS if issubclass(kind, base)), None)
    if plain is dict:
        yield from (Part("entry", key, part) for key, part in dict.items(value))
        yield from (Part("key", key, key) for key in dict.keys(value))
    elif plain is set or plain is frozenset:
        yield from (Part("member", None, part) for part in plain.__iter__(value))
    elif plain is not None:
        names = fields_of(value)
        for index, part in enumerate(plain.__iter__(value)):
            yield (
                Part("field", names[index], part)
                if names
                else Part("item", index, part)
            )
    elif issubclass(kind, (deque, MappingProxyType)):
        yield from parts_of(
            dict(value)
            if issubclass(kind, MappingProxyType)
            else list(deque.__iter__(value))
        )
    elif issubclass(kind, partial):
        yield from (
            Part("attribute", name, part)
            for name, part in ROWS["functools.partial"].take(value).items()
        )
    if issubclass(kind, BaseException):
        # As Python has them, even where the class defines other attributes of these
        # names.
        args, cause = (
            vars(BaseException)[name].__get__(value) for name in ("args", "__cause__")
        )
        yield from (Part("argument", index, part) for index, part in enumerate(args))
        if cause is not None:
            yield Part("attribute", "__cause__", cause)
    if kind is FunctionType:
        for name, cell in zip(
            value.__code__.co_freevars, value.__closure__ or (), strict=True
        ):
            with suppress(ValueError):  # nothing was assigned to the variable yet
                yield Part("field", name, cell.cell_contents)
    if not issubclass(kind, (type, ModuleType)):
        yield from (
            Part("attribute", name, part)
            for name, part in all_attributes(value).items()
        )

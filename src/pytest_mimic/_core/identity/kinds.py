"""The identity rule of a type: its tag in the encoding, and the function that reduces its values to plainer data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Reduce = Callable[[Any], object]

# The only module-level state of the plugin besides `pytest_mimic._runs` and the open files of locks: the calls of `register_fingerprint`.
_registered: dict[type, Reduce] = {}

# Py_TPFLAGS_HEAPTYPE, the flag of a class that some code made while running.
HEAP_TYPE = 1 << 9

# Builtins that the walk encodes by itself.
PLAIN = frozenset({int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset})


class Kind(NamedTuple):
    """The identity rule of a type.

    Types with different values have different tags. With `attributes`, `reduce` returns a dict of a value's attributes;
    with `variables`, a pair of them and that dict.
    """

    tag: str
    reduce: Reduce
    attributes: bool = False
    variables: dict[str, object] | None = None


class Rule(NamedTuple):
    """The identity rule of a class of a library and of its subclasses."""

    reduce: Callable[[Any, bool], object]  # takes a value, and whether it is an outcome, in which more counts
    name: str = ""  # the name in the tag, by default that of the type; classes elsewhere have their usual tag
    is_full: bool = False  # whether the tag names the module, too

    def kind(self, type_: type, library: str, layout: bool) -> Kind:
        is_own = type_.__module__.partition(".")[0] == library and not self.is_full
        tag = f"{library}:{self.name or type_.__name__}" if is_own else type_tag(type_)
        reduce = self.reduce
        return Kind(tag, lambda value: reduce(value, layout))


class Raw:
    """Memory that is hashed byte by byte.

    Args:
        head: The meaning of the bytes, in plain scalars and tuples of them; with `size` it makes them unambiguous.
        size: The number of bytes in all `parts`.
        parts: Returns the buffers in order; called once for each digest.
        floats: For floats, their format as `with_one_nan` takes it. Buffers then have single bytes as items, and
            contain whole floats.
    """

    __slots__ = ("floats", "head", "parts", "size")

    def __init__(
        self,
        head: tuple[object, ...],
        size: int,
        parts: Callable[[], Iterable[Any]],
        *,
        floats: str = "",
    ) -> None:
        self.head = head
        self.size = size
        self.parts = parts
        self.floats = floats


def type_tag(type_: type) -> str:
    return f"{type_.__module__}:{type_.__qualname__}"


def is_stdlib(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def register_fingerprint(type_: type, reduce: Reduce) -> None:
    """Define the identity of a type and its subclasses: `reduce` returns plainer data that represents a value.

    Raises:
        TypeError: `type_` is not a class, or is a plain builtin; or `reduce` is not callable.
    """
    if not isinstance(type_, type):
        raise TypeError(f"register_fingerprint takes a class first, not {type_!r}")
    if type_ in PLAIN:
        raise TypeError(f"{type_.__name__} already has an identity: register a subclass of it instead")
    if not callable(reduce):
        raise TypeError(f"register_fingerprint takes a function second, not {reduce!r}")
    _registered[type_] = reduce


def registered_kind(type_: type) -> Kind | None:
    """Return the kind of a type that defines its own identity, by `register_fingerprint` or `__mimic_identity__`."""
    for base in type_.__mro__:
        if base in _registered:
            return Kind(type_tag(type_), _registered[base])
        if "__mimic_identity__" in base.__dict__:
            return Kind(type_tag(type_), lambda value: value.__mimic_identity__())
    return None


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Attributes:
        path: The path that leads to it, such as `config.clients[2]._lock`; empty until it is known.
        is_named: Whether `ignore=` can name the path: only items of lists and mappings, and attributes, lead to it.
        remedy: What to do besides leaving it out, or an empty string if there is nothing. None: teach the type.
    """

    def __init__(
        self,
        type_name: str,
        kind: type,
        path: str = "",
        owner: type | None = None,
        *,
        remedy: str | None = None,
    ) -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name  # the name of its type for people, such as `a thread lock`
        self.kind = kind
        self.path = path
        self.owner = owner  # the type of the nearest object around it that a user may have written, or None
        self.is_named = False
        self.in_object = False  # whether it is a part of an argument that is an object with attributes
        self.remedy = remedy


def full_name(type_: type) -> str:
    """Return the dotted name under which the tables of this package list a type."""
    return f"{type_.__module__}.{type_.__qualname__}"


def human_name(type_: type) -> str:
    from pytest_mimic._core.identity.libraries import words_for

    return words_for(type_) or f"an object of {type_.__module__}.{type_.__qualname__}"


def refuse(value: object) -> object:
    """Raise Unstable. This is the `reduce` of types without identity."""
    raise Unstable(human_name(type(value)), type(value))

"""What a type is called, what a user has taught of it, and the refusal of a value without identity."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Reduce = Callable[[Any], object]

# The only module-level state of the plugin besides `pytest_mimic._runs` and the open files of locks: the calls of `register_fingerprint`.
_registered: dict[type, Reduce] = {}

# Py_TPFLAGS_HEAPTYPE, the flag of a class that some code made while running.
HEAP_TYPE = 1 << 9

# Builtins that identities and readable outcomes encode by themselves.
PLAIN = frozenset({int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset})


class Kind(NamedTuple):
    """The identity rule of a type: types with different values have different tags."""

    tag: str
    reduce: Reduce  # returns plainer data that stands for a value


class Raw(NamedTuple):
    """Memory that is hashed byte by byte.

    Attributes:
        head: The meaning of the bytes, in plain scalars and tuples of them; with `size` it makes them unambiguous.
        parts: Returns the buffers in order; called once for each digest.
        floats: For floats, their format as in `struct`. Buffers then have single bytes as items, and contain whole floats.
    """

    head: tuple[object, ...]
    size: int  # the number of bytes in all `parts`
    parts: Callable[[], Iterable[Any]]
    floats: str = ""


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Args:
        type_name: The name of its type for people, such as `a thread lock`.
        path: The path that leads to it, such as `config.clients[2]._lock`; empty until it is known.
        remedy: What to do instead of leaving it out.
    """

    def __init__(self, type_name: str, kind: type, path: str = "", *, remedy: str = "") -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name
        self.kind = kind
        self.path = path
        self.remedy = remedy


def type_tag(type_: type) -> str:
    return f"{type_.__module__}:{type_.__qualname__}"


def full_name(type_: type) -> str:
    """Return the dotted name under which tables list a type, the same on every Python."""
    return f"{type_.__module__}.{type_.__qualname__}".replace("pathlib._local.", "pathlib.")


def lineage(type_: type) -> list[str]:
    """Return the full names of a type and of its bases, in the order of its `__mro__`."""
    return [full_name(base) for base in type_.__mro__]


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


class Events(list[Any]):
    """The events of a stream in order. Paths need not name the number of an event, so that one path is for all of them."""

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole  # whether the stream was read to its end


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event. Paths need not name `data`, its text or the JSON in it."""

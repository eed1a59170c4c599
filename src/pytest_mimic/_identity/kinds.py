"""How a type is understood: its tag in the encoding, and what its values reduce to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

Reduce = Callable[[Any], object]

#: The only module-level table: what `register_fingerprint` was told.
_registered: dict[type, Reduce] = {}

#: Builtins that the walk knows by itself and asks no one about.
PLAIN = frozenset({int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset})


class Kind(NamedTuple):
    """A type as the encoding sees it.

    Attributes:
        tag: Names the type; no two types that differ share one.
        reduce: A value of the type → plainer data that stands for it.
        attributes: Whether that data is a dict of the value's attributes.
    """

    tag: str
    reduce: Reduce
    attributes: bool = False


class Raw:
    """Memory that counts byte by byte.

    Args:
        head: What the bytes are (plain scalars, and tuples of them); with `size` it makes them unambiguous.
        size: How many bytes `parts` gives in all.
        parts: Gives the buffers, in order; called once for each digest.
        floats: Where the bytes are floats, what `with_one_nan` needs to know of them; buffers are of single bytes
            then, and hold whole floats.
    """

    __slots__ = ("floats", "head", "parts", "size")

    def __init__(
        self, head: tuple[object, ...], size: int, parts: Callable[[], Iterable[Any]], *, floats: str = ""
    ) -> None:
        self.head = head
        self.size = size
        self.parts = parts
        self.floats = floats


def type_tag(type_: type) -> str:
    """The tag of a type that no table lists."""
    return f"{type_.__module__}:{type_.__qualname__}"


def register_fingerprint(type_: type, reduce: Reduce) -> None:
    """Teaches the identity of a type, and of its subclasses.

    Args:
        type_: The type.
        reduce: Takes a value of the type and returns plainer data that stands for it.

    Raises:
        TypeError: `type_` is no class, or a plain builtin, or `reduce` cannot be called.
    """
    if not isinstance(type_, type):
        raise TypeError(f"register_fingerprint takes a class first, not {type_!r}")
    if type_ in PLAIN:
        raise TypeError(
            f"the identity of {type_.__name__} is understood already; make a subclass for another"
        )
    if not callable(reduce):
        raise TypeError(f"register_fingerprint takes a function second, not {reduce!r}")
    _registered[type_] = reduce


def registered_kind(type_: type) -> Kind | None:
    """The kind of a type whose identity was told: by `register_fingerprint` or `__mimic_identity__`."""
    for base in type_.__mro__:
        if base in _registered:
            return Kind(type_tag(type_), _registered[base])
        if "__mimic_identity__" in base.__dict__:
            return Kind(type_tag(type_), _own_identity)
    return None


def _own_identity(value: Any) -> object:
    return value.__mimic_identity__()

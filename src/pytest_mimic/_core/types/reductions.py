"""`Reduction`: what counts of the values of a type in identities, as plainer data.

`Unstable` is the refusal of a value that cannot be reduced, and `Raw` is memory among
the data. `register_fingerprint` keeps the reductions that users give to types; which
reduction any other type has, `_core/identity/rules.py` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

Reduce = Callable[[Any], object]

# The functions that users have given to `register_fingerprint`, by type.
_registered: dict[type, Reduce] = {}

# Builtins that identities and readable outcomes encode by themselves.
PLAIN = frozenset(
    {int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset}
)


# `Reduction` and `Raw` are written out, because each replay loads them, and the class
# of a `NamedTuple` takes ten times as long to make.


class Reduction:
    """What counts of the values of a type: they are reduced to plainer data.

    The data is reduced in its turn, until all of it is builtins, which are hashed.

    Attributes:
        tag: The name of the type. Types with different values have different tags.
        reduce: Returns plainer data that stands for a value.
        reduce_column: Reduces a long column of values at once, faster than one by one,
            and returns columns of plainer data. None: the type has no such way.
    """

    __slots__ = ("reduce", "reduce_column", "tag")

    def __init__(
        self,
        tag: str,
        reduce: Reduce,
        reduce_column: Callable[[list[Any]], tuple[list[Any], ...]] | None = None,
    ) -> None:
        self.tag: Final = tag
        self.reduce: Final = reduce
        self.reduce_column: Final = reduce_column


class Raw:
    """Memory that is hashed byte by byte.

    Attributes:
        head: The meaning of the bytes, in plain scalars. With `size`, it is
            unambiguous.
        size: The number of bytes in all buffers.
        parts: Returns the buffers in order. Each digest calls it once.
        format_of_floats: For floats, their format as in `struct`, to find NaNs by.
            Buffers then have single bytes as items, and contain whole floats.
    """

    __slots__ = ("format_of_floats", "head", "parts", "size")

    def __init__(
        self,
        head: tuple[object, ...],
        size: int,
        parts: Callable[[], Iterable[Any]],
        format_of_floats: str = "",
    ) -> None:
        self.head: Final = head
        self.size: Final = size
        self.parts: Final = parts
        self.format_of_floats: Final = format_of_floats


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Args:
        type_name: The words for the type of the value, such as `a thread lock`.
        kind: The type of the value.
        path: The path that leads to the value, such as `config.clients[2]._lock`; empty
            until the path is known.
        remedy: How a user can change the value instead of leaving it out.
    """

    def __init__(
        self, type_name: str, type_: type, path: str = "", *, remedy: str = ""
    ) -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name
        self.kind = type_
        self.path = path
        self.remedy = remedy


def type_tag(type_: type) -> str:
    """Return the name of a type in identities: `shop.models:Rate`.

    A class that moves to another module gets another one, and its calls miss.
    """
    return f"{type_.__module__}:{type_.__qualname__}"


def register_fingerprint(type_: type, reduce: Reduce) -> None:
    """Define the identity of a type and its subclasses.

    Args:
        type_: The type.
        reduce: Returns plainer data that represents a value.

    Raises:
        TypeError: `type_` is not a class, or is a plain builtin; or `reduce` is not
            callable.
    """
    if not isinstance(type_, type):
        raise TypeError(f"register_fingerprint takes a class first, not {type_!r}")
    if type_ in PLAIN:
        raise TypeError(
            f"{type_.__name__} already has an identity:"
            " register a subclass of it instead"
        )
    if not callable(reduce):
        raise TypeError(f"register_fingerprint takes a function second, not {reduce!r}")
    _registered[type_] = reduce


def registered_reduction(type_: type) -> Reduction | None:
    """Return the reduction of a type that defines its own identity.

    A type does so by `register_fingerprint` or `__mimic_identity__`. None: the type
    does neither.
    """
    for base in type_.__mro__:
        if base in _registered:
            return Reduction(type_tag(type_), _registered[base])
        if "__mimic_identity__" in base.__dict__:
            return Reduction(type_tag(type_), _own_identity)
    return None


def _own_identity(value: Any) -> object:
    return value.__mimic_identity__()

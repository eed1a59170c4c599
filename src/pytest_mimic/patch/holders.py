"""Reads and fills what holds functions: namespaces of modules, and classes.

Nothing here runs code of theirs: no `__getattr__`, no descriptor, no metaclass.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partialmethod
from types import MethodType
from typing import Any, Final, TypeAlias, TypeVar

Holder: TypeAlias = "dict[str, Any] | type"
"""A module's namespace, or a class."""

NOT_HELD: Final = object()
"""What stands for a name that a holder does not hold itself."""

Note = TypeVar("Note")

# Tells an object from any other one. `id` would call audit hooks (PEP 578) each time.
address_of = object.__hash__

# Py_TPFLAGS_IMMUTABLETYPE
_IMMUTABLE_TYPE = 1 << 8
_namespace_of_class = type.__dict__["__dict__"].__get__

# The packages that run the tests keep the real functions: a replay in them would break
# the run itself.
MACHINERY = frozenset(
    {"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"}
)


def namespace_of(module: object) -> dict[str, Any]:
    """Return the namespace of a module, which may be lazy and is not loaded.

    It is empty for another object, as `sys.modules` may hold any.
    """
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return namespace if isinstance(namespace, dict) else {}


def held_by(holder: Holder) -> Mapping[str, Any]:
    """Return what a holder itself holds, by name."""
    if isinstance(holder, dict):
        return holder
    held: Mapping[str, Any] = _namespace_of_class(holder)
    return held


def read(holder: Holder, name: str) -> Any:
    """Return what a holder itself holds under a name, or `NOT_HELD`."""
    return held_by(holder).get(name, NOT_HELD)


def is_lazy_import(held: object) -> bool:
    """Return whether what is held imports itself when it is used (PEP 810)."""
    return type(held).__name__ == "lazy_import"


def write(holder: Holder, name: str, value: object) -> None:
    """Let a holder hold a value; with `NOT_HELD`, a class holds the name no more."""
    if isinstance(holder, dict):
        holder[name] = value
    elif value is NOT_HELD:
        type.__delattr__(holder, name)
    else:
        type.__setattr__(holder, name, value)


def is_writable(holder: Holder) -> bool:
    """Return whether attributes can be set: a class in C refuses it."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def _references(holder: Holder, name: str) -> int:
    return sys.getrefcount(held_by(holder)[name])


_ONLY_REFERENCE = _references({"only": object()}, "only")


def is_only_reference(holder: Holder, name: str) -> bool:
    """Return whether nothing else refers to what a holder holds under a name."""
    is_only = _references(holder, name) <= _ONLY_REFERENCE
    return is_only and not is_lazy_import(read(holder, name))


# -- what carries a function


_INSIDE = {
    staticmethod: "__func__",
    classmethod: "__func__",
    MethodType: "__func__",
    property: "fget",
    cached_property: "func",
    partialmethod: "func",
}
_CARRIERS = frozenset(map(address_of, _INSIDE))


def inside_of(held: object) -> Any:
    """Return the function inside a descriptor or bound method; None: it is neither."""
    for kind, name in _INSIDE.items():
        if isinstance(held, kind):
            return getattr(held, name)
    return None


def rebuilt(held: Any, function: Any) -> Any:
    """Return a descriptor or bound method like the given, around a function."""
    if isinstance(held, MethodType):
        return MethodType(function, held.__self__)
    # The class may be a subclass, whose `__init__` has other parameters.
    kind: Any = next(one for one in _INSIDE if isinstance(held, one))
    made = kind.__new__(type(held), function)
    if kind is property:
        property.__init__(made, function, held.fset, held.fdel, held.__doc__)
    elif kind in (staticmethod, classmethod):
        kind.__init__(made, function)
    inside = inside_of(held)
    for name, value in getattr(held, "__dict__", {}).items():
        made.__dict__[name] = function if value is inside else value
    return made


# -- the search


def is_machinery(module: str) -> bool:
    """Return whether a module is of the packages that run the tests."""
    return module.partition(".")[0] in MACHINERY


def places_that_hold(
    notes: Mapping[int, Note],
    leaves_out: Callable[[str], bool] = is_machinery,
    since: str | None = None,
) -> Iterator[tuple[Holder, str, Any, Note]]:
    """Yield each place that holds some of the objects, itself or in a descriptor.

    The modules that were imported last come first.

    Args:
        notes: By the address of each object, what is noted of it.
        leaves_out: Whether a module of this name is left out, with its classes.
        since: The first module to look at; those before it were imported earlier.

    Yields:
        Holder, name, what it holds there, and the note.
    """
    visited: set[int] = set()
    for module_name, module in reversed(list(sys.modules.items())):
        pending: list[Holder] = []
        if not leaves_out(module_name):
            pending.append(namespace_of(module))
        while pending:
            holder = pending.pop()
            # There may be a million names. Addresses are compared, because some objects
            # have no hash, or an `__eq__` that raises; types are asked, because on
            # Python 3.10 `list[int]` says that it is a class.
            for name, held in list(held_by(holder).items()):
                kind = type(held)
                address = address_of(held)
                if address not in notes and address_of(kind) in _CARRIERS:
                    address = address_of(inside_of(held))
                if address in notes:
                    yield holder, name, held, notes[address]
                elif issubclass(kind, type) and address not in visited:
                    visited.add(address)
                    home = str(_namespace_of_class(held).get("__module__"))
                    if is_writable(held) and not leaves_out(home):
                        pending.append(held)
        if module_name == since:
            return

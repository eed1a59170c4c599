"""Reads and writes what modules and classes hold, without triggering any of their code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from pytest_mimic._core.origin import is_machinery, path_when_installed

Holder: TypeAlias = "dict[str, object] | type"
"""A module's namespace, or a class."""

MISSING: Final = object()
"""The result for a name that a holder does not hold itself."""

# The identity of an object as a number. `id` would call audit hooks (PEP 578) each time.
identity_of = object.__hash__

_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE

_class_namespace = type.__dict__["__dict__"].__get__
_subclasses: Callable[[type], list[type]] = type.__subclasses__


def namespace_of(module: object) -> dict[str, object] | None:
    """Return the namespace of a module, or None if it has none. A lazy module is not loaded."""
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    return namespace if isinstance(namespace, dict) else None


def is_library(package: str) -> bool:
    """Return whether an imported package belongs to the standard library or is installed."""
    file = (namespace_of(sys.modules.get(package)) or {}).get("__file__")
    return package in sys.stdlib_module_names or (
        isinstance(file, str) and path_when_installed(file) is not None
    )


def held_by(holder: Holder) -> Any:
    """Return the mapping of names to the objects that the holder itself holds, descriptors unbound."""
    return holder if isinstance(holder, dict) else _class_namespace(holder)


def read(holder: Holder, name: str) -> object:
    """Return the object that the holder itself has under a name, or MISSING."""
    return held_by(holder).get(name, MISSING)


def write(holder: Holder, name: str, value: object) -> None:
    """Set or, for MISSING, delete a name, past any `__setattr__` of a module or metaclass."""
    if isinstance(holder, dict):
        if value is MISSING:
            holder.pop(name, None)
        else:
            holder[name] = value
    elif value is MISSING:
        _past_metaclass(type.__delattr__, delattr, holder, name)
    else:
        _past_metaclass(type.__setattr__, setattr, holder, name, value)


def _past_metaclass(plain: Callable[..., None], ordinary: Callable[..., None], *arguments: object) -> None:
    """Change a class as `type` does; a metaclass written in C accepts only its own method."""
    try:
        plain(*arguments)
    except TypeError:
        ordinary(*arguments)


def is_writable(holder: Holder) -> bool:
    """Return whether its names can be set; those of most classes written in C cannot."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def all_holders(is_left_out: Callable[[str], bool] = is_machinery) -> Iterator[Holder]:
    """Yield the namespace of every imported module, the last one first, and every writable class, local ones included.

    Modules are left out by their names. By default, these are the packages that run the tests.
    """
    for name, module in reversed(list(sys.modules.items())):
        if not is_left_out(name) and (namespace := namespace_of(module)) is not None:
            yield namespace
    seen = {identity_of(object)}  # a class with several bases is a subclass of each
    waiting: list[type] = [object]
    while waiting:
        for cls in _subclasses(waiting.pop()):
            if identity_of(cls) not in seen:
                seen.add(identity_of(cls))
                waiting.append(cls)
                if not is_left_out(_module_name(cls)) and is_writable(cls):
                    yield cls


def holders_since(module: str) -> Iterator[Holder]:
    """Yield the namespaces of a module and of those whose import has begun since, and the classes that these hold."""
    for name, there in reversed(list(sys.modules.items())):
        waiting: list[Holder] = [namespace_of(there) or {}]
        seen: set[int] = set()
        while waiting and not is_machinery(name):
            holder = waiting.pop()
            yield holder
            for held in list(held_by(holder).values()):
                # By its type: on Python 3.10, `list[int]` says that it is a class.
                if (
                    issubclass(type(held), type)
                    and _module_name(held) == name
                    and identity_of(held) not in seen
                ):
                    seen.add(identity_of(held))
                    waiting.append(held)
        if name == module:
            return


def _module_name(cls: type) -> str:
    name = _class_namespace(cls).get("__module__")
    return name if isinstance(name, str) else ""

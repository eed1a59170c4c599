"""The places that can hold a function: module attributes and class attributes, never triggered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from pytest_mimic._patch.machinery import is_machinery

Holder: TypeAlias = "dict[str, object] | type"
"""A module's namespace, or a class."""

MISSING: Final = object()
"""What a holder gives for a name that it does not hold itself."""

#: What tells one object from all others, as a number. `id` calls audit hooks (PEP 578), such as filelock's, each time.
identity_of = object.__hash__

_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE

_class_namespace = type.__dict__["__dict__"].__get__
_subclasses: Callable[[type], list[type]] = type.__subclasses__


def namespace_of(module: object) -> dict[str, object] | None:
    """The names that a module holds; a lazy one is not made to load. None where it has no dict."""
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    return namespace if isinstance(namespace, dict) else None


def held_by(holder: Holder) -> Any:
    """The mapping of names to what the holder itself holds, descriptors unbound."""
    return holder if isinstance(holder, dict) else _class_namespace(holder)


def read(holder: Holder, name: str) -> object:
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
    """Change a class as `type` does it; metaclasses written in C insist on their own way."""
    try:
        plain(*arguments)
    except TypeError:
        ordinary(*arguments)


def is_writable(holder: Holder) -> bool:
    """Whether its names can be set: those of a class written in C mostly cannot."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def modules_now() -> tuple[int, ...]:
    """What changes when a module is imported."""
    return tuple(map(identity_of, list(sys.modules.values())))


def all_namespaces() -> Iterator[dict[str, object]]:
    """The namespace of every imported module but our own machinery's."""
    seen = set()
    for name, module in list(sys.modules.items()):
        namespace = None if is_machinery(name) else namespace_of(module)
        if namespace is not None and identity_of(namespace) not in seen:
            seen.add(identity_of(namespace))
            yield namespace


def all_classes() -> Iterator[type]:
    """Every class there is, nested and local ones too, but those that cannot be written."""
    seen = {identity_of(object)}
    waiting: list[type] = [object]
    while waiting:
        for cls in _subclasses(waiting.pop()):
            if identity_of(cls) not in seen:
                seen.add(identity_of(cls))
                waiting.append(cls)
                if is_writable(cls) and not is_machinery(module_name(cls)):
                    yield cls


def module_name(cls: type) -> str:
    """The module that a class says it is of."""
    name = _class_namespace(cls).get("__module__")
    return name if isinstance(name, str) else ""

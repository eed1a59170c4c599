"""What a value is made of, found out without running the value's own code."""

from __future__ import annotations

import sys
from types import MemberDescriptorType
from typing import Any

#: Libraries whose values are told by their type, dtype and shape.
_LIBRARIES = frozenset({"PIL", "numpy", "pandas", "polars", "pyarrow", "scipy", "torch"})


def lineage(kind: type) -> list[str]:
    """`module.qualname` of a type and its bases, in the order in which Python looks through them."""
    return [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]


def library_of(value: object) -> str | None:
    """The data library that the value's type, or a base of it, comes from."""
    for base in type(value).__mro__:
        top = str(base.__module__).partition(".")[0]
        if top in _LIBRARIES:
            return top
    return None


def type_name(kind: type) -> str:
    """`shop.models:Rate`; the bare name for what Python brings along."""
    module = str(kind.__module__)
    if module.partition(".")[0] in sys.stdlib_module_names and module != "__main__":
        return kind.__qualname__
    return f"{module}:{kind.__qualname__}"


def attributes_of(value: object) -> dict[str, Any]:
    """The attributes that an object itself holds, in `__dict__` and in slots; no property is evaluated."""
    found: dict[str, Any] = {}
    try:
        found.update(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        pass
    for base in type(value).__mro__:
        for name, member in vars(base).items():
            if isinstance(member, MemberDescriptorType) and name not in found:
                _take_slot(found, name, member, value)
    extra = found.pop("__pydantic_extra__", None)
    found = {name: part for name, part in found.items() if not _is_internal(name)}
    return {**found, **extra} if isinstance(extra, dict) else found


def _is_internal(name: object) -> bool:
    return isinstance(name, str) and name.startswith("__")


def _take_slot(found: dict[str, Any], name: str, member: MemberDescriptorType, value: object) -> None:
    """Adds a slot's value where the slot is filled."""
    try:
        found[name] = member.__get__(value)
    except AttributeError:
        return


def digest(value: object, roots: tuple[tuple[str, str], ...] = ()) -> str | None:
    """A few characters that differ between different values; None for what has no stable identity."""
    try:
        from pytest_mimic._identity import Unstable, fingerprint
    except ImportError:
        return None
    try:
        return fingerprint(value, roots=roots)[:8]
    except Unstable:
        return None


def summary(value: Any) -> str:
    """`ndarray float64 1797x64`: a library's value by type, dtype and shape."""
    parts = [type(value).__qualname__]
    for name in ("dtype", "type", "mode"):
        kind = getattr(value, name, None)
        if kind is not None and not callable(kind) and not isinstance(kind, type):
            parts.append(str(kind))
            break
    shape = getattr(value, "shape", None) or getattr(value, "size", None)
    if isinstance(shape, tuple):
        parts.append("x".join(str(length) for length in shape))
    elif type(value).__module__.startswith(("pyarrow", "polars")) and hasattr(value, "__len__"):
        parts.append(str(len(value)))
    return " ".join(parts)

"""The texts of values that are shown by one text: dates, numbers, paths, functions, arrays."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, datetime, time, timezone
from typing import Any

from pytest_mimic._core.identity.opening import lineage

# How many items of an array or columns of a table are few enough to show.
_FEW = 6


def _zone(value: datetime | time) -> str:
    """Return what the text in ISO format leaves out: the name of the zone, and that an hour is the repeated one."""
    zone = getattr(value.tzinfo, "key", None)
    if type(value.tzinfo) is timezone and not str(value.tzinfo).startswith("UTC"):
        zone = str(value.tzinfo)
    return f"{f'[{zone}]' if isinstance(zone, str) else ''}{' fold=1' if value.fold else ''}"


def _zone_text(_base: type, zone: timezone) -> str:
    name, default = str(zone), str(timezone(zone.utcoffset(None)))
    return name if name == default else f"{name} ({default})"


def _titled(word: str) -> Callable[[type, Any], str]:
    """Make the function that returns the text of a named value: `<function shop.api:fetch>`."""

    def text(_base: type, value: Any) -> str:
        # A method written in C has no module.
        module = getattr(value, "__module__", None) or type(getattr(value, "__self__", None)).__module__
        name = getattr(value, "__qualname__", None)
        return f"<{word} {module}:{name}>" if name else f"<{word} {value.__name__}>"

    return text


_OWN_TEXT = (
    "builtins.NotImplementedType",
    "builtins.complex",
    "builtins.ellipsis",
    "builtins.range",
    "builtins.slice",
    "datetime.timedelta",
    "decimal.Decimal",
    "fractions.Fraction",
    "ipaddress.IPv4Address",
    "ipaddress.IPv4Interface",
    "ipaddress.IPv6Address",
    "ipaddress.IPv6Interface",
    "ipaddress._BaseNetwork",
    "re.Pattern",
    "uuid.UUID",
    "zoneinfo.ZoneInfo",
)
_PATHS = frozenset({"pathlib.PurePath", "pathlib._local.PurePath"})
#: The types whose values have a tag with a text in readable outcomes, too.
TAGGED: dict[type, str] = {date: "date", datetime: "datetime", time: "time"}
_TEXTS: dict[str, Callable[[Any, Any], str]] = {
    # `str` as the library's class defines it, even if a derived class defines another.
    **dict.fromkeys([*_OWN_TEXT, *_PATHS], lambda base, value: str(base.__str__(value))),
    "builtins.builtin_function_or_method": _titled("function"),
    "builtins.function": _titled("function"),
    "builtins.method": _titled("method"),
    "builtins.module": _titled("module"),
    "builtins.type": _titled("class"),
    "datetime.date": lambda _base, value: date.isoformat(value),
    "datetime.datetime": lambda _base, value: datetime.isoformat(value) + _zone(value),
    "datetime.time": lambda _base, value: time.isoformat(value) + _zone(value),
    "datetime.timezone": _zone_text,
    # The whole URL, as its parts alone do not show which one is a password.
    "urllib.parse._ResultMixinBytes": lambda _base, value: str(value.geturl(), "latin-1"),
    "urllib.parse._ResultMixinStr": lambda _base, value: value.geturl(),
}


def leaf_text(value: Any) -> str | None:
    """Return the text of a value that has one instead of parts, or None for any other."""
    kind = type(value)
    if issubclass(kind, enum.Enum):
        # A combination of flags may have no name.
        member = value._name_
        return f"{kind.__qualname__}.{member}" if member else f"{kind.__qualname__}({value._value_!r})"
    for name, base in zip(lineage(kind), kind.__mro__, strict=True):
        if name in _TEXTS:
            return _TEXTS[name](base, value)
    return None


def is_path(kind: type) -> bool:
    return not _PATHS.isdisjoint(lineage(kind))


def library_text(value: Any) -> str:
    """Return `ndarray float64 1797x64`: type, dtype and shape of a library's value; small arrays with their items."""
    element, shape = library_facts(value)
    text = " ".join(filter(None, [type(value).__qualname__, element, "x".join(map(str, shape))]))
    if type(value).__qualname__ == "ndarray" and value.dtype.kind in "biufc" and value.size <= _FEW:
        return f"{text} {value.tolist()}"
    columns = getattr(value, "columns", None) if len(shape) == 2 else None
    if columns is None or not 0 < len(columns) <= _FEW or not all(isinstance(name, str) for name in columns):
        return text
    return f"{text}: {', '.join(columns)}"


def library_facts(value: object) -> tuple[str, tuple[int, ...]]:
    """Return the dtype, type or mode of the elements of a library's value, empty if it has none, and its shape."""
    kinds = [getattr(value, name, None) for name in ("dtype", "type", "mode")]
    # A frame gives its column of that name.
    elements = [
        kind for kind in kinds if kind is not None and not callable(kind) and not getattr(kind, "ndim", 0)
    ]
    return str(elements[0]) if elements else "", _shape(value)


def _shape(value: Any) -> tuple[int, ...]:
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except Exception:  # a single rotation of scipy has no length, and __len__ of any class may fail
        return ()

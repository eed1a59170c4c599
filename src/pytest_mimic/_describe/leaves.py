"""The texts of values that are shown by one text: dates, numbers, paths, functions, arrays."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from pytest_mimic._values.opening import lineage

# How many items of an array or columns of a table are few enough to show.
_FEW = 6


def _member(value: enum.Enum) -> str:
    name = value._name_
    return f"{type(value).__qualname__}.{name}" if name else f"{type(value).__qualname__}({value._value_!r})"


def _moment(_base: type, value: datetime) -> str:
    """ISO 8601, with the zone's name where it has one."""
    zone = getattr(value.tzinfo, "key", None)
    text = datetime.isoformat(value)
    return f"{text}[{zone}]" if isinstance(zone, str) else text


def _titled(word: str) -> Callable[[type, Any], str]:
    """The text of what has a name: `<function shop.api:fetch>`."""

    def text(_base: type, value: Any) -> str:
        # A method written in C has no module of its own.
        module = getattr(value, "__module__", None) or type(getattr(value, "__self__", None)).__module__
        name = getattr(value, "__qualname__", None)
        return f"<{word} {module}:{name}>" if name else f"<{word} {value.__name__}>"

    return text


def _own_text(base: Any, value: Any) -> str:
    """`str`, as the library class has it, whatever a class derived from it does."""
    return str(base.__str__(value))


def _url(_base: type, value: Any) -> str:
    """The URL whole, as its parts do not show where a password stands."""
    text = value.geturl()
    return text if isinstance(text, str) else str(text, "latin-1")


_TEXTS: dict[str, Callable[[type, Any], str]] = {
    "builtins.NotImplementedType": _own_text,
    "builtins.builtin_function_or_method": _titled("function"),
    "builtins.complex": _own_text,
    "builtins.ellipsis": _own_text,
    "builtins.function": _titled("function"),
    "builtins.method": _titled("method"),
    "builtins.module": _titled("module"),
    "builtins.range": _own_text,
    "builtins.slice": _own_text,
    "builtins.type": _titled("class"),
    "datetime.date": lambda _base, value: date.isoformat(value),
    "datetime.datetime": _moment,
    "datetime.time": lambda _base, value: time.isoformat(value),
    "datetime.timedelta": _own_text,
    "datetime.timezone": _own_text,
    "decimal.Decimal": _own_text,
    "fractions.Fraction": _own_text,
    "ipaddress.IPv4Interface": _own_text,
    "ipaddress.IPv6Interface": _own_text,
    "ipaddress._BaseNetwork": _own_text,
    "ipaddress.IPv4Address": _own_text,
    "ipaddress.IPv6Address": _own_text,
    "re.Pattern": _own_text,
    "urllib.parse._ResultMixinBytes": _url,
    "urllib.parse._ResultMixinStr": _url,
    "uuid.UUID": _own_text,
    "zoneinfo.ZoneInfo": _own_text,
}
_PATHS = frozenset({"pathlib.PurePath", "pathlib._local.PurePath"})
_TEXTS.update(dict.fromkeys(_PATHS, _own_text))


def leaf_text(value: Any) -> str | None:
    """The text of a value that has one and no parts to show; None for any other."""
    kind = type(value)
    if issubclass(kind, enum.Enum):
        return _member(value)
    for name, base in zip(lineage(kind), kind.__mro__, strict=True):
        if name in _TEXTS:
            return _TEXTS[name](base, value)
    return None


def is_path(kind: type) -> bool:
    """Whether values of a type are `pathlib` paths."""
    return not _PATHS.isdisjoint(lineage(kind))


def library_text(value: Any) -> str:
    """Return `ndarray float64 1797x64`: type, dtype and shape of a library's value; small arrays with their items."""
    parts = [type(value).__qualname__]
    kinds = [getattr(value, name, None) for name in ("dtype", "type", "mode")]
    parts += [str(kind) for kind in kinds if kind is not None and not callable(kind)][:1]
    shape = _shape(value)
    if shape:
        parts.append("x".join(map(str, shape)))
    text = " ".join(parts)
    if type(value).__qualname__ == "ndarray" and value.dtype.kind in "biufc" and value.size <= _FEW:
        return f"{text} {value.tolist()}"
    columns = getattr(value, "columns", None) if len(shape) == 2 else None
    if columns is None or not 0 < len(columns) <= _FEW or not all(isinstance(name, str) for name in columns):
        return text
    return f"{text}: {', '.join(columns)}"


def _shape(value: Any) -> tuple[int, ...]:
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except Exception:  # a single rotation of scipy has no length, and __len__ of any class may fail
        return ()

"""Values that have one text of their own: dates, numbers, paths, functions."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from pytest_mimic._describe.parts import lineage


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

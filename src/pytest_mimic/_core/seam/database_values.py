"""Values of databases as trees for JSON, and back, with their types: those of outcomes, and what drivers have of their own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from base64 import b64encode
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.outcome.outcome import MisreadError, NotExactError, OutdatedClassError, RefusedError
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.tag_reader import Reader
from pytest_mimic._core.outcome.tag_writer import Writer
from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

# The types of JSON's values that hold no others. `from_plain` returns them as they are.
PLAIN = frozenset((str, int, float, bool, type(None)))
_PATHS = PathStore(Places())
_UNREAD = (
    ArithmeticError,
    LookupError,
    MisreadError,
    OutdatedClassError,
    RefusedError,
    TypeError,
    ValueError,
)
# The types that outcomes know, most special first: a value of a subclass, as drivers make some, becomes one of these.
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int),
    (float, float),
    (bytes, bytes),
    (Decimal, Decimal),
    (dt.datetime, lambda v: dt.datetime.combine(v.date(), v.timetz())),
    (dt.date, lambda v: dt.date(v.year, v.month, v.day)),
    (dt.timedelta, lambda v: dt.timedelta(v.days, v.seconds, v.microseconds)),
    (uuid.UUID, lambda v: uuid.UUID(int=v.int)),
    (dict, dict),
    (list, list),
)
_KNOWN = {
    *PLAIN,
    *(base for base, _ in _BASES),
    *(tuple, set, frozenset, dt.time, bytearray, ZoneInfo, dt.timezone),
}
_IPS = {
    cls.__name__: cls
    for cls in (
        *(ipaddress.IPv4Address, ipaddress.IPv4Network, ipaddress.IPv4Interface),
        *(ipaddress.IPv6Address, ipaddress.IPv6Network, ipaddress.IPv6Interface),
    )
}
# Longer bytes would be an object of the vault of their own, of which a client's outcome has none.
_LONG = 1024


@cache
def _composite(name: str, *fields: str) -> Any:
    """Return the class for a composite type. A driver makes one in each process."""
    return namedtuple(name, fields)


def _driver_class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _range_parts(value: Any) -> list[Any]:
    bounds = getattr(value, "bounds", None)
    if bounds is None and not value.isempty:
        bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    return [value.lower, value.upper, bounds, value.isempty]


def _make_range(path: str, lower: Any, upper: Any, bounds: str, is_empty: bool) -> Any:
    cls = _driver_class(path)
    if is_empty:
        return cls(empty=True)
    if path.startswith("asyncpg"):
        return cls(lower, upper, lower_inc=bounds[0] == "[", upper_inc=bounds[1] == "]")
    return cls(lower, upper, bounds=bounds)


# The tags of drivers' classes by their names, so that no driver is imported.
_RANGES = {
    "psycopg.types.range.Range": "$psycopg.Range",
    "sqlalchemy.dialects.postgresql.ranges.Range": "$sqlalchemy.Range",
    "asyncpg.types.Range": "$asyncpg.Range",
}
_MULTIRANGE = "psycopg.types.multirange.Multirange"
# Each gets the parts of a tag.
_MAKERS: dict[str, Callable[..., Any]] = {
    "$memoryview": memoryview,
    "$ip": lambda kind, text: _IPS[kind](text),
    "$named": lambda name, fields, *parts: _composite(name, *fields)(*parts),
    "$psycopg.Multirange": lambda *parts: _driver_class(_MULTIRANGE)(parts),
    **{tag: partial(_make_range, path) for path, tag in _RANGES.items()},
}


class _Writer(Writer):
    """Writes values of databases. The classes of an application are none of them."""

    def write(self, value: Any) -> Any:
        kind = type(value)
        if kind is bytes and len(value) > _LONG:
            return self.node("base64", b64encode(value).decode())
        if kind in _KNOWN:
            return super().write(value)
        if kind is memoryview:
            return self._own("$memoryview", value.tobytes())
        if kind.__name__ in _IPS and kind in _IPS.values():
            return self._own("$ip", kind.__name__, str(value))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._own("$named", kind.__name__, list(getattr(value, "_fields")), *value)  # noqa: B009
        for base in kind.__mro__:
            name = f"{base.__module__}.{base.__qualname__}"
            if name in _RANGES:
                return self._own(_RANGES[name], *_range_parts(value))
            if name == _MULTIRANGE:
                return self._own("$psycopg.Multirange", *value)
        for known, convert in _BASES:
            if isinstance(value, known):
                return super().write(convert(value))
        raise NotExactError(kind)

    def _own(self, tag: str, *parts: Any) -> Any:
        return self.node(tag[1:], [self.write(part) for part in parts])


class _Reader(Reader):
    """Reads what `_Writer` writes. It imports drivers' classes only."""

    def __init__(self) -> None:
        super().__init__(_PATHS, frozenset(), bytes.fromhex)

    def read(self, tree: Any) -> Any:
        if type(tree) is dict and (make := _MAKERS.get(next(iter(tree), ""))) is not None:
            return make(*map(self.read, tree[next(iter(tree))]))
        return super().read(tree)


def to_plain(value: object, path: str = "value") -> Any:
    """Return a tree that `from_plain` turns back into an equal value of the same type.

    The value is anything that a database driver accepts or returns.

    Raises:
        UnstorableOutcomeError: A part is of another type.
    """
    if value is None or type(value) in (str, int, bool):
        return value
    try:
        return _Writer(_PATHS).write(value)
    except (NotExactError, RecursionError, Unstable) as reason:
        raise UnstorableOutcomeError(
            "what a database returned cannot be stored",
            facts=(f"{path}: {reason}", "nothing was recorded"),
            path=path,
        ) from None


def from_plain(plain: object) -> Any:
    """Return the value that `to_plain` got. CorruptRecordingError: it is not as it was written."""
    if type(plain) in PLAIN:
        return plain
    try:
        return _Reader().read(plain)
    except _UNREAD as reason:
        raise CorruptRecordingError(f"a recording has a value that cannot be read: {reason}") from reason


_ZEROES: tuple[tuple[type, object], ...] = (
    (int, 0),
    (float, 0.0),
    (Decimal, Decimal(0)),
    (uuid.UUID, uuid.UUID(int=0)),
    (dt.timedelta, dt.timedelta(0)),
    (dt.date, dt.date(1970, 1, 1)),
)


def blank(value: object, placeholder: str) -> object:
    """Return a value of the same type in place of a secret one.

    Text and bytes become the placeholder, other values the zero of their type. None and booleans stay, and containers
    keep their shape.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        make = getattr(value, "_make", type(value))  # a composite type is a named tuple
        return make([blank(item, placeholder) for item in value])
    if isinstance(value, dict):
        return {key: blank(item, placeholder) for key, item in value.items()}
    if isinstance(value, dt.datetime):
        return dt.datetime(1970, 1, 1, tzinfo=value.tzinfo)
    for kind, zero in _ZEROES:
        if isinstance(value, kind):
            return zero
    if isinstance(value, dt.time):
        return dt.time(0, tzinfo=value.tzinfo)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return type(value)(placeholder.encode())
    return placeholder

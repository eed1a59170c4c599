"""Values of databases as plain data that JSON keeps exactly, and back, with their types.

JSON's own values are kept. Anything else becomes a mapping with one tag: `{"$decimal": "1.10"}`,
`{"$datetime": "2026-11-02T10:00:00+00:00"}`, `{"$bytes": "text"}` or `{"$base64": "/wA="}`.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import math
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

# The types of JSON's values that hold no others. `from_plain` returns them as they are.
PLAIN = frozenset((str, int, float, bool, type(None)))

# Gets a value that has no plain form, and its path; returns plain data for it.
Fallback = Callable[[object, str], Any]


def to_plain(value: object, path: str = "value", *, unknown: Fallback | None = None) -> object:
    """Return plain data that `from_plain` turns back into an equal value of the same type.

    The value is anything that a database driver accepts or returns. `unknown` is called if it has no plain form.

    Raises:
        UnstorableOutcomeError: A part has no plain form; `path` names it.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value

    def items(parts: Iterable[object]) -> list[Any]:
        return [to_plain(part, f"{path}[{place}]", unknown=unknown) for place, part in enumerate(parts)]

    for base, encode in _ENCODERS:
        if isinstance(value, base):
            return encode(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value, path, unknown)
    if isinstance(value, list):
        return items(value)
    if isinstance(value, (set, frozenset)):
        return {"$set" if isinstance(value, set) else "$frozenset": sorted(items(value), key=repr)}
    for each in kind.__mro__:  # a driver's class is known by its name, so that no driver is imported
        foreign = _FOREIGN_BY_CLASS.get(f"{each.__module__}.{each.__qualname__}")
        if foreign is not None:
            return {f"${foreign.tag}": items(foreign.parts(value))}
    if isinstance(value, tuple) and (fields := getattr(value, "_fields", None)) is not None:
        return {"$named": items(value), "class": kind.__name__, "fields": list(fields)}
    if isinstance(value, tuple):
        return {"$tuple": items(value)}
    if unknown is not None:
        return unknown(value, path)
    raise UnstorableOutcomeError(
        "what a database returned cannot be stored",
        facts=(f"{path}: {kind.__module__}.{kind.__qualname__}", "nothing was recorded"),
        path=path,
    )


def from_plain(plain: object) -> Any:
    """Return the value that `to_plain` got. CorruptRecordingError: a tag is unknown, or its content does not fit."""
    if isinstance(plain, list):
        return [from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {key: from_plain(item) for key, item in plain.items()}
    content = plain[tag]
    try:
        if (foreign := _FOREIGN.get(tag[1:])) is not None:
            module, _, name = foreign.path.rpartition(".")
            return foreign.build(getattr(import_module(module), name), *from_plain(content))
        if (decode := _DECODERS.get(tag[1:])) is not None:
            return decode(content, **{name: part for name, part in plain.items() if name != tag})
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise CorruptRecordingError(f"a recording has a value that is no {tag[1:]}: {content!r}") from error
    raise CorruptRecordingError(f"a recording has a value tagged {tag!r}, which is not known here")


def plain_bytes(value: bytes) -> dict[str, str]:
    """Return bytes as plain data: as a text if it can be read, else in base64."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if all(character.isprintable() or character in "\n\t" for character in text):
        return {"$bytes": text}
    return {"$base64": base64.b64encode(value).decode()}


def _plain_mapping(value: Mapping[Any, object], path: str, unknown: Fallback | None) -> object:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: to_plain(item, f"{path}.{key}", unknown=unknown) for key, item in value.items()}
    pairs = []
    for key, item in value.items():
        plain_key = to_plain(key, f"a key of {path}", unknown=unknown)
        pairs.append([plain_key, to_plain(item, f"{path}[{key!r}]", unknown=unknown)])
    return {"$dict": pairs}


def _plain_moment(tag: str, value: dt.datetime | dt.time) -> dict[str, Any]:
    name = getattr(value.tzinfo, "key", None)  # of a `ZoneInfo`
    if not isinstance(name, str):
        return {tag: value.isoformat()}
    # A time in a zone has no offset: it depends on the day.
    text = value.replace(tzinfo=None).isoformat() if isinstance(value, dt.time) else value.isoformat()
    return {tag: text, "zone": name}


_IPS = tuple(
    getattr(ipaddress, f"IPv{version}{kind}")
    for version in (4, 6)
    for kind in ("Address", "Network", "Interface")
)
# The order matters: a bool is an int, and a datetime is a date.
_ENCODERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (bool, bool),
    (int, int),
    (float, lambda v: float(v) if math.isfinite(v) else {"$float": repr(float(v))}),
    (bytes, lambda v: plain_bytes(v)),
    (bytearray, lambda v: {"$bytearray": plain_bytes(bytes(v))}),
    (memoryview, lambda v: {"$memoryview": plain_bytes(v.tobytes())}),
    (Decimal, lambda v: {"$decimal": str(v)}),
    (dt.datetime, lambda v: _plain_moment("$datetime", v)),
    (dt.date, lambda v: {"$date": v.isoformat()}),
    (dt.time, lambda v: _plain_moment("$time", v)),
    (dt.timedelta, lambda v: {"$timedelta": [v.days, v.seconds, v.microseconds]}),
    (uuid.UUID, lambda v: {"$uuid": str(v)}),
    (_IPS, lambda v: {"$ip": str(v), "kind": type(v).__name__}),
)


class _Foreign(NamedTuple):
    """A class of a driver."""

    tag: str  # the tag of its values, without `$`
    path: str  # its module and name
    parts: Callable[[Any], Iterable[Any]] = tuple  # returns the parts of a value
    build: Callable[..., Any] = lambda cls, *parts: cls(*parts)  # makes a value of the class and the parts


def _range_parts(value: Any) -> list[Any]:
    return [value.lower, value.upper, value.lower_inc, value.upper_inc, value.isempty]


def _build_range(cls: Any, lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool) -> object:
    bounds = ("[" if lower_inc else "(") + ("]" if upper_inc else ")")
    return cls(empty=True) if empty else cls(lower, upper, bounds=bounds)


def _build_asyncpg_range(
    cls: Any, lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool
) -> object:
    return cls(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc, empty=empty)


_FOREIGN = {
    each.tag: each
    for each in (
        _Foreign("psycopg.Range", "psycopg.types.range.Range", _range_parts, _build_range),
        _Foreign(
            "psycopg.Multirange", "psycopg.types.multirange.Multirange", list, lambda cls, *parts: cls(parts)
        ),
        _Foreign(
            "sqlalchemy.Range",
            "sqlalchemy.dialects.postgresql.ranges.Range",
            lambda v: [v.lower, v.upper, v.bounds[0] == "[", v.bounds[1] == "]", v.empty],
            _build_range,
        ),
        _Foreign("asyncpg.Range", "asyncpg.types.Range", _range_parts, _build_asyncpg_range),
    )
}
_FOREIGN_BY_CLASS = {each.path: each for each in _FOREIGN.values()}


def _zone(name: str) -> dt.tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _read_datetime(text: str, zone: str = "") -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if not zone:
        return moment
    for fold in (0, 1):  # a time can come twice in a day: the offset in the text says which one it is
        local = moment.replace(tzinfo=_zone(zone), fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    raise ValueError(f"{text} is no time in {zone}")


def _read_time(text: str, zone: str = "") -> dt.time:
    moment = dt.time.fromisoformat(text)
    return moment.replace(tzinfo=_zone(zone)) if zone else moment


@cache
def _named_tuple(name: str, *fields: str) -> Any:
    """Return the class for a composite type. A driver makes one in each process."""
    return namedtuple(name, fields)


# Each gets the content of a tag, and what stands beside it.
_DECODERS: dict[str, Callable[..., Any]] = {
    "float": float,
    "bytes": str.encode,
    "base64": lambda v: base64.b64decode(v, validate=True),
    "bytearray": lambda v: bytearray(from_plain(v)),
    "memoryview": lambda v: memoryview(from_plain(v)),
    "decimal": Decimal,
    "datetime": _read_datetime,
    "date": dt.date.fromisoformat,
    "time": _read_time,
    "timedelta": lambda v: dt.timedelta(*v),
    "uuid": uuid.UUID,
    "tuple": lambda v: tuple(from_plain(v)),
    "named": lambda v, **by: _named_tuple(by["class"], *by["fields"])(*from_plain(v)),
    "set": lambda v: set(from_plain(v)),
    "frozenset": lambda v: frozenset(from_plain(v)),
    "dict": lambda v: {from_plain(key): from_plain(item) for key, item in v},
    "ip": lambda v, kind: {cls.__name__: cls for cls in _IPS}[kind](v),
}
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

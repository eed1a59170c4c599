"""Values of databases as plain data that JSON keeps exactly, and back, with their types.

JSON's own values stand as they are. Anything else becomes a mapping with one tag: `{"$decimal": "1.10"}`,
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
from typing import Any

from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

#: What stands for a value that has no plain form: gets the value and its path.
Fallback = Callable[[object, str], Any]


def to_plain(value: object, path: str = "value", *, unknown: Fallback | None = None) -> Any:
    """Gives plain data that `from_plain` turns back into an equal value of the same type.

    Args:
        value: Anything that a database driver takes or gives.
        path: Where the value stands, for the error.
        unknown: Asked for what stands for a value that has no plain form.

    Raises:
        UnstorableOutcomeError: A part has no plain form; `path` names it.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}  # type: ignore[arg-type]
    if kind is list:
        return [to_plain(v, f"{path}[{i}]", unknown=unknown) for i, v in enumerate(value)]  # type: ignore[arg-type,var-annotated]
    if kind is dict:
        return _plain_mapping(value, path, unknown)  # type: ignore[arg-type]
    for base, encode in _ENCODERS:
        if isinstance(value, base):
            return encode(value, path, unknown)
    return _plain_foreign(value, path, unknown)


def from_plain(plain: Any) -> Any:
    """Gives the value that `to_plain` was given.

    Raises:
        CorruptRecordingError: A tag is not one of ours.
    """
    if isinstance(plain, list):
        return [from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if not tag.startswith("$"):
        return {key: from_plain(item) for key, item in plain.items()}
    decode = _DECODERS.get(tag)
    if decode is None:
        raise CorruptRecordingError(f"a recording has a value tagged {tag!r}, which is not known here")
    try:
        return decode(plain[tag], plain)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise CorruptRecordingError(
            f"a recording has a value that is no {tag[1:]}: {plain[tag]!r}"
        ) from error


def plain_bytes(value: bytes) -> dict[str, str]:
    """Gives bytes as readable text where they are that, else in base64."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if all(character.isprintable() or character in "\n\t" for character in text):
        return {"$bytes": text}
    return {"$base64": base64.b64encode(value).decode()}


def _plain_mapping(value: Mapping[Any, Any], path: str, unknown: Fallback | None) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: to_plain(item, f"{path}.{key}", unknown=unknown) for key, item in value.items()}
    pairs = [
        [
            to_plain(key, f"a key of {path}", unknown=unknown),
            to_plain(item, f"{path}[{key!r}]", unknown=unknown),
        ]
        for key, item in value.items()
    ]
    return {"$dict": pairs}


def _plain_items(value: Iterable[Any], path: str, unknown: Fallback | None) -> list[Any]:
    return [to_plain(item, f"{path}[{i}]", unknown=unknown) for i, item in enumerate(value)]


def _plain_set(value: Iterable[Any], path: str, unknown: Fallback | None) -> list[Any]:
    return sorted(_plain_items(value, path, unknown), key=repr)


def _zone_name(zone: dt.tzinfo | None) -> str | None:
    key = getattr(zone, "key", None)
    return key if isinstance(key, str) else None


def _plain_moment(tag: str, value: dt.datetime | dt.time) -> dict[str, Any]:
    name = _zone_name(value.tzinfo)
    if isinstance(value, dt.time) and name is not None:
        return {tag: value.replace(tzinfo=None).isoformat(), "zone": name}
    return {tag: value.isoformat()} if name is None else {tag: value.isoformat(), "zone": name}


_ENCODERS: tuple[tuple[Any, Callable[[Any, str, Fallback | None], Any]], ...] = (
    (str, lambda v, _p, _u: str.__str__(v)),
    (bool, lambda v, _p, _u: bool(v)),
    (int, lambda v, _p, _u: int(v)),
    (float, lambda v, p, u: to_plain(float(v), p, unknown=u)),
    (bytes, lambda v, _p, _u: plain_bytes(v)),
    (bytearray, lambda v, _p, _u: {"$bytearray": plain_bytes(bytes(v))}),
    (memoryview, lambda v, _p, _u: {"$memoryview": plain_bytes(v.tobytes())}),
    (Decimal, lambda v, _p, _u: {"$decimal": str(v)}),
    (dt.datetime, lambda v, _p, _u: _plain_moment("$datetime", v)),
    (dt.date, lambda v, _p, _u: {"$date": v.isoformat()}),
    (dt.time, lambda v, _p, _u: _plain_moment("$time", v)),
    (dt.timedelta, lambda v, _p, _u: {"$timedelta": [v.days, v.seconds, v.microseconds]}),
    (uuid.UUID, lambda v, _p, _u: {"$uuid": str(v)}),
    (frozenset, lambda v, p, u: {"$frozenset": _plain_set(v, p, u)}),
    (set, lambda v, p, u: {"$set": _plain_set(v, p, u)}),
    (Mapping, _plain_mapping),
    (list, _plain_items),
    (
        (
            ipaddress.IPv4Address,
            ipaddress.IPv6Address,
            ipaddress.IPv4Network,
            ipaddress.IPv6Network,
            ipaddress.IPv4Interface,
            ipaddress.IPv6Interface,
        ),
        lambda v, _p, _u: {"$ip": str(v), "kind": type(v).__name__},
    ),
)


def _plain_foreign(value: object, path: str, unknown: Fallback | None) -> Any:
    """Types of the drivers, known by name; else a tuple; else the fallback or a refusal."""
    name = _known_name(type(value))
    if name is not None:
        fields = [to_plain(item, path, unknown=unknown) for item in _FOREIGN[name][0](value)]
        return {"$" + name: fields}
    if isinstance(value, tuple):
        items = _plain_items(value, path, unknown)
        names: tuple[str, ...] | None = getattr(value, "_fields", None)
        if names is None:
            return {"$tuple": items}
        return {"$named": items, "class": type(value).__name__, "fields": list(names)}
    if unknown is not None:
        return unknown(value, path)
    kind = type(value)
    raise UnstorableOutcomeError(
        "what a database returned cannot be stored",
        facts=(f"{path}: {kind.__module__}.{kind.__qualname__}", "nothing was recorded"),
        path=path,
    )


def _known_name(kind: type) -> str | None:
    for base in kind.__mro__:
        name = _FOREIGN_BY_CLASS.get(f"{base.__module__}.{base.__qualname__}")
        if name is not None:
            return name
    return None


def _range_parts(value: Any) -> list[Any]:
    return [value.lower, value.upper, value.lower_inc, value.upper_inc, value.isempty]


def _bounds(lower: bool, upper: bool) -> str:
    return ("[" if lower else "(") + ("]" if upper else ")")


def _psycopg_range(lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool) -> Any:
    from psycopg.types.range import Range

    return Range(empty=True) if empty else Range(lower, upper, _bounds(lower_inc, upper_inc))


def _psycopg_multirange(*ranges: Any) -> Any:
    from psycopg.types.multirange import Multirange

    return Multirange(ranges)


def _sqlalchemy_range(lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool) -> Any:
    from sqlalchemy.dialects.postgresql import Range

    bounds: Any = _bounds(lower_inc, upper_inc)
    return Range(empty=True) if empty else Range(lower, upper, bounds=bounds)


def _asyncpg() -> Any:
    """asyncpg's types: it has no annotations that a checker reads."""
    from importlib import import_module

    return import_module("asyncpg.types")


def _asyncpg_range(lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool) -> Any:
    return _asyncpg().Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc, empty=empty)


def _asyncpg_bits(bits: str) -> Any:
    return _asyncpg().BitString(bits)


def _asyncpg_path(is_closed: bool, *points: Any) -> Any:
    return _asyncpg().Path(*points, is_closed=is_closed)


def _asyncpg_shape(name: str) -> Callable[..., Any]:
    def build(*parts: Any) -> Any:
        return getattr(_asyncpg(), name)(*parts)

    return build


#: Tag -> (value -> its parts, parts -> the value). The drivers are imported only where such a value is read.
_FOREIGN: dict[str, tuple[Callable[[Any], Iterable[Any]], Callable[..., Any]]] = {
    "psycopg.Range": (_range_parts, _psycopg_range),
    "psycopg.Multirange": (list, _psycopg_multirange),
    "sqlalchemy.Range": (
        lambda v: [v.lower, v.upper, v.bounds[0] == "[", v.bounds[1] == "]", v.empty],
        _sqlalchemy_range,
    ),
    "asyncpg.Range": (_range_parts, _asyncpg_range),
    "asyncpg.BitString": (lambda v: [v.as_string()], _asyncpg_bits),
    **{
        f"asyncpg.{name}": (tuple, _asyncpg_shape(name))
        for name in ("Point", "Line", "LineSegment", "Box", "Polygon")
    },
    "asyncpg.Path": (lambda v: [v.is_closed, *v], _asyncpg_path),
    "asyncpg.Circle": (lambda v: [v.center, v.radius], _asyncpg_shape("Circle")),
}

_FOREIGN_BY_CLASS = {
    "psycopg.types.range.Range": "psycopg.Range",
    "psycopg.types.multirange.Multirange": "psycopg.Multirange",
    "sqlalchemy.dialects.postgresql.ranges.Range": "sqlalchemy.Range",
    "asyncpg.types.Range": "asyncpg.Range",
    **{
        f"asyncpg.pgproto.types.{name}": f"asyncpg.{name}"
        for name in ("BitString", "Point", "Line", "LineSegment", "Box", "Path", "Polygon", "Circle")
    },
}


def _read_zone(text: str, zone: str) -> dt.datetime:
    """A moment in a named zone: the offset in the text tells which of two equal wall times it is."""
    from zoneinfo import ZoneInfo

    moment = dt.datetime.fromisoformat(text)
    for fold in (0, 1):
        local = moment.replace(tzinfo=ZoneInfo(zone), fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    raise ValueError(f"{text} is no time in {zone}")


def _read_datetime(text: str, plain: dict[str, Any]) -> dt.datetime:
    if "zone" in plain:
        return _read_zone(text, plain["zone"])
    return dt.datetime.fromisoformat(text)


def _read_time(text: str, plain: dict[str, Any]) -> dt.time:
    moment = dt.time.fromisoformat(text)
    if "zone" not in plain:
        return moment
    from zoneinfo import ZoneInfo

    return moment.replace(tzinfo=ZoneInfo(plain["zone"]))


@cache
def _named_tuple(name: str, *fields: str) -> Any:
    return namedtuple(name, fields)


def _read_named(items: list[Any], plain: dict[str, Any]) -> Any:
    """A named tuple, as drivers make of a composite type; its class is made anew by them, too."""
    return _named_tuple(plain["class"], *plain["fields"])(*from_plain(items))


def _read_ip(text: str, plain: dict[str, Any]) -> Any:
    kind = plain["kind"]
    if not kind.startswith(("IPv4", "IPv6")):
        raise ValueError(kind)
    return getattr(ipaddress, kind)(text)


_DECODERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "$float": lambda v, _: float(v),
    "$bytes": lambda v, _: v.encode(),
    "$base64": lambda v, _: base64.b64decode(v, validate=True),
    "$bytearray": lambda v, _: bytearray(from_plain(v)),
    "$memoryview": lambda v, _: memoryview(from_plain(v)),
    "$decimal": lambda v, _: Decimal(v),
    "$datetime": _read_datetime,
    "$date": lambda v, _: dt.date.fromisoformat(v),
    "$time": _read_time,
    "$timedelta": lambda v, _: dt.timedelta(*v),
    "$uuid": lambda v, _: uuid.UUID(v),
    "$tuple": lambda v, _: tuple(from_plain(v)),
    "$named": _read_named,
    "$set": lambda v, _: set(from_plain(v)),
    "$frozenset": lambda v, _: frozenset(from_plain(v)),
    "$dict": lambda v, _: {from_plain(key): from_plain(item) for key, item in v},
    "$ip": _read_ip,
}


def _foreign_decoder(build: Callable[..., Any]) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda parts, _: build(*from_plain(parts))


_DECODERS.update({f"${name}": _foreign_decoder(build) for name, (_, build) in _FOREIGN.items()})


def blank(value: object, placeholder: str) -> Any:
    """Gives what stands for a secret value: of its type, so that whoever reads it is not confused.

    Text and bytes become the placeholder, other values the zero of their type; None stays None, and
    containers keep their shape.
    """
    if value is None:
        return None
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


_ZEROES: tuple[tuple[type, object], ...] = (
    (bool, False),
    (int, 0),
    (float, 0.0),
    (Decimal, Decimal(0)),
    (uuid.UUID, uuid.UUID(int=0)),
    (dt.timedelta, dt.timedelta(0)),
    (dt.date, dt.date(1970, 1, 1)),
)

"""Tags of values without parts: numbers, moments, bytes, patterns, paths."""

from __future__ import annotations

import base64
import datetime as dt
import pathlib
import re
import uuid
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from functools import partial
from typing import Any
from unicodedata import category

from pytest_mimic._core.outcome.placed_paths import KINDS, TEXT, kind_of
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    Reading,
    Tag,
    Writing,
    only_keys,
    typed,
)

# Longer bytes are stored as an object of the vault: a text, and other bytes.
_LONG_TEXT, _LONG = 65_536, 1024
# Longer integers are refused by `json`, which limits the time of a conversion.
MOST_BITS = 13_000
_SPACES = {9: None, 10: None, 13: None}


def _tag(name: str, to_json: Callable[[Any], Any], from_json: Callable[[Any], Any], *types: type) -> Tag:
    """Return the tag of a type whose values have one part in JSON, which is of one of the types."""
    key = f"${name}"

    def write(value: Any, node: Node, _: Writing) -> None:
        node[key] = to_json(value)

    def read(node: Node, _: Reading, _anchor: int | None) -> Any:
        if len(node) > 1:
            only_keys(node)
        part = node[key]
        return from_json(part if type(part) in types else typed(part, *types))

    return Tag(name, write, read, is_fixed=True)


# Numbers


def _float_from_json(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(f"{text!r:.60} is no float that JSON lacks")
    return float(text)


def _write_complex(value: complex, node: Node, writer: Writing) -> None:
    node["$complex"] = [writer.write(value.real), writer.write(value.imag)]


def _read_complex(node: Node, reader: Reading, _anchor: int | None) -> complex:
    only_keys(node)
    real, imaginary = typed(node["$complex"], list)
    return complex(typed(reader.read(real), float, int), typed(reader.read(imaginary), float, int))


# In the test's own context, a text may be written in another way, and a wrong one may be read as NaN.
_CONTEXT = Context(capitals=1, traps=[InvalidOperation])


def _decimal_to_json(value: Decimal) -> str:
    text = _CONTEXT.to_sci_string(value)
    if _decimal_from_json(text).as_tuple() != value.as_tuple():
        raise NotTaggableError("a Decimal whose text is not exact")
    return text


def _decimal_from_json(text: str) -> Decimal:
    return Decimal(text, _CONTEXT)


def _fraction_to_json(value: Fraction) -> list[int]:
    return _whole(value.numerator, value.denominator)


def _whole(*numbers: Any) -> list[int]:
    """Return numbers that `json` writes. NotTaggableError: one is of another type, or has thousands of digits."""
    if any(type(number) is not int or number.bit_length() >= MOST_BITS for number in numbers):
        raise NotTaggableError("a number that is no plain one")
    return list(numbers)


def _fraction_from_json(parts: list[int]) -> Fraction:
    numerator, denominator = (typed(part, int) for part in parts)
    return Fraction(numerator, denominator)


# Moments

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(\.\d{6})?([+-]\d\d:\d\d(:\d\d(\.\d{6})?)?)?", re.ASCII
)


def _moment(name: str, type_: Any) -> Tag:
    """Return the tag of a type of moments, whose zone is a part of its own unless it is an offset."""
    key = f"${name}"

    def write(value: Any, node: Node, writer: Writing) -> None:
        zone = value.tzinfo
        is_offset = type(zone) is dt.timezone and repr(zone) == repr(dt.timezone(zone.utcoffset(None)))
        node[key] = (value if zone is None or is_offset else value.replace(tzinfo=None)).isoformat()
        if zone is not None and not is_offset:
            node["zone"] = writer.write(zone)
        if value.fold:
            node["fold"] = 1

    def read(node: Node, reader: Reading, _anchor: int | None) -> Any:
        text = typed(node[key], str)
        if _MOMENT.fullmatch(text) is None:  # some Pythons read other forms as well
            raise ValueError(f"{text!r:.60} is no {name}")
        moment = type_.fromisoformat(text)
        if len(node) == 1:
            return moment
        only_keys(node, "zone", "fold")
        if "zone" in node:
            zone = reader.read(node["zone"])
            if not issubclass(type(zone), dt.tzinfo):
                raise ValueError("no time zone")
            moment = moment.replace(tzinfo=zone)
        return moment.replace(fold=typed(node["fold"], int)) if "fold" in node else moment

    return Tag(name, write, read, is_fixed=True)


def _write_timezone(value: dt.timezone, node: Node, writer: Writing) -> None:
    offset = value.utcoffset(None)
    node["$timezone"] = writer.write(offset)
    if repr(value) != repr(dt.timezone(offset)):
        node["name"] = value.tzname(None)


def _read_timezone(node: Node, reader: Reading, _anchor: int | None) -> dt.timezone:
    only_keys(node, "name")
    offset = typed(reader.read(node["$timezone"]), dt.timedelta)
    return dt.timezone(offset, typed(node["name"], str)) if "name" in node else dt.timezone(offset)


_UNITS = ("days", "seconds", "microseconds")


def _timedelta_from_json(parts: dict[str, int]) -> dt.timedelta:
    if not parts.keys() <= set(_UNITS):
        raise ValueError(f"a timedelta has {', '.join(_UNITS)}")
    return dt.timedelta(**{unit: typed(part, int) for unit, part in parts.items()})


# Bytes


def _write_bytes(value: bytes, node: Node, writer: Writing) -> None:
    """Write bytes as a text, several lines as a list, if they are one; long ones as an object; others in base64."""
    try:
        text = value.decode() if len(value) <= _LONG_TEXT else "\0"
    except UnicodeDecodeError:
        text = "\0"
    if _is_printable(text.translate(_SPACES)):
        lines = text.splitlines(keepends=True)
        node["$bytes"] = lines if len(lines) > 1 else text
    elif len(value) > _LONG:
        node["$object"] = writer.object_of(value)
        node["size"] = len(value)
    else:
        node["$base64"] = base64.b64encode(value).decode()


def _is_printable(text: str) -> bool:
    # Older Pythons do not know newer characters. The recording must be the same.
    return text.isprintable() or all(char.isprintable() or category(char) == "Cn" for char in text)


def _read_text_bytes(node: Node, _reader: Reading, _anchor: int | None) -> bytes:
    only_keys(node)
    text = typed(node["$bytes"], str, list)
    return "".join(typed(line, str) for line in text).encode()


def _read_object(node: Node, reader: Reading, _anchor: int | None) -> bytes:
    only_keys(node, "size")
    content = reader.content(typed(node["$object"], str))
    if len(content) != node.get("size", len(content)):
        raise ValueError(f"{node['$object']} has {len(content)} bytes, not {node['size']!r:.60}")
    return content


def _write_bytearray(value: bytearray, node: Node, writer: Writing) -> None:
    node["$bytearray"] = writer.write(bytes(value))


def _read_bytearray(node: Node, reader: Reading, _anchor: int | None) -> bytearray:
    only_keys(node)
    return bytearray(typed(reader.read(node["$bytearray"]), bytes))


# Patterns

# Not DEBUG, which prints something each time that the pattern is made.
_FLAGS = ("ASCII", "DOTALL", "IGNORECASE", "LOCALE", "MULTILINE", "VERBOSE")


def _write_pattern(value: re.Pattern[Any], node: Node, writer: Writing) -> None:
    node["$regex"] = writer.write(value.pattern)
    flags = [name for name in _FLAGS if value.flags & getattr(re, name)]
    if flags:
        node["flags"] = flags
    if _pattern(value.pattern, flags) != value:
        raise NotTaggableError("a pattern with other flags")


def _read_pattern(node: Node, reader: Reading, _anchor: int | None) -> re.Pattern[Any]:
    only_keys(node, "flags")
    flags = typed(node.get("flags", []), list)
    if not set(flags) <= set(_FLAGS):
        raise ValueError(f"a pattern has the flags {', '.join(_FLAGS)}")
    try:
        return _pattern(typed(reader.read(node["$regex"]), str, bytes), flags)
    except re.error as reason:
        raise ValueError(str(reason)) from None


def _pattern(pattern: Any, flags: list[str]) -> re.Pattern[Any]:
    number = 0
    for name in flags:
        number |= int(getattr(re, name))
    return re.compile(pattern, number)


# Others


def _write_uuid(value: uuid.UUID, node: Node, _: Writing) -> None:
    if value.is_safe is not uuid.SafeUUID.unknown:
        node["$uuid"], node["is_safe"] = str(value), value.is_safe.name
    else:
        node["$uuid"] = str(value)


def _read_uuid(node: Node, _reader: Reading, _anchor: int | None) -> uuid.UUID:
    only_keys(node, "is_safe")
    text = typed(node["$uuid"], str)
    made = uuid.UUID(text, is_safe=uuid.SafeUUID[typed(node.get("is_safe", "unknown"), str)])
    if str(made) != text:
        raise ValueError(f"{text!r:.60} is no UUID")
    return made


def _range_from_json(parts: list[int]) -> range:
    start, stop, step = (typed(part, int) for part in parts)
    return range(start, stop, step)


def _write_zone(value: Any, node: Node, _: Writing) -> None:
    import zoneinfo

    # One made from a file has perhaps another zone under the key.
    if value.key is None or zoneinfo.ZoneInfo(value.key) is not value:
        raise NotTaggableError("a zone that is not its key's")
    node["$zoneinfo"] = value.key


def _read_zone(node: Node, _reader: Reading, _anchor: int | None) -> dt.tzinfo:
    import zoneinfo

    only_keys(node)
    key = typed(node["$zoneinfo"], str)
    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):  # OSError: the key names a folder of zones
        raise OutdatedClassError(f"there is no time zone {key!r:.60} on this machine") from None


def _write_path(value: Any, node: Node, writer: Writing) -> None:
    where = writer.paths.stored_path(value)
    node[f"${kind_of(value)}"] = where if isinstance(where, str) else list(where)


def _write_string(value: str, node: Node, writer: Writing) -> None:
    where = writer.paths.stored_text(value)
    node[f"${TEXT}"] = list(where) if where is not None else value


def _read_place(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node)
    [(key, where)] = node.items()
    if type(where) is list and len(where) == 2 and all(type(part) is str for part in where):
        return reader.paths.restored(key[1:], (where[0], where[1]))
    if type(where) is str:
        return reader.paths.restored(key[1:], where)
    raise ValueError(f"{key} must be a text, or a folder and the rest of a path")


STRING = Tag(TEXT, _write_string, _read_place)
ZONE = Tag("zoneinfo", _write_zone, _read_zone)
# Bytes have one of three tags.
BYTES = Tag("bytes", _write_bytes, _read_text_bytes, is_fixed=True)
_BASE64 = _tag("base64", lambda value: value, partial(base64.b64decode, validate=True), str)
_OBJECT = Tag("object", _write_bytes, _read_object, is_fixed=True)
PATHS: dict[type, Tag] = {
    getattr(pathlib, kind): Tag(name, _write_path, _read_place) for kind, name in KINDS.items()
}
#: Tags that no type leads to.
OTHERS = (STRING, ZONE, _BASE64, _OBJECT)

SCALARS: dict[type, Tag] = {
    int: _tag("int", hex, partial(int, base=16), str),
    float: _tag("float", repr, _float_from_json, str),
    complex: Tag("complex", _write_complex, _read_complex, is_fixed=True),
    Decimal: _tag("decimal", _decimal_to_json, _decimal_from_json, str),
    Fraction: _tag("fraction", _fraction_to_json, _fraction_from_json, list),
    range: _tag("range", lambda value: _whole(value.start, value.stop, value.step), _range_from_json, list),
    bytes: BYTES,
    bytearray: Tag("bytearray", _write_bytearray, _read_bytearray, is_shared=True),
    dt.date: _tag("date", dt.date.isoformat, dt.date.fromisoformat, str),
    dt.datetime: _moment("datetime", dt.datetime),
    dt.time: _moment("time", dt.time),
    dt.timedelta: _tag(
        "timedelta",
        lambda value: {unit: part for unit in _UNITS if (part := getattr(value, unit))},
        _timedelta_from_json,
        dict,
    ),
    dt.timezone: Tag("timezone", _write_timezone, _read_timezone, is_fixed=True),
    re.Pattern: Tag("regex", _write_pattern, _read_pattern, is_fixed=True),
    uuid.UUID: Tag("uuid", _write_uuid, _read_uuid, is_fixed=True),
}

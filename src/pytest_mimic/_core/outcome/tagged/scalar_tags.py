"""Tags of values without parts: numbers, moments, bytes, patterns, paths."""

from __future__ import annotations

import base64
import datetime as dt
import pathlib
import re
import uuid
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any
from unicodedata import category

from pytest_mimic._core.outcome.placed_paths import KINDS, TEXT, kind_of
from pytest_mimic._core.outcome.tagged.nodes import (
    MOST_BITS,
    Node,
    NotTaggableError,
    OutdatedClassError,
    Tag,
    simple,
    typed,
)

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.outcome.tagged.writer import Writer

# Longer bytes are stored as an object of the vault: a text, and other bytes.
_LONG_TEXT, _LONG = 65_536, 1024
_SPACES = {9: None, 10: None, 13: None}


# Numbers


def _float_from_json(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(text)
    return float(text)


def _write_complex(value: complex, node: Node, writer: Writer) -> None:
    node["$complex"] = [writer.write(value.real), writer.write(value.imag)]


def _read_complex(parts: list[Any], _node: Node, reader: Reader, _anchor: int | None) -> complex:
    real, imaginary = (typed(reader.read(part), float, int) for part in parts)
    return complex(real, imaginary)


def _of_numbers(name: str, type_: Any, *attributes: str) -> Tag:
    """Return the tag of a type that is made of as many integers, which it has as attributes."""

    def to_json(value: object) -> list[int]:
        numbers = [int(getattr(value, attribute)) for attribute in attributes]
        if any(number.bit_length() >= MOST_BITS for number in numbers):
            raise NotTaggableError("a number that is too long")
        return numbers

    def from_json(parts: list[Any]) -> object:
        if len(parts) != len(attributes):
            raise ValueError(parts)
        return type_(*(typed(part, int) for part in parts))

    return simple(name, to_json, from_json, list)


# Moments

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(\.\d{6})?([+-]\d\d:\d\d(:\d\d(\.\d{6})?)?)?", re.ASCII
)


def _moment(type_: Any) -> Tag:
    """Return the tag of a type of moments, whose zone is a part of its own unless it is an offset."""
    name = type_.__name__

    def write(value: Any, node: Node, writer: Writer) -> None:
        zone = value.tzinfo
        is_offset = type(zone) is dt.timezone
        node[f"${name}"] = (value if zone is None or is_offset else value.replace(tzinfo=None)).isoformat()
        if zone is not None and not is_offset:
            node["zone"] = writer.write(zone)
        if value.fold:
            node["fold"] = 1

    def read(text: str, node: Node, reader: Reader, _anchor: int | None) -> Any:
        if _MOMENT.fullmatch(text) is None:  # some Pythons read other forms as well
            raise ValueError(text)
        moment = type_.fromisoformat(text)
        if "zone" in node:
            moment = moment.replace(tzinfo=reader.read(node["zone"]))
        return moment.replace(fold=typed(node["fold"], int)) if "fold" in node else moment

    return Tag(name, write, read, (str,), ("zone", "fold"))


def _write_timezone(value: dt.timezone, node: Node, writer: Writer) -> None:
    node["$timezone"] = writer.write(value.utcoffset(None))


def _read_timezone(part: object, _node: Node, reader: Reader, _anchor: int | None) -> dt.timezone:
    return dt.timezone(reader.read(part))


_UNITS = ("days", "seconds", "microseconds")


def _timedelta_to_json(value: dt.timedelta) -> dict[str, int]:
    return {unit: part for unit in _UNITS if (part := getattr(value, unit))}


def _timedelta_from_json(parts: dict[str, int]) -> dt.timedelta:
    return dt.timedelta(**{unit: typed(part, int) for unit, part in parts.items()})


def _write_zone(value: Any, node: Node, _: Writer) -> None:
    node["$zoneinfo"] = value.key


def _read_zone(key: str, _node: Node, _reader: Reader, _anchor: int | None) -> dt.tzinfo:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):  # OSError: the key names a folder of zones
        raise OutdatedClassError(f"there is no time zone {key!r:.60} on this machine") from None


# Bytes


def _write_bytes(value: bytes, node: Node, writer: Writer) -> None:
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


def _read_text_bytes(text: Any, *_: object) -> bytes:
    return "".join(typed(line, str) for line in text).encode()


def _read_object(name: str, node: Node, reader: Reader, _anchor: int | None) -> bytes:
    content = reader.content(name)
    if len(content) != node.get("size", len(content)):
        raise ValueError(name)
    return content


def _write_bytearray(value: bytearray, node: Node, writer: Writer) -> None:
    node["$bytearray"] = writer.write(bytes(value))


def _read_bytearray(part: object, _node: Node, reader: Reader, _anchor: int | None) -> bytearray:
    return bytearray(typed(reader.read(part), bytes))


# Patterns

# Not DEBUG, which prints something each time that the pattern is made.
_FLAGS = ("ASCII", "DOTALL", "IGNORECASE", "LOCALE", "MULTILINE", "VERBOSE")


def _write_pattern(value: re.Pattern[Any], node: Node, writer: Writer) -> None:
    node["$regex"] = writer.write(value.pattern)
    flags = [name for name in _FLAGS if value.flags & getattr(re, name)]
    if flags:
        node["flags"] = flags
    if _pattern(value.pattern, flags) != value:
        raise NotTaggableError("a pattern with other flags")


def _read_pattern(part: object, node: Node, reader: Reader, _anchor: int | None) -> re.Pattern[Any]:
    flags = node.get("flags", [])
    if not set(flags) <= set(_FLAGS):
        raise ValueError(flags)
    try:
        return _pattern(typed(reader.read(part), str, bytes), flags)
    except re.error as reason:
        raise ValueError(part) from reason


def _pattern(pattern: Any, flags: list[str]) -> re.Pattern[Any]:
    return re.compile(pattern, sum(int(getattr(re, name)) for name in {*flags}))


# Others


def _write_path(value: object, node: Node, writer: Writer) -> None:
    where = writer.paths.stored_path(value)
    node[f"${kind_of(value)}"] = where if isinstance(where, str) else list(where)


def _write_string(value: str, node: Node, writer: Writer) -> None:
    where = writer.paths.stored_text(value)
    node[f"${TEXT}"] = list(where) if where is not None else value


def _read_place(where: Any, node: Node, reader: Reader, _anchor: int | None) -> object:
    [key] = node
    if type(where) is str:
        return reader.paths.restored(key[1:], where)
    token, rest = (typed(part, str) for part in where)
    return reader.paths.restored(key[1:], (token, rest))


PATHS: dict[type, Tag] = {
    getattr(pathlib, kind): Tag(name, _write_path, _read_place, (str, list)) for kind, name in KINDS.items()
}
#: Tags that no type leads to by itself. Bytes have one of three tags.
OTHERS = (
    Tag(TEXT, _write_string, _read_place, (str, list)),
    Tag("zoneinfo", _write_zone, _read_zone, (str,)),
    simple("base64", lambda value: value, partial(base64.b64decode, validate=True), str),
    Tag("object", _write_bytes, _read_object, (str,), ("size",)),
)
# What stands for bytes or a timedelta is such a value already where the parser has made it.
_BYTES_OR_NODE = (dict, bytes)
SCALARS: dict[type, Tag] = {
    int: simple("int", hex, partial(int, base=16), str),
    float: simple("float", repr, _float_from_json, str),
    complex: Tag("complex", _write_complex, _read_complex),
    Decimal: simple("decimal", str, Decimal, str),
    Fraction: _of_numbers("fraction", Fraction, "numerator", "denominator"),
    range: _of_numbers("range", range, "start", "stop", "step"),
    bytes: Tag("bytes", _write_bytes, _read_text_bytes, (str, list)),
    bytearray: Tag("bytearray", _write_bytearray, _read_bytearray, _BYTES_OR_NODE, is_shared=True),
    dt.date: simple("date", dt.date.isoformat, dt.date.fromisoformat, str),
    dt.datetime: _moment(dt.datetime),
    dt.time: _moment(dt.time),
    dt.timedelta: simple("timedelta", _timedelta_to_json, _timedelta_from_json, dict),
    dt.timezone: Tag("timezone", _write_timezone, _read_timezone, (dict, dt.timedelta)),
    re.Pattern: Tag("regex", _write_pattern, _read_pattern, (str, *_BYTES_OR_NODE), ("flags",)),
    uuid.UUID: simple("uuid", str, uuid.UUID, str),
}

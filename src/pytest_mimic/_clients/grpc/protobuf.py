"""A message of Protocol Buffers ⇄ plain data that people can read, exactly; of other bytes a text, or base64.

Fields have their names in the `.proto` file. Well-known types (timestamps, durations, `Struct`, `Any`, …) are written as
`google.protobuf.json_format` writes them. A stored message is `{"json": …}`, `{"text": …}` or `{"base64": …}`.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from importlib import import_module
from json import loads
from typing import Any, NamedTuple

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

Stored = dict[str, Any]
Serialize = Callable[[Any], bytes] | None
Deserialize = Callable[[bytes], Any] | None

_JSON = "google.protobuf.json_format"
# Types with a form of their own in JSON.
_WELL_KNOWN = frozenset(
    "Any Duration FieldMask ListValue Struct Timestamp Value BoolValue BytesValue DoubleValue FloatValue "
    "StringValue Int32Value Int64Value UInt32Value UInt64Value".split()
)
# Numbers of types in descriptors (google/protobuf/descriptor.proto).
_FLOAT, _GROUP, _MESSAGE, _BYTES, _ENUM = 2, 10, 11, 12, 14
# A time as `FromJsonString` writes it.
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_EPOCH, _SECOND = datetime(1970, 1, 1), timedelta(seconds=1)
_LAYOUT = dict.fromkeys(map(ord, "\t\r\n"))


def store_request(request: Any, serialize: Serialize) -> Stored:
    """Return a message that a client is about to send. `serialize` is its method's."""
    found = _exactly(_message_of, request)
    return found or _store_bytes(request if serialize is None else serialize(request))


def store_answer(data: bytes, deserialize: Deserialize) -> Stored:
    """Return a message as it was received. `deserialize` is its method's."""
    kind, _ = _class_read_by(deserialize)
    found = kind and _exactly(kind.FromString, data)
    return found or _store_bytes(data)


def load_answer(stored: Mapping[str, Any], deserialize: Deserialize) -> Any:
    """Return a stored message as a client gives it."""
    if "json" in stored:
        kind, is_wrapped = _class_read_by(deserialize)
        message = _read(kind, stored["json"])
        if not is_wrapped:
            return message
        data = message.SerializeToString()
    else:
        data = load_bytes(stored.get("text", stored))
    return data if deserialize is None else deserialize(data)


def plain_of(stored: Mapping[str, Any]) -> Any:
    """Return what a stored message says, to be compared and shown."""
    return stored["json"] if "json" in stored else stored.get("text", dict(stored))


def _exactly(message_of: Callable[[Any], Any], value: Any) -> Stored | None:
    """Return a message as plain data, or None if it cannot be made again from that: it has unknown fields, for example."""
    try:
        message = message_of(value)
        plain = _write(message)
        again = _read(type(message), plain)
        is_same = again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    except Exception:  # it is no message, or has an `Any` whose type is not known, for example
        return None
    return {"json": plain} if is_same else None


def _message_of(value: Any) -> Any:
    """Return the message that a value is, or that it wraps as those of proto-plus do. Others raise an `AttributeError`."""
    return value if hasattr(value, "ListFields") else type(value).pb(value)


@lru_cache(2048)
def _class_read_by(deserialize: Any) -> tuple[Any, bool]:
    """Return the class of the messages that a method receives, and whether it wraps them; None for other things."""
    try:
        empty = deserialize(b"")
        message = _message_of(empty)
    except Exception:  # it reads no messages
        return None, False
    return type(message), message is not empty


def _write(message: Any) -> Any:
    if _is_well_known(message.DESCRIPTOR):
        return loads(
            import_module(_JSON).MessageToJson(message, preserving_proto_field_name=True, sort_keys=True)
        )
    codecs = _codecs(message.DESCRIPTOR)
    return {field.name: codecs[field.name].write(value) for field, value in message.ListFields()}


def _read(kind: Any, plain: Any) -> Any:
    if not _is_well_known(kind.DESCRIPTOR):
        return kind(**_given(kind.DESCRIPTOR, plain))
    message = kind()
    if plain == PLACEHOLDER and "String" not in kind.__name__:
        return message  # a secret time, for example, is none
    if hasattr(message, "FromJsonString"):  # of a time it is much faster
        message.FromJsonString(plain)
        return message
    return import_module(_JSON).ParseDict(plain, message)


def _read_time(kind: Any, plain: str) -> Any:
    """Return what a `Timestamp` is made of. `FromJsonString`, which takes five times as long, reads what it does not write."""
    found: Any = _TIME.fullmatch(plain)
    try:
        passed = datetime.fromisoformat(found[1]) - _EPOCH
    except (TypeError, ValueError):
        return _read(kind, plain)
    return {"seconds": passed // _SECOND, "nanos": int((found[2] or "").ljust(9, "0"))}


def _given(descriptor: Any, plain: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a message as its class takes them. It makes messages in them of mappings, which is much faster."""
    readers = _readers(descriptor)
    return {**plain, **{name: readers[name](plain[name]) for name in readers.keys() & plain.keys()}}


@lru_cache(2048)
def _is_well_known(descriptor: Any) -> bool:
    return descriptor.name in _WELL_KNOWN and descriptor.full_name == f"google.protobuf.{descriptor.name}"


class _Codec(NamedTuple):
    """How the value of a field is written, and read if that changes it."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


@lru_cache(2048)
def _codecs(descriptor: Any) -> dict[str, _Codec]:
    return {field.name: _codec(field) for field in descriptor.fields}


@lru_cache(2048)
def _readers(descriptor: Any) -> dict[str, Callable[[Any], Any]]:
    return {name: codec.read for name, codec in _codecs(descriptor).items() if codec.read is not _same}


def _codec(field: Any) -> _Codec:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        write, read = _codec(entry.fields_by_name["value"])
        kind = entry.fields_by_name["key"].cpp_type
        read_key: Callable[[str], Any] = int
        if kind in (field.CPPTYPE_STRING, field.CPPTYPE_BOOL):
            read_key = str if kind == field.CPPTYPE_STRING else "True".__eq__
        return _Codec(
            lambda found: {str(key): write(found[key]) for key in sorted(found)},
            lambda plain: {read_key(key): read(value) for key, value in plain.items()},
        )
    write, read = _of_one(field)
    # protobuf 5 and older have no `is_repeated`.
    if field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED:
        return _Codec(partial(_each, write), _same if read is _same else partial(_each, read))
    return _Codec(write, read)


def _of_one(field: Any) -> _Codec:
    """Return the codec of one value of a field."""
    if field.type in (_MESSAGE, _GROUP):
        inner = field.message_type
        is_in_map = field.containing_type.GetOptions().map_entry
        if is_in_map or _is_well_known(inner):
            is_time = inner.name == "Timestamp" and not is_in_map
            return _Codec(_write, partial(_read_time if is_time else _read, inner._concrete_class))
        is_plain = all(one.type not in (_GROUP, _MESSAGE, _BYTES, _ENUM) for one in inner.fields)
        return _Codec(_write, _same if is_plain else partial(_given, inner))
    if field.type == _ENUM:
        numbers = {value.name: value.number for value in field.enum_type.values}
        names = {number: name for name, number in reversed(numbers.items())}
        numbers[PLACEHOLDER] = min(names, key=abs)
        return _Codec(lambda number: names.get(number, number), lambda name: numbers.get(name, name))
    if field.type == _BYTES:
        return _Codec(_bytes_value, load_bytes)
    return _Codec(_shortest if field.type == _FLOAT else _same, _same)


def _same(value: Any) -> Any:
    return value


def _each(convert: Callable[[Any], Any], values: Any) -> list[Any]:
    return list(map(convert, values))


def _shortest(number: float) -> float:
    """Return the shortest number that is the same one in 32 bits."""
    shorter = (float(f"{number:.{digits}g}") for digits in range(6, 9))
    return next((each for each in shorter if struct.pack("f", each) == struct.pack("f", number)), number)


def _bytes_value(data: bytes) -> Any:
    """Return bytes as a text if they are one, so that people can read it and secrets are found in it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return text if text.translate(_LAYOUT).isprintable() else {"base64": base64.b64encode(data).decode()}


def _store_bytes(data: bytes) -> Stored:
    value = _bytes_value(data)
    return {"text": value} if isinstance(value, str) else value


def load_bytes(value: Any) -> bytes:
    text: str = value if isinstance(value, str) else value["base64"]
    return text.encode() if text is value or text == PLACEHOLDER else base64.b64decode(text)

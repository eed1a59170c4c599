"""A message of Protocol Buffers ⇄ plain data, as `google.protobuf.json_format` writes it; of other bytes a text, or base64.

A message is `{"json": …}` only if the same bytes can be made of it again. Otherwise it is `{"text": …}` or `{"base64": …}`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

Stored = dict[str, Any]
Serialize = Callable[[Any], bytes] | None
Deserialize = Callable[[bytes], Any] | None

# The number of bytes fields in descriptors (google/protobuf/descriptor.proto).
_BYTES = 12
_LAYOUT = dict.fromkeys(map(ord, "\t\r\n"))


def store_request(request: Any, serialize: Serialize) -> Stored:
    """Return a message that a client is about to send. `serialize` is its method's."""
    found = _exactly(_message_of, request)
    return found or _store_bytes(request if serialize is None else serialize(request))


def store_answer(data: bytes, deserialize: Deserialize) -> Stored:
    """Return a message as it was received. `deserialize` is its method's."""
    kind, _ = _class_read_by(deserialize)
    return (kind and _exactly(kind.FromString, data)) or _store_bytes(data)


def load_answer(stored: Mapping[str, Any], deserialize: Deserialize) -> Any:
    """Return a stored message as a client gives it."""
    if "json" in stored:
        kind, is_wrapped = _class_read_by(deserialize)
        message = _read(kind, stored["json"])
        if not is_wrapped:
            return message
        data = message.SerializeToString()
    elif "text" in stored:
        data = stored["text"].encode()
    else:
        data = load_base64(stored["base64"])
    return data if deserialize is None else deserialize(data)


def load_base64(text: str) -> bytes:
    """Return the bytes of a text in base64; of a hidden value, the placeholder."""
    return text.encode() if text == PLACEHOLDER else base64.b64decode(text)


def plain_of(stored: Mapping[str, Any]) -> Any:
    """Return what a stored message says, to be compared and shown."""
    return stored["json"] if "json" in stored else stored.get("text", dict(stored))


def _exactly(message_of: Callable[[Any], Any], value: Any) -> Stored | None:
    """Return a message as plain data, or None if it cannot be made again from that: it has unknown fields, for example."""
    try:
        message = message_of(value)
        plain = import_module("google.protobuf.json_format").MessageToDict(
            message, preserving_proto_field_name=True
        )
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


def _read(kind: Any, plain: Any) -> Any:
    return import_module("google.protobuf.json_format").ParseDict(_loadable(kind.DESCRIPTOR, plain), kind())


def _loadable(descriptor: Any, plain: Any) -> Any:
    """Return plain data in which each placeholder is what its field takes: bytes as base64, a number or a time as none."""
    if descriptor is None or not isinstance(plain, dict):
        return plain
    found = {}
    for name, value in plain.items():
        field = descriptor.fields_by_name.get(name)
        if value != PLACEHOLDER or field is None or field.cpp_type == field.CPPTYPE_STRING:
            if isinstance(value, list) and field is not None:
                value = [_loadable(field.message_type, one) for one in value]
            found[name] = value if field is None else _loadable(field.message_type, value)
        if value == PLACEHOLDER and field is not None and field.type == _BYTES:
            found[name] = base64.b64encode(PLACEHOLDER.encode()).decode()
    return found


def _store_bytes(data: bytes) -> Stored:
    """Return bytes as a text if they are one, so that people can read it and secrets are found in it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.translate(_LAYOUT).isprintable():
        return {"text": text}
    return {"base64": base64.b64encode(data).decode()}

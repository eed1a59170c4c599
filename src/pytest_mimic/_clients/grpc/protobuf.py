"""Messages of Protocol Buffers as plain data, and back: their JSON where it gives the same bytes again, else the bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from pytest_mimic._clients.http.message import as_base64, as_text, load_bytes
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic.errors import UnstorableOutcomeError

# The number of bytes fields in descriptors (google/protobuf/descriptor.proto).
_BYTES = 12


def store_message(value: Any, serialize: Callable[[Any], bytes] | None = None) -> dict[str, Any]:
    """Return a message as plain data. `serialize` makes bytes of what is no message of Protocol Buffers.

    Raises:
        UnstorableOutcomeError: It is none, and nothing makes bytes of it.
    """
    if (message := _message_of(value)) is not None:
        if (plain := _exactly(message)) is not None:
            return {"json": plain}
        value = message.SerializeToString()
    elif serialize is not None:
        value = serialize(value)
    if not isinstance(value, bytes):
        raise UnstorableOutcomeError(
            f"an answer of gRPC cannot be recorded: {type(value).__qualname__} is no message of Protocol Buffers",
            remedies=["name the function around the call in mimic_functions"],
        )
    text = as_text(value)
    return as_base64(value) if text is None else {"text": text}


def load_message(stored: Mapping[str, Any], deserialize: Callable[[bytes], Any] | None) -> Any:
    """Return a stored message as a client gives it. `deserialize` is its method's."""
    if "json" in stored:
        data = _read(_class_read_by(deserialize), stored["json"]).SerializeToString()
    else:
        data = load_bytes(dict(stored))
    return data if deserialize is None else deserialize(data)


def plain_of(stored: Mapping[str, Any]) -> Any:
    """Return what a stored message says, to be compared and shown."""
    return stored["json"] if "json" in stored else stored.get("text", dict(stored))


def _message_of(value: Any) -> Any:
    """Return the message that a value is, or that it wraps as those of proto-plus do; None for others."""
    if hasattr(value, "ListFields"):
        return value
    unwrap = getattr(type(value), "pb", None)
    return None if unwrap is None else unwrap(value)


def _exactly(message: Any) -> Any:
    """Return a message as JSON, or None if it cannot be made again from that: it has unknown fields, for example."""
    to_json = import_module("google.protobuf.json_format").MessageToDict
    try:
        plain = to_json(message, preserving_proto_field_name=True)
        again = _read(type(message), plain)
    except Exception:  # it has an `Any` whose type is not known, for example
        return None
    is_same = again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    return plain if is_same else None


@lru_cache(2048)
def _class_read_by(deserialize: Any) -> Any:
    """Return the class of the messages that a method receives."""
    return type(_message_of(deserialize(b"")))


def _read(kind: Any, plain: Any) -> Any:
    return import_module("google.protobuf.json_format").ParseDict(_loadable(kind.DESCRIPTOR, plain), kind())


def _loadable(descriptor: Any, plain: Any) -> Any:
    """Return plain data in which each placeholder is what its field takes: bytes as base64, a number or a time as none."""
    if descriptor is None or not isinstance(plain, dict):
        return plain
    found = {}
    for name, value in plain.items():
        field = descriptor.fields_by_name.get(name)
        if field is None or (value == PLACEHOLDER and field.cpp_type == field.CPPTYPE_STRING):
            is_bytes = field is not None and field.type == _BYTES
            found[name] = base64.b64encode(value.encode()).decode() if is_bytes else value
        elif isinstance(value, list):
            found[name] = [_loadable(field.message_type, one) for one in value]
        elif value != PLACEHOLDER:
            found[name] = _loadable(field.message_type, value)
    return found

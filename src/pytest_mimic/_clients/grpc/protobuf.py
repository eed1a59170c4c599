"""Messages of Protocol Buffers as plain data, and back: their JSON where it gives the same bytes again, else the bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pytest_mimic.client import (
    PLACEHOLDER_START,
    UnstorableOutcomeError,
    is_placeholder,
)


def store_message(value: Any) -> dict[str, Any]:
    """Return a message as plain data.

    UnstorableOutcomeError: it is one of another codec.
    """
    if (message := _message_of(value)) is None:
        what = f"a gRPC call cannot be recorded: {type(value).__qualname__} is no message of Protocol Buffers"
        raise UnstorableOutcomeError(
            what, remedies=["name the function around the call in mimic_functions"]
        )
    data = message.SerializeToString(deterministic=True)
    to_json = import_module("google.protobuf.json_format").MessageToDict
    try:
        plain = to_json(message, preserving_proto_field_name=True)
        is_exact = (
            _read(type(message), plain).SerializeToString(deterministic=True) == data
        )
    except Exception:  # it has an `Any` whose type is not known, for example
        plain, is_exact = None, False
    return {"json": plain} if is_exact else {"base64": base64.b64encode(data).decode()}


def load_message(stored: dict[str, Any], deserialize: Callable[[bytes], Any]) -> Any:
    """Return a stored message as a client gives it. `deserialize` is its method's."""
    if "base64" in stored:
        return deserialize(base64.b64decode(stored["base64"]))
    kind = type(_message_of(deserialize(b"")))
    return deserialize(_read(kind, stored["json"]).SerializeToString())


def plain_of(stored: dict[str, Any]) -> Any:
    """Return what a stored message says, to be compared and shown."""
    return stored.get("json", stored)


def _message_of(value: Any) -> Any:
    """Return the message that a value is, or that it wraps as those of proto-plus do; None for others."""
    unwrap = getattr(type(value), "pb", lambda _: None)
    return value if hasattr(value, "ListFields") else unwrap(value)


def _read(kind: Any, plain: Any) -> Any:
    return import_module("google.protobuf.json_format").ParseDict(
        _loadable(kind.DESCRIPTOR, plain), kind()
    )


def _loadable(descriptor: Any, plain: Any) -> Any:
    """Return plain data in which each placeholder is what its field takes: bytes as base64, a number or a time as none."""
    if isinstance(plain, list):
        return [_loadable(descriptor, one) for one in plain]
    if descriptor is None or not isinstance(plain, dict):
        return plain
    loadable = {}
    for name, value in plain.items():
        field = descriptor.fields_by_name.get(name)
        is_hidden = (
            isinstance(value, str)
            and value.startswith(PLACEHOLDER_START)
            and is_placeholder(value)
        )
        if field is None:
            loadable[name] = value
        elif not is_hidden:
            loadable[name] = _loadable(field.message_type, value)
        elif field.type == field.TYPE_BYTES:
            loadable[name] = base64.b64encode(value.encode()).decode()
        elif field.cpp_type == field.CPPTYPE_STRING:
            loadable[name] = value
    return loadable

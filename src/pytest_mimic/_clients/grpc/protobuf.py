"""Messages of Protocol Buffers as plain data, and back.

A message is stored as its JSON if that gives the same bytes again, else as its bytes.
The plain data of a request counts in the identity of its call.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from pytest_mimic.client import (
    PLACEHOLDER_START,
    START_IN_BASE64,
    UnstorableOutcomeError,
    is_placeholder,
)


def store_message(value: Any) -> dict[str, Any]:
    """Return a message of a request or a response as plain data, with its secrets.

    Raises:
        UnstorableOutcomeError: The value is a message of another codec.
    """
    message = _message_of(value)
    if message is None:
        raise UnstorableOutcomeError(
            f"a gRPC call cannot be recorded: {type(value).__qualname__} is no message"
            " of Protocol Buffers",
            remedies=["name the function around the call in mimic_functions"],
        )
    message_bytes = message.SerializeToString(deterministic=True)
    message_json = _exact_json(message, message_bytes)
    if message_json is None:
        return {"base64": base64.b64encode(message_bytes).decode()}
    # A replay has given the placeholder, and the application sends it back.
    if PLACEHOLDER_START.encode() in message_bytes:
        message_json = _with_plain_placeholders(message_json)
    return {"json": message_json}


def bytes_of_message(value: Any) -> bytes:
    """Return a message as it is sent; empty for a message of another codec."""
    message = _message_of(value)
    if message is None:
        return b""
    message_bytes: bytes = message.SerializeToString()
    return message_bytes


def placeholder_in(value: bytes) -> str:
    """Return the placeholder that bytes are as a whole; empty for other bytes.

    A replay gives it in a field of bytes, and the application sends it back.
    """
    if not value.startswith(PLACEHOLDER_START.encode()):
        return ""
    text = value.decode("latin-1")
    return text if is_placeholder(text) else ""


def _with_plain_placeholders(message_json: Any) -> Any:
    """Return the JSON of a message with placeholders in fields of bytes as texts.

    The JSON has bytes as base64, in which no placeholder is seen.
    """
    if isinstance(message_json, list):
        return [_with_plain_placeholders(item_json) for item_json in message_json]
    if isinstance(message_json, dict):
        plain_json = {}
        for name, value in message_json.items():
            plain_json[name] = _with_plain_placeholders(value)
        return plain_json
    is_text = isinstance(message_json, str)
    if is_text and message_json.startswith(START_IN_BASE64):
        with suppress(ValueError):
            return placeholder_in(base64.b64decode(message_json)) or message_json
    return message_json


def _exact_json(message: Any, message_bytes: bytes) -> Any:
    """Return the JSON of a message; None if it does not give the same bytes again."""
    message_to_json = import_module("google.protobuf.json_format").MessageToDict
    try:
        message_json = message_to_json(message, preserving_proto_field_name=True)
        message_again = _message_from_json(type(message), message_json)
        bytes_again = message_again.SerializeToString(deterministic=True)
    except Exception:
        # A message may hold an `Any` whose type is not known, for example.
        return None
    if bytes_again != message_bytes:
        return None
    return message_json


def load_message(
    stored_message: dict[str, Any], deserialize: Callable[[bytes], Any]
) -> Any:
    """Return a stored message as a client gives it, in a replay.

    `deserialize` is what the client of the RPC makes messages with. It may wrap them.
    """
    if "base64" in stored_message:
        return deserialize(base64.b64decode(stored_message["base64"]))
    # No bytes are an empty message, which tells the class.
    message_class = type(_message_of(deserialize(b"")))
    message = _message_from_json(message_class, stored_message["json"])
    return deserialize(message.SerializeToString())


def plain_of(stored_message: dict[str, Any]) -> Any:
    """Return what a stored message says, to be compared and shown.

    Of a request, it counts in the identity.
    """
    return stored_message.get("json", stored_message)


def _message_of(value: Any) -> Any:
    """Return the message that a value is, or that it wraps; None for others.

    The messages of proto-plus wrap one.
    """
    if hasattr(value, "ListFields"):
        return value
    unwrap = getattr(type(value), "pb", None)
    if unwrap is None:
        return None
    return unwrap(value)


def _message_from_json(message_class: Any, message_json: Any) -> Any:
    """Return the message of a class that JSON stands for.

    A replay makes messages so. Recording tries it, to see whether the bytes are equal.
    """
    json_to_message = import_module("google.protobuf.json_format").ParseDict
    loadable_json = _loadable_json(message_class.DESCRIPTOR, message_json)
    return json_to_message(loadable_json, message_class())


def _loadable_json(descriptor: Any, message_json: Any) -> Any:
    """Return the JSON of a message in which each placeholder is what its field takes.

    A field of texts takes the placeholder as it is, and a field of bytes takes it as
    base64. A number or a time is left out, so that it has its default.

    Args:
        descriptor: Describes the fields of the message. None: of a part without fields.
        message_json: The JSON of the message, or a part of it.
    """
    if isinstance(message_json, list):
        return [_loadable_json(descriptor, item_json) for item_json in message_json]
    if descriptor is None or not isinstance(message_json, dict):
        return message_json
    loadable_json = {}
    for name, value in message_json.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            # The JSON of a `Struct` or an `Any`, for example, has other names than
            # fields.
            loadable_json[name] = value
        elif not _is_hidden(value):
            loadable_json[name] = _loadable_json(field.message_type, value)
        elif field.type == field.TYPE_BYTES:
            loadable_json[name] = base64.b64encode(value.encode()).decode()
        elif field.cpp_type == field.CPPTYPE_STRING:
            loadable_json[name] = value
    return loadable_json


def _is_hidden(value: object) -> bool:
    """Check whether a placeholder stands for the value of a field."""
    if not isinstance(value, str) or not value.startswith(PLACEHOLDER_START):
        return False
    return is_placeholder(value)

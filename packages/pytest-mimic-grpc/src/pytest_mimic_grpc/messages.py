"""Messages of Protocol Buffers, metadata and answers as plain data, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from grpc._cython.cygrpc import _Metadatum

from pytest_mimic.client import (
    Plain,
    bytes_of,
    fields,
    is_placeholder,
    number_of,
    text_or_base64,
)

Deserialize = Callable[[bytes], Any]


class NoMessageError(TypeError):
    """What a call takes or gives is not a Protocol Buffers message."""


def read(message: object) -> Plain:
    """Return a message as JSON, or as base64 if JSON loses a part of it.

    Raises:
        NoMessageError: It is no message.
    """
    inner = _inner(message)
    if inner is None:
        what = f"a {type(message).__name__} is not a Protocol Buffers message"
        raise NoMessageError(what)
    data = inner.SerializeToString(deterministic=True)
    plain = json_format.MessageToDict(inner, preserving_proto_field_name=True)
    # Types such as `StringValue` are a text or a number in JSON.
    if isinstance(plain, dict):
        plain = _with_bytes(inner.DESCRIPTOR, plain, _shown_bytes)
        again = _parsed(plain, type(inner)())
        if again.SerializeToString(deterministic=True) == data:
            return plain
    return {"$base64": b64encode(data).decode()}


def build(plain: Plain, deserialize: Deserialize) -> Any:
    """Return the message that a client is given.

    Raises:
        ValueError: It holds what its class has not.
    """
    if "$base64" in plain:
        return deserialize(b64decode(plain["$base64"]))
    empty = _inner(deserialize(b""))
    if empty is None:
        raise ValueError("the answer of this call is not a Protocol Buffers message")
    return deserialize(_parsed(plain, type(empty)()).SerializeToString())


def _inner(message: object) -> Message | None:
    """Return the message itself, that of proto-plus is wrapped; None: it is none."""
    unwrap = getattr(type(message), "pb", None)
    inner = message if unwrap is None else unwrap(message)
    return inner if isinstance(inner, Message) else None


def _parsed(plain: Plain, empty: Message) -> Message:
    fields = _with_bytes(empty.DESCRIPTOR, plain, _given_bytes)
    try:
        return json_format.ParseDict(fields, empty)
    except json_format.ParseError as error:
        raise ValueError(str(error)) from error


def _with_bytes(
    descriptor: Any, plain: Plain, change: Callable[[Any, Any], Any]
) -> Plain:
    """Return the JSON of a message with each of its values as `change` gives it.

    Types of protobuf itself have a JSON of their own, and stay as they are.
    """
    changed = {}
    for name, part in plain.items():
        field = descriptor.fields_by_name.get(name)
        value = part if field is None else _changed(field, part, change)
        if value is not None:
            changed[name] = value
    return changed


def _changed(field: Any, value: Any, change: Callable[[Any, Any], Any]) -> Any:
    inner = field.message_type
    if isinstance(value, list):
        return [_changed(field, item, change) for item in value]
    if inner is None or not isinstance(value, dict):
        return change(field, value)
    if inner.GetOptions().map_entry:
        of_map = inner.fields_by_name["value"]
        return {key: _changed(of_map, item, change) for key, item in value.items()}
    if inner.full_name.startswith("google.protobuf."):
        return value
    return _with_bytes(inner, value, change)


def _shown_bytes(field: Any, value: Any) -> Any:
    if field.type != field.TYPE_BYTES:
        return value
    return text_or_base64(b64decode(value))


def _given_bytes(field: Any, value: Any) -> Any:
    """Return what JSON has for a value; None: what stands for a secret is none."""
    if field.type == field.TYPE_BYTES:
        return b64encode(bytes_of(value)).decode()
    if field.type == field.TYPE_STRING or not is_placeholder(value):
        return value
    is_number = field.message_type is None and field.enum_type is None
    return number_of(str(value)) if is_number else None


# -- metadata


def read_metadata(pairs: Iterable[Any] | None) -> Plain:
    """Return metadata by its keys; several values of one key are a list."""
    return fields((key, _plain(value)) for key, value in pairs or ())


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return text_or_base64(value)
    # A member of an enumeration of texts is sent as its value.
    return str.__str__(value) if isinstance(value, str) else str(value)


def metadata(answer: Plain, name: str) -> tuple[Any, ...]:
    """Return the metadata of an answer as grpc gives them, `-bin` as bytes."""
    pairs = []
    for key, values in answer.get(name, {}).items():
        for value in values if isinstance(values, list) else [values]:
            given = bytes_of(value) if key.endswith("-bin") else value
            pairs.append(_Metadatum(key, given))
    return tuple(pairs)

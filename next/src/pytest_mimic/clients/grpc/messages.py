"""Messages of Protocol Buffers, metadata and answers as plain data, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from pytest_mimic.client import Plain
from pytest_mimic.clients.binary import bytes_of, text_or_base64
from pytest_mimic.secrets.placeholders import is_placeholder, number_of

Deserialize = Callable[[bytes], Any]

_STRINGS = ("TYPE_STRING", "TYPE_BYTES")


class NoMessageError(TypeError):
    """What a call takes or gives is no message of Protocol Buffers."""


def read(message: object) -> Plain:
    """Return a message as JSON, or as base64 if JSON loses a part of it.

    Raises:
        NoMessageError: It is no message.
    """
    inner = _inner(message)
    if inner is None:
        what = f"a {type(message).__name__} is no message of Protocol Buffers"
        raise NoMessageError(what)
    data = inner.SerializeToString(deterministic=True)
    plain = json_format.MessageToDict(inner, preserving_proto_field_name=True)
    plain = _with_bytes(inner.DESCRIPTOR, plain, _shown_bytes)
    again = _parsed(plain, type(inner)())
    if again.SerializeToString(deterministic=True) != data:
        return {"$base64": b64encode(data).decode()}
    return plain


def give(plain: Plain, deserialize: Deserialize) -> Any:
    """Return the message that a client is given.

    Raises:
        ValueError: It holds what its class has not.
    """
    if "$base64" in plain:
        return deserialize(b64decode(plain["$base64"]))
    empty = _inner(deserialize(b""))
    if empty is None:
        raise ValueError("the answer of this call is no message of Protocol Buffers")
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
    changed = dict(plain)
    for field in descriptor.fields:
        if field.name in plain:
            value = _changed(field, plain[field.name], change)
            if value is not None:
                changed[field.name] = value
            else:
                del changed[field.name]
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
    found: Plain = {}
    for key, value in pairs or ():
        plain = text_or_base64(value) if isinstance(value, bytes) else _text(value)
        if key not in found:
            found[key] = plain
        elif isinstance(found[key], list):
            found[key].append(plain)
        else:
            found[key] = [found[key], plain]
    return found


def _text(value: object) -> str:
    # A member of an enumeration of texts is sent as its value.
    return str.__str__(value) if isinstance(value, str) else str(value)


def give_metadata(plain: Plain) -> list[tuple[str, Any]]:
    """Return the pairs of metadata, those of `-bin` keys as bytes."""
    pairs: list[tuple[str, Any]] = []
    for key, values in plain.items():
        for value in values if isinstance(values, list) else [values]:
            pairs.append((key, bytes_of(value) if key.endswith("-bin") else value))
    return pairs


# -- answers


def answer(
    code: str,
    details: str | None,
    initial: Iterable[Any] | None,
    trailing: Iterable[Any] | None,
) -> Plain:
    """Return how a call ended, as plain data."""
    plain: Plain = {"code": code}
    if details:
        plain["details"] = details
    for name, pairs in (("metadata", initial), ("trailing", trailing)):
        metadata = read_metadata(pairs)
        if metadata:
            plain[name] = metadata
    return plain

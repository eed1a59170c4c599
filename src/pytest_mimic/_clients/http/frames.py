"""Event streams of AWS (`application/vnd.amazon.eventstream`): binary messages, stored as readable data.

A message has the length of all and of its headers (4 bytes each), the CRC-32 of these, headers, a payload, and the CRC-32
of all before it. A header has the length of its name (1 byte), the name, a type (1 byte; 7 is a text), and for a text its
length (2 bytes) and the text in UTF-8.
"""

from __future__ import annotations

import base64
import struct
from binascii import crc32
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.message import (
    as_base64,
    as_text,
    load_bytes,
)

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_PRELUDE = struct.Struct("!II")
_NUMBER = struct.Struct("!I")
_LENGTH = struct.Struct("!H")
_TEXT = 7
_LEAST = 16  # of a message without headers and payload


def store_frames(data: bytes, secrets: Secrets) -> list[dict[str, Any]] | None:
    """Return the messages of a stream without secrets, or None if they cannot be made again as they are.

    What follows the last whole message, if the reader stopped in one, is an item of its own.
    """
    found: list[dict[str, Any]] = []
    while len(data) >= _LEAST:
        size, head = _PRELUDE.unpack_from(data)
        if size > len(data):
            break
        frame, data = data[:size], data[size:]
        headers = _headers(frame[12 : 12 + head])
        payload = frame[12 + head : -4]
        if headers is None or _frame(headers, payload) != frame:
            return None
        text = as_text(payload)
        stored = as_base64(payload) if text is None else secrets.store_text(text, "") if text else {}
        found.append({"headers": headers, **stored})
    return [*found, {"rest": base64.b64encode(data).decode()}] if data else found


def _headers(data: bytes) -> dict[str, str] | None:
    """Return the headers, all read as texts, or None if that fails. The caller checks that they are texts."""
    found: dict[str, str] = {}
    try:
        while data:
            name, data = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
            (size,) = _LENGTH.unpack_from(data, 1)
            found[name], data = data[3 : 3 + size].decode(), data[3 + size :]
    except (ValueError, IndexError, struct.error):
        return None
    return found


def load_frames(events: list[dict[str, Any]]) -> list[bytes]:
    return [
        base64.b64decode(event["rest"])
        if "rest" in event
        else _frame(event["headers"], load_bytes({"text": "", **event}))
        for event in events
    ]


def _frame(headers: dict[str, str], payload: bytes) -> bytes:
    packed = b""
    for name, value in headers.items():
        raw_name, raw = name.encode(), value.encode()
        packed += bytes([len(raw_name)]) + raw_name + bytes([_TEXT]) + _LENGTH.pack(len(raw)) + raw
    prelude = _PRELUDE.pack(_LEAST + len(packed) + len(payload), len(packed))
    start = prelude + _NUMBER.pack(crc32(prelude)) + packed + payload
    return start + _NUMBER.pack(crc32(start))


def frame_values(events: list[dict[str, Any]]) -> list[Any]:
    """Return the messages for comparing them: without their layout, and without a part of one."""
    return [
        {name: value for name, value in event.items() if name != "style"}
        for event in events
        if "rest" not in event
    ]

"""Messages of AWS event streams: readable if they can be made again as they are, else left alone."""

from __future__ import annotations

import base64
import struct
from binascii import crc32

import pytest

from pytest_mimic._clients.http.frames import frame_values, load_frames, store_frames
from pytest_mimic._clients.http.http_secrets import NoSecrets, Secrets
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER


def header(name: bytes, value: bytes, *, kind: int = 7) -> bytes:
    return bytes([len(name)]) + name + bytes([kind]) + struct.pack("!H", len(value)) + value


def message(payload: bytes = b"{}", *headers: bytes) -> bytes:
    """Return a message as AWS sends it: lengths, their checksum, headers, payload, checksum."""
    packed = b"".join(headers)
    start = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    start += struct.pack("!I", crc32(start)) + packed + payload
    return start + struct.pack("!I", crc32(start))


CHUNK = header(b":event-type", b"chunk")
READABLE = {
    "json": (message(b'{"text":"hi"}', CHUNK), {"headers": {":event-type": "chunk"}, "json": {"text": "hi"}}),
    "spaced": (message(b'{"a": 1}'), {"headers": {}, "json": {"a": 1}, "style": "spaced"}),
    "other layout": (message(b'{ "a":1}'), {"headers": {}, "text": '{ "a":1}'}),
    "text": (message(b"hi"), {"headers": {}, "text": "hi"}),
    "empty": (message(b""), {"headers": {}}),
    "bytes": (message(b"\xff\0"), {"headers": {}, "base64": "/wA="}),
}


@pytest.mark.parametrize(("data", "stored"), READABLE.values(), ids=READABLE)
def test_messages_are_stored_readably_and_come_back(data, stored):
    assert store_frames(data * 2, Secrets(Redactor())) == [stored, stored]
    assert load_frames([stored]) == [data]


@pytest.mark.parametrize("size", [3, 15, 16, 20])
def test_a_part_of_a_message_at_the_end_is_kept(size):
    whole = message(b'{"a":1}', CHUNK)

    stored = store_frames(whole + whole[:size], NoSecrets(Redactor()))

    assert stored is not None
    assert stored[1:] == [{"rest": base64.b64encode(whole[:size]).decode()}]
    assert load_frames(stored) == [whole, whole[:size]]
    assert frame_values(stored) == [{"headers": {":event-type": "chunk"}, "json": {"a": 1}}]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!III", 15, 0, 0) + b"\0" * 8,
        struct.pack("!III", 16, 1, 0) + b"\0" * 8,
        message()[:-1] + b"\0",
        message(b"{}", header(b"n", b"\0\0\0\1", kind=4)),
        message(b"{}", CHUNK, CHUNK),
        message(b"{}", CHUNK[:-1]),
        message(b"{}", CHUNK[:5]),
        message(b"{}", b"\3ab"),
        message(b"{}", header(b"\xff", b"a")),
    ],
    ids=[
        *("too short", "headers too long", "checksum", "number as header", "header twice"),
        *("header cut", "name cut", "no type", "name that is no text"),
    ],
)
def test_what_could_not_be_made_again_is_left_alone(data):
    assert store_frames(message() + data, NoSecrets(Redactor())) is None


def test_secrets_of_a_payload_are_hidden():
    data = message(b'{"token":"s1-4711-abcdef"}') + message(b"it is s1-4711-abcdef")

    stored = store_frames(data, Secrets(Redactor()))

    assert stored == [
        {"headers": {}, "json": {"token": PLACEHOLDER}},
        {"headers": {}, "text": f"it is {PLACEHOLDER}"},
    ]

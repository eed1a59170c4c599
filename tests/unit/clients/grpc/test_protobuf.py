"""Messages of Protocol Buffers as plain data."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

pytest.importorskip("grpc_tools", reason="needs grpcio-tools")

from support.grpc_server import protos, whole_book

from pytest_mimic._clients.grpc.protobuf import load_answer, store_answer, store_request

READ = protos.Book.FromString


def test_a_message_is_readable_and_comes_back_exactly() -> None:
    data = whole_book().SerializeToString()
    stored = store_answer(data, READ)
    assert stored["json"] == {
        "title": "whole",
        "id": str(2**60),
        "price": "Infinity",
        "weight": 0.1,
        "lent": True,
        "cover": "AP8=",
        "genre": "NOVEL",
        "tags": ["a", ""],
        "authors": [{"name": "Jane", "born": "1775"}, {}],
        "copies": {"a": 2, "x": 1},
        "editors": {"-3": {"name": "Ed"}},
        "printed": "2020-01-02T03:04:05.678Z",
        "extra": {"a": 1.0, "b": [True, None, {"c": "d"}]},
        "any": {"@type": "type.googleapis.com/shop.Author", "name": "any"},
        "pages": 0,
        "room": 0,
    }
    again = load_answer(json.loads(json.dumps(stored)), READ)
    assert again.SerializeToString(deterministic=True) == whole_book().SerializeToString(deterministic=True)
    assert again.HasField("pages")
    assert again.WhichOneof("place") == "room"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"weight": math.nan},
        {"price": -0.0},
        {"weight": 16777217.0},
        {"cover": "zwölf\n".encode()},
        {"cover": b"a\x00"},
        {"genre": 7},
        {"title": "<redacted>"},
        {"copies": {"": 0}},
    ],
)
def test_any_value_comes_back(fields: dict[str, Any]) -> None:
    data = protos.Book(**fields).SerializeToString(deterministic=True)
    stored = store_answer(data, READ)
    assert "json" in stored
    assert load_answer(stored, READ).SerializeToString(deterministic=True) == data


@pytest.mark.parametrize(
    ("data", "read", "stored"),
    [
        pytest.param(b"\xa2\x06\x01a", READ, {"base64": "ogYBYQ=="}, id="a field that is not known"),
        pytest.param(b'{"a": 1}', json.loads, {"text": '{"a": 1}'}, id="no message"),
        pytest.param(b"\xff", None, {"base64": "/w=="}, id="bytes"),
    ],
)
def test_what_is_no_known_message_is_kept_as_bytes(data: bytes, read: Any, stored: Any) -> None:
    assert store_answer(data, read) == stored
    found = load_answer(stored, read)
    assert (found.SerializeToString() if read is READ else found) == (
        json.loads(data) if read is json.loads else data
    )


def test_a_malformed_message_is_kept_as_bytes() -> None:
    """It is read in a thread of the client's, where nobody would catch an error."""
    assert store_answer(b"\xff", READ) == {"base64": "/w=="}


@pytest.mark.parametrize(
    ("field", "value", "loaded"),
    [
        ("title", "<redacted>", "<redacted>"),
        ("cover", "<redacted>", b"<redacted>"),
        ("genre", "<redacted>", 0),
        ("id", 0, 0),
    ],
)
def test_a_hidden_value_loads_as_its_field_takes_it(field: str, value: Any, loaded: Any) -> None:
    assert getattr(load_answer({"json": {field: value}}, READ), field) == loaded


def test_a_hidden_time_is_none() -> None:
    assert load_answer({"json": {"printed": "<redacted>"}}, READ).printed.seconds == 0


def test_a_request_is_stored_like_an_answer() -> None:
    assert store_request(protos.Wish(title="a"), protos.Wish.SerializeToString) == {"json": {"title": "a"}}
    assert store_request({"a": 1}, lambda value: json.dumps(value).encode()) == {"text": '{"a": 1}'}
    assert store_request(b"\xff", None) == {"base64": "/w=="}


def test_messages_of_proto_plus_are_messages() -> None:
    proto = pytest.importorskip("proto", reason="needs proto-plus")
    shelf: Any = type(
        "Shelf", (proto.Message,), {"__module__": "shelves", "name": proto.Field(proto.STRING, number=1)}
    )
    data = shelf.serialize(shelf(name="top"))
    stored = store_answer(data, shelf.deserialize)
    assert stored == store_request(shelf(name="top"), shelf.serialize) == {"json": {"name": "top"}}
    assert load_answer(stored, shelf.deserialize) == shelf(name="top")

"""Messages of Protocol Buffers as plain data."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

pytest.importorskip("grpc_tools", reason="needs grpcio-tools")

from support.grpc_server import protos, whole_book

from pytest_mimic._clients.grpc.protobuf import load_message, store_message
from pytest_mimic.errors import UnstorableOutcomeError

READ = protos.Book.FromString


def test_a_message_is_readable_and_comes_back_exactly() -> None:
    stored = store_message(whole_book())
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
    again = load_message(json.loads(json.dumps(stored)), READ)
    assert again.SerializeToString(
        deterministic=True
    ) == whole_book().SerializeToString(deterministic=True)
    assert again.HasField("pages")


@pytest.mark.parametrize(
    "fields",
    [{}, {"weight": math.nan}, {"price": -0.0}, {"genre": 7}, {"title": "<redacted>"}],
)
def test_any_value_comes_back(fields: dict[str, Any]) -> None:
    book = protos.Book(**fields)
    stored = store_message(book)
    assert "json" in stored
    again = load_message(stored, READ)
    assert again.SerializeToString(deterministic=True) == book.SerializeToString(
        deterministic=True
    )


def test_a_message_with_a_field_that_is_not_known_is_kept_as_bytes() -> None:
    book = READ(b"\xa2\x06\x01a")
    stored = store_message(book)
    assert stored == {"base64": "ogYBYQ=="}
    assert load_message(stored, READ).SerializeToString() == book.SerializeToString()


@pytest.mark.parametrize(
    "value", [{"a": 1}, b'{"a": 1}'], ids=["another codec", "bytes"]
)
def test_what_is_no_message_is_refused(value: Any) -> None:
    with pytest.raises(
        UnstorableOutcomeError, match="is no message of Protocol Buffers"
    ):
        store_message(value)


@pytest.mark.parametrize(
    ("field", "loaded"),
    [("title", "<redacted>"), ("cover", b"<redacted>"), ("genre", 0), ("id", 0), ("printed", protos.Book().printed)],
)  # fmt: skip
def test_a_hidden_value_loads_as_its_field_takes_it(field: str, loaded: Any) -> None:
    assert getattr(load_message({"json": {field: "<redacted>"}}, READ), field) == loaded


def test_messages_of_proto_plus_are_messages() -> None:
    proto = pytest.importorskip("proto", reason="needs proto-plus")
    shelf: Any = type(
        "Shelf",
        (proto.Message,),
        {"__module__": "shelves", "name": proto.Field(proto.STRING, number=1)},
    )
    stored = store_message(shelf(name="top"))
    assert stored == {"json": {"name": "top"}}
    assert load_message(stored, shelf.deserialize) == shelf(name="top")

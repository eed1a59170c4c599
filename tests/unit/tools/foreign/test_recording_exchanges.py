"""Entries of vcrpy's cassettes in odd shapes: read as what was sent and received, or refused in words."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from pytest_mimic._tools.foreign.cassette_file import EntryError, ForeignExchange, read_entry

URI = "http://shop.test/"


def read(request: dict[str, Any] | None = None, **response: Any) -> ForeignExchange:
    asked = {"method": "GET", "uri": URI, "body": None, "headers": {}, **(request or {})}
    return read_entry(
        {"request": asked, "response": {"status": 200, "headers": {}, "body": "", **response}}, 1
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, b""),
        (True, b"true"),
        (bytearray(b"a"), b"a"),
        ({"a": [1]}, b'{"a": [1]}'),
        ({"string": "a"}, b'{"string": "a"}'),
    ],
    ids=str,
)
def test_the_body_of_a_request_is_what_was_sent_or_the_argument(body, expected):
    assert read({"body": body}).request.body == expected


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({}, b'{"a": "1"}', "application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1", None),
        ({"Content-Type": "application/vnd.shop+json"}, b'{"a": "1"}', None),
    ],
    ids=str,
)
def test_an_argument_of_aiohttp_is_a_form_only_where_its_headers_say_so(headers, body, kind):
    found = read({"body": {"a": "1"}, "headers": headers}).request

    assert found.body == body
    assert dict(found.headers) == (headers if kind is None else {"Content-Type": kind})


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"string": "é"}, b"\xc3\xa9"),
        ({"string": b"\xff"}, b"\xff"),
        ({}, b""),
    ],
    ids=str,
)
def test_the_body_of_a_response_is_text_or_bytes(body, content):
    assert read(body=body).content == content


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        (None, []),
        ({"A": ["b", "c"], b"D": b"e"}, [["A", "b"], ["A", "c"], ["D", "e"]]),
        ([["A", "b"], ("C", 1)], [["A", "b"], ["C", "1"]]),
        ({"A": "b\r\n c", "N": None, "B": True}, [["A", "b c"], ["N", ""], ["B", "true"]]),
        ({"A": "é", "B": "日"}, [["A", "é"], ["B", "æ\x97¥"]]),
    ],
    ids=str,
)
def test_headers_are_pairs_of_texts_whose_characters_are_bytes(headers, pairs):
    assert read(headers=headers).head["headers"] == pairs


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (404, (404, "Not Found")),
        ("299", (299, "")),
        ({"code": 200, "message": None}, (200, "OK")),
        ({"code": 200, "message": b"Fine"}, (200, "Fine")),
    ],
    ids=str,
)
def test_a_status_without_a_reason_has_the_usual_one(status, line):
    head = read(status=status).head

    assert (head["status"], head["reason"]) == line


@pytest.mark.parametrize(
    ("encoding", "content", "is_kept"),
    [
        ("gzip", b"\xff\0", False),
        ("gzip", gzip.compress(b"a", mtime=0), True),
        ("deflate", b"\xff\0", False),
        ("compress", b"\xff\0", True),
        ("br", b"a text", False),
    ],
)
def test_a_body_that_is_not_in_its_encoding_is_decompressed_already(encoding, content, is_kept):
    found = read(headers={"Content-Encoding": encoding}, body={"string": content})

    assert bool(found.head["headers"]) is is_kept


NOT_PLAIN: list[Any] = []
NOT_PLAIN.append(NOT_PLAIN)
REFUSED = [
    ({"method": 3}, {}, "its request has no method"),
    ({"uri": None}, {}, "its request has no uri"),
    ({"body": NOT_PLAIN}, {}, "the body of its request is not plain data"),
    ({}, {"headers": 3}, "its headers are not headers"),
    ({}, {"headers": {"A": [["b"]]}}, "its header A is not text"),
    ({}, {"body": ["a"]}, "the body of its response is not text"),
    ({}, {"body": {"base64_string": "a"}}, "the body of its response is not text"),
    ({}, {"status": None}, "its response has no status"),
    ({}, {"status": {"code": float("inf")}}, "its response has no status"),
    ({}, {"status": 99}, "its response has no valid status"),
    ({}, {"headers": {"A": 10**5000}}, "it holds a number that is too large"),
]


@pytest.mark.parametrize(("request_", "response", "says"), REFUSED, ids=[says for *_, says in REFUSED])
def test_what_is_no_request_with_its_response_is_refused_in_words(request_, response, says):
    with pytest.raises(EntryError, match=f"^{says}$"):
        read(request_, **response)


@pytest.mark.parametrize("entry", [3, {"request": [], "response": {}}], ids=str)
def test_an_entry_has_two_halves(entry):
    with pytest.raises(EntryError, match="it is not a request with its response"):
        read_entry(entry, 1)


def test_a_body_of_another_serializer_is_refused():
    entry = {"request": {"method": "GET", "uri": URI}, "response": {"status": 200, "body_base64": "AA=="}}

    with pytest.raises(EntryError, match="its response has body_base64 in place of body"):
        read_entry(entry, 1)


def test_locals_in_a_traceback_show_no_secret():
    assert repr(read({"uri": f"{URI}?token=s1"})) == "<GET exchange 1>"

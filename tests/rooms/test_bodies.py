"""Bodies as readable data: exactly the bytes that an answer had, and what counts of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic.clients.http import bodies
from pytest_mimic.values.tree import digest_of

JSON = "application/json"
EVENTS = "text/event-stream"
LINES = "application/x-ndjson"


def written(body):
    return b"".join(bodies.pieces(body))


READABLE = {
    "JSON": (b'{"a": [1, 2.5, null]}', JSON, {"json": {"a": [1, 2.5, None]}}),
    "compact": (b'{"a":1,"b":"x"}', JSON, {"json": {"a": 1, "b": "x"}, "layout": "compact"}),
    "indented": (b'{\n  "a": 1\n}', JSON, {"json": {"a": 1}, "layout": "indent 2"}),
    "another layout": (b'{"a" : 1}', JSON, {"json": {"a": 1}, "text": '{"a" : 1}'}),
    "lines": (b'{"a":1}\n{"a":2}\n', LINES, {"lines": [{"a": 1}, {"a": 2}]}),
    "spaced lines without an end": (
        b'{"a": 1}\n{"a": 2}',
        LINES,
        {"lines": [{"a": 1}, {"a": 2}], "layout": "spaced", "ends": ""},
    ),
    "events": (
        b'event: delta\ndata: {"a":1}\n\ndata: [DONE]\n\n',
        EVENTS,
        {"events": [{"event": "delta", "data": {"a": 1}}, {"data": "[DONE]"}]},
    ),
    "text": ("für".encode(), "text/plain", {"text": "für"}),
    "charset": ("für".encode("latin-1"), "text/plain; charset=latin-1", {"text": "für", "charset": "latin-1"}),
    "bytes": (b"\xff\x00", "image/png", {"base64": "/wA="}),
    "bytes in UTF-8": (b"a\x00", "image/png", {"base64": "YQA="}),
}  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
def test_an_answer_is_as_readable_as_its_type(name):
    data, kind, wanted = READABLE[name]

    body = bodies.read_given(data, kind)

    assert body == wanted
    assert written(body) == data


def test_json_in_another_layout_that_was_edited_comes_back_as_edited():
    body = bodies.read_given(b'{"a" : 1}', JSON)

    assert written({**body, "json": {"a": True}}) == b'{"a": true}'


ODD = {
    "a number with a zero": (b'{"a": 1.10}', JSON),
    "a key that stands twice": (b'{"a": 1, "a": 2}', JSON),
    "a number that no float holds": (b"[1e400]", JSON),
    "what is no number": (b"[NaN]", JSON),
    "no JSON": (b"{", JSON),
    "a tag": (b'{"$date": "x"}', JSON),
    "an event over two lines": (b"data: a\ndata: b\n\n", EVENTS),
    "an event without a blank": (b"data:a\n\n", EVENTS),
    "an event that broke off": (b"data: a", EVENTS),
    "lines with CRLF": (b'{"a": 1}\r\n', LINES),
    "another charset than it says": (b"\xff", "text/plain; charset=utf-8"),
    "a charset that nobody knows": (b"a", "text/plain; charset=nobody"),
    "nothing": (b"", JSON),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_comes_back_as_it_was(name):
    data, kind = ODD[name]

    assert written(bodies.read_given(data, kind)) == data


PIECES = r"""
    {"a": 1.0 1 } "\u00e4" data: data: event:x [DONE] null [ ] , : \n\n
""".split()
HOSTILE = st.lists(
    st.sampled_from(
        [*map(str.encode, PIECES), b"data: ", b"\n", b"\r", b"\n\n", b"\xff"]
    ),
    max_size=12,
).map(b"".join)
KINDS = st.sampled_from([JSON, EVENTS, LINES, "text/plain", f"{JSON}; charset=latin-1"])


@given(data=HOSTILE, kind=KINDS)
def test_no_answer_loses_a_byte_that_counts(data, kind):
    assert written(bodies.read_given(data, kind)) == data


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("one", "other", "kind", "are_same"),
    [
        (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}', JSON, True),
        (b'{"a": 1}', b'{"a": 1.0}', JSON, False),
        (b'{"a": 1}', b'{"a": true}', JSON, False),
        (b"[1, 2]", b"[2, 1]", JSON, False),
        (b"a=1&b=2", b"b=2&a=1", FORM, True),
        (b"a=1&a=2", b"a=2&a=1", FORM, False),
        (b"a=caf%E9", b"a=caf%E8", FORM, False),
        (b"a=caf%E9", b"a=caf%EF%BF%BD", FORM, False),
        (b"a b", b"a  b", "text/plain", False),
    ],
)
def test_requests_are_told_apart_by_what_they_say(one, other, kind, are_same):
    first, second = (bodies.read_sent(data, kind) for data in (one, other))

    assert (digest_of(first) == digest_of(second)) is are_same

"""Streams of text as events: readable JSON, and the same chunks again."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.http.event_texts import load_events, store_events


@pytest.mark.parametrize(
    ("texts", "stored"),
    [
        (
            ['data: {"a":1}\n\n', "data: [DONE]\n\n"],
            {"events": [{"json": {"a": 1}}, {"data": "[DONE]"}]},
        ),
        (
            ['event: ping\nid: 7\ndata: {"a": "\\u00fc"}\n\n'],
            {"events": [{"event": "ping", "id": "7", "json": {"a": "ü"}}], "style": "spaced ascii"},
        ),
        (
            ['data: {"a": 1}\n\n', 'data: {"a":2}\n\n'],
            {"events": [{"json": {"a": 1}, "style": "spaced"}, {"json": {"a": 2}}]},
        ),
        (
            ['data:{"a":1}\r\n\r\n'],
            {"events": [{"json": {"a": 1}}], "colon": ":", "line_end": "\r\n"},
        ),
        (
            ['data: {"a"', ':1}\n\ndata: {"b":2}\n\n', "da"],
            {"events": [{"json": {"a": 1}}, {"json": {"b": 2}}, "da"], "ends": [10, 30, 32]},
        ),
        (
            ["", 'data: {"a":1}\n\n'],
            {"events": [{"json": {"a": 1}}], "ends": [0, 15]},
        ),
        (
            [
                ": comment\n\n",
                "data: 1\ndata: 2\n\n",
                'data: {"a":1.00}\n\n',
                'data: {"a":1,"a":2}\n\n',
                "data: []\n\n",
            ],
            {
                "events": [
                    ": comment\n\n",
                    "data: 1\ndata: 2\n\n",
                    {"data": '{"a":1.00}'},
                    {"data": '{"a":1,"a":2}'},
                    {"json": []},
                ]
            },
        ),
        (['data: {"a":1}\nid: 1\n\n', "data: x\n\n"], None),
        (["data: hello\n\n"], None),
    ],
)
def test_server_sent_events_are_stored_one_by_one(texts, stored):
    body = store_events(texts, server_sent=True)

    assert body == stored
    assert body is None or load_events(body) == texts


@pytest.mark.parametrize(
    ("texts", "stored"),
    [
        (['{"a":1}\n{"b":', "2}\n"], {"events": [{"json": {"a": 1}}, {"json": {"b": 2}}], "lines": True, "ends": [13, 16]}),
        (['{"a": 1}\r\n', "[1]"], None),
        (['{"a": 1}\n', "\n", "[1]"], {"events": [{"json": {"a": 1}}, "\n", "[1]"], "lines": True, "style": "spaced"}),
    ],
)  # fmt: skip
def test_lines_of_json_are_stored_one_by_one(texts, stored):
    body = store_events(texts, server_sent=False)

    assert body == stored
    assert body is None or load_events(body) == texts


def test_an_edited_event_is_a_chunk_of_its_own():
    """The recorded ends of the chunks fit no longer."""
    body = store_events(['data: {"a":1}\n\ndata: {"b":2}\n\n'], server_sent=True)
    assert body is not None

    body["events"][0]["json"] = {"a": "longer"}

    assert load_events(body) == ['data: {"a":"longer"}\n\n', 'data: {"b":2}\n\n']

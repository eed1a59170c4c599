"""Streams of events: readable JSON, without secrets, the same text again, and compared event by event."""

from __future__ import annotations

from json import dumps
from typing import Any

import pytest

from pytest_mimic._clients.http.body import load_body, store_body
from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.tree.wording import difference_lines


def exchange(text: str, kind: str = "text/event-stream", **end: Any) -> dict[str, Any]:
    """Return a stored exchange."""
    body = store_body([text.encode()], content_type=kind, secrets=Secrets(Redactor()), stopped="end" in end)
    return {"status": 200, "headers": [["content-type", kind]], "body": body, **end}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('data: {"a":1}\n\ndata: [DONE]\n\n', {"events": [{"json": {"a": 1}}, {"data": "[DONE]"}]}),
        (
            'event: ping\nid: 7\ndata: {"a": "\\u00fc"}\n\n',
            {"events": [{"event": "ping", "id": "7", "json": {"a": "ü"}}], "style": "spaced ascii"},
        ),
        (
            'data: {"a": 1}\n\ndata: {"a":2}\n\n',
            {"events": [{"json": {"a": 1}}, {"json": {"a": 2}, "style": ""}], "style": "spaced"},
        ),
        ('data:{"a":1}\r\n\r\n', {"events": [{"json": {"a": 1}}], "colon": ":", "line_end": "\r\n"}),
        (
            ": comment\n\ndata: 1\ndata: 2\n\n" 'data: {"a":1.00}\n\n' 'data: {"a":1}\nid: 1\n\n' "da",
            {"events": [": comment\n\n", {"data": "1\n2"}, {"data": '{"a":1.00}'}, 'data: {"a":1}\nid: 1\n\n', "da"]},
        ),
    ],
    ids=["json", "fields", "styles", "unusual", "as text"],
)  # fmt: skip
def test_server_sent_events_are_stored_one_by_one(text: str, stored: dict[str, Any]) -> None:
    body = exchange(text)["body"]

    assert body == stored
    assert b"".join(load_body(body)).decode() == text
    assert len(load_body(body)) == len(body["events"])


@pytest.mark.parametrize(
    ("text", "kind", "stored"),
    [
        ('{"a":1}\n{"b":2}\n', "text/plain", {"events": [{"json": {"a": 1}}, {"json": {"b": 2}}], "lines": True}),
        ('{"a":1}\n', "application/jsonl", {"events": [{"json": {"a": 1}}], "lines": True}),
        (
            '{"a": 1}\n\n[1]',
            "application/x-ndjson",
            {"events": [{"json": {"a": 1}}, {"data": ""}, "[1]"], "lines": True, "style": "spaced"},
        ),
        ('{"a":1}\nno json\n', "text/plain", {"text": '{"a":1}\nno json\n'}),
    ],
)  # fmt: skip
def test_lines_of_json_are_stored_one_by_one(text: str, kind: str, stored: dict[str, Any]) -> None:
    body = exchange(text, kind)["body"]

    assert body == stored
    assert b"".join(load_body(body)).decode() == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('data: {"token":"x1"}\n\n', 'data: {"token":"<redacted>"}\n\n'),
        ('data: {"token":"x1","a":NaN}\n\n', 'data: {"token":"<redacted>","a":NaN}\n\n'),
        ('data: {\ndata:  "token":\ndata: "x1"}\n\n', 'data: {\ndata:  "token":\ndata: "<redacted>"}\n\n'),
        ('data: {"a":"\u2028","token":"x1"}\n\n', 'data: {"a":"\u2028","token":"<redacted>"}\n\n'),
        ('data: {"token":"x1","a', 'data: {"token":"<redacted>","a'),
        ('data: {\ndata: "token":"x1","a', 'data: {\ndata: "token":"<redacted>","a'),
        ("data: token=x1&a=1\n\n", "data: token=<redacted>&a=1\n\n"),
        (
            'data: say abcd1234efgh\n\n: abcd1234efgh\n\ndata: {"token":"abcd1234efgh"}\n\n',
            'data: say <redacted>\n\n: <redacted>\n\ndata: {"token":"<redacted>"}\n\n',
        ),
    ],
)
def test_secrets_are_hidden_in_events(text: str, hidden: str) -> None:
    assert b"".join(load_body(exchange(text)["body"])).decode() == hidden


def server_sent(*events: Any, names: str = "", **end: Any) -> dict[str, Any]:
    """Return an exchange of server-sent events, each with one letter of the names."""
    lines = [f"data: {event if isinstance(event, str) else dumps(event)}\n\n" for event in events]
    heads = [f"event: {name}\n" for name in names] or [""] * len(lines)
    return exchange("".join(head + line for head, line in zip(heads, lines, strict=True)), **end)


def json_lines(*values: Any) -> dict[str, Any]:
    """Return an exchange of JSON texts, one on each line."""
    return exchange("".join(f"{dumps(value)}\n" for value in values), "text/plain")


def differences(recorded: Any, actual: Any, *volatile: str, mode: Any = "exact") -> list[str]:
    """Return the lines that verifying shows."""
    client = HttpxAdapter("httpx")
    old, new = client.comparable(recorded, actual), client.comparable(actual, recorded)
    outcomes = Outcome("value", old), Outcome("value", new)
    return difference_lines(compare(*outcomes, Rules(volatile=volatile, mode=mode), redactor=Redactor()))


@pytest.mark.parametrize("make", [server_sent, json_lines])
@pytest.mark.parametrize("path", ["body.id", "body.*.id", "*.id"])
def test_a_path_is_for_each_event(make: Any, path: str) -> None:
    old = make({"id": "a1", "n": 1}, {"id": "a2", "n": 2})

    assert not differences(old, make({"id": "b1", "n": 1}, {"id": "b2", "n": 2}), path)
    assert differences(old, make({"id": "b1", "n": 1}, {"id": "b2", "n": 3}), path) == [
        f"body[1]{'.data' if make is server_sent else ''}.n: 2 recorded, 3 now"
    ]


def test_a_path_may_name_one_event_and_its_data() -> None:
    old, new = server_sent({"id": 1}, {"id": 2}), server_sent({"id": 3}, {"id": 4})

    assert differences(old, new, "body.0.data.id") == ["body[1].data.id: 2 recorded, 4 now"]
    assert differences(old, new, "body.*.data.id") == []
    assert differences(old, new, "body.1.id", "body.0.id") == []
    assert differences(old, new, "status.id") != []


def test_layout_comments_and_line_ends_of_events_do_not_count() -> None:
    old = exchange('event: a\r\ndata: {"n": 1,\r\ndata: "m": 2}\r\n\r\n: ping\r\n\r\n')
    new = exchange('event: a\ndata: {"m":2, "n":1}\n\n')

    assert not differences(old, new)


def test_the_number_of_events_is_no_matter_of_shape() -> None:
    text = {"delta": "Hello", "stop": None}
    end = {"delta": "", "stop": "end"}
    old = server_sent(text, text, end, "[DONE]")

    assert not differences(old, server_sent(*[text] * 40, end, "[DONE]"), mode="shape")
    assert not differences(server_sent(*[text] * 40, end, "[DONE]"), old, mode="shape")
    assert differences(old, server_sent(text, text), mode="shape") == [
        "body[1].data: '[DONE]' recorded, {'delta': 'Hello', 'stop': None} now"
    ]
    assert differences(old, server_sent(text, {"delta": 5, "stop": None}, end, "[DONE]"), mode="shape") == [
        "body[1].data.delta: 'Hello' recorded, 5 now"
    ]


def test_an_event_of_a_new_name_is_another_shape() -> None:
    old, new = server_sent({"n": 1}, {"n": 2}, names="ab"), server_sent({"n": 1}, {"n": 2}, names="ac")

    assert any("not in the recording" in line for line in differences(old, new, mode="shape"))
    assert differences(old, new) == ["body[1].event: 'b' recorded, 'c' now"]


def test_of_a_stream_that_was_left_the_events_that_both_have_are_compared() -> None:
    whole = server_sent({"n": 1}, {"n": 2}, {"n": 3})
    left = exchange('data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: {', end="stopped")

    assert not differences(whole, left)
    assert not differences(left, whole)
    assert not differences(left, whole, mode="shape")
    assert differences(server_sent({"n": 1}, {"n": 5}, {"n": 3}), left) == [
        "body[1].data.n: 5 recorded, 2 now"
    ]

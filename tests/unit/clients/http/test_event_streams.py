"""Streams of events are stored and compared one by one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._clients.http.response_body import load_body, store_body
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets
from pytest_mimic._core.tree.agreement import ComparisonRules, compare
from pytest_mimic._core.tree.difference_words import difference_lines


def exchange(text: str, kind: str = "text/event-stream", **end: Any) -> dict[str, Any]:
    """Return a stored exchange."""
    body = store_body(
        [text.encode()],
        content_type=kind,
        secrets=Secrets(Redactor()),
        stopped="end" in end,
    )
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
def test_server_sent_events_are_stored_one_by_one(
    text: str, stored: dict[str, Any]
) -> None:
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
def test_lines_of_json_are_stored_one_by_one(
    text: str, kind: str, stored: dict[str, Any]
) -> None:
    body = exchange(text, kind)["body"]

    assert body == stored
    assert b"".join(load_body(body)).decode() == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('data: {"token":"x1"}\n\n', 'data: {"token":"<redacted>"}\n\n'),
        (
            'data: {"token":"x1","a":NaN}\n\n',
            'data: {"token":"<redacted>","a":NaN}\n\n',
        ),
        (
            'data: {\ndata:  "token":\ndata: "x1"}\n\n',
            'data: {\ndata:  "token":\ndata: "<redacted>"}\n\n',
        ),
        (
            'data: {"a":"\u2028","token":"x1"}\n\n',
            'data: {"a":"\u2028","token":"<redacted>"}\n\n',
        ),
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


def differences(recorded: Any, actual: Any, *volatile: str) -> list[str]:
    """Return the lines that verifying shows."""
    client = HttpxAdapter("httpx")
    old, new = client.comparable(recorded, actual), client.comparable(actual, recorded)
    outcomes = Value(old), Value(new)
    return difference_lines(
        compare(*outcomes, ComparisonRules(volatile=volatile), redactor=Redactor())
    )


def sent(*numbers: int) -> dict[str, Any]:
    """Return an exchange of server-sent events."""
    return exchange("".join(f'data: {{"n": {number}}}\n\n' for number in numbers))


def test_streams_are_compared_event_by_event() -> None:
    lines = [
        exchange(f'{{"n": 1}}\n{{"n": {number}}}\n', "text/plain") for number in (2, 3)
    ]

    assert differences(sent(1, 2), sent(1, 3)) == ["body[1].data.n: 2 recorded, 3 now"]
    assert differences(*lines) == ["body[1].n: 2 recorded, 3 now"]
    assert (
        differences(sent(1, 2), sent(3, 4), "body.n")
        == differences(*lines, "body.n")
        == []
    )


def test_layout_comments_and_line_ends_of_events_do_not_count() -> None:
    old = exchange('event: a\r\ndata: {"n": 1,\r\ndata: "m": 2}\r\n\r\n: ping\r\n\r\n')
    new = exchange('event: a\ndata: {"m":2, "n":1}\n\n')

    assert not differences(old, new)


def test_of_a_stream_that_was_left_the_events_that_both_have_are_compared() -> None:
    left = exchange('data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: {', end="stopped")

    assert not differences(sent(1, 2, 3), left)
    assert not differences(left, sent(1, 2, 3))
    assert differences(sent(1, 5, 3), left) == ["body[1].data.n: 5 recorded, 2 now"]


def test_a_stream_of_json_lines_that_was_left_after_its_first_line_has_one_event() -> (
    None
):
    """The line may have been cut off, so that it is stored as JSON, not as an event."""
    kind = "application/x-ndjson"
    left, now = (
        exchange(f'{{"i": 0, "n": {number}}}\n', kind, end="stopped")
        for number in (1, 1000)
    )
    whole = exchange('{"i": 0, "n": 2}\n{"i": 1, "n": 3}\n', kind)

    assert left["body"] == {"json": {"i": 0, "n": 1}, "style": "spaced newline"}
    assert differences(left, now) == ["body[0].n: 1 recorded, 1000 now"]
    assert differences(left, whole) == ["body[0].n: 1 recorded, 2 now"]
    for recorded, actual in ((left, now), (left, whole), (whole, left)):
        assert not differences(recorded, actual, "body.n")


@pytest.mark.parametrize("text", ['{"i": 0}\nno json\n', '{"i": 0}\n{"i"'])
def test_a_stream_that_was_left_is_compared_as_text_with_what_is_no_stream(
    text: str,
) -> None:
    kind = "application/x-ndjson"
    left = exchange('{"i": 0}\n', kind, end="stopped")
    other = exchange('{"i": 1}\n', kind, end="stopped")

    assert not differences(left, exchange(text, kind))
    assert not differences(exchange(text, kind), left)
    assert differences(other, exchange(text, kind))

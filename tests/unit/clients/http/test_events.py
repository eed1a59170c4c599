"""Streams of events are compared event by event."""

from __future__ import annotations

from json import dumps
from typing import Any

import pytest

from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._core.compare.outcome_comparison import Rules, compare
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor


def exchange(chunks: list[str], kind: str = "text/event-stream", **end: Any) -> dict[str, Any]:
    """Return a stored exchange."""
    return {"status": 200, "headers": [["content-type", kind]], "body": {"chunks": chunks}, **end}


def server_sent(*events: Any, names: str = "", **end: Any) -> dict[str, Any]:
    """Return an exchange of server-sent events, each with one letter of the names."""
    lines = [f"data: {event if isinstance(event, str) else dumps(event)}\n\n" for event in events]
    heads = [f"event: {name}\n" for name in names] or [""] * len(lines)
    return exchange([head + line for head, line in zip(heads, lines, strict=True)], **end)


def json_lines(*values: Any, kind: str = "application/x-ndjson", **end: Any) -> dict[str, Any]:
    """Return an exchange of JSON texts, one on each line."""
    return exchange([f"{dumps(value)}\n" for value in values], kind, **end)


def differences(recorded: Any, actual: Any, *volatile: str, mode: Any = "exact") -> list[str]:
    """Return the lines that verifying shows."""
    client = HttpxAdapter("httpx")
    old, new = client.comparable(recorded, actual), client.comparable(actual, recorded)
    outcomes = Outcome("value", old), Outcome("value", new)
    return compare(*outcomes, Rules(volatile=volatile, mode=mode), redactor=Redactor())


MAKERS = pytest.mark.parametrize(
    "make", [server_sent, json_lines, lambda *values: json_lines(*values, kind="text/plain")]
)


@MAKERS
@pytest.mark.parametrize("path", ["body.id", "id", "body.*.id", "*.id"])
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
    old = exchange(['event: a\r\ndata: {"n": 1,\r\ndata: "m": 2}\r\n\r\n', ": ping\r\n\r\n"])
    new = exchange(['event: a\ndata: {"m":2, "n":1}\n', "\n"])

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
    left = exchange(['data: {"n": 1}\n\n', 'data: {"n": 2}\n\nda', "ta: {"], end="stopped")

    assert not differences(whole, left)
    assert not differences(left, whole)
    assert not differences(left, whole, mode="shape")
    assert differences(server_sent({"n": 1}, {"n": 5}, {"n": 3}), left) == [
        "body[1].data.n: 5 recorded, 2 now"
    ]


def test_secrets_in_events_are_hidden() -> None:
    lines = differences(server_sent({"token": "abc"}), server_sent({"token": "abcd"}))

    assert lines
    assert "abc" not in "".join(lines)

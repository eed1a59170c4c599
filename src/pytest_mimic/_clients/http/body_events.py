"""The events in a stored body, for comparing them one by one: server-sent events, or lines of JSON."""

from __future__ import annotations

import re
from typing import Any

from pytest_mimic._clients.http.body import load_body
from pytest_mimic._clients.http.frames import frame_values
from pytest_mimic._clients.http.json_layout import parse_json
from pytest_mimic._clients.http.message import as_text, header_of, media_type
from pytest_mimic._core.identity.opening import Events, ServerSentEvent

# Media types of streams with one JSON text on each line.
_JSON_LINES = ("ndjson", "jsonl", "json-seq", "stream+json", "x-json-stream")
_LINE_END = re.compile(r"\r\n|\r|\n")


def events_in(plain: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange, or None if its body is no stream of events.

    Of a body that was not read to its end, the event in which it was cut off is left out.
    """
    body = plain.get("body")
    if body is None or "json" in body:
        return None
    is_whole = plain.get("end") != "stopped" and "error" not in plain
    if "events" in body:
        return Events(frame_values(body["events"]), is_whole=is_whole)
    text = as_text(b"".join(load_body(body)), body.get("charset", "utf-8"))
    if text is None:
        return None
    kind = media_type(header_of(plain["headers"], "content-type"))
    found = _server_sent(text, is_whole) if "event-stream" in kind else _json_lines(text, kind, is_whole)
    return None if found is None else Events(found, is_whole=is_whole)


def _server_sent(text: str, is_whole: bool) -> list[ServerSentEvent]:
    """Return server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)."""
    blocks = _LINE_END.sub("\n", text.removeprefix("\ufeff")).split("\n\n")
    if not is_whole:
        blocks.pop()
    return [event for event in map(_server_sent_event, blocks) if event]


def _server_sent_event(block: str) -> ServerSentEvent:
    event = ServerSentEvent()
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in event:
            event["data"] += "\n" + value
        elif name:  # else a comment
            event[name] = value
    if "data" in event:
        event["data"] = _value(event["data"])
    return event


def _json_lines(text: str, kind: str, is_whole: bool) -> list[Any] | None:
    lines = _LINE_END.split(text)
    if not is_whole:
        lines.pop()
    lines = [line.strip("\x1e \t") for line in lines]
    values = [_value(line) for line in lines if line]
    if any(word in kind for word in _JSON_LINES):
        return values
    # Servers also send them as plain text or as JSON.
    are_json = len(values) > 1 and all(isinstance(value, (dict, list)) for value in values)
    return values if are_json else None


def _value(text: str) -> Any:
    """Return the value of a JSON text, or the text itself."""
    try:
        return parse_json(text)
    except ValueError:
        return text

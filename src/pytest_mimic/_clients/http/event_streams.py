"""Streams of text as events: server-sent events, and lines of JSON. They are parsed once, stored and compared so."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pytest_mimic._clients.http.json_text import json_of, style_of, write_json
from pytest_mimic.client import Events, Secrets, ServerSentEvent, hide_split

# Media types of streams with one JSON text on each line.
_JSON_LINES = ("ndjson", "jsonl", "json-seq", "stream+json", "x-json-stream")
# A server-sent event with its blank line, or what else there is up to the end; a line.
_EVENT = re.compile(r".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands after the name of the first `data` field, and at the end of its line.
_FORM = re.compile(r"^data(: ?)[^\r\n]*(\r\n|\r|\n)", re.MULTILINE)
# What may stand around the JSON text of a line. RFC 7464 begins a line with the first.
_AROUND_JSON = "\x1e \t\r\n"
# The fields of an event that are its content.
_CONTENT = ("data", "json", "style")


def split_events(
    text: str, media_type: str, *, is_whole: bool = True
) -> list[str] | None:
    """Return the events of a text of a media type, or None if it is no stream of events.

    Servers send lines of JSON as plain text, too: each of several lines is then an
    object or an array. The last line may be cut off where the text is not whole.
    """
    if "event-stream" in media_type:
        return _EVENT.findall(text)
    lines = _LINE.findall(text)
    is_named = any(name in media_type for name in _JSON_LINES)
    if len(lines) < 2 and not is_named:
        return None
    values = [json_of(line.strip(_AROUND_JSON)) for line in lines if line.strip()]
    if not is_whole:
        del values[-1:]
    fewest = 1 if is_named else 2
    is_stream = all(isinstance(value, (dict, list)) for value in values)
    return lines if is_stream and len(values) >= fewest else None


def store_events(
    pieces: list[str], secrets: Secrets, *, server_sent: bool
) -> dict[str, Any]:
    """Return the body of a stream without secrets.

    An event that cannot be made again from its fields is a text.

    It has `lines` if the events are lines of JSON, else the `colon` and `line_end` of
    its fields if these are unusual. Its `style` is that of all JSON in it, but for
    events that have their own.
    """
    body: dict[str, Any] = {} if server_sent else {"lines": True}
    form = _FORM.search("".join(pieces)) if server_sent else None
    if form is not None and form.groups() != (": ", "\n"):
        body.update(colon=form[1], line_end=form[2])
    events = [_parsed(piece, body) for piece in pieces]
    for event in events:
        secrets.learn(event.get("json", event.get("data")))
    contents = [event.get("json", event.get("data")) for event in events]
    hidden = hide_split(contents, secrets.of_stream)
    for event, content in zip(events, hidden):
        if content is not None:
            event["json" if "json" in event else "data"] = content
    are_changed = [content is not given for content, given in zip(hidden, contents)]
    styles = Counter(event["style"] for event in events if "json" in event)
    if style := max(styles, key=styles.__getitem__, default=""):
        body["style"] = style
    stored = []
    for piece, event, is_changed in zip(pieces, events, are_changed, strict=True):
        if event.get("style") == style:
            del event["style"]
        stored.append(_stored(piece, event, body, secrets, is_changed=is_changed))
    return {"events": stored, **body}


def load_events(body: dict[str, Any]) -> list[str]:
    """Return the texts of the events of a stored stream."""
    return [
        event if isinstance(event, str) else _text(event, body)
        for event in body["events"]
    ]


def events_in(plain: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange to be compared, or None if its body is no stream of events.

    Of a body that was not read to its end, the event in which it was cut off is left
    out.
    """
    body = plain.get("body")
    if body is None or "events" not in body:
        return None
    is_whole = "end" not in plain and "error" not in plain
    compared = []
    for event in body["events"]:
        if isinstance(event, str) and not is_whole and not _is_ended(event, body):
            continue
        fields = _parsed(event, body) if isinstance(event, str) else event
        value = fields["json"] if "json" in fields else json_of(fields.get("data", ""))
        if "lines" in body:
            if value != "":
                compared.append(value)
        elif fields:
            compared.append(_compared(fields, value))
    return Events(compared, is_whole=is_whole)


def _compared(fields: dict[str, Any], value: Any) -> Any:
    """Return a server-sent event as it is compared: its fields, and its data as a value."""
    rest = {name: text for name, text in fields.items() if name not in _CONTENT}
    has_data = "json" in fields or "data" in fields
    return ServerSentEvent(rest, data=value) if has_data else rest


def _is_ended(piece: str, body: dict[str, Any]) -> bool:
    return piece.endswith("\n" if "lines" in body else ("\n\n", "\r\n\r\n", "\r\r"))


def _parsed(piece: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event, its data as `json` if this can be written again.

    A comment has none.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    if "lines" in body:
        event = {"data": piece.strip(_AROUND_JSON)}
    else:
        event = _fields(piece)
    parsed: Any = json_of(event.get("data", ""))
    if not isinstance(parsed, (dict, list)):
        return event
    style = style_of(parsed, event["data"])
    if style is None:
        return event
    del event["data"]
    return {**event, "json": parsed, "style": style}


def _fields(piece: str) -> dict[str, str]:
    """Return the fields of a server-sent event, the lines of its data as one text."""
    fields: dict[str, str] = {}
    for line in _LINE_END.split(piece.removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and name in fields:
            fields[name] += f"\n{value}"
        elif name:
            fields[name] = value
    return fields


def _stored(
    piece: str,
    event: dict[str, Any],
    body: dict[str, Any],
    secrets: Secrets,
    *,
    is_changed: bool,
) -> dict[str, Any] | str:
    """Return an event without secrets; as a text if its fields do not make it again.

    One that `is_changed` has lost its piece of a secret.
    """
    if not event:
        return secrets.text(piece)
    scrubbed = {
        name: secrets.scrub(value, keep_types=True)
        if name == "json"
        else secrets.text(value)
        for name, value in event.items()
    }
    if scrubbed == event and not is_changed:
        return event if _text(event, body) == piece else piece
    if _is_ended(piece, body):
        return scrubbed
    # The event was cut off, and so is its text.
    return _text(scrubbed, body).rstrip("\r\n")


def _text(event: dict[str, Any], body: dict[str, Any]) -> str:
    style = event.get("style", body.get("style", ""))
    data = write_json(event["json"], style) if "json" in event else event.get("data")
    if "lines" in body:
        return f"{data}\n"
    colon, end = body.get("colon", ": "), body.get("line_end", "\n")
    lines = [
        f"{name}{colon}{event[name]}{end}" for name in event if name not in _CONTENT
    ]
    if data is not None:
        lines += [f"data{colon}{line}{end}" for line in data.split("\n")]
    return f"{''.join(lines)}{end}"

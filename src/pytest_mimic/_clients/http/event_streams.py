"""Streams of text as events: server-sent events, and lines of JSON.

They are bodies of responses, which are stored, compared and replayed event by event. No
identity depends on them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pytest_mimic._clients.http.text_and_json import json_of, style_of, write_json
from pytest_mimic.client import Events, Secrets, ServerSentEvent, hide_split

# Media types of streams with one JSON text on each line.
_MEDIA_TYPES_OF_JSON_LINES = (
    "ndjson",
    "jsonl",
    "json-seq",
    "stream+json",
    "x-json-stream",
)
# A server-sent event with its blank line, which the last one may lack.
_EVENT = re.compile(r".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)
# A line with its end, which the last one may lack.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands after the name of the first `data` field, and at the end of its line.
_FIRST_DATA_LINE = re.compile(r"^data(: ?)[^\r\n]*(\r\n|\r|\n)", re.MULTILINE)
# What may stand around the JSON text of a line. RFC 7464 begins a line with the first.
_AROUND_JSON = "\x1e \t\r\n"
# The fields of an event that are its content.
_FIELDS_OF_CONTENT = ("data", "json", "style")
# How the text of a server-sent event ends.
_BLANK_LINES = ("\n\n", "\r\n\r\n", "\r\r")


def split_events(
    text: str, media_type: str, *, is_whole: bool = True
) -> list[str] | None:
    r"""Split a text into its events, which joined are the text again.

    | media type | an event |
    |---|---|
    | of server-sent events, `text/event-stream` | `data: 1\n\n`, up to a blank line |
    | of lines of JSON, `application/x-ndjson` | a line |
    | other: servers send lines of JSON as plain text | a line, if there are several |

    Each line of JSON is an object or an array, but the last one of a text that is not
    whole. None: the text is no stream of events, and is stored as a text or as JSON.
    """
    if "event-stream" in media_type:
        return _EVENT.findall(text)
    lines = _LINE.findall(text)
    # One line of any other type is a JSON body, and no stream.
    fewest_lines = 2
    if any(media_name in media_type for media_name in _MEDIA_TYPES_OF_JSON_LINES):
        fewest_lines = 1
    if len(lines) < fewest_lines:
        return None
    json_lines = []
    for line in lines:
        # Blank lines keep a connection alive.
        if line.strip():
            json_lines.append(line)
    if not is_whole:
        # The last line may be cut off, and need not be JSON.
        del json_lines[-1:]
    if len(json_lines) < fewest_lines:
        return None
    for json_line in json_lines:
        value = json_of(json_line.strip(_AROUND_JSON))
        if not isinstance(value, (dict, list)):
            return None
    return lines


def store_events(
    texts_of_events: list[str], secrets: Secrets, *, server_sent: bool
) -> dict[str, Any]:
    """Return the stored body of a stream of events, without secrets.

    An event that cannot be made again from its fields is a text. Beside its `events`,
    the body has:

    | key | what |
    |---|---|
    | `lines` | True, if the events are lines of JSON |
    | `colon`, `line_end` | what ends the name and the line of a field, if unusual |
    | `style` | how all JSON is written, but for events with a style of their own |
    """
    body: dict[str, Any] = {}
    if not server_sent:
        body["lines"] = True
    else:
        data_line = _FIRST_DATA_LINE.search("".join(texts_of_events))
        if data_line is not None and data_line.groups() != (": ", "\n"):
            body.update(colon=data_line[1], line_end=data_line[2])
    events = [
        _parsed_event(event_text, is_json_line="lines" in body)
        for event_text in texts_of_events
    ]
    contents = [event.get("json", event.get("data")) for event in events]
    # All is learned before anything is hidden: an event may repeat the secret of a
    # later one.
    for content in contents:
        secrets.learn(content)
    # A secret may be sent in pieces, one in each of several events.
    hidden_contents = hide_split(contents, secrets.of_stream)
    common_json_style = _commonest_json_style(events)
    if common_json_style:
        body["style"] = common_json_style
    stored_events = []
    for event_text, event, content, hidden_content in zip(
        texts_of_events, events, contents, hidden_contents, strict=True
    ):
        if hidden_content is not None:
            content_field = "json" if "json" in event else "data"
            event[content_field] = hidden_content
        if event.get("style") == common_json_style:
            # An event without a style of its own has that of the body.
            del event["style"]
        is_changed = hidden_content is not content
        stored_events.append(
            _stored_event(event_text, event, body, secrets, is_changed=is_changed)
        )
    return {"events": stored_events, **body}


def _commonest_json_style(events: list[dict[str, Any]]) -> str:
    """Return how most JSON of a stream is written, as `style_of` tells it.

    The style is that of the blanks and escapes, `{"a": 1}` or `{"a":1}`. It stands once
    in the stored body, so that only events in another style need one of their own. Of
    several styles that are equally common, the first one of the stream is taken. The
    text is empty if no event is JSON.
    """
    counts: Counter[str] = Counter()
    for event in events:
        # The data of other events is no JSON, and stands under the key `data`.
        if "json" in event:
            counts[event["style"]] += 1
    if not counts:
        return ""
    # Of equal counts, a counter gives the one that it has met first.
    [(style, _)] = counts.most_common(1)
    return style


def load_events(body: dict[str, Any], charset: str) -> list[bytes]:
    """Return the bytes of each event of a stored stream, for a replay."""
    return [_bytes_of_event(event, body, charset) for event in body["events"]]


def _bytes_of_event(
    event: dict[str, Any] | str, stored_body: dict[str, Any], charset: str
) -> bytes:
    """Return the bytes of a stored event, which is its text or its fields."""
    if isinstance(event, str):
        return event.encode(charset)
    try:
        return _event_text(event, stored_body).encode(charset)
    except UnicodeEncodeError:
        if "json" not in event:
            # `check_http` has refused such an event before.
            raise
        # An edit has put in a character that the charset lacks. `ascii` escapes it.
        style = event.get("style", stored_body.get("style", ""))
        escaped_event = {**event, "style": f"{style} ascii"}
        return _event_text(escaped_event, stored_body).encode(charset)


def events_in(exchange: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange as they are compared, to verify it.

    None: the body is no stream of events. Of a body that was not read to its end, the
    event in which the body was cut off is left out.
    """
    body = exchange.get("body")
    if body is None or "events" not in body:
        return None
    is_whole = "end" not in exchange and "error" not in exchange
    is_of_json_lines = "lines" in body
    comparable_events = []
    for event in body["events"]:
        fields = event
        if isinstance(event, str):
            if not is_whole and not _is_ended(event, is_json_line=is_of_json_lines):
                continue
            fields = _parsed_event(event, is_json_line=is_of_json_lines)
        value = fields.get("json")
        if "json" not in fields:
            value = json_of(fields.get("data", ""))
        # Blank lines and comments keep a connection alive: how many came is no drift.
        if is_of_json_lines:
            if value != "":
                comparable_events.append(value)
        elif fields:
            comparable_events.append(_compared_event(fields, value))
    return Events(comparable_events, is_whole=is_whole)


def only_line_in(text: str, media_type: str) -> Events | None:
    """Return the event of a stream of JSON lines that was left behind its first line.

    Its body is stored as JSON, and not as events. To verify, it is compared with the
    first event of a stream that was read further. None: the text has several lines or
    no whole one, or it is no stream of JSON lines.
    """
    if "event-stream" in media_type or not text.endswith("\n"):
        return None
    lines = split_events(text, media_type)
    if lines is None:
        return None
    values = []
    for line in lines:
        if line.strip():
            values.append(json_of(line.strip(_AROUND_JSON)))
    if len(values) != 1:
        return None
    return Events(values, is_whole=False)


def _compared_event(fields: dict[str, Any], value: Any) -> Any:
    """Return a server-sent event as it is compared, with its data as a value."""
    other_fields = _fields_beside_content(fields)
    if "json" in fields or "data" in fields:
        return ServerSentEvent(other_fields, data=value)
    return other_fields


def _fields_beside_content(event: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event other than its data, such as `event` and `id`."""
    fields = dict(event)
    for name in _FIELDS_OF_CONTENT:
        fields.pop(name, None)
    return fields


def _is_ended(event_text: str, *, is_json_line: bool) -> bool:
    """Check whether the text of an event has its end."""
    if is_json_line:
        return event_text.endswith("\n")
    return event_text.endswith(_BLANK_LINES)


def _parsed_event(event_text: str, *, is_json_line: bool) -> dict[str, Any]:
    """Return the fields of an event of a response.

    Its data is `json` if the same text can be written from that again, else `data`. An
    event that is a comment has no fields.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    if is_json_line:
        fields = {"data": event_text.strip(_AROUND_JSON)}
    else:
        fields = _event_fields(event_text)
    json_value: Any = json_of(fields.get("data", ""))
    if not isinstance(json_value, (dict, list)):
        return fields
    style = style_of(json_value, fields["data"])
    if style is None:
        # `write_json` would give another text than was sent.
        return fields
    del fields["data"]
    return {**fields, "json": json_value, "style": style}


def _event_fields(event_text: str) -> dict[str, str]:
    """Return the fields of a server-sent event, the lines of its data as one text."""
    fields: dict[str, str] = {}
    for line in _LINE_END.split(event_text.removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and name in fields:
            fields[name] += f"\n{value}"
        elif name:
            # A comment, `: still here`, has no name. Of any other field that is
            # repeated, the last value counts.
            fields[name] = value
    return fields


def _stored_event(
    event_text: str,
    event: dict[str, Any],
    stored_body: dict[str, Any],
    secrets: Secrets,
    *,
    is_changed: bool,
) -> dict[str, Any] | str:
    """Return an event without secrets; as a text if its fields do not make it again.

    Args:
        event_text: The event as it was sent.
        event: The fields of the event.
        stored_body: The stored body, with what all events have in common.
        secrets: The secrets of the exchange.
        is_changed: Whether a piece of a secret was taken out of the fields before.
    """
    if not event:
        # The event is a comment.
        return secrets.text(event_text)
    hidden_event = {}
    for name, value in event.items():
        if name == "json":
            hidden_event[name] = secrets.scrub(value, keep_types=True)
        else:
            hidden_event[name] = secrets.text(value)
    if hidden_event == event and not is_changed:
        # Without a secret, a replay gives the bytes that were recorded.
        if _event_text(event, stored_body) == event_text:
            return event
        return event_text
    if _is_ended(event_text, is_json_line="lines" in stored_body):
        return hidden_event
    # The event was cut off, and so is its text.
    return _event_text(hidden_event, stored_body).rstrip("\r\n")


def _event_text(event: dict[str, Any], stored_body: dict[str, Any]) -> str:
    """Return the text of a stored event, as it was sent."""
    data = event.get("data")
    if "json" in event:
        style = event.get("style", stored_body.get("style", ""))
        data = write_json(event["json"], style)
    # The key `lines` says that the events of the body are lines of JSON.
    if "lines" in stored_body:
        return f"{data}\n"
    fields = list(_fields_beside_content(event).items())
    if data is not None:
        # Data of several lines was sent as several fields of this name.
        for data_line in data.split("\n"):
            fields.append(("data", data_line))
    colon = stored_body.get("colon", ": ")
    line_end: str = stored_body.get("line_end", "\n")
    lines = [f"{name}{colon}{value}{line_end}" for name, value in fields]
    return "".join(lines) + line_end

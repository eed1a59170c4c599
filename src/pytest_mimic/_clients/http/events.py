"""Streams of text as events: server-sent events and lines of JSON are parsed once, stored, compared and made again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.message import parse_json, style_of, write_json
from pytest_mimic._core.types.stream_events import Events, ServerSentEvent

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets

# Media types of streams with one JSON text on each line.
_JSON_LINES = ("ndjson", "jsonl", "json-seq", "stream+json", "x-json-stream")
# A server-sent event with its blank line, or what else there is up to the end; a line.
_EVENT = re.compile(r".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands after the name of the first `data` field, and at the end of its line.
_FORM = re.compile(r"^data(: ?)[^\r\n]*(\r\n|\r|\n)", re.MULTILINE)
_USUAL = (": ", "\n")
# The form of lines of JSON, which have no fields.
_LINES = ("", "\n")


def split(text: str, kind: str, *, is_whole: bool = True) -> list[str] | None:
    """Return the events of a text of a media type, or None if it is no stream of events.

    Servers send lines of JSON as plain text, too: each of several lines is then an object or an array. The last line may be cut
    off where the text is not whole.
    """
    if "event-stream" in kind:
        return _EVENT.findall(text)
    lines = _LINE.findall(text)
    values = [value_of(line.strip("\x1e \t\r\n")) for line in lines if line.strip()]
    if not is_whole:
        del values[-1:]
    is_named = any(word in kind for word in _JSON_LINES)
    if all(isinstance(value, (dict, list)) for value in values) and len(values) > (0 if is_named else 1):
        return lines
    return None


def store_events(pieces: list[str], secrets: Secrets, *, server_sent: bool) -> dict[str, Any]:
    """Return the body of a stream without secrets. An event that cannot be made again from its fields is a text.

    It has `lines` if the events are lines of JSON, else the `colon` and `line_end` of its fields if these are unusual. A `style`
    is that of all JSON in it.
    """
    first = _FORM.search("".join(pieces))
    form = _LINES if not server_sent else (first[1], first[2]) if first else _USUAL
    parsed = [_parsed(piece, form) for piece in pieces]
    for event in parsed:
        secrets.learn(event.get("json", event.get("data")))
    events = [_stored(piece, event, form, secrets) for piece, event in zip(pieces, parsed, strict=True)]
    body: dict[str, Any] = {"events": events}
    held = [event for event in events if isinstance(event, dict) and "json" in event]
    styles = {event.get("style", "") for event in held}
    if len(styles) == 1 and "" not in styles:
        body["style"] = styles.pop()
        for event in held:
            del event["style"]
    if form == _LINES:
        body["lines"] = True
    elif form != _USUAL:
        body.update(colon=form[0], line_end=form[1])
    return body


def load_events(body: dict[str, Any]) -> list[str]:
    """Return the texts of stored events."""
    form, style = _form_of(body), body.get("style", "")
    return [event if isinstance(event, str) else _text(event, form, style) for event in body["events"]]


def events_in(plain: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange to be compared, or None if its body is no stream of events.

    Of a body that was not read to its end, the event in which it was cut off is left out.
    """
    body = plain.get("body")
    if body is None or "events" not in body:
        return None
    form = _form_of(body)
    is_whole = "end" not in plain and "error" not in plain
    found = []
    for event in body["events"]:
        if isinstance(event, str) and not is_whole and not _is_ended(event, form):
            continue
        fields = _parsed(event, form) if isinstance(event, str) else event
        value = fields["json"] if "json" in fields else value_of(fields.get("data", ""))
        rest = {name: text for name, text in fields.items() if name not in ("json", "style", "data")}
        if form != _LINES and fields:
            found.append(ServerSentEvent(rest, data=value) if {"json", "data"} & fields.keys() else rest)
        elif form == _LINES and value != "":
            found.append(value)
    return Events(found, is_whole=is_whole)


def _form_of(body: dict[str, Any]) -> tuple[str, str]:
    return _LINES if body.get("lines") else (body.get("colon", _USUAL[0]), body.get("line_end", _USUAL[1]))


def _is_ended(piece: str, form: tuple[str, str]) -> bool:
    return piece.endswith("\n") if form == _LINES else piece.endswith(("\n\n", "\r\n\r\n", "\r\r"))


def _parsed(piece: str, form: tuple[str, str]) -> dict[str, Any]:
    """Return the fields of an event, its data as `json` if this can be written again. A comment has none.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    event: dict[str, Any] = {}
    if form == _LINES:
        event["data"] = piece.strip("\x1e \t\r\n")
    for line in _LINE_END.split(piece.removeprefix("\ufeff")) if form != _LINES else ():
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in event:
            event["data"] += "\n" + value
        elif name:
            event[name] = value
    value = value_of(event.get("data", ""))
    style = style_of(value, event["data"]) if isinstance(value, (dict, list)) else None
    if style is None:
        return event
    del event["data"]
    return {**event, "json": value, **({"style": style} if style else {})}


def _stored(piece: str, event: dict[str, Any], form: tuple[str, str], secrets: Secrets) -> Any:
    """Return an event without secrets; as a text if its fields do not make it again."""
    if not event:
        return secrets.text(piece)
    scrubbed = {name: secrets.text(value) for name, value in event.items() if name not in ("json", "style")}
    if "json" in event:
        scrubbed["json"] = secrets.scrub(event["json"], keep_types=True)
    if "style" in event:
        scrubbed["style"] = event["style"]
    if not _is_ended(piece, form) and scrubbed != event:  # cut off
        return _text(scrubbed, form).removesuffix(form[1]).removesuffix(form[1])
    return scrubbed if scrubbed != event or _text(event, form) == piece else piece


def _text(event: dict[str, Any], form: tuple[str, str], style: str = "") -> str:
    colon, end = form
    data = write_json(event["json"], event.get("style", style)) if "json" in event else event.get("data")
    if form == _LINES:
        return f"{data}\n"
    lines = [f"{name}{colon}{event[name]}{end}" for name in event if name not in ("data", "json", "style")]
    lines += [f"data{colon}{line}{end}" for line in ([] if data is None else data.split("\n"))]
    return "".join(lines) + end


def value_of(text: str) -> Any:
    """Return the value of a JSON text, or the text itself."""
    try:
        return parse_json(text)
    except ValueError:
        return text

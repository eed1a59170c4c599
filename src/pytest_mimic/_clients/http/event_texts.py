"""Streams of text, server-sent events and lines of JSON, stored event by event as JSON and made again to the character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from pytest_mimic._clients.http.message import parse_json, style_of, write_json

# A server-sent event with its blank line, or what else there is up to the end; a line of JSON.
_EVENT = re.compile(r".*?\n\r?\n|.+", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# The fields of an event: a few of one line each, of which `data` is the last.
_FIELDS = re.compile(r"((?:(?:event|id|retry): ?[^\r\n]*\r?\n)*)data(: ?)([^\r\n]*)(\r?\n)\4")
_FIELD = re.compile(r"(\w+)(: ?)([^\r\n]*)(\r?\n)")
# What stands after the name of a field and at the end of a line, unless the body says otherwise; lines of JSON have no fields.
_USUAL, _LINES = (": ", "\n"), ("", "")


def store_events(texts: Sequence[str], *, server_sent: bool) -> dict[str, Any] | None:
    """Return the chunks of a stream as its `events`, or None if none of them is JSON.

    An event that cannot be made again from its parts is a text. The body has `ends`, where the chunks end in the whole text,
    unless each chunk is an event; the `colon` and `line_end` of server-sent events if these are unusual; and `lines` if
    the events are lines of JSON. A `style` is that of all JSON in it.
    """
    whole = "".join(texts)
    form = _USUAL if server_sent else _LINES
    if server_sent and (first := _FIELDS.search(whole)) is not None:
        form = (first[2], first[4])
    pieces = (_EVENT if server_sent else _LINE).findall(whole)
    events = [_stored(piece, form) for piece in pieces]
    held = [event for event in events if isinstance(event, dict) and "json" in event]
    if not held:
        return None
    body: dict[str, Any] = {"events": events}
    if len({event.get("style", "") for event in held}) == 1 and "style" in held[0]:
        body["style"] = held[0]["style"]
        for event in held:
            del event["style"]
    if not server_sent:
        body["lines"] = True
    elif form != _USUAL:
        body.update(colon=form[0], line_end=form[1])
    if pieces != list(texts):
        body["ends"] = list(accumulate(map(len, texts)))
    return body


def load_events(body: dict[str, Any]) -> list[str]:
    """Return the chunks that were stored as events. If one was edited so that its length is another, each event is a chunk."""
    form = _LINES if body.get("lines") else (body.get("colon", _USUAL[0]), body.get("line_end", _USUAL[1]))
    pieces = [
        event if isinstance(event, str) else _text(event, form, body.get("style", ""))
        for event in body["events"]
    ]
    ends, whole = body.get("ends"), "".join(pieces)
    if not ends or ends[-1] != len(whole):
        return pieces
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _stored(piece: str, form: tuple[str, str]) -> Any:
    """Return an event by its fields, or as it is."""
    if form == _LINES:
        event = _value(piece.removesuffix("\n")) or {}
    elif (found := _FIELDS.fullmatch(piece)) is not None:
        event = {one[1]: one[3] for one in _FIELD.finditer(found[1])}
        event.update(_value(found[3]) or {"data": found[3]})
    else:
        return piece
    return event if event and _text(event, form) == piece else piece


def _value(text: str) -> dict[str, Any] | None:
    """Return a JSON object or array with its style, or None for another text."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = parse_json(text)
    except ValueError:
        return None
    style = style_of(value, text)
    return None if style is None else {"json": value, **({"style": style} if style else {})}


def _text(event: dict[str, Any], form: tuple[str, str], style: str = "") -> str:
    colon, end = form
    data = write_json(event["json"], event.get("style", style)) if "json" in event else event.get("data", "")
    if form == _LINES:
        return f"{data}\n"
    fields = {name: event[name] for name in event if name not in ("data", "json", "style")}
    return "".join(f"{name}{colon}{text}{end}" for name, text in {**fields, "data": data}.items()) + end

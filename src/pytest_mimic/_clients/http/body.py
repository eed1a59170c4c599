"""Bodies of responses as readable plain data, and back to bytes. Streams of events are parsed once, stored and compared so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.message import (
    as_base64,
    as_text,
    charset_of,
    header_of,
    load_bytes,
    media_type,
    parse_json,
    style_of,
    write_json,
)
from pytest_mimic._core.types.kinds import Events, ServerSentEvent

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


def store_body(
    chunks: Sequence[bytes], *, content_type: str | None, secrets: Secrets, stopped: bool = False
) -> dict[str, Any] | None:
    """Return a response's body as readable plain data without secrets, or None if it is empty.

    Its chunks come decompressed and without the framing of the transfer. Where they end is kept only if the reader has
    `stopped` before the end: it then reads as many again. Streams of events come back event by event.

    It is one of `json` (with a `style` if it is not compact), `text`, `base64`, `events` or `chunks`, with a `charset` if
    that is not UTF-8.
    """
    data = b"".join(chunks)
    if not data:
        return None
    kind, declared = media_type(content_type), charset_of(content_type)
    charset = next((name for name in (declared, "utf-8") if as_text(data, name) is not None), None)
    is_cut = stopped and len(chunks) > 1
    if charset is None:
        return {"chunks": [as_base64(chunk) for chunk in chunks]} if is_cut else as_base64(data)
    text = data.decode(charset)
    events, texts = _split(text, kind, is_whole=not stopped), _texts(chunks, charset)
    body: dict[str, Any]
    if events and _encoded(events, charset) == data:
        body = _store_events(events, secrets, server_sent="event-stream" in kind)
    elif is_cut and _encoded(texts, charset) == data:
        body = {"chunks": _scrubbed(texts, secrets)}
    else:
        body = secrets.store_text(text, kind)
    if codecs.lookup(charset).name != "utf-8":
        body["charset"] = charset
    return body


def _texts(chunks: Sequence[bytes], charset: str) -> list[str]:
    """Decode chunks. One that ends within a character ends before it."""
    decoder = codecs.getincrementaldecoder(charset)()
    return [text for chunk in chunks if (text := decoder.decode(chunk))]


def _encoded(texts: Sequence[str], charset: str) -> bytes:
    """Return the bytes of texts that are encoded one by one: in UTF-16, for example, each has a mark."""
    return b"".join(text.encode(charset) for text in texts)


def _scrubbed(texts: list[str], secrets: Secrets) -> list[str]:
    """Return as many texts without secrets; equally long ones if there were any."""
    whole = "".join(texts)
    hidden = secrets.text(whole)
    size = -(-len(hidden) // len(texts))
    return texts if hidden == whole else [hidden[at : at + size] for at in range(0, len(hidden), size)]


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """Return the chunks of a stored body."""
    if body is None:
        return []
    charset = body.get("charset", "utf-8")
    if "events" in body:
        return [text.encode(charset) for text in _load_events(body)]
    if "chunks" in body:
        return [one.encode(charset) if isinstance(one, str) else load_bytes(one) for one in body["chunks"]]
    return [load_bytes(body)]


def hides_text(plain: dict[str, Any]) -> bool:
    """Return whether the body of a stored exchange is a text that only base64 holds: nothing in it is redacted."""
    body, kind = plain.get("body", {}), media_type(header_of(plain.get("headers", ()), "content-type"))
    is_coded = "base64" in body or any(isinstance(chunk, dict) for chunk in body.get("chunks", ()))
    return is_coded and any(word in kind for word in ("text/", "json", "xml", "eventstream"))


# Streams of text as events: server-sent events, and lines of JSON


def _split(text: str, kind: str, *, is_whole: bool = True) -> list[str] | None:
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


def _store_events(pieces: list[str], secrets: Secrets, *, server_sent: bool) -> dict[str, Any]:
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


def _load_events(body: dict[str, Any]) -> list[str]:
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

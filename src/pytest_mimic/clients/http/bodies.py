"""Bodies of HTTP as readable data, and as the bytes that they were.

A body is one of these, and a form is taken only if it holds all that counts:

| form | of |
|---|---|
| `{"json": value, "layout": "compact"}` | JSON, in the layout of `_LAYOUTS` |
| `{"json": value, "text": "..."}` | JSON in another layout, with the text that came |
| `{"form": {"name": "value"}}` | a request's form; a repeated field is a list |
| `{"parts": [{"name": ..., "type": ..., "body": ...}]}` | a request of several parts |
| `{"events": [{"event": ..., "data": ...}]}` | server-sent events |
| `{"lines": [value, ...], "layout": "compact"}` | lines of JSON |
| `{"text": "...", "charset": "..."}` | any other text |
| `{"base64": "..."}` | everything else |
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from json import JSONEncoder
from typing import Any
from urllib.parse import parse_qsl

from pytest_mimic.client import Plain, fields
from pytest_mimic.values.tree import is_deeper
from pytest_mimic.values.walk import DEEPEST

# How a server may have written its JSON, with all characters or in ASCII.
_WAYS: dict[str, dict[str, Any]] = {
    "spaced": {},
    "compact": {"separators": (",", ":")},
    "indent 2": {"indent": 2},
    "indent 4": {"indent": 4},
}
# The first is the default.
_LAYOUTS: dict[str, JSONEncoder] = {}
for _name, _way in _WAYS.items():
    _LAYOUTS[_name] = JSONEncoder(ensure_ascii=False, **_way)
    _LAYOUTS[f"{_name} ascii"] = JSONEncoder(**_way)
_NO_JSON = object()
_FORMS = ("json", "form", "parts", "events", "lines", "text", "base64")
_JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")
_EVENTS = "text/event-stream"
STREAMS = (_EVENTS, *_JSON_LINES)
"""The media types whose bodies are read item by item."""
_EVENT_KEYS = {"event", "id", "retry", "data", "layout"}


def media_type(content_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def parameter(content_type: str, name: str) -> str:
    """Return a parameter of a media type, or an empty text."""
    # As slow to import as all the rest: only when there is a body.
    from email.message import Message

    message = Message()
    message["Content-Type"] = content_type.replace("\0", "")
    value = message.get_param(name)
    return value if isinstance(value, str) else ""


def read_sent(data: bytes, content_type: str) -> Plain:
    """Return the body of a request."""
    kind = media_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        sent = read_fields(_decoded(data, "ascii"))
        if sent is not None:
            return {"form": sent}
    if kind.startswith("multipart/"):
        parts = _parts(data, parameter(content_type, "boundary"))
        if parts is not None:
            return {"parts": parts}
    # Blanks and the order of fields do not tell two requests apart.
    value = _json(_decoded(data, "utf-8") or "")
    if isinstance(value, (dict, list, str)):
        return {"json": value}
    return _text_in(data, content_type, lambda _: None)


def read_given(data: bytes, content_type: str) -> Plain:
    """Return the body of an answer, from which `pieces` makes the same bytes."""
    kind = media_type(content_type)

    def read(text: str) -> Plain | None:
        if kind == _EVENTS:
            return _events(text)
        if kind in _JSON_LINES:
            return _lines(text)
        if text.lstrip()[:1] in tuple('{["') or kind.endswith("json"):
            return _json_in_layout(text)
        return None

    return _text_in(data, content_type, read)


def _text_in(
    data: bytes, content_type: str, read: Callable[[str], Plain | None]
) -> Plain:
    """Return a body by its text, or in base64.

    Args:
        data: The body.
        content_type: What it is said to be.
        read: Gives what a text holds; None: the text stands as it is.
    """
    charset = parameter(content_type, "charset") or "utf-8"
    text = _decoded(data, charset)
    if text is None or _is_binary(media_type(content_type)):
        charset, text = "utf-8", _decoded(data, "utf-8")
        if text is None or "\0" in text:
            return {"base64": base64.b64encode(data).decode()}
    body = read(text) or {"text": text}
    is_default = charset.lower() in ("utf-8", "ascii", "us-ascii")
    return body if is_default else {**body, "charset": charset}


def held(body: Plain) -> Any:
    """Return what a body holds, without its form: what a path below `body` names.

    Parts stand by their names, parts of one name or without one as a list.
    """
    name = form(body)
    if name == "parts":
        parts = [(part.get("name", ""), held(part["body"])) for part in body[name]]
        return fields(parts)
    return body if name in ("base64", "") else body[name]


def form(body: Plain) -> str:
    """Return the form of a body: `json`, `form`, `parts`, `text`."""
    return next((name for name in _FORMS if name in body), "")


def is_done(body: Plain) -> bool:
    """Return whether the last event says that a stream is whole: readers stop there."""
    last = body.get("events", ())[-1:]
    return any("data:[DONE]" in _event_text(one).replace(" ", "") for one in last)


def pieces(body: Plain) -> Iterator[bytes]:
    """Yield the bytes of a recorded body: event by event, line by line, or at once.

    Raises:
        ValueError: The body has no form that an answer can have.
    """
    charset = body.get("charset", "utf-8")
    if "base64" in body:
        yield base64.b64decode(body["base64"], validate=True)
    elif "events" in body:
        for event in body["events"]:
            text = _event_text(event)
            if body.get("ends") == "CRLF":
                text = text.replace("\n", "\r\n")
            yield text.encode(charset)
    elif "lines" in body:
        layout, end = body.get("layout", "compact"), body.get("ends", "\n")
        lines = body["lines"]
        texts = [one if isinstance(one, str) else _dumped(one, layout) for one in lines]
        for text in ("\n".join(texts) + end).splitlines(keepends=True):
            yield text.encode(charset)
    elif "json" in body:
        yield _text_of_json(body).encode(charset)
    elif isinstance(body.get("text"), str):
        yield body["text"].encode(charset)
    elif body:
        raise ValueError(f"a body has none of these keys: {', '.join(body)}")


def is_opaque(body: Plain, content_type: str) -> bool:
    """Return whether a body, or a part of it, is bytes in which a secret may stand."""
    if "parts" in body:
        parts = body["parts"]
        return any(is_opaque(part["body"], part.get("type", "")) for part in parts)
    return "base64" in body and not _is_binary(media_type(content_type))


def _dumped(value: Any, layout: str) -> str:
    name = layout.removesuffix(" newline")
    encoder = _LAYOUTS.get(name, _LAYOUTS["spaced"])
    text = encoder.encode(value)
    if '"$dict"' in text:
        text = encoder.encode(_with_tags(value))
    return f"{text}\n" if layout.endswith(" newline") else text


def _json_in_layout(text: str) -> Plain | None:
    value = _json(text)
    if value is _NO_JSON:
        return None
    end = " newline" if text.endswith("\n") else ""
    layout = _layout_of(text.removesuffix("\n"), value)
    if not layout:
        return {"json": value, "text": text}
    layout += end
    body = {"json": value}
    return body if layout == "spaced" else {**body, "layout": layout}


def _text_of_json(body: Plain) -> str:
    """Return JSON as it came; in a known layout where its value was changed since."""
    value, text = body["json"], body.get("text")
    if isinstance(text, str):
        said = _json(text)
        if said is not _NO_JSON and _dumped(said, "spaced") == _dumped(value, "spaced"):
            return text
    return _dumped(value, body.get("layout", "spaced"))


def _layout_of(text: str, value: Any) -> str:
    """Return the layout of JSON; empty: it has no known layout."""
    if value is _NO_JSON:
        return ""
    return next((name for name in _LAYOUTS if _dumped(value, name) == text), "")


def _json(text: str) -> Any:
    """Return the value of a text, or `_NO_JSON` if it is no exact JSON, or deep."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_float=_float,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        return _NO_JSON
    # Not each Python writes what is deeper.
    may_be_deep = text.count("[") + text.count("{") > DEEPEST
    return _NO_JSON if may_be_deep and is_deeper(value, DEEPEST) else value


def _mapping(pairs: list[tuple[str, Any]]) -> Plain:
    """Return an object of JSON, whose keys nobody can take for a tag of a tree.

    So `{"$set": 1}` is `{"$dict": [["$set", 1]]}`.
    """
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a name appears twice")
    if any(key.startswith("$") for key in mapping):
        return {"$dict": [list(pair) for pair in pairs]}
    return mapping


def _with_tags(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_tags(item) for item in value]
    if not isinstance(value, dict):
        return value
    pairs = value["$dict"] if "$dict" in value else value.items()
    return {key: _with_tags(item) for key, item in pairs}


def _float(text: str) -> float:
    value = float(text)
    if repr(value) != text:
        raise ValueError("another text would come back")
    return value


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _events(text: str) -> Plain | None:
    plain = text.replace("\r\n", "\n")
    is_crlf = plain != text
    if is_crlf and plain.replace("\n", "\r\n") != text:
        return None
    blocks = plain.split("\n\n")
    if blocks.pop():
        return None
    events = [_event(block) for block in blocks]
    return {"events": events, "ends": "CRLF"} if is_crlf else {"events": events}


def _event(block: str) -> Plain | str:
    """Return an event by its fields, or its text if they do not give it again.

    The format is that of HTML, 9.2, *Server-sent events*. Data of several lines are a
    text.
    """
    event: Plain = {}
    for line in block.split("\n"):
        name, _, value = line.partition(": ")
        event[name] = f"{event[name]}\n{value}" if name in event else value
    value = _json(event.get("data", ""))
    if value is not _NO_JSON and "\n" not in event["data"]:
        if _dumped(value, "compact") != event["data"]:
            event["layout"] = "spaced"
        event["data"] = value
    is_known, text = event.keys() <= _EVENT_KEYS, f"{block}\n\n"
    return event if is_known and _event_text(event) == text else text


def _event_text(event: Plain | str) -> str:
    if isinstance(event, str):
        return event
    layout = event.get("layout", "compact")
    lines = []
    for name, value in event.items():
        if name != "layout":
            is_json = name == "data" and not _is_plain_text(value)
            shown = _dumped(value, layout) if is_json else str(value)
            lines += [f"{name}: {line}" for line in shown.split("\n")]
    return "\n".join(lines) + "\n\n"


def _is_plain_text(value: Any) -> bool:
    return isinstance(value, str) and ("\n" in value or _json(value) is _NO_JSON)


def _lines(text: str) -> Plain | None:
    lines = text.removesuffix("\n").split("\n")
    is_cut = not text.endswith("\n")
    if is_cut and _json(lines[-1]) is _NO_JSON:
        return None
    longest = max(lines, key=len)
    layout = _layout_of(longest, _json(longest)) or "compact"
    body: Plain = {"lines": [_line(line, layout) for line in lines]}
    if layout != "compact":
        body["layout"] = layout
    return {**body, "ends": ""} if is_cut else body


def _line(line: str, layout: str) -> Any:
    """Return the value of a line; a text stands for a value in another layout."""
    value = _json(line)
    if isinstance(value, str) or value is _NO_JSON or _dumped(value, layout) != line:
        return line
    return value


def read_fields(text: str | None) -> Plain | None:
    """Return the fields of a query or form by name; None: they are not in UTF-8."""
    if text is None:
        return None
    try:
        return fields(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        return None


def _parts(data: bytes, boundary: str) -> list[Plain] | None:
    """Return the parts of a body (RFC 2046, 5.1), or None if it is malformed."""
    mark = b"--" + boundary.encode("latin-1", "replace")
    if not boundary or not data.startswith(mark):
        return None
    newline = b"\r\n" if data[len(mark) :].startswith(b"\r\n") else b"\n"
    pieces_of_body = (newline + data).split(newline + mark)
    if len(pieces_of_body) < 2 or not pieces_of_body[-1].startswith(b"--"):
        return None
    return [_part(piece, newline) for piece in pieces_of_body[1:-1]]


def _part(piece: bytes, newline: bytes) -> Plain:
    # A part without headers begins with both.
    head, _, data = piece.partition(newline * 2)
    from email.parser import BytesHeaderParser

    message = BytesHeaderParser().parsebytes(head.removeprefix(newline))
    content_type = str(message.get("Content-Type", ""))
    part: Plain = {}
    for key, value in (
        ("name", message.get_param("name", header="Content-Disposition")),
        ("filename", message.get_filename()),
        ("type", media_type(content_type)),
    ):
        if value:
            part[key] = str(value)
    part["body"] = read_sent(data, content_type)
    return part


def _decoded(data: bytes, charset: str) -> str | None:
    """Return the text of bytes, or None if it would not give them again."""
    try:
        text = data.decode(charset)
        return text if text.encode(charset) == data else None
    except (LookupError, ValueError):
        return None


def _is_binary(kind: str) -> bool:
    return kind.startswith(("image/", "audio/", "video/")) and not kind.endswith("+xml")

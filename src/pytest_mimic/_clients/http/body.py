"""Bodies of responses as readable plain data, and back to bytes, to values and to events."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.event_texts import load_events, store_events
from pytest_mimic._clients.http.message import (
    as_base64,
    as_text,
    can_deflate,
    charset_of,
    header_of,
    load_bytes,
    media_type,
    parse_json,
)
from pytest_mimic._core.identity.opening import Events, ServerSentEvent
from pytest_mimic._core.redact.texts import looks_like_json, parse_json_text

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets

# Media types of streams, whose readers see each chunk as it arrives: their chunks are kept.
_STREAMS = (
    "event-stream",
    "ndjson",
    "jsonl",
    "json-seq",
    "x-mixed-replace",
    "eventstream",
    "stream+json",
    "grpc",
)
# Media types of streams with one JSON text on each line.
_JSON_LINES = ("ndjson", "jsonl", "json-seq", "stream+json", "x-json-stream")
# Media types of documents. They are read whole, so the ends of their chunks mean nothing.
_DOCUMENTS = ("html", "xml", "css", "javascript")


def store_body(
    chunks: Sequence[bytes],
    *,
    content_type: str | None,
    compressed: str | None,
    sized: bool,
    secrets: Secrets,
    stopped: bool = False,
) -> dict[str, Any] | None:
    """Return a response's body as readable plain data without secrets, or None if it is empty.

    Its chunks come without the framing of the transfer and decompressed; `compressed` is the content encoding in which they
    arrived. With `sized`, there is a `Content-Length`, so their ends mean nothing. Its reader may have `stopped` before the end.

    It is one of `json` (with a `style` if it is not compact), `text`, `base64`, `events` or `chunks`. In addition, it has a
    `charset` if that is not UTF-8, and `compressed` if the content encoding can be restored.
    """
    # In a compressed body that was not read to its end, a chunk that decodes to nothing was still a chunk to a
    # reader of the raw bytes.
    chunks = [bytes(chunk) for chunk in chunks if chunk or (compressed and stopped)]
    if not chunks:
        return None
    kind = media_type(content_type)
    is_kept = keeps_chunks(kind, chunks, sized=sized, stopped=stopped)
    pieces = chunks if is_kept else [b"".join(chunks)]
    text, charset = _decoded(pieces, charset_of(content_type), is_kept=is_kept)
    if is_kept and text is not None:
        texts = scrub_lines(_texts(pieces, charset), secrets)
        body: dict[str, Any] = {"chunks": texts}
        if "event-stream" in kind or any(word in kind for word in _JSON_LINES):
            body = store_events(texts, server_sent="event-stream" in kind) or body
    elif is_kept:
        body = {"chunks": [as_base64(chunk) for chunk in pieces]}
    elif text is not None:
        body = secrets.store_text(text, kind)
    else:
        body = as_base64(pieces[0])
    if text is not None and codecs.lookup(charset).name != "utf-8":
        body["charset"] = charset
    if compressed and can_deflate(compressed):
        body["compressed"] = compressed
    return body


def keeps_chunks(kind: str, chunks: Sequence[bytes], *, sized: bool, stopped: bool = False) -> bool:
    """Decide whether the ends of the chunks are part of the outcome, or an accident of the network."""
    if any(word in kind for word in _STREAMS):
        return True
    if len(chunks) < 2:
        return False
    if stopped:
        return True
    if sized or any(word in kind for word in _DOCUMENTS):
        return False
    data = b"".join(chunks)
    if "json" not in kind and data.lstrip()[:1] not in (b"{", b"["):
        return True
    try:
        parse_json(data.decode())
    except ValueError:
        return True
    return False


def _decoded(pieces: Sequence[bytes], declared: str, *, is_kept: bool) -> tuple[str | None, str]:
    """Return the text of the pieces, which encodes to the same bytes, with its charset; None for binary data."""
    data = b"".join(pieces)
    for charset in (declared, "utf-8"):
        if (text := as_text(data, charset)) is None:
            continue
        # In charsets with a state, such as ISO-2022-JP, each piece may be encoded differently than the whole.
        if not is_kept or b"".join(map(_encoder(charset), _texts(pieces, charset))) == data:
            return text, charset
    return None, ""


def _texts(chunks: Sequence[bytes], charset: str) -> list[str]:
    """Decode chunks. One that ends within a character ends before it. Chunks that were empty stay."""
    decoder = codecs.getincrementaldecoder(charset)()
    texts = [(decoder.decode(chunk), not chunk) for chunk in chunks]
    return [text for text, is_kept in [*texts, (decoder.decode(b"", final=True), False)] if text or is_kept]


def _encoder(charset: str) -> Callable[[str], bytes]:
    """Return a function that encodes successive texts of one stream."""
    return codecs.getincrementalencoder(charset)().encode


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """Return the chunks of a stored body, not compressed."""
    if body is None:
        return []
    if "events" in body or "chunks" in body:
        encode = _encoder(body["charset"]) if "charset" in body else str.encode
        chunks = load_events(body) if "events" in body else body["chunks"]
        return [encode(chunk) if isinstance(chunk, str) else load_bytes(chunk) for chunk in chunks]
    return [load_bytes(body)]


def body_value(body: dict[str, Any] | None) -> Any:
    """Return the content of a stored body for comparing, without its chunks and its layout."""
    if body is None:
        return None
    if "json" in body:
        return body["json"]
    if "events" in body or "chunks" in body:
        data = b"".join(load_body(body))
        text = as_text(data, body.get("charset", "utf-8"))
        return base64.b64encode(data).decode() if text is None else text
    text = body.get("text", "")
    if text.lstrip()[:1] in ("{", "["):  # perhaps JSON in no style of `style_of`
        return _value(text)
    return body.get("text", body.get("base64"))


# Not `str.splitlines`: a JSON text may contain other characters that end a line for it, such as U+2028.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# The field of an event that holds its text. An event may have several such lines, which belong together.
_DATA = re.compile(r"^data: ?")


def scrub_lines(texts: Sequence[str], secrets: Secrets) -> list[str]:
    """Hide the secrets in a stream of lines, whose chunks may end anywhere in a line.

    A JSON document is handled as a whole, and so is an event that has one in several `data:` lines: the name of a
    secret may be in one line and the value in the next. The secrets in all lines are learned before any is hidden.
    A chunk that ended in a line that has changed ends as far from the line's beginning as before.
    """
    units = _units(_LINES.findall("".join(texts)))
    for unit in units:
        secrets.learn(_text_of(unit))
    lines: list[tuple[str, str]] = []  # before and after
    for unit in units:
        if len(unit) == 1:
            lines.append((unit[0], secrets.line(unit[0])))
            continue
        heads = [head[0] if (head := _DATA.match(line)) else "" for line in unit]
        scrubbed = _LINES.findall(secrets.text(_text_of(unit)))
        if len(scrubbed) == len(unit):
            lines += [(old, head + new) for old, head, new in zip(unit, heads, scrubbed, strict=True)]
        else:
            lines.append(("".join(unit), "".join(heads[0] + line for line in scrubbed)))
    if all(old == new for old, new in lines):
        return list(texts)
    whole = "".join(new for _, new in lines)
    ends = _moved_ends(texts, lines)
    cuts = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [cut for cut, text in zip(cuts, texts, strict=True) if cut or not text]


def _units(lines: list[str]) -> list[list[str]]:
    """Group lines that have to be handled together: a document, or an event that holds one."""
    if _is_document(lines):
        return [lines]
    units: list[list[str]] = []
    for is_data, group in groupby(lines, lambda line: line.startswith("data:")):
        event = list(group)
        whole = is_data and len(event) > 1 and _is_document([_DATA.sub("", line) for line in event])
        units += [event] if whole else [[line] for line in event]
    return units


def _is_document(lines: Sequence[str]) -> bool:
    """Check whether lines are one JSON text, perhaps cut off by its reader, rather than one JSON text each."""
    return looks_like_json("".join(lines)) and parse_json_text(next(filter(str.strip, lines))) is None


def _text_of(event: Sequence[str]) -> str:
    return "".join(_DATA.sub("", line) for line in event)


def _moved_ends(texts: Sequence[str], lines: Sequence[tuple[str, str]]) -> list[int]:
    """Return where each chunk ends in the new lines."""
    ends: list[int] = []
    # `before` and `after` are the beginning of the line in which the chunk ends, in the old text and in the new one.
    end = number = before = after = 0
    for text in texts:
        end += len(text)
        while number < len(lines) and before + len(lines[number][0]) <= end:
            old, new = lines[number]
            before, after, number = before + len(old), after + len(new), number + 1
        inside = end - before
        ends.append(after + (min(inside, len(lines[number][1])) if inside else 0))
    return ends


# The events in a stored body, which are compared one by one: server-sent events, or lines of JSON


_LINE_END = re.compile(r"\r\n|\r|\n")


def events_in(plain: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange, or None if its body is no stream of events.

    Of a body that was not read to its end, the event in which it was cut off is left out.
    """
    body = plain.get("body")
    if body is None or "json" in body:
        return None
    is_whole = plain.get("end") != "stopped" and "error" not in plain
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

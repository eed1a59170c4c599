"""Bodies of responses as readable plain data, and back to bytes.

Streams of events are parsed once, stored and compared so.
"""

from __future__ import annotations

import base64
import codecs
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from json import JSONEncoder, dumps, encoder, loads
from typing import Any

from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._core.redact.redactor import NO_NAMES, parse_form
from pytest_mimic._core.types.kinds import Events, ServerSentEvent

# Control characters other than tab, newline, vertical tab, form feed, carriage return
# and escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# RFC 9110, 5.6.6: `; name=token` or `; name="quoted \" string"`. RFC 8187 adds names
# that end in `*`.
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)
# Media types of streams with one JSON text on each line.
_JSON_LINES = ("ndjson", "jsonl", "json-seq", "stream+json", "x-json-stream")
# A server-sent event with its blank line, or what else there is up to the end; a line.
_EVENT = re.compile(r".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands after the name of the first `data` field, and at the end of its line.
_FORM = re.compile(r"^data(: ?)[^\r\n]*(\r\n|\r|\n)", re.MULTILINE)


def store_body(
    chunks: Sequence[bytes],
    *,
    content_type: str | None,
    secrets: Secrets,
    stopped: bool = False,
) -> dict[str, Any] | None:
    """Return a response's body as readable plain data without secrets, or None if it is empty.

    Its chunks come decompressed and without the framing of the transfer. Where they end
    is kept only if the reader has
    `stopped` before the end: it then reads as many again. Streams of events come back
    event by event.

    It is one of `json` (with a `style` if it is not compact), `text`, `base64`,
    `events` or `chunks`, with a `charset` if
    that is not UTF-8.
    """
    data = b"".join(chunks)
    if not data:
        return None
    kind, parameters = header_parts(content_type)
    charsets = (parameters.get("charset", "utf-8"), "utf-8")
    charset = next((name for name in charsets if as_text(data, name) is not None), None)
    is_cut = stopped and len(chunks) > 1
    if charset is None:
        coded = [
            {"base64": base64.b64encode(one).decode()}
            for one in (chunks if is_cut else [data])
        ]
        return {"chunks": coded} if is_cut else coded[0]
    text = data.decode(charset)
    events = _split(text, kind, is_whole=not stopped)
    texts = _texts(chunks, charset) if is_cut else []
    body: dict[str, Any]
    if events and _encoded(events, charset) == data:
        body = _store_events(events, secrets, server_sent="event-stream" in kind)
    elif texts and _encoded(texts, charset) == data:
        body = {"chunks": _scrubbed(texts, secrets)}
    else:
        body = _stored_text(text, kind, secrets)
    if codecs.lookup(charset).name != "utf-8":
        body["charset"] = charset
    return body


def _stored_text(text: str, kind: str, secrets: Secrets) -> dict[str, Any]:
    """Return a text of a media type as plain data, `json` or `text`, without secrets."""
    value = json_of(text, kind)
    if value is not text:
        style = style_of(value, text)
        secrets.learn(value)
        scrubbed = secrets.scrub(value, keep_types=True)
        if style:
            return {"json": scrubbed, "style": style}
        # Once a secret is replaced the bytes differ in any case, so the compact style
        # will do.
        if style is not None or scrubbed != value or secrets.redactor is NO_NAMES:
            return {"json": scrubbed}
    if kind == "application/x-www-form-urlencoded":
        secrets.learn(parse_form(text))
        text = secrets.redactor.scrub_form(text)
    elif kind.startswith("multipart/"):
        text = secrets.redactor.scrub_text(text)
    return {"text": secrets.text(text)}


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
    return (
        texts
        if hidden == whole
        else [hidden[at : at + size] for at in range(0, len(hidden), size)]
    )


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """Return the chunks of a stored body."""
    if body is None:
        return []
    charset = body.get("charset", "utf-8")
    if "events" in body:
        texts = (
            event if isinstance(event, str) else _text(event, body)
            for event in body["events"]
        )
        return [text.encode(charset) for text in texts]
    if "chunks" in body or "base64" in body:
        chunks = body.get("chunks", (body,))
        return [
            one.encode(charset)
            if isinstance(one, str)
            else base64.b64decode(one["base64"])
            for one in chunks
        ]
    text = (
        write_json(body["json"], body.get("style", ""))
        if "json" in body
        else body["text"]
    )
    return [text.encode(charset)]


def hides_text(plain: dict[str, Any]) -> bool:
    """Return whether the body of a stored exchange is a text that only base64 holds: nothing in it is redacted."""
    body = plain.get("body", {})
    if "base64" not in body and not any(
        isinstance(chunk, dict) for chunk in body.get("chunks", ())
    ):
        return False
    kind, _ = header_parts(header_of(plain.get("headers", ()), "content-type"))
    return any(word in kind for word in ("text/", "json", "xml", "eventstream"))


def content_of(body: dict[str, Any] | None) -> Any:
    """Return the content of a stored body, without its layout."""
    if body is None:
        return None
    if "json" in body:
        return body["json"]
    if "base64" in body:
        return body["base64"]
    # Perhaps JSON in no style of `style_of`.
    return json_of(
        b"".join(load_body(body)).decode(
            body.get("charset", "utf-8"), "backslashreplace"
        )
    )


def header_parts(header: str | None) -> tuple[str, dict[str, str]]:
    """Return a header's value and its parameters: `application/json` and `{"charset": "utf-8"}`; an empty text for None."""
    value, sign, _ = (header or "").partition(";")
    found = {}
    for match in _PARAMETER.finditer(header) if header and sign else ():
        quoted = match["quoted"]
        found[match["name"].lower()] = (
            match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        )
    return value.strip().lower(), found


def as_text(data: bytes, charset: str = "utf-8") -> str | None:
    """Decode bytes, or return None if they are binary, or if encoding the text would give other bytes."""
    try:
        text = data.decode(charset)
        return None if _CONTROL.search(text) or text.encode(charset) != data else text
    except (ValueError, LookupError):
        return None


def header_of(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first header of this name, written in lower case, or None if it is missing."""
    return next((value for key, value in headers if key.lower() == name), None)


# JSON: read if plain data can hold it, and written again in the layout of its server


_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# As in `_core/outcome/plain.py`: `JSONEncoder.encode` makes such an encoder at each
# call.
_chunks: Any = encoder.c_make_encoder(  # type: ignore[attr-defined]
    None,
    JSONEncoder().default,
    encoder.encode_basestring,
    None,
    ":",
    ",",
    False,
    False,
    True,
)


def json_of(text: str, kind: str = "") -> Any:
    """Return the value of a text that its media type or its beginning says is JSON; if it is none, this same text.

    It is none, too, if plain data cannot hold it: nested too deep for Python, with NaN,
    a lone surrogate or a repeated key.
    """
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        try:
            value = loads(text, parse_constant=_refuse, object_pairs_hook=_unique_keys)
            dumps(value, allow_nan=False, ensure_ascii=False).encode()
            return value
        except (ValueError, RecursionError):
            pass
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def style_of(value: Any, text: str) -> str | None:
    """Return the style in which `write_json` makes this text of the value, or None if no style does.

    Styles are compact (an empty text), `spaced` and `indent-2`, as `json.dumps` writes
    them; with `ascii` where
    other characters are escaped, and with `newline` at the end.
    """
    indented = _INDENT.match(text)
    layouts = [f"indent-{len(indented[1])}"] if indented else ["", "spaced"]
    escapes = ["", "ascii"] if "\\u" in text else [""]
    words = ["newline"] if text.endswith("\n") else []
    for layout, escape in product(layouts, escapes):
        style = " ".join(filter(None, (layout, escape, *words)))
        if write_json(value, style) == text:
            return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write a value as JSON in one of the styles that `style_of` returns."""
    if not style:
        return "".join(_chunks(value, 0))
    words = style.split()
    indent = next((int(word[7:]) for word in words if word.startswith("indent-")), None)
    separators = None if indent or "spaced" in words else (",", ":")
    text = dumps(
        value, ensure_ascii="ascii" in words, indent=indent, separators=separators
    )
    return f"{text}\n" if "newline" in words else text


# Content encodings: bodies are stored decompressed


def inflate(chunks: Sequence[bytes], encoding: str) -> list[bytes] | None:
    """Decompress the chunks of a body, perhaps without its end, one by one.

    There are as many as before, some perhaps empty. None if an encoding is unknown
    here, or the body is not in it.
    """
    found: list[bytes] | None = list(chunks)
    # `Content-Encoding: deflate, gzip`: the last encoding is undone first.
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if found is not None:
            found = _decode(found, name)
    return found


def _decode(chunks: Sequence[bytes], name: str) -> list[bytes] | None:
    for decoder in _decoders(name):
        try:
            found = [decoder(chunk) for chunk in chunks]
        except Exception:  # each library has its own
            continue
        # Unused data is a second gzip member, for example, which clients treat
        # differently.
        if not getattr(getattr(decoder, "__self__", None), "unused_data", b""):
            return found
    return None


def _decoders(name: str) -> list[Any]:
    """Return the functions to try that decompress the chunks of a body."""
    if name in ("gzip", "x-gzip"):
        return [zlib.decompressobj(16 + zlib.MAX_WBITS).decompress]
    if name == "deflate":
        # RFC 9110 means the zlib format (RFC 1950); some servers send the bare stream
        # (RFC 1951).
        return [
            zlib.decompressobj().decompress,
            zlib.decompressobj(-zlib.MAX_WBITS).decompress,
        ]
    try:
        if name == "zstd":
            from pytest_mimic._core.outcome.memory import zstd_module

            return [zstd_module().ZstdDecompressor().decompress]
        if name == "br":
            import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

            return [brotli.Decompressor().process]
    except ImportError:
        pass
    return []


# Streams of text as events: server-sent events, and lines of JSON


def _split(text: str, kind: str, *, is_whole: bool = True) -> list[str] | None:
    """Return the events of a text of a media type, or None if it is no stream of events.

    Servers send lines of JSON as plain text, too: each of several lines is then an
    object or an array. The last line may be cut
    off where the text is not whole.
    """
    if "event-stream" in kind:
        return _EVENT.findall(text)
    lines = _LINE.findall(text)
    is_named = any(word in kind for word in _JSON_LINES)
    if len(lines) < 2 and not is_named:
        return None
    values = [json_of(line.strip("\x1e \t\r\n")) for line in lines if line.strip()]
    if not is_whole:
        del values[-1:]
    if all(isinstance(value, (dict, list)) for value in values) and len(values) > (
        0 if is_named else 1
    ):
        return lines
    return None


def _store_events(
    pieces: list[str], secrets: Secrets, *, server_sent: bool
) -> dict[str, Any]:
    """Return the body of a stream without secrets.

    An event that cannot be made again from its fields is a text.

    It has `lines` if the events are lines of JSON, else the `colon` and `line_end` of
    its fields if these are unusual. Its
    `style` is that of all JSON in it, but for events that have their own.
    """
    body: dict[str, Any] = {} if server_sent else {"lines": True}
    form = _FORM.search("".join(pieces)) if server_sent else None
    if form is not None and form.groups() != (": ", "\n"):
        body.update(colon=form[1], line_end=form[2])
    parsed = [_parsed(piece, body) for piece in pieces]
    for event in parsed:
        secrets.learn(event.get("json", event.get("data")))
    styles = Counter(event["style"] for event in parsed if "json" in event)
    if style := max(styles, key=styles.__getitem__, default=""):
        body["style"] = style
    for event in parsed:
        if event.get("style") == style:
            del event["style"]
    events = [
        _stored(piece, event, body, secrets)
        for piece, event in zip(pieces, parsed, strict=True)
    ]
    return {"events": events, **body}


def events_in(plain: dict[str, Any]) -> Events | None:
    """Return the events of a stored exchange to be compared, or None if its body is no stream of events.

    Of a body that was not read to its end, the event in which it was cut off is left
    out.
    """
    body = plain.get("body")
    if body is None or "events" not in body:
        return None
    is_whole = "end" not in plain and "error" not in plain
    found = []
    for event in body["events"]:
        if isinstance(event, str) and not is_whole and not _is_ended(event, body):
            continue
        fields = _parsed(event, body) if isinstance(event, str) else event
        value = fields["json"] if "json" in fields else json_of(fields.get("data", ""))
        rest = {
            name: text
            for name, text in fields.items()
            if name not in ("json", "style", "data")
        }
        if "lines" not in body and fields:
            found.append(
                ServerSentEvent(rest, data=value)
                if {"json", "data"} & fields.keys()
                else rest
            )
        elif "lines" in body and value != "":
            found.append(value)
    return Events(found, is_whole=is_whole)


def _is_ended(piece: str, body: dict[str, Any]) -> bool:
    return piece.endswith("\n" if "lines" in body else ("\n\n", "\r\n\r\n", "\r\r"))


def _parsed(piece: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event, its data as `json` if this can be written again.

    A comment has none.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    if "lines" in body:
        event = {"data": piece.strip("\x1e \t\r\n")}
    else:
        event = {}
        for line in _LINE_END.split(piece.removeprefix("\ufeff")):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name:
                event[name] = (
                    f"{event[name]}\n{value}"
                    if name == "data" and name in event
                    else value
                )
    parsed: Any = json_of(event.get("data", ""))
    style = (
        style_of(parsed, event["data"]) if isinstance(parsed, (dict, list)) else None
    )
    if style is None:
        return event
    del event["data"]
    return {**event, "json": parsed, "style": style}


def _stored(
    piece: str, event: dict[str, Any], body: dict[str, Any], secrets: Secrets
) -> dict[str, Any] | str:
    """Return an event without secrets; as a text if its fields do not make it again."""
    if not event:
        return secrets.text(piece)
    scrubbed = {
        name: secrets.scrub(value, keep_types=True)
        if name == "json"
        else secrets.text(value)
        for name, value in event.items()
    }
    if scrubbed == event:
        return event if _text(event, body) == piece else piece
    return (
        scrubbed if _is_ended(piece, body) else _text(scrubbed, body).rstrip("\r\n")
    )  # cut off


def _text(event: dict[str, Any], body: dict[str, Any]) -> str:
    style = event.get("style", body.get("style", ""))
    data = write_json(event["json"], style) if "json" in event else event.get("data")
    if "lines" in body:
        return f"{data}\n"
    colon, end = body.get("colon", ": "), body.get("line_end", "\n")
    lines = [
        f"{name}{colon}{event[name]}{end}"
        for name in event
        if name not in ("data", "json", "style")
    ]
    lines += [
        f"data{colon}{line}{end}" for line in ([] if data is None else data.split("\n"))
    ]
    return f"{''.join(lines)}{end}"

"""Bodies of responses as readable plain data, and back to bytes.

No identity depends on anything here: the bodies of requests are in `request_body.py`.
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Sequence
from math import ceil
from typing import Any

from pytest_mimic._clients.http import structured_bodies
from pytest_mimic._clients.http.event_streams import (
    load_events,
    split_events,
    store_events,
)
from pytest_mimic._clients.http.headers import header_of, header_parts, without_boundary
from pytest_mimic._clients.http.text_and_json import (
    UTF_8,
    charset_that_fits,
    decoded_texts,
    encoded_texts,
    is_text_type,
    json_of,
    style_of,
    text_of_bytes,
    write_json,
)
from pytest_mimic.client import NO_REDACTION, Secrets, parse_form


def store_body(
    chunks: Sequence[bytes],
    *,
    content_type: str | None,
    secrets: Secrets,
    stopped: bool = False,
    depth: int = 0,
) -> dict[str, Any] | None:
    """Return a response's body as readable plain data without secrets; None if empty.

    `store_response` asks for it. The chunks come decompressed and without the framing
    of the transfer. Where they end is kept only if the reader has `stopped` before the
    end of the body: a replay then gives as many chunks. `depth` says how many multipart
    bodies, messages and mails lie around the body.

    The plain data is one of these, with a `charset` if that is not UTF-8:

    | key | body |
    |---|---|
    | `json` | the value, with a `style` if it is not compact |
    | `text`, `base64` | a text, or bytes |
    | `events` | a stream, event by event |
    | `parts` | those of a multipart body, with the `delimiters` around them |
    | `message` | an HTTP message or a mail |
    | `chunks` | the texts or bytes that a reader got who stopped |
    """
    data = b"".join(chunks)
    if not data:
        return None
    media_type, parameters = header_parts(content_type)
    is_multipart = media_type.startswith("multipart/")
    is_structured = is_multipart or media_type in structured_bodies.MESSAGE_TYPES
    # A body that its reader has left may end within a part.
    if is_structured and not stopped and depth < structured_bodies.DEEPEST_NESTING:
        structured_body = _store_structured(
            data,
            content_type=content_type,
            media_type=media_type,
            secrets=secrets,
            depth=depth,
        )
        if structured_body is not None:
            return structured_body
    # Where the reader has stopped after one of several chunks, their ends are kept.
    chunks_until_stop: Sequence[bytes] = ()
    if stopped and len(chunks) > 1:
        chunks_until_stop = chunks
    charset = charset_that_fits(data, declared=parameters.get("charset", UTF_8))
    if charset is None:
        # The body is binary, and nothing in it can be redacted.
        if chunks_until_stop:
            return {"chunks": list(map(_base64_body, chunks_until_stop))}
        return _base64_body(data)
    body = _store_text(
        data,
        charset=charset,
        media_type=media_type,
        secrets=secrets,
        chunks_until_stop=chunks_until_stop,
        is_whole=not stopped,
    )
    if codecs.lookup(charset).name != UTF_8:
        body["charset"] = charset
    return body


def _base64_body(data: bytes) -> dict[str, Any]:
    """Return bytes that are no text as a body: `{"base64": "…"}`."""
    return {"base64": base64.b64encode(data).decode()}


def _store_text(
    data: bytes,
    *,
    charset: str,
    media_type: str,
    secrets: Secrets,
    chunks_until_stop: Sequence[bytes],
    is_whole: bool,
) -> dict[str, Any]:
    """Return the text of a response as plain data without secrets.

    Args:
        data: The bytes of the body.
        charset: The charset in which the bytes are a text.
        media_type: The media type, `text/event-stream`.
        secrets: Replaces what is secret.
        chunks_until_stop: The chunks that came before the reader stopped, if there are
            several; empty if the reader read the whole body.
        is_whole: Whether the reader read the whole body.
    """
    text = data.decode(charset)
    events = split_events(text, media_type, is_whole=is_whole)
    # Each readable form is taken only if a replay makes the same bytes of it.
    if events and encoded_texts(events, charset) == data:
        return store_events(events, secrets, server_sent="event-stream" in media_type)
    if chunks_until_stop:
        # The reader stopped, and a replay has to give as many chunks as it got.
        texts = decoded_texts(chunks_until_stop, charset)
        if texts and encoded_texts(texts, charset) == data:
            return {"chunks": chunks_without_secrets(texts, secrets)}
    return _store_one_text(text, media_type, secrets)


def _store_one_text(text: str, media_type: str, secrets: Secrets) -> dict[str, Any]:
    """Return a response's text as plain data, `json` or `text`, without secrets."""
    json_value = json_of(text, media_type)
    # `json_of` gives back a text that is no JSON.
    if json_value is not text:
        style = style_of(json_value, text)
        secrets.learn(json_value)
        hidden_value = secrets.scrub(json_value, keep_types=True)
        if style:
            return {"json": hidden_value, "style": style}
        # Once a secret is replaced the bytes differ in any case, so the compact style
        # will do.
        is_redacted = hidden_value != json_value or secrets.redactor is NO_REDACTION
        if style is not None or is_redacted:
            return {"json": hidden_value}
    # JSON in no style is stored as a text, so that a replay gives the same bytes.
    if media_type == "application/x-www-form-urlencoded":
        secrets.learn(parse_form(text))
        text = secrets.redactor.scrub_form(text)
    elif media_type.startswith("multipart/"):
        # The body is malformed, or its reader left it.
        text = secrets.redactor.scrub_text(text)
    return {"text": secrets.text(text)}


def chunks_without_secrets(texts: list[str], secrets: Secrets) -> list[str]:
    """Return the chunks of a response without secrets, as texts.

    A recording run stores the result, and `rekey` and `check` make it of stored chunks.
    A secret may lie across two chunks. So they are redacted together, and what then
    differs is cut into as many chunks of equal lengths.
    """
    joined_text = "".join(texts)
    hidden_text = secrets.text(joined_text)
    if hidden_text == joined_text:
        return texts
    size = ceil(len(hidden_text) / len(texts))
    starts = range(0, len(hidden_text), size)
    return [hidden_text[start : start + size] for start in starts]


# Bodies of responses that are made of heads and bodies


def _store_structured(
    data: bytes,
    *,
    content_type: str | None,
    media_type: str,
    secrets: Secrets,
    depth: int,
) -> dict[str, Any] | None:
    """Return a multipart body, an HTTP message or a mail in a response as plain data.

    None: the body is of another type, or is not what its type says. It is then stored
    as a text or as bytes.
    """
    multipart = structured_bodies.split_multipart(
        data, structured_bodies.boundary_of(content_type)
    )
    if multipart is not None:
        delimiters = [text_of_bytes(delimiter) for delimiter in multipart.delimiters]
        if None in delimiters:
            # What stands around the parts is binary, which JSON cannot hold as a text.
            return None
        stored_messages = [
            _store_message(part, secrets, depth) for part in multipart.parts
        ]
        return {"parts": stored_messages, "delimiters": delimiters}
    message = structured_bodies.split_message(data, media_type)
    if message is None:
        return None
    return {"message": _store_message(message, secrets, depth)}


def _store_message(
    message: structured_bodies.Message, secrets: Secrets, depth: int
) -> dict[str, Any]:
    """Return a head and the body behind it as plain data without secrets.

    They are a part of a response's body. The body is decoded where it comes in a
    `transfer` encoding, if it can be encoded again, or held a secret.
    """
    headers = message.headers_by_name
    secrets.learn_headers(message.headers)
    encoding = headers.get("content-transfer-encoding", "").strip().lower()
    decoded_content = structured_bodies.decode_mime_content(message.content, encoding)
    body = _store_content(decoded_content, headers, secrets, depth)
    stored_message = {"transfer": encoding, **body}
    if decoded_content == message.content:
        del stored_message["transfer"]
    elif (
        _is_unchanged(decoded_content, body)
        and _bytes_of_body(stored_message) != message.content
    ):
        # To encode it again would give other bytes, such as longer lines of base64.
        stored_message = _coded_or_text(message.content)
    # The head of a part may announce a length, which is that of the stored content now.
    head = structured_bodies.with_length(
        _hide_head(message.first_line + message.head, secrets),
        len(message.content),
        len(_bytes_of_body(stored_message)),
    )
    return {"head": head, **stored_message}


def _store_content(
    data: bytes, headers: dict[str, str], secrets: Secrets, depth: int
) -> dict[str, Any]:
    """Return the body of a part as `store_body` does; `{}` if it is empty."""
    content_type = headers.get("content-type")
    body = store_body(
        [data], content_type=content_type, secrets=secrets, depth=depth + 1
    )
    if body is None:
        return {}
    return body


def _coded_or_text(data: bytes) -> dict[str, Any]:
    """Return the content of a part as it came: it is not stored decoded."""
    text = text_of_bytes(data)
    if text is None:
        return _base64_body(data)
    return {"text": text}


def _is_unchanged(data: bytes, body: dict[str, Any]) -> bool:
    """Check whether a stored body gives the same bytes: it has lost no secret."""
    return b"".join(load_body(body)) == data


def _hide_head(head: str, secrets: Secrets) -> str:
    """Return the lines of a head in a response without secrets, else as they came."""
    return "".join(
        [
            _hide_line_of_head(line, secrets)
            for line in structured_bodies.header_lines(head)
        ]
    )


def _hide_line_of_head(line: str, secrets: Secrets) -> str:
    """Return a line of a head inside a response's body without secrets.

    The line is a header, which may go on in further lines, or the first line of a
    message. What is stored of a response changes with it. No identity does.
    """
    bare_line = line.rstrip("\r\n")
    line_end = line[len(bare_line) :]
    name, colon, value = structured_bodies.unfolded(bare_line).partition(":")
    is_header = bool(colon) and " " not in name
    if is_header:
        bare_value = value.strip()
        hidden_value = secrets.header(name, bare_value)
        if hidden_value == bare_value:
            return line
        # A header that went on in further lines is one line now.
        return f"{name}: {hidden_value}{line_end}"
    # The first line of a message has a URL, whose parts may be secret.
    words = [secrets.redactor.scrub_data(word) for word in bare_line.split(" ")]
    hidden_line = secrets.redactor.scrub_text(
        " ".join(words), secrets.stand_in_by_secret
    )
    return hidden_line + line_end


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """Return the chunks of a stored body, as a replay lets them arrive.

    While a call is verified, its real answer is compared by them as well.
    """
    if body is None:
        return []
    charset = body.get("charset", UTF_8)
    if "events" in body:
        return load_events(body, charset)
    if "chunks" in body:
        return [_load_chunk(chunk, charset) for chunk in body["chunks"]]
    return [_bytes_of_body(body)]


def _load_chunk(chunk: Any, charset: str) -> bytes:
    """Return the bytes of a stored chunk: a text, or `{"base64": "…"}`."""
    if isinstance(chunk, str):
        return chunk.encode(charset)
    return base64.b64decode(chunk["base64"])


def _bytes_of_body(body: dict[str, Any]) -> bytes:
    """Return the bytes of a stored body, or of the body of a stored part.

    The recording may have been edited, so that any content is possible.
    """
    if "transfer" in body:
        # The body of a part was decoded when it was stored.
        decoded_body = dict(body)
        encoding = decoded_body.pop("transfer")
        return structured_bodies.encode_mime_content(
            _bytes_of_body(decoded_body), encoding
        )
    if "parts" in body:
        delimiters = [delimiter.encode() for delimiter in body["delimiters"]]
        bytes_of_parts = [_load_message(part) for part in body["parts"]]
        return structured_bodies.join_multipart(delimiters, bytes_of_parts)
    if "message" in body:
        return _load_message(body["message"])
    charset = body.get("charset", UTF_8)
    if "base64" in body:
        return _load_chunk(body, charset)
    if "json" in body:
        style = body.get("style", "")
        try:
            return write_json(body["json"], style).encode(charset)
        except UnicodeEncodeError:
            # An edit has put in a character that the charset lacks. `ascii` escapes it.
            return write_json(body["json"], f"{style} ascii").encode(charset)
    if "text" in body:
        return str(body["text"]).encode(charset)
    if "events" in body:
        return b"".join(load_body(body))
    # A part may have a head alone.
    return b""


def _load_message(message: dict[str, Any]) -> bytes:
    """Return the bytes of a stored part: its head, and the body behind it."""
    return str(message["head"]).encode() + _bytes_of_body(message)


def hides_text(exchange: dict[str, Any]) -> bool:
    """Check whether a stored exchange has a text that only base64 holds.

    Nothing in such a text is redacted: the run that records it reports that, and so
    does `check`.
    """
    content_type = header_of(exchange.get("headers", ()), "content-type")
    return _hides_text(exchange.get("body") or {}, content_type)


def _hides_text(body: dict[str, Any], content_type: str | None) -> bool:
    """Check a stored body, or the body of a part, as `hides_text` does."""
    messages = list(body.get("parts", ()))
    message = body.get("message")
    if message:
        messages.append(message)
    # Each part of a body has a type of its own in its head.
    for message in messages:
        headers = structured_bodies.Message("", message["head"], b"").headers_by_name
        if _hides_text(message, headers.get("content-type")):
            return True
    # A chunk of bytes is `{"base64": "…"}`.
    has_base64 = "base64" in body
    for chunk in body.get("chunks", ()):
        has_base64 = has_base64 or isinstance(chunk, dict)
    media_type, _ = header_parts(content_type)
    return has_base64 and is_text_type(media_type)


def content_of(body: dict[str, Any] | None) -> Any:
    """Return what verifying compares of a stored body: its content without its layout.

    So a service may write the same JSON with other blanks, and this is no drift.
    """
    if body is None:
        return None
    if "json" in body:
        return body["json"]
    if "base64" in body:
        return body["base64"]
    if "parts" in body:
        return [_content_of_message(part) for part in body["parts"]]
    if "message" in body:
        return _content_of_message(body["message"])
    # The body may be JSON in no style of `style_of`.
    charset = body.get("charset", UTF_8)
    return json_of(b"".join(load_body(body)).decode(charset, "backslashreplace"))


def _content_of_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return what verifying compares of a part: its first line, type and body."""
    first_line, _, _ = message["head"].partition("\n")
    headers = structured_bodies.Message("", message["head"], b"").headers_by_name
    compared_message: dict[str, Any] = {}
    # The head of a part or a mail begins with a header: it has no first line.
    if first_line.strip() and ":" not in first_line.partition(" ")[0]:
        compared_message["first line"] = first_line.strip()
    if "content-type" in headers:
        compared_message["type"] = without_boundary(headers["content-type"])
    body = dict(message)
    del body["head"]
    return {**compared_message, "body": content_of(body or None)}

"""Bodies of responses as readable plain data, and back to bytes."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.events import load_events, split, store_events
from pytest_mimic._clients.http.message import as_base64, as_text, charset_of, load_bytes, media_type

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets


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
    events, texts = split(text, kind, is_whole=not stopped), _texts(chunks, charset)
    if events and _encoded(events, charset) == data:
        body = store_events(events, secrets, server_sent="event-stream" in kind)
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
        return [text.encode(charset) for text in load_events(body)]
    if "chunks" in body:
        return [one.encode(charset) if isinstance(one, str) else load_bytes(one) for one in body["chunks"]]
    return [load_bytes(body)]

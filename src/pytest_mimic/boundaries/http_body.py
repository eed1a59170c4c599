"""Bodies of HTTP messages as readable plain data, and back to bytes."""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pytest_mimic.boundaries.http_json import parse_json, style_of, write_json

if TYPE_CHECKING:
    from pytest_mimic.boundaries.http_secrets import Secrets

_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)

#: What arrives bit by bit and is read so: its chunks are kept, compressed or not.
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
#: Documents that are read whole: where their chunks end says nothing.
_WHOLE = ("json", "html", "xml", "css", "javascript")


def media_type(content_type: str | None) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def parameters(header: str) -> dict[str, str]:
    """What follows the first `;` of a header: `{"charset": "utf-8"}`."""
    found = _PARAMETER.finditer(header)
    return {
        match["name"].lower(): match["bare"]
        if match["quoted"] is None
        else re.sub(r"\\(.)", r"\1", match["quoted"])
        for match in found
    }


def as_text(data: bytes, charset: str = "utf-8") -> str | None:
    """The text that these bytes are, None where they are no text or would not come back exactly."""
    try:
        text = data.decode(charset)
        return None if _CONTROL.search(text) or text.encode(charset) != data else text
    except (UnicodeError, LookupError):
        return None


# What was sent


def describe_body(data: bytes, content_type: str | None, encoding: str | None) -> tuple[str | None, Any]:
    """What kind of body a request has, and its plain value, nothing redacted yet.

    Args:
        data: The whole body.
        content_type: The header's value.
        encoding: The value of `Content-Encoding`; such a body counts by what it holds.

    Returns:
        `json` and the value, `form` and its fields, `multipart` and its parts, `text`, `bytes` and their digest;
        None and None for an empty one.
    """
    if not data:
        return None, None
    if encoding:
        inflated = inflate([data], encoding)
        data = data if inflated is None else b"".join(inflated)
    kind = media_type(content_type)
    if kind.startswith("multipart/"):
        boundary = parameters(content_type or "").get("boundary", "")
        parts = _parts(data, boundary.encode("latin-1"))
        if parts is not None:
            return "multipart", parts
    text = as_text(data, parameters(content_type or "").get("charset", "utf-8"))
    if text is None:
        return "bytes", digest(data)
    if kind == "application/x-www-form-urlencoded":
        return "form", fields(text)
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        try:
            return "json", parse_json(text)
        except ValueError:
            pass
    return "text", text


def fields(form: str) -> dict[str, Any]:
    """A query or form by its fields; a field that comes more than once has its values sorted."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True, errors="backslashreplace"):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else sorted(values) for name, values in found.items()}


def digest(data: bytes) -> dict[str, Any]:
    """What stands for bytes that are no text: their size and hash."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _parts(data: bytes, boundary: bytes) -> dict[str, Any] | None:
    """The parts of a multipart body by name, None where it is none."""
    pieces = (b"\r\n" + data).split(b"\r\n--" + boundary)
    if not boundary or len(pieces) < 3:
        return None
    found: dict[str, list[Any]] = {}
    for piece in pieces[1:-1]:
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            return None
        name, part = _part(head.decode("utf-8", "backslashreplace"), content)
        found.setdefault(name, []).append(part)
    return {name: parts[0] if len(parts) == 1 else parts for name, parts in found.items()}


def _part(head: str, content: bytes) -> tuple[str, Any]:
    """The name of a part, and its text; a file comes with its name and type."""
    headers: dict[str, str] = {}
    for line in head.split("\r\n"):
        name, _, text = line.partition(":")
        headers[name.strip().lower()] = text.strip()
    about = parameters(headers.get("content-disposition", ""))
    kind = headers.get("content-type")
    value: Any = as_text(content)
    if value is None:
        value = digest(content)
    elif kind and "json" in kind:
        try:
            value = parse_json(value)
        except ValueError:
            pass
    filename = about.get("filename*", about.get("filename"))
    if filename is not None or (kind and not kind.startswith("text/plain")):
        value = {"filename": filename, "type": kind, "content": value}
    return about.get("name", ""), value


# What came back


def store_body(
    chunks: Sequence[bytes],
    *,
    content_type: str | None,
    compressed: str | None,
    sized: bool,
    secrets: Secrets,
) -> dict[str, Any] | None:
    """A response's body as readable plain data, redacted; None where it is empty.

    Args:
        chunks: As they arrived, decompressed, without the framing of the transfer.
        content_type: The header's value.
        compressed: The encoding that they had, if they came compressed.
        sized: The response said its length beforehand, so where chunks end says nothing.
        secrets: Learns what the body says under secret names, and hides it.

    Returns:
        One of `json` (with a `style` where it is not compact), `text` (with a `charset` unless it is UTF-8),
        `base64`, `chunks`; with `compressed`, the encoding to restore on replay, where that is possible.
    """
    chunks = [bytes(chunk) for chunk in chunks if chunk]
    if not chunks:
        return None
    kind = media_type(content_type)
    if keeps_chunks(kind, chunks, sized=sized, compressed=compressed is not None):
        body: dict[str, Any] = {"chunks": _stored_chunks(chunks, secrets)}
    else:
        charset = parameters(content_type or "").get("charset", "utf-8")
        body = _stored_whole(b"".join(chunks), kind, charset, secrets)
    if compressed and can_deflate(compressed):
        body["compressed"] = compressed
    return body


def keeps_chunks(kind: str, chunks: Sequence[bytes], *, sized: bool, compressed: bool) -> bool:
    """Whether where the chunks end is part of the outcome, or an accident of the network."""
    if any(word in kind for word in _STREAMS):
        return True
    if sized or compressed or len(chunks) < 2:
        return False
    if "json" in kind:
        try:
            parse_json(b"".join(chunks).decode())
        except ValueError:
            return True
    return not any(word in kind for word in _WHOLE)


def _stored_whole(data: bytes, kind: str, charset: str, secrets: Secrets) -> dict[str, Any]:
    text = as_text(data, charset)
    if text is None and charset != "utf-8":
        charset = "utf-8"
        text = as_text(data)
    if text is None:
        return {"base64": base64.b64encode(data).decode()}
    body: dict[str, Any] = {}
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        body = _stored_json(text, secrets)
    if not body:
        form = kind == "application/x-www-form-urlencoded"
        body = {"text": secrets.form(text) if form else secrets.text(text)}
    if codecs.lookup(charset).name != "utf-8":
        body["charset"] = charset
    return body


def _stored_json(text: str, secrets: Secrets) -> dict[str, Any]:
    """The value and its style, empty where this text is not what a style makes of the value."""
    try:
        value = parse_json(text)
    except ValueError:
        return {}
    style = style_of(value, text)
    secrets.learn(value)
    scrubbed = secrets.scrub(value, keep_types=True)
    if style is None:
        # With a secret replaced the bytes change anyway, so the common style will do.
        return {"json": scrubbed} if scrubbed != value else {}
    return {"json": scrubbed, "style": style} if style else {"json": scrubbed}


def _stored_chunks(chunks: Sequence[bytes], secrets: Secrets) -> list[Any]:
    """Chunks as texts, ends moved out of characters; binary ones as base64."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        texts = [decoder.decode(chunk) for chunk in chunks]
        texts.append(decoder.decode(b"", final=True))
    except UnicodeDecodeError:
        return [{"base64": base64.b64encode(chunk).decode()} for chunk in chunks]
    if any(map(_CONTROL.search, texts)):
        return [{"base64": base64.b64encode(chunk).decode()} for chunk in chunks]
    return scrub_lines([text for text in texts if text], secrets)


def scrub_lines(texts: Sequence[str], secrets: Secrets) -> list[str]:
    """Texts that are one stream of lines, redacted line by line; chunks still end where they did.

    An end inside a line that redaction changed moves to that line's end.
    """
    lines = "".join(texts).splitlines(keepends=True)
    for line in lines:
        secrets.learn_line(line)
    scrubbed = [secrets.line(line) for line in lines]
    if scrubbed == lines:
        return list(texts)
    ends = _moved_ends(texts, lines, scrubbed)
    whole = "".join(scrubbed)
    cuts = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [cut for cut in cuts if cut]


def _moved_ends(texts: Sequence[str], lines: Sequence[str], scrubbed: Sequence[str]) -> list[int]:
    """Where each text ends once every line stands as it is scrubbed."""
    ends, position, line, before, after = [], 0, 0, 0, 0
    for text in texts:
        position += len(text)
        while line < len(lines) and before + len(lines[line]) <= position:
            before, after = before + len(lines[line]), after + len(scrubbed[line])
            line += 1
        inside = position - before
        if inside and lines[line] != scrubbed[line]:
            inside = len(scrubbed[line])
        ends.append(after + inside)
    return ends


# Back to bytes


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """The chunks of a stored body, not compressed."""
    if body is None:
        return []
    if "chunks" in body:
        return [chunk.encode() if isinstance(chunk, str) else _bytes(chunk) for chunk in body["chunks"]]
    return [_bytes(body)]


def _bytes(body: dict[str, Any]) -> bytes:
    if "base64" in body:
        return base64.b64decode(body["base64"])
    text: str = write_json(body["json"], body.get("style", "")) if "json" in body else body["text"]
    return text.encode(body.get("charset", "utf-8"))


def body_value(body: dict[str, Any] | None) -> Any:
    """What a body says, however it was cut or laid out: for comparing."""
    if body is None:
        return None
    if "json" in body:
        return body["json"]
    if "chunks" in body:
        data = b"".join(load_body(body))
        text = as_text(data)
        return base64.b64encode(data).decode() if text is None else text
    return body.get("text", body.get("base64"))


# Compression


def inflate(chunks: Sequence[bytes], encoding: str) -> list[bytes] | None:
    """The chunks decompressed one by one; None where that is not possible."""
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        decoded = None if name not in _DECODERS else _DECODERS[name](chunks)
        if decoded is None:
            return None
        chunks = decoded
    return list(chunks)


def _decompressed(decoder: Any, chunks: Sequence[bytes], error: type[Exception]) -> list[bytes] | None:
    """What a decompressor makes of the chunks; None where they are not its format or more follows."""
    try:
        found = [decoder.decompress(chunk) for chunk in chunks]
    except error:
        return None
    return None if getattr(decoder, "unused_data", b"") else found


def _gunzip(chunks: Sequence[bytes]) -> list[bytes] | None:
    return _decompressed(zlib.decompressobj(16 + zlib.MAX_WBITS), chunks, zlib.error)


def _undeflate(chunks: Sequence[bytes]) -> list[bytes] | None:
    """RFC 9110 means zlib's format; some servers send the bare stream."""
    found = _decompressed(zlib.decompressobj(), chunks, zlib.error)
    return _decompressed(zlib.decompressobj(-zlib.MAX_WBITS), chunks, zlib.error) if found is None else found


def _unzstd(chunks: Sequence[bytes]) -> list[bytes] | None:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd  # type: ignore[import-not-found, unused-ignore]
    return _decompressed(zstd.ZstdDecompressor(), chunks, zstd.ZstdError)


def _unbrotli(chunks: Sequence[bytes]) -> list[bytes] | None:
    try:
        import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None
    decoder = brotli.Decompressor()
    try:
        return [decoder.process(chunk) for chunk in chunks]
    except brotli.error:
        return None


_DECODERS: dict[str, Callable[[Sequence[bytes]], list[bytes] | None]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
    "br": _unbrotli,
    "identity": list,
}


def can_deflate(encoding: str) -> bool:
    """Whether `deflate` can write this encoding."""
    return encoding.strip().lower() in ("gzip", "x-gzip", "deflate")


def deflate(chunks: Iterable[bytes], encoding: str, *, complete: bool = True) -> list[bytes]:
    """The chunks in the named encoding, each of which can be decoded as soon as it is there.

    They are stored rather than compressed (RFC 1951, 3.2.4), which costs next to nothing.
    """
    gzip = "gzip" in encoding.lower()
    whole, written = b"", [b"\x1f\x8b\x08\0\0\0\0\0\0\xff" if gzip else b"\x78\x01"]
    for chunk in chunks:
        whole += chunk
        written.append(
            b"".join(
                b"\0" + struct.pack("<HH", len(block), 0xFFFF ^ len(block)) + block
                for block in (chunk[start : start + 0xFFFF] for start in range(0, len(chunk), 0xFFFF))
            )
        )
    if complete:
        check = struct.pack("<II", zlib.crc32(whole), len(whole) & 0xFFFFFFFF)
        written.append(b"\x01\0\0\xff\xff" + (check if gzip else struct.pack(">I", zlib.adler32(whole))))
    if len(written) > 1:
        written[:2] = [written[0] + written[1]]
    if complete and len(written) > 1:
        written[-2:] = [written[-2] + written[-1]]
    return written

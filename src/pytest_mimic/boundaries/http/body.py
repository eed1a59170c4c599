"""Bodies of HTTP messages as readable plain data, and back to bytes."""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pytest_mimic._redact.json_text import looks_like_json, parse_json_text
from pytest_mimic.boundaries.http.json_layout import parse_json, style_of, write_json

if TYPE_CHECKING:
    from pytest_mimic.boundaries.http.secrets import Secrets

_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)

#: The lines of a stream (a JSON text may hold what other texts take for the end of one), and what an event's begins with.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HEAD = re.compile(r"^data: ?")

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
#: Documents that are read whole, as JSON texts are: where their chunks end says nothing.
_WHOLE = ("html", "xml", "css", "javascript")


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
    except (ValueError, LookupError):
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
    stopped: bool = False,
) -> dict[str, Any] | None:
    """A response's body as readable plain data, redacted; None where it is empty.

    Args:
        chunks: As they arrived, decompressed, without the framing of the transfer.
        content_type: The header's value.
        compressed: The encoding that they had, if they came compressed.
        sized: The response said its length beforehand, so where chunks end says nothing.
        secrets: Learns what the body says under secret names, and hides it.
        stopped: Its reader has left, perhaps after so many chunks.

    Returns:
        One of `json` (with a `style` where it is not compact), `text`, `base64`, `chunks`; with a `charset` where
        there is text in another one than UTF-8, and with `compressed`, the encoding to restore on replay, where that
        is possible.
    """
    # Of a compressed body that was left, a chunk that holds nothing by itself was one to who reads it compressed.
    chunks = [bytes(chunk) for chunk in chunks if chunk or (compressed and stopped)]
    if not chunks:
        return None
    kind = media_type(content_type)
    is_kept = keeps_chunks(kind, chunks, sized=sized, stopped=stopped)
    pieces = chunks if is_kept else [b"".join(chunks)]
    charset = _charset(pieces, parameters(content_type or "").get("charset", "utf-8"), is_kept=is_kept)
    if is_kept:
        body = _stored_chunks(pieces, charset, secrets)
    else:
        body = _stored_whole(pieces[0], kind, charset, secrets)
    if charset is not None and codecs.lookup(charset).name != "utf-8":
        body["charset"] = charset
    if compressed and can_deflate(compressed):
        body["compressed"] = compressed
    return body


def keeps_chunks(kind: str, chunks: Sequence[bytes], *, sized: bool, stopped: bool = False) -> bool:
    """Whether where the chunks end is part of the outcome, or an accident of the network."""
    if any(word in kind for word in _STREAMS):
        return True
    if len(chunks) < 2:
        return False
    if stopped:
        return True
    if sized or any(word in kind for word in _WHOLE):
        return False
    return not _is_json(b"".join(chunks), kind)


def _is_json(data: bytes, kind: str) -> bool:
    """Whether a body is stored as the value of one JSON text."""
    if "json" not in kind and data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        parse_json(data.decode())
    except ValueError:
        return False
    return True


def _charset(pieces: Sequence[bytes], said: str, *, is_kept: bool) -> str | None:
    """The charset in which a body is text and its pieces come back exactly; None where it is no text."""
    data = b"".join(pieces)
    for charset in (said, "utf-8"):
        if as_text(data, charset) is None:
            continue
        if not is_kept or b"".join(map(_encoder(charset), _texts(pieces, charset))) == data:
            return charset
    return None


def _texts(chunks: Sequence[bytes], charset: str) -> list[str]:
    """Chunks as texts, ends moved out of characters; empty ones stay."""
    decoder = codecs.getincrementaldecoder(charset)()
    texts = [(decoder.decode(chunk), not chunk) for chunk in chunks]
    return [text for text, is_kept in [*texts, (decoder.decode(b"", final=True), False)] if text or is_kept]


def _encoder(charset: str) -> Callable[[str], bytes]:
    """Gives back the bytes of texts that follow each other."""
    return codecs.getincrementalencoder(charset)().encode


def _stored_whole(data: bytes, kind: str, charset: str | None, secrets: Secrets) -> dict[str, Any]:
    if charset is None:
        return _base64(data)
    text = data.decode(charset)
    body: dict[str, Any] = {}
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        body = _stored_json(text, secrets)
    if not body:
        form = kind == "application/x-www-form-urlencoded"
        body = {"text": secrets.form(text) if form else secrets.text(text)}
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


def _stored_chunks(chunks: Sequence[bytes], charset: str | None, secrets: Secrets) -> dict[str, Any]:
    """Chunks as texts; binary ones as base64."""
    if charset is None:
        return {"chunks": [_base64(chunk) for chunk in chunks]}
    return {"chunks": scrub_lines(_texts(chunks, charset), secrets)}


def _base64(data: bytes) -> dict[str, Any]:
    return {"base64": base64.b64encode(data).decode()}


def scrub_lines(texts: Sequence[str], secrets: Secrets) -> list[str]:
    """Texts that are one stream of lines, redacted line by line; chunks still end where they did.

    A document, of which an event has each line as `data:` of its own, is redacted as a whole: what a value is secret
    for may stand in another line.
    """
    units = _units(_LINES.findall("".join(texts)))
    for unit in units:
        if len(unit) == 1:
            secrets.learn_line(unit[0])
        else:
            secrets.learn(_without_heads(unit))
    lines, scrubbed = [], []
    for unit in units:
        old, new = _scrubbed_unit(unit, secrets)
        lines += old
        scrubbed += new
    if scrubbed == lines:
        return list(texts)
    ends = _moved_ends(texts, lines, scrubbed)
    whole = "".join(scrubbed)
    cuts = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [cut for cut, text in zip(cuts, texts, strict=True) if cut or not text]


def _units(lines: list[str]) -> list[list[str]]:
    """Lines by what is redacted at once: all of a document, or those of an event that holds one, else each by itself."""
    if _is_document(lines):
        return [lines]
    units: list[list[str]] = []
    for is_data, run in groupby(lines, lambda line: line.startswith("data:")):
        event = list(run)
        whole = is_data and len(event) > 1 and _is_document([_HEAD.sub("", line) for line in event])
        units += [event] if whole else [[line] for line in event]
    return units


def _is_document(lines: Sequence[str]) -> bool:
    """Whether lines are one JSON text, perhaps cut off by its reader, rather than one JSON text each."""
    return looks_like_json("".join(lines)) and parse_json_text(next(filter(str.strip, lines))) is None


def _without_heads(lines: Sequence[str]) -> str:
    return "".join(_HEAD.sub("", line) for line in lines)


def _scrubbed_unit(lines: list[str], secrets: Secrets) -> tuple[list[str], list[str]]:
    """Lines, and what becomes of each; of all together where they become more or fewer."""
    if len(lines) == 1:
        return lines, [secrets.line(lines[0])]
    heads = [head[0] if (head := _HEAD.match(line)) else "" for line in lines]
    scrubbed = _LINES.findall(secrets.text(_without_heads(lines)))
    if len(scrubbed) != len(lines):
        return ["".join(lines)], ["".join(heads[0] + line for line in scrubbed)]
    return lines, [head + line for head, line in zip(heads, scrubbed, strict=True)]


def _moved_ends(texts: Sequence[str], lines: Sequence[str], scrubbed: Sequence[str]) -> list[int]:
    """Where each text ends once every line stands as it is scrubbed."""
    ends, position, line, before, after = [], 0, 0, 0, 0
    kept: dict[int, tuple[int, int]] = {}
    for text in texts:
        position += len(text)
        while line < len(lines) and before + len(lines[line]) <= position:
            before, after = before + len(lines[line]), after + len(scrubbed[line])
            line += 1
        inside = position - before
        if inside and lines[line] != scrubbed[line]:
            if line not in kept:
                kept[line] = _kept_ends(lines[line], scrubbed[line])
            inside = _moved(inside, len(lines[line]), len(scrubbed[line]), *kept[line])
        ends.append(after + inside)
    return ends


def _kept_ends(old: str, new: str) -> tuple[int, int]:
    """How much a changed line has kept at its beginning, and at its end."""
    start = _same(old, new)
    return start, _same(old[start:][::-1], new[start:][::-1])


def _same(one: str, other: str) -> int:
    """How much two texts have in common from their beginning on; bisected, since lines may be megabytes long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _moved(place: int, old: int, new: int, start: int, end: int) -> int:
    """Where a place in a line of `old` signs is in one of `new`; amid what was changed, as far into it as it was."""
    if place <= start:
        return place
    if place >= old - end:
        return place + new - old
    return start + (place - start) * (new - end - start) // (old - end - start)


# Back to bytes


def load_body(body: dict[str, Any] | None) -> list[bytes]:
    """The chunks of a stored body, not compressed."""
    if body is None:
        return []
    if "chunks" in body:
        encode = _encoder(body["charset"]) if "charset" in body else str.encode
        return [encode(chunk) if isinstance(chunk, str) else _bytes(chunk) for chunk in body["chunks"]]
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
        text = as_text(data, body.get("charset", "utf-8"))
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
                for block in (chunk[start : start + 0xFFFF] for start in range(0, len(chunk) or 1, 0xFFFF))
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

"""Whether the bytes of a body are a text, and JSON in it.

JSON is read if plain data can hold it, and written in its old layout.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from itertools import product
from json import JSONEncoder, dumps, encoder, loads
from typing import Any

UTF_8 = "utf-8"
# Only binary data has these: control characters other than tab, newline, vertical tab,
# form feed, carriage return and escape.
_CHARACTER_OF_BINARY = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# Media types of texts: what a service means to be read as characters.
_MEDIA_TYPE_OF_TEXT = re.compile(
    r"(?:text|multipart|message)/.*"
    r"|application/(?:.*[+.-])?(?:json|jsonl|ndjson|json-seq|xml|yaml|eventstream)"
    r"|application/(?:http|sql|graphql|(?:x-)?javascript|x-www-form-urlencoded)"
)
# The blanks before the first item of a JSON text on several lines.
_FIRST_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# As in `_core/outcome/json_layout.py`: `JSONEncoder.encode` makes such an encoder at
# each call.
_compact_pieces: Any = encoder.c_make_encoder(  # type: ignore[attr-defined]
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


def is_text_type(media_type: str) -> bool:
    """Check whether a media type, in lower case, is that of a text."""
    return _MEDIA_TYPE_OF_TEXT.fullmatch(media_type) is not None


def text_of_bytes(data: bytes, charset: str = "utf-8") -> str | None:
    """Return the bytes of a body as a text, which people can read in a recording.

    None: the bytes are binary, or encoding their text gives other bytes. They are
    stored as bytes, since a replay has to give the very bytes that were recorded.
    """
    try:
        text = data.decode(charset)
        gives_same_bytes = text.encode(charset) == data
    except (ValueError, LookupError):
        return None
    if not gives_same_bytes or _CHARACTER_OF_BINARY.search(text):
        return None
    return text


def charset_that_fits(data: bytes, *, declared: str) -> str | None:
    """Return the first charset in which a body is a text: the declared one, or UTF-8.

    None: the body is binary.
    """
    for charset in (declared, UTF_8):
        if text_of_bytes(data, charset) is not None:
            return charset
    return None


def decoded_texts(chunks: Sequence[bytes], charset: str) -> list[str]:
    """Return chunks as texts. A chunk that ends within a character ends before it."""
    decoder = codecs.getincrementaldecoder(charset)()
    return list(filter(None, map(decoder.decode, chunks)))


def encoded_texts(texts: Sequence[str], charset: str) -> bytes:
    """Return the bytes of texts that are encoded one by one.

    In UTF-16, for example, each text has a mark.
    """
    return b"".join([text.encode(charset) for text in texts])


def json_of(text: str, media_type: str = "") -> Any:
    """Return the value of a text that is JSON by its media type or its beginning.

    For another text it is this same text; so it is for a JSON text that plain data
    cannot hold: nested too deep for Python, with NaN, a lone surrogate or a repeated
    key.
    """
    if "json" not in media_type and text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        value = loads(text, parse_constant=_refuse, object_pairs_hook=_unique_keys)
        dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def style_of(value: Any, text: str) -> str | None:
    """Return the style in which `write_json` makes this text of the value.

    None: no style makes this text.

    A style has these words, in this order:

    | word | the text |
    |---|---|
    | none | is compact |
    | `spaced`, `indent-2` | is as `json.dumps` writes it |
    | `ascii` | has other characters escaped |
    | `newline` | ends with one |
    """
    layouts = ["", "spaced"]
    indented = _FIRST_INDENT.match(text)
    if indented:
        layouts = [f"indent-{len(indented[1])}"]
    escapes = [""]
    if "\\u" in text:
        escapes.append("ascii")
    end = ""
    if text.endswith("\n"):
        end = "newline"
    for layout, escape in product(layouts, escapes):
        words = [word for word in (layout, escape, end) if word]
        style = " ".join(words)
        if write_json(value, style) == text:
            return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write a value as JSON in one of the styles that `style_of` returns."""
    if not style:
        return "".join(_compact_pieces(value, 0))
    words = style.split()
    indent = None
    separators: tuple[str, str] | None = (",", ":")
    for word in words:
        if word.startswith("indent-"):
            indent = int(word.removeprefix("indent-"))
            separators = None
        elif word == "spaced":
            separators = None
    text = dumps(
        value,
        ensure_ascii="ascii" in words,
        indent=indent,
        separators=separators,
    )
    if "newline" in words:
        text += "\n"
    return text

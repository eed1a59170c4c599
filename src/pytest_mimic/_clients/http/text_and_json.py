"""Whether the bytes of a body are a text, and JSON in it.

JSON is read if plain data can hold it, and written in its old layout. The bodies of
requests, which count in identities, are read by `text_of_bytes` and `json_of`. The rest
is for bodies of responses alone.
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
# The blanks before the first item of a JSON text on several lines: its indent.
_FIRST_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# Yields the pieces of a compact JSON text of a body, for `write_json`. It is made once:
# `JSONEncoder.encode` would make such an encoder at each call, with these arguments:
# markers, default, encoder, indent, two separators, sort_keys, skipkeys and allow_nan.
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

    None: the bytes are binary, or encoding their text gives other bytes. Those of a
    response are stored as bytes, since a replay has to give the very bytes that were
    recorded. Those of a request count by their hash.
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
    """Return the charset in which a response's body is stored as a text.

    It is the declared one, or UTF-8 if the body is no text in that. None: the body is
    binary.
    """
    for charset in (declared, UTF_8):
        if text_of_bytes(data, charset) is not None:
            return charset
    return None


def decoded_texts(chunks: Sequence[bytes], charset: str) -> list[str]:
    """Return the chunks of a response's body as texts.

    A chunk that ends within a character ends before it.
    """
    # Each chunk is stored as a text of its own, with the whole characters in it.
    decoder = codecs.getincrementaldecoder(charset)()
    return list(filter(None, map(decoder.decode, chunks)))


def encoded_texts(texts: Sequence[str], charset: str) -> bytes:
    """Return the bytes that a replay would make of the events or chunks of a body.

    It encodes them one by one: in UTF-16, for example, each of them has a mark. A body
    whose own bytes differ from these is stored in another form.
    """
    return b"".join([text.encode(charset) for text in texts])


def json_of(text: str, media_type: str = "") -> Any:
    """Return the value of a text that is JSON by its media type or its beginning.

    Any other text is returned as it is, also JSON that plain data cannot hold: nested
    too deep for Python, with NaN, a lone surrogate or a repeated key. Of a request, the
    value counts in the identity.
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
    """Refuse `NaN` and `Infinity`, which Python reads although JSON has none."""
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; refuse repeated keys, of which a dict keeps one."""
    json_object = dict(pairs)
    if len(json_object) != len(pairs):
        raise ValueError("a key is repeated")
    return json_object


def style_of(value: Any, text: str) -> str | None:
    """Return the style in which `write_json` makes this text of the value.

    It is stored beside the value, so that a replay gives the bytes that were recorded.
    None: no style makes this text.

    A style has these words, in this order:

    | word | the text |
    |---|---|
    | none | is compact |
    | `spaced`, `indent-2` | is as `json.dumps` writes it |
    | `ascii` | has other characters escaped |
    | `newline` | ends with one |
    """
    # Only the styles are tried of which the recorded text has a sign.
    layout_words = ["", "spaced"]
    first_indent = _FIRST_INDENT.match(text)
    if first_indent:
        layout_words = [f"indent-{len(first_indent[1])}"]
    escape_words = [""]
    if "\\u" in text:
        escape_words.append("ascii")
    end_word = ""
    if text.endswith("\n"):
        end_word = "newline"
    for layout_word, escape_word in product(layout_words, escape_words):
        words = [word for word in (layout_word, escape_word, end_word) if word]
        style = " ".join(words)
        if write_json(value, style) == text:
            return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write the JSON of a response in one of the styles that `style_of` returns."""
    if not style:
        return "".join(_compact_pieces(value, 0))
    words = style.split()
    # The words say how a replay writes the value, as the service did. None as
    # separators: `json.dumps` writes its own, with a blank.
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

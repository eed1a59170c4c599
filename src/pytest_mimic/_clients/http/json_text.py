"""JSON texts: read if plain data can hold them, and written in their old layout."""

from __future__ import annotations

import re
from itertools import product
from json import JSONEncoder, dumps, encoder, loads
from typing import Any

# The blanks before the first item of a JSON text on several lines.
_FIRST_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# As in `_core/outcome/plain.py`: `JSONEncoder.encode` makes such an encoder at each
# call.
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

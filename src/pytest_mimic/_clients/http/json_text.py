"""JSON texts: read if plain data can hold them, and written again in the layout of their server."""

from __future__ import annotations

import re
from itertools import product
from json import JSONEncoder, dumps, encoder, loads
from typing import Any

_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
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
    """Return the value of a text that its media type or its beginning says is JSON; if it is none, this same text.

    It is none, too, if plain data cannot hold it: nested too deep for Python, with NaN,
    a lone surrogate or a repeated key.
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
    """Return the style in which `write_json` makes this text of the value, or None if no style does.

    A style has these words, in this order:

    | word | the text |
    |---|---|
    | none | is compact |
    | `spaced`, `indent-2` | is as `json.dumps` writes it |
    | `ascii` | has other characters escaped |
    | `newline` | ends with one |
    """
    indented = _INDENT.match(text)
    layouts = [f"indent-{len(indented[1])}"] if indented else ["", "spaced"]
    escapes = ["", "ascii"] if "\\u" in text else [""]
    ends = ["newline"] if text.endswith("\n") else []
    for layout, escape in product(layouts, escapes):
        style = " ".join(filter(None, (layout, escape, *ends)))
        if write_json(value, style) == text:
            return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write a value as JSON in one of the styles that `style_of` returns."""
    if not style:
        return "".join(_compact_pieces(value, 0))
    words = style.split()
    indents = [int(word[7:]) for word in words if word.startswith("indent-")]
    indent = indents[0] if indents else None
    is_spaced = indent is not None or "spaced" in words
    text = dumps(
        value,
        ensure_ascii="ascii" in words,
        indent=indent,
        separators=None if is_spaced else (",", ":"),
    )
    return f"{text}\n" if "newline" in words else text

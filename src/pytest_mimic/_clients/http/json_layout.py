"""JSON in HTTP bodies: read if plain data can hold it, and written again in the layout of its server."""

from __future__ import annotations

import re
from json import JSONEncoder, dumps, loads
from typing import Any

# Recordings are written, and shown, by recursive functions.
_DEEPEST = 200
_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# Signs that Go escapes, so that JSON can be part of an HTML page.
_HTML_SIGNS = "<>&\u2028\u2029"
_compact = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def parse_json(text: str) -> Any:
    """Parse a JSON text that plain data can hold.

    Raises:
        ValueError: It is not JSON, is nested more than 200 deep, or has NaN, a lone surrogate or a repeated key.
    """
    try:
        value = loads(text, parse_constant=_refuse, object_pairs_hook=_unique_keys)
        dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if text.count("[") + text.count("{") > _DEEPEST and _is_deep(value):
        raise ValueError("nested too deep")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        boxes = (box.values() if isinstance(box, dict) else box for box in level)
        level = [inner for box in boxes for inner in box if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def style_of(value: Any, text: str) -> str | None:
    """Return the style in which `write_json` makes this text of the value, or None if no style does.

    Styles are compact (an empty text), `spaced` and `indent-2`, as `json.dumps` writes them; with `ascii` where
    other characters are escaped, with `html` or `slashes` for the escapes of Go and PHP, and with `newline` at the end.
    """
    indented = _INDENT.match(text)
    layouts = [f"indent-{len(indented[1])}"] if indented else ["", "spaced"]
    escapes = ["", "ascii"] if "\\u" in text else [""]
    words = ["html"] if re.search(r"\\u00(?:3c|3e|26)", text) else []
    words += ["slashes"] if "\\/" in text else []
    words += ["newline"] if text.endswith("\n") else []
    for layout in layouts:
        for escape in escapes:
            style = " ".join(filter(None, (layout, escape, *words)))
            if write_json(value, style) == text:
                return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write a value as JSON in one of the styles that `style_of` returns."""
    if not style:
        return _compact(value)
    words = style.split()
    indent = next((int(word[7:]) for word in words if word.startswith("indent-")), None)
    separators = None if indent or "spaced" in words else (",", ":")
    text = dumps(value, ensure_ascii="ascii" in words, indent=indent, separators=separators)
    for sign in _HTML_SIGNS if "html" in words else "":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    if "slashes" in words:
        text = text.replace("/", "\\/")
    return f"{text}\n" if "newline" in words else text

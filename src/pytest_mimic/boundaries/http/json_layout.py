"""JSON in HTTP bodies: read where plain data can hold it, and written in the style it came in."""

from __future__ import annotations

import re
from json import JSONEncoder, dumps, loads
from typing import Any

#: How servers lay JSON out: the words of a body's `style`, and what makes them.
_LAYOUTS: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":")},
    "spaced": {"separators": (", ", ": ")},
    "indent-2": {"indent": 2},
    "indent-4": {"indent": 4},
}
#: Lists and mappings in each other; recordings, and what is shown of them, are written by functions that call themselves.
_DEEPEST = 200
_HTML_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def parse_json(text: str) -> Any:
    """The value of a JSON text that plain data can hold.

    Raises:
        ValueError: It is not JSON, or holds what plain data cannot: NaN, lone surrogates, a key twice; or is nested
            too deep.
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
    """A mapping of these pairs, as `json.loads` hands them over.

    Raises:
        ValueError: A key comes twice.
    """
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key comes twice")
    return value


def style_of(value: Any, text: str) -> str | None:
    """The words that make this text of the value, empty for the most common; None where no style does."""
    words = ["html"] if re.search(r"\\u00(?:3c|3e|26)", text) else []
    words += ["slashes"] if "\\/" in text else []
    tail = ["newline"] if text.endswith("\n") else []
    for layout in _LAYOUTS:
        for ascii_only in ((), ("ascii",)):
            style = " ".join([*([] if layout == "compact" else [layout]), *ascii_only, *words, *tail])
            if write_json(value, style) == text:
                return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """The JSON text of a value in one of the styles that servers write."""
    if not style:
        return _compact(value)
    words = style.split()
    layout: dict[str, Any] = next((_LAYOUTS[word] for word in words if word in _LAYOUTS), _LAYOUTS["compact"])
    text = dumps(value, ensure_ascii="ascii" in words, **layout)
    if "html" in words:
        text = "".join(_HTML_ESCAPES.get(sign, sign) for sign in text)
    if "slashes" in words:
        text = text.replace("/", "\\/")
    return f"{text}\n" if "newline" in words else text


_compact = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

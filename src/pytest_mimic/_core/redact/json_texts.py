"""The plain data of a text that is JSON or JSONP, and where it stands in the text.

`redactor.py` hides secrets in such a text by the names in its data. `call_secrets.py`
of `_core/seam/` learns secrets from it, which are then hidden in the whole call.
"""

from __future__ import annotations

from collections.abc import Callable
from json import loads
from typing import Any

from pytest_mimic._core.words import pattern

#: A string of a JSON text, which is a name if it has a `colon`; or a number, or a word.
JSON_TOKEN = pattern(
    r'"[^"\\]*(?:\\.[^"\\]*)*"(?P<colon>\s*:)?|(?P<word>[^\s{}\[\],:"]+)'
)
# What may precede a JSON text: a byte order mark, and a guard against being run as a
# script, `)]}',` or `for(;;);`.
_GUARD_BEFORE_JSON = pattern(
    r"\ufeff?\s*(?:\)\]\}'?,?|(?:while|for)\s*\((?:1|;;)\);)?\s*"
)
# JSONP: a call of a function with the JSON text, perhaps after a comment.
_CALL_OF_JSONP = pattern(
    r"\s*(?:/\*[^*]{0,200}\*/\s*)?[A-Za-z_$][\w$.]{0,200}\(\s*(?=[{\[])"
)
#: Words of JSON that are no text and no number, and so can be no secret.
JSON_WORDS = frozenset({"null", "false", "true"})


def looks_like_json(text: str) -> bool:
    """Check whether a text begins like a JSON mapping or list; after a guard, too.

    `call_secrets.py` asks it: a text that begins so and is no JSON was cut off, and is
    hidden by the rules for free text.
    """
    return text.startswith(("{", "["), span_of_json(text)[0])


def parse_json_text(
    text: str, mapping: Callable[[list[tuple[str, Any]]], object] | None = None
) -> object:
    """Return the mapping or list in a JSON text, or None for any other text.

    Args:
        text: The text, which may be JSONP.
        mapping: Makes a mapping of its pairs; by default, a `dict`, in which the last
            value of a key that stands twice wins.
    """
    start, end = span_of_json(text)
    if not text.startswith(("{", "["), start):
        return None
    try:
        return loads(text[start:end], object_pairs_hook=mapping)
    except (ValueError, RecursionError):
        return None


def span_of_json(text: str) -> tuple[int, int]:
    """Return where the JSON in a text begins and ends.

    A guard before the JSON and a call of JSONP around it are left out: of
    `callback({"a": 1})`, only the mapping is the JSON. In a text without JSON, the span
    begins where JSON would.
    """
    text_to_bracket = text.rstrip("; \t\r\n")
    if text_to_bracket.endswith(")"):
        jsonp_call = _CALL_OF_JSONP.match(text)
        if jsonp_call is not None:
            return jsonp_call.end(), len(text_to_bracket) - 1
    guard = _GUARD_BEFORE_JSON.match(text)
    start_of_json = 0
    if guard is not None:
        start_of_json = guard.end()
    return start_of_json, len(text)


def mapping_with_doubles(json_members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the mapping of a JSON text, with both values of a key that stands twice.

    The second value is as secret as the first, and stands in the text as well. Its key
    gets a zero byte and a number, which do not change whether a name is secret.
    """
    mapping: dict[str, Any] = {}
    for key, value in json_members:
        if key in mapping:
            key = f"{key}\0{len(mapping)}"
        mapping[key] = value
    return mapping

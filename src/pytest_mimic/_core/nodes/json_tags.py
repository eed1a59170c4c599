"""How the JSON of a vault marks what JSON has no form for: `{"$date": "2026-11-02"}`.

Such a mapping has a tag as its first key, which begins with `$`, and the facts behind
it. A mapping of a user's whose first key begins so gets a second `$` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SIGN: Final = "$"


def tagged(tag: str, part: Any) -> dict[str, Any]:
    """Return the JSON of a value with a tag."""
    return {SIGN + tag: part}


def tag_in(plain: Mapping[Any, Any]) -> str:
    """Return the tag of a mapping, empty if it is one of a user's."""
    first = next(iter(plain), "")
    is_tag = first[:1] == SIGN and first[1:2] != SIGN
    return first[1:] if is_tag else ""


def may_have_tags(text: str) -> bool:
    """Return whether a JSON text may have keys that look like tags."""
    return f'"{SIGN}' in text


# -- keys of users


def is_escaped(parts: Mapping[str, Any]) -> bool:
    """Return whether the first key of a mapping gets a second `$`."""
    return next(iter(parts), "")[:1] == SIGN


def has_escape(parts: Mapping[str, Any]) -> bool:
    """Return whether the first key of a mapping has a second `$`."""
    return next(iter(parts), "")[:2] == SIGN + SIGN


def has_both_forms(parts: Mapping[str, Any]) -> bool:
    """Return whether a mapping has its escaped first key as well, and no JSON."""
    first = next(iter(parts), "")
    return first[:1] == SIGN and SIGN + first in parts


def escaped(parts: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with a second `$` at its first key."""
    others = dict(parts)
    first = next(iter(parts))
    return {SIGN + first: others.pop(first)} | others


def unescaped(parts: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping whose first key has lost its second `$`."""
    others = dict(parts)
    first = next(iter(parts))
    return {first[1:]: others.pop(first)} | others

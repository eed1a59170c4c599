"""Tags, the marks of values for which JSON has no form: `{"$date": "2026-11-02"}`.

The first key of such a mapping is a tag, which begins with `$`. Facts about the value
stand behind the tag. A user's mapping whose first key begins with `$` gets a second `$`
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TAG_SIGN: Final = "$"


def tagged(tag: str, part: Any) -> dict[str, Any]:
    """Return the JSON of a value with a tag."""
    return {TAG_SIGN + tag: part}


def tag_in(plain: Mapping[Any, Any]) -> str:
    """Return the tag of a mapping, `date`; empty: the mapping is a user's."""
    first_key = next(iter(plain), "")
    if first_key[:1] == TAG_SIGN and first_key[1:2] != TAG_SIGN:
        return str(first_key[1:])
    return ""


def may_have_tags(text: str) -> bool:
    """Return whether a JSON text may have keys that look like tags.

    The parts of a client's call whose text has none are their own description, which
    spares the walk over them.
    """
    return f'"{TAG_SIGN}' in text


# -- keys of users that begin with `$`


def is_escaped(parts: Mapping[str, Any]) -> bool:
    """Return whether the first key of a mapping gets a second `$`."""
    return next(iter(parts), "")[:1] == TAG_SIGN


def has_escape(parts: Mapping[str, Any]) -> bool:
    """Return whether the first key of a mapping has a second `$`."""
    return next(iter(parts), "")[:2] == TAG_SIGN + TAG_SIGN


def has_key_and_its_escape(parts: Mapping[str, Any]) -> bool:
    """Return whether a mapping has its first key with a second `$` as another key.

    Such a mapping, `{"$a": 1, "$$a": 2}`, would lose a key if its first key got a
    second `$`. So it is written as a list of pairs.
    """
    first_key = next(iter(parts), "")
    return first_key[:1] == TAG_SIGN and TAG_SIGN + first_key in parts


def escaped(parts: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with a second `$` at its first key."""
    other_parts = dict(parts)
    first_key = next(iter(parts))
    return {TAG_SIGN + first_key: other_parts.pop(first_key)} | other_parts


def unescaped(parts: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping whose first key has lost its second `$`."""
    other_parts = dict(parts)
    first_key = next(iter(parts))
    return {first_key[1:]: other_parts.pop(first_key)} | other_parts

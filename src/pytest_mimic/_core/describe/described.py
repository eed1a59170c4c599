"""The size and the order of descriptions."""

from __future__ import annotations

from json import dumps
from typing import Any


def size_of(description: Any) -> int:
    """Return about how many characters a description takes."""
    if isinstance(description, dict):
        return sum(len(key) + 4 + size_of(part) for key, part in description.items())
    if isinstance(description, list):
        return sum(2 + size_of(part) for part in description)
    return len(description if type(description) is str else str(description)) + 2


def order(description: Any) -> str:
    """Return a text that is equal for equal descriptions and orders them."""
    return dumps(description, sort_keys=True)

"""Bytes in plain data, as a text if that is possible; pairs of names and values."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

from pytest_mimic.secrets.placeholders import is_placeholder


def text_or_base64(data: bytes) -> Any:
    """Return the text of bytes (UTF-8), or `{"$base64": "/w=="}`."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"$base64": b64encode(data).decode()}


def bytes_of(plain: Any) -> bytes:
    """Return the bytes that `text_or_base64` has read, or what stands for them.

    Raises:
        ValueError: They are neither.
    """
    text = plain["$base64"] if isinstance(plain, dict) else plain
    is_text = isinstance(plain, str) or is_placeholder(text)
    return text.encode() if is_text else b64decode(text, validate=True)


def fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs by name. Several values of a name are a list."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: one if len(one) > 1 else one[0] for name, one in found.items()}

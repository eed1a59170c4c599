"""Puts the secrets of a real outcome into a recorded one, at the places where the recording has none."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER


def with_secrets(recorded: object, hidden: object, real: object) -> Any:
    """Return recorded plain data with the secrets of a `real` outcome, which is `hidden` without them.

    While a call is verified, the application gets what was recorded. But the server would refuse a request with a
    recorded placeholder. Of a text with more than one secret, none is put in, unless all of it is as recorded.
    """
    if isinstance(recorded, dict) and isinstance(hidden, dict) and isinstance(real, dict):
        return {
            key: with_secrets(value, hidden[key], real[key]) if key in hidden and key in real else value
            for key, value in recorded.items()
        }
    if isinstance(recorded, list) and isinstance(hidden, list) and isinstance(real, list):
        if len(hidden) != len(real):
            return recorded
        found = dict(zip(_places(hidden), zip(hidden, real, strict=True), strict=True))
        return [
            with_secrets(item, *found[place]) if place in found else item
            for place, item in zip(_places(recorded), recorded, strict=True)
        ]
    # A number is redacted as 0.
    if recorded == hidden and type(recorded) is type(hidden):
        return real
    texts = isinstance(recorded, str) and isinstance(hidden, str) and isinstance(real, str)
    return _text(str(recorded), str(hidden), str(real)) if texts else recorded


def _places(items: list[Any]) -> list[object]:
    """Return what identifies each item of a list: its index, or for pairs, such as headers, the n-th of its name."""
    if not all(isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) for item in items):
        return list(range(len(items)))
    counts: Counter[str] = Counter()
    places: list[object] = []
    for name, value in items:
        # Cookies have names of their own.
        is_cookie = name.lower() == "set-cookie" and isinstance(value, str)
        key = f"{name.lower()} {value.partition('=')[0]}" if is_cookie else name.lower()
        counts[key] += 1
        places.append((key, counts[key]))
    return places


def _text(recorded: str, hidden: str, real: str) -> str:
    """Return a recorded text with the one secret that each of them has, such as a cookie with its attributes."""
    start, _, end = hidden.partition(PLACEHOLDER)
    fits = real.startswith(start) and real.endswith(end) and len(start) + len(end) <= len(real)
    if recorded.count(PLACEHOLDER) != 1 or hidden.count(PLACEHOLDER) != 1 or not fits:
        return recorded
    return recorded.replace(PLACEHOLDER, real[len(start) : len(real) - len(end)])

"""Puts the secrets of a real outcome into a recorded one, at the places where the recording has none."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER


def with_secrets(recorded: object, hidden: object, real: object) -> Any:
    """Return recorded plain data with the secrets of a `real` outcome, which is `hidden` without them.

    While a call is verified, the application gets what was recorded. But the server would refuse a request with a
    recorded placeholder.
    """
    if isinstance(recorded, str) and isinstance(hidden, str) and isinstance(real, str):
        return _text(recorded, hidden, real)
    if isinstance(recorded, dict) and isinstance(hidden, dict) and isinstance(real, dict):
        return {
            key: with_secrets(value, hidden[key], real[key]) if key in hidden and key in real else value
            for key, value in recorded.items()
        }
    if isinstance(recorded, list) and isinstance(hidden, list) and isinstance(real, list):
        return _list(recorded, hidden, real)
    # A number is redacted as 0.
    return real if recorded == hidden and type(recorded) is type(hidden) else recorded


def _list(recorded: list[Any], hidden: list[Any], real: list[Any]) -> list[Any]:
    if recorded and all(isinstance(item, str) for item in (*recorded, *hidden, *real)):
        return _texts(recorded, hidden, real)
    if len(hidden) != len(real):
        return recorded
    found = dict(zip(_places(hidden), zip(hidden, real, strict=True), strict=True))
    return [
        with_secrets(item, *found[place]) if place in found else item
        for place, item in zip(_places(recorded), recorded, strict=True)
    ]


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


def _texts(recorded: list[str], hidden: list[str], real: list[str]) -> list[str]:
    """Reveal the secrets in the pieces of one text, which may end elsewhere in another run."""
    whole = "".join(recorded)
    revealed = _text(whole, "".join(hidden), "".join(real))
    if revealed == whole:
        return recorded
    secrets = _secrets_between(whole.split(PLACEHOLDER), revealed)
    if secrets is None or sum(text.count(PLACEHOLDER) for text in recorded) != len(secrets):
        return recorded
    rest = iter(secrets)
    return [re.sub(re.escape(PLACEHOLDER), lambda _: next(rest), text) for text in recorded]


def _text(recorded: str, hidden: str, real: str) -> str:
    if recorded == hidden:
        return real
    if PLACEHOLDER not in recorded:
        return recorded
    parts = recorded.split(PLACEHOLDER)
    secrets = _secrets_between(hidden.split(PLACEHOLDER), real)
    if secrets is None or len(secrets) != len(parts) - 1:
        return recorded
    return parts[0] + "".join(secret + part for secret, part in zip(secrets, parts[1:], strict=True))


def _secrets_between(parts: list[str], text: str) -> list[str] | None:
    """Return what stands between the parts of a text, or None if it is not made of them."""
    first, *inner = parts
    if not inner:
        return [] if text == first else None
    last = inner.pop()
    # Each part is looked for at its first place: a regular expression would try all places of all of them.
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return None
    found, start = [], len(first)
    for part in inner:
        place = text.find(part, start, end)
        if place < 0:
            return None
        found.append(text[start:place])
        start = place + len(part)
    return [*found, text[start:end]]

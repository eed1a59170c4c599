"""Puts real secrets back into recorded answers, while those are verified."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER


def with_secrets(recorded: Any, hidden: Any, real: Any) -> Any:
    """Return recorded plain data with the secrets of a `real` outcome, which is `hidden` without them.

    While a call is verified, the application gets what was recorded, but a server would
    refuse a recorded placeholder.
    A text with a secret is the real one as a whole: what is signed goes with its
    signature.
    """
    if dict is type(recorded) is type(hidden) is type(real):
        found: Any = {
            key: (hidden[key], real[key]) for key in hidden.keys() & real.keys()
        }
        return {
            key: with_secrets(one, *found[key]) if key in found else one
            for key, one in recorded.items()
        }
    if list is type(recorded) is type(hidden) is type(real):
        found = dict(zip(_places(hidden), zip(hidden, real)))
        places = zip(_places(recorded), recorded, strict=True)
        return [
            with_secrets(one, *found[place]) if place in found else one
            for place, one in places
        ]
    # A number is redacted as 0.
    if recorded == hidden and type(recorded) is type(hidden):
        return real
    are_hidden = all(
        isinstance(one, str) and PLACEHOLDER in one for one in (recorded, hidden)
    )
    return real if are_hidden else recorded


def _places(items: list[Any]) -> list[object]:
    """Return what identifies each item of a list: its index, or for pairs, such as headers, the n-th of its name."""
    if not all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
        for item in items
    ):
        return list(range(len(items)))
    names = [name.lower() for name, _ in items]
    return [(name, names[:place].count(name)) for place, name in enumerate(names)]

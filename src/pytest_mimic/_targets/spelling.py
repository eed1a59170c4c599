"""The closest existing name, for what was probably mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """The existing name that was most likely meant, None where none is close."""
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return close[0]
    folded = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    return folded[close[0]] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The closest name as the end of a sentence, nothing where none is close."""
    close = closest_name(name, names)
    return f" (did you mean {close}?)" if close else ""

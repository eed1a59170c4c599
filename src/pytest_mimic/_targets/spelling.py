"""The closest existing name, for one that was probably mistyped."""

from __future__ import annotations

from collections.abc import Iterable


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the existing name that was most likely meant, or None if none is close."""
    from difflib import get_close_matches

    known = sorted(names)
    if close := get_close_matches(name, known, n=1):
        return close[0]
    # `CLIENT` and `client` have no letter in common above, so compare again without case.
    folded = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), folded, n=1)
    return folded[close[0]] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the closest name, or an empty string if none is close."""
    close = closest_name(name, names)
    return f" (did you mean {close}?)" if close else ""

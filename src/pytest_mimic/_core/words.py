"""Counts, durations, sizes and lists in words, the closest name to a mistyped one, and patterns compiled on first use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any


class _Pattern:
    def __init__(self, text: str, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        method = vars(self)[name] = getattr(re.compile(*self._given), name)
        return method


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled on first use: a run needs few of them, and one may take a millisecond."""
    lazy: Any = _Pattern(text, flags)
    return lazy  # type: ignore[no-any-return]


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the existing name that was most likely meant, or None if none is close."""
    from difflib import get_close_matches

    known = sorted(names)
    folded = {
        each.lower(): each for each in known
    }  # `CLIENT` and `client` have no letter in common
    close = get_close_matches(name.lower(), folded, n=1)
    return next(
        iter(get_close_matches(name, known, n=1) or map(folded.__getitem__, close)),
        None,
    )


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the closest name, or an empty string if none is close."""
    close = closest_name(name, names)
    return f" (did you mean {close}?)" if close else ""


# How many lines a list in the summary has at most.
SHOWN = 10
# Labels beyond this length do not widen their column.
_WIDTH = 60
# How many characters a row of a label and what belongs to it has, and how many a label
# has in any case.
_ROW = 112
_LABEL = 50


def in_columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return pairs of a label and what belongs to it as rows.

    Of a long row, the middle of the label is left out.
    """
    pairs = [(_fitted(label, _ROW - len(other)), other) for label, other in pairs]
    # Of the rows that are shown, since a long label further down would widen the column
    # for nothing.
    width = max(
        (len(label) for label, _ in pairs[:SHOWN] if len(label) <= _WIDTH), default=0
    )
    return [f"{label:<{width}}    {other}".rstrip() for label, other in pairs]


def _fitted(label: str, room: int) -> str:
    room = max(room, _LABEL)
    if len(label) <= room:
        return label
    return f"{label[: room // 2 - 2]}...{label[len(label) - (room - room // 2 - 1) :]}"


def and_more(left: int, of: str = "") -> list[str]:
    """Return the line about what a list leaves out: `and 3 more`.

    Nothing if that is nothing.
    """
    return [f"and {left} more{of}"] if left > 0 else []


def limited(lines: Sequence[str], most: int = SHOWN, of: str = "") -> list[str]:
    """Return the first lines, and how many more there are."""
    return [*lines[:most], *and_more(len(lines) - most, of)]


def listed(
    heading: str,
    rows: Sequence[str] | Sequence[tuple[str, str]],
    *after: str,
    total: int | None = None,
    most: int = SHOWN,
) -> list[str]:
    """Return a heading, the first rows, how many more there are of the total, and what follows. Nothing without rows.

    Pairs of a label and what belongs to it stand in columns.
    """
    if not rows:
        return []
    pairs = [row for row in rows if not isinstance(row, str)]
    lines = (
        in_columns(pairs) if pairs else [row for row in rows if isinstance(row, str)]
    )
    shown = [*lines[:most], *and_more((total or len(lines)) - len(lines[:most]))]
    return [heading, *(f"  {line}" for line in shown), *after]


def few(names: Sequence[str]) -> str:
    """Return names in a line, of many only the first: `a, b, c and 4 more`."""
    return " ".join([", ".join(names[:3]), *and_more(len(names) - 3)])


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def seconds(amount: float) -> str:
    """A duration: `38.2 s`, `0.01 s`."""
    return f"{amount:.1f} s" if amount >= 1 else f"{amount:.2f} s"


def size(count: float) -> str:
    """A number of bytes: `1.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"

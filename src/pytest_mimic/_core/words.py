"""Counts, durations, sizes and lists in words, and the closest existing name for a mistyped one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence


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


# How many lines a list in the summary has at most.
SHOWN = 10
# Labels beyond this length do not widen their column.
_WIDTH = 60
# How many characters a row of a label and what belongs to it has, and how many a label has in any case.
_ROW = 112
_LABEL = 50


def in_columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return pairs of a label and what belongs to it as rows. Of a long row, the middle of the label is left out."""
    pairs = [(_fitted(label, _ROW - len(other)), other) for label, other in pairs]
    width = max((len(label) for label, _ in pairs[:SHOWN] if len(label) <= _WIDTH), default=0)
    return [f"{label:<{width}}    {other}".rstrip() for label, other in pairs]


def _fitted(label: str, room: int) -> str:
    room = max(room, _LABEL)
    if len(label) <= room:
        return label
    return f"{label[: room // 2 - 2]}...{label[len(label) - (room - room // 2 - 1) :]}"


def listed(heading: str, rows: Sequence[str], *, total: int | None = None, most: int = SHOWN) -> list[str]:
    """Return a heading and the first rows, and how many more there are of the total. Nothing without rows."""
    if not rows:
        return []
    more = (len(rows) if total is None else total) - min(len(rows), most)
    shown = [f"  {row}" for row in rows[:most]]
    return [heading, *shown, *([f"  and {more} more"] if more else [])]


def few(names: Sequence[str], *, most: int = 3) -> str:
    """Return names in a line, of many only the first: `a, b, c and 4 more`."""
    more = len(names) - most
    return f"{', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}"


def pattern_of(label: str) -> str:
    """Return what the labels of many calls of one kind share: `http GET /users/*`, `shop:order`."""
    return re.sub(r"(?<=/)[^/?]*\d[^/?]*", "*", label.partition("(")[0])


def grouped(calls: Sequence[tuple[str, str]], name_of: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Return the rows of calls and their tests. Too many to list are counted by the names of their labels."""
    rows = [(f"{label}{times(count)}", test) for (label, test), count in Counter(calls).items()]
    if len(rows) <= SHOWN:
        return rows
    groups: dict[str, list[tuple[str, str]]] = {}
    for label, test in calls:
        groups.setdefault(name_of(label), []).append((label, test))
    found = list[tuple[str, str]]()
    for name, group in groups.items():
        label, test = group[0]
        count = f"{plural(len(group), 'call')} in {plural(len({test for _, test in group}), 'test')}"
        such_as = f"{count}, such as {test if label == name else label}"
        found.append((name, such_as if len(group) > 1 or name != label else test))
    return found


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def times(count: int) -> str:
    """Return `, 3 times`, or nothing for one."""
    return f", {count} times" if count > 1 else ""


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

"""Which items of two sequences belong together, if that can be found out quickly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import Literal

Turn = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
"""A step from one sequence to the other, as `difflib` has it.

It is a tag, start and end in the old sequence, start and end in the new one.
"""

# Of longer sequences, and of those with more equal pairs, nothing is aligned. `difflib`
# looks at each pair, again for each stretch that it finds: a hundred times for a text
# of few words.
_MOST_ITEMS, _MOST_PAIRS = 4_000, 50_000

# A word with the blanks behind it, so that words side by side that changed are one
# change. A very long one is in pieces.
_WORD = re.compile(r"\w{1,20} *|\s|[^\w\s] *")
_LINE = re.compile(r"[^\n]*\n?")


def turns(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Turn] | None:
    """Return the steps from one sequence to the other, None if that takes too long."""
    if max(len(old), len(new)) > _MOST_ITEMS:
        return None
    counts = Counter(new)
    pairs = sum(counts[item] for item in old)
    if pairs > _MOST_PAIRS:
        return None
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return list(matcher.get_opcodes())


def stretches(old: str, new: str) -> list[tuple[str, str]]:
    """Return two texts as stretches side by side, equal ones and others in turn.

    They are compared by words; where that takes too long, by lines; else only their
    beginnings and their ends are.

    Examples:
        | old | new | stretches |
        |---|---|---|
        | `two red cats` | `two old cats` | `two ` twice; `red `, `old `; `cats` twice |
    """
    for unit in (_WORD, _LINE):
        pairs = _by_units(unit, old, new)
        if pairs is not None:
            return pairs
    return _by_units(_WORD, old, new, is_aligned=False) or []


def _by_units(
    unit: re.Pattern[str], old: str, new: str, *, is_aligned: bool = True
) -> list[tuple[str, str]] | None:
    """Return two texts as stretches of words or lines, or None if that takes too long.

    Unless it `is_aligned`, what lies between the equal ends is one stretch.
    """
    then, now = unit.findall(old), unit.findall(new)
    start, end = alike(then, now)
    gone, come = then[start : len(then) - end], now[start : len(now) - end]
    steps: list[Turn] | None = [("replace", 0, len(gone), 0, len(come))]
    if is_aligned:
        steps = turns(gone, come)
    if steps is None:
        return None
    first = "".join(then[:start])
    last = "".join(then[len(then) - end :])
    pairs = [(first, first)]
    for _, a, b, c, d in steps:
        pairs.append(("".join(gone[a:b]), "".join(come[c:d])))
    pairs.append((last, last))
    return [pair for pair in pairs if any(pair)]


def alike(old: Sequence[object], new: Sequence[object]) -> tuple[int, int]:
    """Return how many items two sequences share at the beginning, and at the end."""
    most = min(len(old), len(new))
    start = 0
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end

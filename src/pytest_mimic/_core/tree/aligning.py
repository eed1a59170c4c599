"""Aligns two sequences: finds the items that belong together, if that is quick.

Messages show by it which items of a list, or words of a text, have come or gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import Literal

Turn = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
"""A step from one sequence to the other, as `difflib` has it.

| item | meaning |
|---|---|
| 0 | what the step does |
| 1, 2 | the start and the end of its items in the old sequence |
| 3, 4 | the start and the end of its items in the new sequence |
"""

# Longer sequences are not aligned.
_MOST_ITEMS = 4_000
# Sequences with more equal pairs are not aligned. `difflib` looks at each pair, and
# again for each stretch that it finds: a hundred times for a text of few words.
_MOST_PAIRS = 50_000

# A word with the blanks behind it, so that changed words side by side are one change. A
# very long word is in pieces.
_WORD = re.compile(r"\w{1,20} *|\s|[^\w\s] *")
_LINE = re.compile(r"[^\n]*\n?")


def turns(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Turn] | None:
    """Return the steps from one sequence to the other; None: it would take too long."""
    if max(len(old), len(new)) > _MOST_ITEMS:
        return None
    counts = Counter(new)
    equal_pairs = sum(counts[item] for item in old)
    if equal_pairs > _MOST_PAIRS:
        return None
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return list(matcher.get_opcodes())


def stretches(old: str, new: str) -> list[tuple[str, str]]:
    """Return two texts as pairs of stretches, equal pairs and others in turn.

    The texts are compared by words. If that takes too long, they are compared by lines;
    and if this takes too long as well, only at their beginnings and their ends.

    Examples:
        | old | new | stretches |
        |---|---|---|
        | `two red cats` | `two old cats` | `two ` twice; `red `, `old `; `cats` twice |
    """
    for unit in (_WORD, _LINE):
        pairs = _stretches_by_units(unit, old, new)
        if pairs is not None:
            return pairs
    return _stretches_by_units(_WORD, old, new, is_aligned=False) or []


def _stretches_by_units(
    unit: re.Pattern[str], old: str, new: str, *, is_aligned: bool = True
) -> list[tuple[str, str]] | None:
    """Return two texts as stretches of words or lines, or None if that takes too long.

    Without `is_aligned`, all words between the equal ends are one stretch.
    """
    old_units, new_units = unit.findall(old), unit.findall(new)
    # Only what lies between the equal ends takes time.
    start, end = shared_ends(old_units, new_units)
    old_middle = old_units[start : len(old_units) - end]
    new_middle = new_units[start : len(new_units) - end]
    steps: list[Turn] | None = [("replace", 0, len(old_middle), 0, len(new_middle))]
    if is_aligned:
        steps = turns(old_middle, new_middle)
    if steps is None:
        return None
    # The equal ends were left out of the steps. They are stretches of both texts.
    shared_start = "".join(old_units[:start])
    shared_end = "".join(old_units[len(old_units) - end :])
    pairs = [(shared_start, shared_start)]
    for _, old_from, old_to, new_from, new_to in steps:
        old_stretch = "".join(old_middle[old_from:old_to])
        new_stretch = "".join(new_middle[new_from:new_to])
        pairs.append((old_stretch, new_stretch))
    pairs.append((shared_end, shared_end))
    return [pair for pair in pairs if any(pair)]


def shared_ends(old: Sequence[object], new: Sequence[object]) -> tuple[int, int]:
    """Return how many items two sequences share at the beginning, and at the end."""
    most = min(len(old), len(new))
    start = 0
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end

"""Draws differences for people, each on one line."""

from __future__ import annotations

import re
from typing import cast

from pytest_mimic.values.differences import Difference, Missing, equal_ends
from pytest_mimic.values.drawing import kind_of, line
from pytest_mimic.values.tree import Tree
from pytest_mimic.words import on_one_line

_ENDS = "..."
# Of longer texts the words that differ are shown, with so many characters around.
_LONG_TEXT = 80
_CONTEXT = 60


class DifferenceLine(str):
    """A difference on one line.

    Attributes:
        sides: The path, and the two sides for which a reader has columns of his own.
    """

    sides: tuple[str, ...]

    def __new__(cls, text: str, *sides: str) -> DifferenceLine:
        self = super().__new__(cls, text)
        self.sides = sides
        return self


def difference_line(
    difference: Difference,
    limit: int = 100,
    words: tuple[str, str] = ("recorded", "now"),
) -> DifferenceLine:
    """Draw one difference: `day: 2024-04-30 recorded, 2024-05-01 now`.

    Of long texts the words that differ are shown, with some around them.

    Args:
        difference: What differs.
        limit: The length of each side.
        words: What the two sides are called.
    """
    path = difference.path
    path = f"result{path}" if path[:1] in ("", "[", "{") else path
    old, new, fact = difference.old, difference.new, difference.fact
    before, now = words
    if fact:
        return DifferenceLine(f"{path}: {fact}", path, fact, "")
    if isinstance(old, Missing):
        known = "not in the recording" if before == "recorded" else f"not {before}"
        other = line(cast("Tree", new), limit)
        return DifferenceLine(f"{path}: {other} {now}, {known}", path, "", other)
    if isinstance(new, Missing):
        one = line(old, limit)
        return DifferenceLine(f"{path}: {one} {before}, missing {now}", path, one, "")
    are_texts = isinstance(old, str) and isinstance(new, str)
    if are_texts and max(len(str(old)), len(str(new))) > _LONG_TEXT:
        changed = on_one_line(changed_words(str(old), str(new)))
        text = f"{path}, [-{before}-] {{+{now}+}}: {changed}"
        return DifferenceLine(text, path, changed, "")
    one, other = _told_apart(old, new, limit)
    text = f"{path}: {one} {before}, {other} {now}"
    return DifferenceLine(text, path, one, other)


def changed_words(old: str, new: str) -> str:
    """Draw how a text differs: `...a [-quick fox-]{+slow dog+} runs...`."""
    before, after = (re.findall(r"\S+|\s+", text) for text in (old, new))
    start, end = equal_ends(before, after)
    removed = _shortened("".join(before[start : len(before) - end]))
    added = _shortened("".join(after[start : len(after) - end]))
    change = f"[-{removed}-]" if removed else ""
    change += f"{{+{added}+}}" if added else ""
    head, tail = before[:start], before[len(before) - end :]
    return f"{_last(''.join(head))}{change}{_first(''.join(tail))}"


def _shortened(text: str) -> str:
    return text if len(text) <= 3 * _CONTEXT else f"{_first(text)} {_last(text)}"


def _first(text: str) -> str:
    return text if len(text) <= _CONTEXT else text[:_CONTEXT] + _ENDS


def _last(text: str) -> str:
    return text if len(text) <= _CONTEXT else _ENDS + text[-_CONTEXT:]


def _told_apart(old: Tree, new: Tree, limit: int) -> tuple[str, str]:
    """Draw two sides; where they read alike, with what tells them apart."""
    one, other = line(old, limit), line(new, limit)
    if one != other:
        return one, other
    # An object by its module, too: its class may have moved.
    kind, other_kind = kind_of(old), kind_of(new)
    if kind != other_kind:
        return f"{one} ({kind})", f"{other} ({other_kind})"
    return one, "another value"

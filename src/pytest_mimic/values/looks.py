"""What a value looks like that a program makes anew in each run: an id or a moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from pytest_mimic.values.tree import Path, Tree

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

WORDS = {
    "uuid": "a UUID",
    "ulid": "a ULID",
    "moment": "a moment",
    "date": "a date",
    "token": "a long random token",
}
MOST_PATHS = 3
"""An `ignore=` for more parts than these would no longer say what the call is."""

# Versions 1, 4, 6 and 7: those of 3 and 5 are made of a name, and stay the same.
_UUID = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[1467][0-9a-f]{3}\1[89ab][0-9a-f]{3}\1[0-9a-f]{12}",
    re.IGNORECASE,
)
_ULID = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
# In a random text letters and digits take turns, as in `9f86d0818`; in names they do
# so rarely, as in `gpt-4o-mini`.
_TURN = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])")
_FEWEST_TURNS = 4
_LONGEST_STRETCH = 14
_LONGEST = 200
# From 2001 to 2100, in seconds; a number of thirteen digits is one in milliseconds.
_FIRST, _LAST = 1_000_000_000, 4_102_444_800

_TAGS = {
    "$datetime": "moment",
    "$pandas:Timestamp": "moment",
    "$date": "date",
}


def look_of(text: str) -> str:
    """Give what a whole text looks like: a key of `WORDS`, or an empty text."""
    if len(text) > _LONGEST:
        return ""
    if _UUID.fullmatch(text):
        return "uuid"
    if _is_moment(text):
        return "moment"
    if _DATE.fullmatch(text) and _is_date(text):
        return "date"
    if _ULID.fullmatch(text) and re.search("[a-z]", text, re.IGNORECASE):
        return "ulid"
    return "token" if _is_random(text) else ""


def made_anew(tree: Tree) -> str | None:
    """Give what a value looks like that is made anew in each run: `a UUID`."""
    return WORDS.get(_look_of_tree(tree))


def ignorable(differences: Iterable[Difference]) -> list[str]:
    """Give the paths for an `ignore=` that leaves out what differs, and nothing else.

    Returns:
        Paths such as `rows.*.id`. Empty: a part that differs is none that looks made
        anew, or they are too many.
    """
    paths: list[Path] = []
    for difference in differences:
        old, new = _look_of_tree(difference.old), _look_of_tree(difference.new)
        # A date alone may be the question itself.
        if not old or old != new or old == "date" or not difference.steps:
            return []
        paths.append(difference.steps)
    narrow = _joined(paths)
    if len(narrow) > MOST_PATHS:
        return []
    return [".".join(path) for path in narrow]


def _joined(paths: list[Path]) -> list[Path]:
    """Give paths in which one `*` stands for the items of a list that all differ."""
    by_pattern: dict[Path, list[Path]] = {}
    for path in paths:
        pattern = tuple("*" if step.isdigit() else step for step in path)
        by_pattern.setdefault(pattern, []).append(path)
    joined: list[Path] = []
    for pattern, found in by_pattern.items():
        joined.append(pattern if len(found) > 1 else found[0])
    return joined


def _look_of_tree(tree: object) -> str:
    if isinstance(tree, str):
        return look_of(tree)
    if isinstance(tree, (int, float)) and not isinstance(tree, bool):
        return "moment" if _is_epoch(tree) else ""
    if not isinstance(tree, dict) or not tree:
        return ""
    tag, content = next(iter(tree.items()))
    if tag == "$uuid" and isinstance(content, str):
        return look_of(content)
    return _TAGS.get(tag, "")


def _is_moment(text: str) -> bool:
    if _MOMENT.fullmatch(text):
        return _is_date(text[:10])
    number = re.fullmatch(r"\d{10}(\.\d+)?|\d{13}", text)
    return number is not None and _is_epoch(float(text))


def _is_epoch(number: float) -> bool:
    return _FIRST <= number < _LAST or _FIRST * 1000 <= number < _LAST * 1000


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text) < datetime.max.date()
    except ValueError:
        return False


def _is_random(text: str) -> bool:
    """Tell whether a text is like what a generator of tokens gives."""
    if not _TOKEN.fullmatch(text) or len(set(text)) < 8:
        return False
    turns = len(_TURN.findall(text))
    return turns >= max(_FEWEST_TURNS, len(text) / _LONGEST_STRETCH)

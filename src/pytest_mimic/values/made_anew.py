"""What a value looks like that a program makes anew in each run: an id or a moment."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_mimic.values.tree import Path

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

UUID = "a UUID"
ULID = "a ULID"
MOMENT = "a moment"
DATE = "a date"
TOKEN = "a long random token"
MOST_PATHS = 3
"""An `ignore=` for more parts than these would no longer say what the call is."""

# A day and a token: what is shorter or longer has no look.
_SHORTEST, _LONGEST = 10, 200
_DAY = r"(?!9999)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_PATTERNS = {
    # Versions 1, 4, 6 and 7: those of 3 and 5 are made of a name, and stay the same.
    UUID: r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[1467][0-9a-f]{3}\1"
    r"[89ab][0-9a-f]{3}\1[0-9a-f]{12}",
    MOMENT: rf"{_DAY}[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"
    # As AWS writes it.
    r"|20\d{6}T\d{6}Z"
    # From 2001 to 2096, in seconds or in milliseconds.
    r"|[1-3]\d{9}(\d{3})?(\.\d+)?",
    DATE: _DAY,
    ULID: r"(?=\d{0,25}[a-z])[0-7][0-9a-hjkmnp-tv-z]{25}",
    # In base64, as cursors are, it may end so.
    TOKEN: rf"[a-z0-9_+-]{{16,{_LONGEST}}}={{0,2}}",
}
_SHORT_TOKEN = r"[A-Za-z0-9_-]{10,}"
# Before it may stand a line break, which JSON writes as `\n`.
_START, _END = r"(?:(?<![a-z0-9])|(?<=\\[nrt]))", r"(?![a-z0-9])"
_WITHIN_TEXTS = {
    look: re.compile(f"{_START}(?:{_PATTERNS[look]}){_END}", re.IGNORECASE)
    for look in (UUID, ULID, MOMENT)
}
_LOOKS = {look: re.compile(text, re.IGNORECASE) for look, text in _PATTERNS.items()}
# In a random text letters and digits take turns, as in `9f86d0818`; in names they do
# so rarely, as in `gpt-4o-mini`.
_TURN = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])")
_FEWEST_TURNS = 4
_LONGEST_STRETCH = 14
_FEWEST_SIGNS = 8
# Linux gives a server that asks for any port one from here on; other systems give
# higher ones (RFC 6335, 6).
_FIRST_GIVEN_PORT = 32768

ORDER_OF_SET = "the order of a set"
_IN_TEST_IDS = {
    "an address": re.compile(r" at 0x[0-9a-f]{6,}", re.IGNORECASE),
    # Texts have another order in each process, and a mapping has none.
    ORDER_OF_SET: re.compile(r"\{(['\"])[^{}:]*\1, [^{}:]*\}"),
    UUID: _WITHIN_TEXTS[UUID],
    ULID: _WITHIN_TEXTS[ULID],
}

_TAGS = {"$datetime": MOMENT, "$pandas:Timestamp": MOMENT, "$date": DATE}


def made_anew(tree: object) -> str:
    """Give what a value looks like that is made anew in each run: `a UUID`.

    It is empty for what stays the same.
    """
    if isinstance(tree, dict) and tree:
        tag, content = next(iter(tree.items()))
        if tag != "$uuid":
            return _TAGS.get(tag, "")
        tree = content
    if not isinstance(tree, (str, int, float)):
        return ""
    text = str(tree)
    if not _SHORTEST <= len(text) <= _LONGEST:
        return ""
    for look, pattern in _LOOKS.items():
        if pattern.fullmatch(text):
            return look if look != TOKEN or _is_random(text) else ""
    return ""


def new_in_test_id(test: str, today: str = "") -> tuple[str, str]:
    """Give a part of a test's id that another process gives another, and its look.

    Both are empty where there is none: `<f at 0x7f51…>`, `an address`.
    """
    _, _, parameters = test.partition("[")
    for look, pattern in _IN_TEST_IDS.items():
        found = pattern.search(parameters)
        if found is not None:
            return found[0], look
    return (today, DATE) if today and today in parameters else ("", "")


def are_ids_seeded() -> bool:
    """Tell whether a test has replaced what `uuid` and `secrets` take bytes from."""
    return not inspect.isbuiltin(os.urandom)


def without_ids_and_moments(text: str) -> str:
    """Give what a text says beside its ids and moments, and random tokens."""
    for pattern in _WITHIN_TEXTS.values():
        text = pattern.sub("", text)
    return re.sub(
        _SHORT_TOKEN, lambda token: "" if _is_random(token[0]) else token[0], text
    )


def _is_random(text: str) -> bool:
    """Tell whether a text is like what a generator of tokens gives."""
    turns = len(_TURN.findall(text))
    fewest = max(_FEWEST_TURNS, len(text) / _LONGEST_STRETCH)
    return turns >= fewest and len(set(text)) >= _FEWEST_SIGNS


def _is_given_port(difference: Difference) -> bool:
    """Tell whether both sides are ports that a system has chosen for a server."""
    sides = difference.old, difference.new
    return difference.steps[-1:] == ("port",) and all(
        isinstance(side, int) and side >= _FIRST_GIVEN_PORT for side in sides
    )


def ignorable(differences: Iterable[Difference]) -> list[Path]:
    """Give the paths for an `ignore=` that leaves out what differs, and nothing else.

    One `*` stands for the items of a list, if several of them differ.

    Returns:
        Paths such as `rows`, `*`, `id`. Empty: a part that differs is none that looks
        made anew, or they are too many.
    """
    by_pattern: dict[Path, list[Path]] = {}
    for difference in differences:
        look = made_anew(difference.old)
        # A date alone may be the question itself.
        is_new = look not in ("", DATE) and look == made_anew(difference.new)
        if not (is_new or _is_given_port(difference)) or not difference.steps:
            return []
        by_pattern.setdefault(difference.pattern, []).append(difference.steps)
    if len(by_pattern) > MOST_PATHS:
        return []
    paths = by_pattern.items()
    return [found[0] if len(found) == 1 else pattern for pattern, found in paths]

"""The table of what programs make anew in each run: ids, random tokens, moments.

A value *looks* made anew by its form alone: remedies go by this. Whether it *was* made
anew in a run, by which warnings go, is in `made_in_run.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from enum import Enum
from typing import NamedTuple

from pytest_mimic._core.nodes.node_classes import Fields, Hidden, Items, Node, Opaque
from pytest_mimic._core.nodes.node_values import known_text
from pytest_mimic._core.words import pattern


class Kind(Enum):
    """A row of the table."""

    UUID = "uuid"
    ULID = "ulid"
    TOKEN = "token"
    MOMENT = "moment"
    DATE = "date"
    #: A `hash()` that an object keeps. Its digits do not show that: the object does.
    HASH = "hash"
    #: The state of a generator of random numbers, which nobody has seeded.
    GENERATOR = "generator"


#: What comes from a source of random bytes.
RANDOM = frozenset({Kind.UUID, Kind.ULID, Kind.TOKEN})
#: What comes from a clock.
OF_THE_CLOCK = frozenset({Kind.MOMENT, Kind.DATE})
# The types of generators of random numbers, as descriptions name them.
_GENERATORS = ("Random", "numpy:Generator", "numpy:RandomState")


class Piece(NamedTuple):
    """A stretch of a text that looks made anew.

    `at` is its moment in seconds after the epoch, if it tells one. A date is the
    beginning of its day in UTC.
    """

    start: int
    end: int
    kind: Kind
    at: float | None = None


# -- the rows

# Numbers are moments only in the years from 2001 to 2099.
_FIRST, _END = 1_000_000_000, 4_102_444_800
_MONTHS: Sequence[str] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
# Each text that may be a piece, the most special one first: an ISO moment holds a date.
_CANDIDATE = pattern(
    rf"""(?<![A-Za-z0-9])(?:
    (?P<uuid>[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}})
    |(?P<moment>\d{{4}}-\d\d-\d\d[T\ ]{_CLOCK}{_ZONE.replace(" ", chr(92) + " ")})
    |(?P<packed>\d{{8}}T\d{{6}}Z?)
    |(?P<mail>\d{{1,2}}\ {_MONTH}\ \d{{4}}\ {_CLOCK}{_ZONE.replace(" ", chr(92) + " ")})
    |(?P<date>\d{{4}}-\d\d-\d\d)
    |(?P<day_first>\d{{1,2}}\.?\ {_MONTH}\ \d{{4}})
    |(?P<month_first>{_MONTH}\ \d{{1,2}},?\ \d{{4}})
    |(?P<number>\d{{10}}(?:\.\d{{1,9}})?|\d{{13}})
    |(?P<token>[A-Za-z0-9_-]{{16,}})
    )(?![A-Za-z0-9])""",
    re.VERBOSE | re.IGNORECASE,
)
_HEX = pattern(r"[0-9a-f]+|[0-9A-F]+")
_ULID = pattern(r"[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-7][0-9a-hjkmnp-tv-z]{25}")
# A capitalised word is a run of one kind, as one in small letters is.
_RUN = pattern(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# So many letters in a row may be a word. In random base64 there are a few of them.
_WORD = pattern(r"[A-Za-z][a-z]{4,}")
# What is joined to a name by hyphens is more special than the whole: `req-5f0c…`.
_INNER = pattern(
    r"[_-](?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d"
    r"|[0-9a-fA-F]{16,}$|[0-7][0-9A-HJKMNP-TV-Z]{25}$)"
)
_LEAST_TOKEN = 16
# What is joined by hyphens to more characters than these is data, not a name with an
# id. Looking at each of its ends would take the square of its length.
_LONGEST_TOKEN = 200


def pieces(text: str, *, is_random: Callable[[str], bool] | None = None) -> list[Piece]:
    """Return the stretches of a text that look made anew, from left to right.

    "run 5f0c…-4c1d-… of 2026-11-25"  →  [UUID, DATE]

    Args:
        text: The text.
        is_random: Says of words that do not look random whether they are tokens all the
            same.
    """
    found: list[Piece] = []
    place = 0
    while (match := _CANDIDATE.search(text, place)) is not None:
        piece = _piece(match, is_random)
        if piece is not None:
            found.append(piece)
        is_name = match.lastgroup == "token" and len(match[0]) <= _LONGEST_TOKEN
        if piece is None and is_name:
            # A word of a text that is joined by hyphens may hold a date or an id.
            place = _next_start(text, match.start() + 1)
        else:
            place = match.end()
    return found


def _next_start(text: str, place: int) -> int:
    """Return the next place at which a word begins."""
    while place < len(text) and text[place - 1 : place].isalnum():
        place += 1
    return place


def _piece(
    match: re.Match[str], is_random: Callable[[str], bool] | None
) -> Piece | None:
    name, text = str(match.lastgroup), match[0]
    kind, at = _ROWS[name](text)
    may_be_token = kind is None and name == "token" and _may_be_token(text)
    if may_be_token and is_random is not None and is_random(text):
        kind = Kind.TOKEN
    return None if kind is None else Piece(match.start(), match.end(), kind, at)


def _may_be_token(text: str) -> bool:
    """Return whether a word has the length of a token, and holds no other piece."""
    bare = text.strip("_-")
    is_long_enough = len(bare) >= _LEAST_TOKEN and len(text) <= _LONGEST_TOKEN
    return is_long_enough and not _INNER.search(bare)


Judged = tuple["Kind | None", "float | None"]


def _uuid(text: str) -> Judged:
    # Versions 3, 5 and 8 are made from a name, or from anything.
    is_random = text[14] in "1467" and text[19].lower() in "89ab"
    return (Kind.UUID if is_random else None), None


def _moment(text: str) -> Judged:
    at = _seconds_of(text)
    return (None if at is None else Kind.MOMENT), at


def _date(text: str) -> Judged:
    at = _seconds_of(text)
    return (None if at is None else Kind.DATE), at


def _number(text: str) -> Judged:
    has_milliseconds = len(text) == 13 and text.isdigit()
    at = float(text) / (1_000 if has_milliseconds else 1)
    return (Kind.MOMENT if _FIRST <= at < _END else None), at


def _token(text: str) -> Judged:
    if len(text) > _LONGEST_TOKEN:
        return None, None
    bare = text.strip("_-")
    if _ULID.fullmatch(bare):
        at = _ulid_seconds(bare)
        if _FIRST <= at < _END:
            return Kind.ULID, at
    if not _may_be_token(text):
        return None, None
    if _HEX.fullmatch(bare):
        is_uuid = len(bare) == 32 and bare[12] in "1467" and bare[16].lower() in "89ab"
        if is_uuid:
            return Kind.UUID, None
        return (Kind.TOKEN if _is_mixed(bare) else None), None
    runs = _RUN.findall(bare)
    digits = sum(map(str.isdigit, bare))
    is_random = (
        digits >= 1
        and len(runs) >= 0.3 * len(bare)
        and len(set(bare)) >= 8
        and 2 * sum(map(len, _WORD.findall(bare))) < len(bare)
    )
    return (Kind.TOKEN if is_random else None), None


def _is_mixed(digits: str) -> bool:
    """Return whether hexadecimal digits are neither a number nor a pattern."""
    letters = sum(map(str.isalpha, digits))
    return 2 <= letters <= len(digits) - 2 and len(set(digits)) >= 6


def _ulid_seconds(text: str) -> float:
    number = 0
    for digit in text[:10].upper():
        number = number * 32 + _BASE32.index(digit)
    return number / 1_000


_ROWS: dict[str, Callable[[str], Judged]] = {
    "uuid": _uuid,
    "moment": _moment,
    "packed": _moment,
    "mail": _moment,
    "date": _date,
    "day_first": _date,
    "month_first": _date,
    "number": _number,
    "token": _token,
}


def _seconds_of(text: str) -> float | None:
    """Return the moment that a date tells, with or without a time; None for no date."""
    numbers = [int(one) for one in re.findall(r"\d+", text)]
    month = re.search(_MONTH, text, re.IGNORECASE)
    try:
        if month is not None:
            number = _MONTHS.index(month[0][:3].capitalize()) + 1
            day, year, *clock = numbers
            parts = [year, number, day]
        elif "T" in text and "-" not in text:
            parts = [int(text[:4]), int(text[4:6]), int(text[6:8])]
            clock = [int(text[9:11]), int(text[11:13]), int(text[13:15])]
        else:
            parts, clock = numbers[:3], numbers[3:]
        day_of = date(*parts)
        hour, minute, second = [*clock, 0, 0, 0][:3]
        moment = datetime(
            day_of.year, day_of.month, day_of.day, hour, minute, min(second, 59)
        )
    except (ValueError, TypeError):
        return None
    if not 2001 <= day_of.year < 2100:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp()


# -- looks


# Kinds of values that are one moment or id.
_OPAQUE = frozenset(("date", "datetime", "decimal", "text", "uuid"))


def text_of(node: Node) -> str | None:
    """Return the text of a node that is one text, number or moment.

    None for every other node.
    """
    if isinstance(node, str):
        return node
    if isinstance(node, Opaque):
        is_whole = node.kind in _OPAQUE and not node.digest
        return node.text if is_whole and isinstance(node.text, str) else None
    if isinstance(node, Items):
        # A moment with a named zone has parts.
        return known_text(node) if node.kind == "datetime" else None
    if isinstance(node, Hidden):
        return node.text
    is_number = isinstance(node, int | float) and not isinstance(node, bool)
    return repr(node) if is_number else None


class Change(NamedTuple):
    """A difference between two values that both look made anew, and differ only so.

    Attributes:
        kinds: What differs.
        is_whole: Whether the values are made anew as a whole. Otherwise they are texts
            that hold such pieces. `req-5f0c…` is whole, `It is 2026-11-25.` is not.
    """

    kinds: frozenset[Kind]
    is_whole: bool


def change(old: Node, new: Node) -> Change | None:
    """Return how two nodes of trees differ, if only in pieces that look made anew.

    "Today is 2026-11-24."  "Today is 2026-11-25."  →  Change({DATE}, False)
    "About tea?"            "About coffee?"         →  None
    Generator(PCG64)        Generator(PCG64)        →  Change({GENERATOR}, False)
    """
    if _generator_of(old) and _generator_of(old) == _generator_of(new):
        return Change(frozenset({Kind.GENERATOR}), is_whole=False)
    sides = text_of(old), text_of(new)
    if sides[0] is None or sides[1] is None:
        return None
    then, now = pieces(sides[0]), pieces(sides[1])
    if len(then) != len(now) or not then:
        return None
    if _around(sides[0], then) != _around(sides[1], now):
        return None
    kinds = set()
    for one, other in zip(then, now, strict=True):
        if sides[0][one.start : one.end] != sides[1][other.start : other.end]:
            is_random = {one.kind, other.kind} <= RANDOM
            if one.kind is not other.kind and not is_random:
                return None
            kinds.add(one.kind)
    around = "".join(_around(sides[1], now)).strip()
    return Change(frozenset(kinds), is_whole=not re.search(r"\s", around))


def _generator_of(node: Node) -> str:
    """Return the kind of a generator of random numbers, empty of any other node."""
    if isinstance(node, Opaque) and node.type in _GENERATORS:
        return f"{node.type} {node.text}"
    if isinstance(node, Fields) and node.kind in _GENERATORS:
        return node.kind
    return ""


def _around(text: str, found: list[Piece]) -> list[str]:
    """Return the stretches of a text between its pieces."""
    stretches, place = [], 0
    for piece in found:
        stretches.append(text[place : piece.start])
        place = piece.end
    return [*stretches, text[place:]]

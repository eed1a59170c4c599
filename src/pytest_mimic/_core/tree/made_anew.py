"""The table of values that programs make anew in each run: ids, tokens, moments.

A value *looks* made anew by its form alone. By this, `parts_made_anew` tells whether a
call differs from its recording in such values alone, and `remedies.py` offers remedies.
Whether a value *was* made anew in a run, by which warnings go, is in `made_in_run.py`.
`next_run.py` of the engine gives these warnings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timezone
from enum import Enum
from typing import NamedTuple

from pytest_mimic._core.nodes.node_classes import Fields, Hidden, Items, Node, Opaque
from pytest_mimic._core.nodes.node_parts import is_file
from pytest_mimic._core.nodes.node_values import known_text
from pytest_mimic._core.tree.column_differences import is_column
from pytest_mimic._core.tree.differing import ABSENT, Difference
from pytest_mimic._core.types.option_paths import option_path
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


#: The kinds of values that come from a source of random bytes.
RANDOM = frozenset({Kind.UUID, Kind.ULID, Kind.TOKEN})
#: The kinds of values that come from a clock.
OF_THE_CLOCK = frozenset({Kind.MOMENT, Kind.DATE})
# A digest looks random, but stands for what it was made of, such as a body of bytes.
_DIGEST = ".sha256"
# The types of generators of random numbers, as descriptions name them.
_GENERATORS = ("Random", "numpy:Generator", "numpy:RandomState")


class Piece(NamedTuple):
    """A stretch of a text that looks made anew.

    Attributes:
        start: Where the stretch begins in the text.
        end: Where the stretch ends.
        kind: What the stretch looks like.
        seconds: The moment that the stretch tells, in seconds after the epoch; None:
            it tells no moment. The moment of a date is the beginning of its day in UTC.
    """

    start: int
    end: int
    kind: Kind
    seconds: float | None = None


# -- the rows of the table

# A number counts as a moment only from September 2001, from when on it has ten digits,
# to the end of 2099. Amounts and ids are seldom in this range. Its ends are in seconds
# after the epoch.
_FIRST_MOMENT = 1_000_000_000
_END_OF_MOMENTS = 4_102_444_800
_MONTHS: Sequence[str] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
# The texts that may be a piece, the most special form first: an ISO moment holds a
# date. A file in base64 is one candidate, because its stretches between `+` and `/`
# look like many tokens. The first line rules out most words fast.
_CANDIDATE = pattern(
    rf"""(?<![A-Za-z0-9])(?=\d|[A-Za-z0-9_+/-]{{16}}|[A-Za-z]{{3,9}}\ \d)(?:
    (?P<uuid>[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}})
    |(?P<moment>\d{{4}}-\d\d-\d\d[T\ ]{_CLOCK}{_ZONE.replace(" ", chr(92) + " ")})
    |(?P<packed>\d{{8}}T\d{{6}}Z?)
    |(?P<mail>\d{{1,2}}\ {_MONTH}\ \d{{4}}\ {_CLOCK}{_ZONE.replace(" ", chr(92) + " ")})
    |(?P<date>\d{{4}}-\d\d-\d\d)
    |(?P<day_first>\d{{1,2}}\.?\ {_MONTH}\ \d{{4}})
    |(?P<month_first>{_MONTH}\ \d{{1,2}},?\ \d{{4}})
    |(?P<number>\d{{10}}(?:\.\d{{1,9}})?|\d{{13}})
    |(?P<data>[A-Za-z0-9_+/-]{{1000,}})
    |(?P<token>[A-Za-z0-9_-]{{16,}})
    )(?![A-Za-z0-9])""",
    re.VERBOSE | re.IGNORECASE,
)
_HEX = pattern(r"[0-9a-f]+|[0-9A-F]+")
_ULID = pattern(r"[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-7][0-9a-hjkmnp-tv-z]{25}")
# Runs of characters of one kind: a word, also one with a capital, or digits.
_RUN = pattern(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Five letters in a row may be a word. Random base64 has few such rows.
_WORD = pattern(r"[A-Za-z][a-z]{4,}")
_WORD_OR_NUMBER = pattern(r"[^\W_]+")
# An id or a date that is joined to a name by a hyphen, as in `req-5f0c…`. It is a
# piece, and the whole word is none.
_INNER = pattern(
    r"[_-](?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d"
    r"|[0-9a-fA-F]{16,}$|[0-7][0-9A-HJKMNP-TV-Z]{25}$)"
)
_LEAST_TOKEN = 16
# A longer word with hyphens is data, and not a name with an id. To search each of its
# parts would take the square of its length.
_LONGEST_TOKEN = 200


def pieces(text: str, *, is_random: Callable[[str], bool] | None = None) -> list[Piece]:
    """Return the stretches of a text that look made anew, from left to right.

    "run 5f0c…-4c1d-… of 2026-11-25"  →  [UUID, DATE]

    Args:
        text: The text.
        is_random: Returns whether a word that does not look random is a token
            nevertheless. None: no such word is.
    """
    found_pieces: list[Piece] = []
    position = 0
    while (match := _CANDIDATE.search(text, position)) is not None:
        piece = _piece(match, is_random)
        if piece is not None:
            found_pieces.append(piece)
        is_name = match.lastgroup == "token" and len(match[0]) <= _LONGEST_TOKEN
        if piece is None and is_name:
            # The word may be a name with a date or an id behind a hyphen.
            position = _next_start(text, match.start() + 1)
        else:
            position = match.end()
    return found_pieces


def _next_start(text: str, position: int) -> int:
    """Return the next place at which a word begins."""
    while position < len(text) and text[position - 1 : position].isalnum():
        position += 1
    return position


def _piece(
    match: re.Match[str], is_random: Callable[[str], bool] | None
) -> Piece | None:
    """Return the piece of a text that a pattern has matched, by its kind.

    None: the text is of no kind that is made anew.
    """
    name, text = str(match.lastgroup), match[0]
    kind, seconds = _ROWS[name](text)
    # A word in lower case may be a token, which only the random bytes of the run tell.
    may_be_token = kind is None and name == "token" and _may_be_token(text)
    if may_be_token and is_random is not None and is_random(text):
        kind = Kind.TOKEN
    if kind is None:
        return None
    return Piece(match.start(), match.end(), kind, seconds)


def _may_be_token(text: str) -> bool:
    """Return whether a word has the length of a token, and holds no id or date."""
    inner_text = text.strip("_-")
    is_long_enough = len(inner_text) >= _LEAST_TOKEN and len(text) <= _LONGEST_TOKEN
    return is_long_enough and not _INNER.search(inner_text)


# What a row of `_ROWS` says of a candidate:
# - its kind; None: it does not look made anew
# - the moment that it tells, in seconds after the epoch; None: it tells none
_Judgement = tuple["Kind | None", "float | None"]


def _judge_uuid(text: str) -> _Judgement:
    # The 15th character is the version, the 20th the variant of RFC 9562. UUIDs of
    # versions 3 and 5 are made from a name, those of version 8 from anything: they may
    # be the same in each run.
    is_made_anew = text[14] in "1467" and text[19].lower() in "89ab"
    return (Kind.UUID if is_made_anew else None), None


def _judge_moment(text: str) -> _Judgement:
    seconds = _seconds_of(text)
    return (None if seconds is None else Kind.MOMENT), seconds


def _judge_date(text: str) -> _Judgement:
    seconds = _seconds_of(text)
    return (None if seconds is None else Kind.DATE), seconds


def _judge_number(text: str) -> _Judgement:
    has_milliseconds = len(text) == 13 and text.isdigit()
    seconds = float(text) / (1_000 if has_milliseconds else 1)
    # Other numbers are amounts or ids.
    is_moment = _FIRST_MOMENT <= seconds < _END_OF_MOMENTS
    return (Kind.MOMENT if is_moment else None), seconds


def _judge_data(_text: str) -> _Judgement:
    # A file in base64 is content of the call, and the same in each run.
    return None, None


def _judge_token(text: str) -> _Judgement:
    if len(text) > _LONGEST_TOKEN:
        # The word is data, such as an image.
        return None, None
    inner_text = text.strip("_-")
    if _ULID.fullmatch(inner_text):
        seconds = _ulid_seconds(inner_text)
        if _FIRST_MOMENT <= seconds < _END_OF_MOMENTS:
            return Kind.ULID, seconds
    if not _may_be_token(text):
        return None, None
    if _HEX.fullmatch(inner_text):
        # A UUID without hyphens, with its version and variant as in `_judge_uuid`.
        is_uuid = (
            len(inner_text) == 32
            and inner_text[12] in "1467"
            and inner_text[16].lower() in "89ab"
        )
        if is_uuid:
            return Kind.UUID, None
        return (Kind.TOKEN if _is_mixed(inner_text) else None), None
    # A name such as `test_rates_of_2026` has long runs of letters, and random base64
    # changes from letter to digit, and from small to large, every few characters.
    runs = _RUN.findall(inner_text)
    digits = sum(map(str.isdigit, inner_text))
    is_random = (
        digits >= 1
        and len(runs) >= 0.3 * len(inner_text)
        and len(set(inner_text)) >= 8
        and 2 * sum(map(len, _WORD.findall(inner_text))) < len(inner_text)
    )
    return (Kind.TOKEN if is_random else None), None


def _is_mixed(digits: str) -> bool:
    """Return whether hexadecimal digits are neither a number nor a pattern."""
    letters = sum(map(str.isalpha, digits))
    return 2 <= letters <= len(digits) - 2 and len(set(digits)) >= 6


def _ulid_seconds(text: str) -> float:
    """Return the moment of a ULID in seconds after the epoch.

    Its first ten characters are the milliseconds, in base 32.
    """
    number = 0
    for digit in text[:10].upper():
        number = number * 32 + _BASE32.index(digit)
    return number / 1_000


# The functions that judge whether a candidate looks made anew, by the groups of
# `_CANDIDATE`.
_ROWS: dict[str, Callable[[str], _Judgement]] = {
    "uuid": _judge_uuid,
    "moment": _judge_moment,
    "packed": _judge_moment,
    "mail": _judge_moment,
    "date": _judge_date,
    "day_first": _judge_date,
    "month_first": _judge_date,
    "number": _judge_number,
    "data": _judge_data,
    "token": _judge_token,
}


def _seconds_of(text: str) -> float | None:
    """Return the moment that a date tells, with or without a time of day.

    None: the text is no date, or one before 2001 or after 2099.
    """
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    month = re.search(_MONTH, text, re.IGNORECASE)
    try:
        if month is not None:
            month_number = _MONTHS.index(month[0][:3].capitalize()) + 1
            day, year, *time_fields = numbers
            date_fields = [year, month_number, day]
        elif "T" in text and "-" not in text:
            date_fields = [int(text[:4]), int(text[4:6]), int(text[6:8])]
            time_fields = [int(text[9:11]), int(text[11:13]), int(text[13:15])]
        else:
            date_fields, time_fields = numbers[:3], numbers[3:]
        day_of_text = date(*date_fields)
        # Fields that are missing are zero: `10:00` has no second. A clock may tell a
        # leap second, 60, which `datetime` does not take.
        hour, minute, second = [*time_fields, 0, 0, 0][:3]
        moment = datetime(
            day_of_text.year,
            day_of_text.month,
            day_of_text.day,
            hour,
            minute,
            min(second, 59),
        )
    except (ValueError, TypeError):
        return None
    if not 2001 <= day_of_text.year < 2100:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp()


# -- values and calls that differ in such pieces alone


# Kinds of nodes whose value is one moment, number or id.
_KINDS_WITH_TEXT = frozenset(("date", "datetime", "decimal", "text", "uuid"))


def text_of_node(node: Node) -> str | None:
    """Return the text of a node that is one text, number or moment.

    In it, ids, tokens and moments are looked for. None: the node is one of another
    value.
    """
    if isinstance(node, str):
        return node
    if isinstance(node, Opaque):
        is_whole = node.kind in _KINDS_WITH_TEXT and not node.digest
        return node.text if is_whole and isinstance(node.text, str) else None
    if isinstance(node, Items):
        # A moment with a named zone has parts.
        return known_text(node) if node.kind == "datetime" else None
    if isinstance(node, Hidden):
        # Beside its secret, a text may have an id or a moment.
        return node.redacted_text
    is_number = isinstance(node, int | float) and not isinstance(node, bool)
    return repr(node) if is_number else None


# A URL of a server on loopback: its scheme, its host, and all that follows the port. A
# recorded URL that somebody has edited may be none.
_LOOPBACK_URL = pattern(
    r"(\w+)://(?:[^/?#]*@)?(127\.0\.0\.1|localhost|\[::1\])(?::\d+)?((?:[/?#].*)?)",
    re.DOTALL,
)


def differs_in_port(difference: Difference) -> bool:
    """Return whether two URLs differ in nothing but the port of a server on loopback.

    A server that a test starts on any free port has another one in each run.

    http://127.0.0.1:39903/rates  http://127.0.0.1:40545/rates  →  True
    """
    old, new = text_of_node(difference.old), text_of_node(difference.new)
    if difference.path != "url" or old is None or new is None:
        return False
    old_url, new_url = _LOOPBACK_URL.fullmatch(old), _LOOPBACK_URL.fullmatch(new)
    if old_url is None or new_url is None:
        return False
    return old_url.groups() == new_url.groups()


class ChangeMadeAnew(NamedTuple):
    """A difference between two values in nothing but pieces that look made anew.

    Attributes:
        kinds: The kinds of the pieces that differ.
        is_of_whole_values: Whether the values are made anew as a whole, as
            `req-5f0c…`. Otherwise they are texts with more than such pieces, as `It is
            2026-11-25.`
    """

    kinds: frozenset[Kind]
    is_of_whole_values: bool


def change_made_anew(old: Node, new: Node) -> ChangeMadeAnew | None:
    """Return how two nodes of trees differ, if only in pieces that look made anew.

    "Today is 2026-11-24."  "Today is 2026-11-25."  →  {DATE}, not of whole values
    "req-5f0c…"             "req-a81e…"             →  {UUID}, of whole values
    "About tea?"            "About coffee?"         →  None
    Generator(PCG64)        Generator(PCG64)        →  {GENERATOR}, not of whole values
    """
    if _generator_of(old) and _generator_of(old) == _generator_of(new):
        return ChangeMadeAnew(frozenset({Kind.GENERATOR}), is_of_whole_values=False)
    sides = text_of_node(old), text_of_node(new)
    if sides[0] is None or sides[1] is None:
        return None
    old_pieces, new_pieces = pieces(sides[0]), pieces(sides[1])
    if len(old_pieces) != len(new_pieces) or not old_pieces:
        return None
    # The words around the pieces must be the same.
    if _around(sides[0], old_pieces) != _around(sides[1], new_pieces):
        return None
    kinds = set()
    for old_piece, new_piece in zip(old_pieces, new_pieces, strict=True):
        if (
            sides[0][old_piece.start : old_piece.end]
            != sides[1][new_piece.start : new_piece.end]
        ):
            # Which random kind a text looks like may change by chance.
            is_random = {old_piece.kind, new_piece.kind} <= RANDOM
            if old_piece.kind is not new_piece.kind and not is_random:
                return None
            kinds.add(old_piece.kind)
    return ChangeMadeAnew(
        frozenset(kinds), is_of_whole_values=are_whole_value(sides[1], new_pieces)
    )


def are_whole_value(text: str, found_pieces: list[Piece]) -> bool:
    """Return whether the pieces of a text are its whole value, but for a word or sign.

    Only such a value may be left out by `ignore=`: other words tell calls apart.

    req-5f0c…             →  True
    Today is 2026-11-25.  →  False, since two words are left without the pieces
    {order(id:"5f0c…")}   →  False, as before
    """
    words = _WORD_OR_NUMBER.findall("\n".join(_around(text, found_pieces)))
    return len(words) <= 1


def _generator_of(node: Node) -> str:
    """Return the kind of a generator of random numbers; empty: another value."""
    if isinstance(node, Opaque) and node.type in _GENERATORS:
        return f"{node.type} {node.text}"
    if isinstance(node, Fields) and node.kind in _GENERATORS:
        return node.kind
    return ""


def _around(text: str, found_pieces: list[Piece]) -> list[str]:
    """Return the stretches of a text before, between and behind its pieces."""
    stretches, end_of_last = [], 0
    for piece in found_pieces:
        stretches.append(text[end_of_last : piece.start])
        end_of_last = piece.end
    return [*stretches, text[end_of_last:]]


class PartsMadeAnew(NamedTuple):
    """The parts of a call that look made anew in each run.

    Attributes:
        paths: Where the parts are, as `ignore=` takes paths.
        kinds: What the parts are, `{Kind.UUID}`.
        are_whole_values: Whether each part is made anew as a whole. If one of them is a
            longer text, no line leaves the parts out, as the rest of the text tells
            calls apart.
    """

    paths: tuple[str, ...]
    kinds: frozenset[Kind]
    are_whole_values: bool


def parts_made_anew(
    differences: Sequence[Difference], hashes: Collection[str] = ()
) -> PartsMadeAnew | None:
    """Return the parts in which a call differs, if all of them look made anew.

    Args:
        differences: How the call differs.
        hashes: The paths at which the call's objects keep their `hash()`, which differs
            from process to process.

    Returns:
        The parts. None: the call differs in another part as well, or in none.
    """
    changes: dict[str, ChangeMadeAnew] = {}
    for difference in differences:
        # A part that came or went, a file or a digest is none that a run makes anew.
        if (
            difference.fact
            or difference.old is ABSENT
            or difference.new is ABSENT
            or is_file(difference.new)
            or difference.path.endswith(_DIGEST)
        ):
            return None
        if is_column(difference.new):
            # No line can leave a column of an argument out.
            return None
        change = change_made_anew(difference.old, difference.new)
        if difference.path in hashes and type(difference.old) is int:
            change = ChangeMadeAnew(frozenset({Kind.HASH}), is_of_whole_values=True)
        if change is None:
            return None
        changes[option_path(difference.path)] = change
    if not changes:
        return None
    kinds_of_parts = [change.kinds for change in changes.values()]
    return PartsMadeAnew(
        paths=tuple(changes),
        kinds=frozenset().union(*kinds_of_parts),
        are_whole_values=all(change.is_of_whole_values for change in changes.values()),
    )

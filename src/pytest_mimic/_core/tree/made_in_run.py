"""Tells whether a value was made in this run: by its random bytes, or by its moment.

The random bytes are some that the run was given, and the moment is one of the run.
`Origins` says whether the application made the value, or an outcome gave it.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from pytest_mimic._core.tree.made_anew import Kind, Piece, pieces
from pytest_mimic._core.words import pattern

# So many digits of a random text are compared: six bytes in hexadecimal, nine bytes in
# base64. Six bits of a UUID are not random. They lie between its first six bytes and
# its last six.
_WINDOW = 12
# Every third byte begins a group of digits that is compared. So a text of 16 digits
# holds at least one whole group, wherever the text was cut out of a longer one.
_STEP = 3
# Of more bytes, only the first are noted: they are data, such as a message's padding.
_MOST_BYTES = 1_024
#: This name stands for all tests: any test may use what a wider fixture got.
ANY_TEST = ""


class RandomBytes:
    """The bytes that `os.urandom` has given, to be found again in texts."""

    def __init__(self) -> None:
        self._digits: set[str] = set()
        self._base64: set[str] = set()

    def add(self, random_bytes: bytes) -> None:
        """Note random bytes. Too few bytes for a token are left out."""
        random_bytes = random_bytes[:_MOST_BYTES]
        digits = random_bytes.hex()
        for start in range(0, len(digits) - _WINDOW + 1, 2 * _STEP):
            self._digits.add(digits[start : start + _WINDOW])
        if len(digits) >= _WINDOW:
            # The last six bytes of a UUID.
            self._digits.add(digits[-_WINDOW:])
        text = urlsafe_b64encode(random_bytes).decode().rstrip("=")
        for start in range(0, len(text) - _WINDOW + 1, 4):
            self._base64.add(text[start : start + _WINDOW])

    def are_in(self, text: str) -> bool:
        """Return whether a text is made of noted bytes.

        The digits of the bytes may be hexadecimal, those of a UUID with hyphens, or
        base64.
        """
        return next(self.windows_in(text), None) is not None

    def windows_in(self, text: str) -> Iterator[str]:
        """Yield the groups of digits in a text by which noted bytes are found again."""
        if not self._digits:
            return
        digits = text.replace("-", "").lower()
        for start in range(len(digits) - _WINDOW + 1):
            window = digits[start : start + _WINDOW]
            if window in self._digits:
                yield window
        for start in range(len(text) - _WINDOW + 1):
            window = text[start : start + _WINDOW]
            if window in self._base64:
                yield window


class Evidence(NamedTuple):
    """What a run knows about the values that were made in it.

    Attributes:
        random_bytes: Bytes that `os.urandom` gave in this run.
        began_at: When the run began by the real clock, in seconds after the epoch.
        ended_at: When the run ended, or now.
        seconds_ahead_of_utc: By how much the local clock is ahead of UTC.
    """

    random_bytes: RandomBytes
    began_at: float
    ended_at: float
    seconds_ahead_of_utc: int = 0


def pieces_of_run(text: str, evidence: Evidence) -> Iterator[tuple[str, Kind]]:
    """Yield the stretches of a text that were made in a run, each with its kind.

    "order 5f0c…-4c1d of 2026-11-25"  →  ("5f0c…-4c1d", UUID), ("2026-11-25", DATE)
    """
    # The random bytes tell that a text is a token, even if it does not look random.
    for piece in pieces(text, is_random=evidence.random_bytes.are_in):
        part = text[piece.start : piece.end]
        if _is_of_run(piece, part, evidence):
            yield part, piece.kind


# The shortest piece is a day: `1 May 2026`.
_SHORTEST_PIECE = 10


def without_short_texts(json: str) -> str:
    """Return JSON without the stretches between quotes that hold no piece.

    The search for pieces is slow, and most stretches are too short for a piece.

    {"day": "2026-11-25", "n": 7}  →  2026-11-25
    """
    stretches = json.split('"')
    return '"'.join(
        [stretch for stretch in stretches if len(stretch) >= _SHORTEST_PIECE]
    )


def _is_of_run(piece: Piece, part: str, evidence: Evidence) -> bool:
    """Return whether a piece of a text, the `part`, was made in the run."""
    if piece.kind is Kind.DATE:
        return piece.seconds is not None and _is_today(piece.seconds, evidence)
    if piece.kind is Kind.MOMENT:
        return piece.seconds is not None and _is_hours_from_run(piece.seconds, evidence)
    # An id has its moment in it, a ULID or a UUID with a time, or is random.
    seconds = piece.seconds
    if piece.kind is Kind.UUID:
        seconds = _uuid_seconds(part)
    is_now = seconds is not None and _lies_in_run(seconds, evidence)
    return is_now or evidence.random_bytes.are_in(part)


def _lies_in_run(seconds: float, evidence: Evidence) -> bool:
    """Return whether a moment lies in the run, or a second before or after it."""
    return evidence.began_at - 1 <= seconds <= evidence.ended_at + 1


def _is_hours_from_run(seconds: float, evidence: Evidence) -> bool:
    """Return whether a moment lies in the run, or a number of hours before or after it.

    A text without a zone may be of any local clock, which is up to 14 hours ahead of
    UTC. What expires does so a number of hours later.
    """
    return any(
        _lies_in_run(seconds + hours * 3600, evidence) for hours in range(-14, 15)
    )


def _is_today(seconds: float, evidence: Evidence) -> bool:
    """Return whether a date is a day of the run, in UTC or by the local clock.

    A run around midnight has two days.
    """
    day = _day_of(seconds)
    days = set()
    for moment in (evidence.began_at, evidence.ended_at):
        days |= {_day_of(moment), _day_of(moment + evidence.seconds_ahead_of_utc)}
    return day in days


def _day_of(seconds: float) -> date:
    """Return the day in UTC of a moment in seconds after the epoch."""
    return datetime.fromtimestamp(seconds, timezone.utc).date()


# The UUIDs of RFC 9562 with a time count from here, in units of 100 nanoseconds.
_GREGORIAN = datetime(1582, 10, 15, tzinfo=timezone.utc)


def _uuid_seconds(text: str) -> float | None:
    """Return the moment of a UUID of version 1, 6 or 7; None: others have no moment."""
    digits = text.replace("-", "")
    version = digits[12]
    if version == "7":
        return int(digits[:12], 16) / 1_000
    if version == "1":
        ticks = int(digits[13:16] + digits[8:12] + digits[:8], 16)
    elif version == "6":
        ticks = int(digits[:12] + digits[13:16], 16)
    else:
        return None
    moment = _GREGORIAN + timedelta(microseconds=ticks // 10)
    return moment.timestamp()


# -- one value in several forms

_CLOCK = pattern(
    r"\d\d:\d\d(?::\d\d(?P<part>[.,]\d{1,9})?)?\s?(?P<zone>[+-]\d\d:?\d\d)?$"
)


def value_of_all_forms(part: str) -> str:
    """Return the one text that stands for all forms in which a value is written.

    By it, a value of a call is found again in an outcome that has another form of it.

    2026-11-25T10:00:00+01:00  →  @1764061200.0
    2026-11-25 09:00:00Z       →  @1764061200.0
    1764061200                 →  @1764061200.0
    5F0C7A9E-…                 →  5f0c7a9e…
    """
    piece = next(iter(pieces(part)), None)
    if piece is None:
        return part
    if piece.kind is Kind.UUID:
        return part.replace("-", "").lower()
    if piece.kind is Kind.DATE or piece.seconds is None:
        return part
    # These are whole seconds, of a moment taken for one in UTC.
    seconds = piece.seconds
    match = _CLOCK.search(part)
    if match is not None:
        seconds += float((match["part"] or ".0").replace(",", "."))
        seconds -= _zone_seconds(match["zone"] or "")
    return f"@{round(seconds, 6)}"


def _zone_seconds(zone: str) -> int:
    """Return the seconds by which a zone, `+01:00`, is ahead of UTC."""
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone.startswith("-") else seconds


# -- where a value comes from

_DAY = 86_400
# A date that the application makes of a date in an outcome is at most so many days
# away.
_MOST_DAYS = 366
# Units of moments, and for each unit the distance that is searched, in microseconds. A
# moment that is a whole number of a unit may be made of a given moment that is a whole
# number of distances away: 10:00:05 of a given 09:57:05, as both are whole seconds, and
# whole minutes apart. What expires does so after minutes, and that two moments have the
# same microseconds is no accident.
_HOUR, _MINUTE, _SECOND = 3_600_000_000, 60_000_000, 1_000_000
_UNITS = {
    _HOUR: _HOUR,
    _MINUTE: _HOUR,
    _SECOND: _MINUTE,
    1_000: _MINUTE,
    1: _SECOND,
}
# The stretches of an outcome in JSON that may hold random bytes: digits, and bytes in
# base64.
_DIGITS = pattern(r"[A-Za-z0-9_-]{12,}")
_BYTES = pattern(r'"\$base64":\s*"([^"]*)"')
# Moments that outcomes hold in other forms than those that look made anew:
# microseconds, nanoseconds, and the numbers of a `struct_time`.
_FINE_TIMESTAMP = pattern(r"(?<![0-9A-Za-z.])(\d{10})(\d{6})(?:\d{3})?(?![0-9A-Za-z])")
_NUMBERS_OF_DATE = pattern(r"\b20\d\d,\s*\d\d?,\s*\d\d?(?:,\s*\d\d?){0,3}(?!\d)")


class Origins:
    """Tells whether the application made a value of this run, or an outcome gave it.

    A value is either made by the application or given by an outcome. One that is made
    from a value in an outcome counts as given: a part of an id, a moment some hours
    later or in another unit, the date of a moment. One that a call has sent first
    counts as made, even if answers repeat it.

    A date is given only to the test whose call had the outcome: most answers hold a
    moment of today, and an application that knows today's date seldom has it from
    another test.
    """

    def __init__(self, random: RandomBytes) -> None:
        self._random = random
        # The values that calls have sent first, and the random digits in them.
        self._values_made: set[str] = set()
        # The values that outcomes gave, and the random digits in them.
        self._values_of_outcomes: set[str] = set()
        # The moments that outcomes gave: for each unit of `_UNITS` the unit, and the
        # number of units since the last whole distance.
        self._moments: set[tuple[int, int]] = set()
        # The days that outcomes gave, as numbers of days after the epoch, by the test
        # that they were given to.
        self._days: dict[str, set[int]] = {}

    def note_made(self, values: Iterable[str]) -> None:
        """Note values that a call sends, and that no outcome gave before."""
        for value in values:
            self._values_made.add(value)
            self._values_made.update(self._random.windows_in(value))

    def note_outcome(
        self, text: str, evidence: Evidence, *, test: str = ANY_TEST
    ) -> None:
        """Note the values in an outcome.

        Args:
            text: The outcome as JSON.
            evidence: What tells whether a value was made in the run.
            test: The test whose call had the outcome, or `ANY_TEST`.
        """
        days = self._days.setdefault(test, set())
        self._note_digits(text)
        text = without_short_texts(text)
        for piece in pieces(text):
            part = text[piece.start : piece.end]
            value = value_of_all_forms(part)
            if value in self._values_made:
                # The answer only repeats what a call has sent.
                continue
            if piece.kind is Kind.DATE and piece.seconds is not None:
                days.add(int(piece.seconds // _DAY))
            elif value.startswith("@"):
                self._note_moment(float(value[1:]), days)
            elif _is_of_run(piece, part, evidence):
                self._values_of_outcomes.add(value)
        for match in _FINE_TIMESTAMP.finditer(text):
            self._note_moment(int(match[1]) + int(match[2]) / 1e6, days)
        for match in _NUMBERS_OF_DATE.finditer(text):
            fields = [int(number) for number in match[0].split(",")]
            # Fields of the time of day that are missing are zero: `2026, 11, 25, 10`
            # has no minute and no second.
            year, month, day, hour, minute, second = [*fields, 0, 0, 0][:6]
            with suppress(ValueError):
                moment = datetime(
                    year, month, day, hour, minute, second, tzinfo=timezone.utc
                )
                self._note_moment(moment.timestamp(), days)

    def _note_digits(self, text: str) -> None:
        """Note the random bytes in the text of an outcome."""
        for match in _DIGITS.finditer(text):
            self._values_of_outcomes.update(self._random.windows_in(match[0]))
        for match in _BYTES.finditer(text):
            with suppress(ValueError):
                digits = b64decode(match[1]).hex()
                self._values_of_outcomes.update(self._random.windows_in(digits))

    def _note_moment(self, seconds: float, days: set[int]) -> None:
        """Note a moment, in seconds after the epoch, by each unit of `_UNITS`.

        Its day is added to the days.
        """
        days.add(int(seconds // _DAY))
        count = round(seconds * 1e6)
        for unit, distance in _UNITS.items():
            self._moments.add((unit, count % distance // unit))

    def has_given(self, value: str, *, test: str = ANY_TEST) -> bool:
        """Return whether outcomes gave a value, or a value from which it can be made.

        outcomes gave 5f0c7a9e-4c1d-…  →  5f0c7a9e4c1d, "id-5f0c7a9e-4c1d"
        outcomes gave 1764061200.25    →  @1764064800.25, @1764061200.0, 2025-11-25

        Args:
            value: The value.
            test: The test whose call has the value.
        """
        if value in self._values_made:
            return False
        if value in self._values_of_outcomes:
            return True
        if value.startswith("@"):
            return self._is_near(round(float(value[1:]) * 1e6))
        piece = next(iter(pieces(value)), None)
        if piece is not None and piece.kind is Kind.DATE and piece.seconds is not None:
            day = piece.seconds // _DAY
            given_days = self._days.get(test, set()) | self._days.get(ANY_TEST, set())
            return any(abs(day - given_day) <= _MOST_DAYS for given_day in given_days)
        # A part of a given id is given, too.
        windows = self._random.windows_in(value)
        return any(
            window in self._values_of_outcomes and window not in self._values_made
            for window in windows
        )

    def _is_near(self, count: int) -> bool:
        """Return whether a moment, in microseconds, can be made of a given moment.

        The application may have rounded the moment down or up by a unit.
        """
        unit = next(unit for unit in _UNITS if count % unit == 0)
        distance = _UNITS[unit]
        number = count % distance // unit
        return any(
            (unit, (number + rounding) % (distance // unit)) in self._moments
            for rounding in (-1, 0, 1)
        )

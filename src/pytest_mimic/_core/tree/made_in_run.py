"""What a run knows about the values that were made in it: random bytes, and its time."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from pytest_mimic._core.tree.made_anew import Kind, Piece, pieces
from pytest_mimic._core.words import pattern

# So many digits of a random text are compared: six bytes in hexadecimal, nine bytes in
# base64. A UUID has six bits of its own, which lie between its first and last six bytes.
_WINDOW = 12
# Every third byte begins a group of digits that is compared. So a text of 16 digits
# holds at least one whole group, wherever it was cut out.
_STEP = 3
# Longer bytes are data, such as the padding of a message.
_MOST_BYTES = 1_024


class RandomBytes:
    """The bytes that `os.urandom` has given, to be found again in texts."""

    def __init__(self) -> None:
        self._digits: set[str] = set()
        self._base64: set[str] = set()

    def add(self, given: bytes) -> None:
        """Note bytes. Those that are too few for a token are left out."""
        given = given[:_MOST_BYTES]
        digits = given.hex()
        for place in range(0, len(digits) - _WINDOW + 1, 2 * _STEP):
            self._digits.add(digits[place : place + _WINDOW])
        if len(digits) >= _WINDOW:
            # The last six bytes of a UUID.
            self._digits.add(digits[-_WINDOW:])
        text = urlsafe_b64encode(given).decode().rstrip("=")
        for place in range(0, len(text) - _WINDOW + 1, 4):
            self._base64.add(text[place : place + _WINDOW])

    def are_in(self, text: str) -> bool:
        """Return whether a text is made of noted bytes.

        Their digits may be hexadecimal or base64, and those of a UUID with hyphens.
        """
        digits = text.replace("-", "").lower()
        return any(
            digits[place : place + _WINDOW] in self._digits
            for place in range(len(digits) - _WINDOW + 1)
        ) or any(
            text[place : place + _WINDOW] in self._base64
            for place in range(len(text) - _WINDOW + 1)
        )


class Evidence(NamedTuple):
    """What a run knows about the values that were made in it.

    Attributes:
        random: Bytes that `os.urandom` gave in this run.
        begun: When the run began by the real clock, in seconds after the epoch.
        ended: Until when it went.
        offset: The seconds by which the local clock is ahead of UTC.
    """

    random: RandomBytes
    begun: float
    ended: float
    offset: int = 0


def pieces_of_run(text: str, evidence: Evidence) -> Iterator[tuple[str, Kind]]:
    """Yield the stretches of a text that were made in a run, each with its kind.

    "order 5f0c…-4c1d-… of 2026-11-25"  →  ("5f0c…-4c1d-…", UUID), ("2026-11-25", DATE)
    """
    for piece in pieces(text):
        part = text[piece.start : piece.end]
        if _is_of_run(piece, part, evidence):
            yield part, piece.kind


def _is_of_run(piece: Piece, part: str, evidence: Evidence) -> bool:
    if piece.kind is Kind.DATE:
        return piece.at is not None and _is_today(piece.at, evidence)
    if piece.kind is Kind.MOMENT:
        return piece.at is not None and _is_moment(piece.at, evidence)
    at = piece.at
    if piece.kind is Kind.UUID:
        at = _uuid_seconds(part)
    is_now = at is not None and _lies_in(at, evidence)
    return is_now or evidence.random.are_in(part)


def _lies_in(at: float, evidence: Evidence) -> bool:
    return evidence.begun - 1 <= at <= evidence.ended + 1


def _is_moment(at: float, evidence: Evidence) -> bool:
    """Return whether a moment lies in the run, or a number of hours before or after it.

    Texts without a zone are of a local clock, and what expires does so in an hour.
    """
    return any(_lies_in(at + hours * 3600, evidence) for hours in range(-14, 15))


def _is_today(at: float, evidence: Evidence) -> bool:
    """Return whether a date is a day of the run, in UTC or by the local clock."""
    day = _day_of(at)
    days = set()
    for moment in (evidence.begun, evidence.ended):
        days |= {_day_of(moment), _day_of(moment + evidence.offset)}
    return day in days


def _day_of(at: float) -> date:
    return datetime.fromtimestamp(at, timezone.utc).date()


# The UUIDs of RFC 9562 with a time count from here, in units of 100 nanoseconds.
_GREGORIAN = datetime(1582, 10, 15, tzinfo=timezone.utc)


def _uuid_seconds(text: str) -> float | None:
    """Return the moment of a UUID of version 1, 6 or 7; None for any other."""
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


def value_of(part: str) -> str:
    """Return a text that is equal for the forms in which one value is written.

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
    if piece.kind is Kind.DATE or piece.at is None:
        return part
    at = piece.at
    match = _CLOCK.search(part)
    if match is not None:
        at += float((match["part"] or ".0").replace(",", "."))
        at -= _zone_seconds(match["zone"] or "")
    return f"@{round(at, 6)}"


def _zone_seconds(zone: str) -> int:
    """Return the seconds by which a zone, `+01:00`, is ahead of UTC."""
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone.startswith("-") else seconds

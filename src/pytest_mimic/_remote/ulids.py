"""Names that are used once, in the order of time: ULIDs (https://github.com/ulid/spec), 26 characters each."""

from __future__ import annotations

from os import urandom
from time import time_ns

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80


def new_ulid(*, after: str = "") -> str:
    """Return a new ULID: of the present time, but greater than `after` even if the clock was turned back."""
    number = (time_ns() // 1_000_000 << _RANDOM_BITS) | int.from_bytes(urandom(_RANDOM_BITS // 8), "big")
    if after and number <= (last := _number(after)):
        # The next millisecond after the last one, with random digits.
        number += ((last >> _RANDOM_BITS) + 1 - (number >> _RANDOM_BITS)) << _RANDOM_BITS
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def _number(ulid: str) -> int:
    number = 0
    for digit in ulid:
        number = number << 5 | _DIGITS.index(digit)
    return number

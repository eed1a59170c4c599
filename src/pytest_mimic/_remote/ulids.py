"""Names that are used once, in the order of time: ULIDs (https://github.com/ulid/spec), 26 characters each."""

from __future__ import annotations

import re
from os import urandom

from pytest_mimic._remote.clock import Clock

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_ULID = re.compile(f"[{_DIGITS}]{{26}}")


def new_ulid(*, after: str = "") -> str:
    """Return a new ULID: of the present time, but greater than `after` even if the clock was turned back."""
    return max(_ulid(Clock.milliseconds()), ulid_after(after))


def ulid_after(ulid: str) -> str:
    """Return a new ULID of the millisecond after that of another one."""
    return _ulid((_number(ulid) >> _RANDOM_BITS) + 1)


def is_ulid(text: str) -> bool:
    """Return whether this is a ULID. TypeError: it is no text."""
    return _ULID.fullmatch(text) is not None


def _ulid(milliseconds: int) -> str:
    number = milliseconds << _RANDOM_BITS | int.from_bytes(urandom(_RANDOM_BITS // 8), "big")
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def _number(ulid: str) -> int:
    number = 0
    for digit in ulid:
        number = number << 5 | _DIGITS.index(digit)
    return number

"""Finds out whether a call drew from the global random state of `random`, or from the legacy one of numpy."""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum
from random import Random, getstate
from typing import Any, NamedTuple

# Both states are Mersenne Twisters (Matsumoto and Nishimura, 1998). A block of 624 words is used up, and the next one is
# computed from it.
_BLOCK = 624
# How many blocks are searched: some at once, at most as many as a function can draw in the duration of the call.
_AT_ONCE, _PER_SECOND, _AT_MOST = 64, 500_000, 20_000


class GlobalState(NamedTuple):
    """A global random state at one moment.

    Attributes:
        words: The current block, as a tuple or as the bytes of an array. None for a generator of another kind.
        position: How many of the words are used up.
        rest: A value that waits for the next call, as `random.gauss` makes two at once.
    """

    words: tuple[int, ...] | bytes | None
    position: int
    rest: object


def global_states() -> dict[str, GlobalState]:
    """Return the global random states by module. That of numpy is among them if numpy is imported already."""
    _, words, gauss = getstate()
    states = {"random": GlobalState(words[:-1], words[-1], gauss)}
    if "numpy" in sys.modules:
        with suppress(ImportError, AttributeError):  # numpy itself is just being imported
            from numpy.random import get_state  # numpy imports it on first use

            found: Any = get_state(legacy=False)
            inner, rest = found["state"], (found["has_gauss"], found["gauss"])
            if found["bit_generator"] == "MT19937":
                states["numpy.random"] = GlobalState(inner["key"].tobytes(), int(inner["pos"]), rest)
            else:
                states["numpy.random"] = GlobalState(None, 0, (repr(inner), rest))
    return states


class Change(Enum):
    """The effect of a call on a global random state."""

    NONE = 0
    DRAWN = 1
    SEEDED = 2


def change(before: GlobalState, now: GlobalState, seconds: float) -> Change:
    """Return what led from one state to the other in a call of this duration.

    A call that has set the state draws the same numbers each time. Drawing alone leads to the following blocks only.
    """
    if before == now:
        return Change.NONE
    if before.words is None or now.words is None:
        return Change.DRAWN
    if before.words == now.words:
        return Change.DRAWN if now.position >= before.position else Change.SEEDED
    source, sought = _generator(before.words, _BLOCK), _generator(now.words, 0)
    beginning = sought.randbytes(64)
    left, count = min(_AT_ONCE + int(seconds * _PER_SECOND), _AT_MOST), 1
    while left > 0:
        if beginning in source.randbytes(count * 4 * _BLOCK):
            return Change.DRAWN
        left, count = left - count, min(2 * count, 1024)
    return Change.SEEDED


def _generator(words: tuple[int, ...] | bytes, position: int) -> Random:
    """Return a generator in this state."""
    generator = Random()
    numbers = memoryview(words).cast("I") if isinstance(words, bytes) else words
    generator.setstate((3, (*numbers, position), None))
    return generator

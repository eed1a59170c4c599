"""Finds out whether a call drew from the global random state of `random`, or from the legacy one of numpy."""

from __future__ import annotations

import struct
import sys
from _random import Random as _RandomObject
from contextlib import suppress
from ctypes import string_at
from enum import Enum
from random import Random, getstate
from typing import Any, NamedTuple

# Both states are Mersenne Twisters (Matsumoto and Nishimura, 1998). A block of 624 words is used up, and the next one is
# computed from it.
_BLOCK = 624
# A block and the position in it.
_BYTES = 4 * _BLOCK + 4
# How many blocks are searched: some at once, at most as many as a function can draw in the duration of the call.
_AT_ONCE, _PER_SECOND, _AT_MOST = 64, 500_000, 20_000


class GlobalState(NamedTuple):
    """A global random state at one moment.

    Attributes:
        words: The bytes of the current block. None for a generator of another kind.
        position: How many of the words are used up, in 4 bytes.
        rest: What else belongs to the state: `random.gauss` makes two values at once, and keeps one.
    """

    words: bytes | None
    position: bytes
    rest: object


class GlobalStates:
    """The global random states of this process.

    Streams have them read twice for each item. So they are copied from memory, in about 1 µs; `getstate` takes 10 µs and
    numpy's `get_state` 40 µs. numpy documents the address of its state; that of `random` is checked. A value that numpy's
    `normal` keeps for the next call is not seen.
    """

    def __init__(self) -> None:
        self._generator: Any = getattr(getstate, "__self__", None)
        self._address = 0
        address = (
            id(self._generator) + object.__basicsize__
        )  # `index` and `state` of CPython's `RandomObject`
        fits = isinstance(self._generator, Random) and _RandomObject.__basicsize__ - object.__basicsize__
        if fits and fits >= _BYTES and self._at(address) == self._slow()[:2]:
            self._address = address

    def read(self) -> dict[str, GlobalState]:
        """Return the states by module. That of numpy is among them if numpy is imported already."""
        if self._address:
            states = {"random": GlobalState(*self._at(self._address), self._generator.gauss_next)}
        else:
            states = {"random": self._slow()}
        if "numpy" in sys.modules:
            with suppress(ImportError, AttributeError):  # numpy itself is just being imported
                states["numpy.random"] = _numpy_state()
        return states

    def _at(self, address: int) -> tuple[bytes, bytes]:
        data = string_at(address, _BYTES)
        return data[4:], data[:4]

    def _slow(self) -> GlobalState:
        _, words, gauss = getstate()
        data = struct.pack(f"={_BLOCK + 1}I", *words)
        return GlobalState(data[:-4], data[-4:], gauss)


def _numpy_state() -> GlobalState:
    from numpy.random import mtrand  # numpy imports it on first use

    generator: Any = mtrand._rand._bit_generator
    if type(generator).__name__ != "MT19937":
        return GlobalState(None, b"", repr(generator.state))
    data = string_at(generator.ctypes.state_address, _BYTES)
    return GlobalState(data[:-4], data[-4:], None)


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
        first, last = (int.from_bytes(state.position, sys.byteorder) for state in (before, now))
        return Change.DRAWN if last >= first else Change.SEEDED
    source, sought = _generator(before.words, _BLOCK), _generator(now.words, 0)
    beginning = sought.randbytes(64)
    left, count = min(_AT_ONCE + int(seconds * _PER_SECOND), _AT_MOST), 1
    while left > 0:
        if beginning in source.randbytes(count * 4 * _BLOCK):
            return Change.DRAWN
        left, count = left - count, min(2 * count, 1024)
    return Change.SEEDED


def _generator(words: bytes, position: int) -> Random:
    """Return a generator in this state."""
    generator = Random()
    generator.setstate((3, (*memoryview(words).cast("I"), position), None))
    return generator

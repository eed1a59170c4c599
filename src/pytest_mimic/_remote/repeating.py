"""Repeats what obstore does not repeat by itself: conditional writes, deletions of many, and lists cut in the middle."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom
from typing import TYPE_CHECKING, TypeVar

from pytest_mimic._remote.clock import Clock
from pytest_mimic._remote.failures import failure, is_missing, is_passing
from pytest_mimic.errors import MimicError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.place import RemotePlace

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_T = TypeVar("_T")
_TRIES = 5
# The longest pause before the second attempt is twice this, in seconds, and doubles with each attempt.
_PAUSE = 0.1
_random = SystemRandom()  # the seed of a test must not give all workers the same pauses


class Outage:
    """Remembers that a store gave no answer in time, so that a process waits for it only once."""

    def __init__(self) -> None:
        self._error: RemoteError | None = None

    def check(self) -> None:
        """Raise RemoteError again if the store gave no answer before."""
        if self._error is not None:
            raise self._error.copy()

    def note(self, error: RemoteError) -> None:
        """Take the error of a request."""
        if error.reason == "timeout":
            self._error = error.copy()


def repeat(
    act: Callable[[], _T], do: str, key: str, *, place: RemotePlace, seconds: float, may_miss: bool = False
) -> _T:
    """Return the result of an action, which is repeated while its failure may pass.

    Args:
        act: Makes a request.
        do: The verb for the error.
        key: The object for the error.
        place: The place of the object.
        seconds: The time after which nothing is repeated.
        may_miss: Whether FileNotFoundError says that there is no such object. Otherwise it is an error of the store.
    """
    end = Clock.now() + seconds
    for attempt in range(1, _TRIES + 1):
        try:
            return act()
        except MimicError:
            raise
        except Exception as reason:
            if may_miss and is_missing(reason):
                raise
            pause = _random.uniform(0, _PAUSE * 2**attempt)
            if attempt == _TRIES or Clock.now() + pause >= end or not is_passing(reason):
                raise failure(reason, do, key, place) from None
            Clock.sleep(pause)
    raise AssertionError

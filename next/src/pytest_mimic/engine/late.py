"""Ends the calls of streams that nobody holds, and that the collector has found."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from pytest_mimic.errors import MimicError

_NOT_SAFE = (
    "pytest_mimic.engine",
    "pytest_mimic.vault",
    "pytest_mimic.values",
    "importlib",
)


class LateEnds:
    """What waits until it interrupts no work of ours."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()

    def end_when_safe(self, end: Callable[[], object]) -> None:
        """End a call now, or after what the collector interrupts."""
        self._waiting.append(end)
        if not _is_interrupted():
            self.end()

    def end(self) -> None:
        """End the calls that wait for that."""
        while self._waiting:
            # The error is noted, and nobody would catch it here.
            with suppress(MimicError):
                self._waiting.popleft()()


def _is_interrupted() -> bool:
    """Return whether the collector runs inside of our own work, or of an import."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_NOT_SAFE):
            return True
        frame = frame.f_back
    return False

"""Tells who has made a call, where that matters: a miss in a debugger is no test's."""

from __future__ import annotations

import sys
from types import FrameType


def is_called_by(module: str) -> bool:
    """Whether a function of a module is on the stack of this thread."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False

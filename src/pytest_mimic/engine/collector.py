"""Keeps Python's cyclic garbage collector from deciding what a test asks.

A session of SQLAlchemy asks again for objects that nothing refers to any more. Those
that refer to each other go when the collector happens to run.
"""

from __future__ import annotations

import gc


class Collector:
    """The garbage collector of this process."""

    def __init__(self) -> None:
        self._waits = False

    def wait(self) -> None:
        """Let it wait until the running test has ended."""
        if gc.isenabled():
            gc.disable()
            self._waits = True

    def go_on(self) -> None:
        """Let it run again, if it did before."""
        if self._waits:
            gc.enable()
            self._waits = False

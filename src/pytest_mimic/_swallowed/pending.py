"""Errors of ours that the running test must not get away with, even where its code swallows them."""

from __future__ import annotations

from collections.abc import Iterable
from os import getpid

from pytest_mimic._swallowed.forks import Children
from pytest_mimic._swallowed.handled import GroupWatch
from pytest_mimic.errors import MimicError

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Problems:
    """Those of the running test. As a block, it notes what is raised of ours inside it.

    Args:
        children: Tells the parent of what a forked process finds: that cannot fail the test by itself.
    """

    __slots__ = ("_children", "_groups", "_pending", "_process")

    def __init__(self, children: Children) -> None:
        self._children = children
        self._groups = GroupWatch()
        self._pending: list[MimicError] = []
        self._process = getpid()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, MimicError):
            self.note(error)

    def begin(self) -> None:
        """A test begins in this process."""
        self._process = getpid()

    def note(self, error: MimicError) -> MimicError:
        """Notes an error, once."""
        if getpid() != self._process:
            if not error.mark:
                self._children.fail(error)
        elif not any(error is noted for noted in self._pending):
            self._pending.append(error)
            self._groups.start()
        return error

    def add(self, errors: Iterable[MimicError]) -> None:
        """Adds errors that nobody has raised."""
        self._pending += errors

    def take(self) -> list[MimicError]:
        """What has been noted since the last time."""
        self._groups.stop()
        taken, self._pending = self._pending, []
        return taken

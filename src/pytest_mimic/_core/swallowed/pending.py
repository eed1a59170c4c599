"""The errors of the running test that it must fail for, even if its code catches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from os import getpid

from pytest_mimic._core.swallowed.forks import ForkLog
from pytest_mimic.errors import MimicError


class PendingErrors:
    """The errors of the running test. As a `with` block, it notes an error that is raised inside.

    A forked process reports its errors to `forks`, because it cannot fail the test itself.
    """

    __slots__ = ("_arrived", "_errors", "_forks", "_process")

    def __init__(self, forks: ForkLog) -> None:
        self._forks = forks
        self._errors: list[MimicError] = []
        self._arrived: Counter[str] = Counter()
        self._process = getpid()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, MimicError):
            self.note(error)

    @property
    def is_elsewhere(self) -> bool:
        """Whether another process judges the test: this one was forked in the middle of it."""
        return getpid() != self._process

    def begin(self) -> None:
        """Begin a test. This process judges it; with pytest-forked, that is a forked one."""
        self._process = getpid()

    def note(self, error: MimicError) -> MimicError:
        """Note an error, once, and return it."""
        if not any(error is noted for noted in self._errors):
            self._errors.append(error)
            if self.is_elsewhere:
                self._forks.report_error(error)
        return error

    def arrive(self, error: MimicError) -> None:
        """Note an error that came from a forked process, which has reported it as well."""
        self._errors.append(error)
        self._arrived[str(error)] += 1

    def take(self, reported: Iterable[MimicError] = ()) -> list[MimicError]:
        """Return the errors since the last call. Those that a forked process has reported as well count once."""
        for error in reported:
            if self._arrived[str(error)]:
                self._arrived[str(error)] -= 1
            else:
                self._errors.append(error)
        taken, self._errors = self._errors, []
        self._arrived.clear()
        return taken

"""The errors that the running test must fail for, those of forked processes too.

They are only kept here. When a phase of the test ends, pytest's side judges whether the
phase has shown them, or must fail for them.
"""

from __future__ import annotations

from collections.abc import Callable
from os import getpid

from pytest_mimic._core.commands import Commands
from pytest_mimic.errors import MimicError


class PendingErrors:
    """The errors of the running test.

    A `with` block of this object notes an error that is raised inside.

    Args:
        test: Returns the id of the running test. The default, `str`, returns an empty
            text.
        tell: Tells an error of a forked process to the process that judges the test.
            The default, `bool`, tells nobody.
        commands: The commands of the run, for remedies.

    Attributes:
        judge: The process id of the process that judges the test.
    """

    def __init__(
        self,
        test: Callable[[], str] = str,
        tell: Callable[[MimicError], object] = bool,
        *,
        commands: Commands | None = None,
    ) -> None:
        self._running_test = test
        self._tell_judge = tell
        self._commands = commands or Commands()
        self._errors: list[MimicError] = []
        self.judge: int = getpid()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: object, error: BaseException | None, _trace: object
    ) -> None:
        if isinstance(error, MimicError):
            self.note(error)

    def begin(self) -> None:
        """Begin a test, which this process judges.

        With pytest-forked, this process is a forked one.
        """
        self.judge = getpid()

    def note(self, error: MimicError) -> MimicError:
        """Note an error, once, and return it.

        The error's remedies are for the running test: the test that has recorded a
        damaged file may be gone.
        """
        if any(error is noted for noted in self._errors):
            return error
        error.commands = self._commands
        # An error may belong to another test already, as of a thread that it has left
        # running. Outside of tests, the id is empty.
        error.test = error.test or self._running_test() or None
        self._errors.append(error)
        if getpid() != self.judge:
            self._tell_judge(error)
        return error

    def add(self, error: MimicError) -> None:
        """Add an error that a forked process has told."""
        self._errors.append(error)

    def take(self) -> list[MimicError]:
        """Return the errors noted since they were last taken, and forget them.

        They are taken when a phase of the test ends, which fails if it has shown none.
        """
        taken_errors = self._errors
        self._errors = []
        return taken_errors

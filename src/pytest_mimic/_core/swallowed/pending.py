"""The errors that the running test must fail for, those of forked processes too."""

from __future__ import annotations

from collections.abc import Callable
from os import getpid

from pytest_mimic._core.commands import Commands
from pytest_mimic.errors import MimicError


class PendingErrors:
    """The errors of the running test.

    As a `with` block, it notes an error that is raised inside.

    Args:
        test: Returns the id of the running test. `str` returns an empty one.
        tell: Tells an error of a forked process to the one that judges the test. `bool`
            tells nobody.
        commands: Those of the run, for remedies.

    Attributes:
        judge: The number of the process that judges the test.
    """

    def __init__(
        self,
        test: Callable[[], str] = str,
        tell: Callable[[MimicError], object] = bool,
        *,
        commands: Commands | None = None,
    ) -> None:
        self._test = test
        self._tell = tell
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
        """Begin a test.

        This process judges it; with pytest-forked, that is a forked one.
        """
        self.judge = getpid()

    def note(self, error: MimicError) -> MimicError:
        """Note an error, once, and return it.

        Its remedies are for the running test: the one that has recorded a damaged file
        may be gone.
        """
        if any(error is noted for noted in self._errors):
            return error
        error.commands = self._commands
        error.test = error.test or self._test() or None
        self._errors.append(error)
        if getpid() != self.judge:
            self._tell(error)
        return error

    def add(self, error: MimicError) -> None:
        """Add an error that a forked process has told."""
        self._errors.append(error)

    def take(self) -> list[MimicError]:
        """Return the errors since the last call, and forget them."""
        taken = self._errors
        self._errors = []
        return taken

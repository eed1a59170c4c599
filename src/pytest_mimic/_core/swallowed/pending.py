"""The errors that the running test must fail for, those of forked processes too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from json import dumps, loads
from os import F_OK, access, getpid, unlink
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pytest_mimic._core.commands import Commands
from pytest_mimic.errors import MimicError

# Bound here, because a test may replace `open`, as a fake file system does.
_open = open


class PendingErrors:
    """The errors of the running test.

    As a `with` block, it notes an error that is raised inside. A forked process writes
    its errors to a file, because it cannot fail the test itself.

    Args:
        test: Returns the id of the running test.
        count: Adds to the account of the run what a forked process has `counted` for an
            error.
        commands: Those of the run, for remedies.
    """

    def __init__(
        self,
        test: Callable[[], str] = str,
        count: Callable[[Any], object] = bool,
        *,
        commands: Commands | None = None,
    ) -> None:
        self._test = test
        self._count = count
        self._commands = commands or Commands()
        self._errors: list[MimicError] = []
        self._process = getpid()
        name = f"pytest-mimic-{self._process}-{id(self):x}.forked"
        self._file = str(Path(gettempdir(), name))

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
        self._process = getpid()

    def note(self, error: MimicError, counted: object = None) -> MimicError:
        """Note an error, once, and return it.

        Its remedies are for the running test: the one that has recorded a damaged file
        may be gone.
        """
        if any(error is noted for noted in self._errors):
            return error
        error.commands = self._commands
        error.test = error.test or self._test() or None
        self._errors.append(error)
        if getpid() != self._process:
            # Not pickled: nothing in a file that others may write should run in the
            # parent.
            text = dumps([error.to_plain(), counted])
            # One write, so that no lines mix.
            with _open(self._file, "a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        return error

    def take(self) -> list[MimicError]:
        """Return the errors since the last call."""
        taken = self._errors
        self._errors = []
        # Asked four times a test: opening it in vain takes four times as long.
        if access(self._file, F_OK):
            with _open(self._file, encoding="utf-8") as file:
                for plain, counted in map(loads, file):
                    taken.append(MimicError.from_plain(plain))
                    self._count(counted or {})
            with suppress(OSError):
                unlink(self._file)  # noqa: PTH108 - a test may replace Path.unlink
        return taken

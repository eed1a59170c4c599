"""The errors that the running test must fail for, and what forked processes did, passed on to their parent by a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from json import dumps, loads
from os import F_OK, access, getpid, unlink
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pytest_mimic import errors
from pytest_mimic._core import ambient as _ambient
from pytest_mimic.errors import MimicError

# Bound here, because a test may replace `open`, as a fake file system does.
_open = open


class ForkLog:
    """The log of the processes that are forked from this one, by `os.fork` or a pool of `multiprocessing`."""

    def __init__(self) -> None:
        self._parent = getpid()
        self._file = str(Path(gettempdir(), f"pytest-mimic-{self._parent}-{id(self):x}.forked"))

    @property
    def is_child(self) -> bool:
        """Whether this is a forked process, which has to report what it does."""
        return getpid() != self._parent

    def report(self, **entry: object) -> None:
        """Append an entry, a part of `Ledger.to_plain`, if this is a forked process."""
        if self.is_child:
            self._append(entry)

    def report_error(self, error: MimicError) -> None:
        """Append an error of this forked process. If it is raised in the parent as well, the parent judges it."""
        error.rebuild = rebuild_in_parent
        # Not pickled: the parent reads the log, and nothing in a file that others may write should run there.
        said = {"what": error.what, "facts": error.facts, "remedies": error.remedies}
        data = {name: value for name, value in error.data.items() if isinstance(value, str)}
        self._append({"error": type(error).__name__, "said": {**data, **said}})

    def _append(self, entry: dict[str, object]) -> None:
        with _open(self._file, "a", encoding="utf-8") as file:
            file.write(dumps(entry) + "\n")  # one write, so that the lines of several processes do not mix

    def take(self) -> tuple[list[dict[str, Any]], list[MimicError]]:
        """Return the entries and the errors since the last call."""
        if not access(
            self._file, F_OK
        ):  # asked four times a test: opening it in vain takes four times as long
            return [], []
        with _open(self._file, encoding="utf-8") as file:
            entries = [loads(line) for line in file]
        with suppress(OSError):
            unlink(self._file)  # noqa: PTH108 - a test may replace Path.unlink
        raised = [getattr(errors, entry["error"])(**entry["said"]) for entry in entries if "error" in entry]
        return [entry for entry in entries if "error" not in entry], raised


def rebuild_in_parent(*pickled: Any) -> MimicError:
    """Unpickle an error of a forked process, and let the test that it reaches answer for it."""
    error = errors.rebuild_error(*pickled)
    session = _ambient.current()
    if session is not None:
        session.state.pending.arrive(error)
    return error


class PendingErrors:
    """The errors of the running test. As a `with` block, it notes an error that is raised inside.

    A forked process reports its errors to `forks`, because it cannot fail the test itself. `test` returns the id of the
    running test.
    """

    __slots__ = ("_arrived", "_errors", "_forks", "_process", "_test")

    def __init__(self, forks: ForkLog, test: Callable[[], str] = str) -> None:
        self._forks = forks
        self._test = test
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
        """Note an error, once, and return it. Of a damaged file it names the running test: the recording one may be gone."""
        if not any(error is noted for noted in self._errors):
            if test := self._test():
                lines = _ambient.naming(test, error.data.get("recorder"), [error.what, *error.remedies])
                error.what, error.remedies = lines[0], tuple(lines[1:])
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

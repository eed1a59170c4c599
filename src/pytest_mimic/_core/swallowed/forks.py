"""Pass on to their parent, through a file, what forked processes did: their memory ends with them."""

from __future__ import annotations

from contextlib import suppress
from json import dumps, loads
from os import F_OK, access, getpid, unlink
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pytest_mimic import errors
from pytest_mimic._core import ambient as _ambient

# Bound here, because a test may replace `open`, as pyfakefs does.
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

    def report_error(self, error: errors.MimicError) -> None:
        """Append an error of this forked process. If it is raised in the parent as well, the parent judges it."""
        error.rebuild = rebuild_in_parent
        said = {"what": error.what, "facts": error.facts, "remedies": error.remedies}
        data = {name: value for name, value in error.data.items() if isinstance(value, str)}
        self._append({"error": type(error).__name__, "said": {**data, **said}})

    def _append(self, entry: dict[str, object]) -> None:
        with _open(self._file, "a", encoding="utf-8") as file:
            file.write(dumps(entry) + "\n")  # one write, so that the lines of several processes do not mix

    def take(self) -> tuple[list[dict[str, Any]], list[errors.MimicError]]:
        """Return the entries and the errors since the last call."""
        if not access(
            self._file, F_OK
        ):  # asked four times a test: opening it in vain takes four times as long
            return [], []
        try:
            with _open(self._file, encoding="utf-8") as file:
                entries = [loads(line) for line in file]
        except OSError:  # a fake file system hides the file
            return [], []
        with suppress(OSError):
            unlink(self._file)  # noqa: PTH108 - a test may replace Path.unlink
        raised = [getattr(errors, entry["error"])(**entry["said"]) for entry in entries if "error" in entry]
        return [entry for entry in entries if "error" not in entry], raised


def rebuild_in_parent(*pickled: Any) -> errors.MimicError:
    """Unpickle an error of a forked process, and let the test that it reaches answer for it."""
    error = errors.rebuild_error(*pickled)
    session = _ambient.current()
    if session is not None:
        session.state.pending.arrive(error)
    return error

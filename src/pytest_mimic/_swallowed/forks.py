"""What happened in processes that a test forked: their accounts end with them, a file tells the parent."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from json import dumps, loads
from os import getpid, unlink
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pytest_mimic import _ambient, errors

#: Bound here, as all that is called in the midst of a test: it may put something else in the place of these.
_open = open
_numbers = count()


class Children:
    """What processes forked from this one have used and recorded, and which errors of ours were raised in them.

    Attributes:
        used: Names of recordings that they used, as far as they were gathered.
        recorded: How long each call took that they recorded, in seconds; gathered too.
        replaced: Names of objects that their re-recording left behind; gathered too.
    """

    def __init__(self) -> None:
        self._parent = getpid()
        self._file = str(Path(gettempdir(), f"pytest-mimic-{self._parent}-{id(self):x}.forked"))
        self.used: set[str] = set()
        self.recorded: list[float] = []
        self.replaced: set[str] = set()
        self._errors: dict[str, errors.MimicError] = {}
        self._arrived: set[str] = set()

    def note(self, name: str) -> None:
        """Tells the parent of a recording used, where this is a child."""
        if getpid() != self._parent:
            self._tell({"used": name})

    def note_recorded(self, duration: float, replaced: set[str]) -> None:
        """Tells the parent of a call recorded, and of all objects replaced so far, where this is a child."""
        if getpid() != self._parent:
            self._tell({"recorded": duration, "replaced": sorted(replaced - self.replaced)})
            self.replaced |= replaced

    def fail(self, error: errors.MimicError) -> None:
        """Tells the parent of an error, which knows it by its `mark` if it arrives there."""
        error.mark = f"{getpid()}-{next(_numbers)}"
        error.rebuild = arrive_in_parent
        said = {"what": error.what, "facts": error.facts, "remedies": error.remedies}
        data = {name: value for name, value in error.data.items() if isinstance(value, str)}
        self._tell({"error": type(error).__name__, "mark": error.mark, "said": {**data, **said}})

    def arrived(self, error: errors.MimicError) -> None:
        """Notes that an error of a child was raised in the parent as well, which judges it."""
        self._arrived.add(error.mark)
        error.mark = ""

    def errors(self) -> list[errors.MimicError]:
        """The errors that the children kept to themselves, since the last time."""
        self.gather()
        kept = [error for mark, error in self._errors.items() if mark not in self._arrived]
        self._errors.clear()
        return kept

    def _tell(self, fact: dict[str, object]) -> None:
        with _open(self._file, "a", encoding="utf-8") as file:  # one write: lines do not mix
            file.write(dumps(fact) + "\n")

    def gather(self) -> None:
        """Takes in what the children have told since the last time."""
        try:
            with _open(self._file, encoding="utf-8") as file:
                lines = list(file)
        except OSError:  # no process was forked, or its file is not there in the file system of this moment
            return
        with suppress(OSError):
            unlink(self._file)  # noqa: PTH108 - Path.unlink may be another just now
        for fact in map(loads, lines):
            if "used" in fact:
                self.used.add(fact["used"])
            elif "recorded" in fact:
                self.recorded.append(fact["recorded"])
                self.replaced.update(fact["replaced"])
            else:
                self._errors[fact["mark"]] = getattr(errors, fact["error"])(**fact["said"])


def arrive_in_parent(*parts: Any) -> errors.MimicError:
    """Make an error that a forked process has pickled, and report it to the session of the process that unpickles it."""
    error = errors.rebuild_error(*parts)
    session = _ambient.current()
    if session is not None:
        session.take_in(error)
    return error

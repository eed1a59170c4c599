"""Notes the project's files that recorded calls open for reading, and what the calls' code reaches."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.inputs.input_lists import Functions, NotedInputs
from pytest_mimic._core.inputs.reach import reached

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.project_sources import ProjectSources

_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

# How many items of an argument are looked at.
_ITEMS = 1_000

# The noters that have calls under way. An audit hook cannot be removed, so there is one for all runs of a process.
_noters: list[Noter] = []
_hooked: list[bool] = []


def _parts(value: object) -> Iterable[object]:
    """Return an argument, or the items of one that holds some."""
    if isinstance(value, dict):
        return islice(value.values(), _ITEMS)
    return islice(value, _ITEMS) if isinstance(value, (list, tuple, set, frozenset)) else (value,)


class Trace:
    """Holds what one call has read so far, as absolute paths; and its target and the classes of its arguments."""

    def __init__(self, noter: Noter, target: str, values: Iterable[object]) -> None:
        self.files: set[str] = set()
        self.target = target
        kinds = {type(one) for value in values for one in _parts(value)}
        self.classes = frozenset({kind for kind in kinds if kind.__module__ != "builtins"})
        self.noter = noter


class Noter:
    """Notes for the calls of one run; `inside` returns the call that the current thread or task is part of."""

    def __init__(self, inside: Callable[[], object], sources: ProjectSources, *, started: int) -> None:
        self._inside = inside
        self._sources = sources
        self._started = started  # when the run began, in ns: what was written since then is not noted
        self._open: dict[object, Trace] = {}
        self._guard = Lock()
        self._files: dict[str, str | None] = {}
        self._functions: dict[tuple[str, frozenset[type]], Functions] = {}
        self._lists: dict[object, NotedInputs] = {}

    @contextmanager
    def noting(self, call: object, trace: Trace) -> Iterator[None]:
        """Note what is read in this block inside of a call."""
        with self._guard:
            if not self._open:
                _noters.append(self)
                if not _hooked:
                    _hooked.append(True)
                    sys.addaudithook(_audit)
            self._open[call] = trace
        try:
            yield
        finally:
            with self._guard:
                self._open.pop(call, None)
                if not self._open:
                    _noters.remove(self)

    def opened(self, path: object, mode: Any, flags: Any) -> None:
        trace = self._open.get(self._inside())
        if trace is None or not isinstance(path, str | bytes | os.PathLike):
            return
        is_read = not set(mode) & set("wax") if isinstance(mode, str) and mode else not flags & _WRITING
        if not is_read:
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - may be called with any path
        if not name.endswith(".py"):  # these are imported, or shown by a traceback
            trace.files.add(name)

    def noted(self, trace: Trace) -> NotedInputs:
        """Return what was noted. The fingerprints are those of now, taken once for each file."""
        files = frozenset({path for path in trace.files if self._is_input(path)})
        reach = trace.target, trace.classes
        if reach not in self._functions:
            self._functions[reach] = reached(*reach, self._sources)
        key = (*reach, files)
        if key not in self._lists:
            names = [name for path in files if (name := self._files[path]) is not None]
            read = {name: digest for name in names if (digest := self._sources.digest(name)) is not None}
            self._lists[key] = NotedInputs(self._sources, read, self._functions[reach])
        return self._lists[key]

    def _is_input(self, path: str) -> bool:
        """Check whether a file is one of the project, and was there before the run."""
        if path not in self._files:
            self._files[path] = self._sources.name_of_file(path)
        if self._files[path] is None:
            return False
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        return max(facts.st_mtime_ns, facts.st_ctime_ns) < self._started


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _noters:
        for noter in tuple(_noters):
            try:
                noter.opened(*args)
            except Exception:
                pass

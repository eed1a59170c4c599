"""Notes the project's files that recorded calls open for reading, and what the calls' code reaches."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any

from pytest_mimic._core import ambient
from pytest_mimic._core.inputs.project_sources import ProjectSources

_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class Trace:
    """Notes what one call reads, and what its target and the classes of its arguments reach.

    What was written since the run has `started`, so many ns after the epoch, is not noted.
    """

    def __init__(
        self, sources: ProjectSources, target: str, values: Iterable[object], *, started: int
    ) -> None:
        self._sources, self._target, self._started = sources, target, started
        kinds: set[type] = set()
        for value in values:
            kinds.add(type(value))
            if isinstance(value, (dict, list, tuple, set, frozenset)):
                kinds.update(map(type, value.values() if isinstance(value, dict) else value))
        self._classes = frozenset(kind for kind in kinds if kind.__module__ != "builtins")
        self._paths: set[str] = set()
        _watch_files()

    def opened(self, path: object, mode: Any, flags: Any) -> None:
        """Note that a file is opened, with the arguments of the audit event."""
        is_read = not set(mode) & set("wax") if isinstance(mode, str) and mode else not flags & _WRITING
        if is_read and isinstance(path, str | bytes | os.PathLike):
            name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - may be called with any path
            if not name.endswith(".py"):  # these are imported, or shown by a traceback
                self._paths.add(name)

    def noted(self) -> Trace:
        """Take the fingerprints of now, once for each file, and return this trace, which gives the list."""
        files = set()
        for path in tuple(self._paths):
            name = self._sources.name_of_file(path) if self._is_old(path) else None
            if name is not None and (digest := self._sources.digest(name)) is not None:
                files.add((name, digest))
        self._text = self._sources.listed(self._target, self._classes, frozenset(files))
        return self

    def _is_old(self, path: str) -> bool:
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        return max(facts.st_mtime_ns, facts.st_ctime_ns) < self._started

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list that stands in the vault from now on, empty if it names nothing. `is_same`: the outcome stays.

        The list before stays as long as nothing in it has changed: which files a call reads may depend on other tests.
        """
        with suppress(LookupError, TypeError, ValueError):  # a damaged one is replaced
            if before and is_same and not self._sources.changed(before):
                return before.decode()
        return self._text


@cache
def _watch_files() -> None:
    """Let the calls of all runs of this process know what they open: an audit hook cannot be removed."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event != "open":
        return
    with suppress(Exception):
        session = ambient.current()
        if session is None or not session.state.running:  # most files are our own
            return
        trace = getattr(session.state.inside.call(), "trace", None)
        if trace is not None:
            trace.opened(*args)

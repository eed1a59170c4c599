"""The guard on files: a call that changes a file which an argument, or an item of one, names is refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.tree.messages import mutated
from pytest_mimic._core.words import limited

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Argument

_SHOWN = 5
_MOST_ITEMS = 10_000
# The most bytes of a path on Linux.
_LONGEST = 4096


class NamedFile(NamedTuple):
    """A path that an argument names: where it is in there, the absolute path, and its size and time if it is a file."""

    step: str
    path: str
    is_text: bool
    facts: tuple[int, int] | None


class CallFiles:
    """The files that the arguments of a real call name, as they were before it, but for those `ignored`."""

    def __init__(self, arguments: Iterable[Argument], places: Places, *, ignored: Collection[str]) -> None:
        self._places = places
        self._named = [
            NamedFile(step, path, is_text, _facts(path))
            for one in arguments
            if {one.parameter, one.name}.isdisjoint(ignored)
            for step, path, is_text in _paths_in(one)
        ]

    def refuse_changes(self, target: str) -> None:
        """Raise MutatedInputError for a call of `target` that changed one of the files, or made it."""
        found = []
        for step, path, is_text, before in self._named:
            after = _facts(path)
            place = self._places.place_of(path)
            # Most strings are no paths.
            if after == before or (before is None and is_text and place is None):
                continue
            how = "changed by the call"
            if before is None or after is None:
                how = "made by the call" if before is None else "removed by the call"
            elif before[0] != after[0]:
                how = f"{before[0]:,} bytes before, {after[0]:,} after"
            found.append(f"{step}: {path if place is None else place.text}: {how}")
        if found:
            raise mutated(target, limited(found, _SHOWN))


def _paths_in(argument: Argument) -> Iterator[tuple[str, str, bool]]:
    """Yield the paths that an argument or its items are, and the strings that may be some, with their place in it."""
    name, value = argument.name, argument.value
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = enumerate(value)
    for step, one in [(name, value), *((f"{name}[{key!r}]", one) for key, one in islice(parts, _MOST_ITEMS))]:
        if isinstance(one, PurePath) or (type(one) is str and 0 < len(one) <= _LONGEST and "\n" not in one):
            yield step, _absolute(str(one)), type(one) is str


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except FileNotFoundError:  # the current folder is gone
        return path


def _facts(path: str) -> tuple[int, int] | None:
    """Return the size of a file and the time of its last change; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a string, at each call
    except (OSError, ValueError):  # ValueError: a null character, a lone surrogate
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

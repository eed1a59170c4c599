"""Checks whether a run's selection of tests is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

from pytest_mimic._core.node_ids import relative_path

# Options of pytest, and their flags for messages: those that deselect tests once all are known, those that keep files
# from being collected, and those that run no test.
_DESELECTING = {"keyword": "-k", "markexpr": "-m", "deselect": "--deselect", "stepwise": "--sw"}
_HIDING = {"ignore": "--ignore", "ignore_glob": "--ignore-glob", "lf": "--lf"}
_IDLE = {"setuponly": "--setup-only", "setupplan": "--setup-plan"}
_PART = "only a part of the tests was named"


class Selection(NamedTuple):
    """The selection of tests that a command line requests.

    Attributes:
        wanted: The paths of a complete selection, relative to the rootdir.
        covered: Those of them in which all tests are collected, although some may be deselected then.
        deselecting: Reasons why tests are deselected after the collection.
        hiding: Reasons why not all tests are collected.
        idle: Reasons why no test runs as usual.
    """

    wanted: list[str]
    covered: list[str]
    deselecting: list[str]
    hiding: list[str]
    idle: list[str]

    @property
    def narrowed(self) -> list[str]:
        """The reasons why the selection is not complete."""
        return [*self.deselecting, *self.hiding, *self.idle]


def selection_of(
    option: Any, *, args: Sequence[str], testpaths: Sequence[str], rootdir: Path, cwd: Path
) -> Selection:
    """Return the requested selection.

    The paths in `args` are relative to `cwd`, where pytest was started, and those in `testpaths` to the rootdir.
    """
    hiding = _given(option, _HIDING)
    given = [Path(cwd, arg).resolve() for arg in args if "::" not in arg]
    # glob.glob as in pytest, because Path.glob accepts neither `.` nor an absolute pattern.
    found = [path for pattern in testpaths for path in glob(str(rootdir / pattern), recursive=True)]  # noqa: PTH207
    wanted = [Path(path).resolve() for path in found or [str(rootdir)]]
    named = [one for one in wanted if any(one.is_relative_to(path) for path in given)]
    covered = [] if hiding else named
    if len(named) < len(wanted):
        hiding.append(_PART)
    start = rootdir.resolve()
    return Selection(
        [relative_path(one, start=start) for one in wanted],
        [relative_path(one, start=start) for one in covered],
        _given(option, _DESELECTING),
        hiding,
        _given(option, _IDLE),
    )


def _given(option: Any, flags: Mapping[str, str]) -> list[str]:
    return [f"{flag} was given" for name, flag in flags.items() if getattr(option, name, None)]

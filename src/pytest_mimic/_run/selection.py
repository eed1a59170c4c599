"""Checks whether a run's selection of tests is complete."""

from __future__ import annotations

from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Any

# Options that narrow the selection or run no test: their names in pytest, and the flags for messages.
_NARROWING = {
    "keyword": "-k",
    "markexpr": "-m",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "deselect": "--deselect",
    "lf": "--lf",
    "stepwise": "--sw",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
}


def narrowed_by(
    option: Any, *, args: Sequence[str], testpaths: Sequence[str], rootdir: Path, cwd: Path
) -> list[str]:
    """Return the reasons why the requested selection is not complete.

    The paths in `args` are relative to `cwd`, where pytest was started, and those in `testpaths` to the rootdir.
    """
    reasons = [f"{flag} was given" for name, flag in _NARROWING.items() if getattr(option, name, None)]
    given = [Path(cwd, arg).resolve() for arg in args if "::" not in arg]
    # glob.glob as in pytest, because Path.glob accepts neither `.` nor an absolute pattern.
    found = [path for pattern in testpaths for path in glob(str(rootdir / pattern), recursive=True)]  # noqa: PTH207
    wanted = [Path(path).resolve() for path in found or [str(rootdir)]]
    if not all(any(one.is_relative_to(path) for path in given) for one in wanted):
        reasons.append("only a part of the tests was named")
    return reasons

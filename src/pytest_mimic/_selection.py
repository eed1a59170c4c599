"""Whether a run's selection of tests is complete, as judging unused recordings needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from glob import glob
from pathlib import Path
from typing import Any

#: Options that narrow the selection, or run no test, with how they are told.
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
    """Why the selection that was asked for is not complete; empty where it is.

    Args:
        option: pytest's parsed options.
        args: The paths and ids that the run collects.
        testpaths: The ini option, relative to the rootdir.
        rootdir: The rootdir.
        cwd: The folder that pytest was started in.
    """
    reasons = [f"{flag} was given" for name, flag in _NARROWING.items() if getattr(option, name, None)]
    given = [Path(cwd, arg).resolve() for arg in args if "::" not in arg]
    # As pytest reads them: Path.glob takes neither `.` nor an absolute pattern.
    found = [path for pattern in testpaths for path in glob(str(rootdir / pattern), recursive=True)]  # noqa: PTH207
    wanted = [Path(path).resolve() for path in found or [str(rootdir)]]
    if not all(any(_holds(path, one) for path in given) for one in wanted):
        reasons.append("only a part of the tests was named")
    return reasons


def reaches(nodeid: str, *, collected: Collection[str], rootdir: Path) -> bool:
    """Whether a complete run would have run the test of an id, if it still existed.

    Not one in a file in which the run looked for no tests: `testpaths` leaves it out, or it holds doctests.
    A test whose file is not there any more is reached: nothing else will ever run it.
    """
    file = nodeid.partition("::")[0]
    return file in collected or not Path(rootdir, file).is_file()


def _holds(outer: Path, inner: Path) -> bool:
    return outer == inner or outer in inner.parents

"""The end of a session in a large vault.

All recordings are used, all but ten are unused, or these are cleared.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import BEFORE, FLOOR, OLDER, OURS
from bench.processes import Figures, make_project, run_step

FEW = 10
ALL_USED = "session_end, all used"
UNUSED = "session_end, unused"
CLEARING = "session_end, clearing"


@contextmanager
def session_end(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Sessions in a vault of many recordings, in seconds of CPU time.

    A session's end is the time from its last call to the end of the process. The same
    time of a session that uses ten of ten recordings is taken off. From clearing, the
    time of a session that only lists the unused recordings is taken off.
    """
    contenders = bench.runnable(OURS, BEFORE, OLDER)
    measures: dict[str, Measure] = {}
    for contender in contenders:
        for count in (FEW, bench.recordings):
            folder = bench.folder / contender / str(count)
            make_project(folder, ["measured:small"])
            python = bench.python(contender)
            run_step(python, folder, ["small", count], "--mimic-record")
        measures[contender] = partial(_ends, bench, contender)
    measures[FLOOR] = partial(_least_work, bench)
    yield measures


def _ends(bench: Bench, contender: str) -> Figures:
    """Return the figures of one contender."""
    python = bench.python(contender)
    folder_of_few = bench.folder / contender / str(FEW)
    folder_of_many = bench.folder / contender / str(bench.recordings)
    copy = bench.folder / contender / "copy"
    _copy_anew(folder_of_many, copy)
    base = run_step(python, folder_of_few, ["small", FEW])["end"]
    all_used = run_step(python, folder_of_many, ["small", bench.recordings])["end"]
    unused = run_step(python, folder_of_many, ["small", FEW])["end"]
    figures = {ALL_USED: all_used - base, UNUSED: unused - base}
    # 0.2.0 stops with an error where it is to clear.
    if contender != OLDER:
        cleared = run_step(python, copy, ["small", FEW], "--mimic-clear-unused")["end"]
        figures[CLEARING] = cleared - unused
    return figures


def _least_work(bench: Bench) -> Figures:
    """Return the seconds that listing, reading and deleting the recordings takes."""
    copy = bench.folder / "copy"
    _copy_anew(bench.folder / OURS / str(bench.recordings), copy)
    recordings = copy / ".mimic_vault/calls"
    return {
        # `str` returns a path as it is.
        ALL_USED: _seconds_for_each_file(recordings, str),
        UNUSED: _seconds_for_each_file(recordings, _read),
        CLEARING: _seconds_for_each_file(recordings, os.unlink),
    }


def _seconds_for_each_file(folder: Path, act: Callable[[str], object]) -> float:
    """Return the seconds of CPU time that it takes to find files and act on each."""
    begun = time.process_time()
    for subfolder, _, names in os.walk(folder):
        for name in names:
            act(f"{subfolder}/{name}")
    return time.process_time() - begun


def _read(path: str) -> None:
    # Without a buffer, as a recording is read whole.
    with open(path, "rb", 0) as file:  # noqa: PTH123  a Path would be part of the time
        file.read()


def _copy_anew(folder: Path, copy: Path) -> None:
    """Copy a folder to where an earlier round may have left a copy."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)


CASES = [
    Case(
        "session_end",
        [
            Row(ALL_USED, "s", floor="listing the vault"),
            Row(UNUSED, "s", floor="reading each recording"),
            Row(CLEARING, "s", floor="unlinking each recording"),
        ],
        session_end,
        rounds=3,
    )
]

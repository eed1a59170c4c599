"""Recording and replaying calls.

The calls are small ones, one with a large outcome, and those of whole vaults of
documents, tables and records.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import BEFORE, FLOOR, JOBLIB, OLDER, OURS
from bench.processes import Figures, Step, make_project, megabytes_in, run_step

TARGETS = [
    "measured:small",
    "measured:large",
    "measured:document",
    "measured:table",
    "measured:orders",
]
# 500 calls.
SMALL: Step = ["small", 500]
# One call, whose outcome has 62,500,000 numbers of 8 bytes each, which are 500 MB.
LARGE: Step = ["large", 62_500_000]
# The floors, by their names in `inside/libraries.py`.
FLOOR_OF_SMALL = "files"
FLOOR_OF_LARGE = "npy"
FLOOR_OF_VAULTS = "zstd"


def _contenders(bench: Bench) -> list[str]:
    """Return the contenders of all cases of this module."""
    return bench.runnable(OURS, BEFORE, OLDER, JOBLIB, FLOOR)


def _library(contender: str, floor: str) -> str:
    """Return what `inside/libraries.py` runs for a contender; no name for a plugin."""
    if contender == JOBLIB:
        return JOBLIB
    if contender == FLOOR:
        return floor
    return ""


def _record(bench: Bench, contender: str, step: Step, floor: str) -> Figures:
    """Record the step in a new project of the contender, whose vault is empty."""
    folder = bench.folder / contender
    shutil.rmtree(folder, ignore_errors=True)
    make_project(folder, TARGETS)
    return run_step(
        bench.python(contender),
        folder,
        step,
        "--mimic-record",
        library=_library(contender, floor),
    )


def _replay(bench: Bench, contender: str, step: Step, floor: str) -> Figures:
    """Replay the step in the project in which it was recorded."""
    return run_step(
        bench.python(contender),
        bench.folder / contender,
        step,
        library=_library(contender, floor),
    )


@contextmanager
def record_small(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Recordings of small calls, in µs of CPU time a call.

    Each round records into an empty vault.
    """

    def measure(contender: str) -> Figures:
        figures = _record(bench, contender, SMALL, FLOOR_OF_SMALL)
        return {"record_small": figures["first"] * 1e6}

    yield {name: partial(measure, name) for name in _contenders(bench)}


@contextmanager
def replay_small(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Replays of small calls, in µs of CPU time a call.

    The calls were recorded once, before all rounds. In a process, each is made for the
    first time, and again.
    """

    def measure(contender: str) -> Figures:
        figures = _replay(bench, contender, SMALL, FLOOR_OF_SMALL)
        return {
            "replay_small, first": figures["first"] * 1e6,
            "replay_small, again": figures["again"] * 1e6,
        }

    contenders = _contenders(bench)
    for contender in contenders:
        _record(bench, contender, SMALL, FLOOR_OF_SMALL)
    yield {name: partial(measure, name) for name in contenders}


@contextmanager
def big_output(bench: Bench) -> Iterator[dict[str, Measure]]:
    """An array of 500 MB, recorded and replayed in each round.

    The figures are seconds of CPU time, seconds of wall time, and MB of memory above
    what the process had before.
    """

    def measure(contender: str) -> Figures:
        # What the contender before left to be written is not this one's cost.
        os.sync()
        recorded = _record(bench, contender, LARGE, FLOOR_OF_LARGE)
        replayed = _replay(bench, contender, LARGE, FLOOR_OF_LARGE)
        shutil.rmtree(bench.folder / contender)
        return {
            "big_output, record, CPU": recorded["cpu"],
            "big_output, record, wall": recorded["wall"],
            "big_output, record, memory": recorded["memory"],
            "big_output, replay, CPU": replayed["cpu"],
            "big_output, replay, wall": replayed["wall"],
            "big_output, replay, memory": replayed["memory"],
        }

    yield {name: partial(measure, name) for name in _contenders(bench)}


@contextmanager
def vault_of(
    bench: Bench, *, case: str, function: str, count: int
) -> Iterator[dict[str, Measure]]:
    """A vault of one function's outcomes, recorded and replayed in each round.

    The figures are ms of CPU time a call, and the MB of what was stored.
    """
    step: Step = ["each", function, count]

    def measure(contender: str) -> Figures:
        recorded = _record(bench, contender, step, FLOOR_OF_VAULTS)
        replayed = _replay(bench, contender, step, FLOOR_OF_VAULTS)
        return {
            f"{case}, size": megabytes_in(_vault(bench.folder / contender)),
            f"{case}, record": recorded["first"] * 1e3,
            f"{case}, replay": replayed["first"] * 1e3,
        }

    yield {name: partial(measure, name) for name in _contenders(bench)}


def _vault(folder: Path) -> Path:
    """Return the vault in a project: that of a plugin, or of a library."""
    vault_of_plugin = folder / ".mimic_vault"
    if vault_of_plugin.exists():
        return vault_of_plugin
    return folder / "vault"


def profile_recording(bench: Bench, file: Path) -> None:
    """Profile recordings of small calls."""
    python = bench.python(OURS)
    make_project(bench.folder, TARGETS)
    run_step(python, bench.folder, SMALL, "--mimic-record", profile=file)


def profile_replaying(bench: Bench, file: Path) -> None:
    """Profile replays of small calls."""
    python = bench.python(OURS)
    make_project(bench.folder, TARGETS)
    run_step(python, bench.folder, SMALL, "--mimic-record")
    run_step(python, bench.folder, SMALL, profile=file)


_FILES = "a file each, named by xxh3"
_ZSTD = "pickles with zstd"


def _vault_case(name: str, *, function: str, count: int) -> Case:
    """Return the case of a vault with `count` outcomes of a function."""
    return Case(
        name,
        [
            Row(f"{name}, size", "MB", floor=_ZSTD),
            Row(f"{name}, record", "ms", floor=_ZSTD),
            Row(f"{name}, replay", "ms", floor=_ZSTD),
        ],
        partial(vault_of, case=name, function=function, count=count),
    )


CASES = [
    Case(
        "record_small",
        [Row("record_small", "µs", floor=_FILES)],
        record_small,
        profile=profile_recording,
    ),
    Case(
        "replay_small",
        [
            Row("replay_small, first", "µs", floor=_FILES),
            Row("replay_small, again", "µs", floor=_FILES),
        ],
        replay_small,
        profile=profile_replaying,
    ),
    Case(
        "big_output",
        [
            Row("big_output, record, wall", "s", floor="numpy.save"),
            Row("big_output, record, CPU", "s", floor="numpy.save"),
            Row("big_output, record, memory", "MB", floor="numpy.save"),
            Row("big_output, replay, wall", "s", floor="numpy.load"),
            Row("big_output, replay, CPU", "s", floor="numpy.load"),
            Row("big_output, replay, memory", "MB", floor="numpy.load"),
        ],
        big_output,
        rounds=3,
    ),
    _vault_case(
        "vault_docs",
        function="document",
        count=1000,
    ),
    _vault_case(
        "vault_tables",
        function="table",
        count=20,
    ),
    _vault_case(
        "vault_orders",
        function="orders",
        count=20,
    ),
]

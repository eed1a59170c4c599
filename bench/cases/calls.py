"""Recording and replaying calls: small ones, a large outcome, a vault of documents and of tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import FLOOR, JOBLIB, OLDER, OURS, Bench, Case, Measure, Row
from bench.processes import Figures, project, step, stored

TARGETS = [
    f"measured:{name}" for name in ("small", "large", "document", "table", "orders")
]
SMALL: list[object] = ["small", 500]
LARGE: list[object] = ["large", 62_500_000]


def doing(bench: Bench, what: list[object], floor: str) -> dict[str, Measure]:
    """Return for each contender what makes a project, records the step and returns its figures."""
    measures: dict[str, Measure] = {}
    for contender in (OURS, OLDER, JOBLIB, FLOOR):
        if contender == FLOOR or contender in bench.pythons:
            library = {JOBLIB: JOBLIB, FLOOR: floor}.get(contender, "")
            measures[contender] = partial(_recorded, bench, contender, what, library)
    return measures


def _recorded(
    bench: Bench, contender: str, what: list[object], library: str
) -> Figures:
    folder = bench.folder / contender
    shutil.rmtree(folder, ignore_errors=True)
    return step(
        bench.python(contender),
        project(folder, TARGETS),
        what,
        "--mimic-record",
        library=library,
    )


def _replayed(bench: Bench, contender: str, what: list[object], floor: str) -> Figures:
    library = {JOBLIB: JOBLIB, FLOOR: floor}.get(contender, "")
    return step(
        bench.python(contender), bench.folder / contender, what, library=library
    )


def _vault(folder: Path) -> Path:
    own = folder / ".mimic_vault"
    return own if own.exists() else folder / "vault"


@contextmanager
def record_small(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Recordings of small calls, into an empty vault each round."""

    def measure(record: Measure) -> dict[str, float]:
        return {"record_small": record()["first"] * 1e6}

    yield {
        who: partial(measure, record)
        for who, record in doing(bench, SMALL, "files").items()
    }


@contextmanager
def replay_small(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Replays of small calls, recorded once."""

    def measure(contender: str) -> dict[str, float]:
        figures = _replayed(bench, contender, SMALL, "files")
        return {
            f"replay_small, {name}": figures[name] * 1e6 for name in ("first", "again")
        }

    recordings = doing(bench, SMALL, "files")
    for record in recordings.values():
        record()
    yield {contender: partial(measure, contender) for contender in recordings}


@contextmanager
def big_output(bench: Bench) -> Iterator[dict[str, Measure]]:
    """An array of 500 MB, recorded and replayed in each round."""

    def measure(contender: str, record: Measure) -> dict[str, float]:
        os.sync()  # what the contender before left to be written is not this one's cost
        recorded = record()
        replayed = _replayed(bench, contender, LARGE, "npy")
        shutil.rmtree(bench.folder / contender)
        return {
            f"big_output, {verb}, {name}": figures[key]
            for verb, figures in (("record", recorded), ("replay", replayed))
            for name, key in (("CPU", "cpu"), ("wall", "wall"), ("memory", "memory"))
        }

    yield {
        who: partial(measure, who, record)
        for who, record in doing(bench, LARGE, "npy").items()
    }


@contextmanager
def vault_of(
    bench: Bench, case: str, function: str, count: int
) -> Iterator[dict[str, Measure]]:
    """Recordings of outcomes, their replays, and the size of what was stored."""
    what: list[object] = ["each", function, count]

    def measure(contender: str, record: Measure) -> dict[str, float]:
        recorded, replayed = record(), _replayed(bench, contender, what, "zstd")
        return {
            f"{case}, size": stored(_vault(bench.folder / contender)),
            f"{case}, record": recorded["first"] * 1e3,
            f"{case}, replay": replayed["first"] * 1e3,
        }

    yield {
        who: partial(measure, who, record)
        for who, record in doing(bench, what, "zstd").items()
    }


def profile(bench: Bench, file: Path, *, what: list[object], recording: bool) -> None:
    """Profile the calls of a step."""
    folder, python = project(bench.folder, TARGETS), bench.python(OURS)
    if not recording:
        step(python, folder, what, "--mimic-record")
    os.environ["BENCH_PROFILE"] = str(file)
    try:
        step(python, folder, what, *(["--mimic-record"] if recording else []))
    finally:
        del os.environ["BENCH_PROFILE"]


FILES = "a file each, named by xxh3"
ZSTD = "pickles with zstd"
CASES = [
    Case(
        "record_small",
        [Row("record_small", "µs", {OLDER: 1.5}, floor=FILES)],
        record_small,
        profile=partial(profile, what=SMALL, recording=True),
    ),
    Case(
        "replay_small",
        [
            Row("replay_small, first", "µs", {OLDER: 0.8, FLOOR: 2.0}, floor=FILES),
            Row("replay_small, again", "µs", {OLDER: 0.25}, floor=FILES),
        ],
        replay_small,
        profile=partial(profile, what=SMALL, recording=False),
    ),
    Case(
        "big_output",
        [
            Row("big_output, record, wall", "s", {OLDER: 0.35}, floor="numpy.save"),
            Row("big_output, record, CPU", "s", {OLDER: 0.35}, floor="numpy.save"),
            Row("big_output, record, memory", "MB", {OURS: 16}, floor="numpy.save"),
            Row("big_output, replay, wall", "s", {OLDER: 0.15}, floor="numpy.load"),
            Row("big_output, replay, CPU", "s", floor="numpy.load"),
            Row("big_output, replay, memory", "MB", floor="numpy.load"),
        ],
        big_output,
        rounds=3,
    ),
    *(
        Case(
            name,
            [
                Row(f"{name}, size", "MB", sizes, floor=ZSTD),
                Row(f"{name}, record", "ms", recorded, floor=ZSTD),
                Row(f"{name}, replay", "ms", replayed, floor=ZSTD),
            ],
            partial(vault_of, case=name, function=function, count=count),
        )
        for name, function, count, sizes, recorded, replayed in (
            ("vault_docs", "document", 1000, {OLDER: 1.0}, {OLDER: 3.0}, {OLDER: 1.5}),
            ("vault_tables", "table", 20, {OLDER: 0.2}, {}, {OLDER: 8.0, FLOOR: 1.3}),
            ("vault_orders", "orders", 20, {}, {}, {}),
        )
    ),
]

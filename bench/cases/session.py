"""The end of a session in a large vault: all recordings used, all but ten unused, and these cleared."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import FLOOR, OLDER, OURS, Bench, Case, Measure, Row
from bench.processes import Figures, project, step

FEW = 10
ROWS = {
    "session_end, all used": ({OLDER: 1.0}, "listing the vault"),
    "session_end, unused": ({FLOOR: 2.0}, "reading each recording"),
    "session_end, clearing": ({FLOOR: 1.5}, "unlinking each recording"),
}


@contextmanager
def session_end(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Sessions in a vault of many recordings, each less one that uses ten of ten."""
    contenders = [who for who in (OURS, OLDER) if who in bench.pythons]
    for contender in contenders:
        for count in (FEW, bench.recordings):
            folder = project(bench.folder / contender / str(count), ["measured:small"])
            step(bench.python(contender), folder, ["small", count], "--mimic-record")
    measures: dict[str, Measure] = {
        who: partial(_sessions, bench, who) for who in contenders
    }
    yield {**measures, FLOOR: partial(_floor, bench)}


def _sessions(bench: Bench, contender: str) -> Figures:
    folder = bench.folder / contender
    many = folder / str(bench.recordings)
    python, copy = bench.python(contender), folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(many, copy)
    few = step(python, folder / str(FEW), ["small", FEW])["end"]
    figures = {
        "session_end, all used": step(python, many, ["small", bench.recordings])["end"]
        - few,
        "session_end, unused": step(python, many, ["small", FEW])["end"] - few,
    }
    if contender == OURS:  # 0.2.0 stops with an error where it is to clear
        cleared = (
            step(python, copy, ["small", FEW], "--mimic-clear-unused")["end"] - few
        )
        figures["session_end, clearing"] = cleared - figures["session_end, unused"]
    return figures


def _floor(bench: Bench) -> Figures:
    many, copy = bench.folder / OURS / str(bench.recordings), bench.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(many, copy)

    def each(folder: Path, act: Callable[[str], object]) -> float:
        begun = time.process_time()
        for place, _, names in os.walk(folder / ".mimic_vault/calls"):
            for name in names:
                act(f"{place}/{name}")
        return time.process_time() - begun

    def read(path: str) -> None:
        with open(path, "rb", 0) as file:
            file.read()

    acts: list[Callable[[str], object]] = [str, read, os.unlink]
    return {row: each(copy, act) for row, act in zip(ROWS, acts, strict=True)}


CASES = [
    Case(
        "session_end",
        [Row(name, "s", limits, floor=floor) for name, (limits, floor) in ROWS.items()],
        session_end,
        rounds=3,
    )
]

"""What a case and a row of the table are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench.contenders import FLOOR, JOBLIB, OLDER, OURS

#: What is measured of one contender: the figures of one round, by the name of the row.
Measure = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: Also the key of the row's figures.
        unit: What the figures are in.
        floor: The least work that does the same, in words.
        limits: The largest ratio to a contender that meets the target; that of `ours`
            is a figure in the unit.
    """

    name: str
    unit: str
    limits: dict[str, float] = field(default_factory=dict)
    floor: str = ""

    def target(self) -> str:
        """Return the limits in words."""
        texts = [
            f"≤ {limit:g} {self.unit}"
            if contender == OURS
            else f"≤ {limit:g} × {contender}"
            for contender, limit in self.limits.items()
        ]
        return ", ".join(texts) or "–"


@dataclass(frozen=True)
class Bench:
    """What a case works with: the Pythons of the environments, an empty folder, options."""

    pythons: dict[str, Path]
    folder: Path
    recordings: int

    def python(self, contender: str) -> Path:
        """Return the Python that runs a contender; floors run in the environment of ours."""
        return self.pythons[OURS if contender == FLOOR else contender]


@dataclass(frozen=True)
class Case:
    """Rows that are measured together.

    Attributes:
        name: What the command line calls it.
        rows: The rows it fills.
        prepare: A context in which the contenders can be measured: gives what measures
            each of them once.
        rounds: How many rounds by default.
        profile: Profiles ours into a file, if the case has something to profile.
    """

    name: str
    rows: list[Row]
    prepare: Callable[[Bench], AbstractContextManager[dict[str, Measure]]]
    rounds: int = 5
    profile: Callable[[Bench, Path], None] | None = None


__all__ = [
    "FLOOR",
    "JOBLIB",
    "OLDER",
    "OURS",
    "Bench",
    "Case",
    "Iterator",
    "Measure",
    "Row",
]

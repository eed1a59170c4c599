"""What a case and a row of the table are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import BEFORE, CLIENTS, FLOOR, OURS
from bench.processes import Figures

#: What is measured of one contender: the figures of one round, by the name of the row.
Measure = Callable[[], Figures]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: Also the key of the row's figures.
        unit: What the figures are in.
        floor: The least work that does the same, in words.
    """

    name: str
    unit: str
    floor: str = ""


@dataclass(frozen=True)
class Bench:
    """What a case works with.

    Attributes:
        pythons: The Python of each environment, by the environment's name.
        folder: An empty folder of the case's own.
        recordings: How many recordings the vault of `session_end` has.
    """

    pythons: dict[str, Path]
    folder: Path
    recordings: int

    def python(self, contender: str) -> Path:
        """Return the Python that runs a contender.

        Floors run in the environment of ours.
        """
        if contender == FLOOR:
            return self.pythons[OURS]
        return self.pythons[contender]

    def pythons_with_clients(self) -> dict[str, Path]:
        """Return the Pythons that have the clients, by contender."""
        found = {OURS: self.pythons[CLIENTS]}
        if BEFORE in self.pythons:
            found[BEFORE] = self.pythons[BEFORE]
        return found

    def runnable(self, *contenders: str) -> list[str]:
        """Return those of the contenders whose environment could be made."""
        found = []
        for contender in contenders:
            if contender == FLOOR or contender in self.pythons:
                found.append(contender)
        return found


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

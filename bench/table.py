"""The figures of all rounds as a table in Markdown."""

from __future__ import annotations

from statistics import median

from bench.cases.base import Row
from bench.contenders import BEFORE, FLOOR, JOBLIB, OLDER, OURS

#: The figures of all rounds: of a row, of a contender.
Results = dict[str, dict[str, list[float]]]

_OTHERS = (BEFORE, OLDER, JOBLIB, FLOOR)
_HEAD = (
    f"| case | {OURS} | "
    + " | ".join(f"{OURS}/{other}" for other in _OTHERS)
    + f" | {FLOOR} |\n|---|---:|---:|---:|---:|---:|---|\n"
)
_NOTHING = "–"


def markdown(rows: list[Row], results: Results) -> str:
    """Return the table, with a line for each row that was measured.

    A ratio is that of the medians, and in parentheses that of the least figures. Some
    figures are differences, whose least one may be below zero. It says nothing then,
    and is left out.
    """
    table = _HEAD
    for row in rows:
        if row.name in results:
            table += _line(row, results[row.name])
    return table


def _line(row: Row, figures: dict[str, list[float]]) -> str:
    """Return the line of a row, which ends it."""
    ours = figures.get(OURS)
    if not ours:
        return f"| {row.name} | failed | | | | | {row.floor} |\n"
    cells = [
        row.name,
        f"{_number(median(ours))} ({_positive(min(ours))}) {row.unit}",
        *(_ratio_cell(figures, other) for other in _OTHERS),
        row.floor,
    ]
    return f"| {' | '.join(cells)} |\n"


def _ratio_cell(figures: dict[str, list[float]], contender: str) -> str:
    """Return the ratio of ours to another contender: `0.35 (0.34)`, or a dash."""
    ours, others = figures[OURS], figures.get(contender, [])
    if not others or median(others) <= 0:
        return _NOTHING
    least = _positive(min(ours) / min(others)) if min(others) > 0 else _NOTHING
    return f"{_number(median(ours) / median(others))} ({least})"


def _positive(value: float) -> str:
    """Return a number above zero in words, and a dash for others."""
    if value > 0:
        return _number(value)
    return _NOTHING


def _number(value: float) -> str:
    """Return a number with three significant digits; a tiny one with one."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 0.005:
        return f"{value:.3g}"
    return f"{value:.1g}"

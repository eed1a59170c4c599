"""The figures of all rounds as a table in Markdown."""

from __future__ import annotations

from statistics import median

from bench.cases.base import Row
from bench.contenders import FLOOR, JOBLIB, OLDER, OURS

#: The figures of all rounds: of a row, of a contender.
Results = dict[str, dict[str, list[float]]]

_HEAD = (
    f"| case | {OURS}: median (least) | {OURS}/{OLDER} | {OURS}/{JOBLIB}"
    f" | {OURS}/{FLOOR} | {FLOOR} | target | met |\n"
    "|---|---:|---:|---:|---:|---|---|---|\n"
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


def ratio(figures: dict[str, list[float]], contender: str) -> float | None:
    """Return the ratio of the medians of ours and of another contender.

    There is none if one of them was not measured, or the other's median is not above
    zero.
    """
    ours = figures.get(OURS)
    other = figures.get(contender)
    if ours and other and median(other) > 0:
        return median(ours) / median(other)
    return None


def missed(row: Row, figures: dict[str, list[float]]) -> list[str]:
    """Return the contenders whose limit is not met, and `figure` for that of ours.

    A contender that was not measured cannot be judged, and is named with that.
    """
    names = []
    for contender, limit in row.limits.items():
        value = _limited_value(figures, contender)
        if value is None:
            names.append(f"{contender} not measured")
        elif value > limit and contender == OURS:
            names.append("figure")
        elif value > limit:
            names.append(contender)
    return names


def _limited_value(figures: dict[str, list[float]], contender: str) -> float | None:
    """Return what is compared with the limit: our figure, or the ratio to another's."""
    if contender == OURS:
        return median(figures[OURS])
    return ratio(figures, contender)


def _line(row: Row, figures: dict[str, list[float]]) -> str:
    """Return the line of a row, which ends it."""
    ours = figures.get(OURS)
    if not ours:
        return f"| {row.name} | failed | | | | {row.floor} | {row.target()} | no |\n"
    cells = [
        row.name,
        f"{_number(median(ours))} ({_positive(min(ours))}) {row.unit}",
        _ratio_cell(figures, OLDER),
        _ratio_cell(figures, JOBLIB),
        _ratio_cell(figures, FLOOR),
        row.floor,
        row.target(),
        _met_cell(row, figures),
    ]
    return f"| {' | '.join(cells)} |\n"


def _ratio_cell(figures: dict[str, list[float]], contender: str) -> str:
    """Return the ratio of ours to another contender: `0.35 (0.34)`, or a dash."""
    ratio_of_medians = ratio(figures, contender)
    if ratio_of_medians is None:
        return _NOTHING
    ratio_of_least = _NOTHING
    least_of_other = min(figures[contender])
    if least_of_other > 0:
        ratio_of_least = _positive(min(figures[OURS]) / least_of_other)
    return f"{_number(ratio_of_medians)} ({ratio_of_least})"


def _met_cell(row: Row, figures: dict[str, list[float]]) -> str:
    """Return whether the target is met: `yes`, `no` with what is missed, or a dash."""
    if not row.limits:
        return _NOTHING
    misses = missed(row, figures)
    if misses:
        return "no: " + ", ".join(misses)
    return "yes"


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

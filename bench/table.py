"""The figures of all rounds as a table in Markdown."""

from __future__ import annotations

from statistics import median

from bench.cases.base import FLOOR, JOBLIB, OLDER, OURS, Row

#: The figures of all rounds: of a row, of a contender.
Results = dict[str, dict[str, list[float]]]

HEAD = f"""\
| case | {OURS}: median (least) | {OURS}/{OLDER} | {OURS}/{JOBLIB} | {OURS}/{FLOOR} | {FLOOR} | target | met |
|---|---:|---:|---:|---:|---|---|---|
"""


def markdown(rows: list[Row], results: Results) -> str:
    """Return the table, with a line for each row that was measured.

    A ratio is that of the medians, and in parentheses that of the least figures. Some
    figures are differences, whose least
    one may be below zero. It says nothing then, and is left out.
    """
    return HEAD + "".join(
        _line(row, results[row.name]) for row in rows if row.name in results
    )


def ratio(figures: dict[str, list[float]], contender: str) -> float | None:
    """Return the ratio of the medians of ours and of another contender, if there is one."""
    ours, other = figures.get(OURS), figures.get(contender)
    return (
        median(ours) / median(other) if ours and other and median(other) > 0 else None
    )


def missed(row: Row, figures: dict[str, list[float]]) -> list[str]:
    """Return the contenders whose limit is not met; one that was not measured cannot be judged."""
    names = []
    for contender, limit in row.limits.items():
        value = (
            median(figures[OURS]) if contender == OURS else ratio(figures, contender)
        )
        if value is None:
            names.append(f"{contender} not measured")
        elif value > limit:
            names.append("figure" if contender == OURS else contender)
    return names


def _line(row: Row, figures: dict[str, list[float]]) -> str:
    ours = figures.get(OURS)
    if not ours:
        return f"| {row.name} | failed | | | | {row.floor} | {row.target()} | no |\n"
    cells = [f"{_number(median(ours))} ({_least(min(ours))}) {row.unit}"]
    for contender in (OLDER, JOBLIB, FLOOR):
        value = ratio(figures, contender)
        if value is None:
            cells.append("–")
            continue
        least = min(figures[contender])
        cells.append(
            f"{_number(value)} ({_least(min(ours) / least) if least > 0 else '–'})"
        )
    misses = missed(row, figures)
    met = "–" if not row.limits else "no: " + ", ".join(misses) if misses else "yes"
    return (
        f"| {row.name} | {' | '.join(cells)} | {row.floor} | {row.target()} | {met} |\n"
    )


def _least(value: float) -> str:
    return _number(value) if value > 0 else "–"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.005 else f"{value:.1g}"

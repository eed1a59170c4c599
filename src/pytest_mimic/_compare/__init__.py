"""What a real call's outcome has in other parts than its recording, one readable line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_mimic._outcome import Outcome
    from pytest_mimic._redact.redactor import Redactor


def compare(
    recorded: Outcome,
    actual: Outcome,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    volatile: Sequence[str] = (),
    mode: Literal["exact", "shape"] = "exact",
    redactor: Redactor,
    secrets: Iterable[str] = (),
) -> list[str]:
    """The differences between two outcomes, as lines to read; none where they are equal.

    Exact comparison is that of identity: types count, NaN equals itself, the order of a dict does not count.

    Args:
        recorded: What the vault holds.
        actual: What the real call gave.
        rtol: Tolerance for numbers, as a part of the recorded one.
        atol: Tolerance for numbers, absolute; both add up, as in `numpy.isclose`.
        volatile: Paths in the outcome to leave out: `headers.date`, `rows.*.id`.
        mode: `shape` compares keys, types and lengths of tuples only; values and lengths of lists are free.
        redactor: Tells which names are secret.
        secrets: Texts known to be secret, which no line may show.
    """
    from pytest_mimic._compare.lines import Lines
    from pytest_mimic._compare.numbers import Closeness
    from pytest_mimic._compare.walk import Comparison
    from pytest_mimic._identity import parse_path

    lines = Lines(redactor, frozenset(secrets), grouped=mode == "shape")
    comparison = Comparison(
        lines,
        close=Closeness(rtol, atol),
        volatile=tuple(parse_path(path) for path in volatile),
        shape=mode == "shape",
    )
    comparison.outcomes(recorded, actual)
    comparison.changes(recorded.changed, actual.changed)
    return lines.told()

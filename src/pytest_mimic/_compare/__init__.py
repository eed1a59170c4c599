"""The differences between a recorded outcome and that of a real call, as readable lines."""

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
    """Return the differences between two outcomes as lines; an empty list means that they are equal.

    Values are equal if their identities are: types count, NaN equals itself, the order of a dict does not count.

    Args:
        recorded: The outcome in the vault.
        actual: The outcome of the real call.
        rtol: Tolerance for numbers, relative to the recorded one.
        atol: Absolute tolerance for numbers; both tolerances add up, as in `numpy.isclose`.
        volatile: Paths in the outcome to leave out: `headers.date`, `rows.*.id`.
        mode: `shape` compares keys, types and the lengths of tuples, but not values and the lengths of lists.
        redactor: Knows which names are secret.
        secrets: Texts known to be secret, which no line may show.
    """
    from pytest_mimic._compare.lines import Lines
    from pytest_mimic._compare.numbers import Closeness
    from pytest_mimic._compare.outcomes import compare_changes, compare_outcomes
    from pytest_mimic._compare.walk import Comparison
    from pytest_mimic._identity import parse_path

    lines = Lines(redactor, frozenset(secrets), grouped=mode == "shape")
    paths = tuple(parse_path(path) for path in volatile)
    comparison = Comparison(lines, Closeness(rtol, atol), volatile=paths, shape=mode == "shape")
    compare_outcomes(comparison, recorded, actual)
    compare_changes(comparison, recorded.changed, actual.changed)
    return lines.all()

"""The comparison of two outcomes: values, exceptions, streams and changed arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pytest_mimic._compare.lines import Lines, Location
from pytest_mimic._compare.numbers import Closeness
from pytest_mimic._compare.walk import Comparison, is_same_type, paired
from pytest_mimic._identity import parse_path
from pytest_mimic._outcome.encoding import Snapshot
from pytest_mimic._outcome.outcome import Outcome
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
    lines = Lines(redactor, frozenset(secrets), grouped=mode == "shape")
    paths = tuple(parse_path(path) for path in volatile)
    comparison = Comparison(lines, Closeness(rtol, atol), volatile=paths, shape=mode == "shape")
    _compare_outcomes(comparison, recorded, actual)
    for name, then, now in paired(recorded.changed, actual.changed):
        location = Location(f"argument {name}", (name,), secret=redactor.secret(name), is_argument=True)
        comparison.compare(location, then, now)
    return lines.all()


def _compare_outcomes(comparison: Comparison, recorded: Outcome, actual: Outcome, name: str = "") -> None:
    """Compare two outcomes, or with a `name` the ends of two streams."""
    if recorded.kind != actual.kind:
        then, now = (_summary(comparison, outcome) for outcome in (recorded, actual))
        comparison.lines.add(name or "the call", f" {then} when recorded, {now} now")
    elif recorded.kind == "stream":
        # Items count as far as both streams were read.
        old, new = _items(recorded), _items(actual)
        if actual.end is None:
            del old[len(new) :]
        if recorded.end is None:
            del new[len(old) :]
        comparison.compare(Location("items", ("items",)), old, new)
        if recorded.end is not None and actual.end is not None:
            _compare_outcomes(comparison, recorded.end, actual.end, "the end of the stream")
    elif recorded.kind == "raised":
        old_error, new_error = recorded.exception, actual.exception
        name = type(old_error).__qualname__ if is_same_type(old_error, new_error) else "exception"
        comparison.compare(Location(name, (name,)), old_error, new_error)
    else:
        location = Location("end", ("end",)) if name else Location("")
        comparison.compare(location, recorded.value, actual.value)


def _summary(comparison: Comparison, outcome: Outcome) -> str:
    if outcome.kind == "stream":
        return f"gave {len(outcome.items)} items"
    if outcome.kind == "raised":
        return f"raised {comparison.lines.text(outcome.exception)}"
    return f"returned {comparison.lines.text(outcome.value)}"


def _items(outcome: Outcome) -> list[Any]:
    return [item.load() if isinstance(item, Snapshot) else item for item in outcome.items]

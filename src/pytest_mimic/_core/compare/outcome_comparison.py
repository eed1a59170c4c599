"""The comparison of two outcomes: values, exceptions and streams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.compare.equality import Closeness, is_same_type
from pytest_mimic._core.compare.lines import Lines, Location
from pytest_mimic._core.compare.value_comparison import Comparison
from pytest_mimic._core.identity.ignore import parse_path
from pytest_mimic._core.identity.opening import Events
from pytest_mimic._core.outcome.encoding import Snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor


class Rules(NamedTuple):
    """The rules that say what is a difference between two outcomes."""

    rtol: float = 0.0  # the tolerances for numbers, see `Closeness`
    atol: float = 0.0
    # Paths in the outcome, or in each event of a stream, to leave out: `headers.date`, `rows.*.id`.
    volatile: Sequence[str] = ()
    # `shape` compares keys, types and the lengths of tuples, but not values and the lengths of lists.
    mode: Literal["exact", "shape"] = "exact"
    exact: Collection[str] = ()  # the keys of a returned mapping whose values count all the same
    ordered: bool = False  # whether the order of mappings counts


EXACTLY = Rules()


def compare(
    recorded: Outcome,
    actual: Outcome,
    rules: Rules = EXACTLY,
    *,
    redactor: Redactor,
    secrets: Iterable[str] = (),
    paths: dict[str | None, None] | None = None,
) -> list[str]:
    """Return the differences between two outcomes as lines; an empty list means that they are equal.

    Values are equal if their identities are: types count, and NaN equals itself. `paths` gets the path of each difference,
    as `volatile=` takes it; None for one without.
    """
    exact, is_shape = rules.exact, rules.mode == "shape"
    lines = Lines(redactor, frozenset(secrets), grouped=is_shape)
    left_out = tuple(parse_path(path) for path in rules.volatile)
    close = Closeness(rules.rtol, rules.atol)
    comparison = Comparison(lines, close, volatile=left_out, shape=is_shape, ordered=rules.ordered)
    if exact and is_shape:
        values = Comparison(lines, close, volatile=left_out)
        _compare_outcomes(values, _with_keys(recorded, exact), _with_keys(actual, exact))
        recorded, actual = (_with_keys(side, exact, without=True) for side in (recorded, actual))
    _compare_outcomes(comparison, recorded, actual)
    if paths is not None:
        paths.update(lines.paths)
    return lines.all()


def _with_keys(outcome: Outcome, keys: Collection[str], *, without: bool = False) -> Outcome:
    """Return an outcome with only these keys of the returned mapping, or without them."""
    value: Any = outcome.value
    return Outcome("value", {key: part for key, part in value.items() if (key in keys) is not without})


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
        is_whole = recorded.end is not None and actual.end is not None
        events = (Events(items, is_whole=is_whole) for items in (old, new))
        comparison.compare(Location("items", ("items",)), *events)
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

"""The comparison of two outcomes: values, exceptions, streams and changed arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_mimic._compare.lines import Location
from pytest_mimic._compare.walk import Comparison, is_same_type, paired

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome


def compare_outcomes(comparison: Comparison, recorded: Outcome, actual: Outcome, name: str = "") -> None:
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
            compare_outcomes(comparison, recorded.end, actual.end, "the end of the stream")
    elif recorded.kind == "raised":
        old_error, new_error = recorded.exception, actual.exception
        name = type(old_error).__qualname__ if is_same_type(old_error, new_error) else "exception"
        comparison.compare(Location(name, (name,)), old_error, new_error)
    else:
        location = Location("end", ("end",)) if name else Location("")
        comparison.compare(location, recorded.value, actual.value)


def compare_changes(
    comparison: Comparison, recorded: Mapping[str, object], actual: Mapping[str, object]
) -> None:
    """Compare the arguments that two calls changed."""
    for name, then, now in paired(recorded, actual):
        secret = comparison.lines.redactor.secret(name)
        location = Location(f"argument {name}", (name,), secret=secret, is_argument=True)
        comparison.compare(location, then, now)


def _summary(comparison: Comparison, outcome: Outcome) -> str:
    if outcome.kind == "stream":
        return f"gave {len(outcome.items)} items"
    if outcome.kind == "raised":
        return f"raised {comparison.lines.text(outcome.exception)}"
    return f"returned {comparison.lines.text(outcome.value)}"


def _items(outcome: Outcome) -> list[Any]:
    from pytest_mimic._outcome.encoding import Snapshot

    return [item.load() if isinstance(item, Snapshot) else item for item in outcome.items]

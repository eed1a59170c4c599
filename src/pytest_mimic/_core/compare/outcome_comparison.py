"""The comparison of two outcomes: values, exceptions, streams and changed arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.compare.equality import Closeness, is_same_type, paired
from pytest_mimic._core.compare.lines import ABSENT, Lines, Location
from pytest_mimic._core.compare.value_comparison import Comparison
from pytest_mimic._core.identity.ignore import parse_path
from pytest_mimic._core.identity.opening import Events
from pytest_mimic._core.outcome.encoding import Snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.kept_files import KeptFiles


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
    for name, then, now in paired(recorded.changed, actual.changed):
        location = Location(f"argument {name}", (name,), secret=redactor.secret(name), is_argument=True)
        comparison.compare(location, then, now)
    if recorded.files is not None and actual.files is not None:
        _compare_files(lines, recorded.files, actual.files, shape=is_shape)
    if paths is not None:
        paths.update(lines.paths)
    return lines.all()


def _with_keys(outcome: Outcome, keys: Collection[str], *, without: bool = False) -> Outcome:
    """Return an outcome with only these keys of the returned mapping, or without them."""
    value: Any = outcome.value
    return Outcome("value", {key: part for key, part in value.items() if (key in keys) is not without})


def _compare_files(lines: Lines, recorded: KeptFiles, actual: KeptFiles, *, shape: bool) -> None:
    """Compare the files that two calls wrote; if only shapes count, their names.

    What a call did not remove because there was nothing, or did not write because it was there, is no difference.
    """
    old, new = (dict(_flat(files.listing)) for files in (recorded, actual))
    for name, then, now in paired(old, new):
        if now is ABSENT and actual.untouched is not None:
            now = actual.left_alone(name)
            if now == {} and then:  # a folder in place of a file
                now = None
        if then is ABSENT and now is None:
            continue
        if then == now or (shape and (then is None) is (now is None) and ABSENT not in (then, now)):
            continue
        if now is ABSENT or now is None:
            how = "recorded, missing now" if then is not None else "removed when recorded, not now"
        elif then is ABSENT or then is None:
            how = (
                "written now, not in the recording" if then is ABSENT else "removed when recorded, there now"
            )
        elif then.get("size") != now.get("size"):
            how = f"{then.get('size'):,} bytes recorded, {now.get('size'):,} now"
        elif then.get("object") != now.get("object"):
            how = "another content than recorded"
        else:
            how = "may be executed" if now.get("executable") else "may no longer be executed"
        lines.add(Location(f"file {name}"), f": {how}")


def _flat(listing: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each file of a listing, or None for a removed one, by its argument and name.

    A file that an argument names and the call removed is left out: where it is gone already, verifying removes nothing.
    """
    for step, one in listing.items():
        if one is None:
            continue
        if "object" in one:
            yield step, one
        elif one.get("gone"):
            yield step, None
        else:
            yield from ((f"{step}/{name}", file) for name, file in one["files"].items())
            yield from ((f"{step}/{name}/", {}) for name in one.get("folders", ()))
            yield from ((f"{step}/{name}", None) for name in one.get("removed", ()))


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

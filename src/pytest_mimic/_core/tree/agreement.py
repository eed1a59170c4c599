"""Compares a real outcome with its recording: identities decide, within tolerances numbers do, and trees explain."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.ignore import parse_path
from pytest_mimic._core.outcome.encoding import Snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import hide_values
from pytest_mimic._core.tree.differing import Difference, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.library_values import labels_of, library_difference
from pytest_mimic._core.tree.making import WHOLE, Live, tree_of
from pytest_mimic._core.tree.parts import kind_of, steps, tag_of
from pytest_mimic._core.tree.secrets import is_secret_label, secrets_in
from pytest_mimic._core.tree.shapes import shape_differences
from pytest_mimic._core.types.libraries import has_extent, library_of
from pytest_mimic._core.types.opening import type_name
from pytest_mimic._core.types.stream_events import Events

_UNREADABLE = "differs from the recording in a part that has no readable form"
_REORDERED = "the keys are in another order now"
_NUMBERS = frozenset({bool, int, float, complex, Decimal, Fraction})


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
) -> list[Difference]:
    """Return the differences between two outcomes, none if they are equal.

    Values are equal if their identities are: types count, and NaN equals itself.
    """
    if rules.exact and rules.mode == "shape":
        values = rules._replace(mode="exact")
        comparison = _Comparison(values, redactor, frozenset(secrets))
        found = comparison.outcomes(_with_keys(recorded, rules.exact), _with_keys(actual, rules.exact))
        recorded, actual = (_with_keys(side, rules.exact, without=True) for side in (recorded, actual))
        return found + _Comparison(rules, redactor, frozenset(secrets)).outcomes(recorded, actual)
    return _Comparison(rules, redactor, frozenset(secrets)).outcomes(recorded, actual)


def _with_keys(outcome: Outcome, keys: Collection[str], *, without: bool = False) -> Outcome:
    """Return an outcome with only these keys of the returned mapping, or without them."""
    value: Any = outcome.value
    return Outcome("value", {key: part for key, part in value.items() if (key in keys) is not without})


class _Comparison:
    """Compares the parts of two outcomes by the same rules."""

    def __init__(self, rules: Rules, redactor: Redactor, secrets: frozenset[str]) -> None:
        self._rules = rules
        self._redactor = redactor
        self._secrets = secrets
        self._close = Closeness(rules.rtol, rules.atol)
        self._volatile = [parse_path(path) for path in rules.volatile]

    def outcomes(self, recorded: Outcome, actual: Outcome, name: str = "") -> list[Difference]:
        """Compare two outcomes, or with a `name` the ends of two streams."""
        if recorded.kind != actual.kind:
            then, now = (self._summary(outcome) for outcome in (recorded, actual))
            return [Difference("", fact=f"{name or 'the call'} {then} when recorded, {now} now")]
        if recorded.kind == "stream":
            # Items count as far as both streams were read.
            old, new = _items(recorded), _items(actual)
            if actual.end is None:
                del old[len(new) :]
            if recorded.end is None:
                del new[len(old) :]
            is_whole = recorded.end is not None and actual.end is not None
            found = self._values("items", *(Events(side, is_whole=is_whole) for side in (old, new)))
            if recorded.end is not None and actual.end is not None:
                found += self.outcomes(recorded.end, actual.end, "the end of the stream")
            return found
        if recorded.kind == "raised":
            errors = recorded.exception, actual.exception
            kinds = [type_name(type(error)) for error in errors]
            return self._values(
                type(errors[0]).__qualname__ if kinds[0] == kinds[1] else "exception", *errors
            )
        return self._values("end" if name else "", recorded.value, actual.value)

    def _summary(self, outcome: Outcome) -> str:
        if outcome.kind == "stream":
            return f"gave {len(outcome.items)} items"
        verb, value = (
            ("raised", outcome.exception) if outcome.kind == "raised" else ("returned", outcome.value)
        )
        return f"{verb} {line(self._tree(value), 70)}"

    def _tree(self, value: object) -> Any:
        return tree_of(value, self._redactor, budget=WHOLE, secrets=self._secrets, is_live=True)

    def _values(self, root: str, recorded: Any, actual: Any) -> list[Difference]:
        """Compare two values. Paths may begin with the name of the `root`; a returned value has none."""
        rules, is_other = self._rules, _is_other(recorded, actual)
        if is_other is False and not rules.ordered:
            return []
        for side in (recorded, actual):
            self._secrets |= secrets_in(side, self._redactor)
        old, new = self._tree(recorded), self._tree(actual)
        is_reordered = _is_reordered(old, new)
        for path in self._volatile:
            if root and path in ((root,), ("*",)):
                return []
            old, new = (_without(side, path) for side in (old, new))
            # A path may name the outcome itself; a returned value is called `result` if no part of it is.
            if path[0] in ((root, "*") if root else () if ".result" in (steps(old) or ()) else ("result",)):
                old, new = (_without(side, path[1:]) for side in (old, new))
        if rules.mode == "shape":
            found = list(shape_differences(old, new))
        else:
            if not self._close.exact:
                new = self._snapped(old, new)
            found = [self._told(one) for one in differences(old, new)]
            if not found and is_other and not self._volatile and self._close.exact:
                found = [Difference("", fact=_REORDERED if is_reordered else _UNREADABLE)]
            elif not found and is_other is not False:
                found = list(_unseen(old, new, ""))
            if not found and is_reordered and rules.ordered:
                found = [Difference("", fact=_REORDERED)]
        return [one._replace(path=_rooted(root, one.path)) for one in found]

    def _told(self, one: Difference) -> Difference:
        """Return a difference between two values of a library in the words of the library."""
        old, new = one.old, one.new
        if not (isinstance(old, Live) and isinstance(new, Live) and _is_data(old.value, new.value)):
            return one
        names = (name for side in (old, new) for name in labels_of(side.value))
        if any(is_secret_label(name, self._redactor) for name in names):
            return one._replace(fact=f"{PLACEHOLDER} recorded, another value now")
        fact = library_difference(old.value, new.value, rtol=self._rules.rtol, atol=self._rules.atol)
        return one._replace(fact=hide_values(fact or _UNREADABLE, self._secrets))

    def _snapped(self, old: Any, new: Any) -> Any:
        """Return the new tree with the recorded number in place of each that is close to it."""
        if kind_of(old) != kind_of(new):
            return new
        if isinstance(old, Live) and isinstance(new, Live) and "$text" in old:
            if _is_data(old.value, new.value):
                rules = self._rules
                is_close = library_difference(old.value, new.value, rtol=rules.rtol, atol=rules.atol) is None
            else:
                is_close = self._are_close(*(_number(side.value) for side in (old, new)))
            return old if is_close else new
        if isinstance(new, list):
            return [self._snapped(*pair) for pair in zip(old, new)] + new[len(old) :]
        if isinstance(new, dict):
            parts = {key: self._snapped(old[key], part) if key in old else part for key, part in new.items()}
            is_kept = all(part is new[key] for key, part in parts.items())
            return new if is_kept else parts
        return old if self._are_close(old, new) else new

    def _are_close(self, old: Any, new: Any) -> bool:
        return type(old) is type(new) and type(old) in _NUMBERS and self._close(old, new)


def _number(value: Any) -> Any:
    """Return a scalar of numpy as Python's own number."""
    return value.item() if library_of(type(value)) == "numpy" and hasattr(value, "item") else value


def _items(outcome: Outcome) -> list[Any]:
    return [item.load() if isinstance(item, Snapshot) else item for item in outcome.items]


def _rooted(root: str, path: str) -> str:
    path = path.removeprefix(".")
    is_step = not path or path[0] in "[{"
    return f"{root or ('result' if is_step else '')}{'.' if root and not is_step else ''}{path}"


def _is_other(recorded: object, actual: object) -> bool | None:
    """Return whether two values have different identities; None if one of them has no identity."""
    if recorded is actual:
        return False
    old, new = identity_of(recorded), identity_of(actual)
    return None if old is None or new is None else old != new


def _is_reordered(old: Any, new: Any) -> bool:
    """Check whether the keys of a mapping are in another order, in a tree that has the same parts."""
    then, now = steps(old) or {}, steps(new) or {}
    both = [step for step in then if step in now]
    return both != [step for step in now if step in then] or any(
        _is_reordered(then[step], now[step]) for step in both
    )


def _is_data(old: object, new: object) -> bool:
    kind = type(old)
    return library_of(kind) is not None and has_extent(kind) and type_name(kind) == type_name(type(new))


def _unseen(old: Any, new: Any, path: str) -> Iterator[Difference]:
    """Yield the objects that differ although their trees do not, but for those from which a part was left out."""
    if isinstance(old, Live) and isinstance(new, Live):
        is_other = _is_other(old.value, new.value)
        if is_other is None and "$text" in old:
            try:
                is_other = bool(old.value != new.value)
            except Exception:  # a comparison that fails shows no equality
                is_other = True
            if is_other:
                yield Difference(path, old, new)
        elif is_other:
            yield Difference(path, fact=_UNREADABLE)
        if is_other is not None:
            return
    others = steps(new) or {}
    for step, part in (steps(old) or {}).items():
        yield from _unseen(part, others.get(step), path + step)


def _without(node: Any, path: Sequence[str]) -> Any:
    """Return a node without the part that a path names. A path into events may leave out their numbers and `data`."""
    if not path or not isinstance(node, (dict, list)):
        return node
    name, rest = path[0], path[1:]
    if isinstance(node, Live) and _is_table(node.value):
        return _without_column(node, name) if not rest else node
    if isinstance(node, list):
        return _without_items(node, path, is_events=False)
    tag = tag_of(node)
    if not tag:
        return _without_keys(node, path)
    part: Any = node[tag]
    if tag == "$dict":
        part = [pair for pair in part if rest or name not in ("*", str(pair[0]))]
        part = [[key, _without(one, rest) if name in ("*", str(key)) else one] for key, one in part]
    elif isinstance(part, list):
        part = _without_items(part, path, is_events=tag == "$events")
    elif isinstance(part, dict):
        if "" in part:
            part = {**part, "": _without(part[""], path)}
        fields = [key for key in part if key]
        if name.isdecimal() and int(name) < len(fields) and name not in part:  # an item of a named tuple
            path = (fields[int(name)], *rest)
        part = _without_keys(part, path)
    else:
        return node
    return node if part == node[tag] else {**node, tag: part}


def _without_keys(node: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    found = {}
    for key, part in node.items():
        if not key or name not in ("*", "args" if key == "*" else key):
            found[key] = part
        elif rest:
            found[key] = _without(part, rest)
    return found


def _without_items(items: list[Any], path: Sequence[str], *, is_events: bool) -> list[Any]:
    name, rest = path[0], path[1:]
    if name == "*" and not rest:
        return []
    found = []
    for place, item in enumerate(items):
        if name in ("*", str(place), str(place - len(items))):
            item = _without(item, rest) if rest else {"$cycle": ""}
            if is_events and rest:
                item = _without_data(item, rest)
        elif is_events:
            item = _without_data(_without(item, path), path)
        found.append(item)
    return found


def _without_data(event: Any, path: Sequence[str]) -> Any:
    if isinstance(event, dict) and isinstance(event.get("data"), (dict, list)):
        return {**event, "data": _without(event["data"], path)}
    return event


def _is_table(value: object) -> bool:
    return library_of(type(value)) is not None and hasattr(value, "columns")


def _without_column(node: Live, name: str) -> Live:
    table = node.value
    gone = [one for one in getattr(table, "column_names", table.columns) if name in ("*", str(one))]
    if not gone:
        return node
    left = table.drop(columns=gone) if "pandas" in type(table).__module__ else table.drop(gone)
    return Live({"$text": node["$text"], "type": node["type"], "digest": identity_of(left)}, left)


@dataclass(frozen=True, slots=True)
class Closeness:
    """Equality of numbers of one type within tolerances, as defined by `numpy.isclose`."""

    rtol: float  # the allowed difference, relative to the recorded number
    atol: float  # the absolute difference allowed in addition

    @property
    def exact(self) -> bool:
        return not (self.rtol or self.atol)

    def __call__(self, recorded: Any, actual: Any) -> bool:
        """Return whether two numbers are close. NaN is close to nothing here: its text decides."""
        if isinstance(recorded, bool):
            return False

        def number(tolerance: float) -> Any:
            # Decimals cannot be compared with the sum of a Decimal and a float.
            return Decimal(repr(tolerance)) if isinstance(recorded, Decimal) else tolerance

        try:
            if recorded == actual:
                return True
            allowed = number(self.atol) + number(self.rtol) * abs(recorded)
            return bool(abs(actual - recorded) <= allowed < number(math.inf))
        except ArithmeticError:
            return False

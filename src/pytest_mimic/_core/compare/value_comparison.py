"""Compares two values part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from pytest_mimic._core.compare.equality import (
    Closeness,
    exception_parts,
    is_equal,
    is_same_type,
    is_settled,
    key_identity,
    other_identity,
    paired,
    parts_beside,
)
from pytest_mimic._core.compare.library_values import form, labels_of, library_difference
from pytest_mimic._core.compare.lines import (
    ABSENT,
    Lines,
    Location,
)
from pytest_mimic._core.describe.described_secrets import is_secret_label, secrets_in
from pytest_mimic._core.describe.leaves import leaf_text
from pytest_mimic._core.identity.libraries import library_of
from pytest_mimic._core.identity.opening import (
    Events,
    Opened,
    ServerSentEvent,
    is_pair,
    iterator_state,
    key_step,
    lineage,
    opened,
)
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.words import plural

# Up to this difference in length, missing and additional items get a line each.
_FEW = 3
# How many recorded items are searched for the shapes that items of their list may have.
_PATTERNS = 20

K = TypeVar("K")


@dataclass(slots=True)
class Comparison:
    """A walk over two values, without recursion, as values may be nested to any depth."""

    lines: Lines
    close: Closeness
    volatile: tuple[tuple[str, ...], ...] = ()  # paths to leave out, in steps
    shape: bool = False  # whether only keys, types and the lengths of tuples count
    ordered: bool = False  # whether the order of mappings counts
    # The pairs that `_alike` is comparing, further out: a pair inside itself counts as alike.
    _asked: dict[tuple[int, int], tuple[Any, Any]] = field(default_factory=dict)
    _todo: list[tuple[Location, Any, Any]] = field(init=False, default_factory=list)
    # By the ids of both values, which are kept alive so that their ids stay theirs.
    _seen: dict[tuple[int, int, str], tuple[Any, Any]] = field(init=False, default_factory=dict)

    def compare(self, root: Location, recorded: object, actual: object) -> None:
        other = other_identity(recorded, actual)
        if other is False:
            return
        for side in (recorded, actual):
            self.lines.secrets |= secrets_in(side, self.lines.redactor)
        before = self.lines.count
        self._seen.clear()  # what was shown in a returned value is shown again in a changed argument
        self._walk(root, recorded, actual)
        exact = self.close.exact and not self.shape and not self.volatile
        if other and exact and self.lines.count == before:
            self.lines.add(root, ": differs from the recording in a part that has no readable form")

    def _walk(self, root: Location, recorded: object, actual: object) -> None:
        self._todo.append((root, recorded, actual))
        # Without lines to collect, the first difference is enough.
        while self._todo and (self.lines.limit or not self.lines.count):
            self._compare_pair(*self._todo.pop())

    def _compare_pair(self, location: Location, recorded: object, actual: object) -> None:
        if recorded is actual or any(location.matches(path) for path in self.volatile):
            return
        kind = type(recorded)
        if not is_same_type(recorded, actual):  # one of them may be absent
            if self._iterators(location, recorded, actual):
                return
            # A library may have several classes for one value: a RangeIndex, and an Index of the same numbers.
            if library_of(kind) is None or other_identity(recorded, actual) is not False:
                self.lines.differ(location, recorded, actual)
        elif kind in _CONTAINERS:
            if self._is_new(location, recorded, actual):
                _CONTAINERS[kind](self, location, recorded, actual)
        elif kind in (str, bytes, bytearray):
            self._leaf(location, recorded, actual, recorded == actual)
        elif library_of(kind) is not None:
            if self.close.exact and not self.shape and other_identity(recorded, actual) is False:
                return
            self._library_value(location, recorded, actual)
        elif kind in _NUMBERS:
            self._leaf(location, recorded, actual, self.close(recorded, actual))
        elif leaf_text(recorded) is not None:
            self._leaf(location, recorded, actual, is_equal(recorded, actual))
        elif self._is_new(location, recorded, actual):
            self._object(location, recorded, actual)

    def _is_new(self, location: Location, recorded: object, actual: object) -> bool:
        """Return whether a pair was not compared yet; at another location, a path may leave out other parts of it."""
        where = str(location) if any(location.depth < len(path) for path in self.volatile) else ""
        mark = id(recorded), id(actual), where
        if mark in self._seen:
            return False
        self._seen[mark] = recorded, actual
        return True

    def _queue(self, pairs: Iterable[tuple[K, Any, Any]], locate: Callable[[K], Location]) -> None:
        wanted = [
            (locate(key), old, new) for key, old, new in pairs if not is_settled(old, new, shape=self.shape)
        ]
        self._todo.extend(reversed(wanted))

    def _leaf(self, location: Location, recorded: object, actual: object, equal: bool) -> None:
        if not self.shape and not equal:
            self.lines.differ(location, recorded, actual)

    def _object(self, location: Location, recorded: object, actual: object) -> None:
        old, new = (
            Opened((), exception_parts(side)) if isinstance(side, BaseException) else opened(side)
            for side in (recorded, actual)
        )
        parts = old.attributes | parts_beside(recorded), new.attributes | parts_beside(actual)
        if any(parts):
            self._parts(location, *parts, indexed=isinstance(recorded, tuple))
        if old.content and new.content:
            self._todo.append((location, old.content[0], new.content[0]))
            if "collections.OrderedDict" in lineage(type(recorded)):
                self._order(location, old.content[0], new.content[0], "keys")
        elif not (old.attributes or new.attributes or self._iterators(location, recorded, actual)):
            self._leaf(location, recorded, actual, is_equal(recorded, actual))

    def _iterators(self, location: Location, recorded: object, actual: object) -> bool:
        """Compare two of Python's own iterators by their states; return whether they are such."""
        states = iterator_state(recorded), iterator_state(actual)
        if None in states:
            return False
        self._todo.append((location, *states))
        return True

    def _order(self, location: Location, old: Iterable[object], new: Iterable[object], what: str) -> None:
        then, now = list(old), list(new)
        if not self.shape and then != now and len(then) == len(now) and set(then) == set(now):
            self.lines.add(location, f": the {what} are in another order now")

    def _mapping(self, location: Location, recorded: dict[Any, Any], actual: dict[Any, Any]) -> None:
        # 1, 1.0 and True are one key to Python, and three here.
        then, now = ({key_identity(key): key for key in side} for side in (recorded, actual))
        old = {identity: recorded[key] for identity, key in then.items()}
        new = {identity: actual[key] for identity, key in now.items()}
        keys = now | then
        if self.ordered and [key for key in old if key in new] != [key for key in new if key in old]:
            self.lines.add(location, ": the keys are in another order now")
        self._queue(paired(old, new), lambda identity: self.lines.entry(location, keys[identity]))

    def _event(self, location: Location, recorded: dict[str, Any], actual: dict[str, Any]) -> None:
        self._parts(location, recorded, actual, optional="data")

    def _events(self, location: Location, recorded: Events, actual: Events) -> None:
        """Compare two streams event by event. A path to a part of an event is for all events."""
        location.make_optional()
        if self.shape:
            self._event_shapes(location, recorded, actual)
        else:
            self._sequence(location, recorded, actual)

    def _event_shapes(self, location: Location, recorded: Events, actual: Events) -> None:
        """Compare the shapes of events: each event now must have the shape of a recorded one of its name.

        How many there are is no matter of shape, as the deltas of a text show. Of two whole streams, the first events
        and the last ones must have the same shapes, so that a stream that breaks off is found.
        """
        pairs = self._fitting(recorded, actual, _name_of, [ABSENT])
        if recorded.is_whole and actual.is_whole and recorded:
            if not actual:
                self.lines.add(location, f": {plural(len(recorded), 'event')} recorded, no event now")
            else:
                last = len(actual) - 1
                pairs += [(0, recorded[0], actual[0]), (last, recorded[-1], actual[last])]
        self._queue(pairs, lambda index: Location(f"[{index}]", (str(index),), location, is_optional=True))

    def _parts(
        self,
        location: Location,
        old: Mapping[str, object],
        new: Mapping[str, object],
        *,
        indexed: bool = False,
        optional: str = "",
    ) -> None:
        """Compare parts by name. Paths may name the items of a named tuple by their index, and leave an optional one out."""
        indexes = {name: (str(index),) for index, name in enumerate(old)} if indexed else {}

        def locate(name: str) -> Location:
            keys = (name, *indexes.get(name, ()))
            secret = self.lines.redactor.secret(name)
            return Location(key_step(name), keys, location, secret, is_optional=name == optional)

        self._queue(paired(old, new), locate)

    def _sequence(self, location: Location, recorded: Any, actual: Any) -> None:
        """Compare two lists or tuples. Equal items at both ends of those of different lengths are passed over."""
        if self.shape and type(recorded) is list:
            self._patterns(location, recorded, actual)
            return
        old, new = list(recorded), list(actual)
        least, most = sorted((len(old), len(new)))
        start = end = 0
        if least != most:
            start = next((n for n in range(least) if not self._alike(old[n], new[n])), least)
            rest = least - start
            end = next((n for n in range(rest) if not self._alike(old[-1 - n], new[-1 - n])), rest)
            if most - least > _FEW:
                self.lines.add(location, f": {plural(len(old), 'item')} recorded, {len(new)} now")
                most = least
        secret = is_pair(recorded) and self.lines.redactor.secret(recorded[0])
        pairs = (
            (n, old[n] if n < len(old) - end else ABSENT, new[n] if n < len(new) - end else ABSENT)
            for n in range(start, most - end)
        )
        is_event = type(recorded) is Events

        def locate(n: int) -> Location:
            keys = str(n), str(n - len(old))  # paths count items from either end
            return Location(f"[{n}]", keys, location, secret, is_optional=is_event)

        self._queue(pairs, locate)

    def _patterns(self, location: Location, recorded: list[Any], actual: list[Any]) -> None:
        """Compare the shapes of lists: each item now must have the shape of one that was recorded, if any was."""
        if recorded:
            pairs = self._fitting(recorded[:_PATTERNS], actual, type, recorded[:1])
            self._queue(pairs, lambda index: Location(f"[{index}]", (str(index),), location))

    def _fitting(
        self, recorded: list[Any], actual: list[Any], kind_of: Callable[[Any], object], otherwise: list[Any]
    ) -> list[tuple[int, Any, Any]]:
        """Pair each item now with a recorded one of its kind and shape, or else with the first one of its kind."""
        shapes: dict[object, list[Any]] = {}
        for item in recorded:
            known = shapes.setdefault(kind_of(item), [])
            if not any(self._alike(shape, item) for shape in known):
                known.append(item)
        pairs = []
        for index, item in enumerate(actual):
            same = shapes.get(kind_of(item), otherwise)
            fitting = (shape for shape in same if len(same) == 1 or self._alike(shape, item))
            pairs.append((index, next(fitting, same[0]), item))
        return pairs

    def _alike(self, recorded: object, actual: object) -> bool:
        """Return whether two values are equal, or have the same shape if only shapes count."""
        if is_settled(recorded, actual, shape=self.shape):
            return True
        mark = id(recorded), id(actual)
        if mark in self._asked:
            return True
        asked = {**self._asked, mark: (recorded, actual)}
        inner = Comparison(Lines(self.lines.redactor, limit=0), self.close, shape=self.shape, _asked=asked)
        inner._walk(Location(""), recorded, actual)
        return not inner.lines.count

    def _members(self, location: Location, recorded: Iterable[object], actual: Iterable[object]) -> None:
        old, new = ({key_identity(item): item for item in side} for side in (recorded, actual))
        if self.shape:
            self._patterns(location, [old[key] for key in sorted(old, key=repr)], list(new.values()))
            return
        sides = (old, new, "recorded, missing now"), (new, old, "now, not in the recording")
        for one, other, fact in sides:
            for text in sorted(self.lines.text(one[key]) for key in one.keys() - other.keys()):
                self.lines.add(Location(f"{{{text}}}", parent=location), f": {fact}")

    def _library_value(self, location: Location, recorded: Any, actual: Any) -> None:
        """Compare two values of one type of a library by its own assertion."""
        if hasattr(recorded, "columns") and not isinstance(recorded.columns, property):
            recorded, actual = (self._without_volatile(location, side) for side in (recorded, actual))
        if self.shape:
            then, now = form(recorded), form(actual)
            if then != now:
                self.lines.add(
                    location, f": {' '.join(map(str, then))} recorded, {' '.join(map(str, now))} now"
                )
        elif not getattr(recorded, "shape", (1,)) and hasattr(recorded, "item"):
            self._leaf(
                location, recorded, actual, self._is_close(recorded.item(), actual.item(), recorded, actual)
            )
        elif other_identity(recorded, actual) is not False:
            redactor = self.lines.redactor
            names = (name for side in (recorded, actual) for name in labels_of(side))
            fact = library_difference(recorded, actual, rtol=self.close.rtol, atol=self.close.atol)
            if fact is None:
                return
            if location.secret or any(is_secret_label(name, redactor) for name in names):
                fact = f"{PLACEHOLDER} recorded, another value now"
            self.lines.add(location, f": {fact}")

    def _is_close(self, then: Any, now: Any, recorded: object, actual: object) -> bool:
        if type(then) in _NUMBERS and type(now) is type(then):
            return self.close(then, now)
        return is_equal(recorded, actual)

    def _without_volatile(self, location: Location, frame: Any) -> Any:
        """Return a frame without the columns that a path leaves out."""
        gone = [
            name
            for name in map(str, getattr(frame, "column_names", frame.columns))
            if any(Location(key_step(name), (name,), location).matches(path) for path in self.volatile)
        ]
        if not gone:
            return frame
        return frame.drop(columns=gone) if "pandas" in type(frame).__module__ else frame.drop(gone)


_NUMBERS = frozenset({bool, int, float, complex, Decimal, Fraction})
_CONTAINERS: dict[type, Callable[[Comparison, Location, Any, Any], None]] = {
    Events: Comparison._events,
    ServerSentEvent: Comparison._event,
    dict: Comparison._mapping,
    frozenset: Comparison._members,
    list: Comparison._sequence,
    set: Comparison._members,
    tuple: Comparison._sequence,
}


def _name_of(event: object) -> object:
    return event.get("event") if type(event) is ServerSentEvent else None

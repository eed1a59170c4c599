"""Two outcomes, walked side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pytest_mimic._compare.lines import ABSENT, Lines, Place
from pytest_mimic._describe import secrets_in
from pytest_mimic._describe.leaves import leaf_text
from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._values.identities import identity_of
from pytest_mimic._values.libraries import library_of
from pytest_mimic._values.opening import (
    Opened,
    attributes_of,
    is_pair,
    iterator_state,
    key_step,
    lineage,
    opened,
    type_name,
)
from pytest_mimic._values.tables import Column, Table, open_elements

if TYPE_CHECKING:
    from pytest_mimic._compare.numbers import Closeness
    from pytest_mimic._outcome import Outcome

#: How many items too many or too few are told one by one.
_FEW = 3
#: How many recorded items are looked at for the shapes that items of their list may have.
_PATTERNS = 20


class Comparison:
    """One walk over two outcomes, without recursion: nesting may be any depth."""

    def __init__(
        self,
        lines: Lines,
        *,
        close: Closeness,
        volatile: tuple[tuple[str, ...], ...] = (),
        shape: bool = False,
    ) -> None:
        self.lines = lines
        self.close = close
        self.volatile = volatile
        self.shape = shape
        self._todo: list[tuple[Place, Any, Any]] = []
        self._seen: dict[tuple[int, int, str], tuple[Any, Any]] = {}
        self._deepest = max(map(len, volatile), default=0)
        #: Pairs that `alike` is being asked of: what comes back to itself is alike so far.
        self._asked: dict[tuple[int, int], tuple[Any, Any]] = {}

    # Outcomes

    def outcomes(self, recorded: Outcome, actual: Outcome, name: str = "") -> None:
        """Compares what two calls, or the ends of two streams, gave."""
        if recorded.kind != actual.kind:
            then, now = self.summary(recorded), self.summary(actual)
            self.lines.tell(name or "the call", f" {then} when recorded, {now} now")
        elif recorded.kind == "stream":
            self.streams(recorded, actual)
        elif recorded.kind == "raised":
            old, new = recorded.exception, actual.exception
            name = type(old).__qualname__ if _same_type(old, new) else "exception"
            self.values(Place(name, name), old, new)
        else:
            self.values(Place("end", "end") if name else Place(""), recorded.value, actual.value)

    def summary(self, outcome: Outcome) -> str:
        if outcome.kind == "stream":
            return f"gave {len(outcome.items)} items"
        if outcome.kind == "raised":
            return f"raised {self.lines.text(outcome.exception)}"
        return f"returned {self.lines.text(outcome.value)}"

    def streams(self, recorded: Outcome, actual: Outcome) -> None:
        """Items as far as both were read, then how the streams ended."""
        old, new = _loaded(recorded.items), _loaded(actual.items)
        if actual.end is None:
            del old[len(new) :]
        if recorded.end is None:
            del new[len(old) :]
        self.values(Place("items", "items"), old, new)
        if recorded.end is not None and actual.end is not None:
            self.outcomes(recorded.end, actual.end, "the end of the stream")

    def changes(self, recorded: Mapping[str, object], actual: Mapping[str, object]) -> None:
        """Compares the arguments that the two calls changed."""
        for name in [*recorded, *(name for name in actual if name not in recorded)]:
            secret = self.lines.redactor.secret(name)
            place = Place(f"argument {name}", name, secret=secret, is_argument=True)
            self.values(place, recorded.get(name, ABSENT), actual.get(name, ABSENT))

    # Values

    def values(self, root: Place, recorded: Any, actual: Any) -> None:
        """Compares two values, and all that is in them."""
        other = _other_identity(recorded, actual)
        if other is False:
            return
        for side in (recorded, actual):
            self.lines.secrets |= secrets_in(side, self.lines.redactor)
        before = self.lines.count
        self.walk(root, recorded, actual)
        exact = self.close.exact and not self.shape and not self.volatile
        if other and exact and self.lines.count == before:
            self.lines.tell(root, ": differs from the recording in a part that has no readable form")

    def walk(self, root: Place, recorded: Any, actual: Any) -> None:
        """Compares part by part; stops at the first difference where no line is wanted."""
        self._todo.append((root, recorded, actual))
        while self._todo and (self.lines.limit or not self.lines.count):
            self.pair(*self._todo.pop())

    def pair(self, place: Place, recorded: Any, actual: Any) -> None:
        if recorded is actual or any(place.matches(path) for path in self.volatile):
            return
        if recorded is ABSENT or actual is ABSENT or not _same_type(recorded, actual):
            # A library may have several classes for one value: a RangeIndex, and an Index of the same numbers.
            if library_of(type(recorded)) is None or _other_identity(recorded, actual) is not False:
                self.lines.differ(place, recorded, actual)
            return
        kind = type(recorded)
        if kind in _CONTAINERS:
            if self.is_new(place, recorded, actual):
                _CONTAINERS[kind](self, place, recorded, actual)
        elif kind in (str, bytes, bytearray):
            self.leaf(place, recorded, actual, recorded == actual)
        elif library_of(kind) is not None:
            self.library(place, recorded, actual)
        elif kind in _NUMBERS:
            self.leaf(place, recorded, actual, self.close(recorded, actual))
        elif leaf_text(recorded) is not None:
            self.leaf(place, recorded, actual, _equal(recorded, actual))
        elif self.is_new(place, recorded, actual):
            self.compound(place, recorded, actual)

    def is_settled(self, recorded: Any, actual: Any) -> bool:
        """Whether two values plainly do not differ: the common case, told at little cost."""
        kind = type(recorded)
        if kind not in _SIMPLE or kind is not type(actual):
            return False
        return self.shape or (recorded == actual and (kind is not float or bool(recorded)))

    def is_new(self, place: Place, recorded: Any, actual: Any) -> bool:
        """Whether a pair has not been compared yet; where paths may leave parts out, not at this place."""
        where = str(place) if place.depth < self._deepest else ""
        mark = id(recorded), id(actual), where
        if mark in self._seen:
            return False
        self._seen[mark] = recorded, actual
        return True

    def leaf(self, place: Place, recorded: Any, actual: Any, equal: bool) -> None:
        if not self.shape and not equal:
            self.lines.differ(place, recorded, actual)

    def compound(self, place: Place, recorded: Any, actual: Any) -> None:
        """Compare two objects of one type: their attributes, then their content."""
        open_object = _open_exception if isinstance(recorded, BaseException) else opened
        old, new = open_object(recorded), open_object(actual)
        if old.attributes or new.attributes:
            self.parts(place, old.attributes, new.attributes, indexed=isinstance(recorded, tuple))
        if old.content and new.content:
            self._todo.append((place, old.content[0], new.content[0]))
            if not self.shape and "collections.OrderedDict" in lineage(type(recorded)):
                self.order(place, list(old.content[0]), list(new.content[0]), "keys")
        elif not (old.attributes or new.attributes):
            states = iterator_state(recorded), iterator_state(actual)
            if None in states:
                self.leaf(place, recorded, actual, _equal(recorded, actual))
            else:
                self._todo.append((place, *states))

    def order(self, place: Place, old: list[Any], new: list[Any], what: str) -> None:
        """Tells where the same names stand in another order."""
        if old != new and len(old) == len(new) and set(old) == set(new):
            self.lines.tell(place, f": the {what} are in another order now")

    def mapping(self, place: Place, recorded: dict[Any, Any], actual: dict[Any, Any]) -> None:
        old, new = _by_identity(recorded), _by_identity(actual)
        pairs = []
        for identity in [*old, *(identity for identity in new if identity not in old)]:
            then = recorded[old[identity]] if identity in old else ABSENT
            now = actual[new[identity]] if identity in new else ABSENT
            if not self.is_settled(then, now):
                pairs.append((self.entry(place, old.get(identity, new.get(identity))), then, now))
        self._todo.extend(reversed(pairs))

    def entry(self, place: Place, key: Any) -> Place:
        secret = self.lines.redactor.secret(key)
        if place.secret:
            return Place(f"[{PLACEHOLDER}]", str(key), parent=place)
        if type(key) is str:
            return Place(key_step(key), key, parent=place, secret=secret)
        return Place(
            f"[{self.lines.text(key)}]", str(key) if type(key) is int else "", parent=place, secret=secret
        )

    def parts(
        self, place: Place, old: Mapping[str, Any], new: Mapping[str, Any], *, indexed: bool = False
    ) -> None:
        """Compare parts by name. Paths may name the items of a named tuple by their index as well."""
        pairs = []
        for index, name in enumerate([*old, *(name for name in new if name not in old)]):
            then, now = old.get(name, ABSENT), new.get(name, ABSENT)
            if not self.is_settled(then, now):
                keys = (name, str(index)) if indexed else (name,)
                secret = self.lines.redactor.secret(name)
                pairs.append((Place(key_step(name), *keys, parent=place, secret=secret), then, now))
        self._todo.extend(reversed(pairs))

    def sequence(self, place: Place, recorded: list[Any], actual: list[Any]) -> None:
        if self.shape:
            self.patterns(place, recorded, actual)
        else:
            self.items(place, recorded, actual)

    def items(self, place: Place, recorded: Any, actual: Any) -> None:
        old, new = list(recorded), list(actual)
        if len(old) != len(new):
            self.counts(place, old, new)
            return
        secret = is_pair(recorded) and self.lines.redactor.secret(recorded[0])
        self._todo.extend(
            (self.item(place, n, len(old), secret), old[n], new[n])
            for n in reversed(range(len(old)))
            if not self.is_settled(old[n], new[n])
        )

    def item(self, place: Place, index: int, length: int, secret: bool = False) -> Place:
        return Place(f"[{index}]", str(index), str(index - length), parent=place, secret=secret)

    def counts(self, place: Place, old: list[Any], new: list[Any]) -> None:
        """Sequences of different lengths: what they begin and end with alike is passed over."""
        least = min(len(old), len(new))
        start = next((n for n in range(least) if not self.alike(old[n], new[n])), least)
        end = next(
            (n for n in range(least - start) if not self.alike(old[-1 - n], new[-1 - n])), least - start
        )
        if abs(len(old) - len(new)) > _FEW:
            self.lines.tell(place, f": {len(old)} items recorded, {len(new)} now")
            stop = least - end
        else:
            stop = max(len(old), len(new)) - end
        for n in reversed(range(start, stop)):
            then = old[n] if n < len(old) - end else ABSENT
            now = new[n] if n < len(new) - end else ABSENT
            self._todo.append((self.item(place, n, len(old)), then, now))

    def patterns(self, place: Place, recorded: list[Any], actual: list[Any]) -> None:
        """Every item now must have the shape of one that was recorded; an empty recording says nothing."""
        shapes: list[Any] = []
        for item in recorded[:_PATTERNS]:
            if not any(self.alike(shape, item) for shape in shapes):
                shapes.append(item)
        pairs = [
            (Place(f"[{n}]", str(n), parent=place), self.fitting(shapes, item), item)
            for n, item in enumerate(actual if shapes else ())
            if not self.is_settled(shapes[0], item)
        ]
        self._todo.extend(reversed(pairs))

    def fitting(self, shapes: list[Any], item: Any) -> Any:
        """The shape that an item has, else the first of its type, else the first."""
        if len(shapes) == 1:
            return shapes[0]
        same = [shape for shape in shapes if type(shape) is type(item)]
        return next((shape for shape in same if self.alike(shape, item)), (same or shapes)[0])

    def alike(self, recorded: Any, actual: Any) -> bool:
        """Whether two values are equal, or have the same shape."""
        mark = id(recorded), id(actual)
        if mark in self._asked:
            return True
        inner = Comparison(Lines(self.lines.redactor, limit=0), close=self.close, shape=self.shape)
        inner._asked = {**self._asked, mark: (recorded, actual)}
        inner.walk(Place(""), recorded, actual)
        return not inner.lines.count

    def members(self, place: Place, recorded: Iterable[Any], actual: Iterable[Any]) -> None:
        old, new = _by_identity(recorded), _by_identity(actual)
        if self.shape:
            self.patterns(place, [old[key] for key in sorted(old, key=repr)], list(new.values()))
            return
        for item in sorted((old[key] for key in old if key not in new), key=self.lines.text):
            self.lines.differ(Place(f"{{{self.lines.text(item)}}}", parent=place), item, ABSENT)
        for item in sorted((new[key] for key in new if key not in old), key=self.lines.text):
            self.lines.tell(
                Place(f"{{{self.lines.text(item)}}}", parent=place), ": now, not in the recording"
            )

    # Arrays and tables

    def library(self, place: Place, recorded: Any, actual: Any) -> None:
        if self.close.exact and not self.shape and _other_identity(recorded, actual) is False:
            return
        old, new = open_elements(recorded), open_elements(actual)
        if old is None or new is None:
            self.leaf(place, recorded, actual, _equal(recorded, actual))
        else:
            self._todo.append((place, old, new))

    def tables(self, place: Place, recorded: Table, actual: Table) -> None:
        place.secret |= self.lines.redactor.secret(recorded.parts.get("name"))
        self.parts(place, recorded.parts, actual.parts)
        if recorded.ordered and not self.shape:
            self.order(place, list(recorded.parts), list(actual.parts), "columns")

    def columns(self, place: Place, recorded: Column, actual: Column) -> None:
        if recorded.dtype != actual.dtype:
            self.lines.tell(place, f": dtype {recorded.dtype} recorded, {actual.dtype} now")
            return
        old, new = _extent(recorded.values), _extent(actual.values)
        if len(old) != len(new) if self.shape else old != new:
            self.lines.tell(place, f": shape {_times(old)} recorded, {_times(new)} now")
        elif not self.shape:
            before = self.lines.count
            self.elements(place, recorded.values, actual.values)
            if recorded.categories is not None and self.lines.count == before:
                where = Place(".categories", "categories", parent=place)
                self._todo.append((where, recorded.categories, actual.categories))

    def elements(self, place: Place, recorded: Any, actual: Any) -> None:
        """Tells how many elements differ, and the first of them."""
        extent = _extent(recorded)
        count, first = self.differing(recorded, actual)
        if count and not extent:
            self.lines.differ(place, recorded[()], actual[()])
        elif count:
            fact = self.lines.fact(place, recorded[first], actual[first])
            where = ", ".join(map(str, first)) if isinstance(first, tuple) else first
            self.lines.tell(
                place, f": {count} of {math.prod(extent)} elements differ, first [{where}]: {fact}"
            )

    def differing(self, recorded: Any, actual: Any) -> tuple[int, Any]:
        """How many elements differ, and the index of the first."""
        if isinstance(recorded, list):
            pairs = enumerate(zip(recorded, actual, strict=True))
            places = [n for n, pair in pairs if not self.is_settled(*pair) and not self.alike(*pair)]
            return len(places), places[0] if places else None
        import numpy

        if recorded.dtype.hasobject or recorded.dtype.names:
            count, first = self.differing(recorded.ravel().tolist(), actual.ravel().tolist())
        else:
            unequal = self.close.unequal(recorded, actual).ravel()
            count, first = int(unequal.sum()), int(unequal.argmax()) if unequal.size else None
        if first is None or not count:
            return 0, None
        return count, tuple(int(n) for n in numpy.unravel_index(first, recorded.shape))


_SIMPLE = frozenset({bool, float, int, str, type(None)})
_NUMBERS = frozenset({bool, int, float, complex, Decimal, Fraction})
_CONTAINERS: dict[type, Callable[[Comparison, Place, Any, Any], None]] = {
    Column: Comparison.columns,
    Table: Comparison.tables,
    dict: Comparison.mapping,
    frozenset: Comparison.members,
    list: Comparison.sequence,
    set: Comparison.members,
    tuple: Comparison.items,
}


def _loaded(items: Iterable[Any]) -> list[Any]:
    """A stream's items, those that were kept as snapshots opened."""
    from pytest_mimic._outcome.encoding import Snapshot

    return [item.load() if isinstance(item, Snapshot) else item for item in items]


def _same_type(recorded: object, actual: object) -> bool:
    """Whether the types are one, or a class and the same one loaded anew."""
    return type(recorded) is type(actual) or type_name(type(recorded)) == type_name(type(actual))


def _by_identity(keys: Iterable[Any]) -> dict[object, Any]:
    """Keys, or members of a set, by what makes them the same: `1`, `1.0` and `True` are three."""
    return {_identity(key): key for key in keys}


def _identity(key: Any) -> object:
    if type(key) is str:
        return key
    if type(key) in (int, float, bool, bytes):
        return type(key), repr(key)
    return type(key), identity_of(key) or key


def _open_exception(error: BaseException) -> Opened:
    """Open an exception into its arguments, cause and attributes."""
    attributes = {"args": error.args, "__cause__": error.__cause__}
    if isinstance(error, (ImportError, OSError)):  # what Python keeps of them beside the arguments
        attributes |= {name: getattr(error, name, None) for name in ("name", "path", "filename", "filename2")}
    present = {name: part for name, part in attributes.items() if part is not None}
    return Opened((), present | attributes_of(error))


def _extent(values: Any) -> tuple[int, ...]:
    return (len(values),) if isinstance(values, list) else tuple(values.shape)


def _times(extent: Sequence[int]) -> str:
    return "x".join(map(str, extent)) if extent else "()"


def _other_identity(recorded: object, actual: object) -> bool | None:
    """Whether two values have different identities; None where one has none."""
    old, new = identity_of(recorded), identity_of(actual)
    return None if old is None or new is None else old != new


def _equal(recorded: Any, actual: Any) -> bool:
    """Equality of what has no parts to look at: by identity, else as Python has it."""
    other = _other_identity(recorded, actual)
    if other is not None:
        return not other
    try:
        return bool(recorded == actual)
    except Exception:  # a comparison that fails shows no equality
        return False

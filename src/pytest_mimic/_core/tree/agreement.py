"""Compares a real outcome with its recording: identities decide, within tolerances numbers do, and trees explain."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.pruning import prune
from pytest_mimic._core.nodes.node_classes import (
    NOTHING,
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.nodes.node_parts import items_of, kind_of, value_of
from pytest_mimic._core.outcome.encoding import Encoded
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.tree.columns import column_differences
from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.drawing import line, steps
from pytest_mimic._core.tree.library_values import form, labels_of, library_difference
from pytest_mimic._core.tree.making import WHOLE, tree_of
from pytest_mimic._core.tree.secrets import secrets_in
from pytest_mimic._core.types.kinds import Events, ServerSentEvent, Unstable
from pytest_mimic._core.types.libraries import is_data, library_of
from pytest_mimic._core.types.opening import (
    Steps,
    attributes_of,
    exception_parts,
    further,
    parse_path,
    type_name,
)

_UNREADABLE = "differs from the recording in a part that has no readable form"
_REORDERED = "the keys are in another order now"
_NUMBERS = frozenset({int, float, complex, Decimal, Fraction})


class Rules(NamedTuple):
    """The rules that say what is a difference between two outcomes."""

    rtol: float = 0.0  # the tolerances for numbers
    atol: float = 0.0
    # Paths in the outcome, or in each event of a stream, to leave out: `headers.date`,
    # `rows.*.id`.
    volatile: Sequence[str] = ()
    # `shape` compares keys, types and the lengths of tuples, but not values and the
    # lengths of lists.
    mode: Literal["exact", "shape"] = "exact"
    exact: Collection[
        str
    ] = ()  # the keys of a returned mapping whose values count all the same
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
    return _Comparison(rules, redactor, frozenset(secrets)).outcomes(recorded, actual)


# What counts of the answer, and of the request, that an exception of an HTTP client has
# as attributes. The date, the cookies and the time that it took differ in each run.
_HTTP_CLIENTS = ("requests", "httpx", "httpx2", "urllib3", "aiohttp")
_COUNTING = ("status_code", "status", "url", "_url", "method", "_content", "body")


def _attributes(error: BaseException) -> dict[str, Any]:
    """Return the attributes of an exception, as far as they count."""
    attributes: dict[str, Any] = {}
    for name, value in attributes_of(error).items():
        library = type(value).__module__.partition(".")[0]
        is_exchange = library in _HTTP_CLIENTS and hasattr(value, "headers")
        attributes[name] = _exchange(value) if is_exchange else value
    return attributes


def _exchange(message: Any) -> dict[str, Any]:
    """Return what counts of a request or a response: as when a client is verified."""
    parts = {
        name: getattr(message, name)
        for name in _COUNTING
        if getattr(message, name, None) is not None
    }
    content_type = message.headers.get("content-type")
    return parts if content_type is None else {**parts, "content-type": content_type}


class _Comparison:
    """Compares the parts of two outcomes by the same rules."""

    def __init__(
        self, rules: Rules, redactor: Redactor, secrets: frozenset[str]
    ) -> None:
        self._rules = rules
        self._redactor = redactor
        self._secrets = secrets
        self._volatile = [parse_path(path) for path in rules.volatile]

    def outcomes(
        self, recorded: Outcome, actual: Outcome, name: str = ""
    ) -> list[Difference]:
        """Compare two outcomes, or with a `name` the ends of two streams."""
        if recorded.kind != actual.kind:
            then, now = (self._summary(outcome) for outcome in (recorded, actual))
            return [
                Difference(
                    "", fact=f"{name or 'the call'} {then} when recorded, {now} now"
                )
            ]
        if recorded.kind == "stream":
            # Items count as far as both streams were read.
            old, new = (
                [
                    item.load() if isinstance(item, Encoded) else item
                    for item in side.items
                ]
                for side in (recorded, actual)
            )
            if actual.end is None:
                del old[len(new) :]
            if recorded.end is None:
                del new[len(old) :]
            is_whole = recorded.end is not None and actual.end is not None
            found = self._values(
                "items", *(Events(side, is_whole=is_whole) for side in (old, new))
            )
            return found + (
                self.outcomes(recorded.last, actual.last, "the end of the stream")
                if is_whole
                else []
            )
        if recorded.kind == "raised":
            errors: Any = recorded.exception, actual.exception
            if type_name(type(errors[0])) != type_name(type(errors[1])):
                return self._values("exception", *errors)
            parts = (
                {"args": [*one.args], **exception_parts(one), **_attributes(one)}
                for one in errors
            )
            return self._values(type(errors[0]).__qualname__, *parts)
        return self._values("end" if name else "", recorded.value, actual.value)

    def _summary(self, outcome: Outcome) -> str:
        if outcome.kind == "stream":
            return f"gave {len(outcome.items)} items"
        verb, value = (
            ("raised", outcome.exception)
            if outcome.kind == "raised"
            else ("returned", outcome.value)
        )
        return f"{verb} {line(self._tree(value), 70)}"

    def _tree(self, value: object) -> Node:
        return tree_of(
            value, self._redactor, budget=WHOLE, secrets=self._secrets, is_live=True
        )

    def _values(self, root: str, recorded: Any, actual: Any) -> list[Difference]:
        """Compare two values.

        Paths may begin with the name of the `root`; a returned value has none.
        """
        rules, is_exact = self._rules, not (self._rules.rtol or self._rules.atol)
        if self._volatile:
            paths = [*self._volatile, *_inner_paths(self._volatile, root, recorded)]
            if root and {(root,), ("*",)} & {*self._volatile}:
                return []
            recorded, actual = _pruned(recorded, paths), _pruned(actual, paths)
        is_other = _is_other(recorded, actual)
        is_reordered = rules.ordered and self._has_other_order(recorded, actual)
        if is_other is False and not is_reordered:
            return []
        for side in (recorded, actual):
            self._secrets |= secrets_in(side, self._redactor)
        old, new = self._tree(recorded), self._tree(actual)
        if rules.mode == "shape":
            exact = _exact_parts(old, rules.exact), _exact_parts(new, rules.exact)
            found = [*differences(*exact), *_shape_differences(old, new)]
        else:
            new = new if is_exact else self._snapped(old, new)
            found = []
            for one in differences(old, new):
                found += self._told(one)
            found = found or _unseen(old, new, "")
            if not found and (is_reordered or (is_other and is_exact)):
                found = [_untold(old, new)]
        return [one._replace(path=_rooted(root, one.path)) for one in found]

    def _has_other_order(self, recorded: object, actual: object) -> bool:
        return str(plain_of(self._tree(recorded))) != str(plain_of(self._tree(actual)))

    def _told(self, one: Difference) -> list[Difference]:
        """Return a difference between two values of a library as people say it.

        Of tables and arrays each column that differs is one; of others the library has
        the words.
        """
        old, new = value_of(one.old), value_of(one.new)
        if not _are_data(old, new):
            return [one]
        labels = [*labels_of(old), *labels_of(new)]
        if any(map(self._redactor.secret, labels)):
            fact = f"{PLACEHOLDER} recorded, another value now"
            return [one._replace(fact=fact)]
        rules = self._rules
        columns = column_differences(old, new, rtol=rules.rtol, atol=rules.atol)
        if columns:
            return [
                one._replace(
                    path=one.path + step, fact=hide_values(fact, self._secrets)
                )
                for step, fact in columns
            ]
        told = library_difference(old, new, rtol=rules.rtol, atol=rules.atol)
        return [one._replace(fact=hide_values(told or _UNREADABLE, self._secrets))]

    def _snapped(self, old: Node, new: Node) -> Node:
        """Return the new tree with the recorded number in place of each that is close to it."""
        if kind_of(old) != kind_of(new):
            return new
        if isinstance(old, Opaque) and isinstance(new, Opaque):
            return old if self._are_close(old.value, new.value) else new
        if isinstance(old, Items) and isinstance(new, Items):
            items = [self._snapped(*pair) for pair in zip(old.items, new.items)]
            items += new.items[len(old.items) :]
            return Items(new.kind, items, new.length, new.digest, new.facts)
        if isinstance(old, Fields) and isinstance(new, Fields):
            parts = {
                name: self._snapped(old.parts[name], part)
                if name in old.parts
                else part
                for name, part in new.parts.items()
            }
            is_kept = all(part is new.parts[name] for name, part in parts.items())
            if is_kept:
                return new
            return Fields(new.kind, parts, new.length, new.digest, new.facts)
        return old if _is_close(old, new, self._rules) else new

    def _are_close(self, old: object, new: object) -> bool:
        if not _are_data(old, new):
            return _is_close(old, new, self._rules)
        rules = self._rules
        return library_difference(old, new, rtol=rules.rtol, atol=rules.atol) is None


def _exact_parts(node: Node, names: Iterable[str]) -> Fields:
    """Return the parts of a returned mapping whose values count in any case."""
    parts = node.parts if isinstance(node, Fields) else {}
    return Fields("dict", {name: parts[name] for name in names if name in parts})


def _inner_paths(paths: Sequence[Steps], root: str, value: object) -> list[Steps]:
    """Return the paths that name the outcome itself first, without that step.

    A returned value is called `result`, unless a part of it is.
    """
    is_named = isinstance(value, dict) and "result" in value
    names = (root, "*") if root else () if is_named else ("result",)
    return [path[1:] for path in paths if path[0] in names and len(path) > 1]


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


def _are_data(old: object, new: object) -> bool:
    return is_data(old) and type_name(type(old)) == type_name(type(new))


def _unseen(old: Node, new: Node, path: str) -> list[Difference]:
    """Return the objects that differ although their trees do not, the innermost ones."""
    others = steps(new) or {}
    found: list[Difference] = []
    for step, part in (steps(old) or {}).items():
        found += _unseen(part, others.get(step), path + step)
    then, now = value_of(old), value_of(new)
    if found or then is NOTHING or now is NOTHING:
        return found
    is_other = _is_other(then, now)
    if is_other is None and isinstance(old, Opaque):
        try:
            return [Difference(path, old, new)] if then != now else []
        except Exception:  # a comparison that fails shows no equality
            return [Difference(path, old, new)]
    return [_untold(old, new, path)] if is_other else []


def _untold(old: Node, new: Node, path: str = "") -> Difference:
    """Return the difference between two values whose trees have the same parts."""
    then, now = (list(steps(side) or ()) for side in (old, new))
    return Difference(path, fact=_UNREADABLE if then == now else _REORDERED)


def _pruned(value: Any, paths: Sequence[Steps]) -> Any:
    """Return a value without the parts that paths name.

    A path into events may leave out their numbers, and `data`.
    """
    if type(value) is dict:
        parts = {key: (part, *further(paths, str(key))) for key, part in value.items()}
        return {
            key: _pruned(part, inner)
            for key, (part, is_gone, inner) in parts.items()
            if not is_gone
        }
    if isinstance(value, Events):
        events = []
        for place, event in enumerate(value):
            numbers = "*", str(place), str(place - len(value))
            is_gone, inner = further(paths, *numbers)
            inner += [path for path in paths if path[0] not in numbers]
            plain = dict(event) if isinstance(event, ServerSentEvent) else event
            if not is_gone:
                events.append(
                    _pruned(plain, [*inner, *(("data", *path) for path in inner)])
                )
        return Events(events, is_whole=value.is_whole)
    if library_of(type(value)) is not None and hasattr(value, "columns"):
        names = {path[0] for path in paths if len(path) == 1}
        gone = [
            one
            for one in getattr(value, "column_names", value.columns)
            if str(one) in names
        ]
        return (
            value.drop(columns=gone)
            if "pandas" in type(value).__module__
            else value.drop(gone)
        )
    try:
        return prune(value, paths)
    except Unstable:  # it is compared as it is
        return value


def _is_close(recorded: Any, actual: Any, rules: Rules) -> bool:
    """Return whether two numbers are close, as `numpy.isclose` says; NaN is close to nothing, its text decides."""

    def number(tolerance: float) -> Any:
        # Decimals cannot be compared with the sum of a Decimal and a float.
        return Decimal(repr(tolerance)) if isinstance(recorded, Decimal) else tolerance

    if library_of(type(recorded)) == "numpy" == library_of(type(actual)):
        recorded, actual = (
            getattr(one, "item", lambda: None)() for one in (recorded, actual)
        )
    if type(recorded) is not type(actual) or type(recorded) not in _NUMBERS:
        return False
    try:
        allowed = number(rules.atol) + number(rules.rtol) * abs(recorded)
        return bool(
            recorded == actual or abs(actual - recorded) <= allowed < number(math.inf)
        )
    except ArithmeticError:
        return False


# Shapes: keys, types and the lengths of tuples, but neither values nor the lengths of
# lists

# Kinds of items whose values and number are free.
_COLLECTIONS = frozenset(("list", "set", "frozenset", "events"))


def _shape_differences(old: Node, new: Node, path: str = "") -> Iterator[Difference]:
    """Yield the differences between the shapes of two trees.

    Of a list, each item now must have the shape of a recorded one, if there was any; of
    events, that of one of its name.
    """
    if ABSENT in (old, new) or _form_of(old) != _form_of(new):
        yield Difference(path, old, new)
        return
    if _is_collection(old):
        yield from _item_differences(old, new, path)
        return
    if isinstance(old, Cut | Hidden) or kind_of(old) == (Opaque, "text"):
        return
    then, now = steps(old) or {}, steps(new) or {}
    for step in dict.fromkeys([*then, *now]):
        yield from _shape_differences(
            then.get(step, ABSENT), now.get(step, ABSENT), path + step
        )


def _is_collection(node: Node) -> bool:
    is_queue = isinstance(node, Fields) and node.kind == "deque"
    return is_queue or (isinstance(node, Items) and node.kind in _COLLECTIONS)


def _members_of(node: Node) -> list[Node]:
    return items_of(node) or list((steps(node) or {}).values())


def _item_differences(old: Node, new: Node, path: str) -> Iterator[Difference]:
    is_stream = kind_of(old) == (Items, "events")
    then, now = _members_of(old), _members_of(new)
    told: set[str] = set()
    for place, item in enumerate(now if then else ()):
        alike: list[Any] = list(then)
        if is_stream:
            name = _event_name(item)
            alike = [one for one in then if _event_name(one) == name] or [ABSENT]
        shape = _shape_text(item)
        is_new = shape not in told
        if is_new and all(next(_shape_differences(one, item), None) for one in alike):
            told.add(shape)
            form = _form_of(item)
            same = [one for one in alike if one is ABSENT or _form_of(one) == form]
            yield from _shape_differences((same or then)[0], item, f"{path}[{place}]")


def _event_name(node: Node) -> str | None:
    """Return the name of an event of a stream, None of an item that has none."""
    if not isinstance(node, Fields) or "data" not in node.parts:
        return None
    name = node.parts.get("event")
    return name if isinstance(name, str) else None


def _form_of(node: Node) -> object:
    """Return what must agree of two nodes: the type of the value, of a library's data its dtypes and columns, too."""
    if isinstance(node, Opaque) and node.kind == "text":
        is_data_of_library = library_of(type(node.value)) is not None
        return node.type, form(node.value) if is_data_of_library else ()
    if isinstance(node, Cut | Hidden):
        return node.type
    if isinstance(node, Items | Fields | Opaque):
        return node.kind
    return type(node).__name__


def _shape_text(node: Node) -> str:
    """Return a text for the shape of a node, to tell each kind of difference once."""
    inner = sorted(
        f"{step}{_shape_text(part)}" for step, part in (steps(node) or {}).items()
    )
    if _is_collection(node):
        inner = sorted({one.partition("]")[2] for one in inner})
    return f"{_form_of(node)}({inner})"

"""Compares a real outcome with its recording, for verifying and for equal outcomes.

Identities decide whether two outcomes are equal. Within tolerances, numbers decide.
Trees explain the difference.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.pruning import prune
from pytest_mimic._core.nodes.node_classes import NOTHING, Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.nodes.node_parts import kind_of_node, value_of_node
from pytest_mimic._core.nodes.node_values import TEXT_KINDS, known_value
from pytest_mimic._core.outcome.encoding import Encoded
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.tree.column_differences import changed_columns
from pytest_mimic._core.tree.describing import WHOLE_BUDGET, tree_of
from pytest_mimic._core.tree.differing import Difference, as_differences, differences
from pytest_mimic._core.tree.drawing import line, steps
from pytest_mimic._core.tree.kept_columns import columns_of
from pytest_mimic._core.tree.library_values import labels_of, library_difference
from pytest_mimic._core.tree.secrets_in_objects import secrets_in
from pytest_mimic._core.tree.shapes import shape_differences
from pytest_mimic._core.types.attributes_and_parts import (
    exception_parts,
    user_attributes,
)
from pytest_mimic._core.types.exception_fields import is_pickled_in_c
from pytest_mimic._core.types.libraries import is_data, library_of
from pytest_mimic._core.types.option_paths import Steps, parse_path, paths_into_part
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.stream_events import Events, ServerSentEvent
from pytest_mimic._core.types.words_for_types import shown_type_name

_DIFFERS_UNSEEN = "differs from the recording in a part that has no readable form"
_DIFFERS_IN_ORDER = "the keys are in another order now"
_NUMBERS = frozenset({int, float, complex, Decimal, Fraction})


class ComparisonRules(NamedTuple):
    """What counts as a difference between two outcomes.

    `rtol`, `atol`, `volatile` and `mode` are options of the target's line, see
    `target_options.Options`. There, `mode` is called `compare`. The adapter of a client
    gives `exact_keys`.

    Attributes:
        rtol: The relative tolerance for numbers.
        atol: The absolute tolerance for numbers.
        volatile: Paths in the outcome, or in each event of a stream, to leave out:
            `headers.date`, `rows.*.id`.
        mode: With `shape`, keys, types and the lengths of tuples count, but not values
            and the lengths of lists.
        exact_keys: The keys of a returned mapping whose values count with `shape`, too.
        mapping_order_counts: Whether the order of mappings counts.
    """

    rtol: float = 0.0
    atol: float = 0.0
    volatile: Collection[str] = ()
    mode: Literal["exact", "shape"] = "exact"
    exact_keys: Collection[str] = ()
    mapping_order_counts: bool = False

    @property
    def has_tolerance(self) -> bool:
        """Whether numbers that differ a little are equal."""
        return bool(self.rtol or self.atol)


EXACTLY = ComparisonRules()


def compare(
    recorded: Outcome,
    actual: Outcome,
    rules: ComparisonRules = EXACTLY,
    *,
    redactor: Redactor,
    secrets: Iterable[str] = (),
) -> list[Difference]:
    """Return the differences between two outcomes, none if they are equal.

    Verifying reports them as a drift. Values are equal if their identities are: types
    count, and NaN equals itself.
    """
    return _OutcomeComparison(rules, redactor, frozenset(secrets)).outcomes(
        recorded, actual
    )


# The attributes that count of the answer and the request in an exception of an HTTP
# client. Others, such as the date, the cookies and the time that the exchange took,
# differ in each run.
_HTTP_CLIENTS = ("requests", "httpx", "httpx2", "urllib3", "aiohttp")
_COUNTED_FACTS = ("status_code", "status", "url", "_url", "method", "_content", "body")


def _counted_attributes(error: BaseException) -> dict[str, Any]:
    """Return the attributes of an exception that count when it is verified."""
    attributes: dict[str, Any] = {}
    for name, value in user_attributes(error).items():
        library = type(value).__module__.partition(".")[0]
        if library in _HTTP_CLIENTS and hasattr(value, "headers"):
            attributes[name] = _counted_facts_of_message(value)
        else:
            attributes[name] = value
    return attributes


def _counted_facts_of_message(message: Any) -> dict[str, Any]:
    """Return the facts of a request or a response that count, by their names."""
    facts = {name: getattr(message, name, None) for name in _COUNTED_FACTS}
    facts["content-type"] = message.headers.get("content-type")
    counting_facts: dict[str, Any] = {}
    for name, fact in facts.items():
        if fact is not None:
            counting_facts[name] = fact
    return counting_facts


def _counted_parts_of_error(error: BaseException) -> dict[str, Any]:
    """Return the parts of an exception that count, by their names."""
    return {
        "args": [*error.args],
        **exception_parts(error),
        **_counted_attributes(error),
    }


def _items_of_stream(stream: Stream) -> list[object]:
    """Return the items of a stream as they are compared, copies in memory loaded."""
    items: list[object] = []
    for item in stream.items:
        if isinstance(item, Encoded):
            items.append(item.load())
        else:
            items.append(item)
    return items


class _OutcomeComparison:
    """Compares the parts of two outcomes by the same rules."""

    def __init__(
        self, rules: ComparisonRules, redactor: Redactor, secrets: frozenset[str]
    ) -> None:
        self._rules = rules
        self._redactor = redactor
        self._secrets = secrets
        self._volatile = [parse_path(path) for path in rules.volatile]

    def outcomes(
        self, recorded: Outcome, actual: Outcome, *, subject: str = ""
    ) -> list[Difference]:
        """Compare two outcomes, or with a `subject` the ends of two streams."""
        if type(recorded) is not type(actual):
            summaries = self._summary(recorded), self._summary(actual)
            return [
                Difference(
                    "", outcomes_in_words=summaries, subject=subject or "the call"
                )
            ]
        if isinstance(recorded, Stream) and isinstance(actual, Stream):
            return self._streams(recorded, actual)
        if isinstance(recorded, Raised) and isinstance(actual, Raised):
            return self._errors(recorded.error, actual.error)
        root = ""
        if subject:
            root = "end"
        return self._values(root, recorded.content, actual.content)

    def _streams(self, recorded: Stream, actual: Stream) -> list[Difference]:
        """Compare two streams, of which items count as far as both were read."""
        recorded_items = _items_of_stream(recorded)
        actual_items = _items_of_stream(actual)
        # A reader that stopped early says nothing of the items that it did not read.
        if actual.end is None:
            del recorded_items[len(actual_items) :]
        if recorded.end is None:
            del actual_items[len(recorded_items) :]
        is_whole = recorded.end is not None and actual.end is not None
        found_differences = self._values(
            "items",
            Events(recorded_items, is_whole=is_whole),
            Events(actual_items, is_whole=is_whole),
        )
        if recorded.end is not None and actual.end is not None:
            found_differences += self.outcomes(
                recorded.end, actual.end, subject="the end of the stream"
            )
        return found_differences

    def _errors(
        self, recorded: BaseException, actual: BaseException
    ) -> list[Difference]:
        """Compare two exceptions: by their parts, or whole where their types differ."""
        kind = type(recorded)
        # A class that was made anew, as in a reloaded module, is the same by its name.
        if shown_type_name(kind) != shown_type_name(type(actual)):
            return self._values("exception", recorded, actual)
        found_differences = self._values(
            kind.__qualname__,
            _counted_parts_of_error(recorded),
            _counted_parts_of_error(actual),
        )
        if found_differences or not is_pickled_in_c(kind):
            return found_differences
        if self._rules.mode == "shape" or self._volatile:
            return []
        if not _is_other(recorded, actual):
            return []
        # What differs is held in C: the errors of pydantic's `ValidationError`.
        return [_difference_not_in_trees(self._tree(recorded), self._tree(actual))]

    def _summary(self, outcome: Outcome) -> str:
        if isinstance(outcome, Stream):
            return f"gave {len(outcome.items)} items"
        verb = "returned"
        if isinstance(outcome, Raised):
            verb = "raised"
        return f"{verb} {line(self._tree(outcome.content), 70)}"

    def _tree(self, value: object) -> Node:
        return tree_of(
            value,
            self._redactor,
            budget=WHOLE_BUDGET,
            secrets=self._secrets,
            is_for_verifying=True,
        )

    def _values(self, root: str, recorded: Any, actual: Any) -> list[Difference]:
        """Compare two values.

        Paths may begin with the name of the `root`; a returned value has none.
        """
        if self._volatile:
            whole_root = {(root,), ("*",)}
            if root and not whole_root.isdisjoint(self._volatile):
                # `volatile=` names all of it, such as the items of the stream.
                return []
            paths = [*self._volatile, *_inner_paths(self._volatile, root, recorded)]
            recorded, actual = (
                _without_paths(recorded, paths),
                _without_paths(actual, paths),
            )
        # None: a value has no identity, so that only the trees tell.
        is_other = _is_other(recorded, actual)
        is_reordered = self._rules.mapping_order_counts and self._has_other_order(
            recorded, actual
        )
        if is_other is False and not is_reordered:
            return []
        # What follows only explains the difference, and shows no secret.
        for side in (recorded, actual):
            self._secrets |= secrets_in(side, self._redactor)
        old, new = self._tree(recorded), self._tree(actual)
        if self._rules.mode == "shape":
            exact_parts = _exact_parts(old, self._rules.exact_keys)
            other_exact_parts = _exact_parts(new, self._rules.exact_keys)
            found_differences = [
                *differences(exact_parts, other_exact_parts),
                *shape_differences(old, new),
            ]
        else:
            found_differences = self._between_trees(old, new)
            # With a tolerance, the identities may differ in numbers that are close.
            is_certain = is_other and not self._rules.has_tolerance
            if not found_differences and (is_reordered or is_certain):
                found_differences = [_difference_not_in_trees(old, new)]
        return [
            difference.with_paths(partial(_path_from_root, root))
            for difference in found_differences
        ]

    def _between_trees(self, old: Node, new: Node) -> list[Difference]:
        """Return the differences that two trees show, or the objects below them."""
        if self._rules.has_tolerance:
            new = self._with_recorded_numbers(old, new)
        found_differences: list[Difference] = []
        for difference in differences(old, new):
            found_differences += self._differences_as_told(difference)
        return found_differences or _unseen_differences(old, new, "")

    def _has_other_order(self, recorded: object, actual: object) -> bool:
        """Return whether two values have other texts, as with keys in another order.

        Identities do not count the order of keys.
        """
        return str(plain_of(self._tree(recorded))) != str(plain_of(self._tree(actual)))

    def _differences_as_told(self, difference: Difference) -> list[Difference]:
        """Return a difference between two values of a library as people say it.

        Each column of a table or array that differs becomes a difference. For other
        values, the library has the words.
        """
        old = value_of_node(difference.old)
        new = value_of_node(difference.new)
        if not _are_data_of_one_type(old, new):
            return [difference]
        labels = [*labels_of(old), *labels_of(new)]
        if any(map(self._redactor.secret, labels)):
            # Values of that column might be shown.
            fact = f"{PLACEHOLDER} recorded, another value now"
            return [difference._replace(fact=fact)]
        columns = columns_of(old)
        other_columns = columns_of(new)
        if columns is not None and other_columns is not None:
            changes = changed_columns(
                columns, other_columns, is_same=self._is_same, node_of=self._tree
            )
            differences_by_column = list(as_differences(changes, difference.path))
            if differences_by_column:
                return differences_by_column
        # No column shows the difference, such as one in the name of a series.
        rules = self._rules
        difference_in_words = library_difference(
            old, new, rtol=rules.rtol, atol=rules.atol
        )
        fact = hide_values(difference_in_words or _DIFFERS_UNSEEN, self._secrets)
        return [difference._replace(fact=fact)]

    def _is_same(self, old: Any, new: Any) -> bool:
        """Return whether two values of a column are equal, or close enough.

        NaN, which equals nothing, is the same as NaN.
        """
        try:
            if bool(old == new) or (bool(old != old) and bool(new != new)):
                return True
            if self._rules.has_tolerance and isinstance(old, (int, float)):
                allowed = self._rules.atol + self._rules.rtol * abs(old)
                return bool(abs(new - old) <= allowed)
        except (TypeError, ValueError):
            # The missing value of pandas is neither equal nor unequal.
            return repr(old) == repr(new)
        return False

    def _with_recorded_numbers(self, old: Node, new: Node) -> Node:
        """Return the new tree with the recorded number for each number close to it.

        So numbers within the tolerances are no differences.
        """
        if kind_of_node(old) != kind_of_node(new):
            return new
        # Such are decimals, fractions and arrays.
        if isinstance(old, Opaque) or kind_of_node(old)[1] in TEXT_KINDS:
            if self._are_close(known_value(old), known_value(new)):
                return old
            return new
        if isinstance(old, Items) and isinstance(new, Items):
            items = [
                self._with_recorded_numbers(*pair) for pair in zip(old.items, new.items)
            ]
            # Items that have come stay differences.
            items += new.items[len(old.items) :]
            return Items(new.kind, items, new.length, new.digest, new.facts)
        if isinstance(old, Fields) and isinstance(new, Fields):
            parts: dict[str, Node] = {}
            is_changed = False
            for name, part in new.parts.items():
                parts[name] = part
                if name in old.parts:
                    parts[name] = self._with_recorded_numbers(old.parts[name], part)
                if parts[name] is not part:
                    is_changed = True
            if not is_changed:
                # The node has its value, which tells a difference that no tree shows.
                return new
            return Fields(new.kind, parts, new.length, new.digest, new.facts)
        if _is_close(old, new, self._rules):
            return old
        return new

    def _are_close(self, old: object, new: object) -> bool:
        """Return whether two values, such as arrays, are within the tolerances."""
        if not _are_data_of_one_type(old, new):
            return _is_close(old, new, self._rules)
        rules = self._rules
        return library_difference(old, new, rtol=rules.rtol, atol=rules.atol) is None


def _exact_parts(node: Node, names: Iterable[str]) -> Fields:
    """Return the parts of a returned mapping whose values count even by shape.

    The status of a response is such a part.
    """
    exact_parts: dict[str, Node] = {}
    if isinstance(node, Fields):
        for name in names:
            if name in node.parts:
                exact_parts[name] = node.parts[name]
    return Fields("dict", exact_parts)


def _inner_paths(paths: Sequence[Steps], root: str, value: object) -> list[Steps]:
    """Return the paths whose first step names the outcome, without that step.

    A returned value is called `result`, unless a part of it has this name:
    `result.day` becomes `day`.
    """
    if root:
        names = {root, "*"}
    elif isinstance(value, dict) and "result" in value:
        names = set()
    else:
        names = {"result"}
    inner_paths: list[Steps] = []
    for first_step, *inner_steps in paths:
        if first_step in names and inner_steps:
            inner_paths.append(tuple(inner_steps))
    return inner_paths


def _path_from_root(root: str, path: str) -> str:
    """Return a path behind the name of the outcome, or `result` if a name is needed.

    Examples:
        | root | path | rooted |
        |---|---|---|
        | `items` | `[0].id` | `items[0].id` |
        | `KeyError` | `args` | `KeyError.args` |
        | | `rates.USD` | `rates.USD` |
        | | `[0]` | `result[0]` |
    """
    path = path.removeprefix(".")
    is_index = not path or path[0] in "[{"
    if is_index:
        return f"{root or 'result'}{path}"
    return f"{root}.{path}" if root else path


def _is_other(recorded: object, actual: object) -> bool | None:
    """Return whether two values have different identities.

    None: one of the values has no identity.
    """
    if recorded is actual:
        return False
    old, new = identity_of(recorded), identity_of(actual)
    if old is None or new is None:
        return None
    return old != new


def _are_data_of_one_type(old: object, new: object) -> bool:
    """Return whether two values are arrays, frames or the like, of the same class."""
    return is_data(old) and shown_type_name(type(old)) == shown_type_name(type(new))


def _unseen_differences(old: Node, new: Node, path: str) -> list[Difference]:
    """Return differences in the innermost objects that differ only by identity.

    Their trees are equal, so a drift says no more of them than their path.
    """
    new_parts = steps(new) or {}
    found_differences: list[Difference] = []
    # An inner object that differs says more than those around it.
    for step, part in (steps(old) or {}).items():
        found_differences += _unseen_differences(part, new_parts.get(step), path + step)
    old_value = value_of_node(old)
    new_value = value_of_node(new)
    if found_differences or old_value is NOTHING or new_value is NOTHING:
        return found_differences
    is_other = _is_other(old_value, new_value)
    if is_other:
        return [_difference_not_in_trees(old, new, path)]
    if is_other is False or not isinstance(old, Opaque):
        # An object with parts but without an identity counts by its parts.
        return []
    # Without an identity, the values themselves say whether they are equal.
    if _are_equal(old_value, new_value):
        return []
    return [Difference(path, old, new)]


def _are_equal(recorded: object, actual: object) -> bool:
    """Return whether two values say that they are equal."""
    try:
        return bool(recorded == actual)
    except Exception:
        # A comparison that fails shows no equality.
        return False


def _difference_not_in_trees(old: Node, new: Node, path: str = "") -> Difference:
    """Return a difference between two values that their trees do not show.

    The trees have the same parts.
    """
    old_steps = list(steps(old) or ())
    new_steps = list(steps(new) or ())
    if old_steps == new_steps:
        return Difference(path, fact=_DIFFERS_UNSEEN)
    # The steps are the same, in another order.
    return Difference(path, fact=_DIFFERS_IN_ORDER)


def _without_paths(value: Any, paths: Sequence[Steps]) -> Any:
    """Return a value without the parts that `volatile=` names."""
    if type(value) is dict:
        return _pruned_mapping(value, paths)
    if isinstance(value, Events):
        return _pruned_events(value, paths)
    if library_of(type(value)) is not None and hasattr(value, "columns"):
        return _pruned_table(value, paths)
    try:
        return prune(value, paths)
    except Unstable:
        # The value is compared as it is.
        return value


def _pruned_mapping(mapping: dict[Any, Any], paths: Sequence[Steps]) -> dict[Any, Any]:
    """Return a mapping without the parts that `volatile=` names, to be compared."""
    pruned: dict[Any, Any] = {}
    for key, part in mapping.items():
        is_gone, paths_below = paths_into_part(paths, str(key))
        if not is_gone:
            pruned[key] = _without_paths(part, paths_below)
    return pruned


def _pruned_events(events: Events, paths: Sequence[Steps]) -> Events:
    """Return events without the parts that paths name.

    A path need not have the number of the event, nor `data`: `id` leads to
    `[0].data.id`.
    """
    pruned: list[Any] = []
    for place, event in enumerate(events):
        numbers = "*", str(place), str(place - len(events))
        is_gone, paths_below = paths_into_part(paths, *numbers)
        if is_gone:
            continue
        # Paths without a number lead into each event.
        paths_below += [path for path in paths if path[0] not in numbers]
        paths_below += [("data", *path) for path in paths_below]
        if isinstance(event, ServerSentEvent):
            event = dict(event)
        pruned.append(_without_paths(event, paths_below))
    return Events(pruned, is_whole=events.is_whole)


def _pruned_table(table: Any, paths: Sequence[Steps]) -> Any:
    """Return a table of a library without the columns that paths name."""
    # A longer path would lead into a value of the column, which is never left out.
    names = {path[0] for path in paths if len(path) == 1}
    columns = getattr(table, "column_names", table.columns)
    columns_left_out = [column for column in columns if str(column) in names]
    if "pandas" in type(table).__module__:
        return table.drop(columns=columns_left_out)
    # polars and pyarrow drop columns alone.
    return table.drop(columns_left_out)


def _is_close(recorded: Any, actual: Any, rules: ComparisonRules) -> bool:
    """Return whether two numbers are close, as `numpy.isclose` says.

    NaN is close to nothing: the texts of two NaNs decide.
    """
    if library_of(type(recorded)) == "numpy" == library_of(type(actual)):
        recorded, actual = _python_number(recorded), _python_number(actual)
    kind = type(recorded)
    if kind is not type(actual) or kind not in _NUMBERS:
        return False
    rtol: Any = rules.rtol
    atol: Any = rules.atol
    limit: Any = math.inf
    if kind is Decimal:
        # A Decimal can neither be multiplied by a float nor added to one.
        rtol, atol, limit = Decimal(repr(rtol)), Decimal(repr(atol)), Decimal("inf")
    try:
        allowed = atol + rtol * abs(recorded)
        return bool(recorded == actual or abs(actual - recorded) <= allowed < limit)
    except ArithmeticError:
        return False


def _python_number(scalar: Any) -> Any:
    """Return a scalar of numpy as a number of Python; None: it is no scalar."""
    item = getattr(scalar, "item", None)
    if item is None:
        return None
    return item()

"""The differences between two trees: parts by their path, items that came and went.

They explain a miss, a drift, a mutation and `diff`. No decision of a replay depends on
them. `difference_words` puts them into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import order
from pytest_mimic._core.nodes.node_parts import (
    digest_of,
    is_file,
    items_of,
    kind_of_node,
    length_of,
)
from pytest_mimic._core.tree.aligning import Turn, turns
from pytest_mimic._core.tree.call_labels import nodes_by_name
from pytest_mimic._core.tree.column_differences import Change, changed_columns
from pytest_mimic._core.tree.drawing import steps
from pytest_mimic._core.tree.kept_columns import kept_columns
from pytest_mimic._core.types.option_paths import drawn_steps, parse_path

#: Stands for the node of a side that has no part at a path of the other side.
ABSENT: Any = type("Absent", (), {})()
# Two lists are aligned only if they have at most so many items together, since the time
# grows with the square, and if one list has at most so many items more than the other.
_MOST_ITEMS = 5_000
_MOST_ADDED = 3


class Difference(NamedTuple):
    """A part in which two values differ.

    A part that the new side has gained has an `old` of `ABSENT`. A part that the new
    side has lost has a `new` of `ABSENT`. The path does not tell a key of a mapping
    from an attribute, `rates.USD`. The node around the part does: a mapping has the
    `kind` `dict`.

    Attributes:
        path: Where the part is, `rates.USD`, as `ignore=` and `volatile=` take it;
            empty for the whole value.
        old: The node of the old side, or `ABSENT`.
        new: The node of the new side, or `ABSENT`.
        fact: How the two sides differ, if neither their trees nor `outcomes_in_words`
            show it.
        outcomes_in_words: The outcomes of both sides, `gave 3 items` and `raised
            OSError()`, if these are of two kinds.
        subject: The words for what has these outcomes, `the call`; empty: there are no
            such outcomes.
        lists: The path of each list that the part lies in, and the number of its items.
    """

    path: str
    old: Any = ABSENT
    new: Any = ABSENT
    fact: str = ""
    outcomes_in_words: tuple[str, str] | None = None
    subject: str = ""
    lists: tuple[tuple[str, int], ...] = ()

    def with_paths(self, change_path: Callable[[str], str]) -> Difference:
        """Return the difference with its path, and those of its lists, changed."""
        return self._replace(
            path=change_path(self.path),
            lists=tuple((change_path(path), count) for path, count in self.lists),
        )


def argument_differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> list[Difference]:
    """Return the differences between the descriptions of two calls' arguments.

    The list may be empty although the calls differ: in a secret, or in parts of which
    the descriptions lack something. The recorded arguments are None if the vault does
    not store them.
    """
    if old is None or new is None:
        return []
    return part_differences(nodes_by_name(old), nodes_by_name(new))


def part_differences(
    old: Mapping[str, Node], new: Mapping[str, Node]
) -> list[Difference]:
    """Return the differences between two calls' arguments, which `nodes_by_name` gives.

    A missed call is compared so with each candidate for the nearest recording. In the
    paths of the differences, names have no stars: `rest[0]`, as `ignore=` takes it.
    """
    old_parts = {name.lstrip("*"): part for name, part in old.items()}
    new_parts = {name.lstrip("*"): part for name, part in new.items()}
    return list(_between_parts(old_parts, new_parts, ""))


def fills_private_attribute(difference: Difference) -> bool:
    """Return whether a call has filled a private attribute that was empty before.

    Such an attribute may only remember something, so `ignore=` may leave it out. One
    that was not empty may hold what tells calls apart, such as the number of a
    quantity.
    """
    _, _, last_step = difference.path.rpartition(".")
    if last_step[:1] != "_" or last_step.endswith("]"):
        return False
    old = difference.old
    if isinstance(old, Items):
        return not old.items and not old.length
    if isinstance(old, Fields):
        return old.kind == "dict" and not old.parts and not old.length
    return old is None or old is ABSENT


def lies_in_ignored_part(path: str, ignored_paths: Iterable[str]) -> bool:
    """Return whether the path of a difference leads into a part that `ignore=` names.

    `order.number` and `order.number.digits` lead into `order.*`, and `order` does not.
    A member of a set, `tags{'a b'}`, leads into `tags`, but not into `tags.*`.
    """
    steps_of_path = drawn_steps(path)
    for ignored_path in ignored_paths:
        ignored_steps = parse_path(ignored_path)
        if len(ignored_steps) > len(steps_of_path):
            continue
        pairs = zip(ignored_steps, steps_of_path, strict=False)
        if all(ignored_step in ("*", step) for ignored_step, step in pairs):
            return True
    return False


def differences(old: Node, new: Node) -> list[Difference]:
    """Return the differences between two trees, in the order of the old tree."""
    return [
        difference.with_paths(lambda path: path.removeprefix("."))
        for difference in _between(old, new, "")
    ]


def _between(old: Node, new: Node, path: str) -> Iterator[Difference]:
    """Yield the innermost differences between two nodes, with their paths."""
    if _is_same_value(old, new):
        return
    # Values of two kinds differ as a whole.
    if kind_of_node(old) != kind_of_node(new) and not _are_tables(old, new):
        yield Difference(path, old, new)
        return
    if _is_same_file(old, new):
        # Nothing but the content of a file counts.
        if digest_of(old) != digest_of(new):
            yield Difference(path, old, new)
        return
    is_partial = length_of(old) is not None or length_of(new) is not None
    is_told = False
    for difference in _inside(old, new, path, is_partial=is_partial):
        is_told = True
        yield difference
    if is_partial and length_of(old) != length_of(new):
        # Items that neither tree holds have come or gone.
        yield Difference(path, _total(old), _total(new))
    elif not is_told and digest_of(old) != digest_of(new):
        # The digests are those of the whole values: the difference lies in a part that
        # the trees do not hold.
        if is_partial:
            yield Difference(path, _total(old), _total(new))
        else:
            yield Difference(path, old, new)


def _inside(
    old: Node, new: Node, path: str, *, is_partial: bool
) -> Iterator[Difference]:
    """Return the differences between the parts that two trees of one kind hold.

    With `is_partial`, the trees hold only the first items of their values, so the items
    at equal places are compared. Otherwise lists are aligned.
    """
    columns, other_columns = kept_columns(old), kept_columns(new)
    if columns is not None and other_columns is not None:
        changes = changed_columns(
            columns, other_columns, is_same=_is_same_node, node_of=_as_it_is
        )
        return as_differences(changes, path)
    items, other_items = items_of(old), items_of(new)
    if items is not None and other_items is not None:
        return _between_items(items, other_items, path, in_order=not is_partial)
    parts, other_parts = steps(old), steps(new)
    if parts is not None and other_parts is not None:
        return _between_parts(parts, other_parts, path)
    return _between_texts(old, new, path)


def _are_tables(old: Node, new: Node) -> bool:
    """Check whether two nodes are compared by their columns."""
    return kept_columns(old) is not None and kept_columns(new) is not None


def _between_texts(old: Node, new: Node, path: str) -> Iterator[Difference]:
    """Yield a difference if two nodes without parts differ."""
    if order(old) != order(new):
        yield Difference(path, old, new)


def _is_same_file(old: Node, new: Node) -> bool:
    """Check whether two nodes stand for files whose content is compared.

    Two values of `content=` are the same even if the names of the files differ.
    """
    if not (isinstance(old, Opaque) and isinstance(new, Opaque)):
        return False
    is_same_name = old.kind == "content" or old.text == new.text
    return is_file(old) and is_file(new) and is_same_name


def _between_parts(
    old: Mapping[str, Node], new: Mapping[str, Node], path: str
) -> Iterator[Difference]:
    """Yield the differences between parts, which are given by their steps in a path."""
    for step in dict.fromkeys([*old, *new]):
        if step in old and step in new:
            yield from _between(old[step], new[step], path + step)
        else:
            yield Difference(path + step, old.get(step, ABSENT), new.get(step, ABSENT))


def as_differences(changes: Iterable[Change], path: str) -> Iterator[Difference]:
    """Yield the changes of `changed_columns` as `Difference`s below a path."""
    for step, old, new in changes:
        difference = Difference(path + step)
        if old is not None:
            difference = difference._replace(old=old)
        if new is not None:
            difference = difference._replace(new=new)
        yield difference


def _is_same_node(old: Node, new: Node) -> bool:
    return type(old) is type(new) and bool(old == new)


def _as_it_is(node: Node) -> Node:
    """Return the node of a value of a kept column, which is a node already."""
    return node


def _between_items(
    old: list[Node], new: list[Node], path: str, *, in_order: bool
) -> Iterator[Difference]:
    """Yield the differences between two lists.

    A few items that were put in or taken out shift the items behind them.

    Examples:
        | old | new | differences |
        |---|---|---|
        | `[1, 2, 3]` | `[1, 9, 3]` | `[1]`: 2, 9 |
        | `[1, 2, 3]` | `[1, 3]` | `[1]`: 2, absent |
    """
    shared = min(len(old), len(new))
    place_by_place: list[Turn] = [("replace", 0, shared, 0, shared)]
    changes = place_by_place
    # Of many items that came or went, only their number is told.
    if in_order and len(old) != len(new):
        is_many = len(old) + len(new) > _MOST_ITEMS
        if is_many or abs(len(old) - len(new)) > _MOST_ADDED:
            yield Difference(path, _node_of_count(len(old)), _node_of_count(len(new)))
        else:
            aligned = turns(list(map(order, old)), list(map(order, new)))
            if aligned is not None:
                changes = aligned
    # A remedy may replace the numbers of all items by a star, so it needs their count.
    this_list = path, len(new)
    for tag, *ends in changes:
        if tag == "equal":
            continue
        for difference in _between_stretches(old, new, path, *ends):
            yield difference._replace(lists=(this_list, *difference.lists))


def _between_stretches(
    old: list[Node],
    new: list[Node],
    path: str,
    old_start: int,
    old_end: int,
    new_start: int,
    new_end: int,
) -> Iterator[Difference]:
    """Yield the differences between a stretch of a list and its replacement."""
    old_places, new_places = range(old_start, old_end), range(new_start, new_end)
    for old_place, new_place in zip_longest(old_places, new_places):
        if old_place is None:
            yield Difference(f"{path}[{new_place}]", ABSENT, new[new_place])
        elif new_place is None:
            yield Difference(f"{path}[{old_place}]", old[old_place], ABSENT)
        else:
            item, other_item = old[old_place], new[new_place]
            yield from _between(item, other_item, f"{path}[{new_place}]")


def _is_same_value(old: Node, new: Node) -> bool:
    """Check whether two values have one identity, by the digests in their nodes.

    Their texts may still differ, as a version of a library may name them otherwise.
    """
    digest = digest_of(old)
    if not digest or is_file(old) or is_file(new):
        # Nothing tells, or the digest is that of a file's content alone.
        return False
    return digest == digest_of(new)


def _total(node: Node) -> Opaque:
    """Return a node that shows only the length of a container.

    The node stands for a difference beyond the items in the tree.
    """
    length = length_of(node)
    if length is None:
        length = len(steps(node) or ())
    return _node_of_count(length, digest_of(node))


def _node_of_count(length: int, digest: str = "") -> Opaque:
    return Opaque("count", length, digest=digest)

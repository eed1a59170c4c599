"""Compares the shapes of trees, for `compare=shape`.

Keys, types and the lengths of tuples must agree, but neither values nor the lengths of
lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_json import order
from pytest_mimic._core.nodes.node_parts import items_of, kind_of_node, type_of
from pytest_mimic._core.tree.differing import ABSENT, Difference
from pytest_mimic._core.tree.drawing import steps
from pytest_mimic._core.tree.library_values import library_shape
from pytest_mimic._core.types.libraries import library_of

# Kinds of bytes, of which some are a text and others are not.
_BYTES = frozenset(("base64", "bytes"))
# Kinds of items whose values and number are free.
_COLLECTIONS = frozenset(("list", "set", "frozenset", "events"))


def shape_differences(old: Node, new: Node, path: str = "") -> Iterator[Difference]:
    """Yield the differences between the shapes of two trees.

    Each item of a list must have the shape of a recorded item, if there was any. An
    event must have the shape of a recorded event of its name.
    """
    if ABSENT in (old, new) or _form_of(old) != _form_of(new):
        yield Difference(path, old, new)
        return
    if _is_collection(old):
        yield from _item_differences(old, new, path)
        return
    if isinstance(old, Cut | Hidden) or kind_of_node(old) == (Opaque, "text"):
        # Nothing is known of the parts, or there are none.
        return
    parts, other_parts = steps(old) or {}, steps(new) or {}
    for step in dict.fromkeys([*parts, *other_parts]):
        part, other_part = parts.get(step, ABSENT), other_parts.get(step, ABSENT)
        yield from shape_differences(part, other_part, path + step)


def _is_collection(node: Node) -> bool:
    """Return whether a node is one of items whose number is free."""
    is_queue = isinstance(node, Fields) and node.kind == "deque"
    return is_queue or (isinstance(node, Items) and node.kind in _COLLECTIONS)


def _members_of_collection(node: Node) -> list[Node]:
    return items_of(node) or list((steps(node) or {}).values())


def _item_differences(old: Node, new: Node, path: str) -> Iterator[Difference]:
    """Yield, once for each new shape, how an item differs from the recorded ones."""
    recorded = _members_of_collection(old)
    if not recorded:
        # An empty list says nothing of the shape of items.
        return
    is_stream = kind_of_node(old) == (Items, "events")
    told_shapes: set[str] = set()
    for place, item in enumerate(_members_of_collection(new)):
        counterparts = recorded
        if is_stream:
            counterparts = _events_named_as(item, recorded)
        if _has_shape_of_one(item, counterparts):
            continue
        shape = _shape_text(item)
        if shape in told_shapes:
            # An item before it has drifted in the same way.
            continue
        told_shapes.add(shape)
        recorded_item = _item_to_compare(item, counterparts)
        yield from shape_differences(recorded_item, item, f"{path}[{place}]")


def _events_named_as(event: Node, recorded: list[Node]) -> list[Node]:
    """Return the recorded events with the name of an event, which have its shape."""
    name = _event_name(event)
    named_events: list[Node] = []
    for recorded_event in recorded:
        if _event_name(recorded_event) == name:
            named_events.append(recorded_event)
    return named_events


def _has_shape_of_one(item: Node, counterparts: list[Node]) -> bool:
    """Return whether an item has the shape of a recorded item."""
    for recorded_item in counterparts:
        first_difference = next(shape_differences(recorded_item, item), None)
        if first_difference is None:
            return True
    return False


def _item_to_compare(item: Node, counterparts: list[Node]) -> Any:
    """Return the recorded item with which a message compares a new item.

    The first counterpart of the same type is taken, else the first of all.
    """
    if not counterparts:
        return ABSENT
    form_of_item = _form_of(item)
    for recorded_item in counterparts:
        if _form_of(recorded_item) == form_of_item:
            return recorded_item
    return counterparts[0]


def _event_name(node: Node) -> str | None:
    """Return the name of an event of a stream; None: the item has no name."""
    if not isinstance(node, Fields) or "data" not in node.parts:
        return None
    name = node.parts.get("event")
    if isinstance(name, str):
        return name
    return None


def _form_of(node: Node) -> object:
    """Return what must be equal of two nodes with one shape: the type of the value.

    Of a library's data, the dtypes and columns must be equal, too.
    """
    if isinstance(node, Opaque) and node.kind == "text":
        if library_of(type(node.value)) is None:
            return node.type, ()
        return node.type, library_shape(node.value)
    if isinstance(node, Cut | Hidden):
        return node.type
    if isinstance(node, Fields) and "of" in node.facts:
        # The arguments of a generic class belong to its type.
        return node.kind, order(node.facts["of"])
    if isinstance(node, Opaque) and node.kind in _BYTES:
        return type_of(node)
    if isinstance(node, Items | Fields | Opaque):
        return node.kind
    return type(node).__name__


def _shape_text(node: Node) -> str:
    """Return a text for the shape of a node, to tell each kind of difference once."""
    shapes: list[str] = []
    for step, part in (steps(node) or {}).items():
        shape = _shape_text(part)
        if not _is_collection(node):
            shape = f"{step}{shape}"
        shapes.append(shape)
    if _is_collection(node):
        # Neither the number of an item nor how often its shape occurs is told.
        shapes = list(set(shapes))
    return f"{_form_of(node)}({sorted(shapes)})"

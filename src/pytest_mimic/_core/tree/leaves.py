"""The values without parts inside a described call, each with its path.

A recording run asks of each of these values whether the run has made it, and then warns
that the call will miss in the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.nodes.node_classes import Cut
from pytest_mimic._core.nodes.node_parts import is_file
from pytest_mimic._core.tree.call_labels import nodes_by_name
from pytest_mimic._core.tree.drawing import steps
from pytest_mimic._core.tree.made_anew import text_of_node

if TYPE_CHECKING:
    from pytest_mimic._core.nodes.node_classes import Node
    from pytest_mimic._core.types.option_paths import Steps


class Leaf(NamedTuple):
    """A value without parts inside a call.

    Attributes:
        path: Where it is, as messages show it: `body.messages[0].content`.
        text: Its text.
    """

    path: str
    text: str


def leaves(arguments: Mapping[str, Any], ignored: Collection[Steps]) -> Iterator[Leaf]:
    """Yield the texts, moments and ids in the parts of a call that are not ignored.

    {"order": {"id": "5f0c…", "rows": ["a"]}}  →  order.id, order.rows[0]
    """
    for name, part in nodes_by_name(arguments).items():
        # `*rest` and `**options` are written without their stars in paths.
        plain_name = name.lstrip("*")
        yield from _leaves_in(part, plain_name, [(plain_name,)], ignored)


def _leaves_in(
    node: Node, path: str, way: list[tuple[str, ...]], ignored: Collection[Steps]
) -> Iterator[Leaf]:
    """Yield the leaves of a node.

    Args:
        node: The node.
        path: The path to it, as messages show it.
        way: The steps that lead to it, each by the names that it has in a path.
        ignored: The paths that `ignore=` leaves out.
    """
    if is_file(node):
        # Its content counts, and not its path.
        return
    if any(_leads(ignored_path, way) for ignored_path in ignored):
        # The part does not count, so it makes no later run miss.
        return
    text = text_of_node(node)
    if text is not None:
        yield Leaf(path, text)
    elif isinstance(node, Cut):
        # The beginning of a long text is all that the description has.
        if node.start is not None:
            yield Leaf(path, node.start)
    else:
        parts = steps(node) or {}
        for step, part in parts.items():
            name = step.strip("[].'\"")
            names = [name]
            if name.isdigit():
                # A path may count from the end: the last item is `-1`, too.
                names.append(str(int(name) - len(parts)))
            yield from _leaves_in(part, path + step, [*way, tuple(names)], ignored)


def _leads(path: Steps, way: list[tuple[str, ...]]) -> bool:
    """Return whether a path of `ignore=` leads to a part, which then needs no warning.

    Args:
        path: The path as its steps.
        way: The steps to the part, each by the names that it may have in such a path.
    """
    if len(path) != len(way):
        return False
    return all(
        step == "*" or step in names for step, names in zip(path, way, strict=True)
    )

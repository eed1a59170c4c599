"""The kind, the parts and the facts of a node, whatever its class."""

from __future__ import annotations

from pytest_mimic._core.nodes.node_classes import (
    NOTHING,
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.types.numpy_numbers import is_of_numpy
from pytest_mimic._core.types.stdlib_types import TYPE_NAME_BY_TAG
from pytest_mimic._core.types.tagged_values import PLACED

#: Kinds of `Items` whose items have numbers.
NUMBERED = frozenset(("list", "tuple", "events"))
#: Kinds of `Items` whose items have no order.
SETS = frozenset(("set", "frozenset"))
#: Kinds of `Opaque` values that may count with the content of a file or folder.
_KINDS_OF_FILES = PLACED | {"content"}
# The names of types whose values have kinds under other words.
_TYPE_NAME_BY_KIND = {"base64": "bytes", "object": "bytes"} | TYPE_NAME_BY_TAG
# The facts of nodes that people do not see beside the parts of a value.
_UNSEEN_FACTS = frozenset(("columns", "object", "size", "whole"))


def kind_of_node(node: object) -> tuple[type, str]:
    """Return the kind of a node's value: `1`, `1.0` and `true` are of three kinds.

    Values of two kinds differ as a whole: their parts are not compared.
    """
    if isinstance(node, Items | Fields | Opaque):
        return type(node), node.kind
    return type(node), ""


def type_of(node: Node) -> str:
    """Return the name of the type of a node's value, without its module.

    A difference shows it beside two values that look alike.
    """
    if isinstance(node, Opaque) and node.type:
        # The kind is `text`, which says nothing of the class.
        return short_name(node.type)
    if isinstance(node, Items | Fields | Opaque):
        return short_name(_TYPE_NAME_BY_KIND.get(node.kind, node.kind))
    if isinstance(node, Hidden):
        return short_name(node.type or "hidden")
    if isinstance(node, Cut):
        return "cut"
    return type(node).__name__


def short_name(name: str) -> str:
    """Return the name of a type without its module."""
    return name.rpartition(":")[2].rpartition(".")[2]


def items_of(node: object) -> list[Node] | None:
    """Return the items of a list, tuple or stream; None: the node is another one."""
    if isinstance(node, Items) and node.kind in NUMBERED:
        return node.items
    return None


def numbers_in(node: object) -> list[Node] | None:
    """Return the numbers of an array of numpy; None: the node is another one."""
    if not isinstance(node, Items) or not is_of_numpy(node.kind):
        return None
    numbers: list[Node] = []
    for number in node.items:
        if isinstance(number, str):
            # JSON has no NaN and no infinities, which are texts there.
            number = Opaque("float", number)
        numbers.append(number)
    return numbers


def shown_facts(node: Items | Fields | Opaque) -> dict[str, Node]:
    """Return the facts about a value that people see beside its parts: `maxlen`."""
    if not node.facts:
        return {}
    return {
        name: fact for name, fact in node.facts.items() if name not in _UNSEEN_FACTS
    }


def pairs_of(node: Items) -> list[tuple[Node, Node]]:
    """Return the keys and values of a mapping whose keys are not all names.

    The file of the mapping may be edited by hand, so an item that is no pair is left
    out.
    """
    pairs: list[tuple[Node, Node]] = []
    for pair in node.items:
        items = items_of(pair)
        if items is not None and len(items) == 2:
            pairs.append((items[0], items[1]))
    return pairs


def is_file(node: object) -> bool:
    """Check whether a node counts with the content of a file or folder.

    Its digest is that of the content, so a difference tells of the content alone.
    """
    return (
        isinstance(node, Opaque) and bool(node.digest) and node.kind in _KINDS_OF_FILES
    )


def length_of(node: object) -> int | None:
    """Return the length of a container that is there in part; None: it is whole.

    A difference tells it of two containers whose items are not all there.
    """
    if isinstance(node, Items | Fields):
        return node.length
    return None


def digest_of(node: object) -> str:
    """Return the digest of a value that is shown in part; empty: it has none.

    Two values of which the same part is shown are told apart by it.
    """
    if isinstance(node, Items | Fields | Opaque | Cut | Hidden):
        return node.digest
    return ""


def value_of_node(node: object) -> object:
    """Return the value of a node itself; `NOTHING`: the node does not have it.

    Verifying compares by it what trees do not show, such as a frame of pandas.
    """
    if isinstance(node, Fields | Opaque):
        return node.value
    return NOTHING

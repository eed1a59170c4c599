"""Digests of values: by one walk, or as a graph if a walk cannot take them.

A walk cannot take what is too deep, too large or cyclic. Such a value is opened as a
graph, with a node for each container or object and an edge for each part. A node's
digest is made of its label and of the digests of its parts. What leads into a cycle has
none: there, nodes are told apart by how they look when they are followed further and
further.

Two nodes have the same digest if and only if they look the same when followed for ever,
so it does not matter whether equal parts are one object or several.

For example, `[[1, 2], x]` with `x = {"a": x}`:

| node | label | parts | digest |
|---|---|---|---|
| `[1, 2]` | `list`, 2 | the digest of its scalars | made at once |
| `x` | `dict`, 2 | the digest of `"a"`, and itself | none: it is a cycle |
| the whole | `list`, 2 | the two others | none: it leads into a cycle |

The digest of the whole is then that of how it looks, round by round.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, groupby
from marshal import dumps
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from pytest_mimic._core.identity.rules import kind_of
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.identity.walk import HoldsMark, TooLarge, Walk
from pytest_mimic._core.types.kinds import Raw

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places


class Node:
    """A container, or an object with the data it reduces to.

    Attributes:
        value: The container or object. It is kept, so that its id is not used again.
        label: Its type and size, encoded. With the digests of the parts, the label
            makes the digest of the node.
        parts: Its parts, in canonical order if they have one: digests, or nodes.
        group: How many of its parts belong together, if the order of these groups does
            not count: 1 in a set, 2 in a dict. Else 0.
        holders: The nodes of which it is a part, each as often as it is one.
        waits: How many of its parts have no digest yet.
        digest: 16 bytes, once they are known.
    """

    __slots__ = ("digest", "group", "holders", "label", "parts", "value", "waits")

    def __init__(self, value: object) -> None:
        self.value = value
        self.label = b""
        self.parts: list[bytes | Node] = []
        self.group = 0
        self.holders: list[Node] = []
        self.waits = 0
        self.digest = b""


def digest(
    value: object,
    places: Places,
    *,
    is_outcome: bool = False,
    ignores_empty: bool = False,
) -> bytes:
    """Return the digest of a value, 16 bytes.

    Of an outcome, the order of dicts and the layout of arrays count as well. With
    `ignores_empty`, private attributes that are `None` or empty do not count.

    Raises:
        Unstable: A part has no identity; its path is not known here.
    """
    kinds = partial(
        kind_of, places=places, layout=is_outcome, ignores_empty=ignores_empty
    )
    try:
        walk = Walk(kinds, ordered=is_outcome, marks=places.marks)
        return _digest(value, walk)
    except HoldsMark:
        # A string may be a path, whose place counts instead: a slower walk looks.
        from pytest_mimic._core.identity.paths import text_locator

        walk = Walk(kinds, ordered=is_outcome, locate=text_locator(places))
        return _digest(value, walk)


def _digest(value: object, walk: Walk) -> bytes:
    try:
        return walk.digest([value])
    except TooLarge:
        return Graph(walk).digest(value)


class Graph:
    """The nodes of one value.

    Attributes:
        walk: Encodes scalars, and knows the kinds of objects.
        nodes: The nodes by the id of their object.
        sequence: The nodes in the order in which they were met.
    """

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.nodes: dict[int, Node] = {}
        self.sequence: list[Node] = []

    def digest(self, value: object) -> bytes:
        """Return 16 bytes for a value of any depth, size and shape.

        An Unstable that it raises has no path yet.
        """
        root = self.node(value)
        # To open a node adds those of its parts to the sequence.
        for node in self.sequence:
            self.open(node)
            for part in node.parts:
                if isinstance(part, Node):
                    part.holders.append(node)
                    node.waits += 1
        # A node whose last part gets its digest becomes ready itself.
        ready = [node for node in self.sequence if not node.waits]
        for node in ready:
            node.digest = xxh3_128_digest(_joined(node, {}))
            for holder in node.holders:
                holder.waits -= 1
                if not holder.waits:
                    ready.append(holder)
        if root.digest:
            return root.digest
        return _cycle_digest([node for node in self.sequence if node.waits])

    def node(self, value: object) -> Node:
        """Return the node of an object, a new one where it is met first."""
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = Node(value)
            self.sequence.append(node)
        return node

    def open(self, node: Node) -> None:
        """Set the label and the parts of a node."""
        value: Any = node.value
        type_ = type(value)
        if type_ is list or type_ is tuple:
            parts = list(value)
        elif type_ is set or type_ is frozenset:
            parts = list(value)
            node.group = 1
        elif type_ is dict:
            parts = list(chain.from_iterable(value.items()))
            if not self.walk.ordered:
                node.group = 2
        elif type_ is Raw:
            node.label = b"raw" + self.plain([value])
            return
        else:
            kind = self.walk.kind(type_)
            node.label = dumps(("kind", kind.tag), 2)
            parts = [kind.reduce(value)]
        node.label = node.label or dumps((type_.__name__, len(parts)), 2)
        parts = self.walk.located(parts)
        if node.group:
            for part in parts:
                if _is_scalar(part):
                    node.parts.append(self.plain([part]))
                else:
                    node.parts.append(self.node(part))
            return
        # Scalars in a row share a digest, behind their number.
        for is_plain, members in groupby(parts, _is_scalar):
            run = list(members)
            if is_plain:
                node.parts.append(dumps(len(run), 2) + self.plain(run))
            else:
                node.parts += map(self.node, run)

    def plain(self, values: list[Any]) -> bytes:
        """Return the digest of scalars."""
        # These scalars do not count towards the most that a walk takes.
        self.walk.cells = -len(values)
        self.walk.deep_cells = 0
        return b"r" + self.walk.digest(values)


def _is_scalar(part: object) -> bool:
    return type(part) in SCALARS


def _cycle_digest(nodes: list[Node]) -> bytes:
    """Return the digest of the first one of nodes that lead into cycles.

    This is partition refinement, in the rounds of Moore's algorithm for automata
    ("Gedanken-experiments on sequential machines", 1956). All nodes begin with one
    color. A node's next color is the digest of its label and the colors of its parts,
    so after round n two nodes have the same color if they look the same up to depth n.
    Colors only ever split: once a round splits none, no further round will, and nodes
    of one color look the same for ever.

    For example, `a = [b]`, `b = [a, 1]`:

    | round | color of `a` | color of `b` | colors |
    |---|---|---|---|
    | 0 | `?` | `?` | 1 |
    | 1 | a list of 1 | a list of 2 | 2 |
    | 2 | a list of (a list of 2) | a list of (a list of 1) and 1 | 2: the end |
    """
    colors_before: dict[int, bytes] = {}
    colors = dict.fromkeys(map(id, nodes), b"?")
    while len({*colors.values()}) != len({*colors_before.values()}):
        colors_before = colors
        colors = {}
        for node in nodes:
            colors[id(node)] = xxh3_128_digest(_joined(node, colors_before))
    # A color is computed from a bounded depth, and other cycles may look the same up to
    # there.
    pairs = {colors_before[name] + colors[name] for name in colors}
    whole = xxh3_128_digest(b"".join(sorted(pairs)))
    return xxh3_128_digest(b"cycle" + colors_before[id(nodes[0])] + whole)


def _joined(node: Node, colors: dict[int, bytes]) -> bytes:
    """Return the bytes of a node, with its parts in canonical order.

    Args:
        node: The node.
        colors: What stands for the parts that lead into a cycle, by the id of their
            nodes.
    """
    pieces = []
    for part in node.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        elif id(part) in colors:
            pieces.append(b"c" + colors[id(part)])
        else:
            pieces.append(b"g" + part.digest)
    if node.group == 2:
        # A key and its value.
        pieces = list(map(bytes.__add__, pieces[::2], pieces[1::2]))
    if node.group:
        pieces.sort()
    return node.label + b"".join(pieces)

"""Digests of values: by one walk, or part by part if they are too deep or too large for it, or cyclic.

Such a value is opened as a graph, with a node for each container or object and an edge
for each part. A node's digest
is made of its label and of the digests of its parts. What leads into a cycle has none:
there, nodes are told apart by how
they look when they are followed further and further.

Two nodes have the same digest if and only if they look the same when followed for ever,
so it does not matter
whether equal parts are one object or several.
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
    """A container, or an object with the data it reduces to."""

    __slots__ = ("digest", "group", "holders", "label", "parts", "value", "waits")

    def __init__(self, value: object) -> None:
        self.value = value  # kept, so that its id is not used again
        # its type and size, encoded; with the digests of its parts, this makes its
        # digest
        self.label = b""
        #: Its parts, in canonical order if they have one: digests, or nodes.
        self.parts: list[bytes | Node] = []
        # how many of its parts belong together, if the order of these groups does not
        # count
        self.group = 0
        self.holders: list[Node] = []  # of which it is a part, for each time
        self.waits = 0  # how many of its parts have no digest yet
        self.digest = b""  # 16 bytes, once they are known


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
    make = partial(
        Walk,
        partial(kind_of, places=places, layout=is_outcome, ignores_empty=ignores_empty),
        ordered=is_outcome,
    )
    try:
        return _digest(value, make(marks=places.marks))
    except HoldsMark:
        from pytest_mimic._core.identity.paths import text_locator

        return _digest(value, make(locate=text_locator(places)))


def _digest(value: object, walk: Walk) -> bytes:
    try:
        return walk.digest([value])
    except TooLarge:
        return Graph(walk).digest(value)


class Graph:
    """The nodes of one value, by the id of their object, and in the order in which they are found."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.nodes: dict[int, Node] = {}
        self.found: list[Node] = []

    def digest(self, value: object) -> bytes:
        """Return 16 bytes for a value of any depth, size and shape.

        An Unstable that it raises has no path yet.
        """
        root = self.node(value)
        for node in self.found:  # grows while it is iterated
            self.open(node)
            for part in node.parts:
                if isinstance(part, Node):
                    part.holders.append(node)
                    node.waits += 1
        ready = [node for node in self.found if not node.waits]
        for node in ready:  # grows, too
            node.digest = xxh3_128_digest(_joined(node, {}))
            for holder in node.holders:
                holder.waits -= 1
                if not holder.waits:
                    ready.append(holder)
        return root.digest or _cycle_digest([node for node in self.found if node.waits])

    def node(self, value: object) -> Node:
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = Node(value)
            self.found.append(node)
        return node

    def open(self, node: Node) -> None:
        """Set the label and the parts of a node."""
        value: Any = node.value
        type_ = type(value)
        if type_ is list or type_ is tuple:
            parts = list(value)
        elif type_ is set or type_ is frozenset:
            parts, node.group = list(value), 1
        elif type_ is dict:
            parts = list(chain.from_iterable(value.items()))
            node.group = 0 if self.walk.ordered else 2
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
            node.parts = [
                self.plain([part]) if type(part) in SCALARS else self.node(part)
                for part in parts
            ]
            return
        # Scalars in a row share a digest, behind their number.
        for is_plain, some in groupby(parts, lambda part: type(part) in SCALARS):
            run = list(some)
            node.parts += (
                [dumps(len(run), 2) + self.plain(run)]
                if is_plain
                else map(self.node, run)
            )

    def plain(self, values: list[Any]) -> bytes:
        """Return the digest of scalars."""
        self.walk.cells, self.walk.deep_cells = -len(values), 0
        return b"r" + self.walk.digest(values)


def _cycle_digest(nodes: list[Node]) -> bytes:
    """Return the digest of the first one of nodes that lead into cycles.

    Partition refinement, in the rounds of Moore's algorithm for automata
    ("Gedanken-experiments on sequential
    machines", 1956). All nodes begin with one color. A node's next color is the digest
    of its label and the colors
    of its parts, so after round n two nodes have the same color if they look the same
    up to depth n. Colors only
    ever split: once a round splits none, no further round will, and nodes of one color
    look the same for ever.
    """
    before: dict[int, bytes] = {}
    colors = dict.fromkeys(map(id, nodes), b"?")
    while len({*colors.values()}) != len({*before.values()}):
        before = colors
        colors = {id(node): xxh3_128_digest(_joined(node, before)) for node in nodes}
    # A color is computed from a bounded depth, and other cycles may look the same up to
    # there.
    whole = xxh3_128_digest(
        b"".join(sorted({before[name] + colors[name] for name in colors}))
    )
    return xxh3_128_digest(b"cycle" + before[id(nodes[0])] + whole)


def _joined(node: Node, cycle: dict[int, bytes]) -> bytes:
    """Return the bytes of a node, with its parts in canonical order.

    The parts in its own cycle have provisional names.
    """
    pieces = [
        part
        if isinstance(part, bytes)
        else b"c" + cycle[id(part)]
        if id(part) in cycle
        else b"g" + part.digest
        for part in node.parts
    ]
    if node.group == 2:
        pieces = list(map(bytes.__add__, pieces[::2], pieces[1::2]))
    if node.group:
        pieces.sort()
    return node.label + b"".join(pieces)

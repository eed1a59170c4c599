"""Digests of values: by one walk, or part by part if they are too deep or too large for it, or cyclic.

Such a value is opened as a graph, with a node for each container or object and an edge for each part. A node's digest
is made of its label and of the digests of its parts. Nodes that lead to one another have no first one to start with:
they are digested together, by partition refinement.

Two nodes have the same digest if and only if they look the same when followed for ever, so it does not matter
whether equal parts are one object or several. (`_number` is the one exception.)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, count, groupby
from marshal import dumps
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from pytest_mimic._core.identity.rules import kind_of
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.identity.walk import HoldsMark, TooLarge, Walk
from pytest_mimic._core.types.kinds import Raw

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places

# Rounds of refinement after which a cycle is numbered instead, if possible: refinement takes as many rounds as the
# longest chain in it, and each round visits every node.
ROUNDS = 24


class Node:
    """A container, or an object with the data it reduces to.

    Attributes:
        value: The object. The reference keeps its id from being used again.
        label: The node's type and size, encoded; with the digests of its parts, this makes the node's digest.
        parts: Its parts, in canonical order if they have one: digests, or nodes.
        group: How many of its parts belong together, if the order of these groups does not count; 0 if it does.
        number, low, is_open: Used by `components`.
        digest: 16 bytes, once they are known.
    """

    __slots__ = ("digest", "group", "is_open", "label", "low", "number", "parts", "value")

    def __init__(self, value: object) -> None:
        self.value = value
        self.label = self.digest = b""
        self.parts: list[bytes | Node] = []
        self.group, self.number, self.low, self.is_open = 0, -1, -1, False


def digest(value: object, places: Places, *, is_outcome: bool = False) -> bytes:
    """Return the digest of a value, 16 bytes. Of an outcome, the order of dicts and the layout of arrays count as well.

    Raises:
        Unstable: A part has no identity; its path is not known here.
    """
    make = partial(Walk, partial(kind_of, places=places, layout=is_outcome), ordered=is_outcome)
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
    """The nodes of one value, by the id of their object."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.nodes: dict[int, Node] = {}

    def digest(self, value: object) -> bytes:
        """Return 16 bytes for a value of any depth, size and shape. An Unstable that it raises has no path yet."""
        root = self.node(value)
        for component in self.components(root):
            first = component[0]
            if len(component) > 1 or first in first.parts:
                _digest_cycle(component)
            else:
                first.digest = xxh3_128_digest(_joined(first, {}))
        return root.digest

    def node(self, value: object) -> Node:
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = Node(value)
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
            node.parts = [self.plain([part]) if type(part) in SCALARS else self.node(part) for part in parts]
            return
        # Scalars in a row share a digest, behind their number.
        for is_plain, some in groupby(parts, lambda part: type(part) in SCALARS):
            run = list(some)
            node.parts += [dumps(len(run), 2) + self.plain(run)] if is_plain else map(self.node, run)

    def plain(self, values: list[Any]) -> bytes:
        """Return the digest of scalars."""
        self.walk.cells, self.walk.deep_cells = -len(values), 0
        return b"r" + self.walk.digest(values)

    def components(self, root: Node) -> Iterator[list[Node]]:
        """Yield the strongly connected components, each after the components of its nodes' parts.

        Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972), with a stack in place of
        recursion. Nodes are numbered as they are first visited, and are open until their component is complete. `low`
        is the smallest number of an open node that a node is known to lead to. A node that leads to no smaller one
        than itself is the first of its component; the others are above it on the stack of open nodes.
        """
        numbers = count()
        open_: list[Node] = []
        work: list[tuple[Node, Iterator[bytes | Node]]] = []

        def visit(node: Node) -> None:
            node.number = node.low = next(numbers)
            node.is_open = True
            open_.append(node)
            self.open(node)
            work.append((node, iter(node.parts)))

        visit(root)
        while work:
            node, parts = work[-1]
            for part in parts:
                if type(part) is bytes:
                    continue
                assert isinstance(part, Node)
                if part.number < 0:
                    visit(part)
                    break
                if part.is_open:
                    node.low = min(node.low, part.number)
            else:
                work.pop()
                if work:
                    holder = work[-1][0]
                    holder.low = min(holder.low, node.low)
                if node.low == node.number:
                    component: list[Node] = []
                    while node.is_open:
                        component.append(open_.pop())
                        component[-1].is_open = False
                    yield component


def _digest_cycle(nodes: list[Node]) -> None:
    """Set the digests of nodes that lead to one another.

    Partition refinement, in the rounds of Moore's algorithm for automata ("Gedanken-experiments on sequential
    machines", 1956). All nodes begin with one color. A node's next color is the digest of its label and the colors
    of its parts, so after round n two nodes have the same color if they look the same up to depth n. Colors only
    ever split: once a round splits none, no further round will, and nodes of one color look the same for ever.
    """
    before = colors = dict.fromkeys(map(id, nodes), b"?")
    for round_ in count(1):
        before = colors
        colors = {id(node): xxh3_128_digest(_joined(node, before)) for node in nodes}
        if len({*colors.values()}) == len({*before.values()}):
            break
        if round_ == ROUNDS and not any(node.group for node in nodes) and _number(nodes, colors):
            return
    # A color is computed from a bounded depth, and other cycles may look the same up to there.
    whole = xxh3_128_digest(b"".join(sorted({before[name] + colors[name] for name in colors})))
    for node in nodes:
        node.digest = xxh3_128_digest(b"cycle" + before[id(node)] + whole)


def _number(nodes: list[Node], colors: dict[int, bytes]) -> bool:
    """Set the digests of a long cycle's nodes from one traversal, as of a doubly linked list.

    The nodes are numbered breadth-first, starting at the node with the smallest unique color. A node's digest is
    that of the whole numbered cycle, and its number. Equal parts that are several objects get several numbers.
    The result is False if no color is unique: then there is no node to start at.
    """
    by_color: dict[bytes, list[Node]] = {}
    for node in nodes:
        by_color.setdefault(colors[id(node)], []).append(node)
    unique = min((color for color, alike in by_color.items() if len(alike) == 1), default=None)
    if unique is None:
        return False
    found = by_color[unique]
    numbers = {id(found[0]): b"n0;"}
    whole = []
    for node in found:  # grows while it is iterated
        for part in node.parts:
            if type(part) is Node and id(part) in colors and id(part) not in numbers:
                numbers[id(part)] = b"n%d;" % len(found)
                found.append(part)
        whole.append(_joined(node, numbers))
    base = xxh3_128_digest(b"".join(whole))
    for node in nodes:
        node.digest = xxh3_128_digest(b"numbered" + base + numbers[id(node)])
    return True


def _joined(node: Node, cycle: dict[int, bytes]) -> bytes:
    """Return the bytes of a node, with its parts in canonical order. The parts in its own cycle have provisional names."""
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

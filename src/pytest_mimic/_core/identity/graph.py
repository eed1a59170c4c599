"""Digests of values that are too deep or too large for one walk, or cyclic. Each part is digested once.

The value is opened as a graph, with a node for each container or object and an edge for each part. A node's digest
is made of its label and of the digests of its parts. Nodes that lead to one another have no first one to start with:
they are digested together, by partition refinement.

Two nodes have the same digest if and only if they look the same when followed for ever, so it does not matter
whether equal parts are one object or several. (`number_cycle` is the one exception.) For the same reason, a value's
size is that of the tree it unfolds to. Equal values therefore have the same size, and none of them comes here while
another is digested by one walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from marshal import dumps
from math import inf
from typing import Any

from xxhash import xxh3_128_digest

from pytest_mimic._core.identity.kinds import Raw
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.identity.walk import MOST_DEEP_CELLS, MOST_LEVELS, Walk, only_type

# A part within these limits is digested by one walk. The walk measures slightly differently: hence the margins.
SMALL_CELLS = MOST_DEEP_CELLS // 8
SMALL_LEVELS = MOST_LEVELS // 4

# Neighbouring small parts share a walk up to this size.
RUN_CELLS = 1 << 16

# Rounds of refinement after which a cycle is numbered instead, if possible: refinement takes as many rounds as the
# longest chain in it, and each round visits every node.
ROUNDS = 24

LISTS = frozenset({list, tuple})


@dataclass(slots=True, eq=False)
class Node:
    """A container, or an object with the data it reduces to.

    Attributes:
        value: The object. The reference keeps its id from being used again.
        label: The node's type and size, encoded; with the digests of its parts, this makes the node's digest.
        pairs: 0 if the order of parts counts, 1 if it does not (a set), 2 for keys each followed by its value.
        cells, levels: The size of the tree that the node unfolds to; infinite for a node in a cycle.
        number, low, is_open: Used by `components`.
        cycle: The nodes that it forms cycles with, itself included; None outside of cycles.
    """

    value: object
    label: bytes
    parts: list[Any]  # its parts, in canonical order if they have one
    pairs: int = 0
    cells: float = 0
    levels: float = 0
    number: int = -1
    low: int = -1
    is_open: bool = False
    cycle: list[Node] | None = None
    digest: bytes = b""  # 16 bytes; empty for a small node, which is digested together with its neighbours

    @property
    def is_small(self) -> bool:
        """Whether one walk can take it."""
        return self.cells <= SMALL_CELLS and self.levels <= SMALL_LEVELS


def digest(value: object, walk: Walk) -> bytes:
    """Return 16 bytes for a value of any depth, size and shape. An Unstable that it raises has no path yet."""
    return _Graph(walk).digest(value)


class _Graph:
    """The nodes of one value, by the id of their object."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.nodes: dict[int, Node] = {}
        self.runs: dict[tuple[int, ...], bytes] = {}

    def digest(self, value: object) -> bytes:
        root = self.node(value)
        for component in self.components(root):
            first = component[0]
            if len(component) == 1 and first not in self.inner(first):
                self.measure(first)
                if not first.is_small:
                    pieces = [piece for piece in self.pieces(first) if isinstance(piece, bytes)]
                    first.digest = xxh3_128_digest(_joined(first, pieces))
            else:
                for node in component:
                    node.cycle = component
                    node.cells = node.levels = inf
                self.digest_cycle(component)
        return root.digest or self.digest_small([value])

    # Opening

    def node(self, value: object) -> Node:
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = self.opened(value)
        return node

    def opened(self, value: Any) -> Node:
        type_ = type(value)
        if type_ in LISTS:
            return Node(value, dumps((type_.__name__, len(value)), 2), self.walk.located(list(value)))
        if type_ is dict:
            return self.opened_dict(value)
        if type_ is set or type_ is frozenset:
            return Node(
                value, dumps((type_.__name__, len(value)), 2), self.walk.located(list(value)), pairs=1
            )
        if type_ is Raw:
            return Node(value, b"", [])
        kind = self.walk.kind(type_)
        return Node(value, dumps(("kind", kind.tag), 2), self.walk.located([kind.reduce(value)]))

    def opened_dict(self, value: dict[Any, Any]) -> Node:
        content = value
        if self.walk.locate is not None:
            content = dict(zip(self.walk.located(list(value)), self.walk.located(list(value.values()))))
        keys = list(content)
        if self.walk.ordered:
            return Node(value, dumps(("ordered", len(keys)), 2), [*keys, *content.values()])
        if not keys or only_type(keys) in (str, int):
            keys.sort()
            label = dumps(("dict", len(keys)), 2) + self.digest_small(keys)
            return Node(value, label, list(map(content.__getitem__, keys)))
        parts = list(chain.from_iterable(content.items()))
        return Node(value, dumps(("pairs", len(keys)), 2), parts, pairs=2)

    def inner(self, node: Node) -> Iterator[Node]:
        for part in node.parts:
            if type(part) not in SCALARS:
                yield self.node(part)

    def components(self, root: Node) -> Iterator[list[Node]]:
        """Yield the strongly connected components, each after the components of its nodes' parts.

        Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972), with a stack in place of
        recursion. Nodes are numbered as they are first visited, and are open until their component is complete. `low`
        is the smallest number of an open node that a node is known to lead to. A node that leads to no smaller one
        than itself is the first of its component; the others are above it on the stack of open nodes.
        """
        numbers = count()
        open_: list[Node] = []
        work: list[tuple[Node, Iterator[Node]]] = []

        def visit(node: Node) -> None:
            node.number = node.low = next(numbers)
            node.is_open = True
            open_.append(node)
            work.append((node, self.inner(node)))

        visit(root)
        while work:
            node, parts = work[-1]
            for part in parts:
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
                        member = open_.pop()
                        member.is_open = False
                        component.append(member)
                    yield component

    # Nodes outside of cycles

    def measure(self, node: Node) -> None:
        """Set the size of a node whose parts are measured. A shared part counts each time."""
        cells: float = len(node.parts) + 1
        levels: float = 0
        for part in self.inner(node):
            cells += part.cells
            levels = max(levels, part.levels)
        node.cells = cells
        node.levels = levels + 1

    def digest_small(self, values: list[Any]) -> bytes:
        # The values themselves are not counted: a dict may have any number of keys.
        self.walk.cells = -len(values)
        self.walk.deep_cells = 0
        return self.walk.digest(values)

    def pieces(self, node: Node) -> Iterable[bytes | Node]:
        """Yield a node's parts as digests. For a part of the node's own cycle, yield its node instead."""
        run: list[Any] = []
        cells: float = 0
        for part in node.parts:
            inner = None if type(part) in SCALARS else self.node(part)
            small = inner is None or inner.is_small
            if small:
                run.append(part)
                cells += 1 if inner is None else inner.cells
            if run and (not small or node.pairs or cells > RUN_CELLS):
                yield self.digest_run(run)
                run, cells = [], 0
            if inner is not None and not small:
                yield inner if inner.cycle is not None and inner.cycle is node.cycle else b"g" + inner.digest
        if run:
            yield self.digest_run(run)

    def digest_run(self, values: list[Any]) -> bytes:
        """Return the digest of neighbouring small parts. Shared parts often come in the same runs: it is cached."""
        names = tuple(map(id, values))
        found = self.runs.get(names)
        if found is None:
            found = self.runs[names] = b"r" + self.digest_small(values)
        return found

    # Cycles

    def digest_cycle(self, nodes: list[Node]) -> None:
        """Set the digests of nodes that lead to one another.

        Partition refinement, in the rounds of Moore's algorithm for automata ("Gedanken-experiments on sequential
        machines", 1956). All nodes begin with one color. A node's next color is the digest of its label and the colors
        of its parts, so after round n two nodes have the same color if they look the same up to depth n. Colors only
        ever split: once a round splits none, no further round will, and nodes of one color look the same for ever.
        """
        pieces = {id(node): list(self.pieces(node)) for node in nodes}
        colors = next_colors = dict.fromkeys(pieces, b"?")
        color_count = round_ = 0
        while True:
            round_ += 1
            next_colors = {
                id(node): xxh3_128_digest(
                    _joined(
                        node, [p if isinstance(p, bytes) else b"c" + colors[id(p)] for p in pieces[id(node)]]
                    )
                )
                for node in nodes
            }
            if len(set(next_colors.values())) == color_count:
                break
            color_count = len(set(next_colors.values()))
            colors = next_colors
            can_number = round_ == ROUNDS and not any(node.pairs for node in nodes)
            if can_number and self.number_cycle(nodes, pieces, colors):
                return
        # A color is computed from a bounded depth, and other cycles may look the same up to there.
        whole = xxh3_128_digest(b"".join(sorted({colors[name] + next_colors[name] for name in colors})))
        for node in nodes:
            node.digest = xxh3_128_digest(b"cycle" + colors[id(node)] + whole)

    def number_cycle(
        self, nodes: list[Node], pieces: dict[int, list[bytes | Node]], colors: dict[int, bytes]
    ) -> bool:
        """Set the digests of a long cycle's nodes from one traversal, as of a doubly linked list.

        The nodes are numbered breadth-first, starting at the node with the smallest unique color. A node's digest is
        that of the whole numbered cycle, and its number. Equal parts that are several objects get several numbers.
        The result is False if no color is unique: then there is no node to start at.
        """
        by_color: dict[bytes, list[Node]] = {}
        for node in nodes:
            by_color.setdefault(colors[id(node)], []).append(node)
        first = min((color for color, alike in by_color.items() if len(alike) == 1), default=None)
        if first is None:
            return False
        found = by_color[first]
        numbers = {id(found[0]): 0}
        whole = []
        for node in found:  # grows while it is iterated
            described = []
            for piece in pieces[id(node)]:
                if isinstance(piece, bytes):
                    described.append(piece)
                    continue
                if id(piece) not in numbers:
                    numbers[id(piece)] = len(found)
                    found.append(piece)
                described.append(b"n%d;" % numbers[id(piece)])
            whole.append(_joined(node, described))
        base = xxh3_128_digest(b"".join(whole))
        for node in nodes:
            node.digest = xxh3_128_digest(b"numbered" + base + b"%d" % numbers[id(node)])
        return True


def _joined(node: Node, pieces: list[bytes]) -> bytes:
    """Return the bytes of a node, with its parts in canonical order."""
    if node.pairs == 1:
        pieces.sort()
    elif node.pairs == 2:
        pieces = sorted(map(bytes.__add__, pieces[::2], pieces[1::2]))
    return node.label + b"".join(pieces)

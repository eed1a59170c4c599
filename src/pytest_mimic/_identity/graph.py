"""Values too deep or too large for one walk, cyclic ones among them: digested part by part, each part once.

What counts as too large is decided by the value alone, its shared parts counted as often as they stand in it,
so that equal values take the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from marshal import dumps
from math import inf
from typing import Any

from xxhash import xxh3_128_digest

from pytest_mimic._identity.kinds import Raw
from pytest_mimic._identity.walk import MOST_DEEP_CELLS, MOST_LEVELS, NUMBER, SCALARS, TEXT, Walk

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

# A part within these is digested by one walk, which counts a little otherwise: hence the margins.
SMALL_CELLS = MOST_DEEP_CELLS // 8
SMALL_LEVELS = MOST_LEVELS // 4

# Neighbouring small parts share a walk up to this size.
RUN_CELLS = 1 << 16

# Rounds of telling the parts of a cycle apart before a way is taken that does not see equal parts as one.
ROUNDS = 24

LISTS = frozenset({list, tuple})


class Node:
    """A container, or an object and what it reduces to.

    Attributes:
        value: The object; held, so that its id stays its own.
        label: What it is, less what it holds.
        parts: What it holds, in canonical order if it has one.
        pairs: 0 where the order of parts counts, 1 where it does not (a set), 2 for keys before their values.
    """

    __slots__ = ("cells", "cycle", "digest", "label", "levels", "low", "number", "pairs", "parts", "value")

    def __init__(self, value: object, label: bytes, parts: list[Any], pairs: int = 0) -> None:
        self.value = value
        self.label = label
        self.parts = parts
        self.pairs = pairs
        self.cells: float = 0
        self.levels: float = 0
        self.number = -1
        self.low = -1
        self.cycle: list[Node] | None = None
        self.digest = b""

    @property
    def is_small(self) -> bool:
        """Whether one walk can take it."""
        return self.cells <= SMALL_CELLS and self.levels <= SMALL_LEVELS


def digest(value: object, walk: Walk) -> bytes:
    """16 bytes for a value of any depth, size and shape.

    Raises:
        Unstable: A part has no identity; its path is not known here.
    """
    return _Graph(walk).digest(value)


class _Graph:
    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.nodes: dict[int, Node] = {}
        self.runs: dict[tuple[int, ...], bytes] = {}

    def digest(self, value: object) -> bytes:
        root = self.node(value)
        for component in self.components(root):
            if len(component) == 1 and component[0] not in self.inner(component[0]):
                self.measure(component[0])
                if not component[0].is_small:
                    component[0].digest = xxh3_128_digest(self.described(component[0]))
            else:
                for node in component:
                    node.cycle = component
                    node.cells = node.levels = inf
                self.digest_cycle(component)
        return root.digest or self.alone([value])

    def node(self, value: Any) -> Node:
        """The node of a container or an object."""
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = self.opened(value)
        return node

    def opened(self, value: Any) -> Node:
        type_ = type(value)
        if type_ in LISTS:
            return Node(value, dumps((type_.__name__, len(value)), 2), list(value))
        if type_ is dict:
            return self.opened_dict(value)
        if type_ is set or type_ is frozenset:
            return Node(value, dumps((type_.__name__, len(value)), 2), list(value), pairs=1)
        if type_ is Raw:
            return Node(value, b"", [])
        kind = self.walk.kind(type_)
        return Node(value, dumps(("kind", kind.tag), 2), [kind.reduce(value)])

    def opened_dict(self, value: dict[Any, Any]) -> Node:
        keys = list(value)
        if self.walk.ordered:
            return Node(value, dumps(("ordered", len(keys)), 2), [*keys, *value.values()])
        types = set(map(type, keys))
        if types <= TEXT or types <= NUMBER:
            keys.sort()
            label = dumps(("dict", len(keys)), 2) + self.alone(keys)
            return Node(value, label, list(map(value.__getitem__, keys)))
        parts = list(chain.from_iterable(value.items()))
        return Node(value, dumps(("pairs", len(keys)), 2), parts, pairs=2)

    def inner(self, node: Node) -> Iterator[Node]:
        """The nodes among a node's parts."""
        for part in node.parts:
            if type(part) not in SCALARS:
                yield self.node(part)

    def components(self, root: Node) -> Iterator[list[Node]]:
        """Nodes that reach one another, together, and after what they hold (Tarjan, without recursion)."""
        count = 0
        path: list[Node] = []
        open_: list[Node] = []
        work: list[tuple[Node, Iterator[Node]]] = []
        todo: Node | None = root
        on_path: set[int] = set()
        while True:
            if todo is not None:
                todo.number = todo.low = count
                count += 1
                open_.append(todo)
                on_path.add(id(todo))
                work.append((todo, self.inner(todo)))
                path.append(todo)
                todo = None
            node, parts = work[-1]
            for part in parts:
                if part.number < 0:
                    todo = part
                    break
                if id(part) in on_path:
                    node.low = min(node.low, part.number)
            else:
                work.pop()
                if work:
                    work[-1][0].low = min(work[-1][0].low, node.low)
                if node.low == node.number:
                    component = []
                    while True:
                        member = open_.pop()
                        on_path.discard(id(member))
                        component.append(member)
                        if member is node:
                            break
                    yield component
                if not work:
                    return

    def measure(self, node: Node) -> None:
        """How large a node is, shared parts counted each time."""
        cells: float = len(node.parts) + 1
        levels: float = 0
        for part in self.inner(node):
            cells += part.cells
            levels = max(levels, part.levels)
        node.cells = cells
        node.levels = levels + 1

    def alone(self, values: list[Any]) -> bytes:
        """The digest of small values, by one walk."""
        self.walk.cells = 0
        return self.walk.digest(values)

    def run(self, values: list[Any]) -> bytes:
        """The same, remembered by the objects: shared parts often come in the same runs."""
        names = tuple(map(id, values))
        found = self.runs.get(names)
        if found is None:
            found = self.runs[names] = self.alone(values)
        return found

    def pieces(self, node: Node) -> Iterable[bytes | Node]:
        """What a node holds: digests, and the nodes of its own cycle."""
        run: list[Any] = []
        cells: float = 0
        for part in node.parts:
            inner = None if type(part) in SCALARS else self.node(part)
            small = inner is None or inner.is_small
            if small:
                run.append(part)
                cells += 1 if inner is None else inner.cells
            if run and (not small or node.pairs or cells > RUN_CELLS):
                yield b"r" + self.run(run)
                run, cells = [], 0
            if inner is not None and not small:
                yield inner if inner.cycle is not None and inner.cycle is node.cycle else b"g" + inner.digest
        if run:
            yield b"r" + self.run(run)

    def described(self, node: Node) -> bytes:
        """A node outside of cycles, as bytes."""
        return _joined(node, [piece for piece in self.pieces(node) if isinstance(piece, bytes)])

    def digest_cycle(self, nodes: list[Node]) -> None:
        """Gives each node of a cycle a digest that says what it looks like when followed for ever.

        Nodes are told apart by rounds: by what they are, by what they hold, by what that holds, until a round
        tells no more apart. Long chains take too many rounds: they are numbered, from a node like no other.
        """
        pieces = {id(node): list(self.pieces(node)) for node in nodes}
        colors = dict.fromkeys(pieces, b"?")
        told_apart = 0
        rounds = 0
        while True:
            following = {
                id(node): xxh3_128_digest(
                    _joined(
                        node, [p if isinstance(p, bytes) else b"c" + colors[id(p)] for p in pieces[id(node)]]
                    )
                )
                for node in nodes
            }
            rounds += 1
            count = len(set(following.values()))
            if count == told_apart:
                break
            told_apart = count
            colors = following
            in_order = rounds == ROUNDS and not any(node.pairs for node in nodes)
            if in_order and self.number_cycle(nodes, pieces, colors):
                return
        whole = xxh3_128_digest(b"".join(sorted({colors[name] + following[name] for name in colors})))
        for node in nodes:
            node.digest = xxh3_128_digest(b"cycle" + colors[id(node)] + whole)

    def number_cycle(
        self, nodes: list[Node], pieces: dict[int, list[bytes | Node]], colors: dict[int, bytes]
    ) -> bool:
        """The digests of a long cycle's nodes: the whole as seen from one, and which of it they are."""
        by_color: dict[bytes, list[Node]] = {}
        for node in nodes:
            by_color.setdefault(colors[id(node)], []).append(node)
        first = min((color for color, alike in by_color.items() if len(alike) == 1), default=None)
        if first is None:
            return False
        found = by_color[first]
        numbers = {id(found[0]): 0}
        whole = []
        for node in found:
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
    if node.pairs == 1:
        pieces.sort()
    elif node.pairs == 2:
        pieces = sorted(map(bytes.__add__, pieces[::2], pieces[1::2]))
    return node.label + b"".join(pieces)

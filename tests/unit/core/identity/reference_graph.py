"""The digests of large, deep and cyclic values as docs/internals/identity-encoding.md describes them, from that page alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_kinds import PLAIN, Memory, dump, reduced
from xxhash import xxh3_128_digest as hashed

SCALARS = {int, float, bool, type(None), str, bytes}


class Node:
    """A container or an object: its label, its parts, and how their order counts: `""`, `"set"` or `"pairs"`."""

    def __init__(self, value: Any, of_column: Callable[[list[Any]], bytes]) -> None:
        self.value, self.order, self.parts, self.label = value, "", [], b""
        self.cells, self.levels, self.digest = float("inf"), float("inf"), b""
        type_ = type(value)
        if type_ is dict:
            self.open_dict(value, of_column)
        elif type_ in PLAIN:
            self.label, self.parts = dump((type_.__name__, len(value))), list(value)
            self.order = "set" if type_ in (set, frozenset) else ""
        elif type_ is not Memory:
            tag, form = reduced(value)
            self.label, self.parts = dump(("kind", tag)), [form]

    def open_dict(self, value: dict[Any, Any], of_column: Callable[[list[Any]], bytes]) -> None:
        if set(map(type, value)) in ({str}, {int}, set()):
            keys = sorted(value)
            self.label = dump(("dict", len(value))) + of_column(keys)
            self.parts = [value[key] for key in keys]
            return
        self.label, self.order = dump(("pairs", len(value))), "pairs"
        self.parts = [each for pair in value.items() for each in pair]

    def joined(self, pieces: list[bytes]) -> bytes:
        if self.order == "set":
            pieces = sorted(pieces)
        if self.order == "pairs":
            pieces = sorted(key + value for key, value in zip(pieces[::2], pieces[1::2]))
        return self.label + b"".join(pieces)


class Graph:
    """All nodes of one value; `of_column` digests a column."""

    def __init__(self, value: Any, of_column: Callable[[list[Any]], bytes]) -> None:
        self.of_column, self.nodes = of_column, dict[int, Node]()
        todo = [value]
        for each in todo:  # grows
            if type(each) not in SCALARS and id(each) not in self.nodes:
                self.nodes[id(each)] = Node(each, of_column)
                todo += self.nodes[id(each)].parts
        self.reached = {name: self.reach(name) for name in self.nodes}

    def reach(self, name: int) -> set[int]:
        """Return the nodes that a node leads to; itself only in a cycle."""
        found: set[int] = set()
        todo = [name]
        while todo:
            new = {id(part) for part in self.nodes[todo.pop()].parts if type(part) not in SCALARS} - found
            found |= new
            todo += new
        return found

    def digest(self, value: Any) -> bytes:
        def rank(name: int) -> tuple[int, bool]:
            return len(self.reached[name]), name not in self.reached[name]

        for name in sorted(self.nodes, key=rank):  # parts first
            node = self.nodes[name]
            if node.digest or node.cells != float("inf"):
                continue
            if name in self.reached[name]:
                cycle = {one for one in self.reached[name] if name in self.reached[one]}
                self.digest_cycle([self.nodes[one] for one in self.nodes if one in cycle])
                continue
            inner = [self.nodes[id(part)] for part in node.parts if type(part) not in SCALARS]
            node.cells = len(node.parts) + 1 + sum(one.cells for one in inner)
            node.levels = 1 + max((one.levels for one in inner), default=0)
            if not is_small(node):
                node.digest = hashed(node.joined(self.pieces(node, set())))
        node = self.nodes[id(value)]
        return node.digest or self.of_column([value])

    def pieces(self, node: Node, cycle: set[int]) -> list[Any]:
        """Return digests, and the nodes of the cycle as they are."""
        found: list[Any] = []
        run: list[Any] = []
        cells = 0.0
        for part in node.parts:
            inner = None if type(part) in SCALARS else self.nodes[id(part)]
            is_run = inner is None or is_small(inner)
            if is_run:
                run.append(part)
                cells += 1 if inner is None else inner.cells
            if run and (not is_run or node.order or cells > 2**16):
                found.append(b"r" + self.of_column(run))
                run, cells = [], 0.0
            if not is_run:
                found.append(inner if id(part) in cycle else b"g" + inner.digest)
        return [*found, b"r" + self.of_column(run)] if run else found

    def digest_cycle(self, nodes: list[Node]) -> None:
        cycle = {id(node.value) for node in nodes}
        pieces = {node: self.pieces(node, cycle) for node in nodes}
        colours, count, rounds = dict.fromkeys(nodes, b"?"), 0, 0
        while True:
            rounds += 1
            following = {
                node: hashed(
                    node.joined([one if type(one) is bytes else b"c" + colours[one] for one in pieces[node]])
                )
                for node in nodes
            }
            if len({*following.values()}) == count:
                break
            colours, count = following, len({*following.values()})
            if rounds == 24 and not any(node.order for node in nodes) and self.number(nodes, pieces, colours):
                return
        pairs = b"".join(sorted({colours[node] + following[node] for node in nodes}))
        for node in nodes:
            node.digest = hashed(b"cycle" + colours[node] + hashed(pairs))

    def number(self, nodes: list[Node], pieces: dict[Node, list[Any]], colours: dict[Node, bytes]) -> bool:
        """Number the nodes breadth first, from the one with the least unique colour."""
        unique = [node for node in nodes if [*colours.values()].count(colours[node]) == 1]
        if not unique:
            return False
        order = [min(unique, key=colours.__getitem__)]
        written = b""
        for node in order:  # grows
            order += dict.fromkeys(one for one in pieces[node] if type(one) is Node and one not in order)
            numbered = [one if type(one) is bytes else b"n%d;" % order.index(one) for one in pieces[node]]
            written += node.joined(numbered)
        for number, node in enumerate(order):
            node.digest = hashed(b"numbered" + hashed(written) + b"%d" % number)
        return True


def is_small(node: Node) -> bool:
    return node.cells <= 2**17 and node.levels <= 16

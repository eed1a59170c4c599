"""Digests of values: by one walk, or as a graph if a walk cannot take them.

A walk cannot take what is too deep, too large or cyclic. Such a value is opened as a
graph, with a node for each container or object and an edge for each part. A node's
digest is made of its label and of the digests of its parts. A node that leads into a
cycle has no such digest. These nodes are told apart by how they look when their parts
are followed further and further.

Two nodes have the same digest if and only if they look the same when followed for ever,
so it does not matter whether equal parts are one object or several.

For example, `[[1, 2], x]` with `x = {"a": x}`:

| node | label | parts | digest |
|---|---|---|---|
| `[1, 2]` | `list`, 2 | the digest of its scalars | made at once |
| `x` | `dict`, 2 | the digest of `"a"`, and `x` | none: `x` is a cycle |
| the whole | `list`, 2 | the two others | none: the whole leads into a cycle |

The digest of the whole is then that of how it looks, round by round.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, groupby
from marshal import dumps
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from pytest_mimic._core.identity.digest_walk import DigestWalk, MentionsFolder, TooLarge
from pytest_mimic._core.identity.file_paths import path_replacer
from pytest_mimic._core.identity.rules import reduction_of
from pytest_mimic._core.identity.short_scalars import MARSHAL_VERSION, SCALARS
from pytest_mimic._core.types.reductions import Raw

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places


class GraphNode:
    """A container, or an object with the data it reduces to.

    Attributes:
        value: The container or object. The node keeps it, so that no other object gets
            its id.
        label: The type and size of the value, encoded. With the digests of the parts,
            the label makes the digest of the node.
        parts: The parts of the value, in canonical order if they have one: the digests
            of scalars, and nodes.
        group_size: How many parts belong together, if the order of these groups does
            not count: 1 in a set, 2 in a dict, a key and its value. 0 if the order
            counts.
        parents: The nodes that have this node as a part, and whose digests need its
            digest. A node stands there as often as it has this part.
        undigested_part_count: How many nodes among the parts have no digest yet.
        digest: The digest of the node, 16 bytes; empty until it is known.
    """

    __slots__ = (
        "digest",
        "group_size",
        "label",
        "parents",
        "parts",
        "undigested_part_count",
        "value",
    )

    def __init__(self, value: object) -> None:
        self.value = value
        self.label = b""
        self.parts: list[bytes | GraphNode] = []
        self.group_size = 0
        self.parents: list[GraphNode] = []
        self.undigested_part_count = 0
        self.digest = b""


def digest(
    value: object,
    places: Places,
    *,
    is_outcome: bool = False,
    ignores_empty: bool = False,
) -> bytes:
    """Return the digest of a value, 16 bytes.

    Identities of calls are made of it for all values without a short form. Of an
    outcome, the order of dicts and the layout of arrays count as well. With
    `ignores_empty`, private attributes that are `None` or empty do not count.

    Raises:
        Unstable: A part has no identity. The error does not have its path yet.
    """
    find_reduction = partial(
        reduction_of, places=places, is_outcome=is_outcome, ignores_empty=ignores_empty
    )
    try:
        walk = DigestWalk(
            find_reduction,
            dict_order_counts=is_outcome,
            folders=places.temporary_folders,
        )
        return _digest_by_walk_or_graph(value, walk)
    except MentionsFolder:
        # A string may be a path. The place of a path counts in place of its text, for
        # which a slower walk looks at each string.
        walk = DigestWalk(
            find_reduction,
            dict_order_counts=is_outcome,
            replace_path=path_replacer(places),
        )
        return _digest_by_walk_or_graph(value, walk)


def _digest_by_walk_or_graph(value: object, walk: DigestWalk) -> bytes:
    """Return the digest of a value by a walk, or by a graph if it is too large."""
    try:
        return walk.digest([value])
    except TooLarge:
        return Graph(walk).digest(value)


class Graph:
    """The nodes of one value.

    Attributes:
        walk: Encodes scalars, and knows how objects are reduced.
        nodes: The nodes by the id of their object.
        nodes_as_met: The nodes in the order in which they were met.
    """

    def __init__(self, walk: DigestWalk) -> None:
        self.walk = walk
        self.nodes: dict[int, GraphNode] = {}
        self.nodes_as_met: list[GraphNode] = []

    def digest(self, value: object) -> bytes:
        """Return 16 bytes for a value of any depth, size and shape.

        Raises:
            Unstable: A part has no identity. The error does not have its path yet.
        """
        root = self.node(value)
        # To open a node adds the nodes of its parts to the end of this list.
        for node in self.nodes_as_met:
            self.open(node)
            for part in node.parts:
                if isinstance(part, GraphNode):
                    part.parents.append(node)
                    node.undigested_part_count += 1
        # A node whose last part gets its digest becomes ready itself.
        ready = [node for node in self.nodes_as_met if not node.undigested_part_count]
        for node in ready:
            node.digest = xxh3_128_digest(_bytes_of_node(node, {}))
            for parent in node.parents:
                parent.undigested_part_count -= 1
                if not parent.undigested_part_count:
                    ready.append(parent)
        if root.digest:
            return root.digest
        # The value leads into a cycle: its nodes wait for one another.
        return _cycle_digest(
            [node for node in self.nodes_as_met if node.undigested_part_count]
        )

    def node(self, value: object) -> GraphNode:
        """Return the node of an object, a new node if the object is met first."""
        node = self.nodes.get(id(value))
        if node is None:
            node = self.nodes[id(value)] = GraphNode(value)
            self.nodes_as_met.append(node)
        return node

    def open(self, node: GraphNode) -> None:
        """Set the label and the parts of a node."""
        value: Any = node.value
        type_ = type(value)
        if type_ is list or type_ is tuple:
            parts = list(value)
        elif type_ is set or type_ is frozenset:
            parts = list(value)
            node.group_size = 1
        elif type_ is dict:
            parts = list(chain.from_iterable(value.items()))
            if not self.walk.dict_order_counts:
                # Each key is sorted together with its value.
                node.group_size = 2
        elif type_ is Raw:
            node.label = b"raw" + self.digest_of_scalars([value])
            return
        else:
            # An object has one part, the data that it is reduced to.
            reduction = self.walk.reduction(type_)
            node.label = dumps(("kind", reduction.tag), MARSHAL_VERSION)
            parts = [reduction.reduce(value)]
        node.label = node.label or dumps((type_.__name__, len(parts)), MARSHAL_VERSION)
        parts = self.walk.with_replaced_paths(parts)
        if node.group_size:
            # The parts are sorted by their digests later, so each needs its own.
            for part in parts:
                if _is_scalar(part):
                    node.parts.append(self.digest_of_scalars([part]))
                else:
                    node.parts.append(self.node(part))
            return
        # Scalars in a row share a digest, behind their number.
        for is_plain, members in groupby(parts, _is_scalar):
            scalars_or_others = list(members)
            if is_plain:
                node.parts.append(
                    dumps(len(scalars_or_others), MARSHAL_VERSION)
                    + self.digest_of_scalars(scalars_or_others)
                )
            else:
                node.parts += map(self.node, scalars_or_others)

    def digest_of_scalars(self, values: list[Any]) -> bytes:
        """Return the digest of scalars, which stands for them among a node's parts."""
        # These scalars do not count among the most cells that a walk takes.
        self.walk.cells = -len(values)
        self.walk.deep_cells = 0
        return b"r" + self.walk.digest(values)


def _is_scalar(part: object) -> bool:
    return type(part) in SCALARS


def _cycle_digest(nodes: list[GraphNode]) -> bytes:
    """Return the digest of the first one of nodes that lead into cycles.

    This is partition refinement, in the rounds of Moore's algorithm for automata
    ("Gedanken-experiments on sequential machines", 1956). All nodes begin with one
    color. A color is a digest: a node's next one is that of its label and the colors of
    its parts. So after round n two nodes have the same color if they look the same up
    to depth n.
    Colors only ever split: once a round splits none, no further round will, and nodes
    of one color look the same for ever.

    For example, `a = [b]`, `b = [a, 1]`:

    | round | color of `a` | color of `b` | colors |
    |---|---|---|---|
    | 0 | `?` | `?` | 1 |
    | 1 | a list of 1 | a list of 2 | 2 |
    | 2 | a list of (a list of 2) | a list of (a list of 1) and 1 | 2: the end |
    """
    # By the ids of the nodes.
    colors_before: dict[int, bytes] = {}
    colors = dict.fromkeys(map(id, nodes), b"?")
    while len({*colors.values()}) != len({*colors_before.values()}):
        colors_before = colors
        colors = {}
        for node in nodes:
            colors[id(node)] = xxh3_128_digest(_bytes_of_node(node, colors_before))
    # A color is computed from a bounded depth, up to which nodes of another cycle may
    # look the same. So the pairs of colors of the last two rounds count, too.
    pairs = {colors_before[name] + colors[name] for name in colors}
    digest_of_colors = xxh3_128_digest(b"".join(sorted(pairs)))
    return xxh3_128_digest(b"cycle" + colors_before[id(nodes[0])] + digest_of_colors)


def _bytes_of_node(node: GraphNode, colors: dict[int, bytes]) -> bytes:
    """Return the bytes of a node, with its parts in canonical order.

    Args:
        node: The node.
        colors: The colors that stand for the parts that lead into a cycle, by the ids
            of their nodes.
    """
    pieces = []
    for part in node.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        elif id(part) in colors:
            # `c` and `g` tell a color, which lasts a round, from a digest.
            pieces.append(b"c" + colors[id(part)])
        else:
            pieces.append(b"g" + part.digest)
    if node.group_size == 2:
        # The pieces are a key, its value, the next key, and so on: join each pair.
        pieces = list(map(bytes.__add__, pieces[::2], pieces[1::2]))
    if node.group_size:
        pieces.sort()
    return node.label + b"".join(pieces)

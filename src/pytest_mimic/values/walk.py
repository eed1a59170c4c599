"""The one walk that opens a value into a tree."""

from __future__ import annotations

import enum
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from functools import partial
from inspect import unwrap
from itertools import chain, count
from pathlib import PurePath
from types import FunctionType
from typing import Any, Literal, TypeAlias, TypeVar

from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.names import (
    generic_of,
    is_found,
    is_of_python,
    member_of,
    name_in,
    name_of,
    own_name_of,
    shared_generator,
    thing_at,
)
from pytest_mimic.values.rows import Row, is_installed, row_of
from pytest_mimic.values.state import (
    FUNCTIONS,
    OWN_HASH,
    Attributes,
    Kind,
    addresses_in,
    attributes_of,
    kind_of,
    large_numbers,
    own_hashes_in,
    private_numbers,
    state_of,
    without_own_address,
)
from pytest_mimic.values.tree import (
    DEEP,
    IGNORED,
    LONG,
    LeftOut,
    Measure,
    Node,
    Paths,
    Refused,
    Shortened,
    Tree,
    are_plain,
    below,
    canonical_text,
    digest_of,
    escaped,
    is_open,
    plain_copy,
    refused_at,
    step_of,
    texts_of,
    without,
)

Purpose: TypeAlias = Literal["identity", "kept"]
Opening: TypeAlias = "Callable[[Any, Paths], Tree]"
T = TypeVar("T")

UNEQUAL_COPIES = "an object whose copies differ, as if it held an address"
LATE_FILE = Refused(
    "a temporary file, which an object of a library may open later",
    "return what it reads from the file",
)
FEW = 50
"""So many items of an array stand in the tree, and more count by their memory."""
DEEPEST = 150
"""Parts below so many levels are refused."""
MANY = 20
"""So many parts at least are looked at together."""
LARGE = 2_000
"""A part with more parts may have a long text, which is written once."""
_LEAST, _MOST = -(10**4_095), 10**4_096
"""Numbers beyond stand in hexadecimal digits: Python reads no longer decimal ones."""

TAUGHT: dict[type, Callable[[Any], object]] = {}
"""The types of `register_fingerprint`, and what gives plainer data for a value."""


# The limit of calls holds for all threads.
_setting = threading.Lock()


def deeply(work: Callable[[], T]) -> T:
    """Give what `work` gives, with more calls in one another than usual if it must."""
    try:
        return work()
    except RecursionError:
        _allow(40 * DEEPEST)  # few values are deep
    try:
        return work()
    finally:
        _allow(-40 * DEEPEST)


def _allow(more_calls: int) -> None:
    """Move the limit of calls, by which another thread may be deep by now."""
    with _setting:
        sys.setrecursionlimit(sys.getrecursionlimit() + more_calls)


_CONTAINERS = (list, tuple, dict, set, frozenset)


class _Part:
    """A part that the walk is in, or has been in.

    Attributes:
        value: The part, held so that its id stays its own.
        depth: How many parts it stands in.
        number: Its number in the order of the walk.
        numbers: How many numbers it takes where it stands again.
        lowest: The lowest number to which a way in it leads back.
        holds_open: Whether such a way leads back to a part above one that is in it.
        height: How many parts stand in one another in it.
        size: How many parts it has, each counted wherever it stands.
        is_single: Whether it, or a part of it, is one wherever it stands.
        is_ruled: Whether a rule says what it is.
        may_change: Whether the rule says that it may change.
        tree: Its tree.
    """

    numbers = 1
    holds_open = False
    height = 1
    size = 1
    is_single = False
    is_ruled = False
    may_change = False
    tree: Tree = None

    def __init__(self, value: object, depth: int, number: int) -> None:
        self.value = value
        self.depth = depth
        self.number = self.lowest = number

    @property
    def is_closed(self) -> bool:
        """Whether no way in it leads back to a part above."""
        return self.lowest >= self.number

    def add(self, part: _Part) -> None:
        """Take what is known of a part that stands in this part."""
        self.size += part.size
        if part.height >= self.height:
            self.height = part.height + 1
        if part.is_single:
            self.is_single = True


class Walk:
    """One walk over the parts of values.

    Purposes:
        identity: What counts in a call. The order of mappings does not.
        kept: What an outcome is, in its order: two values with equal trees are the same
            to a program. A replay makes the value of the tree, unless `needs_pickle`.

    Args:
        purpose: What for.
        folders: The folders of this run.
        asked: Whether copies of an object are equal, by its class; those of further
            classes are compared. `None`: none are.

    Attributes:
        needs_pickle: Whether there is a part that a replay cannot make of its tree.
        odd: The tree of the first such part.
        is_shared: Whether something that may change stands at two places.
        changeable: The parts that may change, and so are one wherever they stand, by
            their ids.
        few: So many items of an array stand in the tree; more count by their memory.
        is_by_code: Whether a function that no name leads to counts by its code, and not
            by what the file of its source says today.
        has_refused: Whether a part of what was opened has no identity.
        size: How many parts were opened.
        is_plain: Whether the value is a list or mapping that is a tree as it stands.
        late_file: The path of a temporary file, as it stands in the tree, that hangs on
            an object of a library, which may open it later.
        arrays: Those that are to stand in files of their own, and the nodes for them:
            `{"$npy": digest, "length": bytes}`.
        left_out: What comes back as `None`, by ids: attributes without identity of
            exceptions and of what hangs on them, and what is the address of another.
    """

    needs_pickle = False
    odd: Tree = None
    is_shared = False
    few = FEW
    has_refused = False
    late_file: Tree = None
    size = 0
    is_plain = False

    def __init__(
        self,
        purpose: Purpose = "identity",
        folders: Folders = NOWHERE,
        asked: dict[type, bool] | None = None,
    ) -> None:
        self.folders = folders
        self._asked = asked
        self.changeable: dict[int, object] = {}
        self.is_by_code = self.is_kept = purpose == "kept"
        self.left_out: dict[int, object] = {}
        self.arrays: list[tuple[Node, Any]] = []
        self._starts = self.folders.starts
        self._names = self.folders.part_names
        # The number of the next part, and the part that the walk is in.
        self._next = 1
        self._part = _Part(None, 0, 0)
        self._above: dict[int, _Part] = {}
        self._seen: dict[tuple[int, Paths], _Part] = {}
        self._openers: dict[type, Opening] = {
            type(None): self._itself,
            bool: self._itself,
            int: self._int,
            float: self._float,
            str: self._text,
            Refused: self._itself,
            list: partial(self._enter, self._list),
            tuple: partial(self._enter, self._tuple),
            dict: partial(self._enter, self._dict),
            set: partial(self._enter, self._set),
            frozenset: partial(self._enter, self._set),
        }
        self._plain_keys: set[object] = set()
        self._measure = Measure(in_order=self.is_kept)

    def node(self, value: object, paths: Paths = ()) -> Tree:
        """Give the tree of a value, without what stands at the paths.

        A part without identity is a leaf `Refused`.
        """
        kind = type(value)
        opener = self._openers.get(kind)
        if opener is None:
            opener = self._openers[kind] = self._opener_of(kind)
        tree = opener(value, paths)
        if type(tree) is Refused:
            self.has_refused = True
            if is_of_python(kind.__module__):
                tree = self._for_its_author(tree)
        return tree

    def _for_its_author(self, refused: Refused) -> Refused:
        """Let the way out be for who has an object of a library, and not its author."""
        around = [type(part.value) for part in self._above.values()]
        holders = [kind for kind in around if not is_of_python(kind.__module__)]
        is_for_author = refused.way and not refused.is_handle
        if not (is_for_author and holders and is_installed(holders[-1])):
            return refused
        name = name_of(next(filter(is_installed, holders))).replace(":", ".")
        return Refused(refused.what, f"pass plain data made of the {name}")

    def forget(self) -> None:
        """Let go of the values, which would live until the collector comes.

        The walk opens nothing more.
        """
        self._seen.clear()
        self._openers.clear()

    # -- scalars

    def _itself(self, value: Tree, _paths: Paths) -> Tree:
        return value

    def _int(self, value: int, _paths: Paths) -> Tree:
        return value if _LEAST < value < _MOST else {"$int": hex(value)}

    def _float(self, value: float, _paths: Paths) -> Tree:
        if math.isfinite(value):
            return value
        return {"$float": "nan" if value != value else repr(value)}

    def _text(self, value: str, _paths: Paths) -> Tree:
        if "/" in value:
            for start in self._starts:
                if start in value:
                    tree = self.folders.node_of(value, is_argument=not self.is_kept)
                    if self.late_file is None and self._is_late_file(value):
                        self.late_file = tree
                    return tree
        return value if value.isascii() else escaped(value)

    def _is_late_file(self, path: str) -> bool:
        """Tell whether the path of a temporary file hangs on an object of a library."""
        if not self.is_kept:
            return False
        around = reversed(self._above.values())
        holders = (part for part in around if type(part.value) not in _CONTAINERS)
        holder = next(holders, self._part)
        kind = type(holder.value)
        # The texts of a table are its cells.
        if holder.is_ruled or not is_installed(kind) or issubclass(kind, BaseException):
            return False
        return self.folders.has_temporary_file(path)

    # -- what becomes of a type

    def _opener_of(self, kind: type) -> Opening:
        row = row_of(kind)
        if row is not None:
            by_row = partial(self._by_row, row)
            is_one = row.may_change and self.is_kept
            return partial(self._enter, by_row) if is_one else by_row
        if issubclass(kind, enum.Enum):
            return partial(self._member, kind_of(kind), {})
        return partial(self._enter, self._opener_of_parts(kind))

    def _opener_of_parts(self, kind: type) -> Opening:
        reduce = None if self.is_kept else _taught_reduce(kind)
        if reduce is not None:
            return partial(self._taught, reduce)
        facts = kind_of(kind)
        if facts.refused is not None:
            return partial(self._itself_is, facts.refused)
        if issubclass(kind, (type, *FUNCTIONS)) or hasattr(kind, "__wrapped__"):
            return self._code
        if facts.is_of_library and not issubclass(kind, BaseException):
            from pytest_mimic.values import libraries  # Loads what it knows of.

            rule = libraries.rule_of(kind)
            if rule is not None:
                return partial(self._of_library, rule)
        return self._object

    # -- into a part and out of it

    def _enter(self, opener: Opening, value: object, paths: Paths) -> Tree:
        """Open a part once, and find the way back to a part that the walk is in."""
        outer = self._part
        own_id = id(value)
        if outer.depth and own_id in self._names:
            return {"$after": self._names[own_id]}
        above = self._above.get(own_id)
        if above is outer and outer.is_ruled:
            # What a rule gives back as it is has no form but its own.
            outer.is_ruled = False
            return self._object(value, paths)
        if above is not None:
            outer.lowest = min(outer.lowest, above.number)
            self.is_shared = True
            return {"$up": outer.depth + 1 - above.depth}
        seen = self._seen.get((own_id, paths))
        if seen is not None:
            return self._again(seen)
        if outer.depth == DEEPEST:
            return Refused(f"nested deeper than {DEEPEST} levels")
        if own_id in self.changeable:
            self.is_shared = True
        part = self._part = _Part(value, outer.depth + 1, self._next)
        self._above[own_id] = part
        self._next += 1
        self.size += 1
        try:
            part.tree = opener(value, paths)
        finally:
            self._part = outer
            del self._above[own_id]
        self._seen[own_id, paths] = part
        self._leave(part)
        outer.add(part)
        return part.tree

    def _leave(self, part: _Part) -> None:
        if part.holds_open or not part.is_closed:
            self._part.holds_open = True
            self._part.lowest = min(self._part.lowest, part.lowest)
        else:
            # Nothing can lead back into it, so its parts need no numbers.
            self._next = part.number + 1
        part.numbers = self._next - part.number
        if self.is_kept and _may_change(part):
            self.changeable[id(part.value)] = part.value
            part.is_single = True
        if part.height > DEEP:
            self._shorten(part)
            part.height = 1

    def _again(self, seen: _Part) -> Tree:
        """Give a part that the walk has left, where it stands once more."""
        self.is_shared |= seen.is_single
        if not seen.is_closed:
            self._part.lowest = min(self._part.lowest, seen.number)
            return {"$back": self._next - seen.number}
        if seen.size > LARGE:
            # A part that stands twice in one that stands twice, and so on, is endless.
            self._shorten(seen)
        self._next += seen.numbers
        self._part.add(seen)
        return seen.tree

    def _shorten(self, part: _Part) -> None:
        """Let a part that is very high, or has a long text, count by its digest."""
        self.of_pickle(part.tree)
        if self.has_refused and refused_at(part.tree) is not None:
            # Of what is refused the path is to be found, unless it is at many places.
            if self.is_kept and part.size > LARGE:
                part.tree = Refused("a part that stands at very many places")
        else:
            measure = self._measure
            stored: Any = measure.part(part.tree)[0]
            is_long = isinstance(stored, dict) and "$long" in stored
            if is_long or part.height > DEEP:
                digest = stored["digest"] if is_long else measure.digest(part.tree)
                part.tree = Shortened(part.tree, digest)
                part.size = 1

    # -- containers

    def _parts(
        self, values: Collection[Any], paths: Paths, steps: Iterable[str]
    ) -> list[Tree]:
        """Open the parts of a container; what stands at a path is `IGNORED`."""
        self._part.size += len(values)
        if not paths:
            return self._nodes(values)
        parts: list[Tree] = []
        for step, part in zip(steps, values, strict=False):
            deeper = below(paths, step)
            parts.append(IGNORED if () in deeper else self.node(part, deeper))
        return parts

    def _nodes(self, values: Collection[Any]) -> list[Tree]:
        """Open parts that all count: many plain ones, or rows of these, together."""
        if len(values) >= MANY:
            if are_plain(values, self._starts):
                return list(values)
            kind, *others = set(map(type, values))
            if kind in _ROWS and not others and self._are_plain_rows(kind, values):
                return list(map(_ROWS[kind], values))
        return list(map(self.node, values))

    def _are_plain_rows(self, kind: type, rows: Collection[Any]) -> bool:
        """Tell whether rows hold plain parts alone; these then count as opened."""
        part = self._part
        names = list(chain.from_iterable(rows)) if kind is dict else []
        are_small = part.depth < DEEPEST and len(max(rows, key=len)) < LARGE
        if self._names or not are_small or not {str}.issuperset(map(type, names)):
            return False
        held = map(dict.values, rows) if kind is dict else rows
        cells = list(chain.from_iterable(held))
        are_named = all(map(self._is_plain_key, set(names)))
        if not are_named or not are_plain(cells, self._starts):
            return False
        # No way in them leads back, so each takes one number wherever it stands.
        ids = set(map(id, rows))
        self.size += len(ids)
        self._next += len(rows)
        part.size += len(rows) + len(cells)
        part.height = max(part.height, 2)
        if self.is_kept and kind is not tuple:
            is_met = not self.changeable.keys().isdisjoint(ids)
            self.is_shared |= is_met or len(ids) < len(rows)
            self.changeable.update((id(row), row) for row in rows)
            part.is_single = True
        return True

    def _list(self, value: list[Any], paths: Paths) -> Tree:
        return self._plain(value, paths) or self._parts(value, paths, map(str, count()))

    def _tuple(self, value: tuple[Any, ...], paths: Paths) -> Tree:
        return {"$tuple": self._parts(value, paths, map(str, count()))}

    def _dict(self, value: dict[Any, Any], paths: Paths) -> Tree:
        return self._plain(value, paths) or self._mapping(value, paths)

    def _set(self, value: Any, paths: Paths) -> Tree:
        tag = "$set" if isinstance(value, set) else "$frozenset"
        self._part.size += len(value)
        members = list(value)
        if self._starts and all(isinstance(one, (str, PurePath)) for one in members):
            members.sort(key=str)  # The folders of paths are numbered as they are met.
        nodes = self._nodes(members)
        return without({tag: _sorted_by(nodes, nodes)}, paths)

    def _mapping(self, value: dict[Any, Any], paths: Paths) -> Node:
        if not all(map(self._is_plain_key, value)):
            pairs = dict.items(value)
            return {"$dict": self._pairs(pairs, paths, in_order=self.is_kept)}
        keys = list(value) if self.is_kept else sorted(value)
        parts = self._parts([value[key] for key in keys], paths, keys)
        mapping = dict(zip(keys, parts, strict=True))
        if paths:
            return {key: part for key, part in mapping.items() if part is not IGNORED}
        return mapping

    def _pairs(
        self, pairs: Collection[tuple[Any, Any]], paths: Paths, *, in_order: bool
    ) -> list[Tree]:
        keys = self._nodes([key for key, _ in pairs])
        parts = self._parts([part for _, part in pairs], paths, map(step_of, keys))
        opened: list[Any] = []
        for key, part in zip(keys, parts, strict=True):
            if part is not IGNORED:
                opened.append([key, part])
        if in_order:
            return opened
        # Of several keys that are NaN the values tell.
        names = [pair if pair[0] == _NAN else pair[0] for pair in opened]
        return _sorted_by(names, opened)

    def _is_plain_key(self, key: object) -> bool:
        # A key of many mappings is looked at once; an equal one may be of another type.
        if type(key) is not str:
            return False
        if key in self._plain_keys:
            return True
        if key.startswith("$") or self._text(key, ()) != key:
            return False
        self._plain_keys.add(key)
        return True

    def _plain(self, value: Any, paths: Paths) -> Any:
        """Give a copy of a list or mapping that is a tree as it stands, else `None`."""
        if paths or self._part.depth > 1 or self._names:
            return None  # A part of an odd value would be tried again at each level.
        copied = plain_copy(value, self._starts, once=self.is_kept)
        self.is_plain = copied is not None
        return copied

    # -- objects

    def of_pickle(self, tree: Tree) -> Tree:
        """Give the tree of a part, and note that a replay cannot make it."""
        if not self.needs_pickle:
            self.needs_pickle, self.odd = True, tree
        return tree

    def of_file(self, node: Node, array: Any) -> Node:
        """Give the node of an array, and note that it is to stand in a file."""
        self.arrays.append((node, array))
        return node

    def _itself_is(self, tree: Tree, _value: object, _paths: Paths) -> Tree:
        return tree

    def _by_row(self, row: Row, value: object, paths: Paths) -> Tree:
        self.size += 1
        self._part.size += 1
        tree = without(row.node(value, self), paths)
        if row.make is None:
            self.of_pickle(tree)
        is_path = isinstance(value, PurePath) and self.late_file is None
        if is_path and self._is_late_file(str(value)):
            self.late_file = tree
        return tree

    def _taught(
        self, reduce: Callable[[Any], object], value: object, paths: Paths
    ) -> Tree:
        self._part.is_ruled = True
        return {f"${kind_of(type(value)).name}": self.node(reduce(value), paths)}

    def _of_library(self, rule: Any, value: Any, paths: Paths) -> Tree:
        self._part.is_ruled = True
        self._part.may_change = rule.may_change
        tree = without(rule.node(value, self), paths)
        return tree if rule.make else self.of_pickle(tree)

    def _code(self, value: Any, paths: Paths) -> Tree:
        """Open a function or a class."""
        generic = generic_of(value)
        if generic is not None:
            origin, arguments = generic
            return {"$alias": [self.node(origin), *map(self.node, arguments)]}
        if self.is_kept:
            name = own_name_of(value)
            if is_found(value, name):
                return {"$name": name}
        from pytest_mimic.values import code  # Few values are code.

        is_class = isinstance(value, type)
        opener = code.node_of_class if is_class else code.node_of_function
        return self.of_pickle(without(opener(value, self), paths))

    def _named(self, kind: Kind, attributes: Tree, paths: Paths = ()) -> Node:
        """Begin the node of an object: its class and attributes."""
        node: Node = {f"${kind.name}": attributes}
        if not kind.is_found:
            if generic_of(kind.cls) is None:
                # A replay would need the code of the class, not its name.
                self.of_pickle(node)
            found = thing_at(kind.name)
            # A class that its name does not lead to counts by what it is; one that was
            # loaded again is what its name leads to.
            deeper = below(paths, "class")
            class_node = self.node(kind.cls, deeper)
            if not isinstance(found, type) or self.node(found, deeper) != class_node:
                node["class"] = class_node
        return node

    def _member(
        self, kind: Kind, known: dict[int, Tree], value: enum.Enum, _paths: Paths
    ) -> Tree:
        # Its class holds each member, so that its id stays its own.
        if id(value) in known:
            return known[id(value)]
        name: Any = value._name_
        # A combination of flags has no name, or one that leads to no member.
        is_named = type(value).__members__.get(name) is value
        if is_of_python(kind.cls.__module__) and not self.is_kept:
            is_named = False  # Python renames some: `HTTPStatus.UNPROCESSABLE_CONTENT`.
        node = self._named(kind, name if is_named else self.node(value._value_))
        if is_named and kind.is_found:  # Else it has parts, which take numbers.
            known[id(value)] = node
        return node

    def _object(self, value: Any, paths: Paths) -> Tree:
        kind = kind_of(type(value))
        shared = shared_generator(value)
        if shared:  # Whoever draws from it changes it, and no copy of it is it.
            return {"$name": shared}
        try:
            state = state_of(value, kind)
        except RecursionError:
            raise
        except Exception:
            # It is code of the user, and may do anything.
            if hasattr(kind.cls, "__array__"):
                from pytest_mimic.values.libraries import ARRAY_LIKE  # Few are arrays.

                return self._of_library(ARRAY_LIKE, value, paths)
            return _refused_object(value)
        if isinstance(state, str):
            return self._constant(value, state)
        if not self._has_equal_copies(value, kind):
            return Refused(UNEQUAL_COPIES)
        attributes = self._own_attributes(value, kind, state.attributes)
        shown: Attributes = {}
        if self.is_kept and kind.decider is not object:
            shown = _shown_beside(attributes, attributes_of(value), kind)
            if not state.is_readable:  # A class may set them in another order.
                attributes = _by_name(attributes)
        opened = self._mapping(attributes, paths)
        if self.is_kept and self.has_refused:
            self._leave_out(attributes, opened)
        # Who says what makes an object says so of its class.
        node: Node = {f"${kind.name}": opened}
        if state.beside.get("by") is None:
            node = self._named(kind, opened, paths)
        for key, part in state.beside.items():
            if isinstance(part, dict) and key == "attributes" and not self.is_kept:
                part = kind.counted(part) or None
            deeper = paths if is_open(key) else below(paths, key)
            if part is not None and () not in deeper:
                node[key] = self._beside(key, part, value, deeper)
        public = self._public(kind, _by_name(shown)) if shown else {}
        if public:
            node["shows"] = self.of_pickle(public)
        return node if state.is_readable else self.of_pickle(node)

    def _has_equal_copies(self, value: object, kind: Kind) -> bool:
        if self._asked is None or not kind.may_hold_addresses:
            return True
        if kind.cls not in self._asked:
            from pytest_mimic.values.pickles import two_copies  # few values need it

            # A pickle that holds an address, or unwritten memory, differs from itself.
            copies = [tree_of(copy, "identity") for copy in two_copies(value)]
            self._asked[kind.cls] = len(set(map(digest_of, copies))) < 2
        return self._asked[kind.cls]

    def _leave_out(self, attributes: Attributes, opened: Node) -> None:
        """Leave out what has no identity, if it hangs on an exception."""
        around = self._above.values()
        if not any(isinstance(part.value, BaseException) for part in around):
            return
        for name, part in attributes.items():
            if refused_at(opened.get(name)) is not None:
                opened[name] = self.of_pickle(LeftOut())
                self.left_out[id(part)] = part

    def _beside(self, key: str, part: Any, value: object, paths: Paths) -> Tree:
        """Open what stands beside the attributes of an object."""
        if key == "by":
            # As in a pickle: what a library does in it may change with its version.
            name = own_name_of(part)
            return {"$name": name} if is_found(part, name) else self.node(part)
        if key == "pairs":
            is_ordered = self.is_kept or isinstance(value, OrderedDict)
            return self._pairs(part, paths, in_order=is_ordered)
        if part is value:  # It is what the row of its base gives.
            row = kind_of(type(value)).row
            assert row is not None
            return row.node(value, self)
        return self.node(part, paths)

    def _constant(self, value: object, name: str) -> Tree:
        """Open an object that is pickled as a name of a module."""
        if not name.replace(".", "_").isidentifier():
            # numpy calls each function made by `frompyfunc` "len (vectorized)".
            return _refused_object(value)
        module = getattr(value, "__module__", None) or type(value).__module__
        return {"$name": name_in(module, name, value)}

    def _own_attributes(
        self, value: object, kind: Kind, attributes: Attributes
    ) -> Attributes:
        """Give the attributes that count, less what the object remembers of itself."""
        if self.is_kept:
            attributes = kind.without_notes(attributes)
        else:
            attributes = kind.counted(attributes)
        numbers = large_numbers(attributes)
        if not numbers:
            return attributes
        # What a class gives to be pickled counts: one with an address is refused.
        if not self.is_kept and kind.decider is object:
            attributes = without_own_address(value, attributes, numbers)
        if not private_numbers(attributes):
            return attributes
        for name in addresses_in(attributes):
            self.left_out[id(attributes[name])] = attributes[name]
            attributes = {**attributes, name: None}
        for name in own_hashes_in(value, attributes):
            # By another name it may be a number of the user's.
            kept = Refused(OWN_HASH, is_handle="hash" in name.lower())
            attributes = {**attributes, name: kept}
        return attributes

    def _public(self, kind: Kind, attributes: Attributes) -> Node:
        """Open what people read off an object."""
        shown: Node = {}
        for name, part in attributes.items():
            said = member_of(kind.cls, name)
            # A property goes before what the object holds.
            if name.startswith("_") or isinstance(said, property):
                continue
            if isinstance(part, FunctionType) and unwrap(part) is unwrap(said):
                continue
            node = self.node(part)
            if said is not None and self.node(said) == node:
                continue  # The object has no more to say than its class.
            # What has no identity is made by the class, as far as it is.
            is_refused = refused_at(node) is not None
            shown[name] = {"$type": name_of(type(part))} if is_refused else node
        return shown


def _shown_beside(
    pickled: Attributes, attributes: Attributes, kind: Kind
) -> Attributes:
    """Give what people read off an object and its class does not give to be pickled."""
    return {
        name: part
        for name, part in kind.counted(attributes).items()
        if not (name in pickled and pickled[name] is part)
    }


def _by_name(attributes: dict[Any, object]) -> dict[Any, object]:
    return {name: attributes[name] for name in sorted(attributes, key=str)}


_ROWS: dict[type, Callable[[Any], Tree]] = {
    list: list,
    tuple: lambda row: {"$tuple": list(row)},
    dict: dict,
}


def _refused_object(value: object) -> Refused:
    kind = type(value)
    return Refused(f"an object of {kind.__module__}.{kind.__qualname__}")


def tree_of(value: object, purpose: Purpose, folders: Folders = NOWHERE) -> Tree:
    """Give the tree of one value, and let go of the value."""
    walk = Walk(purpose, folders)
    tree = walk.node(value)
    walk.forget()
    return tree


_NAN = {"$float": "nan"}


def _sorted_by(keys: list[Tree], nodes: list[Tree]) -> list[Tree]:
    """Sort nodes by the canonical texts of their keys."""
    texts = texts_of(keys)
    for number, text in enumerate(texts):
        if len(text) > LONG:  # A part of it may count by its digest.
            texts[number] = canonical_text(keys[number])
    order = sorted(range(len(nodes)), key=texts.__getitem__)
    return [nodes[number] for number in order]


def _may_change(part: _Part) -> bool:
    """Tell whether it matters that a part is the same object at two places.

    It does if the part may change: its hash is not made of its value.
    """
    if isinstance(part.tree, dict) and ("$name" in part.tree or "$after" in part.tree):
        return False
    if part.may_change:
        return True
    # To ask a mock for it would change the mock.
    method = member_of(type(part.value), "__hash__")
    by_value = method is not None and method is not object.__hash__
    return not by_value and not isinstance(part.value, (type, *FUNCTIONS))


def _taught_reduce(kind: type) -> Callable[[Any], object] | None:
    for base in kind.__mro__:
        if base in TAUGHT:
            return TAUGHT[base]
    return getattr(kind, "__mimic_identity__", None)

"""Writes values as trees for JSON, with tags for what JSON does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._core.outcome.names import importable, name_of, resolve
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.plain import DEPTH
from pytest_mimic._core.outcome.tagged.nodes import MOST_BITS, Node, NotTaggableError, Tag

# Equal immutable parts are written at each place. Beyond this number of parts, a pickle is smaller.
_MOST_REPEATED = 10_000
# A larger outcome is not read by people, and as a pickle it is smaller and loads faster.
_MOST_TAGS = 10_000
_MOST_BYTES = 16 << 20


class Tree(NamedTuple):
    """A value as a tree for JSON.

    Attributes:
        objects: The content of long bytes, by the name of the object of the vault that is to hold it.
    """

    tree: Any  # the value itself if nothing in it needs a tag
    imports: list[str]  # the classes and functions that reading imports, `module:name`, sorted
    objects: dict[str, bytes]
    has_tags: bool  # whether the tree has tags


class _Written(NamedTuple):
    """A value that was written, or is being written. It is kept, so that no other value gets its id."""

    value: Any
    tree: Any
    tag: Tag | None


class Writer:
    """The state of writing one value.

    Args:
        paths: Stores the paths of the value.
        tag_of: Returns the tag of a type, or None.
        string, mapping: The tags of strings that are paths, and of dicts with other keys than texts.
    """

    def __init__(
        self, paths: PathStore, tag_of: Callable[[type], Tag | None], string: Tag, mapping: Tag
    ) -> None:
        self.paths = paths
        self._tag_of = tag_of
        self._string, self._mapping = string, mapping
        self._has_tags = False  # whether anything was written that is not plain JSON
        self._references = 0  # how often a part was met again
        self._imports: set[str] = set()
        self._objects: dict[str, bytes] = {}
        # By the id of its tree, each part that was met again, with the nodes that refer to it.
        self._met_again: dict[int, list[Node]] = {}
        self._known: dict[int, _Written] = {}
        self._tags: dict[type, Tag | None] = {}
        # The things are kept, so that no other one gets the id.
        self._names: dict[int, tuple[str, Any]] = {}
        self._depth = DEPTH
        self._hashed = 0
        self._open: set[int] = set()
        self._fixed: dict[int, tuple[Any, Any, int]] = {}
        self._count = self._repeated = self._nodes = self._bytes = self._anchors = 0

    def whole(self, value: object) -> Tree:
        """Return a value as a tree. NotTaggableError: a part has no exact form."""
        tree = self.write(value)
        if self._references:
            tree = self._numbered(tree)
        return Tree(tree if self._has_tags else value, sorted(self._imports), self._objects, self._has_tags)

    def write(self, value: Any) -> Any:
        """Return a value as JSON. NotTaggableError: a part has no exact form."""
        self._count += 1
        type_ = type(value)
        if type_ is str:
            where = self.paths.stored_text(value)
            if where is None:
                return value
            node: Node = {}
            self._string.write(value, node, self)
            return self._tagged(node)
        if value is None or type_ is bool or (type_ is int and value.bit_length() < MOST_BITS):
            return value
        if type_ is float and value - value == 0:  # neither infinite nor NaN
            return value
        if type_ is list or type_ is dict:
            return self._container(value, type_)
        tag = self._tags.get(type_)
        if tag is None:
            tag = self._tags[type_] = self._tag_of(type_)
            if tag is None:
                raise NotTaggableError(type_)
        if tag.is_shared:
            return self._shared_part(value, tag)
        return self._plain_part(value, tag)

    def write_hashed(self, value: object) -> object:
        """Return a member of a set, or a key of a dict, as JSON. Its hash must not need what is read after it.

        Raises:
            NotTaggableError: A part has no exact form, or was met before.
        """
        self._hashed += 1
        try:
            return self.write(value)
        finally:
            self._hashed -= 1

    def import_name(self, thing: object, name: str | None = None) -> str:
        """Return the name of a class or function, its own or another one, and list it as an import.

        Raises:
            NotTaggableError: The name does not lead to it.
        """
        known = self._names.get(id(thing))
        if known is None:
            found = importable(thing) if name is None else resolve(*name.split(":"))
            name = name or name_of(thing)
            if found is not thing:
                raise NotTaggableError(thing)
            known = self._names[id(thing)] = name, thing
            self._imports.add(name)
        return known[0]

    def object_of(self, content: bytes) -> str:
        """Return the name of an object of the vault that will hold long bytes."""
        from pytest_mimic._core.outcome.container import object_name

        self._bytes += len(content)
        if self._bytes > _MOST_BYTES:
            raise NotTaggableError("too many bytes")
        name = object_name(content)
        self._objects[name] = content
        return name

    # Parts

    def _tagged(self, node: Node) -> Node:
        self._has_tags = True
        self._nodes += 1
        if self._nodes > _MOST_TAGS:
            raise NotTaggableError("too many tags")
        return node

    def _container(self, value: Any, type_: type) -> Any:
        if id(value) in self._known:
            return self._reference(value)
        tree: Any = type_()
        self._known[id(value)] = _Written(value, tree, None)
        self._enter()
        if type_ is list:
            tree.extend(map(self.write, value))
        elif all(type(key) is str and self.paths.stored_text(key) is None for key in value):
            for key, part in value.items():
                is_escaped = not tree and key[:1] == "$"
                self._has_tags |= is_escaped
                tree[f"${key}" if is_escaped else key] = self.write(part)
            if len(tree) != len(value):
                raise NotTaggableError("an escaped key that the dict has as well")
        else:
            self._mapping.write(value, self._tagged(tree), self)
        self._depth += 1
        return tree

    def _shared_part(self, value: object, tag: Tag) -> object:
        """Write a part that may change, or contain what may; at its second place a reference to the first."""
        known = self._known.get(id(value))
        if known is not None:
            return self._reference(value)
        node: Node = {}
        self._known[id(value)] = _Written(value, node, tag)
        self._open.add(id(value))
        self._enter()
        tag.write(value, self._tagged(node), self)
        self._depth += 1
        self._open.discard(id(value))
        return node

    def _plain_part(self, value: object, tag: Tag) -> object:
        """Write an immutable part again at each place, unless it contains something that may change."""
        fixed = self._fixed.get(id(value))
        if fixed is not None:
            self._count += fixed[2]
            self._repeated += fixed[2]
            if self._repeated > _MOST_REPEATED:
                raise NotTaggableError("too many repeated parts")
            return fixed[1]
        if id(value) in self._known:
            return self._reference(value)
        if id(value) in self._open:
            raise NotTaggableError("an immutable part that contains itself")
        node: Node = {}
        self._open.add(id(value))
        before, known = self._count, len(self._known) + self._references
        self._enter()
        tag.write(value, self._tagged(node), self)
        self._depth += 1
        self._open.discard(id(value))
        if len(self._known) + self._references == known:
            self._fixed[id(value)] = value, node, self._count - before
        else:
            self._known[id(value)] = _Written(value, node, tag)
        return node

    def _reference(self, value: object) -> Node:
        """Return a reference to a part that was met before."""
        known = self._known[id(value)]
        if self._hashed or (id(value) in self._open and not (known.tag and known.tag.may_contain_itself)):
            raise NotTaggableError("a part that needs itself to be made")
        node: Node = {"$ref": 0}
        self._met_again.setdefault(id(known.tree), []).append(node)
        self._references += 1
        return self._tagged(node)

    def _enter(self) -> None:
        # There is no way back after an error, so no block ends the level.
        self._depth -= 1
        if self._depth < 0:
            raise NotTaggableError("nested too deeply")

    def _numbered(self, tree: object) -> object:
        """Return the tree in which each part that was met again is a node with an anchor, in the order of the text."""
        references = self._met_again.pop(id(tree), None)
        number = 0
        if references is not None:
            number = self._anchors = self._anchors + 1
            for node in references:
                node["$ref"] = number
        if type(tree) is list:
            tree[:] = [self._numbered(part) for part in tree]
        elif type(tree) is dict:
            for key, part in tree.items():
                tree[key] = self._numbered(part)
        return {"$anchor": number, "value": tree} if number else tree

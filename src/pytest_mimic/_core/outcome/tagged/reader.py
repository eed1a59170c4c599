"""Reads values from trees of JSON with tags."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from json import JSONDecoder
from typing import Any

from pytest_mimic._core.identity.kinds import HEAP_TYPE
from pytest_mimic._core.outcome.names import RefusedError, name_of, resolve
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.tagged.nodes import (
    MISREAD,
    MisreadError,
    Node,
    OutdatedClassError,
    Tag,
    misread,
    only_keys,
    tag_in,
)
from pytest_mimic.errors import MimicError

_CONTAINERS = frozenset({list, dict})


class Reader:
    """Reads one value.

    Args:
        paths: Restores paths.
        imports: The names that the recording lists as imports. None: any may be imported.
        content: Returns the content of an object of the vault.
        tag_named, tag_of: Return the tag with a name, or for the objects of a class, or None.
        classes: The tags of classes that readers know already, by the id of the class, which the tag keeps.
    """

    def __init__(
        self,
        paths: PathStore,
        imports: Collection[str] | None,
        content: Callable[[str], bytes],
        tag_named: Callable[[str], Tag | None],
        tag_of: Callable[[type], Tag | None],
        classes: dict[int, Tag],
    ) -> None:
        self.paths = paths
        self._imports = imports
        self.content = content
        self._anchors: dict[Any, Any] = {}
        self._tags: dict[str, Tag] = {}
        self._tag_named, self._tag_of = tag_named, tag_of
        self._classes = classes

    def read(self, tree: Any) -> Any:
        """Return the value of a tree, or of a part of it.

        Raises:
            OutdatedClassError: A class has changed since.
            RefusedError: It imports something that its recording does not list.
            ArithmeticError, LookupError, RecursionError, TypeError, ValueError: It is not as it was written.
        """
        type_ = type(tree)
        if type_ is dict:
            for name in tree:
                tag = self._tags.get(name)
                if tag is not None:  # as `_node` does, in nine tenths of its time
                    try:
                        part = tree[name]
                        if len(tree) > 1 or type(part) not in tag.parts:
                            tag.check(tree)
                        return tag.read(part, tree, self, None)
                    except MISREAD as reason:
                        raise misread(tree, reason) from None
                if name[:1] == "$":
                    return self._node(tree, name, None)
                break
            return self.parts(tree)
        if type_ is list:
            return [self.read(part) if type(part) in _CONTAINERS else part for part in tree]
        return tree

    def parts(self, trees: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the parts of a mapping, which is no node itself."""
        return {key: self.read(part) if type(part) in _CONTAINERS else part for key, part in trees.items()}

    def parsed(self, data: bytes) -> dict[str, Any] | None:
        """Return the mapping of a JSON text with its parts as values, which are made while the text is parsed.

        That saves a third of the time. None: the text has references, or anything that `read` reports.
        """
        if b'"$anchor"' in data:
            return None
        args = self.paths, self._imports, self.content, self._tag_named, self._tag_of, self._classes
        made = _ParsingReader(*args).made
        try:
            text = data.decode()
            body, end = JSONDecoder(object_hook=made).scan_once(text, 0)  # type: ignore[attr-defined]
        except Exception:  # imported modules, and the hashes of their classes, may raise anything
            return None
        return body if type(body) is dict and text[end:] == "\n" else None

    def _node(self, node: Node, name: str, anchor: int | None) -> Any:
        tag = self._tags.get(name)
        if tag is None:
            if name == "$ref":
                only_keys(node)
                try:
                    return self._anchors[node["$ref"]]
                except MISREAD as reason:
                    raise misread(node, reason) from None
            if name == "$anchor" and anchor is None:
                return self._anchored(node)
            if name[:2] == "$$":
                made: dict[str, Any] = {}
                self.keep(anchor, made)
                for key, part in node.items():
                    made[key if made else key[1:]] = self.read(part)
                return made
            tag = self._tags[name] = self._tag(name[1:])
        try:
            part = node[name]
            if len(node) > 1 or type(part) not in tag.parts:
                tag.check(node)
            return tag.read(part, node, self, anchor)
        except MISREAD as reason:
            raise misread(node, reason) from None

    def _tag(self, name: str) -> Tag:
        if ":" not in name:
            tag = self._tag_named(name)
        else:
            cls = self.find(name)
            tag = self._classes.get(id(cls))
            if tag is None:
                tag = self._tag_of(cls)
                if tag is not None:
                    self._classes[id(cls)] = tag
                # It has a way of its own now, such as `__setstate__`, or is another one.
                elif cls.__flags__ & HEAP_TYPE or name_of(cls) != name:
                    raise OutdatedClassError(f"{name} cannot be made of its fields any more")
        if tag is None:
            raise ValueError(f"there is no tag ${name}")
        return tag

    def _anchored(self, node: Node) -> object:
        only_keys(node, "value")
        anchor, tree = node["$anchor"], node["value"]
        if type(anchor) is not int or anchor in self._anchors:
            raise MisreadError(f"$anchor: {anchor!r:.60}")
        value: Any
        if type(tree) is list:
            self.keep(anchor, value := [])
            value.extend(map(self.read, tree))
            return value
        if type(tree) is not dict:
            raise MisreadError(f"$anchor: {anchor!r:.60}")
        name = tag_in(tree)
        if name is None:
            self.keep(anchor, value := {})
            for key, part in tree.items():
                value[key] = self.read(part)
            return value
        value = self._node(tree, name, anchor)
        self._anchors.setdefault(anchor, value)
        return value

    def keep(self, anchor: int | None, made: object) -> None:
        """Let the parts of a value refer to the value itself. Call it before reading them."""
        if anchor is not None:
            self._anchors[anchor] = made

    def find(self, name: str) -> Any:
        """Return the class with this name, `module:qualname`.

        Raises:
            RefusedError: It is not listed as an import.
            ValueError: There can be no such name.
            OutdatedClassError: There is no such class any more, or its module cannot be imported.
        """
        module, _, qualname = name.partition(":")
        if not all(module.split(".")) or "\0" in module:
            raise ValueError(f"{name!r:.60} is no name of a class or function")
        if self._imports is not None and name not in self._imports:
            raise RefusedError(f"it imports {name}, which its recording does not list")
        try:
            found = resolve(module, qualname)
        except MimicError:
            raise
        except Exception as reason:  # an imported module may raise anything
            if type(reason) is AttributeError and module in sys.modules:
                raise OutdatedClassError(f"{module} has no class {qualname} any more") from None
            raise OutdatedClassError(f"{type(reason).__name__}: {reason}") from None
        if not isinstance(found, type):
            raise OutdatedClassError(f"{name} is no class any more")
        return found


class _ParsingReader(Reader):
    """A reader whose parts are values already, since the parser ends a part before the node that it is in."""

    def read(self, tree: object) -> Any:
        return tree

    def parts(self, trees: dict[str, Any]) -> dict[str, Any]:
        return trees

    def made(self, node: Node) -> Any:
        """Return the value of a mapping that the parser ends."""
        for name in node:
            return self._node(node, name, None) if name[:1] == "$" else node
        return node

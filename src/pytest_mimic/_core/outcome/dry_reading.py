"""Reads the tree of an outcome as a replay does, but for its classes: none is imported, and a stand-in is made."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.outcome.class_tags import NDARRAY, ClassTag, is_plain_json
from pytest_mimic._core.outcome.tags import Reader, check_part

# What may stand beside the part of an object's node.
_BESIDE = frozenset({"attributes", "extra", "fields_set", "of", "private"})


class StandIn:
    """Stands for an object of any class that a tree names, and for the class."""


class _AnyTag(ClassTag):
    """The tag of a class that is not looked at: the shape of its nodes is checked."""

    def __init__(self) -> None:
        super().__init__(StandIn)

    def make(self, part: Any, node: dict[str, Any]) -> object:
        beside = [name for name in node if name[:1] != "$"]
        if type(part) not in (dict, int, str) or not _BESIDE.issuperset(beside):
            raise ValueError("an object of another kind")
        parts = [part, *(node[name] for name in beside if node[name] is not None)]
        if not all(is_plain_json(each) or type(each) in (int, str) for each in parts):
            raise ValueError("an object with parts of another kind")
        return StandIn()


class DryReader(Reader):
    """Reads one value without its classes."""

    def find(self, name: str) -> Any:
        self.check_name(name)
        return StandIn

    def _tag(self, name: str) -> ClassTag:
        self.check_name(name)
        return _AnyTag()

    def _generic(self, name: Any, node: dict[str, Any]) -> Any:
        if type(node["of"]) is not list or node.keys() - {"$class", "of"}:
            raise ValueError(node.keys())
        check_part("class", name)
        return self.find(name)

    def _value(self, tag: str, part: Any) -> Any:
        if tag.startswith("numpy."):  # which need not be installed
            self.check_name(NDARRAY)
            return StandIn()
        return super()._value(tag, part)

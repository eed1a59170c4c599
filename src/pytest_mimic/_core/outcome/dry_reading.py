"""Reads an outcome as a replay does, but for its classes.

None is imported, and a stand-in is made of each object.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.outcome.class_tags import NDARRAY, ClassTag, is_plain_json
from pytest_mimic._core.outcome.tags import Reader, arguments_in

# What may stand beside the part of an object's node.
_BESIDE = frozenset({"attributes", "extra", "fields_set", "of", "private"})


class StandIn:
    """Stands for an object of any class that a tree names, and for the class."""


class _AnyTag(ClassTag):
    """The tag of a class that is not looked at: the shape of its nodes is checked."""

    def __init__(self) -> None:
        super().__init__(StandIn)

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        if type(part) not in (dict, int, str) or not _BESIDE.issuperset(facts):
            raise ValueError("an object of another kind")
        for inner in (part, *facts.values()):
            is_json = is_plain_json(inner) or type(inner) in (int, str)
            if inner is not None and not is_json:
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

    def _generic(self, name: Any, facts: dict[str, Any]) -> Any:
        arguments_in(name, facts)
        return self.find(name)

    def _value(self, tag: str, part: Any) -> Any:
        if tag.startswith("numpy."):
            # numpy need not be installed.
            self.check_name(NDARRAY)
            return StandIn()
        return super()._value(tag, part)

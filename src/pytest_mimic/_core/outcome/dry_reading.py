"""Reads an outcome as a replay does, without the classes in it, to check a vault.

No class is imported, and a stand-in takes the place of each object.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.outcome.class_tags import ClassTag, is_plain_json
from pytest_mimic._core.outcome.readable_values import ValueReader, arguments_in
from pytest_mimic._core.types.numpy_numbers import NDARRAY, is_of_numpy

# The names of facts that may stand beside the part of an object's node.
_KEYS_OF_FACTS = frozenset({"attributes", "extra", "fields_set", "of", "private"})


class StandIn:
    """Stands for an object of any class that the JSON names, and for the class.

    `check` throws it away: only the errors of reading count.
    """


class _AnyTag(ClassTag):
    """The tag of any class: only the shape of the objects' nodes is checked."""

    def __init__(self) -> None:
        super().__init__(StandIn)

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        if type(part) not in (dict, int, str) or not _KEYS_OF_FACTS.issuperset(facts):
            raise ValueError("an object of another kind")
        for part_or_fact in (part, *facts.values()):
            is_json = is_plain_json(part_or_fact) or type(part_or_fact) in (int, str)
            if part_or_fact is not None and not is_json:
                raise ValueError("an object with parts of another kind")
        return StandIn()


class DryReader(ValueReader):
    """Reads one value without the classes of its objects."""

    def find(self, name: str) -> Any:
        self.check_name(name)
        return StandIn

    def _tag(self, name: str) -> ClassTag:
        self.check_name(name)
        return _AnyTag()

    def _generic(self, name: Any, facts: dict[str, Any]) -> Any:
        # The call raises if the arguments have another shape.
        arguments_in(name, facts)
        return self.find(name)

    def _value(self, tag: str, part: Any) -> Any:
        if is_of_numpy(tag):
            # numpy need not be installed.
            self.check_name(NDARRAY)
            return StandIn()
        return super()._value(tag, part)

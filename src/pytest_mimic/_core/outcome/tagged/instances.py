"""Tags of dataclasses, attrs classes and plain classes: `{"$shop.models:User": {"name": "Ann"}}`."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.outcome.tagged.attributes import Attributes, fields_changed, fields_in
from pytest_mimic._core.outcome.tagged.class_checks import check_layout, check_ways, own_bases
from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing, typed

# attrs keeps a hash there, which is another one in each process.
_CACHED_HASH = "_attrs_cached_hash"


def tag_of(cls: type) -> Tag:
    """Return the tag for the objects of a class.

    Raises:
        NotTaggableError: They are more than their attributes.
    """
    bases = own_bases(cls)
    check_ways(cls, bases, generated=("attr._make", "dataclasses"))
    check_layout(cls)
    instances = _Instances(cls, bases)
    return Tag("class", instances.write, instances.read, is_shared=True, may_contain_itself=True)


class _Instances:
    """The objects of one class. `declared` has its fields, or is None for a class that declares no fields."""

    def __init__(self, cls: type, bases: list[type]) -> None:
        self._cls = cls
        self._attributes = Attributes(cls)
        self._declared = _declared(bases)
        self._order = list(self._declared or ())
        #: The fields that each object has.
        self._required = frozenset(
            name for name, is_required in (self._declared or {}).items() if is_required
        )
        if _CACHED_HASH in self._attributes.slots:
            raise NotTaggableError("a class that keeps a hash")

    def write(self, value: object, node: Node, writer: Writing) -> None:
        attributes = self._attributes.of(value)
        if not self._required <= attributes.keys() or _CACHED_HASH in attributes:
            raise NotTaggableError("an object without one of its fields")
        fields = self._fields(attributes)
        node[f"${writer.import_name(self._cls)}"] = {name: writer.write(attributes[name]) for name in fields}
        if len(fields) < len(attributes):
            node["attributes"] = {
                name: writer.write(part) for name, part in attributes.items() if name not in fields
            }

    def _fields(self, attributes: dict[str, Any]) -> list[str]:
        """Return the fields of an object: in the order of its `__dict__`, or as declared if it has slots."""
        if self._declared is None:
            return list(attributes)
        if not self._attributes.has_dict:
            return [name for name in self._declared if name in attributes]
        fields = [name for name in attributes if name in self._declared]
        others = [name for name in attributes if name not in self._declared]
        in_dict = [name for name in (*fields, *others) if name not in self._attributes.slots]
        if in_dict != [name for name in attributes if name not in self._attributes.slots]:
            raise NotTaggableError("a field that was set after another attribute")
        return fields

    def read(self, node: Node, reader: Reading, anchor: int | None) -> object:
        part: dict[str, Any] = next(iter(node.values()))
        if type(part) is not dict:
            fields_in(node, self._cls)
        declared = self._declared
        if declared is not None and list(part) != self._order and part.keys() != declared.keys():
            gone, new = part.keys() - declared.keys(), self._required - part.keys()
            if gone or new:
                raise fields_changed(self._cls, gone=gone, new=new)
        made: object = object.__new__(self._cls)
        if anchor is not None:
            reader.keep(anchor, made)
        self._attributes.fill(made, reader.parts(part))
        if len(node) > 1:
            fields_in(node, self._cls, "attributes")
            others = typed(node["attributes"], dict)
            if declared is None or not others.keys().isdisjoint(part):
                raise ValueError(f"{next(iter(node))} with strange attributes")
            self._attributes.fill(made, reader.parts(others))
        return made


def _declared(bases: list[type]) -> dict[str, bool] | None:
    """Return the fields that a class declares, and whether each object has them. None: it declares no fields."""
    for base in bases:
        if "__attrs_attrs__" in vars(base):
            return dict.fromkeys((field.name for field in vars(base)["__attrs_attrs__"]), True)
        if "__dataclass_fields__" in vars(base):
            dataclasses: Any = sys.modules["dataclasses"]
            return {
                # A default that the class has for a field which is not in `__init__` is no attribute of the object.
                name: field.init or field.default is dataclasses.MISSING
                for name, field in vars(base)["__dataclass_fields__"].items()
                if field._field_type is dataclasses._FIELD
            }
    return None

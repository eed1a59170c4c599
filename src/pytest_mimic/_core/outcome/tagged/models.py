"""Tags of pydantic's models: `{"$shop.models:User": {"name": "Ann"}, "fields_set": []}`."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.outcome.tagged.attributes import Attributes, fields_changed, fields_in
from pytest_mimic._core.outcome.tagged.class_checks import check_layout, check_ways, own_bases
from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing, typed

_SET, _EXTRA, _PRIVATE = "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"


def tag_of(cls: type) -> Tag | None:
    """Return the tag for the objects of a model of pydantic 2, or None for another class.

    Raises:
        NotTaggableError: They are more than a model's parts.
    """
    base_model = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    if base_model is None or base_model not in cls.__mro__:
        return None
    bases = own_bases(cls)
    check_ways(cls, bases, generated=("pydantic.main", "pydantic.root_model"))
    check_layout(cls)
    if "[" in cls.__qualname__:
        # One that a generic model made has this name in its module only where it was made at the top level.
        raise NotTaggableError(cls)
    models = _Models(cls, bases)
    return Tag("class", models.write, models.read, is_shared=True, may_contain_itself=True)


class _Models:
    """The objects of one model."""

    def __init__(self, cls: type, bases: list[type]) -> None:
        self._cls = cls
        self._attributes = Attributes(cls)
        if self._attributes.slots.keys() != {_SET, _EXTRA, _PRIVATE}:
            raise NotTaggableError("a model with other slots")
        spaces = [vars(base) for base in bases]
        # A root model has class attributes in place of two of the slots, which its objects never fill.
        self._absent = {
            name for name in (_EXTRA, _PRIVATE) if any(space.get(name, 0) is None for space in spaces)
        }
        # Before pydantic 2.10, `model_fields` was the attribute itself.
        fields = next(
            space[name]
            for space in spaces
            for name in ("__pydantic_fields__", "model_fields")
            if type(space.get(name)) is dict
        )
        self._names = frozenset(fields)
        missing = sys.modules["pydantic_core"].PydanticUndefined
        private: dict[str, Any] = next(
            (found for space in spaces if (found := space.get("__private_attributes__"))), {}
        )
        #: The private attributes, and whether each object has them.
        self._private = {
            name: attribute.default is not missing or attribute.default_factory is not None
            for name, attribute in private.items()
        }
        if private and _PRIVATE in self._absent:
            raise NotTaggableError("a root model with private attributes")

    def write(self, value: object, node: Node, writer: Writing) -> None:
        attributes = self._attributes.of(value)
        names = attributes.pop(_SET, None)
        extra, private = (
            attributes.pop(name, None if name in self._absent else 0) for name in (_EXTRA, _PRIVATE)
        )
        fields = [name for name in attributes if name in self._names]
        if not self._names <= attributes.keys() or list(attributes)[: len(fields)] != fields:
            raise NotTaggableError("a model without one of its fields")
        if type(names) is not set or not all(type(part) in (dict, type(None)) for part in (extra, private)):
            raise NotTaggableError("a model that was not made by pydantic")
        if any(self._private_changes(private)):
            raise NotTaggableError("a model without one of its private attributes")
        node[f"${writer.import_name(self._cls)}"] = {name: writer.write(attributes[name]) for name in fields}
        if len(fields) < len(attributes):
            others = list(attributes.items())[len(fields) :]
            node["attributes"] = {name: writer.write(part) for name, part in others}
        if names != self._names | (extra or {}).keys():
            node["fields_set"] = sorted(names)
        if extra is not None:
            node["extra"] = writer.write(extra)
        if private is not None:
            node["private"] = writer.write(private)

    def read(self, node: Node, reader: Reading, anchor: int | None) -> object:
        part = fields_in(node, self._cls, "attributes", "fields_set", "extra", "private")
        if part.keys() != self._names:
            raise fields_changed(self._cls, gone=part.keys() - self._names, new=self._names - part.keys())
        made: object = object.__new__(self._cls)
        reader.keep(anchor, made)
        read, fill = reader.read, self._attributes.fill
        fill(made, reader.parts(part))
        if "attributes" in node:
            others = typed(node["attributes"], dict)
            if not others.keys().isdisjoint({*part, *self._attributes.slots}):
                raise ValueError(f"{next(iter(node))} with strange attributes")
            fill(made, reader.parts(others))
        extra = typed(read(node.get("extra")), dict, type(None))
        private = typed(read(node.get("private")), dict, type(None))
        gone, new = self._private_changes(private)
        if gone or new:
            raise fields_changed(self._cls, gone=gone, new=new)
        names = {*self._names, *(extra or ())}
        if "fields_set" in node:
            names = {typed(name, str) for name in typed(node["fields_set"], list)}
        slots = {_SET: names, _EXTRA: extra, _PRIVATE: private}
        fill(made, {name: part for name, part in slots.items() if name not in self._absent})
        return made

    def _private_changes(self, private: dict[str, Any] | None) -> tuple[set[str], set[str]]:
        """Return the private attributes that the class lacks, and those that an object lacks."""
        has_all = private is None  # without private attributes, an object has no place for them
        found = set(private or ())
        required = {name for name, is_required in self._private.items() if is_required or has_all}
        return found - self._private.keys(), required - found

"""Tags of enums: `{"$shop.models:Color": "RED"}`."""

from __future__ import annotations

from enum import Enum

from pytest_mimic._tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    Reading,
    Tag,
    Writing,
    only_keys,
)

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the objects of a class, or None if they have none."""
    return CLASS if issubclass(type_, Enum) else None


def _write(value: Enum, node: Node, writer: Writing) -> None:
    cls = type(value)
    if cls.__members__.get(value.name) is not value:
        raise NotTaggableError("a member without a name")
    node[f"${writer.import_name(cls)}"] = value.name


def _read(node: Node, reader: Reading, anchor: int | None) -> object:  # noqa: ARG001 - as for any tag
    only_keys(node)
    [(tag, name)] = node.items()
    cls = reader.find(tag[1:])
    if not (isinstance(cls, type) and issubclass(cls, Enum)):
        raise ValueError(f"{tag[1:]} is no enum")
    if name not in cls.__members__:
        raise OutdatedClassError(f"{tag[1:]} has no member {name!r:.60} any more")
    return cls.__members__[name]


CLASS = Tag("class", _write, _read)

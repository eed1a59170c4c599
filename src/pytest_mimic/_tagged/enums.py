"""Tags of enums: `{"$shop.models:Color": "RED"}`."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pytest_mimic._outcome.names import name_of
from pytest_mimic._tagged.class_checks import HEAP_TYPE, check_ways, own_bases
from pytest_mimic._tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    Reading,
    Tag,
    Writing,
    only_keys,
    typed,
)

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


def tag_of(cls: type) -> Tag | None:
    """Return the tag for the members of an enum, or None for another class.

    Raises:
        NotTaggableError: Its members are pickled in a way of its own.
    """
    if not issubclass(cls, Enum):
        return None
    # The members exist, so that any builtin type of their data will do.
    builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
    check_ways(cls, own_bases(cls, builtins), generated=("enum",))
    members = _Members(cls)
    return Tag("class", members.write, members.read)


class _Members:
    """The members of one enum."""

    def __init__(self, cls: type[Enum]) -> None:
        self._cls = cls
        self._by_name: dict[str, Any] = vars(cls)["_member_map_"]

    def write(self, value: Enum, node: Node, writer: Writing) -> None:
        """Fill the node of a member."""
        name = value._name_
        if self._by_name.get(name) is not value:
            raise NotTaggableError("a member without a name")
        node[f"${writer.import_name(self._cls)}"] = name

    def read(self, node: Node, reader: Reading, anchor: int | None) -> object:  # noqa: ARG002 - as for any tag
        """Return the member of a node."""
        only_keys(node)
        [name] = node.values()
        if type(name) is dict:
            raise OutdatedClassError(f"{name_of(self._cls)} is an enum now")
        if typed(name, str) not in self._by_name:
            raise OutdatedClassError(f"{name_of(self._cls)} has no member {name!r:.60} any more")
        return self._by_name[name]

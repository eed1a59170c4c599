"""The one walk over a value, which makes its tree.

This module and the rows of the table of types say which node a value has, for outcomes
and for descriptions alike. Two classes derive from the walk: the `ValueWriter` of
outcomes, which keeps all of a value, and the `_Describer` of descriptions, which has a
budget.

| | all of a value: an outcome | a part of it: a description |
|---|---|---|
| a text, bytes or number that is long | whole, or an object of the vault | cut |
| a text that is a secret | whole | hidden |
| the folder of a path | that from which a replay restores it | that which counts |
| a container | all parts | the first parts, its length, a digest |
| an object | the state from which it is made again | its attributes |
| a value without a node | refused | a text |
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from base64 import b64encode
from enum import Enum, Flag
from math import isfinite
from types import GenericAlias
from typing import Any, TypeVar
from unicodedata import category

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import with_tag
from pytest_mimic._core.types.generated_classes import origin_and_arguments
from pytest_mimic._core.types.numpy_numbers import NDARRAY, numbers_of
from pytest_mimic._core.types.stdlib_types import own_row
from pytest_mimic._core.types.tagged_values import PLACED
from pytest_mimic._core.types.type_names import name_of

AnyNode = TypeVar("AnyNode", bound=Node)
# Bytes of a greater length are no text that people read.
_LONGEST_TEXT = 65_536
# People can read a text with tabs and line ends, which `isprintable` refuses. So they
# are taken out before it is asked.
_WITHOUT_TABS_AND_LINE_ENDS = {9: None, 10: None, 13: None}
#: The builtin containers, for which the walk has methods of their own.
CONTAINERS = frozenset((list, tuple, dict, set, frozenset))


class NodeWalk(ABC):
    """Walks over one value and makes its nodes."""

    __slots__ = ()

    def node(self, value: Any) -> Node:
        """Return the node of a value."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            constant: bool | None = value
            return constant
        if kind is int:
            return self.integer(value)
        if kind is float:
            return self.number(value)
        if kind is bytes:
            return self.bytes_node(value)
        return self.inside(value, kind)

    @abstractmethod
    def inside(self, value: Any, kind: type) -> Node:
        """Return the node of a value by `known` or `container`, a level further in."""

    # Values that are plain, or nearly so

    @abstractmethod
    def text(self, value: str) -> Node:
        """Return the node of a text."""

    @abstractmethod
    def integer(self, value: int) -> Node:
        """Return the node of an integer."""

    @abstractmethod
    def bytes_node(self, value: bytes) -> Node:
        """Return the node of bytes, by `whole_bytes` unless they are cut."""

    def whole_bytes(self, value: bytes) -> Opaque:
        """Return the node of all bytes: a text if people can read it, else data."""
        text = _readable_text(value)
        if text is None:
            return self.data(value)
        return self.counted(Opaque("bytes", text))

    def data(self, value: bytes) -> Opaque:
        """Return the node of bytes that people cannot read."""
        return self.counted(Opaque("base64", b64encode(value).decode()))

    @abstractmethod
    def path(self, value: Any, tag: str) -> Opaque:
        """Return the node of a path, by `placed`."""

    def placed(self, tag: str, place: str | tuple[str, str]) -> Opaque:
        """Return the node of a path, or of a text that is one.

        Args:
            tag: The tag of its type.
            place: The folder of the run and the path below it, `("tmp", "in.csv")`;
                of a path in none of them its text.
        """
        return self.counted(Opaque(tag, place))

    def number(self, value: float) -> Node:
        """Return the node of a float."""
        if isfinite(value):
            return value
        return self.counted(Opaque("float", repr(value)))

    # Containers and objects

    def container(self, value: Any, value_class: type) -> Node:
        """Return the node of a container or an object."""
        if value_class is list or value_class is tuple:
            return self.items(value)
        if value_class is dict:
            return self.mapping(value)
        if value_class is set or value_class is frozenset:
            return self.members(value)
        # Subclasses of list, dict and set too: the class counts.
        return self.instance(value, value_class)

    @abstractmethod
    def items(self, value: list[Any] | tuple[Any, ...]) -> Node:
        """Return the node of a list or a tuple."""

    @abstractmethod
    def members(self, value: set[Any] | frozenset[Any]) -> Node:
        """Return the node of a set."""

    @abstractmethod
    def mapping(self, value: dict[Any, Any]) -> Node:
        """Return the node of a dict."""

    @abstractmethod
    def instance(self, value: Any, kind: type) -> Node:
        """Return the node of an object of any other class."""

    # Values that the table of types lists, and classes, which are known by a name

    def known(self, value: Any, kind: type) -> Items | Fields | Opaque | None:
        """Return the node of a value of the standard library, or of a class.

        None: it is an object of any other class.
        """
        row = own_row(kind)
        if row is not None and row.tag:
            if row.tag in PLACED:
                return self.path(value, row.tag)
            if row.may_change:
                # The value may stand at a second place, by which it changes there, too.
                self.note_mutable(value)
            return self.tagged(row.tag, row.take(value))
        if kind is GenericAlias:
            return self.generic(value.__origin__, value.__args__)
        if issubclass(kind, type):
            return self.class_node(value)
        if kind.__module__ == "numpy":
            return self.numbers(value)
        return None

    def numbers(self, value: Any) -> Items | Opaque | None:
        """Return the node of a number of numpy, or of a short array of numbers.

        `Opaque("numpy.float64", 1.5)`, `Items("numpy.float64", [1.5, 2.0])`

        None: it is another value of numpy.
        """
        numbers = numbers_of(value)
        if numbers is None:
            return None
        # A replay needs numpy to make the numbers, also those that are no array.
        self.import_name(sys.modules["numpy"].ndarray, NDARRAY)
        if not numbers.is_array:
            return self.counted(Opaque(numbers.tag, numbers.items[0]))
        self.note_mutable(value)
        return self.counted(Items(numbers.tag, [*numbers.items]))

    def tagged(self, tag: str, part: Any) -> Items | Fields | Opaque:
        """Return the node of a value that is stored under a tag, from its part."""
        return self.counted(with_tag(tag, self.node_of_part(part)))

    @abstractmethod
    def node_of_part(self, part: Any) -> Node:
        """Return the node of what stands under a tag: a list, dict or value.

        `Row.take` has made it of the value that has the tag.
        """

    def class_node(self, value: Any) -> Opaque:
        """Return the node of a class, which may have arguments: `Page[Item]`."""
        generic = origin_and_arguments(value)
        if generic is not None:
            return self.generic(*generic)
        return self.counted(Opaque("class", self.import_name(value)))

    def generic(self, origin: Any, arguments: tuple[Any, ...]) -> Opaque:
        """Return the node of a class with arguments: `list[int]`, `Page[Item]`."""
        node = self.counted(Opaque("class", self.import_name(origin)))
        node.facts["of"] = Items("list", [self.node(part) for part in arguments])
        return node

    # Notes that an outcome takes, and a description does not

    def counted(self, node: AnyNode) -> AnyNode:
        """Return a node that JSON writes as a tag. An outcome limits them."""
        return node

    def note_mutable(self, value: object) -> None:  # noqa: B027 - notes none
        """Note a part that may change: JSON has no form for one at two places."""

    def import_name(self, thing: object, name: str = "") -> str:
        """Return the name of a class, by default its own.

        An outcome lists it, since a replay imports it. A description only shows it.
        """
        return name or name_of(thing)


def member_content(value: Enum) -> str | int | None:
    """Return the name of a member of an enum, or the number of combined flags.

    Outcomes store it, and descriptions show it. None: the member has no name, so no
    replay would find it again.
    """
    members: dict[object, Enum] = vars(type(value))["_member_map_"]
    # A combination of flags may have no name.
    name: str = value._name_
    if members.get(name) is value:
        return name
    number = value._value_
    if isinstance(value, Flag) and type(number) is int:
        return number
    return None


def _readable_text(value: bytes) -> str | None:
    """Return bytes as a text; None: people cannot read them, or they are too long."""
    if len(value) > _LONGEST_TEXT:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    if _is_printable(text.translate(_WITHOUT_TABS_AND_LINE_ENDS)):
        return text
    return None


def _is_printable(text: str) -> bool:
    """Return whether bytes that are this text are stored as a text, and not as data."""
    if text.isprintable():
        return True
    # An older Python does not know newer characters. They count as printable, so that
    # each version records the same.
    unprintable = [char for char in text if not char.isprintable()]
    # "Cn" is the category of characters that this Python does not know.
    return {"Cn"}.issuperset(map(category, unprintable))

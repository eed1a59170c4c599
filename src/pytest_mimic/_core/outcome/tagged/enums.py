"""Tags of enums: `{"$shop.models:Color": "RED"}`, and of combined flags: `{"$shop.models:Perm": ["READ", "WRITE"]}`."""

from __future__ import annotations

from enum import Enum, EnumMeta, Flag
from types import FunctionType
from typing import Any

from pytest_mimic._core.outcome.allow_list import name_of
from pytest_mimic._core.outcome.tagged.class_checks import HEAP_TYPE, check_ways, is_of, own_bases
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    Reading,
    Tag,
    Writing,
    only_keys,
    typed,
)

_METHODS = (classmethod, staticmethod)
# What a class may replace: it is not called for a combination.
_UNUSED = frozenset("__str__ __repr__ __format__ _generate_next_value_".split())


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
        name = value._name_
        is_member = self._by_name.get(name) is value
        node[f"${writer.import_name(self._cls)}"] = name if is_member else self._flags_in(value)

    def _flags_in(self, value: Enum) -> list[str]:
        """Return the names of the flags that are combined in a value."""
        number = value._value_
        if not _is_combinable(self._cls) or type(number) is not int or number < 0:
            raise NotTaggableError("a member without a name")
        names = [
            name
            for name, flag in self._by_name.items()
            if name == flag._name_ and number & flag._value_ and flag._value_ & (flag._value_ - 1) == 0
        ]
        if self._combined(names) is not value:
            raise NotTaggableError("a value with bits without a name")
        return names

    def _combined(self, names: list[Any]) -> object:
        number = 0
        for name in names:
            number |= self._member(name)._value_
        return self._cls(number)

    def _member(self, name: Any) -> Any:
        if typed(name, str) not in self._by_name:
            raise OutdatedClassError(f"{name_of(self._cls)} has no member {name!r:.60} any more")
        return self._by_name[name]

    def read(self, node: Node, _reader: Reading, _anchor: int | None) -> object:
        only_keys(node)
        [name] = node.values()
        if type(name) is dict:
            raise OutdatedClassError(f"{name_of(self._cls)} is an enum now")
        if type(name) is list:
            if not _is_combinable(self._cls):
                raise OutdatedClassError(f"{name_of(self._cls)} has no flags to combine any more")
            return self._combined(name)
        return self._member(name)


def _is_combinable(cls: type[Enum]) -> bool:
    """Return whether a class has flags that are combined by the code of `enum` alone."""
    if not issubclass(cls, Flag) or type(cls) is not EnumMeta:
        return False
    for base in cls.__mro__:
        for name, member in vars(base).items() if base.__flags__ & HEAP_TYPE else ():
            function = getattr(member, "__func__", member) if type(member) in _METHODS else member
            is_used = name[:1] == "_" and name not in _UNUSED
            is_method = name == "_missing_" or type(member) is property or type(function) is FunctionType
            if is_used and is_method and not is_of(function, ("enum",)):
                return False
    return True

"""The attributes of objects, read and set past the methods and descriptors of their class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import GetSetDescriptorType
from typing import Any

from pytest_mimic._core.identity.object_state import slot_members, slot_values
from pytest_mimic._core.outcome.allow_list import name_of
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    only_keys,
    typed,
)

# What the nodes of only some kinds of classes have besides the fields.
_PARTS = frozenset({"attributes", "extra", "fields_set", "private"})


class Attributes:
    """The attributes of the objects of one class: the real `__dict__` and the slots.

    Attributes:
        slots: The slots by name.
        has_dict: Whether the objects have a `__dict__`.
        dict_of: Returns the `__dict__` itself of an object, if they have one.

    Raises:
        NotTaggableError: There is no way past the class to the `__dict__`.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.slots = slot_members(cls)
        self.has_dict = bool(cls.__dictoffset__)
        self.dict_of: Callable[[object], dict[str, Any]] = vars
        if self.has_dict:
            found = (vars(base).get("__dict__") for base in cls.__mro__)
            getter: Any = next((each for each in found if type(each) is GetSetDescriptorType), None)
            if getter is None:
                raise NotTaggableError(cls)
            self.dict_of = getter.__get__

    def of(self, value: object) -> dict[str, Any]:
        """Return the attributes of an object: the slots, then the `__dict__` in its order.

        Raises:
            NotTaggableError: One has no name, or is at both places.
        """
        slots = slot_values(value, self.slots)
        if not self.has_dict:
            return slots
        attributes = self.dict_of(value)
        if type(attributes) is not dict or not all(type(name) is str for name in attributes):
            raise NotTaggableError("attributes without a name")
        if not all(map(str.isidentifier, attributes)) or not self.slots.keys().isdisjoint(attributes):
            raise NotTaggableError("attributes without a name of their own")
        return {**slots, **attributes}

    def fill(self, made: object, values: dict[str, Any]) -> None:
        """Set attributes.

        Raises:
            OutdatedClassError: The class has no place for one.
        """
        slots = self.slots
        attributes = self.dict_of(made) if self.has_dict else None
        if attributes is not None and not slots:
            attributes.update(values)
            return
        for name, value in values.items():
            if name in slots:
                slots[name].__set__(made, value)
            elif attributes is not None:
                attributes[name] = value
            else:
                raise fields_changed(self.cls, gone=[name])


def fields_changed(cls: type, *, gone: Iterable[str] = (), new: Iterable[str] = ()) -> OutdatedClassError:
    """Return the error that says which fields a class lost and gained."""
    changes = []
    if gone := sorted(gone):
        changes.append(f"no {_fields(gone)} any more")
    if new := sorted(new):
        changes.append(f"{'a ' if len(new) == 1 else ''}new {_fields(new)}, which the recording lacks")
    return OutdatedClassError(f"{name_of(cls)} has {', and has '.join(changes)}")


def fields_in(node: Node, cls: type, *names: str) -> dict[str, Any]:
    """Return the fields in the node of an object, which has no other parts than these.

    Raises:
        OutdatedClassError: It is the node of another kind of class.
        ValueError: There is no such node.
    """
    part = next(iter(node.values()))
    if type(part) in (str, list):  # the name of a member, or the names of flags
        raise OutdatedClassError(f"{name_of(cls)} is no enum any more")
    if not _PARTS.isdisjoint(node.keys() - {*names}):
        raise OutdatedClassError(f"{name_of(cls)} is of another kind now")
    only_keys(node, *names)
    return typed(part, dict)  # type: ignore[no-any-return]


def _fields(names: list[str]) -> str:
    return f"field{'s' if len(names) > 1 else ''} {', '.join(f'{name!r:.60}' for name in names)}"

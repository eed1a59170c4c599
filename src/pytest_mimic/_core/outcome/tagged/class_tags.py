"""Tags of objects by their class, `{"$shop.models:User": {"name": "Ann"}}`: read and made past the methods of the class.

That a copy is equal is proved by the round trip that each readable outcome makes when it is recorded. The checks of
classes are for what it cannot show: that an object may be made bare, and that its fields are still the same.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Iterable
from enum import Enum, Flag
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.kinds import HEAP_TYPE
from pytest_mimic._core.identity.object_state import slot_members, slot_values
from pytest_mimic._core.outcome.exceptions import is_remade, make, restore, state_of
from pytest_mimic._core.outcome.names import is_generated, name_of
from pytest_mimic._core.outcome.tagged.nodes import (
    CLASS,
    Node,
    NotTaggableError,
    OutdatedClassError,
    Tag,
    typed,
)

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.outcome.tagged.writer import Writer

# attrs keeps a hash there, which is another one in each process.
_CACHED_HASH = "_attrs_cached_hash"
# What makes a class more than its attributes when it is copied or pickled. `__new__` may return an object that exists.
_OWN_WAYS = frozenset(
    "__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __new__ __del__".split()
)


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the objects of a class, or None if they have none. Writer and reader both ask this."""
    try:
        if issubclass(type_, Enum):
            members = _Members(type_)
            return Tag(CLASS, members.write, members.read, (str, int))
        if issubclass(type_, BaseException):
            exceptions = _Exceptions(type_)
            return Tag(CLASS, exceptions.write, exceptions.read, (dict,), is_shared=True)
        objects = _Objects(type_)
    except (NotTaggableError, AttributeError, LookupError, StopIteration, TypeError):
        # A class may only look like one of a library: it has `__attrs_attrs__` with something else in it.
        return None
    is_tuple = issubclass(type_, tuple)
    tag = Tag(CLASS, objects.write, objects.read, (dict,), objects.facts, may_contain_itself=not is_tuple)
    # A tuple with a `__dict__` may change.
    return tag._replace(is_shared=not is_tuple or bool(type_.__dictoffset__))


# Objects


class _Objects:
    """The objects of one class: with fields that it declares, a named tuple, a model of pydantic, or any other."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self._is_tuple = issubclass(cls, tuple)
        bases = _own_bases(cls, (tuple, object) if self._is_tuple else (object,))
        self._slots = slot_members(cls)
        (tuple if self._is_tuple else object).__new__(cls)  # which refuses a class with more state in C
        self._has_dict = bool(cls.__dictoffset__)
        self._model = _Model(cls, bases, self._slots) if _is_model(cls) else None
        #: The fields, and whether each object has them. None for a class that declares no fields.
        self._declared = self._model.fields if self._model is not None else _declared_of(bases)
        if self._is_tuple and self._declared is None:
            raise NotTaggableError(cls)
        self._order = list(self._declared or ())
        others = () if self._is_tuple or self._declared is None else ("attributes",)
        #: What a node may have besides the fields.
        self.facts: tuple[str, ...] = (*others, *(self._model.PARTS if self._model is not None else ()))
        if _CACHED_HASH in self._slots:
            raise NotTaggableError("a class that keeps a hash")

    def write(self, value: object, node: Node, writer: Writer) -> None:
        attributes = self._of(value)
        beside = {} if self._model is None else self._model.take(attributes)
        order: Iterable[str] = attributes if self._has_dict else self._order
        fields = attributes if self._declared is None else [name for name in order if name in self._declared]
        node[f"${writer.import_name(self._cls)}"] = {
            name: writer.write(attributes[name]) for name in fields if name in attributes
        }
        others = {name: part for name, part in attributes.items() if name not in fields}
        if others:
            node["attributes"] = {name: writer.write(part) for name, part in others.items()}
        for name, part in beside.items():
            node[name] = part if name == "fields_set" else writer.write(part)

    def _of(self, value: Any) -> dict[str, Any]:
        """Return the attributes of an object, or the items of a named tuple: slots first, then those of the `__dict__`.

        Raises:
            NotTaggableError: One has no name, or is at both places.
        """
        found = slot_values(value, self._slots)
        if self._is_tuple:
            found.update(zip(self._order, tuple.__iter__(value)))
        attributes = value.__dict__ if self._has_dict else {}
        if type(attributes) is not dict or not all(type(name) is str for name in attributes):
            raise NotTaggableError("attributes without a name")
        if not all(map(str.isidentifier, attributes)) or not found.keys().isdisjoint(attributes):
            raise NotTaggableError("attributes without a name of their own")
        if _CACHED_HASH in attributes:
            raise NotTaggableError("an object that keeps a hash")
        return {**found, **attributes}

    def read(self, part: dict[str, Any], node: Node, reader: Reader, anchor: int | None) -> object:
        declared = self._declared
        if declared is not None and list(part) != self._order and part.keys() != declared.keys():
            new = {name for name, is_required in declared.items() if is_required} - part.keys()
            if (gone := part.keys() - declared.keys()) or new:
                raise _fields_changed(self._cls, gone, new)
        if self._is_tuple:
            return tuple.__new__(self._cls, [reader.read(part[name]) for name in self._order])
        made: object = object.__new__(self._cls)
        reader.keep(anchor, made)
        self._fill(made, reader.parts(part))
        if "attributes" in node:
            self._fill(made, reader.parts(typed(node["attributes"], dict)))
        if self._model is not None:
            self._fill(made, self._model.slots_in(node, reader))
        return made

    def _fill(self, made: object, values: dict[str, Any]) -> None:
        slots = self._slots
        attributes: dict[str, Any] | None = made.__dict__ if self._has_dict else None
        if attributes is not None and not slots:
            attributes.update(values)
            return
        for name, value in values.items():
            if name in slots:
                slots[name].__set__(made, value)
            elif attributes is not None:
                attributes[name] = value
            else:
                raise _fields_changed(self._cls, [name], ())


# Models of pydantic 2


def _is_model(cls: type) -> bool:
    base_model = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return base_model is not None and base_model in cls.__mro__


class _Model:
    """The parts of a model besides its fields: the names of those that were set, extra ones, and private attributes."""

    PARTS = ("fields_set", "extra", "private")
    _SLOTS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")

    def __init__(self, cls: type, bases: list[type], slots: Iterable[str]) -> None:
        # One that a generic model made has this name in its module only where it was made at the top level.
        if "[" in cls.__qualname__ or {*slots} != {*self._SLOTS}:
            raise NotTaggableError(cls)
        self._cls = cls
        spaces = [vars(base) for base in bases]
        # A root model has class attributes in place of two of the slots, which its objects never fill.
        self._absent = [
            name for name in self._SLOTS[1:] if any(space.get(name, 0) is None for space in spaces)
        ]
        # Before pydantic 2.10, `model_fields` was the attribute itself.
        names = ((space, name) for space in spaces for name in ("__pydantic_fields__", "model_fields"))
        self.fields = dict.fromkeys(
            next(space[name] for space, name in names if type(space.get(name)) is dict), True
        )
        missing = sys.modules["pydantic_core"].PydanticUndefined
        private: dict[str, Any] = next(
            (found for space in spaces if (found := space.get("__private_attributes__"))), {}
        )
        #: The private attributes, and whether each object has them.
        self._private = {
            name: attribute.default is not missing or attribute.default_factory is not None
            for name, attribute in private.items()
        }

    def take(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Take these parts out of an object's attributes; those that are as usual are left out."""
        names, extra, private = (attributes.pop(name, None) for name in self._SLOTS)
        if type(names) is not set or not {type(extra), type(private)} <= {dict, type(None)}:
            raise NotTaggableError("a model that was not made by pydantic")
        usual = names == self.fields.keys() | (extra or {}).keys()
        parts = (None if usual else sorted(names), extra, private)
        return {name: part for name, part in zip(self.PARTS, parts) if part is not None}

    def slots_in(self, node: Node, reader: Reader) -> dict[str, Any]:
        """Return the content of the slots."""
        extra, private = (
            typed(reader.read(node.get(name)), dict, type(None)) for name in ("extra", "private")
        )
        # Without private attributes, an object has no place for them.
        new = {name for name, is_required in self._private.items() if is_required or private is None}
        gone, new = (private or {}).keys() - self._private.keys(), new - (private or {}).keys()
        if gone or new:
            raise _fields_changed(self._cls, gone, new)
        names = {*self.fields, *(extra or ())}
        if "fields_set" in node:
            names = {typed(name, str) for name in typed(node["fields_set"], list)}
        found = dict(zip(self._SLOTS, (names, extra, private)))
        return {name: part for name, part in found.items() if name not in self._absent}


# Enums


class _Members:
    """The members of one enum by name, and combined flags by number: `{"$shop.models:Perm": 3}`."""

    def __init__(self, cls: type[Enum]) -> None:
        # The members exist, so that any builtin type of their data will do.
        _own_bases(cls, [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE])
        self._cls = cls
        self._by_name: dict[str, Any] = vars(cls)["_member_map_"]

    def write(self, value: Enum, node: Node, writer: Writer) -> None:
        name = value._name_
        is_member = self._by_name.get(name) is value
        if not is_member and not (isinstance(value, Flag) and type(value._value_) is int):
            raise NotTaggableError("a member without a name")
        node[f"${writer.import_name(self._cls)}"] = name if is_member else value._value_

    def read(self, name: str | int, _node: Node, _reader: Reader, _anchor: int | None) -> object:
        if type(name) is int and issubclass(self._cls, Flag):
            return self._cls(name)
        if name not in self._by_name:
            raise OutdatedClassError(f"{name_of(self._cls)} has no member {name!r:.60} any more")
        return self._by_name[str(name)]


# Exceptions in values


class _Exceptions:
    """The exceptions of one class: `{"$builtins:ValueError": {"args": ["too long"]}}`."""

    _PARTS = frozenset({"args", "attributes", "fields", "notes", "cause", "suppress_context"})

    def __init__(self, cls: type[BaseException]) -> None:
        self._cls = cls
        builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
        if any(base.__module__ != "builtins" for base in builtins):
            raise NotTaggableError(cls)
        if cls is not builtins[0]:  # they are made past all ways of the class
            _own_bases(cls, builtins, frozenset({"__del__"}))

    def write(self, value: BaseException, node: Node, writer: Writer) -> None:
        if not is_remade(value) or type(value.__reduce_ex__(4)) is str:  # a name leads to it
            raise NotTaggableError(value)
        part: dict[str, Any] = {}
        node[f"${writer.import_name(self._cls)}"] = part
        part["args"] = [writer.write(arg) for arg in value.args]
        part |= {name: writer.write(fact) for name, fact in state_of(value).items()}

    def read(self, part: dict[str, Any], _node: Node, reader: Reader, _anchor: int | None) -> BaseException:
        if "args" not in part:
            raise OutdatedClassError(f"{name_of(self._cls)} is an exception now")
        if not part.keys() <= self._PARTS:
            raise ValueError(part.keys())
        made = make(self._cls, tuple(map(reader.read, part["args"])))
        restore(made, {name: reader.read(tree) for name, tree in part.items() if name != "args"})
        return made


# Classes


def _own_bases(cls: type, builtins: Iterable[type], ways: frozenset[str] = _OWN_WAYS) -> list[type]:
    """Return a class and its bases, less those in C, which must be among `builtins`.

    Raises:
        NotTaggableError: There are other bases in C, or a base has a way of its own to be made again.
    """
    own = [base for base in cls.__mro__ if base.__flags__ & HEAP_TYPE]
    if cls not in own or {*cls.__mro__}.difference(own, builtins) or cls in copyreg.dispatch_table:
        raise NotTaggableError(cls)
    for base in own:
        made = f"namedtuple_{base.__name__}", "collections"
        for name in ways & vars(base).keys():
            if not is_generated(vars(base)[name], made if tuple in base.__bases__ else ()):
                raise NotTaggableError(cls)
    return own


def _declared_of(bases: list[type]) -> dict[str, bool] | None:
    """Return the fields that a class declares, and whether each object has them. None: it declares no fields."""
    for base in bases:
        space = vars(base)
        if tuple in base.__bases__:
            return dict.fromkeys(space["_fields"], True) if "__new__" in space else None
        if "__attrs_attrs__" in space:
            return dict.fromkeys((field.name for field in space["__attrs_attrs__"]), True)
        if "__dataclass_fields__" in space:
            dataclasses: Any = sys.modules["dataclasses"]
            return {
                # A default that the class has for a field which is not in `__init__` is no attribute of the object.
                name: field.init or field.default is dataclasses.MISSING
                for name, field in space["__dataclass_fields__"].items()
                if field._field_type is dataclasses._FIELD
            }
    return None


def _fields_changed(cls: type, gone: Iterable[str], new: Iterable[str]) -> OutdatedClassError:
    """Return the error that says which fields a class lost and gained."""
    changes = []
    if gone := sorted(gone):
        changes.append(f"no {_fields(gone)} any more")
    if new := sorted(new):
        changes.append(f"{'a ' if len(new) == 1 else ''}new {_fields(new)}, which the recording lacks")
    return OutdatedClassError(f"{name_of(cls)} has {', and has '.join(changes)}")


def _fields(names: list[str]) -> str:
    return f"field{'s' if len(names) > 1 else ''} {', '.join(f'{name!r:.60}' for name in names)}"

"""Tags of objects by their class, `{"$shop.models:User": {"name": "Ann"}}`: read and made past the methods of the class.

That a copy is equal is proved by the round trip that each readable outcome makes when it is recorded. The checks of
classes are for what it cannot show, and for recordings that were edited: that no code of a class runs, that an object
may be made bare, and that its fields are the same.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable, Iterable
from enum import Enum, EnumMeta, Flag
from types import FunctionType, GetSetDescriptorType
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.kinds import HEAP_TYPE
from pytest_mimic._core.identity.object_state import slot_members, slot_values
from pytest_mimic._core.outcome.exceptions import FIELDS, is_remade, make, restore, state_of
from pytest_mimic._core.outcome.names import has_plain_metaclass, is_generated, name_of
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
        if not has_plain_metaclass(type_):
            return None
        if issubclass(type_, Enum):
            members = _Members(type_)
            return Tag(CLASS, members.write, members.read, (str, list))
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
        self._dict_of = _dict_getter(cls) if cls.__dictoffset__ else None
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
        order: Iterable[str] = attributes if self._dict_of is not None else self._order
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
        attributes = self._dict_of(value) if self._dict_of is not None else {}
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
            others = typed(node["attributes"], dict)
            taken = {*part, *(self._slots if self._model is not None else ())}
            if not others.keys().isdisjoint(taken):
                raise ValueError(f"{next(iter(node))} with strange attributes")
            self._fill(made, reader.parts(others))
        if self._model is not None:
            self._fill(made, self._model.slots_in(node, reader))
        return made

    def _fill(self, made: object, values: dict[str, Any]) -> None:
        slots = self._slots
        attributes = self._dict_of(made) if self._dict_of is not None else None
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
    """The members of one enum, by name, and combined flags: `{"$shop.models:Perm": ["READ", "WRITE"]}`."""

    # What a class may replace: it is not called for a combination.
    _UNUSED = frozenset("__str__ __repr__ __format__ _generate_next_value_".split())

    def __init__(self, cls: type[Enum]) -> None:
        # The members exist, so that any builtin type of their data will do.
        _own_bases(cls, [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE])
        self._cls = cls
        self._by_name: dict[str, Any] = vars(cls)["_member_map_"]

    def write(self, value: Enum, node: Node, writer: Writer) -> None:
        name = value._name_
        is_member = self._by_name.get(name) is value
        node[f"${writer.import_name(self._cls)}"] = name if is_member else self._flags_in(value)

    def _flags_in(self, value: Enum) -> list[str]:
        number = value._value_
        if not self._is_combinable() or type(number) is not int or number < 0:
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

    def read(self, name: object, _node: Node, _reader: Reader, _anchor: int | None) -> object:
        if type(name) is not list:
            return self._member(name)
        if not self._is_combinable():
            raise OutdatedClassError(f"{name_of(self._cls)} has no flags to combine any more")
        return self._combined(name)

    def _is_combinable(self) -> bool:
        """Return whether the class has flags that are combined by the code of `enum` alone."""
        if not issubclass(self._cls, Flag) or type(self._cls) is not EnumMeta:
            return False
        for base in self._cls.__mro__:
            for name, member in vars(base).items() if base.__flags__ & HEAP_TYPE else ():
                function = getattr(member, "__func__", member) if type(member) in _METHODS else member
                is_used = name[:1] == "_" and name not in self._UNUSED
                is_method = name == "_missing_" or type(member) is property or type(function) is FunctionType
                if is_used and is_method and not is_generated(function):
                    return False
        return True


_METHODS = (classmethod, staticmethod)


# Exceptions in values


class _Exceptions:
    """The exceptions of one class: `{"$builtins:ValueError": {"args": ["too long"]}}`."""

    _PARTS = frozenset({"args", "attributes", "fields", "notes", "context", "cause", "suppress_context"})
    # What is read and set on an exception, and what a class could replace.
    _USED = frozenset("__getattribute__ __dict__ args __context__ __cause__ __suppress_context__".split())

    def __init__(self, cls: type[BaseException]) -> None:
        self._cls = cls
        builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
        if any(base.__module__ != "builtins" for base in builtins):
            raise NotTaggableError(cls)
        used = self._USED.union(*(names for base, names in FIELDS.items() if issubclass(cls, base)))
        # They are made and read past all ways of the class.
        own = [] if cls is builtins[0] else _own_bases(cls, builtins, frozenset({"__del__"}))
        if any(not used.isdisjoint(vars(base)) for base in own):
            raise NotTaggableError(cls)

    def write(self, value: BaseException, node: Node, writer: Writer) -> None:
        if not is_remade(value) or type(value.__reduce_ex__(4)) is str:  # a name leads to it
            raise NotTaggableError(value)
        part: dict[str, Any] = {}
        node[f"${writer.import_name(self._cls)}"] = part
        part["args"] = [writer.write(arg) for arg in value.args]
        for name, fact in state_of(value).items():
            is_cause = name == "context" and fact is value.__cause__
            part[name] = "cause" if is_cause else writer.write(fact)

    def read(self, part: dict[str, Any], node: Node, reader: Reader, _anchor: int | None) -> BaseException:
        if "args" not in part:
            raise OutdatedClassError(f"{name_of(self._cls)} is an exception now")
        if strange := part.keys() - self._PARTS:
            raise ValueError(f"{next(iter(node))} has an unknown part {min(strange)!r:.60}")
        made = make(self._cls, tuple(map(reader.read, typed(part["args"], list))))
        if type(made) is not self._cls:
            raise ValueError(f"{next(iter(node))} with the arguments of another class")
        state = {name: reader.read(tree) for name, tree in part.items() if name != "args"}
        if state.get("context") == "cause":
            state["context"] = state["cause"]
        for name in ("attributes", "fields"):
            typed(state.get(name, {}), dict)
        restore(made, state)
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


def _dict_getter(cls: type) -> Callable[[object], dict[str, Any]]:
    """Return a function that returns the `__dict__` itself of an object, past the class."""
    found = (vars(base).get("__dict__") for base in cls.__mro__)
    getter: Any = next((each for each in found if type(each) is GetSetDescriptorType), None)
    if getter is None:
        raise NotTaggableError(cls)
    return getter.__get__  # type: ignore[no-any-return]


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

"""Nodes of objects by their class, `Fields("shop.models:User", {"name": "Ann"})`.

An object is made of its node without `__init__`. Each readable outcome is read back
when it is recorded, which proves that the copy is equal. The checks of classes here are
for what this cannot show: that an object may be made without its class's code, and that
its fields are still the same in a replay. Values of databases have nodes of their own,
in `database_values.py`.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Collection, Iterable
from enum import Enum, Flag
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.value_walk import NodeWalk, member_content
from pytest_mimic._core.outcome.constants import constant
from pytest_mimic._core.outcome.exceptions import (
    make,
    remade,
    restore,
    state_of_exception,
)
from pytest_mimic._core.outcome.outcome import NotExactError, OutdatedClassError
from pytest_mimic._core.types.attributes_and_parts import (
    CACHED_HASH,
    all_attributes,
    set_attributes,
    slot_members,
)
from pytest_mimic._core.types.generated_classes import (
    is_generated,
    origin_and_arguments,
    parametrised,
)
from pytest_mimic._core.types.named_constants import constant_name
from pytest_mimic._core.types.remembered_hashes import (
    has_handwritten_hash,
    hashes_from_constructor,
    remembered_hashes,
    without_hashes,
)
from pytest_mimic._core.types.type_names import HEAP_TYPE, name_of

# A class with one of these methods has its own way to copy or pickle objects, so they
# are more than their attributes, and are pickled. `__new__` may return an object that
# exists.
_METHODS_OF_COPYING = frozenset(
    (
        "__del__",
        "__getnewargs__",
        "__getnewargs_ex__",
        "__getstate__",
        "__new__",
        "__reduce__",
        "__reduce_ex__",
        "__setstate__",
    )
)


class ClassTag:
    """How the objects of one class are stored.

    Args:
        cls: The class.

    Raises:
        NotExactError, and others: The objects of the class cannot be stored.
    """

    def __init__(self, cls: Any) -> None:
        self.cls = cls

    def write(self, value: Any, writer: NodeWalk) -> Fields | Opaque:
        """Return the node of an object.

        Raises:
            NotExactError: The object has no exact form.
        """
        raise NotImplementedError

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        """Return the object of a node, whose part and facts are values.

        Raises:
            OutdatedClassError: The class has changed since.
            ValueError: The node was edited.
        """
        raise NotImplementedError

    def import_class(self, writer: NodeWalk) -> str:
        """Return the name of the class, which is the tag of its nodes.

        The recording lists the name, as a replay imports no other.
        """
        return writer.import_name(self.cls)

    def fields_node(
        self,
        writer: NodeWalk,
        attributes: dict[str, Any],
        declared: Collection[str] | None,
    ) -> Fields:
        """Return the node of an object, whose undeclared attributes stand apart.

        Args:
            writer: Makes the nodes of the attributes.
            attributes: All attributes of the object by name.
            declared: The names of the fields that the class declares. None: it declares
                no fields, and no attribute stands apart.
        """
        parts: dict[str, Node] = {}
        undeclared_parts: dict[str, Node] = {}
        for name, value in attributes.items():
            if declared is None or name in declared:
                parts[name] = writer.node(value)
            else:
                undeclared_parts[name] = writer.node(value)
        node = writer.counted(Fields(self.import_class(writer), parts))
        if undeclared_parts:
            node.facts["attributes"] = Fields("dict", undeclared_parts)
        return node

    def check_node(self, part: Any, facts: dict[str, Any], *fact_names: str) -> None:
        """Check the shape of a loaded node, before an object is made of it.

        The node may be edited, or from before the class was changed. The objects in the
        node are not looked into.

        Args:
            part: The part of the node.
            facts: The facts that stand beside the part.
            fact_names: The names that these facts may have.

        Raises:
            OutdatedClassError: The node is that of another kind of class.
            ValueError: A fact is neither a list nor a dict.
        """
        for name in fact_names:
            if name in facts and not is_plain_json(facts[name]):
                raise ValueError(f"{name} of another kind")
        is_plain = type(part) is dict and is_plain_json(part)
        if not is_plain or not facts.keys() <= set(fact_names):
            raise OutdatedClassError(
                f"{name_of(self.cls)} is another kind of class now, or the recording"
                " was edited"
            )


def tag_of(type_: type) -> ClassTag | None:
    """Return the tag for the objects of a class; None: they are stored as pickles.

    Writer and reader both ask. If a recording has objects of a class that has no tag
    any more, the recording is stale.
    """
    kind: Any = _Objects
    base_model = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    if issubclass(type_, Enum):
        kind = _Members
    elif issubclass(type_, BaseException):
        kind = _Exceptions
    elif base_model in type_.__mro__:
        kind = _Models
    try:
        tag: ClassTag = kind(type_)
        return tag
    except (NotExactError, AttributeError, LookupError, StopIteration, TypeError):
        # A class may only look like a class of a library: `__attrs_attrs__` is in it,
        # but holds something else.
        return None


class _Objects(ClassTag):
    """The objects of one class: named tuples, with declared fields, or any others.

    A constant without attributes is stored by its name, as the member of an enum is:
    `Opaque("shop.models:Missing", "MISSING")`
    """

    def __init__(self, cls: type) -> None:
        super().__init__(cls)
        self._is_named_tuple = issubclass(cls, tuple)
        builtin: Any = object
        if self._is_named_tuple:
            builtin = tuple
        bases = _plain_bases(cls, {builtin, object})
        # This raises for an abstract class, and for a class with more state in C.
        # `tag_of` then returns None.
        builtin.__new__(cls)
        # Each field with whether all objects have it. None: the class declares no
        # fields.
        self._declared_fields = _declared_of(bases)
        self._slots = slot_members(cls)
        kind: Any = cls
        self._has_handwritten_hash = has_handwritten_hash(kind)
        # A subclass of `tuple` may be no named tuple, and a class of attrs may remember
        # hashes of this process.
        is_other_tuple = self._is_named_tuple and self._declared_fields is None
        if is_other_tuple or CACHED_HASH in self._slots:
            raise NotExactError(cls)

    def write(self, value: Any, writer: NodeWalk) -> Fields | Opaque:
        attributes = all_attributes(value)
        if self._declared_fields is None and not attributes:
            name = constant_name(value)
            if name is not None:
                return writer.counted(Opaque(self.import_class(writer), name))
        if self.cls.__dictoffset__:
            # The value that a cached property has remembered is an attribute, too.
            attributes |= value.__dict__
        if self._is_named_tuple:
            attributes |= zip(self._declared_fields or (), tuple.__iter__(value))
        if not self._is_named_tuple or self.cls.__dictoffset__:
            # A plain named tuple cannot change, so it may stand at several places.
            writer.note_mutable(value)
        for name in attributes:
            is_name = type(name) is str and name.isidentifier()
            if not is_name or name == CACHED_HASH:
                raise NotExactError("attributes without a name")
        if self._has_handwritten_hash:
            attributes = self._without_hash(value, attributes)
        return self.fields_node(writer, attributes, self._declared_fields)

    def _without_hash(self, value: Any, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return attributes without the `hash()` that an object remembers."""
        if hashes_from_constructor(value):
            raise NotExactError("a hash of this process")
        names = remembered_hashes(value)
        if not names.keys().isdisjoint(self._declared_fields or ()):
            raise NotExactError("a field that remembers the hash")
        attributes_without_hash: dict[str, Any] = without_hashes(attributes, names)
        return attributes_without_hash

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        class_of_part: type = type(part)
        if class_of_part is str and self._declared_fields is None:
            # The part is the name of a constant, beside which no fact stands.
            self.check_node({}, facts)
            return constant(self.cls, part)
        self.check_node(part, facts, "attributes")
        if self._declared_fields is not None:
            _check_fields(self.cls, part, self._declared_fields)
        if self._is_named_tuple:
            items = [part[name] for name in self._declared_fields or ()]
            return tuple.__new__(self.cls, items)
        instance: Any = object.__new__(self.cls)
        attributes = {**part, **facts.get("attributes", {})}
        if not self.cls.__dictoffset__:
            # Without a `__dict__`, the object has room for its slots alone.
            attributes_in_dict = dict.fromkeys(attributes.keys() - self._slots.keys())
            _check_fields(self.cls, attributes_in_dict, {})
        set_attributes(instance, attributes)
        return instance


class _Models(ClassTag):
    """The models of pydantic, stored by the state that their `__getstate__` returns."""

    # The names of facts for what pydantic keeps beside the fields: the dicts
    # `__pydantic_extra__` and `__pydantic_private__`.
    _FACTS_BESIDE_FIELDS = ("extra", "private")

    def __init__(self, cls: Any) -> None:
        super().__init__(cls)
        _plain_bases(cls, (object,))
        #: The origin and the arguments of a parametrised model, `Page[Item]`; None:
        #: the model is not parametrised.
        self._origin_and_arguments = origin_and_arguments(cls)
        self._fields = dict.fromkeys(cls.model_fields, True)
        missing = sys.modules["pydantic_core"].PydanticUndefined
        #: The private attributes, and whether each object has them.
        self._is_private_always_set: dict[str, bool] = {}
        for name, attribute in cls.__private_attributes__.items():
            has_default = attribute.default is not missing
            has_factory = attribute.default_factory is not None
            self._is_private_always_set[name] = has_default or has_factory

    def write(self, value: Any, writer: NodeWalk) -> Fields:
        writer.note_mutable(value)
        state = value.__getstate__()
        attributes = state["__dict__"]
        node = self._node_with_arguments(writer, attributes)
        for name in self._FACTS_BESIDE_FIELDS:
            # None: a model of this class keeps no such attributes.
            attributes_beside = state.get(f"__pydantic_{name}__")
            if attributes_beside is not None:
                node.facts[name] = writer.node_of_part(attributes_beside)
        fields_set = state["__pydantic_fields_set__"]
        extra = state.get("__pydantic_extra__") or {}
        # pydantic's `exclude_unset` needs the fields that were set. Without this fact,
        # `make` takes all fields for set.
        all_fields = (attributes.keys() & self._fields) | extra.keys()
        if fields_set != all_fields:
            node.facts["fields_set"] = Items("list", sorted(fields_set))
        return node

    def import_class(self, writer: NodeWalk) -> str:
        if self._origin_and_arguments is None:
            return super().import_class(writer)
        origin, _ = self._origin_and_arguments
        return writer.import_name(origin)

    def _node_with_arguments(
        self, writer: NodeWalk, attributes: dict[str, Any]
    ) -> Fields:
        """Return the node of a model's attributes, with the arguments of its class."""
        node = self.fields_node(writer, attributes, self._fields)
        if self._origin_and_arguments is not None:
            _, type_arguments = self._origin_and_arguments
            nodes = [writer.node(argument) for argument in type_arguments]
            node.facts = {"of": Items("list", nodes), **node.facts}
        return node

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        if "of" in facts:
            # The tag names `Page`, as `Page[Item]` has no importable name. The object
            # is of the class that the subscript makes.
            type_arguments = facts["of"]
            if type(type_arguments) is not list:
                raise ValueError("arguments that are no list")
            other_facts = {name: fact for name, fact in facts.items() if name != "of"}
            parametrised_class = parametrised(self.cls, tuple(type_arguments))
            return type(self)(parametrised_class).make(part, other_facts)
        self.check_node(
            part, facts, "attributes", "fields_set", *self._FACTS_BESIDE_FIELDS
        )
        _check_fields(self.cls, part, self._fields)
        extra = facts.get("extra")
        private = facts.get("private")
        # If the node has no private attributes, the object has no place for any.
        needed = {
            name: has_it or private is None
            for name, has_it in self._is_private_always_set.items()
        }
        _check_fields(self.cls, private or {}, needed)
        model = self.cls.__new__(self.cls)
        fields_set = facts.get("fields_set", (*part, *(extra or ())))
        base: Any = sys.modules["pydantic.main"].BaseModel
        base.__setstate__(
            model,
            {
                "__dict__": {**part, **facts.get("attributes", {})},
                "__pydantic_extra__": extra,
                "__pydantic_fields_set__": {*fields_set},
                "__pydantic_private__": private,
            },
        )
        return model


class _Members(ClassTag):
    """The members of one enum by name, and combined flags by number.

    `Opaque("shop.models:Color", "RED")`, `Opaque("shop.models:Perm", 3)`
    """

    def __init__(self, cls: type[Enum]) -> None:
        super().__init__(cls)
        # No member is made: the members exist. So they may be of any builtin type, and
        # `_plain_bases` checks only the methods.
        builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
        _plain_bases(cls, builtins)
        self._member_by_name: dict[str, Any] = vars(cls)["_member_map_"]

    def write(self, value: Any, writer: NodeWalk) -> Opaque:
        content = member_content(value)
        if content is None:
            raise NotExactError("a member without a name")
        return writer.counted(Opaque(writer.import_name(self.cls), content))

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        if type(part) not in (str, int):
            # The class was no enum when the object was stored.
            self.check_node(None, facts)
        self.check_node({}, facts)
        if type(part) is int and issubclass(self.cls, Flag):
            member = vars(self.cls)["_value2member_map_"].get(part)
            # The method of the standard library combines flags, whatever the class
            # defines.
            return member or vars(Flag)["_missing_"].__func__(self.cls, part)
        if part not in self._member_by_name:
            raise OutdatedClassError(
                f"{name_of(self.cls)} has no member {part!r:.60} any more"
            )
        return self._member_by_name[str(part)]


class _Exceptions(ClassTag):
    """The exceptions of one class: `Fields("builtins:ValueError", {"args": …})`."""

    _PARTS = frozenset(
        {"args", "attributes", "fields", "notes", "cause", "suppress_context"}
    )

    def __init__(self, cls: type[BaseException]) -> None:
        super().__init__(cls)
        builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
        if any(base.__module__ != "builtins" for base in builtins):
            raise NotExactError(cls)
        if cls is not builtins[0]:
            # Exceptions are made past all methods of the class but `__del__`, which
            # Python would call for them.
            _plain_bases(cls, builtins, frozenset({"__del__"}))

    def write(self, value: Any, writer: NodeWalk) -> Fields:
        writer.note_mutable(value)
        # Pickle takes a text that `__reduce_ex__` returns for the name of a constant.
        # What is made of the class and the arguments would be another object.
        is_constant = type(value.__reduce_ex__(4)) is str
        if remade(value) is None or is_constant:
            raise NotExactError(value)
        state = {"args": list(value.args), **state_of_exception(value)}
        parts = {name: writer.node(part) for name, part in state.items()}
        return writer.counted(Fields(writer.import_name(self.cls), parts))

    def make(self, part: Any, facts: dict[str, Any]) -> object:
        self.check_node(part, facts)
        if "args" not in part:
            # The class was no exception when the object was stored.
            self.check_node(None, facts)
        if not part.keys() <= self._PARTS or type(part["args"]) is not list:
            raise ValueError(part.keys())
        for name in ("attributes", "fields"):
            if name in part and not is_plain_json(part[name]):
                raise ValueError(f"{name} of another kind")
        exception = make(self.cls, tuple(part["args"]))
        restore(exception, part)
        return exception


# Classes: what decides whether a tag can store their objects


def is_plain_json(part: object) -> bool:
    """Return whether a part is a list, or a dict with texts as its keys."""
    if type(part) is dict:
        return {str}.issuperset(map(type, part))
    return type(part) is list


def _plain_bases(
    cls: type,
    builtins: Iterable[type],
    refused_methods: frozenset[str] = _METHODS_OF_COPYING,
) -> list[type]:
    """Return a class and its bases in Python, if their objects are only attributes.

    Args:
        cls: The class.
        builtins: The bases in C that it may have.
        refused_methods: The methods that it must not have, except generated ones.

    Raises:
        NotExactError: The class has other bases in C, or a base has such a method.
    """
    bases_in_python = [base for base in cls.__mro__ if base.__flags__ & HEAP_TYPE]
    has_other_bases = bool({*cls.__mro__}.difference(bases_in_python, builtins))
    if cls not in bases_in_python or has_other_bases or cls in copyreg.dispatch_table:
        raise NotExactError(cls)
    for base in bases_in_python:
        # `collections.namedtuple` generates methods in modules of these names.
        modules: tuple[str, ...] = ()
        if tuple in base.__bases__:
            modules = (f"namedtuple_{base.__name__}", "collections")
        for name in refused_methods & vars(base).keys():
            if not is_generated(vars(base)[name], modules):
                raise NotExactError(cls)
    return bases_in_python


def _declared_of(bases: list[type]) -> dict[str, bool] | None:
    """Return the fields that a class declares, each with whether all objects have it.

    None: the class declares no fields.
    """
    for base in bases:
        space = vars(base)
        if tuple in base.__bases__:
            # A class that derives from `tuple` by hand has no `__new__` of its own.
            is_named_tuple = "__new__" in space
            return dict.fromkeys(space["_fields"], True) if is_named_tuple else None
        if "__attrs_attrs__" in space:
            names = [field.name for field in space["__attrs_attrs__"]]
            return dict.fromkeys(names, True)
        if "__dataclass_fields__" in space:
            return _dataclass_fields(space["__dataclass_fields__"])
    return None


def _dataclass_fields(fields: dict[str, Any]) -> dict[str, bool]:
    """Return the fields of a dataclass, each with whether all objects have it."""
    dataclasses: Any = sys.modules["dataclasses"]
    declared: dict[str, bool] = {}
    for name, field in fields.items():
        if field._field_type is dataclasses._FIELD:
            # A field that is not in `__init__` and has a default is no attribute of
            # each object: the default is one of the class.
            declared[name] = field.init or field.default is dataclasses.MISSING
    return declared


def _check_fields(cls: type, parts: dict[str, Any], declared: dict[str, bool]) -> None:
    """Check that a stored object has the fields that its class declares today.

    Args:
        cls: The class.
        parts: The stored fields by name.
        declared: The fields of today, each with whether all objects have it.

    Raises:
        OutdatedClassError: The object has other fields, so that its recording is stale.
    """
    if parts.keys() == declared.keys():
        return
    required = {name for name, is_required in declared.items() if is_required}
    changes: list[str] = []
    for name in sorted(parts.keys() - declared.keys()):
        changes.append(f"no field {name!r:.60} any more")
    for name in sorted(required - parts.keys()):
        changes.append(f"a new field {name!r:.60}")
    if changes:
        raise OutdatedClassError(f"{name_of(cls)} has {', '.join(changes)}")

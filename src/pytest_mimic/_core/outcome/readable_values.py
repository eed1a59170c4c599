"""Readable values: as nodes that keep them exactly, and made again of the nodes' JSON.

The class of an object is its tag, `Fields("shop.models:User", {"name": "Ann"})`; values
of the standard library have the tags of `types.stdlib_types`, as in
`Opaque("date", "2026-11-02")`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from json import dumps
from types import GenericAlias
from typing import Any

from pytest_mimic._core.nodes.json_tags import has_key_and_its_escape, is_escaped
from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.nodes.outcome_json import value_of_json, written_tag
from pytest_mimic._core.nodes.value_walk import CONTAINERS, AnyNode, NodeWalk
from pytest_mimic._core.outcome.class_tags import ClassTag, tag_of
from pytest_mimic._core.outcome.json_layout import DEPTH
from pytest_mimic._core.outcome.outcome import (
    DamagedError,
    NotExactError,
    OutdatedClassError,
)
from pytest_mimic._core.outcome.pickle_file import object_name
from pytest_mimic._core.outcome.placed_paths import MAKERS, PathStore
from pytest_mimic._core.types.generated_classes import parametrised
from pytest_mimic._core.types.numpy_numbers import NDARRAY, is_of_numpy, make_numbers
from pytest_mimic._core.types.stdlib_types import TEXT_OF_PATH
from pytest_mimic._core.types.tagged_values import (
    ERRORS_OF_WRONG_PARTS,
    check_part,
    maker_of,
)
from pytest_mimic._core.types.type_names import (
    HEAP_TYPE,
    find,
    find_plainly,
    importable,
    name_of,
)
from pytest_mimic.errors import MimicError

# A larger outcome is stored as a pickle: no person reads it, and a pickle is smaller
# and loads faster.
_MOST_TAGS = 10_000
_MOST_BYTES = 16 << 20
# Integers of more bits are stored in hexadecimal: `json` refuses to read them, to limit
# the time of a conversion.
_MOST_BITS = 13_000
# Bytes of a greater length that are no text are stored as an object of the vault.
_LONG = 1024


@dataclass(eq=False, repr=False)
class ValueWriter(NodeWalk):
    """Makes the nodes of one value, all of it or none: the walk of an outcome.

    Attributes:
        paths: Stores paths.
        tag_count: How many tags are in the value.
        imports: The classes and functions that reading imports, `module:name`.
        objects: The content of long bytes, by the name of the object of the vault that
            is to hold it.
        size_of_objects: How many bytes these objects have.
        levels_left: How many levels deeper a part may be.
        noted_mutables: The parts so far that may change, by their ids. JSON would make
            two parts of a part that is at two places, so such a value is for a pickle.
        tag_by_class: How the objects of the classes that were met are stored. None:
            they cannot be stored by their class.
        names: The names that `import_name` has returned, by the id of the class and the
            name that was given.
        may_hold_paths: Whether texts of the value may be paths of the run.
    """

    paths: PathStore
    tag_count: int = 0
    imports: set[str] = field(default_factory=set)
    objects: dict[str, bytes] = field(default_factory=dict)
    size_of_objects: int = 0
    levels_left: int = DEPTH
    noted_mutables: dict[int, object] = field(default_factory=dict)
    tag_by_class: dict[type, ClassTag | None] = field(default_factory=dict)
    names: dict[tuple[int, str], str] = field(default_factory=dict)
    may_hold_paths: bool = field(init=False)

    def __post_init__(self) -> None:
        self.may_hold_paths = bool(self.paths.places.temporary_folders)

    def inside(self, value: Any, kind: type) -> Node:
        # An error ends the whole walk, so the depth need not be restored after one.
        self.levels_left -= 1
        if self.levels_left < 0:
            raise NotExactError("nested too deeply")
        node: Node = None
        if kind not in CONTAINERS:
            node = self.known(value, kind)
        if node is None:
            node = self.container(value, kind)
        self.levels_left += 1
        return node

    def counted(self, node: AnyNode) -> AnyNode:
        """Return a node that has a tag, and count it.

        A value without any is plain data, which a replay need not search for tags.

        Raises:
            NotExactError: There are too many tags.
        """
        self.tag_count += 1
        if self.tag_count > _MOST_TAGS:
            raise NotExactError("too many tags")
        return node

    def import_name(self, thing: object, name: str = "") -> str:
        """Return the name of a class or function, and list it as imported.

        Args:
            thing: The class or function.
            name: Another name than its own, `numpy:ndarray`.

        Raises:
            NotExactError: The name does not lead to the class or function.
        """
        # The value keeps the class alive, so that no other one has its id.
        id_and_name = id(thing), name
        known_name = self.names.get(id_and_name)
        if known_name is not None:
            return known_name
        if name:
            found_thing = find(name)
        else:
            found_thing = importable(thing)
            name = name_of(thing)
        if found_thing is not thing:
            # The class is local, or another one has taken its name.
            raise NotExactError(thing)
        try:
            find_plainly(name)
        except AttributeError:
            # The module gives the class by a function, `__getattr__`, which a replay
            # does not run.
            raise NotExactError(thing) from None
        self.imports.add(name)
        self.names[id_and_name] = name
        return name

    def note_mutable(self, value: object) -> None:
        """Note a part that may change.

        Raises:
            NotExactError: The part was noted at another place.
        """
        if id(value) in self.noted_mutables:
            raise NotExactError("a part at several places")
        self.noted_mutables[id(value)] = value

    # Plain values

    def text(self, value: str) -> Node:
        if not self.may_hold_paths:
            return value
        place = self.paths.stored_text(value)
        if place is None:
            return value
        return self.placed(TEXT_OF_PATH, place)

    def integer(self, value: int) -> Node:
        if value.bit_length() < _MOST_BITS:
            return value
        return self.counted(Opaque("int", hex(value)))

    def path(self, value: Any, tag: str) -> Opaque:
        return self.placed(tag, self.paths.stored_path(value))

    # Parts

    def items(self, value: list[Any] | tuple[Any, ...]) -> Node:
        if type(value) is list:
            self.note_mutable(value)
            return Items("list", [self.node(part) for part in value])
        return self.counted(Items("tuple", [self.node(part) for part in value]))

    def mapping(self, value: dict[Any, Any]) -> Node:
        self.note_mutable(value)
        return self.node_of_part(value)

    def instance(self, value: Any, kind: type) -> Node:
        tag = self.tag_by_class.get(kind)
        if tag is None:
            tag = self.tag_by_class[kind] = tag_of(kind)
        if tag is None:
            raise NotExactError(kind)
        return tag.write(value, self)

    def node_of_part(self, part: Any) -> Node:
        """Return the node of a part that stands under a tag.

        A list or dict is not noted as one that may change: it was made for the node
        alone, or is noted already.
        """
        kind = type(part)
        if kind is list:
            return Items("list", [self.node(item) for item in part])
        if kind is not dict:
            return self.node(part)
        if not self._has_plain_keys(part):
            # JSON has no keys but texts.
            pairs: list[Node] = []
            for key, item in part.items():
                pairs.append(Items("list", [self.node(key), self.node(item)]))
            return self.counted(Items("dict", pairs))
        if is_escaped(part):
            # The second `$` is to be taken away again, so the value counts as tagged.
            self.tag_count += 1
            if has_key_and_its_escape(part):
                raise NotExactError("an escaped key that the dict has as well")
        return Fields("dict", {key: self.node(item) for key, item in part.items()})

    def _has_plain_keys(self, part: dict[Any, Any]) -> bool:
        """Return whether all keys of a dict are texts, and none the path of a run."""
        if not {str}.issuperset(map(type, part)):
            return False
        if not self.may_hold_paths:
            return True
        return all(self.paths.stored_text(key) is None for key in part)

    def members(self, value: set[Any] | frozenset[Any]) -> Items:
        if type(value) is set:
            self.note_mutable(value)
        # Members stand in the order of their texts, which depends on no hash seed.
        by_text: dict[str, Node] = {}
        for member in value:
            node = self.node(member)
            by_text[dumps(plain_of(node), ensure_ascii=False)] = node
        in_order = [by_text[text] for text in sorted(by_text)]
        return self.counted(Items(type(value).__name__, in_order))

    def bytes_node(self, value: bytes) -> Opaque:
        return self.whole_bytes(value)

    def data(self, value: bytes) -> Opaque:
        """Return the node of bytes; of long ones that of an object of the vault."""
        if len(value) <= _LONG:
            # The base class writes them as base64.
            return super().data(value)
        self.size_of_objects += len(value)
        if self.size_of_objects > _MOST_BYTES:
            raise NotExactError("too many bytes")
        name = object_name([value], "bin")
        self.objects[name] = value
        size: Node = len(value)
        return self.counted(Opaque("object", name, facts={"size": size}))


# Reading

# The types of parts that the message on a damaged recording shows.
_TYPES_SHOWN = frozenset({str, int, float, bool, type(None)})


@dataclass(eq=False, repr=False)
class ValueReader:
    """Reads one value.

    Attributes:
        paths: Restores paths.
        imports: The names that the recording lists as imports. None: any name may be
            imported.
        content: Returns the content of an object of the vault.
        tag_by_class_id: The tags of classes that were met, by the id of the class,
            which the tag keeps alive.
        tag_by_name: The same tags by the names that the JSON has for the classes.
    """

    paths: PathStore
    imports: Collection[str] | None
    content: Callable[[str], bytes]
    tag_by_class_id: dict[int, ClassTag] = field(default_factory=dict)
    tag_by_name: dict[str, ClassTag] = field(default_factory=dict)

    def read(self, plain: Any) -> Any:
        """Return the value of an outcome's JSON.

        Raises:
            OutdatedClassError: A class has changed since.
            DamagedError, RecursionError: The JSON is not as a recording writes it, or
                imports a name that the recording does not list.
        """
        return value_of_json(plain, self.make)

    def make(self, tag: str, part: Any, facts: dict[str, Any]) -> Any:
        """Return the value of a tag, whose part and facts are values. See `read`."""
        try:
            if ":" in tag:
                class_tag = self.tag_by_name.get(tag) or self._tag(tag)
                return class_tag.make(part, facts)
            if tag == "class" and "of" in facts:
                return self._generic(part, facts)
            if facts and facts.keys() - {"size"}:
                raise ValueError(facts.keys())
            check_part(tag, part)
            return self._value(tag, part)
        except ERRORS_OF_WRONG_PARTS as reason:
            if tag == "zoneinfo" and isinstance(reason, KeyError):
                # The recording is sound, and this machine has older data of zones.
                raise OutdatedClassError(
                    f"there is no time zone {part!r:.60} on this machine"
                ) from None
            shown_part = type(part).__name__
            if type(part) in _TYPES_SHOWN:
                shown_part = f"{part!r:.60}"
            raise DamagedError(f"{written_tag(tag):.200}: {shown_part}") from None

    def _value(self, tag: str, part: Any) -> Any:
        make = maker_of(tag)
        if make is not None:
            return make(part)
        if tag in MAKERS:
            # JSON has the place of a path, its folder and the rest, as a list.
            if type(part) is list:
                part = tuple(part)
            return self.paths.restored(tag, part)
        if tag == "object":
            return self.content(part)
        if tag == "class":
            return self.find(part)
        if is_of_numpy(tag):
            # The call raises if the recording does not list numpy.
            self.find(NDARRAY)
        return make_numbers(tag, part)

    def _generic(self, name: Any, facts: dict[str, Any]) -> Any:
        """Return a class with arguments, `list[int]` or `Page[Item]`."""
        arguments = arguments_in(name, facts)
        origin = self.find(name)
        if str(origin.__module__) == "builtins":
            return GenericAlias(origin, tuple(arguments))
        return parametrised(origin, tuple(arguments))

    def _tag(self, name: str) -> ClassTag:
        """Return the tag of a class that was not met before."""
        cls = self.find(name)
        tag = self.tag_by_class_id.get(id(cls)) or tag_of(cls)
        if tag is None:
            # The class has a method such as `__setstate__` now, or is a different
            # class.
            if cls.__flags__ & HEAP_TYPE or name_of(cls) != name:
                raise OutdatedClassError(
                    f"{name} cannot be made of its fields any more"
                )
            raise ValueError(f"there is no tag {name}")
        self.tag_by_name[name] = self.tag_by_class_id[id(cls)] = tag
        return tag

    def check_name(self, name: str) -> None:
        """Check that a name may be that of a class, and is listed as an import.

        No edited JSON thus imports a module that its recording does not name.

        Raises:
            DamagedError: The name is not listed.
            ValueError: There can be no such name.
        """
        module = name.partition(":")[0]
        if not all(module.split(".")) or "\0" in module:
            raise ValueError(f"{name!r:.60} is no name of a class or function")
        if self.imports is not None and name not in self.imports:
            raise DamagedError(f"it imports {name}, which its recording does not list")

    def find(self, name: str) -> Any:
        """Return the class with this name, `module:qualname`.

        Raises:
            DamagedError: The class is not listed as an import.
            ValueError: There can be no such name.
            OutdatedClassError: There is no such class any more, or its module cannot be
                imported.
        """
        self.check_name(name)
        module, _, qualname = name.partition(":")
        try:
            named_class = find_plainly(name)
        except MimicError:
            raise
        except Exception as reason:
            # An imported module may raise anything.
            if type(reason) is AttributeError and module in sys.modules:
                raise OutdatedClassError(
                    f"{module} has no class {qualname} any more"
                ) from None
            raise OutdatedClassError(f"{type(reason).__name__}: {reason}") from None
        if not isinstance(named_class, type):
            # Nothing but a class is made or returned, so that no function is called.
            raise OutdatedClassError(f"{name} is no class any more")
        return named_class


def arguments_in(name: Any, facts: dict[str, Any]) -> list[Any]:
    """Return the arguments of a generic class, `list[int]`.

    Raises:
        ValueError: The name or the arguments are of another kind.
    """
    arguments = facts["of"]
    if type(arguments) is not list or facts.keys() - {"of"}:
        raise ValueError(facts.keys())
    check_part("class", name)
    return arguments

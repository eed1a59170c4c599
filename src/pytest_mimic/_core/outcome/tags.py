"""Values as trees of JSON with tags for what JSON does not have, written and read: the parts of a node before the node.

Such a value is a mapping whose first key is the tag: `{"$date": "2026-11-02"}`, or with
the name of a class
`{"$shop.models:User": {"name": "Ann"}}`. A dict of the user's whose first key begins
with `$` gets a second `$`.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, repeat
from json import dumps
from types import GenericAlias
from typing import Any
from unicodedata import category

from pytest_mimic._core.outcome.class_tags import (
    NDARRAY,
    ClassTag,
    make_numbers,
    tag_of,
    write_numbers,
)
from pytest_mimic._core.outcome.outcome import (
    DamagedError,
    NotExactError,
    OutdatedClassError,
)
from pytest_mimic._core.outcome.placed_paths import MAKERS, TEXT, PathStore
from pytest_mimic._core.outcome.plain import DEPTH
from pytest_mimic._core.types.kinds import (
    HEAP_TYPE,
    find,
    find_plainly,
    full_name,
    generic_of,
    importable,
    name_of,
    parametrised,
)
from pytest_mimic._core.types.table import PATHS, ROWS, maker
from pytest_mimic.errors import MimicError

# A larger outcome is not read by people, and as a pickle it is smaller and loads
# faster.
_MOST_TAGS = 10_000
_MOST_BYTES = 16 << 20
# Longer integers are refused by `json`, which limits the time of a conversion.
_MOST_BITS = 13_000
# Longer bytes are stored as an object of the vault: a text, and other bytes.
_LONG_TEXT, _LONG = 65_536, 1024
_SPACES = {9: None, 10: None, 13: None}

Node = dict[str, Any]


@dataclass(eq=False, repr=False)
class Writer:
    """The state of writing one value."""

    paths: PathStore
    tags: int = 0  # how many tags are in it
    imports: set[str] = field(
        default_factory=set
    )  # the classes and functions that reading imports, `module:name`
    # : The content of long bytes, by the name of the object of the vault that is to
    # hold it, and how many there are.
    objects: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    depth: int = DEPTH  # how much deeper a part may be
    # : Parts that may change. One at a second place would be another one there: that is
    # for a pickle.
    met: dict[int, object] = field(default_factory=dict)
    classes: dict[type, ClassTag | None] = field(default_factory=dict)

    def write(self, value: Any) -> Any:
        """Return a value as JSON. NotExactError: a part has no exact form."""
        type_ = type(value)
        if type_ is str:
            where = self.paths.stored_text(value)
            return value if where is None else self.node(TEXT, list(where))
        if value is None or type_ is bool:
            return value
        if type_ is int:
            return (
                value
                if value.bit_length() < _MOST_BITS
                else self.node("int", hex(value))
            )
        if type_ is float:
            return value if value - value == 0 else self.node("float", repr(value))
        if type_ is bytes:
            return self._bytes_node(value)
        # There is no way back after an error, so no block ends the level.
        self.depth -= 1
        if self.depth < 0:
            raise NotExactError("nested too deeply")
        written = self._part(value, type_)
        self.depth += 1
        return written

    def node(self, tag: str, part: object) -> Node:
        """Return the node of a tag with its part, which is JSON."""
        self.tags += 1
        if self.tags > _MOST_TAGS:
            raise NotExactError("too many tags")
        return {f"${tag}": part}

    def import_name(self, thing: object, name: str = "") -> str:
        """Return the name of a class, its own or another one, and list it.

        NotExactError: it does not lead to it.
        """
        if (find(name) if name else importable(thing)) is not thing:
            raise NotExactError(thing)
        try:
            find_plainly(name or name_of(thing))
        except AttributeError:  # a module gives it on demand only
            raise NotExactError(thing) from None
        self.imports.add(name or name_of(thing))
        return name or name_of(thing)

    def meet(self, value: object) -> None:
        """Note a part that may change."""
        if id(value) in self.met:
            raise NotExactError("a part at several places")
        self.met[id(value)] = value

    # Parts

    def _part(self, value: Any, type_: type) -> Any:
        if type_ is list or type_ is dict:
            self.meet(value)
            return self.taken(value)
        if type_ is tuple:
            return self.node("tuple", [self.write(part) for part in value])
        if type_ is set or type_ is frozenset:
            return self._set(value, type_)
        row = ROWS.get(full_name(type_))
        if row is not None and row.tag:
            if full_name(type_) in PATHS:
                where = self.paths.stored_path(value)
                return self.node(
                    row.tag, where if isinstance(where, str) else list(where)
                )
            if row.may_change:
                self.meet(value)
            return self.node(row.tag, self.taken(row.take(value)))
        # Before classes: on Python 3.10, `list[int]` says that it is one.
        if type_ is GenericAlias:
            return self._generic_node(value.__origin__, value.__args__)
        if isinstance(value, type):
            return self._class_node(value)
        if type_.__module__ == "numpy":
            return write_numbers(value, self)
        tag = self.classes.get(type_)
        if tag is None:
            tag = self.classes[type_] = tag_of(type_)
        if tag is None:
            raise NotExactError(type_)
        return tag.write(value, self)

    def _class_node(self, value: type) -> Node:
        generic = generic_of(value)
        if generic is not None:
            return self._generic_node(*generic)
        return self.node("class", self.import_name(value))

    def _generic_node(self, origin: type, arguments: tuple[Any, ...]) -> Node:
        """Return the node of a class with arguments: `list[int]`, `Page[Item]`."""
        node = self.node("class", self.import_name(origin))
        node["of"] = [self.write(argument) for argument in arguments]
        return node

    def taken(self, part: Any) -> Any:
        """Return a list or dict that was made for this, or any value, as JSON."""
        if type(part) is list:
            return [self.write(item) for item in part]
        if type(part) is not dict:
            return self.write(part)
        if not all(
            type(key) is str and self.paths.stored_text(key) is None for key in part
        ):
            return self.node(
                "dict",
                [[self.write(key), self.write(item)] for key, item in part.items()],
            )
        tree: Node = {}
        for key, item in part.items():
            is_escaped = not tree and key[:1] == "$"
            self.tags += is_escaped
            tree[f"${key}" if is_escaped else key] = self.write(item)
        if len(tree) != len(part):
            raise NotExactError("an escaped key that the dict has as well")
        return tree

    def _set(self, value: Any, type_: type) -> Node:
        if type_ is set:
            self.meet(value)
        # In the order of their texts, so that the order depends on no hash seed.
        trees = {
            dumps(tree, ensure_ascii=False): tree for tree in map(self.write, value)
        }
        return self.node(type_.__name__, [tree for _, tree in sorted(trees.items())])

    def _bytes_node(self, value: bytes) -> Node:
        """Write bytes as a text, several lines as a list, if they are one; long ones as an object; others in base64."""
        try:
            text = value.decode() if len(value) <= _LONG_TEXT else "\0"
        except UnicodeDecodeError:
            text = "\0"
        if _is_printable(text.translate(_SPACES)):
            lines = text.splitlines(keepends=True)
            return self.node("bytes", lines if len(lines) > 1 else text)
        if len(value) <= _LONG:
            return self.node("base64", base64.b64encode(value).decode())
        from pytest_mimic._core.outcome.memory import object_name

        self.size += len(value)
        if self.size > _MOST_BYTES:
            raise NotExactError("too many bytes")
        name = object_name([value], "bin")
        self.objects[name] = value
        return {**self.node("object", name), "size": len(value)}


def _is_printable(text: str) -> bool:
    # Older Pythons do not know newer characters. The recording must be the same.
    return text.isprintable() or all(
        char.isprintable() or category(char) == "Cn" for char in text
    )


# Reading

# What making a value raises for parts that were not written like this.
_MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
_SHOWN = frozenset({str, int, float, bool, type(None)})


@dataclass(eq=False, repr=False)
class Reader:
    """Reads one value."""

    paths: PathStore  # restores paths
    imports: (
        Collection[str] | None
    )  # the names that the recording lists as imports. None: any may be imported
    content: Callable[[str], bytes]  # returns the content of an object of the vault
    # : The tags of classes that readers know already, by the id of the class, which the
    # tag keeps.
    classes: dict[int, ClassTag] = field(default_factory=dict)
    tags: dict[str, ClassTag] = field(default_factory=dict)

    def read(self, tree: Any) -> Any:
        """Return the value of a tree.

        Raises:
            OutdatedClassError: A class has changed since.
            DamagedError, RecursionError: It is not as it was written, or imports what
                its recording does not list.
        """
        type_ = type(tree)
        if type_ is dict:
            return self._made({key: self.read(part) for key, part in tree.items()})
        return [self.read(part) for part in tree] if type_ is list else tree

    def _made(self, node: dict[str, Any]) -> Any:
        """Return the value of a mapping whose parts are values."""
        name = next(iter(node), "")
        if name[:1] != "$":
            return node
        if name[:2] == "$$":
            return {
                key if index else key[1:]: part
                for index, (key, part) in enumerate(node.items())
            }
        part = node[name]
        try:
            if ":" in name:
                return self._tag(name[1:]).make(part, node)
            if name == "$class" and "of" in node:
                return self._generic(part, node)
            if node.keys() - {name, "size"}:
                raise ValueError(node.keys())
            check_part(name[1:], part)
            return self._value(name[1:], part)
        except _MISREAD as reason:
            if name == "$zoneinfo" and isinstance(reason, KeyError):
                raise OutdatedClassError(
                    f"there is no time zone {part!r:.60} on this machine"
                ) from None
            shown = f"{part!r:.60}" if type(part) in _SHOWN else type(part).__name__
            raise DamagedError(f"{name:.200}: {shown}") from None

    def _value(self, tag: str, part: Any) -> Any:
        make = _MAKERS.get(tag) or maker(tag)
        if make is not None:
            return make(part)
        if tag in MAKERS:
            where = part if type(part) is str else tuple(part)
            return self.paths.restored(tag, where)
        if tag == "object":
            return self.content(part)
        if tag == "class":
            return self.find(part)
        if tag.startswith("numpy."):
            self.find(NDARRAY)
        return make_numbers(tag, part)

    def _generic(self, name: Any, node: dict[str, Any]) -> Any:
        """Return a class with arguments, `list[int]` or `Page[Item]`."""
        arguments = node["of"]
        if type(arguments) is not list or node.keys() - {"$class", "of"}:
            raise ValueError(node.keys())
        check_part("class", name)
        origin = self.find(name)
        if str(origin.__module__) == "builtins":
            return GenericAlias(origin, tuple(arguments))
        return parametrised(origin, tuple(arguments))

    def _tag(self, name: str) -> ClassTag:
        tag = self.tags.get(name)
        if tag is None:
            cls = self.find(name)
            tag = self.classes.get(id(cls)) or tag_of(cls)
            if tag is None:
                # It has a way of its own now, such as `__setstate__`, or is another
                # one.
                if cls.__flags__ & HEAP_TYPE or name_of(cls) != name:
                    raise OutdatedClassError(
                        f"{name} cannot be made of its fields any more"
                    )
                raise ValueError(f"there is no tag ${name}")
            self.tags[name] = self.classes[id(cls)] = tag
        return tag

    def check_name(self, name: str) -> None:
        """Check that a name may be that of a class, and is listed as an import.

        Raises:
            DamagedError: It is not listed.
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
            DamagedError: It is not listed as an import.
            ValueError: There can be no such name.
            OutdatedClassError: There is no such class any more, or its module cannot be
                imported.
        """
        self.check_name(name)
        module, _, qualname = name.partition(":")
        try:
            found = find_plainly(name)
        except MimicError:
            raise
        except Exception as reason:  # an imported module may raise anything
            if type(reason) is AttributeError and module in sys.modules:
                raise OutdatedClassError(
                    f"{module} has no class {qualname} any more"
                ) from None
            raise OutdatedClassError(f"{type(reason).__name__}: {reason}") from None
        if not isinstance(found, type):
            raise OutdatedClassError(f"{name} is no class any more")
        return found


# The types that the part of a tag may have, and the types of the items of a list of
# facts. A part that is an object of a class would run that class.
_TEXT_TYPES = (str,)
_PARTS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("tuple", "set", "frozenset", "dict"), (list,)),
    **dict.fromkeys(("counter", "namespace", "ordered_dict", "timedelta"), (dict,)),
    **dict.fromkeys(("datetime", "time", "regex"), (bytes, list, str)),
    **dict.fromkeys(("complex", "defaultdict", "deque", "fraction"), (list,)),
    **dict.fromkeys(("range", "timezone"), (list,)),
    "bytearray": (bytes,),
    "bytes": (list, str),
}
_INT = (int,)
_FACTS: dict[str, tuple[tuple[type, ...], ...]] = {
    "bytes": (_TEXT_TYPES,),
    "complex": ((float, int), (float, int)),
    "datetime": (_TEXT_TYPES, (object,), _INT),
    "defaultdict": ((object,), (dict,)),
    "deque": ((list,), (int, type(None))),
    "fraction": (_INT, _INT),
    "range": (_INT, _INT, _INT),
    "regex": ((bytes, str), _TEXT_TYPES),
    "time": (_TEXT_TYPES, (object,), _INT),
    "timezone": ((timedelta,), _TEXT_TYPES),
}


def check_part(tag: str, part: Any) -> None:
    """Check the part of a tag: JSON itself, or what another tag of ours has made.

    Raises:
        ValueError: It is of another type, perhaps an object of a class.
    """
    if tag in MAKERS:
        types: tuple[type, ...] = (list, str)
    elif tag.startswith("numpy."):
        types = (bool, float, int, list, str)
    else:
        types = _PARTS.get(tag, _TEXT_TYPES)
    if type(part) not in types:
        raise ValueError(f"${tag} of another kind")
    if type(part) is not list:
        return
    if tag == "dict":
        is_sound = all(type(pair) is list and len(pair) == 2 for pair in part)
    elif tag in MAKERS:
        is_sound = all(type(item) is str for item in part)
    elif tag in _FACTS:
        # The last type holds for all further items: the lines of bytes, flags.
        facts = _FACTS[tag]
        is_sound = all(
            object in allowed or type(item) in allowed
            for item, allowed in zip(part, chain(facts, repeat(facts[-1])))
        )
    else:
        is_sound = True
    if not is_sound:
        raise ValueError(f"${tag} with a part of another kind")


def _float(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(text)
    return float(text)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": _float,
    "bytes": lambda text: "".join(text).encode(),
    "base64": lambda text: base64.b64decode(text, validate=True),
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": lambda pairs: {key: part for key, part in pairs},  # noqa: C416 - a pair is checked
}

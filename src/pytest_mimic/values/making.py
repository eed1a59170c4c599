"""Makes values of stored trees, and trusts none of them.

What a tree may name stands in tables: `_BY_TAG` here, `ROWS`, the rules of libraries,
and `classes`. Each part is asked for its exact type before anything of Python or C gets
it, so that none calls back into what a file has named.
"""

from __future__ import annotations

import builtins
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import EnumMeta
from functools import partial
from importlib import import_module
from typing import Any

from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
)
from pytest_mimic.values import classes
from pytest_mimic.values.classes import refused
from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.names import member_of, name_of
from pytest_mimic.values.rows import ROWS, TAGS, Make, checked, content_of
from pytest_mimic.values.state import CONTAINERS, LIBRARIES, made_bare, set_attributes
from pytest_mimic.values.tensors import placed
from pytest_mimic.values.tree import Node, is_tagged, path_to, shown_path, unescaped


@dataclass
class Maker:
    """Makes values of trees.

    Attributes:
        folders: The folders of this run.
        read: Gives what `{"$pickle": ...}` or `{"$npy": ...}` names.
        load_imports: Imports what the code of the target names.
        is_absent: Whether the run that replays will not have imported a module.
        absent: The module for which nothing was made; empty: there was none.
    """

    folders: Folders
    read: Callable[[Node], Any]
    load_imports: Callable[[], object] | None = None
    is_absent: Callable[[str], bool] = lambda _: False
    absent: str = ""
    # The innermost part of which nothing can be made.
    _wrong: Any = None

    def made(self, tree: Any) -> Any:
        """Make the value of a whole tree.

        Raises:
            CorruptRecordingError: Nothing may be made of a part, or can be; it says
                where.
            StaleRecordingError: A class is gone, or has other fields.
        """
        try:
            return self.value_of(tree)
        except CorruptRecordingError as error:
            place = path_to(tree, self._wrong)
            if place:
                error.facts = (*error.facts, f"at {shown_path(place)}")
            raise

    def value_of(self, tree: Any) -> Any:
        """Make the value of a tree, or of a part of a tree; see `made`."""
        kind = type(tree)
        if kind is list:
            return [self.value_of(item) for item in tree]
        if kind is not dict:
            return tree
        if not is_tagged(tree):
            return {key: self.value_of(part) for key, part in tree.items()}
        tag = next(iter(tree))
        try:
            return self._tagged(tag, tree)
        except (StaleRecordingError, RecursionError):
            raise
        except Exception as error:
            if self._wrong is None:
                self._wrong = tree
            if isinstance(error, MimicError):
                raise
            reason = f"{type(error).__name__}: {error}"
            what = f"nothing can be made of {tag[1:]}"
            raise CorruptRecordingError(what, [reason]) from error

    def _tagged(self, tag: str, tree: Node) -> Any:
        if tag in _BY_TAG:
            parts_of, make = _BY_TAG[tag]
            return make(parts_of(self, tree[tag]))
        if tag in ("$pickle", "$npy"):
            return self.read(tree)
        if tag in ("$path", "$relative", "$after"):
            return placed(tree, self.folders)
        name = TAGS.get(tag, tag[1:])
        if name in CONTAINERS:
            return self._container(CONTAINERS[name], tree)
        module, _, path = name.partition(":")
        row = ROWS.get(name)
        if module in LIBRARIES:
            from pytest_mimic.values import libraries  # Loads what it knows of.

            row = libraries.RULES.get(name)
        if row is not None and row.make is not None:
            known = vars(import_module(module)).get(path)
            return row.make(known, tree, self.value_of)
        if module not in sys.modules and self.load_imports is not None:
            self.load_imports()
        if self.is_absent(module):
            self.absent = module
            raise StaleRecordingError(f"only the real call imports {module}")
        return self._object(classes.allowed(name), tree[tag], tree)

    # -- parts of containers

    def text(self, content: Any) -> Any:
        """Give a text."""
        return checked(content, str)

    def items(self, content: Any) -> list[Any]:
        """Make the items of a list."""
        return [self.value_of(item) for item in checked(content, list)]

    def keys(self, content: Any) -> list[Any]:
        """Make the members of a set: hashing them runs no code."""
        return [self._key(item) for item in checked(content, list)]

    def pairs(self, content: Any) -> dict[Any, Any]:
        """Make a mapping of pairs."""
        made: dict[Any, Any] = {}
        for key, part in [checked(pair, list) for pair in checked(content, list)]:
            made[self._key(key)] = self.value_of(part)
        return made

    def _key(self, tree: Any) -> Any:
        made = self.value_of(tree)
        if classes.is_key(made):
            return made
        raise refused(name_of(type(made)), "as a key its own code would run")

    def attributes(self, cls: type, content: Any) -> dict[str, Any]:
        """Make attributes by name, all of which may be set."""
        made = self._by_name(cls, content)
        classes.check_names(cls, made)
        return made

    def _by_name(self, cls: type, content: Any) -> dict[str, Any]:
        if type(content) is not dict or is_tagged(content):
            raise StaleRecordingError(f"{name_of(cls)} is another kind of class now")
        return {name: self.value_of(part) for name, part in content.items()}

    def _container(self, cls: Any, tree: Node) -> Any:
        """Make a container of Python, whose own methods ask nothing of its items."""
        # In the order of the tree, as parts that are pickles come.
        attributes = self.attributes(cls, content_of(tree))
        kinds = _ARGUMENTS.get(cls, ())
        arguments = [checked(one, *kinds) for one in self.items(tree.get("()", []))]
        if cls is defaultdict and not _FACTORIES.issuperset(arguments):
            raise refused(name_of(cls), f"its factory is {arguments[0]}")
        of = checked(self.value_of(tree.get("of", {})), dict)
        made = cls(*arguments)
        if "items" in tree:
            made.extend(self.items(tree["items"]))
        for key, part in (of | self.pairs(tree.get("pairs", []))).items():
            made[key] = part
        set_attributes(made, attributes)
        return made

    # -- objects

    def _object(self, cls: Any, content: Any, tree: Node) -> Any:
        if issubclass(type(cls), EnumMeta):
            return _member(cls, content)
        base: Any = classes.base_beside(cls)
        value: Any = None
        if base is tuple and "of" not in tree:
            value = self._named_items(cls, content)
            content = tree.get("attributes", {})
        attributes = self.attributes(cls, content)
        if issubclass(cls, BaseException):
            return self._error(cls, attributes, tree)
        if classes.is_slot(cls, "__pydantic_fields_set__"):
            attributes |= self._of_model(cls, tree)
        if "of" in tree:
            value = self.value_of(tree["of"])
        if value is not None:
            return _on_builtin(cls, base, attributes, value)
        _check_fields(cls, attributes)
        try:
            return made_bare(cls, attributes)
        except (TypeError, AttributeError) as error:
            message = f"{name_of(cls)} cannot be made of its fields any more ({error})"
            raise StaleRecordingError(message) from error

    def _error(self, cls: Any, attributes: dict[str, Any], tree: Node) -> Any:
        from pytest_mimic.values import errors  # Few outcomes are exceptions.

        args = tuple(self.items(tree["args"]))
        beside: dict[str, Any] = {}
        for key, kind in _BESIDE_AN_ERROR.items():
            if key in tree:
                beside[key] = self.value_of(checked(tree[key], kind))
        errors.check_fields(cls, checked(beside.get("fields", {}), dict))
        for note in beside.get("notes", []):
            checked(note, str)
        error = errors.made_bare(cls, args)
        errors.complete(error, (attributes, beside))
        return error

    def _named_items(self, cls: Any, content: Any) -> tuple[Any, ...]:
        names = checked(member_of(cls, "_fields"), tuple)
        fields = self._by_name(cls, content)
        _check_fields(cls, fields)
        items = tuple([fields.pop(name) for name in names])
        for name in fields:
            raise StaleRecordingError(f"{name_of(cls)} has no field {name!r} any more")
        return items

    def _of_model(self, cls: Any, tree: Node) -> dict[str, Any]:
        config = checked(member_of(cls, "model_config"), dict)
        has_extra = checked(config.get("extra"), str, type(None)) == "allow"
        private = checked(member_of(cls, "__private_attributes__"), dict)
        hidden: dict[str, Any] = {}
        for key, has_any in (("extra", has_extra), ("private", private)):
            part = self.value_of(tree.get(key, {} if has_any else None))
            hidden[f"__pydantic_{key}__"] = checked(part, dict, type(None))
        names = {self.text(name) for name in tree["fields_set"]}
        hidden["__pydantic_fields_set__"] = names
        # A model of a root has no place for two of them.
        places = [name for name in hidden if member_of(cls, name) is not None]
        return {name: hidden[name] for name in places}


class Inspector(Maker):
    """Looks for what may not be made, and passes over what this process does not know.

    Nothing is imported or unpickled for it.

    Args:
        is_object: Whether a text is the name of an object of a vault.
    """

    def __init__(self, is_object: Callable[[str], object]) -> None:
        super().__init__(NOWHERE, self._pass_over_object)
        self._is_object = is_object
        self._has_passed = False

    def fault_in(self, tree: Any) -> CorruptRecordingError | None:
        """Give what no run may make of a stored outcome that is not shelved."""
        try:
            self.made(tree)
        except CorruptRecordingError as error:
            # What was passed over may have been of the type that was asked for.
            is_sure = error.damage == "refused" or not self._has_passed
            return error if is_sure else None
        return None

    def _tagged(self, tag: str, tree: Node) -> Any:
        try:
            return super()._tagged(tag, tree)
        except (StaleRecordingError, ImportError):
            return self._pass_over(tree)

    def _pass_over_object(self, tree: Node) -> None:
        name = str(content_of(tree))
        if not self._is_object(name):
            what = f"{name} is not the name of an object"
            raise CorruptRecordingError(what, damage="refused")
        self._has_passed = True

    def _pass_over(self, tree: Node) -> None:
        self._has_passed = True
        for part in tree.values():
            self.value_of(part)


# -- what the tags without a class name make


def _unescaped(text: str) -> str:
    return unescaped({"$escaped": text})


def _type(name: str) -> type:
    module, _, path = name.partition(":")
    found = vars(builtins).get(path)
    if module != "builtins" or not isinstance(found, type):
        raise refused(name, "a function, or a class as a value")
    return found


# What checks and makes the parts, and what is made of them.
_BY_TAG: dict[str, tuple[Callable[[Maker, Any], Any], Make]] = {
    "$tuple": (Maker.items, tuple),
    "$set": (Maker.keys, set),
    "$frozenset": (Maker.keys, frozenset),
    "$dict": (Maker.pairs, dict),
    "$int": (Maker.text, partial(int, base=16)),
    "$float": (Maker.text, float),
    "$escaped": (Maker.text, _unescaped),
    "$name": (Maker.text, _type),
}


# -- containers of Python


_FACTORIES = frozenset([None, list, dict, set, int, float, str])
# The types that what they are made of may have.
_ARGUMENTS: dict[type, tuple[type, ...]] = {
    defaultdict: (type, type(None)),
    deque: (list, tuple, int),
}


# -- objects


_BESIDE_AN_ERROR = {"fields": dict, "notes": list, "cause": dict, "from": bool}


def _on_builtin(
    cls: Any, base: Any, attributes: dict[str, Any], content: object
) -> object:
    if base is object:
        raise StaleRecordingError(f"{name_of(cls)} is another kind of class now")
    value = checked(content, base)
    made = base.__new__(cls, value)
    if base in (dict, list, set):
        base.__init__(made, value)
    set_attributes(made, attributes)
    return made


def _member(cls: Any, content: Any) -> Any:
    members = member_of(cls, "_member_map_")
    if checked(content, str, int) not in members:
        message = f"{name_of(cls)} has no member {content!r} any more"
        raise StaleRecordingError(message)
    return members[content]


def _check_fields(cls: type, recorded: Mapping[str, object]) -> None:
    """Compare the fields that a class declares with the recorded fields."""
    new = classes.fields_of(cls) - recorded.keys()
    if new:
        raise StaleRecordingError(f"{name_of(cls)} has a new field {min(new)!r}")

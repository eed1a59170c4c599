"""Makes values of stored trees, without code of the classes that a tree names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
)
from pytest_mimic.values.names import find, name_of
from pytest_mimic.values.rows import TAGS, row_of
from pytest_mimic.values.state import (
    CONTAINERS,
    LIBRARIES,
    builtin_base_of,
    made_bare,
    set_attributes,
)
from pytest_mimic.values.tree import is_tagged, unescaped

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places


class Maker:
    """Makes values of trees.

    Attributes:
        places: The folders of this run.
        read: Gives what `{"$pickle": ...}` or `{"$npy": ...}` names.
    """

    def __init__(
        self, places: Places | None, read: Callable[[dict[str, Any]], Any]
    ) -> None:
        self.places = places
        self.read = read

    def value_of(self, tree: Any) -> Any:
        """Make the value of a tree.

        Raises:
            CorruptRecordingError: Nothing can be made of a part.
            StaleRecordingError: A class is gone, or has other fields.
        """
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
        except (MimicError, RecursionError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            what = f"nothing can be made of {tag[1:]}"
            raise CorruptRecordingError(what, [reason]) from error

    def _tagged(self, tag: str, tree: dict[str, Any]) -> Any:
        content = tree[tag]
        if tag in _OF_ITEMS:
            return _OF_ITEMS[tag](map(self.value_of, content))
        if tag in _OF_TEXTS:
            return _OF_TEXTS[tag](content)
        if tag == "$escaped":
            return unescaped(tree)
        if tag == "$dict":
            return {self.value_of(key): self.value_of(part) for key, part in content}
        if tag == "$alias":
            return _alias(*map(self.value_of, content))
        if tag in ("$pickle", "$npy"):
            return self.read(tree)
        if tag in ("$path", "$relative"):
            from pytest_mimic.values.places import Places  # Few outcomes hold a path.

            return (self.places or Places()).value_of(tree)
        if "class" in tree:
            cls = self.value_of(tree["class"])
        else:
            cls = _named(TAGS.get(tag, tag[1:]))
        make = _library_make(tag[1:])
        if make is not None:
            return make(cls, tree, self.value_of)
        if not isinstance(cls, type):
            raise StaleRecordingError(f"{tag[1:]} is not a class any more")
        return self._object(cls, tag, tree)

    # -- objects

    def _object(self, cls: Any, tag: str, tree: dict[str, Any]) -> Any:
        row = row_of(cls)
        if row is not None and row.make is not None:
            return row.make(cls, tree, self.value_of)
        if issubclass(cls, Enum):
            return self._member(cls, tree[tag])
        content = tree[tag]
        if not isinstance(content, dict):
            raise StaleRecordingError(f"{name_of(cls)} is another kind of class now")
        attributes = self.value_of(content)
        if issubclass(cls, BaseException):
            return self._error(cls, attributes, tree)
        if name_of(cls) in CONTAINERS:
            return self._container(cls, attributes, tree)
        if hasattr(cls, "__pydantic_fields_set__"):
            attributes |= self._of_model(cls, tree)
        if "of" in tree:
            return self._on_base(cls, attributes, tree["of"])
        if issubclass(cls, tuple):
            return self._named_tuple(cls, attributes, tree)
        _check_fields(cls, attributes)
        return _bare(cls, attributes)

    def _member(self, cls: Any, content: Any) -> Any:
        if isinstance(content, str) and content in cls.__members__:
            return cls[content]
        try:
            return cls(self.value_of(content))
        except ValueError:
            message = f"{name_of(cls)} has no member {content!r} any more"
            raise StaleRecordingError(message) from None

    def _error(self, cls: Any, attributes: dict[str, Any], tree: dict[str, Any]) -> Any:
        from pytest_mimic.values import errors  # few outcomes are exceptions

        error = errors.made_bare(cls, tuple(map(self.value_of, tree["args"])))
        parts = errors.ErrorParts(
            error.args,
            self.value_of(tree.get("fields", {})),
            attributes,
            self.value_of(tree.get("notes")),
            self.value_of(tree.get("cause")),
            hides_context=tree.get("from", False),
        )
        errors.complete(error, parts)
        return error

    def _container(
        self, cls: Any, attributes: dict[str, Any], tree: dict[str, Any]
    ) -> Any:
        made = cls(*map(self.value_of, tree.get("()", ())))
        if "of" in tree:
            dict.update(made, self.value_of(tree["of"]))
        for item in tree.get("items", ()):
            made.append(self.value_of(item))
        for key, part in tree.get("pairs", ()):
            made[self.value_of(key)] = self.value_of(part)
        if attributes:
            made.__dict__.update(attributes)
        return made

    def _on_base(self, cls: Any, attributes: dict[str, Any], content: Any) -> Any:
        base = builtin_base_of(cls)
        row = row_of(base) if base is not None else None
        if base is None:
            raise StaleRecordingError(f"{name_of(cls)} is another kind of class now")
        if row is not None and row.make is not None:
            made = row.make(cls, content, self.value_of)
        else:
            made = _on_builtin(cls, base, self.value_of(content))
        set_attributes(made, attributes)
        return made

    def _named_tuple(
        self, cls: Any, fields: dict[str, Any], tree: dict[str, Any]
    ) -> Any:
        _check_names(cls, cls._fields, fields)
        if len(fields) > len(cls._fields):
            gone = next(name for name in fields if name not in cls._fields)
            raise StaleRecordingError(f"{name_of(cls)} has no field {gone!r} any more")
        made = tuple.__new__(cls, [fields[name] for name in cls._fields])
        set_attributes(made, self.value_of(tree.get("attributes", {})))
        return made

    def _of_model(self, cls: Any, tree: dict[str, Any]) -> dict[str, Any]:
        extra, private = (
            self.value_of(tree.get("extra")),
            self.value_of(tree.get("private")),
        )
        if private is None and cls.__private_attributes__:
            private = {}
        if extra is None and cls.model_config.get("extra") == "allow":
            extra = {}
        return {
            "__pydantic_extra__": extra,
            "__pydantic_fields_set__": set(tree["fields_set"]),
            "__pydantic_private__": private,
        }


def _named(name: str) -> Any:
    try:
        return find(name)
    except LookupError as error:
        raise StaleRecordingError(str(error.args[0])) from error


def _alias(origin: Any, *arguments: Any) -> Any:
    if hasattr(origin, "__pydantic_generic_metadata__"):
        return origin[arguments]
    return GenericAlias(origin, arguments)


def _integer(text: str) -> int:
    return int(text, 16)


_OF_ITEMS: dict[str, Callable[[Iterator[Any]], object]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
}
_OF_TEXTS: dict[str, Callable[[str], object]] = {
    "$int": _integer,
    "$float": float,
    "$name": _named,
}


def _library_make(name: str) -> Callable[[Any, dict[str, Any], Any], Any] | None:
    if name.partition(":")[0] not in LIBRARIES:
        return None
    from pytest_mimic.values import libraries  # Loads what it knows of.

    rule = libraries.rule_named(name)
    return rule.make if rule is not None else None


def _on_builtin(cls: Any, base: Any, content: Any) -> Any:
    if base not in (dict, list, set):
        return base.__new__(cls, content)
    made = base.__new__(cls)
    base.__init__(made, content)
    return made


def _bare(cls: Any, attributes: dict[str, Any]) -> Any:
    try:
        return made_bare(cls, attributes)
    except (TypeError, AttributeError) as error:
        message = f"{name_of(cls)} cannot be made of its fields any more ({error})"
        raise StaleRecordingError(message) from error


def _check_fields(cls: Any, attributes: Mapping[str, object]) -> None:
    """Compare the fields that a class declares with those that were recorded."""
    if dataclasses.is_dataclass(cls):
        names = [field.name for field in dataclasses.fields(cls)]
    elif hasattr(cls, "__pydantic_fields__"):
        names = list(cls.__pydantic_fields__)
    else:
        names = [field.name for field in getattr(cls, "__attrs_attrs__", ())]
    _check_names(cls, names, attributes)


def _check_names(cls: type, names: Any, recorded: Mapping[str, object]) -> None:
    new = [name for name in names if name not in recorded]
    if new:
        raise StaleRecordingError(f"{name_of(cls)} has a new field {new[0]!r}")

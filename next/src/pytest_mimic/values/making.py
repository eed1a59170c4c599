"""Makes values of stored trees, without code of the classes that a tree names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import CorruptRecordingError, StaleRecordingError
from pytest_mimic.values import errors
from pytest_mimic.values.names import find, name_of
from pytest_mimic.values.rows import TAGS, row_of
from pytest_mimic.values.state import (
    CONTAINERS,
    LIBRARIES,
    builtin_base_of,
    made_bare,
    set_attributes,
)
from pytest_mimic.values.tree import is_tagged

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places


@dataclasses.dataclass
class Maker:
    """Makes values of trees.

    Attributes:
        places: The folders of this run.
        read: Gives what a tree names that stands in an object: `{"$pickle": ...}`,
            `{"$json": ...}`, or `{"$text": ...}` with a name.
    """

    places: Places | None
    read: Callable[[dict[str, Any]], Any]

    def value_of(self, tree: object) -> Any:
        """Make the value of a tree.

        Raises:
            CorruptRecordingError: Nothing can be made of a part.
            StaleRecordingError: A class is gone, or has other fields.
        """
        try:
            return self._make(tree)
        except LookupError as error:
            raise StaleRecordingError(str(error.args[0])) from error

    def _make(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is list:
            return [self._make(item) for item in tree]
        if kind is not dict:
            return tree
        if not is_tagged(tree):
            return {key: self._make(part) for key, part in tree.items()}
        tag = next(iter(tree))
        try:
            return self._make_tagged(tag, tree)
        except (
            CorruptRecordingError,
            StaleRecordingError,
            RecursionError,
            LookupError,
        ):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise CorruptRecordingError(
                f"nothing can be made of {tag[1:]}", [reason]
            ) from error

    def _make_tagged(self, tag: str, tree: dict[str, Any]) -> Any:
        make = _BY_TAG.get(tag)
        if make is not None:
            return make(self, tree[tag])
        if tag == "$pickle":
            return self.read(tree)
        if tag in ("$path", "$text"):
            return self._path(tree)
        if tag in TAGS:
            cls = find(TAGS[tag])
            row = row_of(cls)
            assert row is not None
            assert row.make is not None
            return row.make(cls, tree, self._make)
        cls = self._make(tree["class"]) if "class" in tree else self._class(tag[1:])
        return self._object(cls, tag, tree)

    # -- tags of containers

    def _tuple(self, content: Any) -> Any:
        return tuple(map(self._make, content))

    def _set(self, content: Any) -> Any:
        return set(map(self._make, content))

    def _frozenset(self, content: Any) -> Any:
        return frozenset(map(self._make, content))

    def _dict(self, content: Any) -> Any:
        return {self._make(key): self._make(part) for key, part in content}

    def _int(self, content: Any) -> Any:
        return int(content, 16)

    def _float(self, content: Any) -> Any:
        return float(content)

    def _escaped(self, content: Any) -> Any:
        return content.encode("ascii").decode("unicode_escape")

    def _named(self, content: Any) -> Any:
        return find(content)

    def _alias(self, content: Any) -> Any:
        origin, *arguments = map(self._make, content)
        if hasattr(origin, "__pydantic_generic_metadata__"):
            return origin[tuple(arguments)]
        return GenericAlias(origin, tuple(arguments))

    def _path(self, tree: dict[str, Any]) -> Any:
        from pytest_mimic.values.places import Places  # Few outcomes hold a path.

        return (self.places or Places()).value_of(tree)

    # -- objects

    def _class(self, name: str) -> Any:
        cls = find(name)
        if not isinstance(cls, type):
            raise LookupError(f"{name} is no class any more")
        return cls

    def _object(self, cls: Any, tag: str, tree: dict[str, Any]) -> Any:
        row = row_of(cls)
        if row is not None and row.make is not None:
            return row.make(cls, tree, self._make)
        if issubclass(cls, Enum):
            return self._member(cls, tree[tag])
        library = _library_make(cls)
        if library is not None:
            return library(cls, self._make(tree[tag]))
        content = tree[tag]
        if not isinstance(content, dict):
            raise LookupError(f"{name_of(cls)} is another kind of class now")
        attributes = self._attributes(content)
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

    def _attributes(self, content: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._make(content)
        return made

    def _member(self, cls: Any, content: Any) -> Any:
        if isinstance(content, str) and content in cls.__members__:
            return cls[content]
        try:
            return cls(self._make(content))
        except ValueError:
            message = f"{name_of(cls)} has no member {content!r} any more"
            raise LookupError(message) from None

    def _error(self, cls: Any, attributes: dict[str, Any], tree: dict[str, Any]) -> Any:
        error = errors.made_bare(cls, tuple(map(self._make, tree["args"])))
        parts = errors.ErrorParts(
            error.args,
            self._make(tree.get("fields", {})),
            attributes,
            self._make(tree.get("notes")),
            self._make(tree.get("cause")),
            hides_context=tree.get("from", False),
        )
        errors.complete(error, parts)
        return error

    def _container(
        self, cls: Any, attributes: dict[str, Any], tree: dict[str, Any]
    ) -> Any:
        made = cls(*map(self._make, tree.get("()", ())))
        if "of" in tree:
            dict.update(made, self._make(tree["of"]))
        for item in tree.get("items", ()):
            made.append(self._make(item))
        for key, part in tree.get("pairs", ()):
            made[self._make(key)] = self._make(part)
        if attributes:
            made.__dict__.update(attributes)
        return made

    def _on_base(self, cls: Any, attributes: dict[str, Any], content: Any) -> Any:
        base = builtin_base_of(cls)
        row = row_of(base) if base is not None else None
        if base is None:
            raise LookupError(f"{name_of(cls)} is another kind of class now")
        if row is not None and row.make is not None:
            made = row.make(cls, content, self._make)
        else:
            made = _on_builtin(cls, base, self._make(content))
        set_attributes(made, attributes)
        return made

    def _named_tuple(
        self, cls: Any, fields: dict[str, Any], tree: dict[str, Any]
    ) -> Any:
        _check_names(cls, cls._fields, fields)
        made = tuple.__new__(cls, fields.values())
        set_attributes(made, self._make(tree.get("attributes", {})))
        return made

    def _of_model(self, cls: Any, tree: dict[str, Any]) -> dict[str, Any]:
        extra, private = self._make(tree.get("extra")), self._make(tree.get("private"))
        if private is None and cls.__private_attributes__:
            private = {}
        if extra is None and cls.model_config.get("extra") == "allow":
            extra = {}
        return {
            "__pydantic_extra__": extra,
            "__pydantic_fields_set__": set(tree["fields_set"]),
            "__pydantic_private__": private,
        }


_BY_TAG: dict[str, Callable[[Maker, Any], Any]] = {
    "$tuple": Maker._tuple,
    "$set": Maker._set,
    "$frozenset": Maker._frozenset,
    "$dict": Maker._dict,
    "$int": Maker._int,
    "$float": Maker._float,
    "$escaped": Maker._escaped,
    "$name": Maker._named,
    "$alias": Maker._alias,
}


def _library_make(cls: type) -> Callable[[type, Any], Any] | None:
    if not any(
        str(base.__module__).partition(".")[0] in LIBRARIES for base in cls.__mro__
    ):
        return None
    from pytest_mimic.values import libraries  # Loads what it knows of.

    rule = libraries.rule_of(cls)
    return rule.make if rule is not None else None


def _on_builtin(cls: Any, base: Any, content: Any) -> Any:
    if base is dict:
        made = dict.__new__(cls)
        dict.update(made, content)
    elif base is list:
        made = list.__new__(cls)
        list.extend(made, content)
    elif base is set:
        made = set.__new__(cls)
        set.update(made, content)
    else:
        made = base.__new__(cls, content)
    return made


def _bare(cls: Any, attributes: dict[str, Any]) -> Any:
    try:
        return made_bare(cls, attributes)
    except (TypeError, AttributeError) as error:
        message = f"{name_of(cls)} cannot be made of its fields any more ({error})"
        raise LookupError(message) from error


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
        raise LookupError(f"{name_of(cls)} has a new field {new[0]!r}")
    if issubclass(cls, tuple) and len(recorded) > len(names):
        gone = next(name for name in recorded if name not in names)
        raise LookupError(f"{name_of(cls)} has no field {gone!r} any more")

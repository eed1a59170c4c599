"""Reads values from trees of JSON with tags: the parts of a node before the node."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Collection
from json import JSONDecoder
from typing import Any

from pytest_mimic._core.outcome.class_tags import NDARRAY, ClassTag, make_numbers, tag_of
from pytest_mimic._core.outcome.outcome import MisreadError, OutdatedClassError, RefusedError
from pytest_mimic._core.outcome.placed_paths import TAGS, TEXT, PathStore
from pytest_mimic._core.types.kinds import HEAP_TYPE
from pytest_mimic._core.types.names import find, name_of
from pytest_mimic._core.types.table import maker
from pytest_mimic.errors import MimicError

# What making a value raises for parts that were not written like this.
_MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
_SHOWN = frozenset({str, int, float, bool, type(None)})
_PLACES = frozenset({*TAGS, TEXT})


class Reader:
    """Reads one value.

    Args:
        paths: Restores paths.
        imports: The names that the recording lists as imports. None: any may be imported.
        content: Returns the content of an object of the vault.
        classes: The tags of classes that readers know already, by the id of the class, which the tag keeps.
    """

    def __init__(
        self,
        paths: PathStore,
        imports: Collection[str] | None,
        content: Callable[[str], bytes],
        classes: dict[int, ClassTag] | None = None,
    ) -> None:
        self._paths = paths
        self._imports = imports
        self._content = content
        self._classes = {} if classes is None else classes
        self._tags: dict[str, ClassTag] = {}

    def read_text(self, text: str) -> Any:
        """Return the value of a JSON text, whose parts are made while it is parsed. The errors are those of `read`."""
        return JSONDecoder(object_hook=self._made).decode(text)

    def read(self, tree: Any) -> Any:
        """Return the value of a tree.

        Raises:
            OutdatedClassError: A class has changed since.
            RefusedError: It imports something that its recording does not list.
            MisreadError, RecursionError: It is not as it was written.
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
            return {key if index else key[1:]: part for index, (key, part) in enumerate(node.items())}
        part = node[name]
        try:
            if ":" in name:
                return self._tag(name[1:]).make(part, node)
            if node.keys() - {name, "size"}:
                raise ValueError(node.keys())
            return self._value(name[1:], part)
        except MisreadError:
            raise
        except _MISREAD as reason:
            if name == "$zoneinfo" and isinstance(reason, KeyError):
                raise OutdatedClassError(f"there is no time zone {part!r:.60} on this machine") from None
            shown = f"{part!r:.60}" if type(part) in _SHOWN else type(part).__name__
            raise MisreadError(f"{name:.200}: {shown}") from None

    def _value(self, tag: str, part: Any) -> Any:
        make = _MAKERS.get(tag) or maker(tag)
        if make is not None:
            return make(part)
        if tag in _PLACES:
            where = part if type(part) is str else tuple(part)
            return self._paths.restored(tag, where)
        if tag == "object":
            return self._content(part)
        if tag == "class":
            return self.find(part)
        self.find(NDARRAY)
        return make_numbers(tag, part)

    def _tag(self, name: str) -> ClassTag:
        tag = self._tags.get(name)
        if tag is None:
            cls = self.find(name)
            tag = self._classes.get(id(cls)) or tag_of(cls)
            if tag is None:
                # It has a way of its own now, such as `__setstate__`, or is another one.
                if cls.__flags__ & HEAP_TYPE or name_of(cls) != name:
                    raise OutdatedClassError(f"{name} cannot be made of its fields any more")
                raise ValueError(f"there is no tag ${name}")
            self._tags[name] = self._classes[id(cls)] = tag
        return tag

    def find(self, name: str) -> Any:
        """Return the class with this name, `module:qualname`.

        Raises:
            RefusedError: It is not listed as an import.
            ValueError: There can be no such name.
            OutdatedClassError: There is no such class any more, or its module cannot be imported.
        """
        module, _, qualname = name.partition(":")
        if not all(module.split(".")) or "\0" in module:
            raise ValueError(f"{name!r:.60} is no name of a class or function")
        if self._imports is not None and name not in self._imports:
            raise RefusedError(f"it imports {name}, which its recording does not list")
        try:
            found = find(name)
        except MimicError:
            raise
        except Exception as reason:  # an imported module may raise anything
            if type(reason) is AttributeError and module in sys.modules:
                raise OutdatedClassError(f"{module} has no class {qualname} any more") from None
            raise OutdatedClassError(f"{type(reason).__name__}: {reason}") from None
        if not isinstance(found, type):
            raise OutdatedClassError(f"{name} is no class any more")
        return found


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

"""Describes any value as short plain data: readable, without secrets, the same in every process."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from pathlib import PurePath
from typing import Any

from pytest_mimic._core.describe.described_secrets import beginning, secrets_in
from pytest_mimic._core.describe.description_form import (
    ARGUMENTS,
    CONTENT,
    PARTS,
    PATH_TEXT,
    TAG,
    Budget,
    order,
)
from pytest_mimic._core.describe.leaves import is_path, leaf_text, library_text
from pytest_mimic._core.files.digests import NoDigest
from pytest_mimic._core.files.places import PathPlace, Places
from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.libraries import has_extent, library_of, record_fields
from pytest_mimic._core.identity.opening import is_pair, opened, type_name
from pytest_mimic._core.identity.paths import NamedContent, counted_file
from pytest_mimic._core.redact.redactor import NO_NAMES, Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.words import pattern

_ADDRESS = pattern(r" at 0x[0-9A-Fa-f]+")
_LONGEST_KEY, _SHORT = 100, 30
_LEAST_ROOM, _LEAST_TEXT, _DIGEST = 8, 40, 8
_NUMBERS, _SMALL = frozenset({bool, float, int}), 1 << 62
# How many parts are searched for secrets if not all of a value may be read.
_GLANCED = 100


def describe(
    value: object,
    redactor: Redactor,
    *,
    places: Places | None = None,
    budget: Budget = ARGUMENTS,
    secrets: frozenset[str] = frozenset(),
) -> object:
    """Return a short description of any value, in plain data that JSON keeps exactly.

    A value for which JSON has no form becomes a dict with the key `$`. No code of the value's class runs except
    `__mimic_identity__` and functions given to `register_fingerprint`. Values under secret names are left out, and
    so are the same texts elsewhere, and the `secrets`, which are further texts known to be secret. Paths in the folders
    of the run are shown by their place.
    """
    found = secrets_in(value, redactor) if budget.whole else secrets_in(value, redactor, most=_GLANCED)
    walk = _Walk(redactor, secrets | found, places or Places(), budget)
    return walk.node(value, budget.characters, budget.depth)


def describe_arguments(
    arguments: Mapping[str, object],
    redactor: Redactor,
    *,
    places: Places | None = None,
) -> dict[str, Any]:
    """Return the descriptions of a call's arguments by name. They share one budget, and none is left out.

    The values of `**extra` have their own names, and `*rest` its name with the star. See `describe` for the rest.
    """
    walk = _Walk(redactor, secrets_in(dict(arguments), redactor), places or Places(), ARGUMENTS)
    return walk.named(arguments, ARGUMENTS.characters, ARGUMENTS.depth)


def describe_parts(parts: Mapping[str, object], places: Places | None = None) -> dict[str, Any]:
    """Return the descriptions of the parts of a client's call, plain data in which secrets are hidden already."""
    return _Walk(NO_NAMES, frozenset(), places or Places(), PARTS).named(parts, PARTS.characters, PARTS.depth)


@dataclass(slots=True, eq=False, repr=False)
class _Walk:
    """A walk over one value. In its methods, `room` is in characters, and `depth` counts down."""

    redactor: Redactor
    secrets: frozenset[str]
    places: Places
    budget: Budget
    # Identities by the value's id, as a value with many places needs only one. The value is kept alive with it.
    identities: dict[int, tuple[object, str | None]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def node(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in _LEAVES:
            return _LEAVES[kind](self, value, room)
        if id(value) in self.open:
            return {TAG: "cycle"}
        if kind in _CONTAINERS and depth > 0 and room >= _LEAST_ROOM:
            return self._opened(value, room, depth)
        is_data = library_of(kind) is not None
        if is_data and has_extent(kind):
            text = self._shown(f"<{library_text(value)}>")
            return self._marked({TAG: type_name(kind), "text": text}, value)
        if is_data:
            one_text = None if record_fields(value) is not None else _ADDRESS.sub("", str(value))
        else:
            one_text = leaf_text(value)
        if one_text is not None:
            if is_path(kind):
                return self._path(value, one_text)
            # The name of a function or class is shown whole.
            limit = max(self.budget.text, _LONGEST_KEY if one_text.startswith("<") else 0)
            shown = self._shown(beginning(one_text, limit, self.secrets, self.redactor))[:limit]
            shown = " ".join(shown.splitlines())
            leaf = {TAG: type_name(kind), "text": shown}
            return self._marked(leaf, value) if one_text.startswith("<") else leaf  # which may hold more
        if depth <= 0 or room < _LEAST_ROOM:
            description: dict[str, Any] = {TAG: type_name(kind), "cut": True}
            if issubclass(kind, (dict, list, tuple, set, frozenset)):
                description["length"] = len(value)
            return self._marked(description, value)
        return self._opened(value, room, depth)

    def _opened(self, value: Any, room: int, depth: int) -> object:
        self.open.add(id(value))
        try:
            return _CONTAINERS.get(type(value), _Walk._object)(self, value, room, depth)
        finally:
            self.open.discard(id(value))

    # Values without parts

    def _text(self, value: str, room: int) -> Any:
        if len(value) < _SHORT and value.isascii() and not self.places.marks and self._shown(value) == value:
            return value
        if (place := self._place_of_text(value)) is not None:
            return self._with_content({TAG: PATH_TEXT, "text": repr(self._shown(place.text))}, value)
        limit = min(self.budget.text, max(room, _LEAST_TEXT))
        shown = self._shown(beginning(value, limit, self.secrets, self.redactor))
        readable = shown[:limit].encode("utf-8", "backslashreplace").decode()
        if len(value) <= 4 * limit and shown == readable:
            return shown
        if len(value) <= limit and len(shown) <= limit:
            return {TAG: "str", "text": repr(shown)}
        return self._marked({TAG: "str", "start": readable, "length": len(value)}, value)

    def _bytes(self, value: bytes | bytearray, room: int) -> Any:
        limit = min(self.budget.text, max(room, _LEAST_TEXT))
        shown = self._shown(beginning(value, limit, self.secrets, self.redactor))
        name, start = type(value).__name__, repr(shown[:limit].encode("latin-1"))
        if len(value) <= 4 * limit and len(shown) <= limit:
            return {TAG: name, "text": start if name == "bytes" else f"{name}({start})"}
        return self._marked({TAG: name, "start": start, "length": len(value)}, value)

    def _integer(self, value: int, _room: int) -> object:
        # Python refuses to write integers of more than 4,300 digits.
        if value.bit_length() <= 400:
            return value
        return self._marked({TAG: "int", "text": f"<int of {value.bit_length()} bits>"}, value)

    def _path(self, value: object, text: str) -> dict[str, Any]:
        place = self.places.place_of(text)
        description = {TAG: "Path", "text": self._shown(text if place is None else place.text)}
        path = counted_file(value, self.places) if self.budget.whole else None
        return description if path is None else self._with_content(description, path)

    def _place_of_text(self, text: str) -> PathPlace | None:
        return self.places.place_of_text(text) if self.places.marks else None

    def _content(self, value: NamedContent, _room: int) -> dict[str, Any]:
        name = self._shown(PurePath(value.text).name)
        return self._with_content({TAG: CONTENT, "text": f"<content of {name}>"}, value.text)

    def _with_content(self, description: dict[str, Any], path: str) -> dict[str, Any]:
        """Add the digest of the file or folder that a path names."""
        if not self.budget.whole:
            return description
        try:
            return {**description, "digest": self.places.digests.content_of(path).short}
        except NoDigest:  # the identity has refused it, or does not need it
            return description

    def _shown(self, text: str) -> str:
        # Before a text is shortened: the beginning of a value would not be known.
        if self.redactor.environment.forms:
            text = self.redactor.environment.text(text)
        return self.redactor.texts.scrub_text(text, self.secrets)

    def _marked(self, description: dict[str, Any], value: object) -> dict[str, Any]:
        """Add a digest to an incomplete description, so that another value looks different."""
        if not self.budget.whole:
            return description
        if id(value) not in self.identities:
            self.identities[id(value)] = (value, identity_of(value, self.places))
        identity = self.identities[id(value)][1]
        return description if identity is None else {**description, "digest": identity[:_DIGEST]}

    # Values with parts

    def _items(self, value: list[Any] | tuple[Any, ...], room: int, depth: int) -> object:
        if is_pair(value):
            items = [value[0], self._safe(*value)]
        else:
            items = list(value[: self.budget.items])
            # The value that follows `--password` in a command line.
            flags = [None, *items]
            items = [
                PLACEHOLDER if flag is not None and self.redactor.secret_flag(flag) else item
                for flag, item in zip(flags, items, strict=False)
            ]
        inner = self._children(items, room, depth)
        if type(value) is list and len(inner) == len(value):
            return inner
        return self._listed(inner, value)

    def _listed(self, inner: list[Any], value: Any) -> object:
        description = {TAG: type(value).__name__, "items": inner}
        if len(inner) == len(value):
            return description
        return self._marked({**description, "length": len(value)}, value)

    def _members(self, value: set[Any] | frozenset[Any], room: int, depth: int) -> object:
        if self.budget.excess(value):
            return self._listed([], value)
        kinds = {type(item) for item in value}
        if kinds == {str} or kinds <= {int, float, bool}:
            ordered = nsmallest(self.budget.items, value, key=lambda item: (item != item, item))
            return self._listed(self._children(ordered, room, depth), value)
        # Other members have no order, so that the first few would be others in the next process.
        if len(value) > self.budget.items:
            inner = []
        elif self.budget.whole:
            inner = self._children(list(value), room, depth)
        else:  # a share that does not depend on the order
            inner = [self.node(item, room // len(value), depth - 1) for item in value]
        return self._listed(sorted(inner, key=order), value)

    def _mapping(self, value: dict[Any, Any], room: int, depth: int) -> object:
        pairs = dict(islice(value.items(), self.budget.items))
        description: dict[str, Any]
        if all(map(self._is_name, pairs)):
            inner = self.named(pairs, room, depth)
            if len(pairs) == len(value):
                return inner
            description = {TAG: "dict", "keys": inner}
        else:
            keys = self._children(list(pairs), room // 2, depth)
            parts = self._children([self._safe(*pair) for pair in pairs.items()], room // 2, depth)
            description = {TAG: "dict", "entries": [list(pair) for pair in zip(keys, parts, strict=True)]}
        if len(pairs) == len(value):
            return description
        return self._marked({**description, "length": len(value)}, value)

    def _is_name(self, key: object) -> bool:
        """Return whether a key can be a key of the description without any change."""
        if type(key) is not str or len(key) > _LONGEST_KEY or key.startswith(TAG):
            return False
        if not self.secrets and key.isascii() and key.isidentifier() and "AIza" not in key:
            return True
        return self._shown(key) == key and key.isprintable() and self._place_of_text(key) is None

    def _safe(self, name: object, value: object) -> object:
        return PLACEHOLDER if self.redactor.hides(name, value) else value

    def named(self, parts: Mapping[str, object], room: int, depth: int) -> dict[str, Any]:
        """Return the descriptions of attributes, arguments, or the entries of a dict, all of them."""
        room -= sum(map(len, parts)) + 4 * len(parts)
        hides = self.redactor.hides
        values = [PLACEHOLDER if hides(name, value) else value for name, value in parts.items()]
        inner = self._children(values, room, depth, limit=len(values))
        return dict(zip(parts, inner, strict=True))

    def _children(self, values: list[Any], room: int, depth: int, *, limit: int | None = None) -> list[Any]:
        """Describe each value in a fair share of the room: small ones first, as they leave theirs to the others."""
        inner: list[Any] = []
        large = []
        for index, value in enumerate(values[: self.budget.items if limit is None else limit]):
            kind = type(value)
            # The most frequent leaf, and what `node` makes of it.
            if kind is int and -_SMALL < value < _SMALL:
                inner.append(value)
                room -= len(repr(value)) + 2
            elif value is None or kind in _NUMBERS or (kind is str and len(value) < _SHORT):
                description = self.node(value, room, depth - 1)
                room -= size_of(description)
                inner.append(description)
            else:
                large.append(index)
                inner.append(None)
        left = len(large)
        for index in large:
            inner[index] = description = self.node(values[index], max(room, 0) // left, depth - 1)
            left -= 1
            if left:
                room -= size_of(description)
        return inner

    def _object(self, value: Any, room: int, depth: int) -> Any:
        """Describe an object, or a value of a class derived from a plain one."""
        kind = type(value)
        name = type_name(kind)
        description: dict[str, Any] = {TAG: name}
        if length := self.budget.excess(value):
            return {**description, "cut": True, "length": length}
        fields = record_fields(value)
        content, attributes = opened(value) if fields is None else ((), fields)
        if content:
            # A rule of the user's may reduce a value to another that has the same rule: each level counts.
            description["value"] = self.node(content[0], room, depth - 1)
            room -= size_of(description)
        elif issubclass(kind, BaseException):
            description["items"] = self._children(list(value.args), room, depth)
            room -= size_of(description)
        elif not attributes:
            text = f"<{name.rpartition(':')[2].rpartition('.')[2]}>"
            return self._marked({TAG: name, "text": text}, value)
        if not attributes:
            return description
        shown = dict(islice(attributes.items(), self.budget.items))
        description["attributes"] = self.named(shown, room, depth)
        if len(shown) < len(attributes):
            return self._marked({**description, "length": len(attributes)}, value)
        return description


_LEAVES: dict[type, Callable[[_Walk, Any, int], Any]] = {
    NamedContent: _Walk._content,
    str: _Walk._text,
    bytes: _Walk._bytes,
    bytearray: _Walk._bytes,
    int: _Walk._integer,
    float: lambda _walk, value, _room: value if math.isfinite(value) else {TAG: "float", "text": repr(value)},
}
_CONTAINERS: dict[type, Callable[[_Walk, Any, int, int], Any]] = {
    dict: _Walk._mapping,
    frozenset: _Walk._members,
    list: _Walk._items,
    set: _Walk._members,
    tuple: _Walk._items,
}


def size_of(description: object) -> int:
    """Return about how many characters a description takes."""
    if isinstance(description, dict):
        return sum(len(key) + 4 + size_of(part) for key, part in description.items())
    if isinstance(description, list):
        return sum(2 + size_of(part) for part in description)
    return len(description if type(description) is str else str(description)) + 2

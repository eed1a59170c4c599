"""Any value as short plain data: readable, without secrets, the same in every process."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import islice
from json import dumps
from typing import Any, NamedTuple

from pytest_mimic._describe.leaves import is_path, leaf_text, library_text
from pytest_mimic._describe.secrets import secrets_in
from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._redact.redactor import Redactor
from pytest_mimic._values.identities import identity_of
from pytest_mimic._values.libraries import has_extent, library_of
from pytest_mimic._values.opening import is_pair, opened, type_name

#: The key that marks what JSON has no form for; its value names the type.
TAG = "$"

Roots = tuple[tuple[str, str], ...]


class Budget(NamedTuple):
    """How much of a value is described.

    Attributes:
        characters: About how long the description may become in all.
        items: How many items of one container.
        depth: How many containers inside each other.
        text: How many characters of one string.
    """

    characters: int
    items: int
    depth: int
    text: int


#: For the arguments of a call, all together.
ARGUMENTS = Budget(characters=4_000, items=40, depth=8, text=400)

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_LONGEST_KEY = 100
_LEAST_ROOM = 8
_LEAST_TEXT = 40
_DIGEST = 8


def describe(
    value: object,
    redactor: Redactor,
    *,
    roots: Roots = (),
    budget: Budget = ARGUMENTS,
    secrets: frozenset[str] = frozenset(),
) -> Any:
    """A short description of any value, in plain data that JSON keeps exactly.

    What JSON has no form for is a dict with the key `$`. No code that a user wrote runs, except
    `__mimic_identity__` and what `register_fingerprint` was given. Values under secret names are left out, and
    so are the same texts elsewhere.

    Args:
        value: Anything.
        redactor: Tells which names are secret.
        roots: Folders (prefix, token) under which paths are told relative.
        budget: How much of it to describe.
        secrets: Texts known to be secret, besides those under secret names in the value itself.
    """
    walk = _Walk(redactor, secrets | secrets_in(value, redactor), roots, budget)
    return walk.node(value, budget.characters, budget.depth)


def describe_arguments(
    arguments: Mapping[str, object], redactor: Redactor, *, roots: Roots = (), budget: Budget = ARGUMENTS
) -> dict[str, Any]:
    """The descriptions of a call's arguments by name, within one budget; all of them, however many.

    Args:
        arguments: Values by name, those of `**extra` among them; `*rest` under its name with the star.
        redactor: Tells which names are secret.
        roots: Folders (prefix, token) under which paths are told relative.
        budget: How much to describe.
    """
    walk = _Walk(redactor, secrets_in(dict(arguments), redactor), roots, budget)
    return walk.named(arguments, budget.characters, budget.depth)


def plain_description(plain: Any) -> Any:
    """Plain data as the description of itself; a dict with the key `$` must not look like a type's."""
    if type(plain) is list:
        return [plain_description(item) for item in plain]
    if type(plain) is not dict:
        return plain
    inner = {key: plain_description(part) for key, part in plain.items()}
    return {TAG: "dict", "entries": [list(pair) for pair in inner.items()]} if TAG in inner else inner


class _Walk:
    """One walk over one value. `room` is in characters, `depth` counts down."""

    def __init__(self, redactor: Redactor, secrets: frozenset[str], roots: Roots, budget: Budget) -> None:
        self.redactor = redactor
        #: By the value's id: a part that stands in many places is digested once.
        self.marks: dict[int, tuple[object, str | None]] = {}
        self.secrets = secrets
        self.roots = roots
        self.budget = budget
        self.open: set[int] = set()

    def node(self, value: Any, room: int, depth: int) -> Any:
        """The description of one value."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in _LEAVES:
            return _LEAVES[kind](self, value, room)
        if id(value) in self.open:
            return {TAG: "cycle"}
        self.open.add(id(value))
        try:
            return self.compound(value, room, depth)
        finally:
            self.open.discard(id(value))

    def compound(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if library_of(kind) is not None:
            return self.library(value)
        text = leaf_text(value)
        if text is not None:
            return {TAG: "Path", "text": self.path(text)} if is_path(kind) else self.titled(value, text)
        if depth <= 0 or room < _LEAST_ROOM:
            return self.cut(value)
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](self, value, room, depth)
        return self.object(value, room, depth)

    # What has no parts

    def text(self, value: str, room: int) -> Any:
        limit = min(self.budget.text, max(room, _LEAST_TEXT))
        shown = self.shown(value[: 4 * limit])
        readable = shown[:limit].encode("utf-8", "backslashreplace").decode()
        if len(value) <= 4 * limit and shown == readable:
            return shown
        return self.marked({TAG: "str", "start": readable, "length": len(value)}, value)

    def bytes(self, value: bytes | bytearray, room: int) -> Any:
        limit = min(self.budget.text, max(room, _LEAST_TEXT))
        shown = self.shown(value[: 4 * limit].decode("latin-1"))
        name, start = type(value).__name__, repr(shown[:limit].encode("latin-1"))
        if len(value) <= 4 * limit and len(shown) <= limit:
            return {TAG: name, "text": start if name == "bytes" else f"{name}({start})"}
        return self.marked({TAG: name, "start": start, "length": len(value)}, value)

    def integer(self, value: int, _room: int) -> Any:
        # Python refuses to write integers of more than 4,300 digits.
        if value.bit_length() <= 400:
            return value
        return self.marked({TAG: "int", "text": f"<int of {value.bit_length()} bits>"}, value)

    def real(self, value: float, _room: int) -> Any:
        return value if math.isfinite(value) else {TAG: "float", "text": repr(value)}

    def path(self, path: str) -> str:
        for prefix, token in self.roots:
            if path.startswith(prefix) and path[len(prefix) :][:1] in ("", "/", "\\"):
                return self.shown(f"<{token}>{path[len(prefix) :]}")
        return self.shown(path)

    def shown(self, text: str) -> str:
        return self.redactor.scrub_text(text, self.secrets)

    def titled(self, value: Any, text: str) -> Any:
        """A value with a text of its own; what stands in angle brackets gets a digest, as it may hold more."""
        leaf = {
            TAG: type_name(type(value)),
            "text": " ".join(self.shown(text[: self.budget.text]).splitlines()),
        }
        return self.marked(leaf, value) if text.startswith("<") else leaf

    def library(self, value: Any) -> Any:
        kind = type(value)
        if not has_extent(kind):
            return self.titled(value, _ADDRESS.sub("", str(value)))
        return self.marked({TAG: type_name(kind), "text": self.shown(f"<{library_text(value)}>")}, value)

    def cut(self, value: Any) -> Any:
        """What stands for a value that the budget has no room for."""
        description: dict[str, Any] = {TAG: type_name(type(value)), "cut": True}
        if issubclass(type(value), (dict, list, tuple, set, frozenset)):
            description["length"] = len(value)
        return self.marked(description, value)

    def marked(self, description: dict[str, Any], value: object) -> dict[str, Any]:
        """The description with a digest, so that another value looks different."""
        if id(value) not in self.marks:
            self.marks[id(value)] = (value, identity_of(value, self.roots))
        identity = self.marks[id(value)][1]
        return description if identity is None else {**description, "digest": identity[:_DIGEST]}

    # What has parts

    def items(self, value: list[Any] | tuple[Any, ...], room: int, depth: int) -> Any:
        inner = self.children(self.without_secrets(value), room, depth)
        if type(value) is list and len(inner) == len(value):
            return inner
        return self.listed(inner, value)

    def without_secrets(self, value: list[Any] | tuple[Any, ...]) -> list[Any]:
        """The first items, as many as are shown; without what follows a secret name in a pair, or `--password`."""
        if is_pair(value):
            return [value[0], self.safe(*value)]
        items = list(value[: self.budget.items])
        return [
            PLACEHOLDER if before is not None and self.redactor.secret_flag(before) else item
            for before, item in zip([None, *items], items)
        ]

    def listed(self, inner: list[Any], value: Any) -> Any:
        """Described items, and how many there are if these are not all."""
        description = {TAG: type(value).__name__, "items": inner}
        if len(inner) == len(value):
            return description
        return self.marked({**description, "length": len(value)}, value)

    def members(self, value: set[Any] | frozenset[Any], room: int, depth: int) -> Any:
        kinds = {type(item) for item in value}
        if kinds == {str} or kinds <= {int, float, bool}:
            ordered = sorted(value, key=lambda item: (item != item, item))
            return self.listed(self.children(ordered, room, depth), value)
        # Other items have no order of their own, so either all are described or none.
        inner = self.children(list(value), room, depth) if len(value) <= self.budget.items else []
        return self.listed(sorted(inner, key=order), value)

    def mapping(self, value: dict[Any, Any], room: int, depth: int) -> Any:
        pairs = dict(islice(value.items(), self.budget.items))
        description: dict[str, Any]
        if all(self.is_name(key) for key in pairs):
            inner = self.named(pairs, room, depth)
            if len(pairs) == len(value):
                return inner
            description = {TAG: "dict", "keys": inner}
        else:
            keys = self.children(list(pairs), room // 2, depth)
            parts = self.children([self.safe(*pair) for pair in pairs.items()], room // 2, depth)
            description = {TAG: "dict", "entries": [list(pair) for pair in zip(keys, parts, strict=True)]}
        if len(pairs) == len(value):
            return description
        return self.marked({**description, "length": len(value)}, value)

    def is_name(self, key: object) -> bool:
        """Whether a key can be a key of the description, as it is."""
        if type(key) is not str or len(key) > _LONGEST_KEY or key.startswith(TAG):
            return False
        return self.shown(key) == key and key.isprintable()

    def safe(self, name: object, value: Any) -> Any:
        return PLACEHOLDER if value is not None and self.redactor.secret(name) else value

    def named(self, parts: Mapping[str, Any], room: int, depth: int) -> dict[str, Any]:
        """Attributes, arguments, or the entries of a dict with names for keys."""
        room -= sum(len(name) + 4 for name in parts)
        values = [self.safe(name, part) for name, part in parts.items()]
        inner = self.children(values, room, depth, limit=len(values))
        return dict(zip(parts, inner, strict=True))

    def children(self, values: Any, room: int, depth: int, *, limit: int | None = None) -> list[Any]:
        """Each value in a fair share of the room; small ones come first, what they leave goes to the others."""
        values = values[: self.budget.items if limit is None else limit]
        inner: list[Any] = [None] * len(values)
        large = [place for place, value in enumerate(values) if not _is_small(value)]
        for place in sorted(set(range(len(values))).difference(large)):
            inner[place] = self.node(values[place], room, depth - 1)
            room -= _size(inner[place])
        for count, place in enumerate(large):
            inner[place] = self.node(values[place], max(room, 0) // (len(large) - count), depth - 1)
            room -= _size(inner[place])
        return inner

    def object(self, value: Any, room: int, depth: int) -> Any:
        """Describe an object, or a value of a class derived from a plain one."""
        kind = type(value)
        description: dict[str, Any] = {TAG: type_name(kind)}
        content, attributes = opened(value)
        if content:
            # A rule of the user's may reduce a value to another that has the same rule: each level counts.
            description["value"] = self.node(content[0], room, depth - 1)
        elif issubclass(kind, BaseException):
            description["items"] = self.children(value.args, room, depth)
        if not attributes:
            if len(description) > 1:
                return description
            return self.marked({**description, "text": f"<{_short(description[TAG])}>"}, value)
        if len(description) > 1:
            room -= _size(description)
        shown = dict(islice(attributes.items(), self.budget.items))
        description["attributes"] = self.named(shown, room, depth)
        if len(shown) < len(attributes):
            return self.marked({**description, "length": len(attributes)}, value)
        return description


_LEAVES: dict[type, Callable[[_Walk, Any, int], Any]] = {
    str: _Walk.text,
    bytes: _Walk.bytes,
    bytearray: _Walk.bytes,
    int: _Walk.integer,
    float: _Walk.real,
}
_CONTAINERS: dict[type, Callable[[_Walk, Any, int, int], Any]] = {
    dict: _Walk.mapping,
    frozenset: _Walk.members,
    list: _Walk.items,
    set: _Walk.members,
    tuple: _Walk.items,
}


def _is_small(value: object) -> bool:
    return value is None or type(value) in (bool, int, float) or (type(value) is str and len(value) < 30)


def _size(description: Any) -> int:
    """About how many characters a description takes."""
    if isinstance(description, dict):
        return sum(len(key) + 4 + _size(part) for key, part in description.items())
    if isinstance(description, list):
        return sum(2 + _size(part) for part in description)
    return len(str(description)) + 2


def _short(name: str) -> str:
    """The class's own name, without its module."""
    return name.rpartition(":")[2].rpartition(".")[2]


def order(description: Any) -> str:
    """A text that is equal for equal descriptions, and orders them."""
    return dumps(description, sort_keys=True)

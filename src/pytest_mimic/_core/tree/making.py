"""Makes the tree of a value: plain data with tags as readable outcomes have them, without secrets, the same in every process.

What JSON has stands for itself. Any other value is a mapping whose first key is its
tag: `{"$date": "2026-11-02"}`,
`{"$shop:Rate": {"base": "EUR"}}`. In an object, the key `""` holds its content as a
container, and `*` its positional parts.
Some tags are only here: `$text` (a value shown by a text, with its `type`), `$cut` (the
beginning of a text, or a part too
deep inside, with its `length`), `$list` (the first items of one), `$hidden` (a secret,
while verifying) and `$cycle`. A
value that is shown in part has a `digest`, so that another one looks different.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from heapq import nsmallest
from itertools import islice
from pathlib import PurePath
from sys import maxsize
from typing import Any, NamedTuple

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.paths import NamedContent, counted_file
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.redact.redactor import NO_NAMES, Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER, named
from pytest_mimic._core.tree.drawing import order
from pytest_mimic._core.tree.kept_columns import (
    INDEX,
    column_node,
    column_parts,
    column_size,
    has_plain_index,
)
from pytest_mimic._core.tree.library_values import labels_of, library_text
from pytest_mimic._core.tree.secrets import beginning, secrets_in
from pytest_mimic._core.types.kinds import Events, ServerSentEvent, Unstable
from pytest_mimic._core.types.libraries import is_data, library_of
from pytest_mimic._core.types.opening import exception_parts, is_pair, opened, type_name
from pytest_mimic._core.types.table import is_path, text_of
from pytest_mimic._core.words import pattern

# The types whose values have a tag with a text in readable outcomes, too.
_TAGGED = {date: "date", datetime: "datetime", time: "time"}
_ADDRESS = pattern(r" at 0x[0-9A-Fa-f]+")
# A text up to the first length is never cut; of one that is too long, as much as the
# second length is shown.
_SHORT, _START, _LONGEST_KEY = 40, 400, 100
_DIGEST, _SMALL = 8, 1 << 62
# Values of databases that are stored with their type, `{"$decimal": "1.50"}`, are such
# values here.
_VALUE_TAGS = frozenset(
    {"$base64", "$bytes", "$date", "$datetime", "$decimal", "$time", "$uuid"}
)


class Budget(NamedTuple):
    """How much of a value is in its tree."""

    # About how many characters have containers in them; numbers and short texts are
    # there in any case.
    characters: int
    items: int  # of one container
    depth: int  # levels of nested containers
    text: int  # the longest text that is there as a whole
    # whether what is there in part has a digest, which takes reading all of it
    digests: bool = True


#: For all arguments of a call together.
ARGUMENTS = Budget(characters=4_000, items=40, depth=12, text=4_096)
# : For a client's call, of which nothing else keeps what is sent, and for comparing:
# all but what is nested too deeply.
WHOLE = Budget(characters=maxsize, items=maxsize, depth=64, text=maxsize)


class Live(dict[str, Any]):
    """The node of an object or of a library's data, with the value itself, which only verifying has."""

    __slots__ = ("value",)

    def __init__(self, node: dict[str, Any], value: object) -> None:
        super().__init__(node)
        self.value: Any = value


@dataclass(slots=True)
class _Hidden:
    """A value under a secret name."""

    value: object


def tree_of(
    value: object,
    redactor: Redactor,
    *,
    places: Places | None = None,
    budget: Budget = ARGUMENTS,
    secrets: frozenset[str] = frozenset(),
    is_live: bool = False,
) -> Any:
    """Return the tree of any value.

    No code of the value's class runs except `__mimic_identity__` and functions given to
    `register_fingerprint`. Values
    under secret names are left out, and so are the same texts elsewhere, and the
    `secrets`, which are further texts known
    to be secret. Paths in the folders of the run are shown by their place. A tree that
    `is_live` is for verifying: it shows
    no secret, but two of them differ.
    """
    known = secrets | secrets_in(value, redactor)
    return _Maker(redactor, known, places or Places(), budget, is_live).node(
        value, budget.depth
    )


def argument_trees(
    arguments: Mapping[str, object], redactor: Redactor, *, places: Places | None = None
) -> dict[str, Any]:
    """Return the trees of a call's arguments by name.

    They share one budget, and none is left out.

    The values of `**extra` have their own names, and `*rest` its name with the star.
    See `tree_of` for the rest.
    """
    whole, clean = dict(arguments), dict[int, object]()
    secrets = secrets_in(whole, redactor, clean)
    maker = _Maker(redactor, secrets, places or Places(), ARGUMENTS, False, clean=clean)
    found: dict[str, Any] = {}
    left = sum(type(value) not in SCALARS for value in arguments.values())
    for key, pair in zip(arguments, named(arguments)):
        # Each gets an equal share of the room, and leaves the rest of it to those
        # behind it.
        maker.until = maker.used + max(ARGUMENTS.characters - maker.used, 0) // max(
            left, 1
        )
        value = pair[1] if id(whole) in clean else maker.safe(*pair)
        found[key] = maker.node(value, ARGUMENTS.depth - 1)
        left -= type(pair[1]) not in SCALARS
    return found


def part_trees(
    parts: Mapping[str, object], places: Places | None = None
) -> dict[str, Any]:
    """Return the trees of the parts of a client's call, plain data in which secrets are hidden already."""
    maker = _Maker(NO_NAMES, frozenset(), places or Places(), WHOLE, False)
    return maker.named(parts, WHOLE.depth)


@dataclass(slots=True, eq=False, repr=False)
class _Maker:
    """Makes the tree of one value. In its methods, `depth` counts down."""

    redactor: Redactor
    secrets: frozenset[str]
    places: Places
    budget: Budget
    is_live: bool
    used: int = 0  # characters so far, of long texts only the first few
    until: int = field(init=False)  # the count up to which containers are opened
    texts: int = 0  # characters of long texts so far
    # Identities by the value's id, as a value with many places needs only one. The
    # value is kept alive with it.
    identities: dict[int, tuple[object, str | None]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    clean: Mapping[int, object] = field(
        default_factory=dict
    )  # dicts without secret names, by their ids

    def __post_init__(self) -> None:
        self.until = self.budget.characters

    def node(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool or (kind is int and -_SMALL < value < _SMALL):
            self.used += 4
            return value
        if kind not in _CONTAINERS and (leaf := self._leaf(value, kind)) is not None:
            return leaf
        if id(value) in self.open:
            return {"$cycle": type_name(kind)}
        if depth <= 0 or self.used >= self.until:
            node: dict[str, Any] = {"$cut": type_name(kind)}
            if issubclass(kind, (dict, list, tuple, set, frozenset)):
                node["length"] = len(value)
            return self._marked(node, value)
        self.open.add(id(value))
        try:
            return _CONTAINERS.get(kind, _Maker._object)(self, value, depth)
        finally:
            self.open.discard(id(value))

    # Values without parts

    def _leaf(self, value: Any, kind: type) -> Any:
        """Return the node of a value that is shown by one text, None for any other value."""
        self.used += 8
        if kind in _LEAVES:
            return _LEAVES[kind](self, value)
        if is_data(value):
            node = self._as_text(
                value, self._shown(f"<{library_text(value)}>"), is_part=True
            )
            return self._with_columns(node, value)
        if library_of(kind) is not None:
            return self._as_text(value, self._shown(_ADDRESS.sub("", str(value))))
        own = text_of(value)
        if own is None:
            return None
        if is_path(kind):
            return self._path(value, own)
        # The name of a function or class is shown whole, and stands for what may
        # differ.
        is_name = own.startswith("<")
        limit = max(self.budget.text, _LONGEST_KEY if is_name else 0)
        text = " ".join(
            self._shown(beginning(own, limit, self.secrets, self.redactor))[
                :limit
            ].splitlines()
        )
        if kind in _TAGGED:
            return {f"${_TAGGED[kind]}": text}
        return self._as_text(value, text, is_part=is_name)

    def _with_columns(self, node: dict[str, Any], value: Any) -> dict[str, Any]:
        """Add what is kept of the columns of a table, but for those with a secret name."""
        if self.is_live or not self.budget.digests or "digest" not in node:
            return node
        parts = column_parts(value)
        if parts is None:
            return node
        secret_steps = {f"[{name!r}]" for name in labels_of(value) if self._hides(name)}
        columns: dict[str, Any] = {}
        for step, column in parts:
            if step in secret_steps:
                continue
            identity = identity_of(column, self.places)
            is_few = column_size(column) <= self.budget.items and self.used < self.until
            if step == INDEX and has_plain_index(value):
                is_few = False
            columns[self._shown(step)] = column_node(
                column,
                identity=identity and identity[:_DIGEST],
                value=partial(self.node, depth=1) if is_few else None,
            )
        return {**node, "columns": columns} if columns else node

    def _hides(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.redactor.secret(name))

    def _as_text(
        self, value: object, text: str, *, is_part: bool = False
    ) -> dict[str, Any]:
        node = {"$text": text, "type": type_name(type(value))}
        return self._alive(self._marked(node, value) if is_part else node, value)

    def _text(self, value: str) -> Any:
        if len(value) <= _SHORT:
            self.used += len(value) + 2
            if (
                value.isascii()
                and not self.places.marks
                and self._shown(value) == value
            ):
                return value
        else:
            self.used += _SHORT
        place = self.places.place_of_text(value) if self.places.marks else None
        if place is not None:
            return self._with_content({"$str": self._shown(place.text)}, value)
        limit = self._room(len(value))
        shown = self._shown(beginning(value, limit, self.secrets, self.redactor))
        if len(value) <= limit:
            written = shown.encode("utf-8", "backslashreplace").decode()
            if written != shown:  # JSON has no such text
                return {"$text": repr(written).replace("\\\\", "\\"), "type": "str"}
            return shown if shown == value else self._secret(_Hidden(value), shown)
        start = shown[:limit].encode("utf-8", "backslashreplace").decode()
        return self._marked(
            {"$cut": "str", "start": start, "length": len(value)}, value
        )

    def _room(self, length: int) -> int:
        """Return how much of a text of this length is shown.

        Long ones have a budget of their own.
        """
        if length <= _SHORT:
            return length
        most = self.budget.text
        if length > most or self.texts + length > 4 * most:
            length = min(_START if self.texts < 4 * most else _SHORT, most)
        self.texts += length
        return length

    def _bytes(self, value: bytes | bytearray) -> Any:
        limit = self._room(len(value))
        shown = self._shown(beginning(value, limit, self.secrets, self.redactor))
        name = type(value).__name__
        if len(value) > limit:
            return self._marked(
                {"$cut": name, "start": shown[:limit], "length": len(value)}, value
            )
        if self.is_live and shown.encode("latin-1") != value:
            return self._secret(_Hidden(value), shown)
        if name == "bytes" and shown.isascii() and shown.isprintable():
            return {"$bytes": shown}
        text = repr(shown.encode("latin-1"))
        return {"$text": text if name == "bytes" else f"{name}({text})", "type": name}

    def _integer(self, value: int) -> Any:
        # Python refuses to write integers of more than 4,300 digits.
        if value.bit_length() <= 400:
            return value
        return self._marked(
            {"$text": f"<int of {value.bit_length()} bits>", "type": "int"}, value
        )

    def _path(self, value: object, text: str) -> dict[str, Any]:
        place = self.places.place_of(text)
        node = {"$path": self._shown(text if place is None else place.text)}
        path = counted_file(value, self.places) if self.budget.digests else None
        return node if path is None else self._with_content(node, path)

    def _content(self, value: NamedContent) -> dict[str, Any]:
        return self._with_content(
            {"$content": self._shown(PurePath(value.text).name)}, value.text
        )

    def _with_content(self, node: dict[str, Any], path: str) -> dict[str, Any]:
        """Add the digest of the file or folder that a path names."""
        if not self.budget.digests:
            return node
        try:
            return {**node, "digest": self.places.digests.content_of(path).short}
        except Unstable:  # the identity has refused it, or does not need it
            return node

    def _secret(self, hidden: _Hidden, shown: str = PLACEHOLDER) -> Any:
        if not self.is_live:
            return shown
        return self._marked(
            {"$hidden": shown, "type": type_name(type(hidden.value))}, hidden.value
        )

    def _shown(self, text: str) -> str:
        # Before a text is shortened: the beginning of a value would not be known.
        if self.redactor.environment.forms:
            text = self.redactor.environment.text(text)
        return self.redactor.scrub_text(text, self.secrets)

    def _marked(self, node: dict[str, Any], value: object) -> dict[str, Any]:
        """Add a digest to a node that shows its value in part: a short one, but while verifying the whole identity."""
        if not self.budget.digests:
            return node
        if id(value) not in self.identities:
            self.identities[id(value)] = (value, identity_of(value, self.places))
        identity = self.identities[id(value)][1]
        return (
            node
            if identity is None
            else {**node, "digest": identity[: None if self.is_live else _DIGEST]}
        )

    def _alive(self, node: dict[str, Any], value: object) -> dict[str, Any]:
        return Live(node, value) if self.is_live else node

    # Values with parts

    def _parts(self, values: Iterable[Any], depth: int) -> list[Any]:
        return [self.node(value, depth - 1) for value in values]

    def _items(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        if is_pair(value):
            items = [value[0], self.safe(*value)]
        else:
            items = list(value[: self.budget.items])
            # The value that follows `--password` in a command line.
            items = [
                _Hidden(item)
                if place and self.redactor.secret_flag(items[place - 1])
                else item
                for place, item in enumerate(items)
            ]
        inner = self._parts(items, depth)
        if type(value) is list and len(inner) == len(value):
            return inner
        return self._listed(inner, value)

    def _listed(self, inner: list[Any], value: Any) -> dict[str, Any]:
        node = {f"${type(value).__name__}": inner}
        return (
            node
            if len(inner) == len(value)
            else self._marked({**node, "length": len(value)}, value)
        )

    def _members(self, value: set[Any] | frozenset[Any], depth: int) -> Any:
        kinds = {type(item) for item in value}
        most = self.budget.items
        if kinds == {str} or kinds <= {int, float, bool}:
            ordered = nsmallest(
                min(most, len(value)), value, key=lambda item: (item != item, item)
            )
            return self._listed(self._parts(ordered, depth), value)
        # Other members have no order, so that the first few would be others in the next
        # process.
        inner, start = [], (self.used, self.texts)
        for item in value if len(value) <= most else ():
            self.used, self.texts = (
                start  # what one takes does not depend on those before it
            )
            inner.append(self.node(item, depth - 1))
        return self._listed(sorted(inner, key=order), value)

    def _mapping(self, value: dict[Any, Any], depth: int) -> Any:
        pairs = dict(islice(value.items(), self.budget.items))
        if next(iter(pairs), "") in _VALUE_TAGS and set(map(type, pairs.values())) == {
            str
        }:
            return {key: self._shown(part) for key, part in pairs.items()}
        if all(map(self._is_name, pairs)):
            inner: Any = self.named(pairs, depth, is_clean=id(value) in self.clean)
            if len(pairs) == len(value):
                return inner
            inner = [[key, part] for key, part in inner.items()]
        else:
            keys = self._parts(pairs, depth)
            parts = self._parts([self.safe(*pair) for pair in pairs.items()], depth)
            inner = [list(pair) for pair in zip(keys, parts, strict=True)]
        return self._listed(inner, value)

    def _is_name(self, key: object) -> bool:
        """Return whether a key can be a key of the tree without any change."""
        if type(key) is not str or len(key) > _LONGEST_KEY or key[:1] == "$":
            return False
        if (
            not self.secrets
            and key.isascii()
            and key.isidentifier()
            and "AIza" not in key
        ):
            return True
        is_place = self.places.marks and self.places.place_of_text(key) is not None
        return self._shown(key) == key and key.isprintable() and not is_place

    def safe(self, name: object, value: object) -> object:
        return _Hidden(value) if self.redactor.hides(name, value) else value

    def named(
        self, parts: Mapping[str, object], depth: int, *, is_clean: bool = False
    ) -> dict[str, Any]:
        """Return the nodes of attributes, arguments, or the entries of a dict, all of them."""
        self.used += sum(map(len, parts)) + 4 * len(parts)
        values = (
            parts.values()
            if is_clean
            else (self.safe(name, value) for name, value in named(parts))
        )
        return dict(zip(parts, self._parts(values, depth), strict=True))

    def _object(self, value: Any, depth: int) -> Any:
        """Return the node of an object, or of a value of a class derived from a plain one."""
        kind = type(value)
        name = type_name(kind)
        content, attributes = opened(value)
        inner: dict[str, Any] = {}
        if content:
            # A rule of the user's may reduce a value to another that has the same rule:
            # each level counts.
            inner[""] = self.node(content[0], depth - 1)
        elif issubclass(kind, BaseException):
            attributes = exception_parts(value) | attributes
            inner["*"] = self._parts(value.args, depth)
        elif not attributes:
            return self._as_text(
                value, f"<{name.rpartition(':')[2].rpartition('.')[2]}>", is_part=True
            )
        shown = dict(islice(attributes.items(), self.budget.items))
        inner |= self.named(shown, depth)
        node = {f"${name}": inner}
        if len(shown) < len(attributes):
            return self._marked({**node, "length": len(attributes)}, value)
        return self._alive(node, value)

    def _events(self, value: Events, depth: int) -> dict[str, Any]:
        return {"$events": self._parts(value, depth), "whole": value.is_whole}


_LEAVES: dict[type, Callable[[_Maker, Any], Any]] = {
    NamedContent: _Maker._content,
    _Hidden: _Maker._secret,
    bytes: _Maker._bytes,
    bytearray: _Maker._bytes,
    int: _Maker._integer,
    float: lambda _maker, value: (
        value if math.isfinite(value) else {"$float": repr(value)}
    ),
}
_CONTAINERS: dict[type, Callable[[_Maker, Any, int], Any]] = {
    Events: _Maker._events,
    ServerSentEvent: _Maker._mapping,
    dict: _Maker._mapping,
    frozenset: _Maker._members,
    list: _Maker._items,
    set: _Maker._members,
    tuple: _Maker._items,
}

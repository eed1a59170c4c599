"""The shape of tags in JSON, and the parts that the modules of the tags share.

A value that JSON does not have is a mapping whose first key is the tag: `{"$date": "2026-11-02"}`, or with more facts
`{"$regex": "ab+", "flags": ["IGNORECASE"]}`. A dict of the user's whose first key begins with `$` gets a second `$`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._core.identity.kinds import HEAP_TYPE
from pytest_mimic._core.outcome.plain import repeated_parts

Node = dict[str, Any]
"""A mapping of JSON whose first key is a tag."""

MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a tag's `read` raises for a node that was not written like this."""

# Longer integers are refused by `json`, which limits the time of a conversion.
MOST_BITS = 13_000

# The name of the tags of classes. Their nodes have the name of the class in its place.
CLASS = "class"

_IN_WORDS = {str: "text", int: "whole number", float: "number", dict: "mapping", bool: "boolean"}


class MisreadError(ValueError):
    """A node is not as it was written. The text names the tag."""


class NotTaggableError(Exception):
    """A part has no exact form in JSON."""


class OutdatedClassError(Exception):
    """A class has changed since a value was stored. The text says how: `shop:User has no field "mail" any more`."""


class Tag(NamedTuple):
    """How one type of value is stored.

    Attributes:
        write: Fills the node of a value, whose first key is the tag. It gets the value, the node and the `Writer`.
        read: Returns the value of a node. It gets the part under the tag, the node, the `Reader`, and the number by
            which parts may refer to the value: if it may contain itself, that goes to `Reader.keep` first.
        facts: The keys that a node may have besides its tag.
        is_shared: Whether it matters that two places hold the same value: it may change, or contain what may.
    """

    name: str  # the tag, without `$`
    write: Callable[[Any, Node, Any], None]
    read: Callable[[Any, Node, Any, int | None], Any]
    parts: tuple[type, ...] = (list,)  # the types of the part under the tag
    facts: tuple[str, ...] = ()
    is_shared: bool = False
    may_contain_itself: bool = False  # whether `read` supports that

    def check(self, node: Node) -> None:
        """Check that a node has the right parts. ValueError, OutdatedClassError: it has others."""
        try:
            only_keys(node, *self.facts)
            typed(next(iter(node.values())), *self.parts)
        except ValueError:
            if self.name != CLASS:
                raise
            what = "is another kind of class now, or the recording was edited"
            raise OutdatedClassError(f"{next(iter(node))[1:]} {what}") from None


def simple(
    name: str, to_json: Callable[[Any], object], from_json: Callable[[Any], object], *types: type
) -> Tag:
    """Return the tag of a type whose values have one part in JSON, which is of one of the types."""
    key = f"${name}"

    def write(value: object, node: Node, _: object) -> None:
        node[key] = to_json(value)

    def read(part: object, _node: Node, _reader: object, _anchor: int | None) -> Any:
        return from_json(part)

    return Tag(name, write, read, types)


def tag_in(tree: dict[Any, Any]) -> str | None:
    """Return the tag of a mapping with its `$`, or None if the mapping is no node."""
    for key in tree:
        return key if key[:1] == "$" else None
    return None


def only_keys(node: Node, *names: str) -> None:
    """Check that a node has no other keys than its tag and these. ValueError: it has."""
    if len(node) > 1 and (extra := [key for key in list(node)[1:] if key not in names]):
        raise ValueError(f"{next(iter(node))} has an unknown part {extra[0]!r}")


def misread(node: Node, reason: Exception) -> MisreadError:
    """Return the error for a node that cannot be read, which names its tag and part; the reason itself if it does."""
    if isinstance(reason, MisreadError):
        return reason
    [(key, part), *_] = node.items()
    tag, text = f"{key:.200}", str(reason)
    if text.startswith(tag):
        return MisreadError(text)
    if isinstance(reason, LookupError):  # a KeyError's text is only the key
        text = f"{type(reason).__name__}: {text}"
    elif isinstance(reason, ArithmeticError):  # the text of a Decimal's or a Fraction's is no sentence
        text = "is no number"
    elif " values to unpack" in text:
        text = "has too few or too many parts"
    # The reader may have replaced parts by objects, whose `__repr__` is code.
    parts = part if type(part) is list else [part]
    if type(part) is not str and any(type(each) not in (str, int, float) for each in parts):
        return MisreadError(f"{tag}: {text}")
    shown = f"{part!r:.60}"
    if text.startswith(("is ", "has ")):
        return MisreadError(f"{tag}: {shown} {text}")
    return MisreadError(f"{tag}: {text}" if shown in text else f"{tag}: {shown}: {text}")


def typed(value: object, *types: type) -> Any:
    """Return a part of a node, checked to be of one of the types. ValueError: it is not."""
    if type(value) not in types:
        expected = " or ".join(_IN_WORDS.get(each, each.__name__) for each in types)
        # The `__repr__` of anything else may be code.
        shown = "an object" if repeated_parts(value) is None else f"{value!r:.60}"
        raise ValueError(f"{shown} is no {expected}")
    return value


def hashable(key: Any) -> Any:
    """Return a member of a set, or a key, which Python is going to hash. ValueError: a method of its class would run."""
    kind = type(key)
    if kind in _KEYS:
        return key
    if issubclass(kind, tuple):
        for part in tuple.__iter__(key):
            hashable(part)
    if kind.__module__ not in _OF_TAGS and _hashes_itself(kind):
        raise ValueError("a key whose class hashes it")
    return key


_KEYS = frozenset({str, int, float, bool, type(None), bytes, complex, frozenset})
# Whose classes have tags of their own.
_OF_TAGS = frozenset("datetime decimal fractions numpy pathlib pathlib._local re uuid zoneinfo".split())


def _hashes_itself(cls: type) -> bool:
    for base in cls.__mro__:
        if not vars(base).keys().isdisjoint(("__hash__", "__eq__")):
            return bool(base.__flags__ & HEAP_TYPE) and base.__module__ != "enum"
    return False

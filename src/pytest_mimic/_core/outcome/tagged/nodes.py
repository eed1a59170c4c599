"""The shape of tags in JSON, and the parts that the modules of the tags share.

A value that JSON does not have is a mapping whose first key is the tag: `{"$date": "2026-11-02"}`, or with more facts
`{"$regex": "ab+", "flags": ["IGNORECASE"]}`. A dict of the user's whose first key begins with `$` gets a second `$`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Node = dict[str, Any]
"""A mapping of JSON whose first key is a tag."""

MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a tag's `read` raises for a node that was not written like this."""

# Longer integers are refused by `json`, which limits the time of a conversion.
MOST_BITS = 13_000

# The name of the tags of classes. Their nodes have the name of the class in its place.
CLASS = "class"


class MisreadError(ValueError):
    """A node is not as it was written. The text has the tag and the beginning of its part."""


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
    if len(node) > 1 and not {*list(node)[1:]} <= {*names}:
        raise ValueError(names)


def misread(node: Node, reason: Exception) -> MisreadError:
    """Return the error for a node that cannot be read, with its tag and the beginning of its part; the reason if it is one."""
    if isinstance(reason, MisreadError):
        return reason
    [(key, part), *_] = node.items()
    return MisreadError(f"{key:.200}: {part!r:.60}")


def typed(value: object, *types: type) -> Any:
    """Return a part of a node, checked to be of one of the types. ValueError: it is not."""
    if type(value) not in types:
        raise ValueError(type(value))
    return value

"""The shape of tags in JSON, and the parts that the modules of the tags share.

A value that JSON does not have is a mapping whose first key is the tag: `{"$date": "2026-11-02"}`, or with more facts
`{"$regex": "ab+", "flags": ["IGNORECASE"]}`. A dict of the user's whose first key begins with `$` gets a second `$`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._core.outcome.plain import repeated_parts

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.placed_paths import PathStore

Node = dict[str, Any]
"""A mapping of JSON whose first key is a tag."""

MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a tag's `read` raises for a node that was not written like this."""

_IN_WORDS = {str: "text", int: "whole number", float: "number", dict: "mapping", bool: "boolean"}


class MisreadError(ValueError):
    """A node is not as it was written. The text names the tag."""


class NotTaggableError(Exception):
    """A part has no exact form in JSON."""


class OutdatedClassError(Exception):
    """A class has changed since a value was stored. The text says how: `shop:User has no field "mail" any more`."""


class Writing(Protocol):
    """The writer, as far as a tag's `write` uses it; see `Writer`."""

    @property
    def paths(self) -> PathStore: ...

    def write(self, value: Any) -> Any: ...

    def write_hashed(self, value: Any) -> Any:
        """Return a member of a set, or a key of a dict, as JSON."""
        ...

    def import_name(self, thing: Any, name: str | None = None) -> str:
        """Return the name of a class or function, `module:qualname`, and list it as an import.

        Args:
            thing: The class or function.
            name: A public name that is the same in every version of its library. By default, its own name.
        """
        ...

    def object_of(self, content: bytes) -> str:
        """Return the name of an object of the vault that will hold long bytes."""
        ...


class Reading(Protocol):
    """The reader, as far as a tag's `read` uses it; see `Reader`."""

    @property
    def paths(self) -> PathStore: ...

    def read(self, tree: Any) -> Any: ...

    def parts(self, trees: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the parts of a mapping, which is no node itself."""
        ...

    def keep(self, anchor: int | None, made: Any) -> None:
        """Let the parts of a value refer to the value itself. Call it before reading them."""
        ...

    def find(self, name: str) -> Any:
        """Return the class or function with this name, `module:qualname`, if it is listed as an import."""
        ...

    def content(self, name: str, /) -> bytes: ...


class Tag(NamedTuple):
    """How one type of value is stored.

    Attributes:
        write: Fills the node of a value. Its first key is the tag.
        read: Returns the value of a node. If the value may contain itself, it must call `Reading.keep`.
        is_shared: Whether it matters that two places hold the same value: it may change, or contain what may.
        is_fixed: Whether neither a value nor anything in it can change, so that copies may share it.
    """

    name: str  # the tag, without `$`
    write: Callable[[Any, Node, Writing], None]
    read: Callable[[Node, Reading, int | None], Any]
    is_shared: bool = False
    may_contain_itself: bool = False  # whether `read` supports that
    is_fixed: bool = False


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
    elif isinstance(
        reason, ArithmeticError
    ):  # the text of a Decimal's is no sentence, nor that of a Fraction's
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


def typed(value: Any, *types: type) -> Any:
    """Return a part of a node, checked to be of one of the types. ValueError: it is not."""
    if type(value) not in types:
        expected = " or ".join(_IN_WORDS.get(each, each.__name__) for each in types)
        # The `__repr__` of anything else may be code.
        shown = "an object" if repeated_parts(value) is None else f"{value!r:.60}"
        raise ValueError(f"{shown} is no {expected}")
    return value

"""The classes of nodes, of which the tree of any value is made.

| node | its value | drawn, for example |
|---|---|---|
| plain | a value of JSON without parts | `1.5`, `'EUR'` |
| `Items` | a list, or another value with items | `[1, 2]`, `{3, 4}`, `{1: 2}` |
| `Fields` | a mapping with texts as its keys, or an object | `Rate(base='EUR')` |
| `Opaque` | a value that is known by one text | `2026-11-02`, `<function shop:fetch>` |
| `Cut` | a value of which only the beginning is there | `'Once...' (5000 characters)` |
| `Hidden` | a secret | `<redacted>` |

A plain value is its own node. A node that shows its value in part has a `digest`, so
that the node of another value differs.
"""

from __future__ import annotations

from typing import ClassVar, Final, TypeAlias, Union

Plain: TypeAlias = bool | int | float | str | None
Json: TypeAlias = Union[Plain, "list[Json]", "dict[str, Json]"]
"""Plain data: what JSON holds."""
Node: TypeAlias = Union[Plain, "Items", "Fields", "Opaque", "Cut", "Hidden"]


class _Nothing:
    """Stands for no value, as None is one."""

    __slots__ = ()


#: The `value` of a node that does not have the value itself, as in all trees but those
#: for verifying.
NOTHING: Final = _Nothing()


class _Compared:
    """The base of all nodes: two nodes are equal if their attributes are.

    Differences between trees go by that, and no identity does.

    Nodes have constructors by hand: to import `dataclasses` takes a tenth of the time
    in which a command starts.
    """

    __slots__: tuple[str, ...] = ()
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def _attributes(self) -> dict[str, object]:
        # The value of a node does not count, as the other attributes describe it. Only
        # trees for verifying have it.
        names = [name for name in self.__slots__ if name != "value"]
        return {name: getattr(self, name) for name in names}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._attributes() == other._attributes()

    def __repr__(self) -> str:
        parts = [f"{name}={part!r}" for name, part in self._attributes().items()]
        return f"{type(self).__name__}({', '.join(parts)})"


class Items(_Compared):
    """The items of a list, or of another value with items.

    Attributes:
        kind: `list`, `tuple`, `set`, `frozenset`, `events`; `dict` for a mapping whose
            keys are not all names, with pairs as its items; or what the items make:
            `range`, `complex`.
        items: The nodes of the items, or of the first of them.
        length: How many items the value has, if more than there are here.
        digest: That of the value; empty: all of it is here.
        facts: Further facts about the value, `{"maxlen": 3}`.
    """

    __slots__ = ("digest", "facts", "items", "kind", "length")

    def __init__(
        self,
        kind: str,
        items: list[Node],
        length: int | None = None,
        digest: str = "",
        facts: dict[str, Node] | None = None,
    ) -> None:
        self.kind = kind
        self.items = items
        self.length = length
        self.digest = digest
        self.facts: dict[str, Node] = facts or {}


class Fields(_Compared):
    """A mapping with texts as its keys, or an object, by its named parts.

    Attributes:
        kind: `dict`, or the name of the class: `shop.models:Rate`, `deque`.
        parts: The nodes of the parts. In an object, `""` is its content as a
            container, and `*` its positional parts.
        length: How many parts the value has, if more than there are here.
        digest: That of the value; empty: all of it is here.
        facts: Further facts about the value, beside its parts.
        value: The value itself, in trees that `--mimic-verify` compares; in others,
            `NOTHING`.
    """

    __slots__ = ("digest", "facts", "kind", "length", "parts", "value")

    def __init__(
        self,
        kind: str,
        parts: dict[str, Node],
        length: int | None = None,
        digest: str = "",
        facts: dict[str, Node] | None = None,
        value: object = NOTHING,
    ) -> None:
        self.kind = kind
        self.parts = parts
        self.length = length
        self.digest = digest
        self.facts: dict[str, Node] = facts or {}
        self.value = value


class Opaque(_Compared):
    """A value that is known by one text or number.

    Attributes:
        kind: How it is written: `date`, `decimal`, `bytes`, `path`, the class of an
            enum; `text` for a value that is known by no more than its text.
        text: The text. A path in a folder of the run has the name of that folder and
            the rest, and what is made of one other value has the node of that.
        type: The name of the value's class; empty: the kind tells it.
        digest: That of the value; empty: the text says all.
        facts: Further facts about the value, beside the text.
        value: The value itself, in trees that `--mimic-verify` compares; in others,
            `NOTHING`.
    """

    __slots__ = ("digest", "facts", "kind", "text", "type", "value")

    def __init__(
        self,
        kind: str,
        text: Node | tuple[str, str],
        type: str = "",  # noqa: A002 - the key in the JSON, too
        digest: str = "",
        facts: dict[str, Node] | None = None,
        value: object = NOTHING,
    ) -> None:
        self.kind = kind
        self.text = text
        self.type = type
        self.digest = digest
        self.facts: dict[str, Node] = facts or {}
        self.value = value


class Cut(_Compared):
    """A value of which only the beginning is there, or only the type.

    Attributes:
        type: The name of the value's class.
        start: The beginning of a text, None for another value.
        length: How many characters, bytes or items the value has, if it has any.
        digest: That of the value.
        file: The object of the vault that holds all of it, if there is one.
        is_cycle: Whether the value is one that it is inside of.
    """

    __slots__ = ("digest", "file", "is_cycle", "length", "start", "type")

    def __init__(
        self,
        type: str,  # noqa: A002 - the key in the JSON, too
        start: str | None = None,
        length: int | None = None,
        digest: str = "",
        file: str = "",
        *,
        is_cycle: bool = False,
    ) -> None:
        self.type = type
        self.start = start
        self.length = length
        self.digest = digest
        self.file = file
        self.is_cycle = is_cycle


class Hidden(_Compared):
    """A secret.

    Attributes:
        redacted_text: The placeholder, or the text with placeholders in it.
        type: The name of the value's class, which only the trees that `--mimic-verify`
            compares have; empty in others.
        digest: That of the value, which only the trees that `--mimic-verify` compares
            have; empty in others.
    """

    __slots__ = ("digest", "redacted_text", "type")

    def __init__(
        self,
        redacted_text: str,
        type: str = "",  # noqa: A002 - the key in the JSON, too
        digest: str = "",
    ) -> None:
        self.redacted_text = redacted_text
        self.type = type
        self.digest = digest

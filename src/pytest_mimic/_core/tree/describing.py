"""Describes a value: makes its tree without secrets, the same in every process.

The describer is the walk of `nodes.value_walk` with a budget, so a value that is shown
whole has the node that it has in an outcome. No code of the value's class runs. A value
that is shown in part has a digest, so that the node of another value differs. A value
that is known by a text alone, `Opaque("text", ...)`, has the name of its type beside
the text.

A call is found by its identity, which is taken of the value and never of this tree.
Descriptions are for people: in a miss, in `show`, in a drift. One use goes beyond that:
`rekey` identifies an argument that is described whole by its description, see
`kept_parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from heapq import nsmallest
from itertools import islice
from pathlib import PurePath
from sys import maxsize
from types import GenericAlias
from typing import Any, NamedTuple

from pytest_mimic._core.files.places import PathPlace, Places
from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.file_paths import (
    NamedContent,
    counted_file,
    digests_of,
)
from pytest_mimic._core.identity.short_scalars import SCALARS
from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_json import (
    is_typed_text,
    node_of,
    order,
    plains_of,
    text_node,
)
from pytest_mimic._core.nodes.node_parts import short_name
from pytest_mimic._core.nodes.value_walk import (
    CONTAINERS,
    AnyNode,
    NodeWalk,
    member_content,
)
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import NO_REDACTION, Redactor
from pytest_mimic._core.redact.secret_names import named_values_of
from pytest_mimic._core.tree.column_differences import INDEX
from pytest_mimic._core.tree.kept_columns import (
    column_node,
    column_parts,
    column_size,
    has_plain_index,
)
from pytest_mimic._core.tree.library_values import labels_of, library_text
from pytest_mimic._core.tree.secrets_in_objects import beginning, secrets_in
from pytest_mimic._core.types.attributes_and_parts import (
    content_and_attributes,
    exception_parts,
    is_pair,
)
from pytest_mimic._core.types.generated_classes import origin_and_arguments
from pytest_mimic._core.types.libraries import is_data, library_of
from pytest_mimic._core.types.named_constants import (
    is_known_by_name,
    name_among_constants,
)
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.stdlib_types import (
    TEXT_OF_PATH,
    is_path,
    own_row,
    shown_text_of,
)
from pytest_mimic._core.types.stream_events import Events, ServerSentEvent
from pytest_mimic._core.types.words_for_types import shown_type_name
from pytest_mimic._core.words import pattern

# The tags of the moments whose whole value is their text.
_TAG_OF_MOMENT = {date: "date", datetime: "datetime", time: "time"}
_ADDRESS = pattern(r" at 0x[0-9A-Fa-f]+")
# A text up to this length is never cut.
_LENGTH_NEVER_CUT = 40
# The characters that are shown of a text that is too long.
_SHOWN_OF_LONG_TEXT = 400
_LONGEST_KEY = 100
# The characters of a digest that a description keeps.
_DIGITS_OF_DIGEST = 8
# About how many characters a number in an array takes.
_CHARACTERS_OF_A_NUMBER = 4
# Integers below this number, and above its negative, are nodes as they are: their
# length need not be looked at.
_FIRST_LARGE_INTEGER = 1 << 62


class Budget(NamedTuple):
    """How much of a value is in its tree.

    Attributes:
        characters: About how many characters containers have in them. Numbers and short
            texts are there in any case.
        items: The most items of a container.
        depth: The most levels of nested containers.
        text: The length of the longest text that is there as a whole.
        digests: Whether a value that is there in part has a digest, for which all of
            the value is read.
    """

    characters: int
    items: int
    depth: int
    text: int
    digests: bool = True


#: For all arguments of a call together.
BUDGET_OF_ARGUMENTS = Budget(characters=4_000, items=40, depth=12, text=4_096)
#: For a client's call, whose request is kept nowhere else, and for comparing:
#: everything that is not nested too deeply.
WHOLE_BUDGET = Budget(characters=maxsize, items=maxsize, depth=64, text=maxsize)


@dataclass(slots=True)
class _Secret:
    """A value under a secret name."""

    value: object


def tree_of(
    value: object,
    redactor: Redactor,
    *,
    places: Places | None = None,
    budget: Budget = BUDGET_OF_ARGUMENTS,
    secrets: frozenset[str] = frozenset(),
    is_for_verifying: bool = False,
) -> Node:
    """Return the tree of any value.

    Verifying compares such trees of outcomes, and a pickled outcome is described by
    one. Arguments are described by `described_arguments`. No code of the value's class
    runs except `__mimic_identity__` and functions given to `register_fingerprint`.
    Values under secret names are left out, and so are the same texts elsewhere. Paths
    in the folders of the run are shown by their place.

    Args:
        value: The value.
        redactor: Knows the secret names, and the values of the environment.
        places: The folders of the run. None: no folder is known.
        budget: How much of the value is in the tree.
        secrets: Further texts known to be secret.
        is_for_verifying: Whether the tree is for verifying. It shows no secret, but the
            nodes of two different secrets differ.
    """
    all_secrets = secrets | secrets_in(value, redactor)
    describer = _Describer(
        redactor,
        all_secrets,
        places or Places(),
        budget,
        budget.depth,
        is_for_verifying,
    )
    return describer.node(value)


def described_arguments(
    arguments: Mapping[str, object], redactor: Redactor, *, places: Places | None = None
) -> dict[str, Any]:
    """Return the description of a call's arguments: the JSON of their trees, by name.

    A recording of the call keeps it, and a miss compares it with that of the missed
    call. The arguments share one budget, and none is left out. The values of `**extra`
    have their own names, and `*rest` its name with the star. See `tree_of` for the
    rest.
    """
    arguments_by_name = dict(arguments)
    dicts_without_secret_names: dict[int, object] = {}
    secrets = secrets_in(arguments_by_name, redactor, dicts_without_secret_names)
    describer = _Describer(
        redactor,
        secrets,
        places or Places(),
        BUDGET_OF_ARGUMENTS,
        # The mapping of the arguments is the first level.
        BUDGET_OF_ARGUMENTS.depth - 1,
        dicts_without_secret_names=dicts_without_secret_names,
    )
    has_no_secret_names = id(arguments_by_name) in dicts_without_secret_names
    nodes: dict[str, Node] = {}
    # How many arguments are left that take room.
    arguments_left = sum(type(value) not in SCALARS for value in arguments.values())
    for key, (name, value) in zip(arguments, named_values_of(arguments)):
        # Each argument gets an equal share of the room, and leaves what it does not use
        # to the arguments behind it.
        room = max(BUDGET_OF_ARGUMENTS.characters - describer.characters, 0)
        share = room // max(arguments_left, 1)
        describer.most_characters = describer.characters + share
        safe_value = value
        # `secrets_in` has asked each name already, if it has found none that is secret.
        if not has_no_secret_names:
            safe_value = describer.safe(name, value)
        nodes[key] = describer.node(safe_value)
        if type(value) not in SCALARS:
            arguments_left -= 1
    return plains_of(nodes)


def described_parts(
    parts: Mapping[str, object], places: Places | None = None
) -> dict[str, Any]:
    """Return the description of a client's call: plain data without secrets.

    The secrets were taken out before. Nothing is cut, as a recording keeps the request
    nowhere else.
    """
    describer = _Describer(
        NO_REDACTION,
        frozenset(),
        places or Places(),
        WHOLE_BUDGET,
        # The mapping of the parts is the first level.
        WHOLE_BUDGET.depth - 1,
    )
    return plains_of(describer.named(parts))


@dataclass(slots=True, eq=False, repr=False)
class _Describer(NodeWalk):
    """Makes the tree of one value: the walk of a description.

    Attributes:
        redactor: Knows the secret names, and the values of the environment.
        secrets: The texts that are hidden wherever they stand.
        places: The folders of the run.
        budget: How much of the value is in the tree.
        levels_left: How many levels of nested containers are left.
        is_for_verifying: Whether the tree is for verifying.
        characters: The number of characters in the tree so far, of which long texts
            have only the first few.
        most_characters: The number of characters from which on containers stay closed.
        characters_of_texts: The number of characters of long texts so far. They have a
            budget of their own.
        cut_texts: The texts of values, such as patterns, that are there in part so far.
        identities: The value and its identity by the value's id, because a value with
            many places needs only one. The value is kept alive. None: the value has no
            identity.
        open_ids: The ids of the values that are being walked.
        dicts_without_secret_names: The dicts in which `secrets_in` has found no value
            with a secret name, so that their names need not be looked at again, by
            their ids. The table keeps the dicts alive.
    """

    redactor: Redactor
    secrets: frozenset[str]
    places: Places
    budget: Budget
    levels_left: int
    is_for_verifying: bool = False
    characters: int = 0
    most_characters: int = field(init=False)
    characters_of_texts: int = 0
    cut_texts: list[str] = field(default_factory=list)
    identities: dict[int, tuple[object, str | None]] = field(default_factory=dict)
    open_ids: set[int] = field(default_factory=set)
    dicts_without_secret_names: Mapping[int, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.most_characters = self.budget.characters

    def node(self, value: Any) -> Node:
        kind = type(value)
        if kind is str:
            return self.text(value)
        if (
            value is None
            or kind is bool
            or (kind is int and -_FIRST_LARGE_INTEGER < value < _FIRST_LARGE_INTEGER)
        ):
            # About how many characters such a value takes.
            self.characters += 4
            return value  # type: ignore[no-any-return]
        return self.inside(value, kind)

    def inside(self, value: Any, kind: type) -> Node:
        if kind not in CONTAINERS:
            node_without_parts = self._leaf(value, kind)
            if node_without_parts is not None:
                return node_without_parts
        if id(value) in self.open_ids:
            # The value is inside of itself.
            return Cut(shown_type_name(kind), is_cycle=True)
        if self.levels_left <= 0 or self.characters >= self.most_characters:
            # The budget is spent.
            return self._closed_container(value, kind)
        self.open_ids.add(id(value))
        self.levels_left -= 1
        try:
            return self.container(value, kind)
        finally:
            self.levels_left += 1
            self.open_ids.discard(id(value))

    def _closed_container(self, value: Any, kind: type) -> Cut:
        """Return the node of a value with parts of which none is shown."""
        length = None
        if issubclass(kind, (dict, list, tuple, set, frozenset)):
            length = len(value)
        return Cut(shown_type_name(kind), length=length, digest=self._digest(value))

    # Values without parts

    def _leaf(self, value: Any, kind: type) -> Node:
        """Return the node of a value that one text shows; None: it has parts."""
        # About how many characters such a value takes.
        self.characters += 8
        if kind in _LEAVES:
            return _LEAVES[kind](self, value)
        if library_of(kind) is not None:
            return self._library_value(value)
        if issubclass(kind, Enum):
            content = member_content(value)
            if isinstance(content, str):
                content = self._safe_text(content)
            if content is not None:
                return self._with_value(Opaque(self.import_name(kind), content), value)
        node_by_table = self._node_by_table(value, kind)
        if node_by_table is not None:
            return node_by_table
        return self._node_by_base_class(value, kind)

    def _library_value(self, value: Any) -> Node:
        """Return the node of a value of a library: its numbers, or a text."""
        numbers = self._few_numbers(value)
        if numbers is not None:
            return self._with_value(numbers, value)
        if not is_data(value):
            # An address is another one in each process.
            return self._as_text(value, self._safe_text(_ADDRESS.sub("", str(value))))
        text = self._safe_text(f"<{library_text(value)}>")
        node = self._as_text(value, text, is_part=True)
        if self.budget.digests and not self.is_for_verifying:
            self._add_columns(node, value)
        return node

    def _few_numbers(self, value: Any) -> Items | Opaque | None:
        """Return the node of a number of numpy, or of a short array of numbers.

        None: the value is shown as a text, an array as a table. While verifying, arrays
        are compared by their library, which needs the arrays themselves.
        """
        kind = type(value)
        if kind.__module__ != "numpy":
            return None
        if kind.__qualname__ != "ndarray":
            return self.numbers(value)
        is_short = value.size <= self.budget.items
        has_room = self.characters < self.most_characters
        if self.is_for_verifying or not (is_short and has_room):
            return None
        self.characters += _CHARACTERS_OF_A_NUMBER * value.size
        # The copy lies in memory as an array made of a list does, so that the layout of
        # the value does not count.
        return self.numbers(value.copy())

    def _node_by_table(self, value: Any, kind: type) -> Node:
        """Return the node of a value that the table of types knows, or of a class.

        None: the value has more parts, or is of another class.
        """
        row = own_row(kind)
        has_text = row is not None and row.text is not None
        is_class = kind is GenericAlias or issubclass(kind, type)
        if not has_text and not is_class:
            return None
        cut_before = len(self.cut_texts)
        # A time zone without a key has no identity, and a text all the same.
        with suppress(Unstable):
            node = self.known(value, kind)
            cut_texts = self.cut_texts[cut_before:]
            if is_class and isinstance(node, Opaque):
                # A class counts by more than its name.
                node.digest = self._digest(value)
            elif cut_texts and isinstance(node, Items | Opaque):
                node.digest = self._digest_beside(cut_texts, value)
            return self._with_value(node, value)
        return None

    def _node_by_base_class(self, value: Any, kind: type) -> Node:
        """Return the node of a value with a text of its base class; None: no text.

        Such are functions, and objects of a user's subclass of `Decimal` or `Path`.
        """
        text_of_value = shown_text_of(value)
        if text_of_value is None:
            return None
        if is_path(kind):
            return self.path(value, "path")
        # The name of a function is shown whole. Its digest tells apart two functions of
        # one name.
        is_name = text_of_value.startswith("<")
        least_shown = 0
        if is_name:
            least_shown = _LONGEST_KEY
        cut_before = len(self.cut_texts)
        text = self._shown_start(text_of_value, least_shown)
        text = " ".join(text.splitlines())
        if kind in _TAG_OF_MOMENT:
            return Opaque(_TAG_OF_MOMENT[kind], text)
        node = self._as_text(value, text, is_part=is_name)
        cut_texts = self.cut_texts[cut_before:]
        if cut_texts and not is_name:
            node.digest = self._digest_beside(cut_texts, value)
        return node

    def _shown_start(self, whole_text: str, least_shown: int = 0) -> str:
        """Return the text of a value without secrets, its beginning if it is long."""
        limit = max(self.budget.text, least_shown)
        start = self._safe_text(
            beginning(whole_text, limit, self.secrets, self.redactor)
        )
        if len(whole_text) > limit:
            self.cut_texts.append(whole_text)
        # JSON has no lone surrogate, which a pattern may have.
        return start[:limit].encode("utf-8", "backslashreplace").decode()

    def node_of_part(self, part: Any) -> Node:
        """Return the node of what stands under a tag, a pattern or a time zone.

        The budget cuts the texts in it.
        """
        if type(part) is str:
            return self._shown_start(part)
        if type(part) is list:
            return Items("list", [self.node_of_part(item) for item in part])
        if type(part) is dict:
            return Fields(
                "dict", {key: self.node_of_part(item) for key, item in part.items()}
            )
        kind: Any = type(part)
        if kind not in SCALARS and own_row(kind) is None:
            # A time zone may be an object of any class.
            raise Unstable("a part of another class", kind)
        return self.node(part)

    def _with_value(self, node: AnyNode, value: object) -> AnyNode:
        """Return a node, for verifying together with its value."""
        if self.is_for_verifying and isinstance(node, Fields | Opaque):
            node.value = value
        return node

    def _add_columns(self, node: Opaque, value: Any) -> None:
        """Add the nodes of a table's columns, without columns with a secret name.

        If a row or a series has a secret name, no column is kept.
        """
        secret_steps = {f"[{name!r}]" for name in self._secret_labels(value)}
        parts = dict(column_parts(value) or ())
        if not secret_steps <= parts.keys():
            # A secret name is that of a row, so a value of each column is secret.
            return
        columns: dict[str, Node] = {}
        for step, column in parts.items():
            if step in secret_steps:
                continue
            node_of_value: Callable[[Any], Node] | None = self._cell
            # Labels that only count the rows say nothing of them.
            is_count = step == INDEX and has_plain_index(value)
            is_long = column_size(column) > self.budget.items
            if is_count or is_long or self.characters >= self.most_characters:
                # The values of the column are not kept.
                node_of_value = None
            digest = self._digest(column)
            node_of_column = column_node(column, digest=digest, value=node_of_value)
            columns[self._safe_text(step)] = node_of_column
        if columns:
            node.facts["columns"] = Fields("dict", columns)

    def _cell(self, value: Any) -> Node:
        """Return the node of one value of a column."""
        levels_before, self.levels_left = self.levels_left, 1
        node = self.node(value)
        self.levels_left = levels_before
        return node

    def _secret_labels(self, value: Any) -> list[object]:
        """Return the names of a value and its parts that are secret names."""
        secret_labels: list[object] = []
        for label in labels_of(value):
            if isinstance(label, str) and self.redactor.secret(label):
                secret_labels.append(label)
        return secret_labels

    def _as_text(self, value: object, text: str, *, is_part: bool = False) -> Opaque:
        node = Opaque("text", text, shown_type_name(type(value)))
        if is_part:
            node.digest = self._digest(value)
        return self._with_value(node, value)

    def text(self, value: str) -> Node:
        if len(value) <= _LENGTH_NEVER_CUT:
            self.characters += len(value) + 2
            # A text with other characters may be impossible in JSON. A text may be a
            # path below the temporary folder.
            is_plain = value.isascii() and not self.places.temporary_folders
            if is_plain and self._safe_text(value) == value:
                return text_node(value)
        else:
            self.characters += _LENGTH_NEVER_CUT
        if self.places.temporary_folders:
            place = self.places.place_of_text(value)
            if place is not None:
                node = self.placed(TEXT_OF_PATH, self._shown_place(place))
                return self._with_content(node, value)
        limit = self._room(len(value))
        shown = self._safe_text(beginning(value, limit, self.secrets, self.redactor))
        if len(value) > limit:
            # A lone surrogate is impossible in JSON.
            start = shown[:limit].encode("utf-8", "backslashreplace").decode()
            return Cut("str", start, len(value), self._digest(value))
        written = shown.encode("utf-8", "backslashreplace").decode()
        if written != shown:
            # JSON has no such text.
            return Opaque("text", repr(written).replace("\\\\", "\\"), "str")
        if shown != value:
            # Redaction has replaced a part of the text, or all of it.
            return self._hidden_node(value, shown)
        return text_node(shown)

    def _room(self, length: int) -> int:
        """Return how much of a text of this length is shown.

        Long texts have a budget of their own.
        """
        if length <= _LENGTH_NEVER_CUT:
            return length
        most = self.budget.text
        most_of_all = 4 * most
        # With each text that is shown whole or by its start, the next ones get less.
        if self.characters_of_texts >= most_of_all:
            length = min(_LENGTH_NEVER_CUT, most)
        elif length > most or self.characters_of_texts + length > most_of_all:
            length = min(_SHOWN_OF_LONG_TEXT, most)
        self.characters_of_texts += length
        return length

    def bytes_node(self, value: bytes) -> Node:
        limit = self._room(len(value))
        shown = self._safe_text(beginning(value, limit, self.secrets, self.redactor))
        if len(value) > limit:
            return Cut("bytes", shown[:limit], len(value), self._digest(value))
        shown_bytes = shown.encode("latin-1")
        if self.is_for_verifying and shown_bytes != value:
            # Without the digest, two secrets would be equal: each is a placeholder.
            return self._hidden_node(value, shown)
        return self.whole_bytes(shown_bytes)

    def integer(self, value: int) -> Node:
        # Python refuses to write integers of more than 4,300 digits.
        if value.bit_length() <= 400:
            return value
        text = f"<int of {value.bit_length()} bits>"
        return Opaque("text", text, "int", self._digest(value))

    def path(self, value: Any, tag: str) -> Opaque:
        text = str(shown_text_of(value))
        place = self.places.place_of(text)
        if place is None:
            node = self.placed(tag, self._safe_text(text))
        else:
            node = self.placed(tag, self._shown_place(place))
        if self.budget.digests:
            path = counted_file(value, self.places)
            if path is not None:
                return self._with_content(node, path)
        return node

    def _shown_place(self, place: PathPlace) -> tuple[str, str]:
        # The name of the folder that a fixture gave does not count.
        return place.token, self._safe_text(place.rest)

    def _named_content(self, value: NamedContent) -> Opaque:
        name = self._safe_text(PurePath(value.text).name)
        return self._with_content(Opaque("content", name), value.text)

    def _with_content(self, node: Opaque, path: str) -> Opaque:
        """Add the digest of the file or folder that a path names."""
        if not self.budget.digests:
            return node
        # A folder that cannot be read has no digest. Identities refuse it where it
        # counts.
        with suppress(Unstable):
            node.digest = digests_of(self.places).content_of(path).short
        return node

    def _hidden_secret(self, secret: _Secret) -> Node:
        return self._hidden_node(secret.value, PLACEHOLDER)

    def _hidden_node(self, value: object, shown: str) -> Node:
        """Return the node of a value of which only a text without secrets is shown."""
        if self.is_for_verifying:
            return Hidden(shown, shown_type_name(type(value)), self._digest(value))
        return text_node(shown)

    def _safe_text(self, text: str) -> str:
        """Return a text without secrets."""
        # Secrets are hidden before a text is shortened: the beginning of a secret alone
        # would not be known.
        if self.redactor.environment.forms:
            text = self.redactor.environment.text(text)
        return self.redactor.scrub_text(text, self.secrets)

    def _digest(self, value: object) -> str:
        """Return the digest of a value that is shown in part.

        The digest is short, and while verifying the whole identity. A value with a
        secret in it has no digest, which might tell the secret.
        """
        if not self.budget.digests or self._tells_secret(value):
            return ""
        if id(value) not in self.identities:
            self.identities[id(value)] = (value, identity_of(value, self.places))
        identity = self.identities[id(value)][1] or ""
        if self.is_for_verifying:
            return identity
        return identity[:_DIGITS_OF_DIGEST]

    def _digest_beside(self, cut_texts: list[str], value: object) -> str:
        """Return the digest of a value of which these texts are there in part."""
        for text in cut_texts:
            if any(secret in text for secret in self.secrets):
                return ""
        return self._digest(value)

    def _tells_secret(self, value: Any) -> bool:
        if self.is_for_verifying:
            # The digest is compared, and not stored.
            return False
        if is_data(value):
            return bool(self._secret_labels(value))
        if not self.secrets:
            return False
        if isinstance(value, str):
            return any(secret in value for secret in self.secrets)
        return bool(secrets_in(value, self.redactor))

    # Values with parts

    def _parts(self, values: Iterable[Any]) -> list[Node]:
        return [self.node(value) for value in values]

    def items(self, value: list[Any] | tuple[Any, ...]) -> Node:
        if is_pair(value):
            # Of (name, value), a secret name hides the value.
            shown = [value[0], self.safe(*value)]
            return self._first_items(self._parts(shown), value)
        items = value[: self.budget.items]
        shown = list(items)
        for place in range(1, len(items)):
            # The value that follows `--password` in a command line.
            if self.redactor.secret_flag(items[place - 1]):
                shown[place] = _Secret(items[place])
        return self._first_items(self._parts(shown), value)

    def _first_items(self, items: list[Node], value: Any, kind: str = "") -> Items:
        """Return the node of a container with its first items."""
        kind = kind or type(value).__name__
        if len(items) == len(value):
            return Items(kind, items)
        return Items(kind, items, len(value), self._digest(value))

    def members(self, value: set[Any] | frozenset[Any]) -> Items:
        kinds = {type(item) for item in value}
        most = self.budget.items
        if kinds == {str} or kinds <= {int, float, bool}:
            # The order of a set is another one in each process.
            ordered = nsmallest(min(most, len(value)), value, key=_with_nan_last)
            return self._first_items(self._parts(ordered), value)
        if len(value) > most:
            # Other members have no order: in the next process, other members would be
            # the first few.
            return self._first_items([], value)
        nodes: list[Node] = []
        characters_before = self.characters, self.characters_of_texts
        for item in value:
            # Each member has the same room, as their order differs by process.
            self.characters, self.characters_of_texts = characters_before
            nodes.append(self.node(item))
        return self._first_items(sorted(nodes, key=order), value)

    def mapping(self, value: dict[Any, Any]) -> Node:
        pairs = dict(islice(value.items(), self.budget.items))
        if is_typed_text(pairs) and not self._has_secret(pairs):
            # A client has written the text as JSON has it: `{"$decimal": "1.50"}`.
            return node_of({key: self._safe_text(part) for key, part in pairs.items()})
        keys: Iterable[Node]
        if all(map(self._is_name, pairs)):
            has_no_secret_names = id(value) in self.dicts_without_secret_names
            parts_by_name = self.named(pairs, has_no_secret_names=has_no_secret_names)
            if len(pairs) == len(value):
                return Fields("dict", parts_by_name)
            # A mapping that is there in part is written as pairs with its length.
            keys, parts = parts_by_name.keys(), [*parts_by_name.values()]
        else:
            keys = self._parts(pairs)
            parts = self._parts([self.safe(*pair) for pair in pairs.items()])
        nodes: list[Node] = []
        for key, part in zip(keys, parts, strict=True):
            nodes.append(Items("list", [key, part]))
        return self._first_items(nodes, value, "dict")

    def _has_secret(self, pairs: dict[Any, Any]) -> bool:
        return any(self.redactor.hides(*pair) for pair in pairs.items())

    def _is_name(self, key: object) -> bool:
        """Return whether a key can be a key of the tree without any change."""
        if type(key) is not str or len(key) > _LONGEST_KEY:
            return False
        # `AIza` begins keys of Google, which are secrets by their look.
        is_plain = key.isascii() and key.isidentifier() and "AIza" not in key
        if is_plain and not self.secrets:
            return True
        is_place = (
            self.places.temporary_folders and self.places.place_of_text(key) is not None
        )
        return self._safe_text(key) == key and key.isprintable() and not is_place

    def safe(self, name: object, value: object) -> object:
        """Return a value, or a stand-in that is drawn as a placeholder."""
        if self.redactor.hides(name, value):
            return _Secret(value)
        return value

    def named(
        self, parts: Mapping[str, object], *, has_no_secret_names: bool = False
    ) -> dict[str, Node]:
        """Return the nodes of all attributes, arguments, or entries of a dict."""
        # The names, and the signs around each.
        self.characters += sum(map(len, parts)) + 4 * len(parts)
        values: Iterable[object] = parts.values()
        if not has_no_secret_names:
            values = [self.safe(name, value) for name, value in named_values_of(parts)]
        return dict(zip(parts, self._parts(values), strict=True))

    def instance(self, value: Any, kind: type) -> Node:
        """Return the node of an object, or of a plain value of a subclass."""
        if kind is Events:
            return self._events(value)
        if kind is ServerSentEvent:
            return self.mapping(value)
        facts: dict[str, Node] = {}
        generic = origin_and_arguments(kind)
        if generic is not None:
            # A model of pydantic, `Page[Item]`, is drawn by its class and arguments.
            kind, arguments = generic
            facts["of"] = Items("list", self._parts(arguments))
        name = shown_type_name(kind)
        content, attributes = content_and_attributes(value)
        parts: dict[str, Node] = {}
        if content:
            # A rule of the user's may reduce a value to another that has the same rule.
            # So the content takes a level of `depth`, as parts do.
            parts[""] = self.node(content[0])
        elif issubclass(kind, BaseException):
            name = self.import_name(kind)
            attributes |= exception_parts(value)
            parts["*"] = Items("list", self._parts(value.args))
        elif not attributes:
            # Such an object is shown by its class, or by its name if it is a constant.
            text = f"<{short_name(name)}>"
            if is_known_by_name(type(value)):
                constant = name_among_constants(value)
                if constant is not None:
                    text = f"<{short_name(name)} {constant}>"
            return self._as_text(value, text, is_part=True)
        shown = dict(islice(attributes.items(), self.budget.items))
        parts |= self.named(shown)
        if len(shown) < len(attributes):
            return Fields(name, parts, len(attributes), self._digest(value), facts)
        return self._with_value(Fields(name, parts, facts=facts), value)

    def _events(self, value: Events) -> Items:
        """Return the node of a client's stream, with whether it was read to its end."""
        is_whole: Node = value.is_whole
        return Items("events", self._parts(value), facts={"whole": is_whole})


def _with_nan_last(number: Any) -> tuple[bool, Any]:
    """Return the key that sorts numbers or texts, NaN last: it differs from itself."""
    return number != number, number


# The methods that describe values without parts, by the class of the value.
_LEAVES: dict[type, Callable[[_Describer, Any], Node]] = {
    NamedContent: _Describer._named_content,
    _Secret: _Describer._hidden_secret,
    bytes: _Describer.bytes_node,
    int: _Describer.integer,
    float: _Describer.number,
}

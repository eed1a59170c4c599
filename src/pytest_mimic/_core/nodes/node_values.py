"""The values of nodes: those of the standard library are made again of their parts.

No class of a user is made or imported.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.nodes.json_tags import has_escape, tag_in, unescaped
from pytest_mimic._core.nodes.node_classes import NOTHING, Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import is_typed_text, plain_of
from pytest_mimic._core.types.stdlib_types import shown_text_of
from pytest_mimic._core.types.tagged_values import (
    ERRORS_OF_WRONG_PARTS,
    maker_of,
    value_of_tag,
)

_PLAIN = frozenset((bool, float, int, str, type(None)))
#: Kinds of values that are shown by one text, which is made of their parts: `1/3`.
TEXT_KINDS = frozenset(
    "complex datetime decimal fraction range regex time timedelta timezone".split()
)
# Those of them whose nodes, for most values, have the text already. A moment with a
# named zone has parts.
_KINDS_WITH_OWN_TEXT = frozenset(("datetime", "time"))


def value_described_by(plain: Any, *, is_of_client: bool = False) -> Any:
    """Return the value that plain data describes, of which nothing is cut or hidden.

    `{"$fraction": [1, 3]}` gives `Fraction(1, 3)`. A recorded argument that is kept
    whole is identified again by this value, where the options of its line have changed.

    Args:
        plain: The plain data.
        is_of_client: Whether the data describes a part of a client's call. Such a part
            is plain data itself: a text with its type, `{"$date": "2026-11-02"}`, is no
            date.

    Raises:
        ValueError: A part is no value of the standard library, or is not there as a
            whole.
    """
    try:
        return _value_of_plain(plain, is_of_client)
    except ERRORS_OF_WRONG_PARTS as error:
        # Callers need not know which part was edited, and by which error it shows.
        raise ValueError(str(error)) from None


def _value_of_plain(plain: Any, is_of_client: bool) -> Any:
    """Return the value that plain data describes, or raise what its parts raise."""
    # The tag of a value is checked before its parts are made, as most descriptions of
    # large values are cut at their top.
    kind = type(plain)
    if kind is list:
        items = []
        for item in plain:
            # Most items are plain, and a call for each would take long.
            if type(item) not in _PLAIN:
                item = _value_of_plain(item, is_of_client)
            items.append(item)
        return items
    if kind is not dict:
        return plain
    if is_of_client and is_typed_text(plain):
        return plain
    tag = tag_in(plain)
    if tag:
        # A second key is a length or a digest, or a fact that no maker takes.
        is_whole = len(plain) == 1 and maker_of(tag) is not None
        if not is_whole:
            raise ValueError(f"{tag} is not there as a whole")
        [part] = plain.values()
        return value_of_tag(tag, _value_of_plain(part, is_of_client))
    parts = {name: _value_of_plain(part, is_of_client) for name, part in plain.items()}
    if has_escape(parts):
        return unescaped(parts)
    return parts


def known_value(node: Node) -> object:
    """Return the value of a node: its own, or one made again of its parts.

    Numbers are compared by it within tolerances. Only values that are shown by one text
    are made again. `NOTHING`: it is another one.
    """
    if isinstance(node, Fields | Opaque) and node.value is not NOTHING:
        return node.value
    if isinstance(node, Items | Fields | Opaque) and node.kind in TEXT_KINDS:
        try:
            return value_described_by(plain_of(node))
        except ValueError:
            # The file of the node may be edited by hand.
            return NOTHING
    return NOTHING


def known_text(node: Items | Fields | Opaque) -> str | None:
    """Return the text that is made of the parts of a value; None: it has no such text.

    `Items("fraction", [1, 3])` is shown as `1/3`.
    """
    is_text = isinstance(node, Opaque) and node.kind in _KINDS_WITH_OWN_TEXT
    if is_text or node.kind not in TEXT_KINDS:
        return None
    value = known_value(node)
    if value is NOTHING:
        return None
    return shown_text_of(value)

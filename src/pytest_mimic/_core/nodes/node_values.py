"""The values of nodes: of what the standard library has, made again of its parts.

No class of a user is made or imported.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.nodes.json_tags import has_escape, tag_in, unescaped
from pytest_mimic._core.nodes.node_classes import NOTHING, Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.types.stored_values import MISREAD, maker_of, value_of_tag
from pytest_mimic._core.types.table import text_of

_PLAIN = frozenset((bool, float, int, str, type(None)))
#: Kinds of values that are known by one text which is made of their parts: `1/3`.
TEXT_KINDS = frozenset(
    "complex datetime decimal fraction range regex time timedelta timezone".split()
)
# Of these, the parts of most values are the text.
_MOMENTS = frozenset(("datetime", "time"))


def restored(plain: Any) -> Any:
    """Return the value of a JSON, of which nothing is cut or hidden.

    Raises:
        ValueError: It has a part that is no value of the standard library, or is there
            in part.
    """
    try:
        return _restored(plain)
    except MISREAD as reason:
        raise ValueError(str(reason)) from None


def _restored(plain: Any) -> Any:
    # From the outside in: most descriptions of large values are cut at their top.
    kind = type(plain)
    if kind is list:
        return [part if type(part) in _PLAIN else _restored(part) for part in plain]
    if kind is not dict:
        return plain
    tag = tag_in(plain)
    if tag:
        is_whole = len(plain) == 1 and maker_of(tag) is not None
        if not is_whole:
            raise ValueError(f"{tag} is not there as a whole")
        [part] = plain.values()
        return value_of_tag(tag, _restored(part))
    parts = {name: _restored(part) for name, part in plain.items()}
    return unescaped(parts) if has_escape(parts) else parts


def known_value(node: Node) -> object:
    """Return the value of a node: itself, or made of its parts if one text shows it.

    `NOTHING`: the node has none.
    """
    if isinstance(node, Fields | Opaque) and node.value is not NOTHING:
        return node.value
    if isinstance(node, Items | Fields | Opaque) and node.kind in TEXT_KINDS:
        try:
            return restored(plain_of(node))
        except ValueError:
            # Its file may be edited by hand.
            return NOTHING
    return NOTHING


def known_text(node: Items | Fields | Opaque) -> str | None:
    """Return the text that is made of the parts of a value, None of any other value.

    `Items("fraction", [1, 3])` is shown as `1/3`.
    """
    is_text = isinstance(node, Opaque) and node.kind in _MOMENTS
    if is_text or node.kind not in TEXT_KINDS:
        return None
    value = known_value(node)
    return None if value is NOTHING else text_of(value)

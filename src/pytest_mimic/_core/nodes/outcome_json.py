"""The exact JSON of outcomes: written of nodes, and folded into values.

What JSON has stands for itself. Any other value is a mapping whose first key is its
tag, and what stands behind the tag are its facts:

| node | JSON |
|---|---|
| `Opaque("date", "2026-11-02")` | `{"$date": "2026-11-02"}` |
| `Opaque("path", ("tmp_path", "a.txt"))` | `{"$path": ["tmp_path", "a.txt"]}` |
| `Items("tuple", [1, 2])` | `{"$tuple": [1, 2]}` |
| `Fields("shop:User", {"name": "Ann"})` | `{"$shop:User": {"name": "Ann"}}` |
| the same with the facts `{"attributes": …}` | `{"$shop:User": …, "attributes": …}` |
| `Opaque("bytearray", Opaque("bytes", "ab"))` | `{"$bytearray": {"$bytes": "ab"}}` |

A dict of the user's whose first key begins with `$` gets a second `$` there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from json import dumps
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque

_SIGN = "$"
# Most parts are plain, and need no call of the function that walks.
_PLAIN = frozenset((bool, float, int, str, type(None)))

Make = Callable[[str, Any, dict[str, Any]], Any]
"""Makes a value, given the tag, the value of its part, and the values of its facts."""


# -- writing


def json_of(node: Node) -> Any:
    """Return the JSON of a node that has all of its value."""
    if isinstance(node, Items):
        items = [item if type(item) in _PLAIN else json_of(item) for item in node.items]
        return items if node.kind == "list" else _tagged(node, items)
    if isinstance(node, Fields):
        parts = {
            name: part if type(part) in _PLAIN else json_of(part)
            for name, part in node.parts.items()
        }
        if is_escaped(parts):
            parts = _escaped(parts)
        return parts if node.kind == "dict" else _tagged(node, parts)
    if isinstance(node, Opaque):
        content = node.text
        if isinstance(content, tuple):
            return _tagged(node, list(content))
        return _tagged(node, json_of(content))
    return node


def with_tag(tag: str, content: Node) -> Items | Fields | Opaque:
    """Return the node of a value that is made of another one, whose node is given."""
    if isinstance(content, Items) and content.kind == "list":
        return Items(tag, content.items)
    if isinstance(content, Fields) and content.kind == "dict":
        return Fields(tag, content.parts)
    return Opaque(tag, content)


def is_escaped(parts: dict[str, Any]) -> bool:
    """Return whether the first key of a dict gets a second `$`."""
    return next(iter(parts), "")[:1] == _SIGN


def has_both_forms(parts: dict[str, Any]) -> bool:
    """Return whether a dict has its escaped first key as well, and no JSON."""
    if not is_escaped(parts):
        return False
    first = next(iter(parts))
    return _SIGN + first in parts


def order(node: Node) -> str:
    """Return a text that orders nodes, and is equal for equal ones."""
    return dumps(json_of(node), ensure_ascii=False)


def _escaped(parts: dict[str, Any]) -> dict[str, Any]:
    others = dict(parts)
    first = next(iter(parts))
    return {_SIGN + first: others.pop(first)} | others


def _tagged(node: Items | Fields | Opaque, part: Any) -> dict[str, Any]:
    tagged = {_SIGN + node.kind: part}
    for name, fact in node.facts.items():
        tagged[name] = json_of(fact)
    return tagged


# -- reading


def folded(plain: Any, make: Make) -> Any:
    """Return the value of an outcome's JSON, its parts made before the whole.

    Of `{"$tuple": [{"$date": "2026-11-02"}]}`, `make` is called with `date` and the
    text, and then with `tuple` and the list of what it has returned.
    """
    kind = type(plain)
    if kind is list:
        return [part if type(part) in _PLAIN else folded(part, make) for part in plain]
    if kind is not dict:
        return plain
    parts = {
        name: part if type(part) in _PLAIN else folded(part, make)
        for name, part in plain.items()
    }
    first = next(iter(parts), "")
    if first[:1] != _SIGN:
        return parts
    if first[:2] == _SIGN + _SIGN:
        return {first[1:]: parts.pop(first)} | parts
    return make(first[1:], parts.pop(first), parts)


def written_tag(tag: str) -> str:
    """Return a tag as the JSON has it, which people see."""
    return _SIGN + tag


def tags_in(plain: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tags in an outcome's JSON, each with its part."""
    pending = [plain]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending += node
        elif type(node) is dict:
            first = next(iter(node), "")
            if first[:1] == _SIGN and first[:2] != _SIGN + _SIGN:
                yield first[1:], node[first]
            pending += node.values()

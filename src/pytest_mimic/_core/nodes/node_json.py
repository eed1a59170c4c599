"""Nodes as the JSON of a vault, and back.

What JSON has stands for itself. Any other value is a mapping whose first key is its
tag:

| node | JSON |
|---|---|
| `Opaque("date", "2026-11-02")` | `{"$date": "2026-11-02"}` |
| `Fields("shop:Rate", {"base": "EUR"})` | `{"$shop:Rate": {"base": "EUR"}}` |
| `Items("tuple", [1, 2])` | `{"$tuple": [1, 2]}` |
| `Items("dict", [Items("list", [1, 2])])` | `{"$dict": [[1, 2]]}` |
| `Cut("str", "Once", length=9)` | `{"$cut": "str", "start": "Once", "length": 9}` |

A mapping of the user's whose first key begins with `$` gets a second `$` there.
Outcomes store some values in forms of their own, which are read as the objects that
they are:

| JSON | node |
|---|---|
| `{"$deque": [[1, 2], 3]}` | `Fields("deque", {"": [1, 2], "maxlen": 3})` |
| `{"$counter": {"a": 1}}` | `Fields("Counter", {"": {"a": 1}})` |
| `{"$shop:NoRates": {"args": [1]}}` | `Fields("shop:NoRates", {"*": [1]})` |
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from typing import Any

from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.placeholders import PLACEHOLDER_START, is_placeholder

# The types of nodes that are their own JSON.
_PLAIN = frozenset((str, int, float, bool, type(None)))
# What a node says about its value in fields of its own; see `node_classes`.
_OWN = frozenset(("digest", "length", "type"))
# Tags whose list is the text: the folder of a path and the rest, or lines.
_PLACES = frozenset(("path", "pure_posix_path", "pure_windows_path", "str"))
# The name of a container that is stored in a form of its own, and the names of what
# stands beside its content there.
_CONTENT: dict[str, tuple[str, ...]] = {
    "bytearray": ("bytearray",),
    "counter": ("Counter",),
    "defaultdict": ("defaultdict", "default_factory"),
    "deque": ("deque", "maxlen"),
    "ordered_dict": ("OrderedDict",),
}
# Tags of a text, under which clients store values with their type.
_TYPED_TEXTS = frozenset(
    ("$base64", "$bytes", "$date", "$datetime", "$decimal", "$time", "$uuid")
)
_EXCEPTION = frozenset(
    ("args", "attributes", "cause", "fields", "notes", "suppress_context")
)


# -- reading


def node_of(plain: Any, *, is_tagged: bool = True) -> Node:
    """Return the node of a value's JSON.

    Args:
        plain: The JSON.
        is_tagged: Whether mappings may be tags, `{"$date": "2026-11-02"}`.
    """
    kind = type(plain)
    if kind is str:
        is_hidden = plain.startswith(PLACEHOLDER_START) and is_placeholder(plain)
        return Hidden(plain) if is_hidden else plain
    if kind is list:
        return Items("list", [node_of(part, is_tagged=is_tagged) for part in plain])
    if kind is not dict:
        return plain  # type: ignore[no-any-return]
    first = next(iter(plain), "")
    if not is_tagged or first[:1] != "$":
        return Fields("dict", nodes_of(plain, is_tagged=is_tagged))
    if first[:2] == "$$":
        nodes = nodes_of(plain)
        unescaped = {first[1:]: nodes.pop(first)}
        return Fields("dict", unescaped | nodes)
    return _tagged(first[1:], plain[first], plain)


def nodes_of(parts: Mapping[str, Any], *, is_tagged: bool = True) -> dict[str, Node]:
    """Return the nodes of several values by their names."""
    return {key: node_of(part, is_tagged=is_tagged) for key, part in parts.items()}


def is_typed_text(plain: Mapping[Any, object]) -> bool:
    """Check whether a mapping is a text with a type: `{"$decimal": "1.50"}`."""
    if next(iter(plain), "") not in _TYPED_TEXTS:
        return False
    return set(map(type, plain.values())) == {str}


def _tagged(tag: str, part: Any, plain: dict[str, Any]) -> Node:
    """Return the node of a mapping with a tag. It may be edited by hand."""
    digest = _text_in(plain, "digest")
    if tag in ("cut", "cycle"):
        return _cut(tag, part, plain)
    if tag == "hidden":
        return Hidden(str(part), _text_in(plain, "type"), digest)
    facts: dict[str, Node] = {}
    if len(plain) > 1:
        for name, fact in plain.items():
            if name not in _OWN and name != f"${tag}":
                facts[name] = node_of(fact)
    # Descriptions have these objects as fields already.
    is_described = type(part) is dict and "" in part
    if tag in _CONTENT and not is_described:
        return _container(tag, part)
    if type(part) is dict:
        return _fields(tag, part, facts, plain)
    if type(part) is list:
        is_text = {str}.issuperset(map(type, part))
        if is_text and tag == "bytes":
            return Opaque(tag, "".join(part), digest=digest, facts=facts)
        if is_text and tag in _PLACES and len(part) == 2:
            return Opaque(tag, tuple(part), digest=digest, facts=facts)
        items = [node_of(item) for item in part]
        return Items(tag, items, _length_in(plain), digest, facts)
    content: Any = part
    return Opaque(tag, content, _text_in(plain, "type"), digest, facts)


def _cut(tag: str, part: Any, plain: dict[str, Any]) -> Cut:
    start = plain.get("start")
    return Cut(
        str(part),
        start=start if type(start) is str else None,
        length=_length_in(plain),
        digest=_text_in(plain, "digest"),
        file=_text_in(plain, "object"),
        is_cycle=tag == "cycle",
    )


def _fields(
    tag: str, part: dict[str, Any], facts: dict[str, Node], plain: dict[str, Any]
) -> Fields:
    if "args" in part and part.keys() <= _EXCEPTION:
        return Fields(tag, _exception_parts(part), digest=_text_in(plain, "digest"))
    content = node_of(part)
    parts = _mapping_parts(content)
    if parts is None:
        # The part of a tag is a value with a tag of its own.
        parts = {"": content}
    for name in ("attributes", "extra"):
        others = _mapping_parts(facts.get(name))
        if others is not None and parts.keys().isdisjoint(others):
            # What an object has besides its fields stands among them.
            parts |= others
            del facts[name]
    return Fields(tag, parts, _length_in(plain), _text_in(plain, "digest"), facts)


def _mapping_parts(node: Node) -> dict[str, Node] | None:
    """Return the parts of a mapping, None of any other node."""
    is_mapping = isinstance(node, Fields) and node.kind == "dict"
    return node.parts if is_mapping else None  # type: ignore[union-attr]


def _container(tag: str, part: Any) -> Node:
    """Return the node of a container that is stored in a form of its own.

    It may be edited, so that it has less than its content and facts.
    """
    name, *facts = _CONTENT[tag]
    stored = [part]
    if facts and type(part) is list:
        stored = list(part)
    if tag == "defaultdict":
        stored.reverse()
    content = stored[0] if stored else None
    parts: dict[str, Node] = {"": node_of(content)}
    for fact, value in zip(facts, stored[1:], strict=False):
        if value is not None:
            parts[fact] = node_of(value)
    return Fields(name, parts)


def _exception_parts(part: dict[str, Any]) -> dict[str, Node]:
    """Return the parts of a stored exception, but for those that repeat an argument."""
    arguments = part["args"]
    parts = {"*": arguments, **part.get("attributes", {})}
    for name, value in part.get("fields", {}).items():
        if value is not None and value not in arguments:
            parts[name] = value
    for name in ("cause", "notes"):
        if name in part:
            parts[f"__{name}__"] = part[name]
    return nodes_of(parts)


def _text_in(plain: dict[str, Any], name: str) -> str:
    return str(plain[name]) if name in plain else ""


def _length_in(plain: dict[str, Any]) -> int | None:
    length = plain.get("length")
    return length if type(length) is int else None


# -- writing


def plain_of(node: Node) -> Any:
    """Return the JSON of a node, which shares nothing that may change with it."""
    if isinstance(node, Items):
        return _items_json(node)
    if isinstance(node, Fields):
        return _fields_json(node)
    if isinstance(node, Opaque):
        return _opaque_json(node)
    if isinstance(node, Cut):
        return _cut_json(node)
    if isinstance(node, Hidden):
        if not node.type:
            return node.text
        return _with_digest({"$hidden": node.text, "type": node.type}, node.digest)
    return node


def plains_of(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return the JSON of several nodes by their names."""
    return {
        name: node if type(node) in _PLAIN else plain_of(node)
        for name, node in nodes.items()
    }


def order(node: Node) -> str:
    """Return a text that is equal for equal nodes and orders them."""
    return dumps(plain_of(node), sort_keys=True)


def _opaque_json(node: Opaque) -> dict[str, Any]:
    if isinstance(node.text, tuple):
        content: Any = list(node.text)
    else:
        content = plain_of(node.text)
    tagged = {f"${node.kind}": content}
    if node.type:
        tagged["type"] = node.type
    return _with_facts(tagged, node)


def _items_json(node: Items) -> Any:
    items = [plain_of(item) for item in node.items]
    if node.kind == "list" and node.length is None:
        return items
    return _with_facts({f"${node.kind}": items}, node)


def _fields_json(node: Fields) -> dict[str, Any]:
    parts = plains_of(node.parts)
    if node.kind != "dict":
        return _with_facts({f"${node.kind}": parts}, node)
    if node.length is None and not any(name[:1] == "$" for name in parts):
        return parts
    # Among pairs, a key that looks like a tag is none.
    return _with_facts({"$dict": [list(pair) for pair in parts.items()]}, node)


def _cut_json(node: Cut) -> dict[str, Any]:
    if node.is_cycle:
        return {"$cycle": node.type}
    tagged: dict[str, Any] = {"$cut": node.type}
    if node.start is not None:
        tagged["start"] = node.start
    if node.length is not None:
        tagged["length"] = node.length
    tagged = _with_digest(tagged, node.digest)
    return {**tagged, "object": node.file} if node.file else tagged


def _with_facts(
    tagged: dict[str, Any], node: Items | Fields | Opaque
) -> dict[str, Any]:
    if not isinstance(node, Opaque) and node.length is not None:
        tagged["length"] = node.length
    tagged = _with_digest(tagged, node.digest)
    return tagged | plains_of(node.facts)


def _with_digest(tagged: dict[str, Any], digest: str) -> dict[str, Any]:
    if digest:
        tagged["digest"] = digest
    return tagged

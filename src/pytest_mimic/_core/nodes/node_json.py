r"""Nodes as the JSON of a vault, and back.

Outcomes and descriptions are written by `plain_of`. The JSON of an outcome is read by
`node_of` only where people see or compare it: a replay makes the value by
`outcome_json`, without nodes.

A value of JSON stands for itself. Any other value is a mapping whose first key is its
tag:

| node | JSON |
|---|---|
| `Opaque("date", "2026-11-02")` | `{"$date": "2026-11-02"}` |
| `Opaque("path", ("tmp", "in.csv"))` | `{"$path": ["tmp", "in.csv"]}` |
| `Opaque("bytes", "a\nb\n")` | `{"$bytes": ["a\n", "b\n"]}` |
| `Fields("shop:Rate", {"base": "EUR"})` | `{"$shop:Rate": {"base": "EUR"}}` |
| `Items("tuple", [1, 2])` | `{"$tuple": [1, 2]}` |
| `Items("dict", [Items("list", [1, 2])])` | `{"$dict": [[1, 2]]}` |
| `Cut("str", "Once", length=9)` | `{"$cut": "str", "start": "Once", "length": 9}` |

A user's mapping whose first key begins with `$` gets a second `$` there. Some objects
have a shorter form, from which outcomes are made again:

| node | JSON |
|---|---|
| `Fields("deque", {"": [1, 2], "maxlen": 3})` | `{"$deque": [[1, 2], 3]}` |
| `Fields("Counter", {"": {"a": 1}})` | `{"$counter": {"a": 1}}` |
| `Fields("SimpleNamespace", {"a": 1})` | `{"$namespace": {"a": 1}}` |
| `Fields("shop:NoRates", {"*": [1]})` | `{"$shop:NoRates": {"args": [1]}}` |
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.json_tags import (
    escaped,
    has_escape,
    has_key_and_its_escape,
    is_escaped,
    tag_in,
    tagged,
    unescaped,
)
from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.placeholders import PLACEHOLDER_START, is_placeholder
from pytest_mimic._core.types.tagged_values import PLACED

# The types of nodes that are their own JSON.
_PLAIN = frozenset((str, int, float, bool, type(None)))
# The names beside a tag for which nodes have attributes, see `node_classes`. All other
# names are facts.
_NAMES_OF_NODE_FIELDS = frozenset(("digest", "length", "type"))


class _ShortForm(NamedTuple):
    """The shorter form of a container: its content, perhaps in a pair with a fact.

    A `deque` is stored as `[content, maxlen]`, a `defaultdict` as
    `[default_factory, content]`, a `Counter` as its content alone.

    Attributes:
        name: The name of the container's class.
        fact_in_pair: The fact that stands in the pair with the content; empty: there is
            no pair.
        is_content_last: Whether the content comes last in the pair.
    """

    name: str
    fact_in_pair: str = ""
    is_content_last: bool = False


# The tag of a `SimpleNamespace`, whose node has the name of the class.
_NAMESPACE = "namespace"
_SHORT_FORM_BY_TAG: dict[str, _ShortForm] = {
    "bytearray": _ShortForm("bytearray"),
    "counter": _ShortForm("Counter"),
    "defaultdict": _ShortForm("defaultdict", "default_factory", is_content_last=True),
    "deque": _ShortForm("deque", "maxlen"),
    "ordered_dict": _ShortForm("OrderedDict"),
}
# The tags of these forms by the name of the container's class.
_TAG_OF_SHORT_FORM = {form.name: tag for tag, form in _SHORT_FORM_BY_TAG.items()}
# Tags of a text, under which clients store values with their type.
_TAGS_OF_TYPED_TEXTS = frozenset(
    ("base64", "bytes", "date", "datetime", "decimal", "time", "uuid")
)
# The names under which outcomes store the parts of an exception. An object with other
# parts is none.
_PARTS_OF_EXCEPTION = frozenset(
    ("args", "attributes", "cause", "fields", "notes", "suppress_context")
)
# The names under which outcomes store the cause and the notes of an exception, by their
# names as attributes.
_STORED_NAMES_OF_LINKS = {"__notes__": "notes", "__cause__": "cause"}


# -- reading


def node_of(plain: Any, *, is_tagged: bool = True) -> Node:
    """Return the node of a value's JSON.

    Args:
        plain: The JSON.
        is_tagged: Whether mappings may be tags, `{"$date": "2026-11-02"}`.
    """
    kind = type(plain)
    if kind is str:
        return text_node(plain)
    if kind is list:
        return Items("list", [node_of(part, is_tagged=is_tagged) for part in plain])
    if kind is not dict:
        return plain  # type: ignore[no-any-return]
    if not is_tagged:
        return Fields("dict", nodes_of(plain, is_tagged=False))
    tag = tag_in(plain)
    if tag:
        return _tagged_node(tag, plain)
    nodes = nodes_of(plain)
    if has_escape(nodes):
        nodes = unescaped(nodes)
    return Fields("dict", nodes)


def text_node(text: str) -> Node:
    """Return the node of a whole text, which may be a placeholder."""
    if text.startswith(PLACEHOLDER_START) and is_placeholder(text):
        return Hidden(text)
    return text


def nodes_of(parts: Mapping[str, Any], *, is_tagged: bool = True) -> dict[str, Node]:
    """Return the nodes of several values by their names."""
    return {key: node_of(part, is_tagged=is_tagged) for key, part in parts.items()}


def is_typed_text(plain: Mapping[Any, object]) -> bool:
    """Check whether a mapping is a text with a type: `{"$decimal": "1.50"}`.

    A client has written such a mapping. In the description of its call it stays a tag,
    while a user's mapping that looks like one gets a second `$`.
    """
    if not plain or type(next(iter(plain))) is not str:
        return False
    return tag_in(plain) in _TAGS_OF_TYPED_TEXTS and set(map(type, plain.values())) == {
        str
    }


def cut_in(plain: Mapping[str, Any]) -> Cut | None:
    """Return the node of a value that was cut, from its JSON; None: it is whole.

    By the `file` of the node, a long part of a request is found in its object.
    """
    if tag_in(plain) != "cut":
        return None
    return _cut_node("cut", next(iter(plain.values())), plain)


def _tagged_node(tag: str, plain: Mapping[str, Any]) -> Node:
    """Return the node of a mapping with a tag: a value that JSON does not have.

    The mapping may be edited by hand, so that no fact need be of its type.
    """
    sign_and_tag = next(iter(plain))
    part = plain[sign_and_tag]
    digest = _text_in(plain, "digest")
    if tag in ("cut", "cycle"):
        return _cut_node(tag, part, plain)
    if tag == "hidden":
        return Hidden(str(part), _text_in(plain, "type"), digest)
    facts: dict[str, Node] = {}
    if len(plain) > 1:
        for name, fact in plain.items():
            if name not in _NAMES_OF_NODE_FIELDS and name != sign_and_tag:
                facts[name] = node_of(fact)
    # An outcome has such a container in its short form, and a description may have it
    # as fields: `{"": [1, 2], "maxlen": 3}`.
    is_described = type(part) is dict and "" in part
    if tag in _SHORT_FORM_BY_TAG and not is_described:
        return _container_node(_SHORT_FORM_BY_TAG[tag], node_of(part))
    if type(part) is dict:
        return _node_of_object(tag, part, facts, plain)
    if type(part) is list:
        return _node_of_list(tag, part, facts, plain)
    # The value is known by one text, number or flag.
    content: Any = part
    return Opaque(tag, content, _text_in(plain, "type"), digest, facts)


def _cut_node(tag: str, part: Any, plain: Mapping[str, Any]) -> Cut:
    """Return the node of a value that was cut, or that lies inside of itself."""
    start = plain.get("start")
    if type(start) is not str:
        start = None
    return Cut(
        str(part),
        start=start,
        length=_length_in(plain),
        digest=_text_in(plain, "digest"),
        file=_text_in(plain, "object"),
        is_cycle=tag == "cycle",
    )


def _node_of_list(
    tag: str, part: list[Any], facts: dict[str, Node], plain: Mapping[str, Any]
) -> Items | Opaque:
    r"""Return the node of a list with a tag.

    | tag | list | node |
    |---|---|---|
    | `bytes` | `["a\n", "b\n"]`, lines | `Opaque("bytes", "a\nb\n")` |
    | of a place | `["tmp", "in.csv"]` | `Opaque("path", ("tmp", "in.csv"))` |
    | any other | `[1, 2]`, items | `Items("tuple", [1, 2])` |
    """
    digest = _text_in(plain, "digest")
    # An edited file may have anything in the list.
    has_only_texts = {str}.issuperset(map(type, part))
    if has_only_texts and tag == "bytes":
        return Opaque(tag, "".join(part), digest=digest, facts=facts)
    if has_only_texts and tag in PLACED and len(part) == 2:
        folder, rest = part
        return Opaque(tag, (folder, rest), digest=digest, facts=facts)
    items = [node_of(item) for item in part]
    return Items(tag, items, length=_length_in(plain), digest=digest, facts=facts)


def _node_of_object(
    tag: str, part: dict[str, Any], facts: dict[str, Node], plain: Mapping[str, Any]
) -> Fields:
    """Return the node of an object, whose attributes of all kinds stand together."""
    if tag != _NAMESPACE and _is_exception(part):
        return Fields(tag, _exception_parts(part), digest=_text_in(plain, "digest"))
    content = node_of(part)
    parts = _mapping_parts(content)
    if parts is None:
        # The part of the tag is a value with a tag itself.
        parts = {"": content}
    for name in ("attributes", "extra", "private"):
        further_parts = _mapping_parts(facts.get(name))
        if further_parts is not None and parts.keys().isdisjoint(further_parts):
            # People see the attributes of an object that are no fields among its
            # fields, as paths of `ignore=` and `volatile=` name them.
            parts |= further_parts
            del facts[name]
    name_of_object = _name_of_fields(tag)
    digest = _text_in(plain, "digest")
    return Fields(name_of_object, parts, _length_in(plain), digest, facts)


def _is_exception(part: dict[str, Any]) -> bool:
    """Return whether the stored parts of an object are those of an exception."""
    if not part.keys() <= _PARTS_OF_EXCEPTION or type(part.get("args")) is not list:
        return False
    attributes, fields = part.get("attributes", {}), part.get("fields", {})
    return type(attributes) is dict and type(fields) is dict


def _mapping_parts(node: Node) -> dict[str, Node] | None:
    """Return the parts of a mapping; None: the node is no mapping."""
    if isinstance(node, Fields) and node.kind == "dict":
        return node.parts
    return None


def with_tag(tag: str, content: Node) -> Items | Fields | Opaque:
    """Return the node of a value under a tag, from the node of its content.

    The walk over a value makes its nodes by it. `tuple` and the node of `[1, 2]` give
    the node of `(1, 2)`.
    """
    if tag in _SHORT_FORM_BY_TAG:
        return _container_node(_SHORT_FORM_BY_TAG[tag], content)
    if type(content) in _PLAIN:
        return Opaque(tag, content)
    if isinstance(content, Items) and content.kind == "list":
        return Items(tag, content.items)
    if isinstance(content, Fields) and content.kind == "dict":
        return Fields(_name_of_fields(tag), content.parts)
    return Opaque(tag, content)


def _name_of_fields(tag: str) -> str:
    """Return the name under which the node of an object has its tag."""
    if tag == _NAMESPACE:
        return "SimpleNamespace"
    return tag


def _container_node(short_form: _ShortForm, stored: Node) -> Fields:
    """Return the node of a container that is stored in its shorter form.

    The form may be edited by hand, so a pair may lack its second half, or both.
    """
    content: Node = stored
    fact: Node = None
    if short_form.fact_in_pair and isinstance(stored, Items) and stored.kind == "list":
        # None takes the place of a half that an edited pair lacks.
        content, fact = [*stored.items, None, None][:2]
        if short_form.is_content_last:
            content, fact = fact, content
    parts: dict[str, Node] = {"": content}
    if fact is not None:
        parts[short_form.fact_in_pair] = fact
    return Fields(short_form.name, parts)


def _exception_parts(part: dict[str, Any]) -> dict[str, Node]:
    """Return the parts of a stored exception as people see them.

    Its arguments stand under `*`. A field that repeats an argument, such as the `errno`
    of `OSError(2, "no such file")`, is left out.
    """
    arguments = part["args"]
    parts = {"*": arguments, **part.get("attributes", {})}
    for name, value in part.get("fields", {}).items():
        if value is not None and value not in arguments:
            parts[name] = value
    # To people, and in paths of `volatile=`, the cause and the notes are attributes.
    for name, stored_name in _STORED_NAMES_OF_LINKS.items():
        if stored_name in part:
            parts[name] = part[stored_name]
    return nodes_of(parts)


def _text_in(plain: Mapping[str, Any], name: str) -> str:
    return str(plain.get(name, ""))


def _length_in(plain: Mapping[str, Any]) -> int | None:
    """Return the length that the JSON of a node tells; None: it tells none."""
    length = plain.get("length")
    if type(length) is int:
        return length
    return None


# -- writing


def plain_of(node: Node) -> Any:
    """Return the JSON of a node. No list or dict is a part of both."""
    if isinstance(node, Items):
        return _items_json(node)
    if isinstance(node, Fields):
        return _fields_json(node)
    if isinstance(node, Opaque):
        return _opaque_json(node)
    if isinstance(node, Cut):
        return _cut_json(node)
    if isinstance(node, Hidden):
        return _hidden_json(node)
    return node


def plains_of(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return the JSON of several nodes by their names."""
    plains: dict[str, Any] = {}
    for name, node in nodes.items():
        # Most nodes are their own JSON, which costs no call.
        plains[name] = node if type(node) in _PLAIN else plain_of(node)
    return plains


def order(node: Node) -> str:
    """Return a text that is equal for equal nodes and orders them.

    Differences, the rows of an INSERT and the members of a described set go by it.
    """
    return dumps(plain_of(node), sort_keys=True)


def _opaque_json(node: Opaque) -> dict[str, Any]:
    content: Any = node.text
    if node.kind == "bytes" and type(content) is str:
        content = _lines_of_text(content)
    elif type(content) is tuple:
        # The folder of a path, and the rest: `("tmp", "in.csv")`.
        content = list(content)
    elif type(content) not in _PLAIN:
        # The value is made of one other value.
        content = plain_of(content)
    plain = tagged(node.kind, content)
    if node.type:
        plain["type"] = node.type
    return _with_facts(plain, node)


def _lines_of_text(text: str) -> str | list[str]:
    """Return a text, or its lines if there are several."""
    lines = text.splitlines(keepends=True)
    if len(lines) > 1:
        return lines
    return text


def _items_json(node: Items) -> Any:
    items: list[Any] = []
    for item in node.items:
        # Most items are their own JSON, which costs no call.
        items.append(item if type(item) in _PLAIN else plain_of(item))
    if node.kind == "list" and node.length is None:
        # The list is there as a whole, so it needs no tag with its length.
        return items
    return _with_facts(tagged(node.kind, items), node)


def _fields_json(node: Fields) -> dict[str, Any]:
    if node.kind == "dict":
        return _mapping_json(node)
    tag, parts = node.kind, plains_of(node.parts)
    if node.length is None:
        # The short forms have no place for the length of a value that is there in part.
        if tag in _TAG_OF_SHORT_FORM and parts.keys() <= {
            "",
            _SHORT_FORM_BY_TAG[_TAG_OF_SHORT_FORM[tag]].fact_in_pair,
        }:
            tag = _TAG_OF_SHORT_FORM[tag]
            return tagged(tag, _stored_container(_SHORT_FORM_BY_TAG[tag], parts))
        if "*" in parts:
            # Only exceptions have positional parts.
            parts = _stored_exception(parts)
    if tag == "SimpleNamespace":
        tag = _NAMESPACE
    if has_key_and_its_escape(parts):
        parts = tagged("dict", _pairs(parts))
    elif is_escaped(parts):
        parts = escaped(parts)
    return _with_facts(tagged(tag, parts), node)


def _mapping_json(node: Fields) -> dict[str, Any]:
    """Return the JSON of a mapping: as it is, or else a tag with a list of pairs."""
    parts = plains_of(node.parts)
    if node.length is None and not is_escaped(parts):
        return parts
    if node.length is None and not has_key_and_its_escape(parts):
        # The first key would be taken for a tag.
        return escaped(parts)
    return _with_facts(tagged("dict", _pairs(parts)), node)


def _pairs(parts: Mapping[str, Any]) -> list[list[Any]]:
    return [list(pair) for pair in parts.items()]


def _stored_container(short_form: _ShortForm, parts: dict[str, Any]) -> Any:
    """Return the shorter form of a container, which `_container_node` reads again."""
    content = parts[""]
    if not short_form.fact_in_pair:
        return content
    fact = parts.get(short_form.fact_in_pair)
    if short_form.is_content_last:
        return [fact, content]
    return [content, fact]


def _stored_exception(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of an exception by the names under which outcomes store them."""
    stored = {"args": parts["*"]}
    attributes: dict[str, Any] = {}
    for name, part in parts.items():
        if name in _STORED_NAMES_OF_LINKS:
            stored[_STORED_NAMES_OF_LINKS[name]] = part
        elif name != "*":
            attributes[name] = part
    if attributes:
        stored["attributes"] = attributes
    return stored


def _cut_json(node: Cut) -> dict[str, Any]:
    if node.is_cycle:
        return tagged("cycle", node.type)
    plain = tagged("cut", node.type)
    if node.start is not None:
        plain["start"] = node.start
    if node.length is not None:
        plain["length"] = node.length
    plain = _with_digest(plain, node.digest)
    if node.file:
        plain["object"] = node.file
    return plain


def _hidden_json(node: Hidden) -> Any:
    """Return a placeholder as a text; in a tree for verifying, with type and digest."""
    if not node.type:
        return node.redacted_text
    hidden = {**tagged("hidden", node.redacted_text), "type": node.type}
    return _with_digest(hidden, node.digest)


def _with_facts(plain: dict[str, Any], node: Items | Fields | Opaque) -> dict[str, Any]:
    """Return a mapping with a tag, with what the node says besides the tag's part."""
    if not isinstance(node, Opaque) and node.length is not None:
        plain["length"] = node.length
    if node.digest:
        plain["digest"] = node.digest
    if node.facts:
        plain |= plains_of(node.facts)
    return plain


def _with_digest(plain: dict[str, Any], digest: str) -> dict[str, Any]:
    if digest:
        plain["digest"] = digest
    return plain

"""The nodes of a tree: tags, and parts by their step in the paths that `ignore=` and `volatile=` take."""

from __future__ import annotations

from json import dumps
from typing import Any

from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.types.opening import key_step

_FILES = ("$path", "$str", "$content")
# What a node says about its value besides its parts.
FACTS = frozenset({"digest", "length", "object", "size", "type", "whole"})
_ITEMS = frozenset({"$list", "$tuple", "$events"})
_SETS = frozenset({"$set", "$frozenset"})


def order(node: object) -> str:
    """Return a text that is equal for equal nodes and orders them."""
    return dumps(node, sort_keys=True)


def kind_of(node: object) -> str:
    """Return the tag of a node with its `$`, else the name of its type: `1`, `1.0` and `true` are of three kinds."""
    if isinstance(node, dict):
        tag = tag_of(node) or "dict"
        return "list" if tag == "$list" else tag
    return type(node).__name__


def items_of(node: Any) -> list[Any] | None:
    """Return the items of a list or of what is like one, None of any other value."""
    if isinstance(node, dict):
        tag = tag_of(node)
        node = node[tag] if tag in _ITEMS else None
    return node if isinstance(node, list) else None


def tag_of(node: dict[str, Any]) -> str:
    """Return the tag of a mapping with its `$`, empty if it has none."""
    for key in node:
        return key if key[:1] == "$" and key[:2] != "$$" else ""
    return ""


def steps(node: Any) -> dict[str, Any] | None:
    """Return the parts of a node by their step in paths, None for a value without parts."""
    if (items := items_of(node)) is not None:
        return {f"[{place}]": item for place, item in enumerate(items)}
    if not isinstance(node, dict):
        return None
    tag = tag_of(node)
    if not tag:
        return {key_step(key): part for key, part in node.items()}
    part = node[tag]
    facts = {f".{name}": fact for name, fact in node.items() if name != tag and name not in FACTS}
    if tag in _SETS and isinstance(part, list):
        found = {f"{{{line(item)}}}": item for item in part}
    elif tag == "$dict" and isinstance(part, list):
        pairs = (
            pair for pair in part if isinstance(pair, list) and len(pair) == 2
        )  # it may be edited by hand
        found = {key_step(key) if isinstance(key, str) else f"[{line(key)}]": item for key, item in pairs}
    elif isinstance(part, dict) and not tag_of(part):
        found = {}
        for name, inner in part.items():
            below = steps(inner) if not name else None  # the content of an object takes no step
            found |= {_own_step(name): inner} if below is None else below
    else:
        return {"": part, **facts} if facts else None
    return found | facts


def _own_step(name: str) -> str:
    return name if not name else ".args" if name == "*" else key_step(name)


def is_file(node: object) -> bool:
    """Check whether a node counts with the content of a file or folder."""
    return isinstance(node, dict) and "digest" in node and tag_of(node) in _FILES

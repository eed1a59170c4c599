"""The JSON of values folded into the values themselves, and searched for tags.

Outcomes are read in this way, and so are arguments from their descriptions. `node_json`
has the forms of the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_mimic._core.nodes.json_tags import TAG_SIGN, tag_in, unescaped

# The types of plain parts. Most parts are plain, and `folded` is not called for them.
_PLAIN = frozenset((bool, float, int, str, type(None)))

Make = Callable[[str, Any, dict[str, Any]], Any]
"""Makes a value, given the tag, the value of its part, and the values of its facts."""


def folded(plain: Any, make: Make) -> Any:
    """Return the value of a JSON. The parts of a value are made before the whole.

    Of `{"$tuple": [{"$date": "2026-11-02"}]}`, `make` is called with `date` and the
    text, and then with `tuple` and the list of what it has returned.
    """
    kind = type(plain)
    if kind is list:
        return [part if type(part) in _PLAIN else folded(part, make) for part in plain]
    if kind is not dict:
        return plain
    if len(plain) == 1:
        [(name, part)] = plain.items()
        part = part if type(part) in _PLAIN else folded(part, make)
        if name[:1] != TAG_SIGN:
            return {name: part}
        if name[1:2] == TAG_SIGN:
            return {name[1:]: part}
        return make(name[1:], part, {})
    parts = {
        name: part if type(part) in _PLAIN else folded(part, make)
        for name, part in plain.items()
    }
    first_key = next(iter(parts), "")
    if first_key[:1] != TAG_SIGN:
        return parts
    if first_key[1:2] == TAG_SIGN:
        return unescaped(parts)
    return make(first_key[1:], parts.pop(first_key), parts)


def written_tag(tag: str) -> str:
    """Return a tag as the JSON has it, which people see."""
    return TAG_SIGN + tag


def tags_in(plain: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tags in an outcome's JSON, each with its part."""
    pending = [plain]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending += node
        elif type(node) is dict:
            tag = tag_in(node)
            if tag:
                yield tag, node[TAG_SIGN + tag]
            pending += node.values()

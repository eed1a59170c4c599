"""Values made of their JSON, and the JSON searched for tags.

Outcomes are read in this way, and so are arguments from their descriptions. `node_json`
has the forms of the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_mimic._core.nodes.json_tags import TAG_SIGN, tag_in, unescaped

# The types of parts that JSON has itself. Most parts are of one, and `value_of_json` is
# not called for them.
_PLAIN = frozenset((bool, float, int, str, type(None)))

MakeTagged = Callable[[str, Any, dict[str, Any]], Any]
"""Makes the value of a tag, given the tag, the value behind it, and its facts."""


def value_of_json(plain: Any, make_tagged: MakeTagged) -> Any:
    """Return the value that a JSON stands for. Its parts are made before the whole.

    Of `{"$tuple": [{"$date": "2026-11-02"}]}`, `make_tagged` is called with `date` and
    the text, and then with `tuple` and the list of what it has returned.

    Args:
        plain: The JSON, loaded.
        make_tagged: Makes the value of each tag.
    """
    kind = type(plain)
    if kind is list:
        return [
            part if type(part) in _PLAIN else value_of_json(part, make_tagged)
            for part in plain
        ]
    if kind is not dict:
        return plain
    if len(plain) == 1:
        # Most tags stand alone, without facts.
        [(key, part)] = plain.items()
        part = part if type(part) in _PLAIN else value_of_json(part, make_tagged)
        if key[:1] != TAG_SIGN:
            # The mapping is a user's, of one key.
            return {key: part}
        if key[1:2] == TAG_SIGN:
            # A second `$` marks a user's key that begins with `$`, not a tag.
            return {key[1:]: part}
        return make_tagged(key[1:], part, {})
    parts = {
        key: part if type(part) in _PLAIN else value_of_json(part, make_tagged)
        for key, part in plain.items()
    }
    first_key = next(iter(parts), "")
    if first_key[:1] != TAG_SIGN:
        return parts
    if first_key[1:2] == TAG_SIGN:
        return unescaped(parts)
    # What stands behind the tag's own part are the facts.
    return make_tagged(first_key[1:], parts.pop(first_key), parts)


def written_tag(tag: str) -> str:
    """Return a tag as the JSON has it, which people see."""
    return TAG_SIGN + tag


def tags_in(plain: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tags in an outcome's JSON, each with its part.

    `check` finds by them which classes the outcome names.
    """
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

"""The long parts of described requests, as objects that recordings share.

They are read only to compare or to show them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pytest_mimic._core.nodes.node_classes import Cut
from pytest_mimic._core.nodes.node_json import cut_in, plain_of
from pytest_mimic._core.outcome.memory import Piece, object_name
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.format import is_object, parse
from pytest_mimic.errors import MimicError

# A text of more characters, and a list or mapping of more items, is an object of its
# own.
_LONG = 2048
_MANY = 400
# How many characters of such a text stand in the recording itself.
_START = 80

Arguments = dict[str, Any]
Place = Callable[[list[Piece], str], str]


def shortened(
    arguments: Arguments | None, place: Place = object_name
) -> Arguments | None:
    """Return described arguments as a recording has them.

    `place` names the objects of long parts, and may write them.
    """

    def short(part: Any) -> Any:
        if _is_long(part):
            return _detached(part, place)
        if type(part) is list:
            return [short(item) for item in part]
        if type(part) is dict:
            return {name: short(item) for name, item in part.items()}
        return part

    if not arguments:
        return arguments
    return {name: short(part) for name, part in arguments.items()}


def _is_long(part: Any) -> bool:
    """Check whether a part of a request is so long that it is an object of its own."""
    if type(part) is str:
        return len(part) > _LONG
    return type(part) in (list, dict) and len(part) > _MANY


def _detached(part: Any, place: Place) -> Any:
    """Return what stands in a recording for a long part, as plain data of a `Cut`."""
    start = None
    whole_part = part
    if type(part) is str:
        start = part[:_START]
        # By lines, a change of one is a small difference for git.
        whole_part = part.splitlines(keepends=True)
    content = layout(whole_part) + "\n"
    name = place([content.encode(errors="backslashreplace")], "json")
    digest = name.rpartition("/")[2][:8]
    return plain_of(Cut(type(part).__name__, start, len(part), digest, name))


def long_parts(arguments: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the names of the objects with long parts of described arguments."""
    pending: list[Any] = list((arguments or {}).values())
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending += node
        elif type(node) is dict:
            cut = _detached_in(node)
            if cut is not None:
                yield cut.file
            pending += node.values()


def _detached_in(plain: Mapping[str, Any]) -> Cut | None:
    """Return the node of a long part that an object holds, None of any other part."""
    cut = cut_in(plain)
    if cut is None or not is_object(cut.file):
        return None
    return cut


def whole(
    arguments: Arguments | None, read: Callable[[str], bytes | None]
) -> Arguments | None:
    """Return described arguments with their long parts, which `read` gives.

    A part whose object is missing or damaged stays short.
    """
    if not any(long_parts(arguments)):
        return arguments

    def filled(part: object) -> Any:
        if type(part) is list:
            return [filled(item) for item in part]
        if type(part) is not dict:
            return part
        cut = _detached_in(part)
        if cut is None:
            return {key: filled(item) for key, item in part.items()}
        with suppress(MimicError, TypeError):
            content = parse(read(cut.file) or b"", cut.file)
            if cut.type == "str":
                return "".join(content)
            return content
        return part

    return {name: filled(part) for name, part in (arguments or {}).items()}

"""The long parts of described requests, as objects that recordings share.

They are read only to compare or to show them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pytest_mimic._core.outcome.memory import Piece, object_name
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.format import is_object, parse
from pytest_mimic.errors import MimicError

# A text of more characters, and a list or mapping of more items, is an object of its
# own.
_LONG, _MANY = 2048, 400
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
        kind = type(part)
        if kind in (str, list, dict) and len(part) > (_LONG if kind is str else _MANY):
            return _detached(part, place)
        if kind is list:
            return [short(one) for one in part]
        return (
            {name: short(each) for name, each in part.items()} if kind is dict else part
        )

    return arguments and {name: short(part) for name, part in arguments.items()}


def _detached(part: Any, place: Place) -> dict[str, Any]:
    is_text = type(part) is str
    content = layout(part.splitlines(keepends=True) if is_text else part) + "\n"
    name = place([content.encode(errors="backslashreplace")], "json")
    start = {"start": part[:_START]} if is_text else {}
    digest = name.rpartition("/")[2][:8]
    return {
        "$cut": type(part).__name__,
        **start,
        "length": len(part),
        "digest": digest,
        "object": name,
    }


def long_parts(arguments: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the names of the objects with long parts of described arguments."""
    todo: list[Any] = list((arguments or {}).values())
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        elif type(node) is dict:
            if (
                "$cut" in node
                and type(node.get("object")) is str
                and is_object(node["object"])
            ):
                yield node["object"]
            todo += node.values()


def whole(
    arguments: Arguments | None, read: Callable[[str], bytes | None]
) -> Arguments | None:
    """Return described arguments with their long parts, of which `read` gives the objects.

    A part whose object is missing or damaged stays short.
    """
    if not any(long_parts(arguments)):
        return arguments

    def find(part: object) -> Any:
        if type(part) is list:
            return [find(one) for one in part]
        if type(part) is not dict:
            return part
        name = next(long_parts({"": part}), "") if "$cut" in part else ""
        if name and name == part.get("object"):
            with suppress(MimicError, TypeError):
                found = parse(read(name) or b"", name)
                return "".join(found) if part["$cut"] == "str" else found
            return part
        return {key: find(each) for key, each in part.items()}

    return {name: find(part) for name, part in (arguments or {}).items()}

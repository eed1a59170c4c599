"""The long parts of described requests, as objects that recordings share. They are read only to compare or to show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.parsing import is_object, parse
from pytest_mimic.errors import MimicError

# A text of more characters, and a list or mapping of more items, is an object of its own.
_LONG, _MANY = 2048, 400
#: What has no more characters than this as Python writes it has no long part: an item and its comma take three.
SHORTEST = 3 * _MANY
# How many characters of such a text stand in the recording itself.
_START = 80

Arguments = dict[str, Any]


def shortened(arguments: Mapping[str, Any] | None) -> tuple[Arguments | None, dict[str, bytes]]:
    """Return described arguments as a recording has them, and the objects with their long parts by name."""
    objects: dict[str, bytes] = {}

    def short(part: Any) -> Any:
        kind = type(part)
        if kind in (str, list, dict) and len(part) > (_LONG if kind is str else _MANY):
            return _detached(part, objects)
        if kind is list:
            return [short(one) for one in part]
        return {name: short(each) for name, each in part.items()} if kind is dict else part

    if arguments is None:
        return None, objects
    return {name: short(part) for name, part in arguments.items()}, objects


def _detached(part: Any, objects: dict[str, bytes]) -> dict[str, Any]:
    is_text = type(part) is str
    content = layout(part.splitlines(keepends=True) if is_text else part) + "\n"
    data = content.encode(errors="backslashreplace")
    digits = xxh3_128_hexdigest(data)
    name = f"objects/{digits[:2]}/{digits}.json"
    objects[name] = data
    start = {"start": part[:_START]} if is_text else {}
    return {"$cut": type(part).__name__, **start, "length": len(part), "digest": digits[:8], "object": name}


def long_parts(arguments: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the names of the objects with long parts of described arguments."""
    todo: list[Any] = list((arguments or {}).values())
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        elif type(node) is dict:
            if "$cut" in node and type(node.get("object")) is str and is_object(node["object"]):
                yield node["object"]
            todo += node.values()


def whole(arguments: Arguments | None, read: Callable[[str], bytes | None]) -> Arguments | None:
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

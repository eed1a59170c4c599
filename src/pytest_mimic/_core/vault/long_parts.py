"""The long parts of described requests, as objects that recordings share.

They are read only to compare or to show them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pytest_mimic._core.nodes.node_classes import Cut
from pytest_mimic._core.nodes.node_json import cut_in, plain_of
from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.outcome.pickle_file import Piece, object_name
from pytest_mimic._core.vault.format import is_object_name, parse_object
from pytest_mimic.errors import MimicError

# A text of more characters, and a list or mapping of more items, is stored as an object
# of its own.
_LONGEST_TEXT = 2048
_MOST_ITEMS = 400
# How many characters of such a text stand in the recording itself, for its readers.
_SHOWN_CHARACTERS = 80

Arguments = dict[str, Any]
NameObject = Callable[[list[Piece], str], str]
"""Takes the content of an object and its suffix, and returns its name.

It may also write the object.
"""


def with_shortened_parts(
    arguments: Arguments | None, name_object: NameObject = object_name
) -> Arguments | None:
    """Return described arguments as a recording has them: long parts are objects.

    `writing.py` writes them so, and `rekey` those in which it has hidden secrets. A
    miss compares its own call in this form with recorded ones.

    Args:
        arguments: The arguments, or None if a call was not described.
        name_object: Names the object of a long part, and may write it.
    """

    def part_in_recording(argument_part: Any) -> Any:
        """Return a part as it stands in the recording, with what is inside of it."""
        if _is_long(argument_part):
            return _cut_of(argument_part, name_object)
        if type(argument_part) is list:
            return [part_in_recording(item) for item in argument_part]
        if type(argument_part) is dict:
            return {
                name: part_in_recording(item) for name, item in argument_part.items()
            }
        return argument_part

    if not arguments:
        return arguments
    return {
        name: part_in_recording(argument_part)
        for name, argument_part in arguments.items()
    }


def _is_long(argument_part: Any) -> bool:
    """Check whether a part of a request is so long that it is an object of its own."""
    if type(argument_part) is str:
        return len(argument_part) > _LONGEST_TEXT
    return type(argument_part) in (list, dict) and len(argument_part) > _MOST_ITEMS


def _cut_of(argument_part: Any, name_object: NameObject) -> Any:
    """Return what stands in a recording for a long part: the JSON of a `Cut`.

    The part itself becomes an object.
    """
    start = None
    whole_part = argument_part
    if type(argument_part) is str:
        start = argument_part[:_SHOWN_CHARACTERS]
        # The object has the text as a list of its lines, so that a change of one line
        # is a small difference for git.
        whole_part = argument_part.splitlines(keepends=True)
    content = json_in_lines(whole_part) + "\n"
    name = name_object([content.encode(errors="backslashreplace")], "json")
    digest = name.rpartition("/")[2][:8]
    return plain_of(
        Cut(type(argument_part).__name__, start, len(argument_part), digest, name)
    )


def names_of_long_parts(arguments: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the names of the objects with long parts of described arguments.

    `check` looks whether they are there and sound.
    """
    pending: list[Any] = list((arguments or {}).values())
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending += node
        elif type(node) is dict:
            cut = _cut_in(node)
            if cut is not None:
                yield cut.file
            pending += node.values()


def _cut_in(json_mapping: Mapping[str, Any]) -> Cut | None:
    """Return the `Cut` that a mapping of JSON stands for.

    None: The mapping is a part of the arguments itself. Or its rest is in no object, as
    a description with a budget has cut it off.
    """
    cut = cut_in(json_mapping)
    if cut is None or not is_object_name(cut.file):
        return None
    return cut


def with_long_parts(
    arguments: Arguments | None, read_object: Callable[[str], bytes | None]
) -> Arguments | None:
    """Return described arguments with their long parts in full.

    A part whose object is missing or damaged stays short.

    Args:
        arguments: The arguments, or None if a call was not described.
        read_object: Returns the content of an object; None if it is missing.
    """
    if not any(names_of_long_parts(arguments)):
        return arguments

    def part_in_full(argument_part: object) -> Any:
        """Return a part in full, with what is inside of it."""
        if type(argument_part) is list:
            return [part_in_full(item) for item in argument_part]
        if type(argument_part) is not dict:
            return argument_part
        cut = _cut_in(argument_part)
        if cut is None:
            return {key: part_in_full(item) for key, item in argument_part.items()}
        with suppress(MimicError, TypeError):
            content = parse_object(read_object(cut.file) or b"", cut.file)
            # A text is stored as a list of its lines.
            if cut.type == "str":
                return "".join(content)
            return content
        return argument_part

    return {
        name: part_in_full(argument_part)
        for name, argument_part in (arguments or {}).items()
    }

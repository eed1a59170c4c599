"""The layout of plain data as readable JSON, a key or an item a line."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from itertools import chain
from json import JSONEncoder, encoder
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.json_tags import TAG_SIGN

# A container without containers is written on one line of up to this many characters.
WIDTH = 120
# The most levels of lists and dicts: the parser of JSON recurses in C, and a replay may
# begin deep in the stack.
DEPTH = 100

# Bytes as they stand in JSON.
_BASE64_IN_JSON = re.compile(
    r'base64": "((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?)"'
)
# The types of JSON's values without parts.
_TYPES_WITHOUT_PARTS = frozenset({str, int, float, bool, type(None)})


class Laid(NamedTuple):
    """A list or dict that is laid out already, in several lines.

    An outcome is laid out when it is encoded, and then stands in the file as it is.
    """

    text: str


_CONTAINERS = frozenset({dict, list, Laid})
# How parts of these types are written, without a call of `json_in_lines`.
_WRITERS: dict[type, Any] = {str: encode_basestring, int: int.__repr__}
# The encoder writes this character between items and rows. It is then replaced by a
# comma or by the end of a line. No text of JSON has the character, which JSON escapes.
_MARK_BETWEEN_ITEMS = "\x01"


def _encoder(
    item_separator: str, default: Callable[[Any], Any], *, allow_nan: bool
) -> Any:
    """Return what gives the JSON of a value in pieces.

    `JSONEncoder.encode` would make such an encoder at each call.

    Args:
        item_separator: What stands between two items.
        default: Returns what is written for a value that JSON does not have.
        allow_nan: Whether NaN and the infinities are written, too.
    """
    return encoder.c_make_encoder(  # type: ignore[attr-defined]
        markers=None,
        default=default,
        encoder=encode_basestring,
        indent=None,
        key_separator=": ",
        item_separator=item_separator,
        sort_keys=False,
        skipkeys=False,
        allow_nan=allow_nan,
    )


_pieces_of_json = _encoder(_MARK_BETWEEN_ITEMS, JSONEncoder().default, allow_nan=False)
#: Returns the JSON of described arguments on one line, in pieces, to search in: a part
#: that JSON does not have is there as its `repr`.
pieces_to_search = _encoder(", ", repr, allow_nan=True)


def exact_text(tree: object) -> str | None:
    """Return JSON as readable text.

    None: JSON has no text for a part of the tree, such as NaN, an infinity, a lone
    surrogate, or an integer that is too long. The outcome then gets tags or is pickled.
    """
    try:
        text = json_in_lines(tree)
        text.encode()
    except ValueError:
        return None
    return text


def json_in_lines(value: Any, indent: str = "") -> str:
    """Return JSON with one key or item a line, as files of recordings have it.

    A short container without containers is on one line. No identity depends on that.
    """
    type_of_value = type(value)
    if type_of_value is Laid:
        text: str = value.text
        return text.replace("\n", f"\n{indent}")
    if type_of_value is not dict and type_of_value is not list:
        return "".join(_pieces_of_json(value, 0))
    inner_indent = indent + " "
    if type_of_value is dict and len(value) == 1:
        [(key, part)] = value.items()
        if key[:1] == TAG_SIGN:
            # A tag without other facts takes no line of its own.
            return f"{{{encode_basestring(key)}: {json_in_lines(part, indent)}}}"
    if _may_be_one_line(value.values() if type_of_value is dict else value):
        text = "".join(_pieces_of_json(value, 0))
        line = text.replace(_MARK_BETWEEN_ITEMS, ", ")
        if len(line) <= WIDTH:
            return line
        # Each part gets a line, without encoding the parts once more.
        several_lines = text.replace(_MARK_BETWEEN_ITEMS, ",\n" + inner_indent)
        opening, closing = several_lines[0], several_lines[-1]
        inside = several_lines[1:-1]
        return f"{opening}\n{inner_indent}{inside}\n{indent}{closing}"
    if type_of_value is dict:
        lines: list[str] = []
        for key, part in value.items():
            # Most parts are texts and integers, which need no call of this function.
            write = _WRITERS.get(type(part))
            text = json_in_lines(part, inner_indent) if write is None else write(part)
            lines.append(f"{inner_indent}{encode_basestring(key)}: {text}")
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    rows = _rows_of_json(value) or [json_in_lines(part, inner_indent) for part in value]
    return f"[\n{inner_indent}" + f",\n{inner_indent}".join(rows) + f"\n{indent}]"


def _rows_of_json(items: list[Any]) -> list[str] | None:
    """Return a line for each item, if all are short dicts without containers.

    All items are encoded together. None: an item is no such dict, or its line is too
    long.
    """
    if set(map(type, items)) != {dict}:
        return None
    if not _CONTAINERS.isdisjoint(map(type, items[0].values())):
        return None
    text = "".join(_pieces_of_json(items, 0))
    # A later item may have a container, which takes lines of its own.
    if '": {' in text or '": [' in text:
        return None
    text = text[1:-1].replace(f"}}{_MARK_BETWEEN_ITEMS}{{", "}\n{")
    rows = text.replace(_MARK_BETWEEN_ITEMS, ", ").split("\n")
    if max(map(len, rows)) > WIDTH:
        return None
    return rows


def _may_be_one_line(parts: Any) -> bool:
    """Return whether no part of a list or dict is a container with parts of its own.

    The list or dict then may stand on one line. A tag of one simple part,
    `{"$date": "2026-11-02"}`, is no such container.
    """
    for part in parts:
        if part and type(part) in _CONTAINERS:
            if type(part) is not dict or len(part) > 1:
                return False
            [(key, tagged_part)] = part.items()
            if (
                key[:1] != TAG_SIGN
                or type(tagged_part) is dict
                or type(tagged_part) is list
            ):
                return False
    return True


def repeated_parts(value: object) -> list[tuple[int, int]] | None:
    """Return which lists and dicts of plain data are at several places.

    Each repetition is a pair of numbers: of the place, and of the first place of the
    same list or dict. Places are numbered level by level. Of `[a, [a]]` with one list
    `a`, the whole is place 0, `a` is 1, `[a]` is 2 and `a` again is 3, so the result is
    `[(3, 1)]`.

    JSON keeps a value without repetitions. Of a pickled one, the repetitions count in
    its fingerprint.

    None: the value is not plain data, which has exactly the types of JSON and is not
    too deep.
    """
    if type(value) in _TYPES_WITHOUT_PARTS:
        return []
    level: list[Any] = [value]
    places: dict[int, int] = {}
    repeated: list[tuple[int, int]] = []
    for _ in range(DEPTH):
        if not level:
            return repeated
        if not {list, dict}.issuperset(map(type, level)):
            return None
        parts_met_first: list[Any] = []
        for place, part in enumerate(level, len(places) + len(repeated)):
            first_place = places.setdefault(id(part), place)
            if first_place == place:
                parts_met_first.append(part)
            else:
                repeated.append((place, first_place))
        dicts = [part for part in parts_met_first if type(part) is dict]
        # JSON has no keys but texts.
        if not {str}.issuperset(map(type, chain.from_iterable(dicts))):
            return None
        parts_of_level = chain.from_iterable(
            part if type(part) is list else part.values() for part in parts_met_first
        )
        level = [
            part for part in parts_of_level if type(part) not in _TYPES_WITHOUT_PARTS
        ]
    if level:
        # The value is too deep.
        return None
    return repeated


def bytes_in(json: str) -> Iterator[bytes]:
    """Yield the bytes that JSON, as it stands in a file, holds as base64."""
    if "base64" in json:
        for match in _BASE64_IN_JSON.finditer(json):
            yield a2b_base64(match[1])

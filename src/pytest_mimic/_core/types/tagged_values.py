"""Values of the standard library, made again of what is stored under their tags.

`value_of_tag("fraction", [1, 3])` is `Fraction(1, 3)`. No class of a user is made or
imported. Recordings may be edited, so what stands under a tag is checked first.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

from pytest_mimic._core.types.stdlib_types import PATHS, ROWS, TEXT_OF_PATH, row_maker

#: The tags of paths and of texts that are paths, which are stored by their place.
PLACED = frozenset((TEXT_OF_PATH, *(ROWS[name].tag for name in PATHS)))

#: The exceptions that making a value raises for parts that no recording has.
ERRORS_OF_WRONG_PARTS = (ArithmeticError, LookupError, TypeError, ValueError, re.error)

# The types of what stands under the tags without a row of their own below.
_TEXT_TYPES = (str,)
_NUMBER_TYPES = (bool, float, int, list, str)
# The types that the part of a tag may have: `{"$tuple": [1, 2]}` has a list. An edited
# recording may have any other there. It is refused as damaged, as an object of another
# class would run code of that class.
_TYPES_OF_PARTS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("tuple", "set", "frozenset", "dict"), (list,)),
    **dict.fromkeys(("counter", "namespace", "ordered_dict", "timedelta"), (dict,)),
    # A moment with a named zone is a list, and any other a text.
    **dict.fromkeys(("datetime", "time"), (list, str)),
    # A pattern may be one of bytes, and one with flags is a list.
    "regex": (bytes, list, str),
    **dict.fromkeys(("complex", "defaultdict", "deque", "fraction"), (list,)),
    **dict.fromkeys(("range", "timezone"), (list,)),
    "uuid": (list, str),
    **dict.fromkeys(PLACED, (list, str)),
    "bytearray": (bytes,),
    "bytes": (list, str),
}
_INT_TYPES = (int,)
# Of a tag whose part is a list, the types that each item of the list may have: a
# `deque` is stored as its items, a list, and its greatest length, an int or None.
_TYPES_OF_ITEMS: dict[str, tuple[tuple[type, ...], ...]] = {
    **dict.fromkeys(PLACED, (_TEXT_TYPES,)),
    "bytes": (_TEXT_TYPES,),
    "complex": ((float, int), (float, int)),
    "datetime": (_TEXT_TYPES, (object,), _INT_TYPES),
    "defaultdict": ((object,), (dict,)),
    "deque": ((list,), (int, type(None))),
    "fraction": (_INT_TYPES, _INT_TYPES),
    "range": (_INT_TYPES, _INT_TYPES, _INT_TYPES),
    "regex": ((bytes, str), _TEXT_TYPES),
    "time": (_TEXT_TYPES, (object,), _INT_TYPES),
    "timezone": ((timedelta,), _TEXT_TYPES),
    "uuid": (_TEXT_TYPES,),
}


def value_of_tag(tag: str, part: Any) -> Any:
    """Return the value of a tag, which a description or an outcome has.

    Args:
        tag: The tag.
        part: The value that is stored under it.

    Raises:
        ValueError: There is no such tag, or its part is of another kind.
        Others of `ERRORS_OF_WRONG_PARTS`: No recording has such a part under the tag.
    """
    check_part(tag, part)
    make = maker_of(tag)
    if make is None:
        raise ValueError(f"there is no tag {tag}")
    return make(part)


def maker_of(tag: str) -> Callable[[Any], Any] | None:
    """Return the function that makes a value of a tag's part; None: there is no tag."""
    return _MAKERS.get(tag) or row_maker(tag)


def check_part(tag: str, part: Any) -> None:
    """Check that the part of a tag has a type that the tag may have.

    Only JSON itself, and what another tag of ours has made of JSON, has such a type.

    Raises:
        ValueError: The part has another type, such as the class of a user's object.
    """
    allowed_types = _TYPES_OF_PARTS.get(tag)
    if allowed_types is None:
        # A tag without a row stands for a number of numpy, or has its value as a text.
        allowed_types = _TEXT_TYPES
        if tag.startswith("numpy."):
            allowed_types = _NUMBER_TYPES
    if type(part) not in allowed_types:
        raise ValueError(f"{tag} of another kind")
    if type(part) is not list:
        return
    is_sound = True
    if tag == "dict":
        is_sound = all(type(pair) is list and len(pair) == 2 for pair in part)
    elif tag in _TYPES_OF_ITEMS:
        types_by_position = _TYPES_OF_ITEMS[tag]
        # The last types hold for all further items: the lines of bytes, flags.
        types_of_items = chain(types_by_position, repeat(types_by_position[-1]))
        is_sound = all(
            object in types_of_item or type(item) in types_of_item
            for item, types_of_item in zip(part, types_of_items)
        )
    if not is_sound:
        raise ValueError(f"{tag} with a part of another kind")


# What makes the values of the tags that are no rows of the table of types, from what is
# stored under the tag.


def _make_int(text: str) -> int:
    return int(text, 16)


def _make_bytes(text: str | list[str]) -> bytes:
    return "".join(text).encode()


def _make_bytes_of_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _make_dict(pairs: list[list[Any]]) -> dict[Any, Any]:
    made_dict: dict[Any, Any] = {}
    for key, part in pairs:
        made_dict[key] = part
    return made_dict


def _make_float(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        # Any other float is a number of JSON.
        raise ValueError(text)
    return float(text)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "int": _make_int,
    "float": _make_float,
    "bytes": _make_bytes,
    "base64": _make_bytes_of_base64,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": _make_dict,
}

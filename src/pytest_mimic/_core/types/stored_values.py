"""Values of the standard library, made again of what is stored under their tags.

`made("fraction", [1, 3])` is `Fraction(1, 3)`. No class of a user is made or imported.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

from pytest_mimic._core.types.table import PATHS, ROWS, maker

#: The tags of paths and of texts that are paths.
PLACED = frozenset(("str", *(ROWS[name].tag for name in PATHS)))

#: What making a value raises for parts that were not written like this.
MISREAD = (ArithmeticError, LookupError, TypeError, ValueError, re.error)

# The types that the part of a tag may have, and the types of the items of a list of
# facts. A part that is an object of a class would run that class.
_TEXT_TYPES = (str,)
_NUMBER_TYPES = (bool, float, int, list, str)
_PARTS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("tuple", "set", "frozenset", "dict"), (list,)),
    **dict.fromkeys(("counter", "namespace", "ordered_dict", "timedelta"), (dict,)),
    **dict.fromkeys(("datetime", "time", "regex"), (bytes, list, str)),
    **dict.fromkeys(("complex", "defaultdict", "deque", "fraction"), (list,)),
    **dict.fromkeys(("range", "timezone"), (list,)),
    **dict.fromkeys(PLACED, (list, str)),
    "bytearray": (bytes,),
    "bytes": (list, str),
}
_INT = (int,)
_FACTS: dict[str, tuple[tuple[type, ...], ...]] = {
    **dict.fromkeys(PLACED, (_TEXT_TYPES,)),
    "bytes": (_TEXT_TYPES,),
    "complex": ((float, int), (float, int)),
    "datetime": (_TEXT_TYPES, (object,), _INT),
    "defaultdict": ((object,), (dict,)),
    "deque": ((list,), (int, type(None))),
    "fraction": (_INT, _INT),
    "range": (_INT, _INT, _INT),
    "regex": ((bytes, str), _TEXT_TYPES),
    "time": (_TEXT_TYPES, (object,), _INT),
    "timezone": ((timedelta,), _TEXT_TYPES),
}


def made(tag: str, part: Any) -> Any:
    """Return the value of a tag.

    Args:
        tag: The tag.
        part: The value that is stored under it.

    Raises:
        ValueError: There is no such tag, or it has a part of another kind.
        Others of `MISREAD`: The part was not written like this.
    """
    check_part(tag, part)
    make = maker_of(tag)
    if make is None:
        raise ValueError(f"there is no tag {tag}")
    return make(part)


def maker_of(tag: str) -> Callable[[Any], Any] | None:
    """Return the function that makes a value of its part, None if there is no tag."""
    return _MAKERS.get(tag) or maker(tag)


def check_part(tag: str, part: Any) -> None:
    """Check the part of a tag: JSON itself, or what another tag of ours has made.

    Raises:
        ValueError: It is of another type, perhaps an object of a class.
    """
    types = _PARTS.get(tag)
    if types is None:
        types = _NUMBER_TYPES if tag.startswith("numpy.") else _TEXT_TYPES
    if type(part) not in types:
        raise ValueError(f"{tag} of another kind")
    if type(part) is not list:
        return
    is_sound = True
    if tag == "dict":
        is_sound = all(type(pair) is list and len(pair) == 2 for pair in part)
    elif tag in _FACTS:
        # The last type holds for all further items: the lines of bytes, flags.
        facts = _FACTS[tag]
        is_sound = all(
            object in allowed or type(item) in allowed
            for item, allowed in zip(part, chain(facts, repeat(facts[-1])))
        )
    if not is_sound:
        raise ValueError(f"{tag} with a part of another kind")


def _integer(text: str) -> int:
    return int(text, 16)


def _bytes(text: str | list[str]) -> bytes:
    return "".join(text).encode()


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _dict(pairs: list[list[Any]]) -> dict[Any, Any]:
    made_dict: dict[Any, Any] = {}
    for key, part in pairs:
        made_dict[key] = part
    return made_dict


def _float(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(text)
    return float(text)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": _float,
    "bytes": _bytes,
    "base64": _base64,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": _dict,
}

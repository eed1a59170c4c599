"""Numbers of numpy, and short arrays of them, as numbers of JSON and back.

| value | tag | numbers |
|---|---|---|
| `numpy.float64(1.5)` | `numpy.float64` | `1.5` |
| `numpy.array([1, 2])` | `numpy.int64` | `[1, 2]` |
| `numpy.array([numpy.nan])` | `numpy.float64` | `["nan"]` |

Only the users of numpy import it: whoever has such a value, or reads one, has done so.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

Number = bool | int | float | str

NDARRAY = "numpy:ndarray"
_PREFIX = "numpy."
# A longer array is a table, which is known by its dtype, its shape and a digest.
_MOST_ELEMENTS = 100
_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64"
    " float16 float32 float64".split()
)


class Numbers(NamedTuple):
    """The numbers of a value of numpy.

    Attributes:
        tag: The tag of the value: `numpy.` and the name of its dtype.
        items: The numbers, NaN and infinities as texts.
        is_array: Whether the value is an array; otherwise it is a number.
    """

    tag: str
    items: list[Number]
    is_array: bool


def is_of_numpy(tag: str) -> bool:
    """Return whether a node's tag is that of numbers of numpy."""
    return tag.startswith(_PREFIX)


def dtype_of(tag: str) -> str:
    """Return the name of the dtype of such a tag: `float64`."""
    return tag.removeprefix(_PREFIX)


def numbers_of(value: Any) -> Numbers | None:
    """Return the numbers of a value of numpy, from which the same value is made again.

    Outcomes and descriptions have them; identities have the memory. None: the value is
    no number and no short array of one dimension, or differs in more than its numbers
    from one that is made of a list: in its memory, or in its dtype.
    """
    numpy: Any = sys.modules["numpy"]
    is_array = type(value) is numpy.ndarray
    if is_array:
        array = value
    elif isinstance(value, numpy.generic):
        array = numpy.asarray(value).reshape(1)
    else:
        return None
    dtype = array.dtype
    is_short = array.ndim == 1 and array.size <= _MOST_ELEMENTS
    if not is_short or not _is_like_made_of_list(array) or dtype.name not in _DTYPES:
        return None
    numbers: list[Number] = array.tolist()
    if dtype.kind == "f":
        numbers = [_float_in_json(number) for number in array]
    tag = f"{_PREFIX}{dtype.name}"
    made_array = make_numbers(tag, numbers)
    # Types of the same size, such as `longlong`, have the same name.
    if made_array.dtype.char != dtype.char or made_array.tobytes() != array.tobytes():
        return None
    return Numbers(tag, numbers, is_array)


def _is_like_made_of_list(array: Any) -> bool:
    """Return whether an array made of a list would lie in memory in the same way.

    Such an array has no metadata in its dtype, either.
    """
    flags = array.flags
    is_plain = flags.c_contiguous and flags.writeable
    return bool(is_plain and array.dtype.isnative and not array.dtype.metadata)


def _float_in_json(number: Any) -> float | str:
    """Return a float of numpy as JSON has it, NaN and infinities as texts."""
    # The text of a float32 has the fewest digits that lead back to it: 0.1, and not
    # 0.10000000149011612.
    text = str(number)
    return text if text in ("nan", "inf", "-inf") else float(text)


def make_numbers(tag: str, stored_numbers: Any) -> Any:
    """Return the number or array of a tag, made of a plain number or a list of them.

    A replay makes those of an outcome so.

    Raises:
        ValueError: There is no such tag, or a number is of another type.
    """
    name = dtype_of(tag)
    if not is_of_numpy(tag) or name not in _DTYPES:
        raise ValueError(f"there is no tag {tag}")
    numbers = stored_numbers if type(stored_numbers) is list else [stored_numbers]
    # numpy would convert an edited number of another type, such as 1.5 to 1.
    allowed_types: tuple[type, ...] = (int,)
    if name == "bool":
        allowed_types = (bool,)
    elif name.startswith("float"):
        allowed_types = (float, int, str)
    if not set(map(type, numbers)) <= set(allowed_types):
        raise ValueError(numbers)
    if name.startswith("float"):
        numbers = [float(number) for number in numbers]
    array = sys.modules["numpy"].array(numbers, dtype=name)
    return array if type(stored_numbers) is list else array[0]

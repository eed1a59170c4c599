"""Tags of numpy's numbers and short arrays of them: `{"$numpy.float64": 1.5}`, `{"$numpy.float64": [1.5, 2.0]}`."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.outcome.outcome import NotExactError

# A longer array is a pickle.
_MOST_ELEMENTS = 100
_NUMBERS = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split())
NDARRAY = "numpy:ndarray"


def write(value: Any, writer: Any) -> dict[str, Any]:
    """Return the node of a number or of an array. NotExactError: a pickle keeps it better."""
    numpy: Any = sys.modules["numpy"]
    is_array = type(value) is numpy.ndarray
    if is_array:
        writer.meet(value)
        if value.ndim != 1 or value.size > _MOST_ELEMENTS:
            raise NotExactError("an array of several dimensions, or a long one")
        if not (value.flags.c_contiguous and value.flags.writeable):
            raise NotExactError("an array of a layout of its own")
    elif not isinstance(value, numpy.generic):
        raise NotExactError(type(value))
    array = value if is_array else numpy.asarray(value).reshape(1)
    dtype = array.dtype
    if dtype.name not in _NUMBERS or not dtype.isnative or dtype.metadata:
        raise NotExactError(dtype)
    items = [_to_json(number) if dtype.kind == "f" else number.item() for number in array]
    made = make(f"numpy.{dtype.name}", items)
    # Types of the same size, such as `longlong`, have the same name.
    if made.dtype.char != dtype.char or made.tobytes() != array.tobytes():
        raise NotExactError(dtype)
    writer.import_name(numpy.ndarray, NDARRAY)
    node: dict[str, Any] = writer.node(f"numpy.{dtype.name}", items if is_array else items[0])
    return node


def _to_json(number: Any) -> float | str:
    # As text, a short float has the fewest digits that lead to it.
    text = str(number)
    return text if text in ("nan", "inf", "-inf") else float(text)


def make(tag: str, part: Any) -> Any:
    """Return the number or array of a node. ValueError: there is no such tag, or it has other parts."""
    library, _, name = tag.partition(".")
    if library != "numpy" or name not in _NUMBERS:
        raise ValueError(f"there is no tag ${tag}")
    items = part if type(part) is list else [part]
    types = {"b": (bool,), "f": (float, int, str)}.get(name[0], (int,))
    if not {*map(type, items)} <= {*types}:
        raise ValueError(items)
    made = sys.modules["numpy"].array(
        [float(item) for item in items] if name[0] == "f" else items, dtype=name
    )
    return made if type(part) is list else made[0]

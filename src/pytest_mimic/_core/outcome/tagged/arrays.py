"""Tags of numpy's numbers and short arrays of them: `{"$numpy.ndarray": [1.5, 2.0], "dtype": "float64"}`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Tag, typed

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.outcome.tagged.writer import Writer

# A longer array is a pickle.
_MOST_ELEMENTS = 100
_NUMBERS = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split())
_NDARRAY = "numpy:ndarray"


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the values of one of numpy's types, or None if they have none."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:  # a type that only claims to be one of numpy's
        return None
    if type_ is numpy.ndarray:
        return ARRAY
    return SCALAR if issubclass(type_, numpy.generic) else None


def tag_named(name: str) -> Tag | None:
    """Return the tag with a name, or None if there is none."""
    if name == ARRAY.name:
        return ARRAY
    return SCALAR if name.partition(".")[2] in _NUMBERS else None


def _to_json(array: Any) -> list[Any]:
    """Return the numbers of an array as JSON, if that is exact."""
    dtype = array.dtype
    if dtype.name not in _NUMBERS or not dtype.isnative or dtype.metadata:
        raise NotTaggableError(dtype)
    items = [_number_to_json(number) if dtype.kind == "f" else number.item() for number in array]
    made = _array_of(items, dtype.name)
    # Types of the same size, such as `longlong`, have the same name.
    if made.dtype.char != dtype.char or made.tobytes() != array.tobytes():
        raise NotTaggableError(dtype)
    return items


def _number_to_json(number: Any) -> float | str:
    # As text, a short float has the fewest digits that lead to it.
    text = str(number)
    return text if text in ("nan", "inf", "-inf") else float(text)


def _array_of(items: list[Any], name: str) -> Any:
    if name not in _NUMBERS:
        raise ValueError(name)
    types = {"b": (bool,), "f": (float, int, str)}.get(name[0], (int,))
    numbers = [float(typed(item, *types)) if name[0] == "f" else typed(item, *types) for item in items]
    return sys.modules["numpy"].array(numbers, dtype=name)


def _write_array(value: Any, node: Node, writer: Writer) -> None:
    is_usual = value.flags.c_contiguous and value.flags.writeable
    if value.ndim != 1 or value.size > _MOST_ELEMENTS or not is_usual:
        raise NotTaggableError(
            "an array of several dimensions, a long one, or one that a pickle keeps better"
        )
    node[f"${ARRAY.name}"], node["dtype"] = _to_json(value), value.dtype.name
    writer.import_name(type(value), _NDARRAY)


def _read_array(items: list[Any], node: Node, reader: Reader, _anchor: int | None) -> object:
    reader.find(_NDARRAY)
    return _array_of(items, node["dtype"])


def _write_scalar(value: Any, node: Node, writer: Writer) -> None:
    numpy: Any = sys.modules["numpy"]
    array = numpy.asarray(value).reshape(1)
    if type(array[0]) is not type(value):
        raise NotTaggableError(type(value))
    [node[f"$numpy.{array.dtype.name}"]] = _to_json(array)
    writer.import_name(numpy.ndarray, _NDARRAY)


def _read_scalar(item: object, node: Node, reader: Reader, _anchor: int | None) -> object:
    reader.find(_NDARRAY)
    return _array_of([item], next(iter(node)).partition(".")[2])[0]


SCALAR = Tag("numpy scalar", _write_scalar, _read_scalar, (bool, int, float, str))
ARRAY = Tag("numpy.ndarray", _write_array, _read_array, facts=("dtype",), is_shared=True)

"""Tags of numpy's scalars and small arrays: `{"$numpy.ndarray": [1.5, 2.0], "dtype": "float64"}`."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from pytest_mimic._tagged.elements import NUMBERS, UNITS, Numbers
from pytest_mimic._tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing, only_keys, typed

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# A larger array is a pickle.
_MOST_ELEMENTS = 100
# The characters of an array of texts, each of which takes as much memory as the longest one.
_MOST_CHARACTERS = 1 << 22
# Texts are as wide as the longest one (`str`), or have a width (`U20`).
_DTYPE = re.compile(r"([<>]?)(?:([a-z]+[0-9]*)(?:\[([A-Za-z]{1,2})\])?|([US])([0-9]{1,7}))", re.ASCII)
_TEXTS = {"str": "U", "bytes": "S"}
_SCALAR_TEXTS = {"str_": "str", "bytes_": "bytes"}
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
    scalar = name.partition(".")[2]
    return SCALAR if scalar in NUMBERS or scalar in _SCALAR_TEXTS else None


# Types of elements


def _dtype_name(dtype: Any) -> str:
    """Return the name of a dtype, which is the same for every version of numpy. Texts have no width in it.

    Raises:
        NotTaggableError: Its name does not lead to it.
    """
    numpy: Any = sys.modules["numpy"]
    if dtype.metadata or dtype.names is not None:
        raise NotTaggableError(dtype)
    order = "" if dtype.isnative else dtype.str[0]
    if dtype.kind in "US":
        return order + ("str" if dtype.kind == "U" else "bytes")
    name = str(dtype.name)
    # Types of the same size, such as `longlong`, have the same name.
    if name.partition("[")[0] not in NUMBERS or numpy.dtype(name).char != dtype.char:
        raise NotTaggableError(dtype)
    _numbers(name)
    return order + name


def _numbers(name: str) -> Numbers | None:
    """Return the type of numbers of a dtype's name, or None if it is one of texts.

    Raises:
        ValueError: There is no such dtype.
    """
    found = _DTYPE.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r:.60} is no dtype of an array")
    order, base, unit = found[1], found[2], found[3] or ""
    if base is None or (base in _TEXTS and not unit):
        return None
    kind, code = NUMBERS.get(base, ("", ""))
    if not kind or (unit and (kind not in "Mm" or unit not in UNITS)):
        raise ValueError(f"{name!r:.60} is no dtype of an array")
    return Numbers(kind, code, unit, order or "=")


# Elements in the order of `C`


def items_of(array: Any, writer: Writing) -> tuple[list[Any], str]:
    """Return the elements of an array as JSON, and the name of their dtype. A complex number is two elements.

    Raises:
        NotTaggableError: They have no exact form.
    """
    try:
        name = _dtype_name(array.dtype)
        numbers = _numbers(name)
        if numbers is not None:
            return numbers.to_json(array.tobytes()), name
        texts = array.flatten().tolist()
    except ValueError as error:
        raise NotTaggableError(array.dtype) from error
    items = [writer.write(text) for text in texts]
    width = array.dtype.itemsize // (4 if array.dtype.kind == "U" else 1)
    if width != _width(texts):
        if any(type(item) is dict and type(text) is str for item, text in zip(items, texts, strict=True)):
            raise NotTaggableError(
                "paths in texts of a width, in which those of another run may have no room"
            )
        name = f"{name[: -len('str')] if array.dtype.kind == 'U' else ''}{array.dtype.kind}{width}"
    if width * len(texts) > _MOST_CHARACTERS:
        raise NotTaggableError("long texts")
    return items, name


def array_of(
    items: list[Any], name: str, shape: list[int], reader: Reading, *, ndarray: Any, order: str = "C"
) -> Any:
    """Return a new array of elements.

    Raises:
        OverflowError, TypeError, ValueError: They do not fit the dtype or the shape.
    """
    numbers = _numbers(name)
    byte_order = name[0] if name[0] in "<>" else "="
    if numbers is not None:
        memory = numbers.to_memory(items)
        base = name.lstrip("<>")
        dtype = ndarray((0,), base).dtype.newbyteorder(byte_order)
        return ndarray(tuple(shape), dtype, memory).copy(order)
    texts = list(map(reader.read, items))
    base = name.lstrip("<>")
    kind = _TEXTS.get(base, base[0])
    for text in texts:
        typed(text, str if kind == "U" else bytes)
    width = _width(texts) if base in _TEXTS else int(base[1:])
    if width * len(texts) > _MOST_CHARACTERS or width > _MOST_CHARACTERS:
        raise ValueError("an array of texts that is too large")
    if any(len(text) > width for text in texts):
        raise ValueError(f"a text that is longer than {name!r:.60} has room for")
    dtype = ndarray((0,), f"{kind}{width}").dtype.newbyteorder(byte_order)
    made = ndarray((len(texts),), dtype)
    for place, text in enumerate(texts):
        made[place] = text
    return made.reshape(tuple(shape)).copy(order)


def _width(texts: list[Any]) -> int:
    return max(1, max(map(len, texts), default=1))


# Arrays


def _write_array(value: Any, node: Node, writer: Writing) -> None:
    flags, shape = value.flags, list(value.shape)
    # A pickle changes the layout of an array with gaps. It is left to it.
    if value.size > _MOST_ELEMENTS or not (flags.c_contiguous or flags.f_contiguous):
        raise NotTaggableError("a large array, or one with gaps")
    items, name = items_of(value, writer)
    node[f"${ARRAY.name}"] = _nested(items, [*shape, 2] if value.dtype.kind == "c" else shape)
    node["dtype"] = name
    if not value.size and shape != [0]:
        node["shape"] = shape
    if not flags.c_contiguous:
        node["order"] = "F"
    if not flags.writeable:
        node["readonly"] = True
    writer.import_name(type(value), _NDARRAY)


def _read_array(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "dtype", "shape", "order", "readonly")
    name = typed(node["dtype"], str)
    numbers = _numbers(name)
    items, shape = _flattened(node[f"${ARRAY.name}"])
    if numbers is not None and numbers.kind == "c" and items and (not shape or shape.pop() != 2):
        raise ValueError("a complex number that is not two numbers")
    if "shape" in node:
        shape = [typed(length, int) for length in typed(node["shape"], list)]
        if items or math.prod(shape) != 0 or min(shape) < 0:
            raise ValueError("the shape of an array that its elements say")
    if node.get("order", "F") != "F" or node.get("readonly", True) is not True:
        raise ValueError("a strange layout of an array")
    ndarray = reader.find(_NDARRAY)
    made = array_of(items, name, shape, reader, ndarray=ndarray, order=node.get("order", "C"))
    if "readonly" in node:
        made.flags.writeable = False
    return made


def _nested(items: list[Any], shape: list[int]) -> Any:
    if not items:
        return []
    for length in reversed(shape):
        items = [items[start : start + length] for start in range(0, len(items), length)]
    return items[0]


def _flattened(tree: Any) -> tuple[list[Any], list[int]]:
    """Return the elements in nested lists, and the lengths of the lists."""
    level, shape = [tree], []
    while level and type(level[0]) is list:
        length = len(level[0])
        if any(type(part) is not list or len(part) != length for part in level):
            raise ValueError("an array with rows of different lengths")
        shape.append(length)
        level = [part for parts in level for part in parts]
    return level, shape


# Scalars


def _write_scalar(value: Any, node: Node, writer: Writing) -> None:
    numpy: Any = sys.modules["numpy"]
    array = numpy.asarray(value)
    items, name = items_of(array, writer)
    made = array[()]
    if type(made) is not type(value) or (array.dtype.kind in "US" and made != value):
        raise NotTaggableError(type(value))
    base, _, unit = name.partition("[")
    text = {"U": "str_", "S": "bytes_"}.get(array.dtype.kind)
    node[f"$numpy.{text or base}"] = items if array.dtype.kind == "c" else items[0]
    if unit:
        node["unit"] = unit[:-1]
    writer.import_name(numpy.ndarray, _NDARRAY)


def _read_scalar(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "unit")
    tag = next(iter(node))
    name = tag.partition(".")[2]
    name = _SCALAR_TEXTS.get(name, name)
    if "unit" in node:
        name = f"{name}[{typed(node['unit'], str)}]"
    items = typed(node[tag], list) if NUMBERS.get(name, ("",))[0] == "c" else [node[tag]]
    if len(items) != (2 if NUMBERS.get(name, ("",))[0] == "c" else 1):
        raise ValueError(f"{tag} is one number")
    return array_of(items, name, [], reader, ndarray=reader.find(_NDARRAY))[()]


SCALAR = Tag("numpy scalar", _write_scalar, _read_scalar)
ARRAY = Tag("numpy.ndarray", _write_array, _read_array, is_shared=True)

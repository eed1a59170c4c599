"""Tags of numpy's scalars and short arrays: `{"$numpy.ndarray": [1.5, 2.0], "dtype": "float64"}`."""

from __future__ import annotations

import math
import re
import struct
import sys
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Tag, typed

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.outcome.tagged.writer import Writer

# A longer array is a pickle.
_MOST_ELEMENTS = 100
# The characters of an array of texts, each of which takes as much memory as the longest one.
_MOST_CHARACTERS = 1 << 22
# The formats of numbers in `struct`, by the names of their types. A complex number is two numbers.
_NUMBERS = {
    "bool": "?",
    **{f"int{8 << place}": code for place, code in enumerate("bhiq")},
    **{f"uint{8 << place}": code for place, code in enumerate("BHIQ")},
    **{f"float{16 << place}": code for place, code in enumerate("efd")},
    "complex64": "f",
    "complex128": "d",
    "datetime64": "q",
    "timedelta64": "q",
}
_DTYPE = re.compile(r"([<>]?)([a-z]+[0-9]*)(?:\[([A-Za-z]{1,2})\])?", re.ASCII)
_TEXTS = {"str": str, "bytes": bytes}
_NDARRAY = "numpy:ndarray"
# Moments in other units are written as texts with seconds.
_OWN_TEXTS = frozenset({"Y", "M", "ms", "us", "ns", "ps", "fs", "as"})
_NAT = -(2**63)


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
    return SCALAR if scalar in _NUMBERS or scalar in ("str_", "bytes_") else None


# Elements


def _to_json(array: Any, writer: Writer) -> tuple[list[Any], str]:
    """Return the elements of an array of one dimension as JSON, and the name of their dtype, if that is exact."""
    dtype, kind = array.dtype, array.dtype.kind
    if kind not in "biufcmMUS" or dtype.metadata:
        raise NotTaggableError(dtype)
    is_text = kind in "US"
    name: str = {"U": "str", "S": "bytes"}[kind] if is_text else dtype.name
    name = name if dtype.isnative else dtype.str[0] + name
    try:
        items = array.tolist() if is_text else [_number_to_json(number) for number in array]
        made = _array_of_texts(items, name) if is_text else _array_of_numbers(items, name)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise NotTaggableError(dtype) from error
    # Types of the same size, such as `longlong`, have the same name, and texts may have room for longer ones.
    if made.dtype != dtype or made.dtype.char != dtype.char or made.tobytes() != array.tobytes():
        raise NotTaggableError(dtype)
    return list(map(writer.write, items)) if is_text else items, name


def _number_to_json(number: Any) -> Any:
    kind = number.dtype.kind
    if kind == "c":
        return [_number_to_json(number.real), _number_to_json(number.imag)]
    if kind == "M":
        return _moment_to_json(number)
    if kind == "m":
        count = int(number.astype("int64"))
        return "NaT" if count == _NAT else count
    if kind != "f":
        return number.item()
    if math.isnan(number):
        return "nan" if math.copysign(1, number) > 0 else "-nan"
    # As text, a short float has the fewest digits that lead to it.
    return repr(number.item()) if math.isinf(number) else float(str(number))


def _moment_to_json(moment: Any) -> str:
    """Return a moment as a text that is as short as it can be."""
    numpy: Any = sys.modules["numpy"]
    unit = numpy.datetime_data(moment.dtype)[0]
    text = str(numpy.datetime_as_string(moment, unit=None if unit in _OWN_TEXTS else "s"))
    return (text.rstrip("0").rstrip(".") if "." in text else text).removesuffix("T00:00:00")


def _number_from_json(item: object, name: str, code: str) -> object:
    if code == "?":
        return typed(item, bool)
    if code in "efd":
        if type(item) is str and item not in ("nan", "-nan", "inf", "-inf"):
            raise ValueError(f"{item!r:.60} is no number")
        return float(typed(item, float, int, str))
    if not name.startswith("datetime64"):
        return _NAT if item == "NaT" and name.startswith("timedelta64") else typed(item, int)
    # numpy reads further texts, such as "now", and cuts off what the unit does not have.
    moment = sys.modules["numpy"].datetime64(typed(item, str), name[len("datetime64[") : -1])
    if _moment_to_json(moment) != item:
        raise ValueError(f"{item!r:.60} is no moment of the dtype {name}")
    return int(moment.astype("int64"))


def _array_of(items: list[Any], name: str, reader: Reader) -> Any:
    kind = _TEXTS.get(name.lstrip("<>"))
    if kind is None:
        return _array_of_numbers(items, name)
    return _array_of_texts([typed(reader.read(item), kind) for item in items], name)


def _array_of_numbers(items: list[Any], name: str) -> Any:
    found = _DTYPE.fullmatch(name)
    code = _NUMBERS.get(found[2]) if found else None
    if found is None or code is None:
        raise ValueError(f"{name!r:.60} is no dtype of an array")
    order, base = found[1], name[len(found[1]) :]
    if base.startswith("complex"):
        if any(type(item) is not list or len(item) != 2 for item in items):
            raise ValueError("a complex number that is not two numbers")
        items = [part for item in items for part in item]
    numbers = [_number_from_json(item, base, code) for item in items]
    try:
        memory = struct.pack(f"{order or '='}{len(numbers)}{code}", *numbers)
    except struct.error as error:
        raise ValueError(str(error)) from None
    numpy: Any = sys.modules["numpy"]
    return numpy.frombuffer(memory, numpy.dtype(base).newbyteorder(order or "=")).copy()


def _array_of_texts(texts: list[Any], name: str) -> Any:
    width = max(1, max(map(len, texts), default=1))
    if width * len(texts) > _MOST_CHARACTERS:
        raise ValueError("an array of texts that is too large")
    order, kind = name[0] if name[0] in "<>" else "", "S" if name.endswith("bytes") else "U"
    return sys.modules["numpy"].array(texts, f"{order}{kind}{width}")


# Arrays and scalars


def _write_array(value: Any, node: Node, writer: Writer) -> None:
    # A pickle changes the layout of an array with gaps. It is left to it.
    if value.ndim != 1 or value.size > _MOST_ELEMENTS or not value.flags.c_contiguous:
        raise NotTaggableError("an array of several dimensions, a long one, or one with gaps")
    node[f"${ARRAY.name}"], node["dtype"] = _to_json(value, writer)
    if not value.flags.writeable:
        node["readonly"] = True
    writer.import_name(type(value), _NDARRAY)


def _read_array(items: list[Any], node: Node, reader: Reader, _anchor: int | None) -> object:
    reader.find(_NDARRAY)
    made = _array_of(items, typed(node["dtype"], str), reader)
    made.flags.writeable = not typed(node.get("readonly", False), bool)
    return made


def _write_scalar(value: object, node: Node, writer: Writer) -> None:
    numpy: Any = sys.modules["numpy"]
    array = numpy.asarray(value).reshape(1)
    [item], name = _to_json(array, writer)
    # A text of numpy's loses a NUL at its end.
    if type(array[0]) is not type(value) or (array.dtype.kind in "US" and array[0] != value):
        raise NotTaggableError(type(value))
    base, _, unit = name.partition("[")
    node[f"$numpy.{f'{base}_' if base in _TEXTS else base}"] = item
    if unit:
        node["unit"] = unit[:-1]
    writer.import_name(numpy.ndarray, _NDARRAY)


def _read_scalar(item: object, node: Node, reader: Reader, _anchor: int | None) -> object:
    name = next(iter(node)).partition(".")[2].removesuffix("_")
    if "unit" in node:
        name = f"{name}[{typed(node['unit'], str)}]"
    reader.find(_NDARRAY)
    return _array_of([item], name, reader)[0]


SCALAR = Tag(
    "numpy scalar", _write_scalar, _read_scalar, (bool, int, float, str, list, dict, bytes), ("unit",)
)
ARRAY = Tag("numpy.ndarray", _write_array, _read_array, facts=("dtype", "readonly"), is_shared=True)

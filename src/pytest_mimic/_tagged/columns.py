"""The columns of pandas as JSON: a dtype and elements, with `null` for a missing one."""

from __future__ import annotations

import re
import sys
from typing import Any

from pytest_mimic._tagged import arrays
from pytest_mimic._tagged.elements import NUMBERS, Numbers, as_utc, from_utc
from pytest_mimic._tagged.nodes import NotTaggableError, Reading, Writing, typed

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_OBJECTS = (str, int, float, bool, type(None))
_TEXTS = ("str", "string")
# The dtypes of pandas that have a mask, by name, with the dtypes of numpy in them.
_MASKED = {
    "boolean": "bool",
    **{
        f"{name[:1].upper()}{name[1:]}": name
        for name in NUMBERS
        if name[:3] in ("int", "flo") and name != "float16"
    },
    **{f"UI{name[2:]}": name for name in NUMBERS if name[:4] == "uint"},
}
# Not every text that pandas knows as a time zone: some of them name files.
_ZONED = re.compile(
    r"datetime64\[(s|ms|us|ns), ([A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*|UTC[+-]\d\d:\d\d)\]"
)


def array_to_json(array: Any, writer: Writing) -> tuple[list[Any], Any]:
    """Return the elements of a column or an index, and their dtype.

    Raises:
        NotTaggableError: They have no exact form.
    """
    pandas: Any = sys.modules["pandas"]
    array = _opened(array)
    dtype, name = array.dtype, str(array.dtype)
    if name == "object":
        return _objects(array, writer), name
    if isinstance(dtype, sys.modules["numpy"].dtype):
        if dtype.kind not in "biufMm":
            raise NotTaggableError(dtype)
        return arrays.items_of(_memory(array), writer)
    if isinstance(dtype, pandas.CategoricalDtype):
        return _categories(array, writer)
    if isinstance(dtype, pandas.StringDtype) and name in _TEXTS:
        return [None if pandas.isna(text) else writer.write(text) for text in array], name
    if name in _MASKED:
        numbers = _numbers(_MASKED[name])
        missing = pandas.NA
        return [None if item is missing else numbers.item_to_json(item) for item in array], name
    if (found := _ZONED.fullmatch(name)) is not None:
        moments = Numbers("M", "q", found[1]).to_json(array.asi8.tobytes())
        return list(map(as_utc, moments)), name
    raise NotTaggableError(dtype)


def array_of(tree: Any, dtype: Any, reader: Reading) -> Any:
    """Return a new column.

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: The elements do not fit the dtype, or there is no such dtype.
    """
    pandas: Any = sys.modules["pandas"]
    items = typed(tree, list)
    if type(dtype) is dict:
        return _categorical(items, dtype, reader)
    if typed(dtype, str) == "object":
        return _object_array([typed(reader.read(item), *_OBJECTS) for item in items])
    if dtype in _TEXTS:
        return _text_array([None if item is None else typed(reader.read(item), str) for item in items], dtype)
    if dtype in _MASKED:
        numbers = _numbers(_MASKED[dtype])
        found = [None if item is None else numbers.item_of(item) for item in items]
        return _masked_array(found, dtype)
    if (zoned := _ZONED.fullmatch(dtype)) is not None:
        counts = Numbers("M", "q", zoned[1]).to_memory(list(map(from_utc, items)))
        naive = _ndarray((len(items),), f"datetime64[{zoned[1]}]", counts).copy()
        return pandas.DatetimeIndex(naive).tz_localize("UTC").tz_convert(zoned[2]).array
    if dtype.partition("[")[0] not in NUMBERS or dtype.startswith("complex"):
        raise ValueError(f"{dtype!r:.60} is no dtype of a column")
    return arrays.array_of(items, dtype, [len(items)], reader, ndarray=_ndarray)


def is_same_array(one: Any, other: Any) -> bool:
    """Return whether two columns have the same dtype and the same elements of the same types."""
    pandas: Any = sys.modules["pandas"]
    if type(one) is not type(other):
        return False
    one, other = _opened(one), _opened(other)
    if one.dtype != other.dtype or str(one.dtype) != str(other.dtype):
        return False
    if isinstance(one.dtype, pandas.CategoricalDtype):
        kinds = one.dtype.categories, other.dtype.categories
        is_same = one.dtype.ordered == other.dtype.ordered and type(kinds[0]) is type(kinds[1])
        return (
            is_same
            and is_same_array(*(kind.array for kind in kinds))
            and list(one.codes) == list(other.codes)
        )
    if getattr(one.dtype, "storage", None) != getattr(other.dtype, "storage", None):
        return False
    if type(getattr(one.dtype, "tz", None)) is not type(getattr(other.dtype, "tz", None)):
        return False
    if getattr(one.dtype, "kind", "O") in "biufMm" and isinstance(one.dtype, sys.modules["numpy"].dtype):
        return bool(_memory(one).tobytes() == _memory(other).tobytes())
    if len(one) != len(other):
        return False
    return all(type(a) is type(b) and repr(a) == repr(b) for a, b in zip(one, other, strict=True))


def _opened(array: Any) -> Any:
    """Return the array of numpy that an array of pandas wraps, or else the array."""
    return array.to_numpy() if type(array).__name__ in ("NumpyExtensionArray", "PandasArray") else array


def _memory(array: Any) -> Any:
    return sys.modules["numpy"].asarray(array)


def _ndarray(*facts: Any) -> Any:
    return sys.modules["numpy"].ndarray(*facts)


def _numbers(name: str) -> Numbers:
    return Numbers(*NUMBERS[name])


# Objects and texts


def _objects(array: Any, writer: Writing) -> list[Any]:
    items = list(array)
    if any(type(item) not in _OBJECTS for item in items):
        raise NotTaggableError("objects of other types")
    return list(map(writer.write, items))


def _object_array(values: list[Any]) -> Any:
    made = _ndarray((len(values),), "object")
    for place, value in enumerate(values):
        made[place] = value
    return made


def _text_array(texts: list[str | None], name: str) -> Any:
    pandas: Any = sys.modules["pandas"]
    dtype = pandas.api.types.pandas_dtype(name)
    if isinstance(dtype, pandas.StringDtype):
        return pandas.array(texts, dtype=dtype)
    # Before pandas 3, texts are objects.
    return _object_array([float("nan") if text is None else text for text in texts])


def _masked_array(values: list[Any], name: str) -> Any:
    pandas: Any = sys.modules["pandas"]
    return pandas.array([pandas.NA if value is None else value for value in values], dtype=name)


# Categories


def _categories(array: Any, writer: Writing) -> tuple[list[Any], Any]:
    labels, kind = array_to_json(array.dtype.categories.array, writer)
    if (
        type(kind) is not str
        or len(labels) > 50
        or len(set(map(type, labels))) > 1
        or dict in map(type, labels)
    ):
        raise NotTaggableError("categories of several types, or paths")
    dtype: dict[str, Any] = {"categories": labels, "dtype": kind}
    if array.dtype.ordered:
        dtype["ordered"] = True
    return [None if code < 0 else labels[code] for code in array.codes.tolist()], dtype


def _categorical(items: list[Any], dtype: dict[str, Any], reader: Reading) -> Any:
    pandas: Any = sys.modules["pandas"]
    if not dtype.keys() <= {"categories", "dtype", "ordered"}:
        raise ValueError("a dtype of categories with strange parts")
    labels = typed(dtype["categories"], list)
    array = array_of(labels, typed(dtype["dtype"], str), reader)
    codes = {(type(label), label): code for code, label in enumerate(labels)}
    found = [-1 if item is None else codes[type(item), item] for item in items]
    kind = pandas.CategoricalDtype(
        pandas.Index(array, dtype=array.dtype), ordered=typed(dtype.get("ordered", False), bool)
    )
    return pandas.Categorical.from_codes(found, dtype=kind)

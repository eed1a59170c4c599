"""Tags of small frames and series of polars: `{"$polars.DataFrame": {"price": [1.5, null]}, "dtypes": …}`.

Whether polars knows that a column is sorted, and its division into chunks, are no part of the value.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pytest_mimic._tagged.elements import MOST_CELLS, NUMBERS, Numbers, as_utc, from_utc
from pytest_mimic._tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing, only_keys, typed

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_NUMBERS = {
    "Boolean": "bool",
    **{f"Int{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"Float{bits}": f"float{bits}" for bits in (32, 64)},
}
# Moments and durations: the name of the dtype, a unit and a time zone, or the digits of a decimal.
_MOMENT = re.compile(r"(Datetime|Duration)\[(ms|us|ns)(?:, ([A-Za-z][A-Za-z0-9_/+-]*))?\]")
_DECIMAL = re.compile(r"Decimal\[(\d{1,2}), (\d{1,2})\]", re.ASCII)


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the values of one of polars' types, or None if they have none."""
    name = type_.__name__
    is_known = getattr(sys.modules.get("polars"), name, None) is type_
    return tag_named(f"polars.{name}") if is_known else None


def tag_named(name: str) -> Tag | None:
    """Return the tag with a name, or None if there is none."""
    return _TAGS.get(name)


def _write(value: Any, node: Node, writer: Writing) -> None:
    """Fill the node of a value, if what it is read as is surely the same."""
    (_write_frame if type(value).__name__ == "DataFrame" else _write_series)(value, node, writer)
    writer.import_name(type(value), f"polars:{type(value).__name__}")
    writer.check_copy(node, value, _is_same)


def _write_frame(frame: Any, node: Node, writer: Writing) -> None:
    rows, width = frame.shape
    if rows * width > MOST_CELLS or max(rows, width) > MOST_CELLS or not width:
        raise NotTaggableError("a large frame, or one without columns")
    columns = [_items_of(series, writer) for series in frame.get_columns()]
    items, dtypes = [part for part, _ in columns], [dtype for _, dtype in columns]
    names = list(frame.columns)
    if any(name[:1] == "$" or writer.paths.stored_text(name) is not None for name in names):
        node["$polars.DataFrame"], node["dtypes"] = items, dtypes
        node["columns"] = list(map(writer.write, names))
    else:
        node["$polars.DataFrame"] = dict(zip(names, items, strict=True))
        node["dtypes"] = dict(zip(names, dtypes, strict=True))


def _read_frame(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "dtypes", "columns")
    frame = reader.find("polars:DataFrame")
    parts, dtypes = node["$polars.DataFrame"], node["dtypes"]
    if type(parts) is dict:
        if list(typed(dtypes, dict)) != list(parts) or "columns" in node:
            raise ValueError("the dtypes of a frame are not those of its columns")
        names, parts, dtypes = list(parts), list(parts.values()), list(dtypes.values())
    else:
        names = [typed(reader.read(name), str) for name in typed(node["columns"], list)]
    if not 0 < len(names) == len(typed(parts, list)) == len(typed(dtypes, list)) == len(set(names)):
        raise ValueError("the dtypes of a frame are not those of its columns")
    columns = list(map(_series_of, names, parts, dtypes, [reader] * len(names)))
    if len(set(map(len, columns))) > 1:
        raise ValueError("a frame with columns of different lengths")
    # From a list, polars 1.9 gives another name to a column whose name is empty.
    return frame(dict(zip(names, columns, strict=True)))


def _write_series(series: Any, node: Node, writer: Writing) -> None:
    if len(series) > MOST_CELLS:
        raise NotTaggableError("a long series")
    node["$polars.Series"], node["dtype"] = _items_of(series, writer)
    if series.name:
        node["name"] = writer.write(series.name)


def _read_series(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "dtype", "name")
    reader.find("polars:Series")
    name = typed(reader.read(node.get("name", "")), str)
    return _series_of(name, node["$polars.Series"], node["dtype"], reader)


# Elements


def _dtype_name(dtype: Any) -> str:
    """Return the name of a dtype that needs no list of categories. NotTaggableError: its values have no exact form."""
    name = type(dtype).__name__
    if name == "DataTypeClass":  # a dtype without parts, which was given as a class
        name = dtype.__name__
    if name == "Datetime":
        zone = f", {dtype.time_zone}" if dtype.time_zone else ""
        return f"Datetime[{dtype.time_unit}{zone}]"
    if name == "Duration":
        return f"Duration[{dtype.time_unit}]"
    if name == "Decimal":
        return f"Decimal[{dtype.precision}, {dtype.scale}]"
    if name in _NUMBERS or name in ("String", "Date"):
        return name
    raise NotTaggableError(dtype)


def _items_of(series: Any, writer: Writing) -> tuple[list[Any], Any]:
    """Return the elements of a series as JSON, with null for a missing one, and their dtype."""
    dtype = series.dtype
    if type(dtype).__name__ in ("Enum", "Categorical"):
        return list(map(writer.write, series.to_list())), _categories(dtype, writer)
    name = _dtype_name(dtype)
    if name == "String":
        return list(map(writer.write, series.to_list())), name
    if name.startswith("Decimal"):
        return [None if item is None else str(item) for item in series.to_list()], name
    numbers, kind = _numbers(name)
    is_moment = numbers.kind in "Mm"
    values = (series.to_physical() if is_moment else series).to_list()
    items = [None if value is None else numbers.item_to_json(value) for value in values]
    return [_zoned(item, kind, as_utc) for item in items], name


def _zoned(item: Any, dtype: Any, change: Callable[[Any], str]) -> Any:
    """Return an item, changed if it is a moment of a dtype with a time zone."""
    return item if item is None or not getattr(dtype, "time_zone", None) else change(item)


def _categories(dtype: Any, writer: Writing) -> Any:
    if type(dtype).__name__ == "Categorical":
        return "Categorical"
    labels = list(map(writer.write, dtype.categories.to_list()))
    if len(labels) > MOST_CELLS or dict in map(type, labels):
        raise NotTaggableError("many categories, or paths")
    return {"categories": labels}


def _series_of(name: str, tree: Any, dtype: Any, reader: Reading) -> Any:
    """Return a new series.

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: The elements do not fit the dtype, or there is no such dtype.
    """
    polars = sys.modules["polars"]
    items = [reader.read(item) for item in typed(tree, list)]
    try:
        if type(dtype) is dict:
            if list(dtype) != ["categories"] or not set(items) <= {None, *typed(dtype["categories"], list)}:
                raise ValueError("no dtype of categories, or not one of them")
            return polars.Series(name, items, polars.Enum(dtype["categories"]))
        if typed(dtype, str) in ("String", "Categorical"):
            texts = [typed(item, str, type(None)) for item in items]
            return polars.Series(name, texts, getattr(polars, dtype))
        if (found := _DECIMAL.fullmatch(dtype)) is not None:
            decimals = [None if item is None else _decimal(item, int(found[2])) for item in items]
            return polars.Series(name, decimals, polars.Decimal(int(found[1]), int(found[2])))
        numbers, kind = _numbers(dtype)
        items = [_zoned(item, kind, from_utc) for item in items]
        values = [None if item is None else numbers.item_of(item) for item in items]
        if numbers.kind not in "Mm":
            return polars.Series(name, values, kind)
        return polars.Series(name, values, polars.Int32 if dtype == "Date" else polars.Int64).cast(kind)
    except polars.exceptions.PolarsError as error:
        raise ValueError(str(error)) from None


def _decimal(item: Any, scale: int) -> Decimal:
    number = Decimal(typed(item, str))
    if not number.is_finite() or -int(number.as_tuple().exponent) > scale:
        raise ValueError(f"{item!r:.60} has more than {scale} digits after the point")
    return number


def _numbers(name: str) -> tuple[Numbers, Any]:
    """Return the type of numbers of a dtype, and the dtype. ValueError: there is no such dtype of numbers."""
    polars: Any = sys.modules["polars"]
    if name in _NUMBERS:
        return Numbers(*NUMBERS[_NUMBERS[name]]), getattr(polars, name)
    if name == "Date":
        return Numbers("M", "i", "D"), polars.Date
    found = _MOMENT.fullmatch(name)
    if found is None or (found[3] and found[1] == "Duration"):
        raise ValueError(f"{name!r:.60} is no dtype of a column")
    if found[1] == "Duration":
        return Numbers("m", "q", found[2]), polars.Duration(found[2])
    return Numbers("M", "q", found[2]), polars.Datetime(found[2], found[3])


# Comparing


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values have the same types, names, dtypes and elements."""
    if type(one) is not type(other) or one.shape != other.shape:
        return False
    if len(one.shape) == 2:
        return one.columns == other.columns and all(map(_is_same, one.get_columns(), other.get_columns()))
    if one.name != other.name or one.dtype != other.dtype or str(one.dtype) != str(other.dtype):
        return False
    items = (series.to_physical().to_list() for series in (one, other))
    return all(type(a) is type(b) and repr(a) == repr(b) for a, b in zip(*items, strict=True)) and (
        one.to_list() == other.to_list() or one.dtype.is_numeric()
    )


_TAGS = {
    "polars.DataFrame": Tag("polars.DataFrame", _write, _read_frame, is_shared=True),
    "polars.Series": Tag("polars.Series", _write, _read_series, is_shared=True),
}

"""What the description of a call keeps of a table or an array: of each column a digest, and its values if they are few.

A miss names the columns that differ by it, without the table that was recorded:

frame['price']: 1 of 3 differ, [2]: 1.5 recorded, 2.5 now
frame['day']: dtype object recorded, datetime64[us] now
frame['name']: other values in 2,000 rows
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Node = dict[str, Any]
"""`{"$column": dtype, "rows": count or shape, "digest": …, "values": […]}`."""

# Of a table with more columns, only the table has a digest.
_MOST_COLUMNS = 200
INDEX = ".index"


def column_parts(value: Any) -> Iterator[tuple[str, Any]] | None:
    """Return the columns of a table, or an array itself, by their steps in a path.

    None: the value is none of exactly these classes, or has too many columns.
    """
    kind = type(value)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    read = _READERS.get(name)
    return None if read is None else read(value)


def column_node(
    column: Any, *, identity: str | None, value: Callable[[Any], Any] | None
) -> Node:
    """Return what is kept of a column.

    Args:
        column: The column.
        identity: Its digest, None if it has none.
        value: Makes the node of one of its values; None if they are too many.
    """
    shape = getattr(column, "shape", None) or (len(column),)
    rows: Any = shape[0] if len(shape) == 1 else "x".join(map(str, shape))
    node: Node = {"$column": _dtype(column), "rows": rows}
    if identity is not None:
        node["digest"] = identity
    if value is not None:
        node["values"] = [value(item) for item in _items(column)]
    return node


def has_plain_index(table: Any) -> bool:
    """Return whether a table of pandas counts its rows from 0 on."""
    return type(table.index).__name__ == "RangeIndex"


def column_size(column: Any) -> int:
    """Return how many values a column or an array has."""
    size = getattr(column, "size", None)
    return size if isinstance(size, int) else len(column)


def _dtype(column: Any) -> str:
    return str(getattr(column, "dtype", None) or getattr(column, "type", ""))


def _items(column: Any) -> list[Any]:
    """Return the values of a column, numbers as Python has them."""
    for name in ("to_list", "to_pylist"):
        read = getattr(column, name, None)
        if read is not None:
            items: list[Any] = read()
            return items
    flat = column.ravel() if hasattr(column, "ravel") else column
    return [item.item() if _is_scalar(item) else item for item in flat]


def _is_scalar(item: Any) -> bool:
    return type(item).__module__ == "numpy" and hasattr(item, "item")


def _frame(frame: Any) -> Iterator[tuple[str, Any]] | None:
    if len(frame.columns) > _MOST_COLUMNS or not frame.columns.is_unique:
        return None
    columns = ((f"[{name!r}]", frame[name].array) for name in frame.columns)
    return iter([(INDEX, frame.index.array), *columns])


def _series(series: Any) -> Iterator[tuple[str, Any]]:
    return iter([(INDEX, series.index.array), ("", series.array)])


def _array(array: Any) -> Iterator[tuple[str, Any]] | None:
    return None if array.dtype.fields is not None else iter([("", array)])


def _polars(frame: Any) -> Iterator[tuple[str, Any]] | None:
    if frame.width > _MOST_COLUMNS:
        return None
    return ((f"[{series.name!r}]", series) for series in frame.get_columns())


def _arrow(table: Any) -> Iterator[tuple[str, Any]] | None:
    names = table.column_names
    if len(names) > _MOST_COLUMNS or len({*names}) < len(names):
        return None
    return ((f"[{name!r}]", table.column(name)) for name in names)


_READERS: dict[str, Callable[[Any], Iterator[tuple[str, Any]] | None]] = {
    "numpy.ndarray": _array,
    "pandas.DataFrame": _frame,
    "pandas.Series": _series,
    "polars.DataFrame": _polars,
    "pyarrow.Table": _arrow,
}


# In words


def with_labels(node: Any, columns: dict[str, Any]) -> Any:
    """Return the node of a column with the labels of its rows, as far as they are kept."""
    index = columns.get(INDEX)
    if not isinstance(node, dict) or not isinstance(index, dict) or node == index:
        return node
    return {**node, "labels": index.get("values", [])}


def column_fact(
    old: Node, new: Node, before: str, after: str, *, line: Callable[[Any], str]
) -> str:
    """Return how two columns differ, in words.

    Args:
        old: What is kept of the column on one side.
        new: The same on the other side.
        before: The word for the old side, such as `recorded`.
        after: The word for the new side, such as `now`.
        line: Draws a value.
    """
    if old["$column"] != new["$column"]:
        return f"dtype {old['$column']} {before}, {new['$column']} {after}"
    rows, others = old.get("rows"), new.get("rows")
    if rows != others and isinstance(rows, int) and isinstance(others, int):
        return f"{rows:,} rows {before}, {others:,} {after}"
    if rows != others:
        return f"shape {rows} {before}, {others} {after}"
    then, now = old.get("values"), new.get("values")
    if isinstance(then, list) and isinstance(now, list):
        places = [place for place, pair in enumerate(zip(then, now)) if _differ(*pair)]
        if places:
            first = places[0]
            labels = old.get("labels", [])
            label = line(labels[first]) if first < len(labels) else _place(first, rows)
            sides = f"{line(then[first])} {before}, {line(now[first])} {after}"
            return f"{len(places):,} of {len(then):,} differ, [{label}]: {sides}"
    count = f"{rows:,} rows" if isinstance(rows, int) else f"shape {rows}"
    return f"other values, {count}"


def _place(number: int, rows: Any) -> str:
    """Return the index of an item: of an array of a shape such as `2x3`, one for each axis."""
    if not isinstance(rows, str):
        return str(number)
    indexes: list[str] = []
    for extent in reversed([int(part) for part in rows.split("x")]):
        number, index = divmod(number, extent)
        indexes.insert(0, str(index))
    return ", ".join(indexes)


def _differ(one: Any, other: Any) -> bool:
    return type(one) is not type(other) or bool(one != other)

"""The columns of tables of libraries, and what a description keeps of them.

A description keeps of each column a digest, which `describing` computes, and few
values. So a miss names the columns that differ, although the recorded table is not
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from sys import maxsize
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_parts import items_of, numbers_in
from pytest_mimic._core.tree.column_differences import INDEX, Column
from pytest_mimic._core.types.numpy_numbers import dtype_of

# A table with more columns has one digest, and its columns have none.
_MOST_COLUMNS = 200
# Tables with more values are compared by their library: Python takes a second for some
# millions of values.
_MOST_VALUES = 2_000_000
# The arrays of pandas that wrap an array of numpy; the name differs by version. Their
# `tolist` may give scalars of numpy.
_OF_NUMPY = frozenset(("NumpyExtensionArray", "PandasArray"))


def columns_of(value: Any) -> dict[str, Column] | None:
    """Return the columns of a table with all their values, for verifying.

    None: the value is no table or array, or has more than `_MOST_VALUES` values.
    """
    parts = dict(column_parts(value, most=maxsize) or ())
    if not parts or sum(map(column_size, parts.values())) > _MOST_VALUES:
        return None
    columns: dict[str, Column] = {}
    for step, column in parts.items():
        rows = _rows_or_shape(column)
        columns[step] = Column(_dtype(column), rows, _known_items(column))
    return columns


def kept_columns(node: Node) -> dict[str, Column] | None:
    """Return what a node keeps of the columns of a table or an array, by their steps.

    A miss and `diff` have only this of a recorded table. The file of the node may be
    edited by hand, so parts may be missing. None: the node is not that of a table or an
    array.
    """
    numbers = numbers_in(node)
    if isinstance(node, Items) and numbers is not None:
        # A short array is kept whole, as its only column.
        return {"": Column(dtype_of(node.kind), len(numbers), numbers)}
    if not isinstance(node, Opaque):
        return None
    columns = node.facts.get("columns")
    if not isinstance(columns, Fields):
        return None
    columns_by_step: dict[str, Column] = {}
    for step, column in columns.parts.items():
        if isinstance(column, Opaque):
            columns_by_step[step] = _kept_column(column)
    return columns_by_step


def _kept_column(node: Opaque) -> Column:
    """Return what the node of a column, see `column_node`, says of it."""
    rows = node.facts.get("rows")
    if not isinstance(rows, int | str):
        rows = ""
    values = items_of(node.facts.get("values"))
    return Column(str(node.text), rows, values, node.digest)


def column_parts(
    value: Any, *, most: int = _MOST_COLUMNS
) -> Iterator[tuple[str, Any]] | None:
    """Return the columns of a table, or an array itself, by their steps in a path.

    A description keeps something of each, and verifying compares their values. None:
    `_READERS` does not list the class of the value, or the table has more columns than
    `most`.
    """
    kind = type(value)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    read_columns = _READERS.get(name)
    if read_columns is None:
        return None
    return read_columns(value, most)


def column_node(
    column: Any, *, digest: str, value: Callable[[Any], Node] | None
) -> Opaque:
    """Return the node of a column: its dtype, its number of rows, and few values.

    Args:
        column: The column.
        digest: The digest of the column; empty: it has none.
        value: Makes the node of a value of the column; None: its values are not kept,
            as they are too many.
    """
    facts: dict[str, Node] = {"rows": _rows_or_shape(column)}
    if value is not None:
        items = _known_items(column)
        if items is not None:
            facts["values"] = Items("list", [value(item) for item in items])
    return Opaque("column", _dtype(column), digest=digest, facts=facts)


def _rows_or_shape(column: Any) -> int | str:
    """Return the number of rows, of an array of several dimensions its shape, `2x3`."""
    shape = getattr(column, "shape", None)
    if shape is None:
        # A column of Arrow has a length alone.
        return len(column)
    if len(shape) == 1:
        return int(shape[0])
    return "x".join(map(str, shape))


def has_plain_index(table: Any) -> bool:
    """Return whether a table of pandas counts its rows from 0 on."""
    return type(table.index).__name__ == "RangeIndex"


def column_size(column: Any) -> int:
    """Return how many values a column or an array has."""
    size = getattr(column, "size", None)
    if isinstance(size, int):
        return size
    return len(column)


def _dtype(column: Any) -> str:
    """Return the dtype of a column as its library writes it."""
    dtype = getattr(column, "dtype", None)
    if not dtype:
        # A column of Arrow has its type under another name.
        dtype = getattr(column, "type", "")
    return str(dtype)


def _known_items(column: Any) -> list[Any] | None:
    """Return the values of a column; None if Python has no values for them.

    A moment of Arrow may lie outside of the years that `datetime` has.
    """
    with suppress(Exception):
        return _items(column)
    return None


def _items(column: Any) -> list[Any]:
    """Return the values of a column, numbers as Python has them."""
    if type(column).__name__ in _OF_NUMPY:
        column = column.to_numpy()
    if type(column).__module__.partition(".")[0] == "pandas":
        # `to_list` is missing in the arrays of pandas, or deprecated.
        values: list[Any] = column.tolist()
        return values
    # Of polars, of Arrow.
    for name in ("to_list", "to_pylist"):
        read_values = getattr(column, name, None)
        if read_values is not None:
            items: list[Any] = read_values()
            return items
    # The items of an array of several dimensions stand in one row.
    flat: list[Any] = column.ravel().tolist()
    return flat


def _columns_of_frame(frame: Any, most: int) -> Iterator[tuple[str, Any]] | None:
    """Return the labels and the columns of a frame of pandas, `["price"]` and an array.

    None: it has more columns than `most`, or two of one name.
    """
    if len(frame.columns) > most or not frame.columns.is_unique:
        return None
    columns = ((f"[{name!r}]", frame[name].array) for name in frame.columns)
    return iter([*_columns_of_labels(frame.index), *columns])


def _columns_of_series(series: Any, _most: int) -> Iterator[tuple[str, Any]]:
    """Return the labels and the values of a series of pandas."""
    return iter([*_columns_of_labels(series.index), ("", series.array)])


def _columns_of_labels(index: Any) -> list[tuple[str, Any]]:
    """Return the labels of rows by their steps: `.index`, or by level `.index[0]`."""
    if type(index).__name__ != "MultiIndex":
        return [(INDEX, index.array)]
    levels: list[tuple[str, Any]] = []
    for level in range(index.nlevels):
        labels = index.get_level_values(level).array
        levels.append((f"{INDEX}[{level}]", labels))
    return levels


def _column_of_array(array: Any, _most: int) -> Iterator[tuple[str, Any]] | None:
    """Return an array of numpy as an only column; None: it is an array of records."""
    if array.dtype.fields is not None:
        return None
    return iter([("", array)])


def _columns_of_polars(frame: Any, most: int) -> Iterator[tuple[str, Any]] | None:
    """Return the columns of a frame of polars; None: it has more than `most`."""
    if frame.width > most:
        return None
    return ((f"[{series.name!r}]", series) for series in frame.get_columns())


def _columns_of_arrow(table: Any, most: int) -> Iterator[tuple[str, Any]] | None:
    """Return the columns of a table of pyarrow; None: too many, or one name twice."""
    names = table.column_names
    if len(names) > most or len({*names}) < len(names):
        return None
    return ((f"[{name!r}]", table.column(name)) for name in names)


# The functions that return the columns of a table by their steps, by the table's class.
_READERS: dict[str, Callable[[Any, int], Iterator[tuple[str, Any]] | None]] = {
    "numpy.ndarray": _column_of_array,
    "pandas.DataFrame": _columns_of_frame,
    "pandas.Series": _columns_of_series,
    "polars.DataFrame": _columns_of_polars,
    "pyarrow.Table": _columns_of_arrow,
}

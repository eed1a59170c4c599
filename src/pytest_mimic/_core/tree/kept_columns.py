"""What a description keeps of a table: of each column a digest, and few values.

A miss names the columns that differ by it, without the table that was recorded:

frame['price']: 1 of 3 differ, [2]: 1.5 recorded, 2.5 now
frame['day']: dtype object recorded, datetime64[us] now
frame['name']: other values in 2,000 rows
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_parts import items_of
from pytest_mimic._core.tree.drawing import line

# Of a table with more columns, only the table has a digest.
_MOST_COLUMNS = 200
INDEX = ".index"
_WIDTH = 120


def column_parts(value: Any) -> Iterator[tuple[str, Any]] | None:
    """Return the columns of a table, or an array itself, by their steps in a path.

    None: the value is none of exactly these classes, or has too many columns.
    """
    kind = type(value)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    read = _READERS.get(name)
    return None if read is None else read(value)


def column_node(
    column: Any, *, digest: str, value: Callable[[Any], Node] | None
) -> Opaque:
    """Return what is kept of a column: its dtype, its rows, and few values.

    Args:
        column: The column.
        digest: Its digest, empty if it has none.
        value: Makes the node of one of its values; None if they are too many.
    """
    facts: dict[str, Node] = {"rows": _rows_or_shape(column)}
    if value is not None:
        facts["values"] = Items("list", [value(item) for item in _items(column)])
    return Opaque("column", _dtype(column), digest=digest, facts=facts)


def _rows_or_shape(column: Any) -> int | str:
    """Return the number of rows, of an array of several dimensions its shape, `2x3`."""
    shape = getattr(column, "shape", None)
    if shape is None:
        return len(column)
    if len(shape) == 1:
        return int(shape[0])
    return "x".join(map(str, shape))


def is_column(node: Node) -> bool:
    """Check whether a node is what is kept of a column."""
    return isinstance(node, Opaque) and node.kind == "column"


def columns_in(node: Node) -> dict[str, Node] | None:
    """Return what is kept of the columns of a table, None of any other value."""
    columns = node.facts.get("columns") if isinstance(node, Opaque) else None
    return columns.parts if isinstance(columns, Fields) else None


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
    if type(column).__module__.partition(".")[0] == "pandas":
        # Its arrays' `to_list` is missing or deprecated.
        values: list[Any] = column.tolist()
        return values
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
    return iter([*_labels(frame.index), *columns])


def _series(series: Any) -> Iterator[tuple[str, Any]]:
    return iter([*_labels(series.index), ("", series.array)])


def _labels(index: Any) -> list[tuple[str, Any]]:
    """Return the labels of an index of pandas, by level if it has levels."""
    if type(index).__name__ != "MultiIndex":
        return [(INDEX, index.array)]
    levels: list[tuple[str, Any]] = []
    for level in range(index.nlevels):
        labels = index.get_level_values(level).array
        levels.append((f"{INDEX}[{level}]", labels))
    return levels


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


def row_counts(
    old: dict[str, Node], new: dict[str, Node]
) -> tuple[Opaque, Opaque] | None:
    """Return how many rows two tables have, None unless all columns of both say so."""
    shared = [step for step in old if step in new]
    counts = {(_rows_of(old[step]), _rows_of(new[step])) for step in shared}
    if len(counts) != 1:
        return None
    [(then, now)] = counts
    if not (isinstance(then, int) and isinstance(now, int)):
        return None
    if then == now or {*old} == {""}:
        return None
    return Opaque("rows", then), Opaque("rows", now)


def has_other_rows(old: Node, new: Node) -> bool:
    """Return whether two columns of one dtype have another number of rows."""
    if not (isinstance(old, Opaque) and isinstance(new, Opaque)):
        return False
    return old.text == new.text and _rows_of(old) != _rows_of(new)


def _rows_of(node: Node) -> Node:
    return node.facts.get("rows") if isinstance(node, Opaque) else None


def with_labels(node: Node, columns: dict[str, Node]) -> Node:
    """Return the node of a column with the labels of its rows, if they are kept."""
    index = columns.get(INDEX)
    is_labelled = isinstance(node, Opaque) and isinstance(index, Opaque)
    if not is_labelled or node == index:
        return node
    assert isinstance(node, Opaque)
    assert isinstance(index, Opaque)
    labels = index.facts.get("values") or Items("list", [])
    facts = {**node.facts, "labels": labels}
    return Opaque(node.kind, node.text, digest=node.digest, facts=facts)


def column_fact(old: Opaque, new: Opaque, before: str, after: str) -> str:
    """Return how two columns differ, in words.

    Args:
        old: What is kept of the column on one side.
        new: The same on the other side.
        before: The word for the old side, such as `recorded`.
        after: The word for the new side, such as `now`.
    """
    if old.text != new.text:
        return f"dtype {old.text} {before}, {new.text} {after}"
    rows, others = old.facts.get("rows"), new.facts.get("rows")
    if rows != others and isinstance(rows, int) and isinstance(others, int):
        return f"{rows:,} rows {before}, {others:,} {after}"
    if rows != others:
        return f"shape {rows} {before}, {others} {after}"
    fact = _values_fact(old, new, before, after)
    if fact:
        return fact
    count = f"{rows:,} rows" if isinstance(rows, int) else f"shape {rows}"
    return f"other values, {count}"


def _values_fact(old: Opaque, new: Opaque, before: str, after: str) -> str:
    """Return how many values differ, and the first; empty if they are not kept."""
    then, now = items_of(old.facts.get("values")), items_of(new.facts.get("values"))
    if then is None or now is None:
        return ""
    places: list[int] = []
    for place, (value, other) in enumerate(zip(then, now)):
        if _differ(value, other):
            places.append(place)
    if not places:
        return ""
    first = places[0]
    labels = items_of(old.facts.get("labels")) or []
    if first < len(labels):
        label = line(labels[first], _WIDTH)
    else:
        label = _place(first, old.facts.get("rows"))
    sides = f"{line(then[first], _WIDTH)} {before}, {line(now[first], _WIDTH)} {after}"
    return f"{len(places):,} of {len(then):,} differ, [{label}]: {sides}"


def _place(number: int, rows: Any) -> str:
    """Return the index of an item: of a shape such as `2x3`, one for each axis."""
    if not isinstance(rows, str) or not rows:
        # An array without dimensions has one item.
        return str(number)
    indexes: list[str] = []
    for extent in reversed([int(part) for part in rows.split("x")]):
        number, index = divmod(number, extent)
        indexes.insert(0, str(index))
    return ", ".join(indexes)


def _differ(value: Node, other: Node) -> bool:
    return type(value) is not type(other) or bool(value != other)

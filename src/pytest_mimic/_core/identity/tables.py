"""Arrays, tables and sparse matrices of data libraries, opened into what can be compared element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

# How many rows and columns of a table a sample has.
_ROWS, _COLUMNS = 3, 5


class Column(NamedTuple):
    """Values of one kind."""

    dtype: str  # the library's name for the kind
    values: Any  # a numpy array of numbers or moments, or a list of objects
    categories: Any = None  # the values that the column could hold, where its dtype lists them
    labels: Any = None  # the labels of the values, which may be names, as in a row of a table


class Table(NamedTuple):
    """The parts of a library's value, which may be values of libraries themselves.

    Attributes:
        rows: How many rows the columns have, and so has the index; None without columns of one length.
    """

    parts: dict[str, Any]  # the parts by their name in paths
    ordered: bool = False  # whether the order of the parts counts
    rows: int | None = None


class Sample(NamedTuple):
    """The first rows of a table and the last one, or items of a column, opened. The others are not looked at."""

    rows: int  # how many there are in all
    columns: int | None  # how many columns there are in all; None for a column
    index_class: str  # the name of the class of the index, if there is one
    opened: Table | Column  # three rows or items, or all of them if there are fewer


_T = TypeVar("_T")
Opener = Callable[[Any], "Table | Column | None"]
Picker = Callable[[Any, list[int]], Any]


def open_elements(value: object) -> Table | Column | None:
    """Open a library's value into its elements; None for one without elements that can be shown."""
    opener = _for_type_of(value, OPENERS)
    if opener is None:
        return None
    try:
        return opener(value)
    except Exception:  # tensors of bfloat16, for one, have no form in plain memory
        return None


def sample_of(value: Any) -> Sample | None:
    """Take a few rows and columns of a library's table or column. None for any other value."""
    picker = _for_type_of(value, PICKERS)
    if picker is None:
        return None
    rows = len(value)
    shape: tuple[int, ...] = getattr(value, "shape", ())
    places = [*range(_ROWS - 1), rows - 1] if rows > _ROWS else list(range(rows))
    opened = open_elements(picker(value, places))
    if opened is None:
        return None
    index = type(getattr(value, "index", None)).__name__
    return Sample(rows, shape[1] if len(shape) == 2 else None, index, opened)


def _for_type_of(value: object, table: Mapping[tuple[str, str], _T]) -> _T | None:
    """Return what a table has for the type of a library's value, or None."""
    for base in type(value).__mro__:
        found = table.get((str(base.__module__).partition(".")[0], base.__qualname__.rpartition(".")[2]))
        if found is not None:
            return found
    return None


def _array(array: object) -> Column:
    import numpy

    plain = numpy.asarray(array)
    return Column(str(plain.dtype), plain)


def _image(image: Any) -> Table:
    palette = image.getpalette() if image.mode in ("P", "PA") else None
    facts = {"mode": image.mode, "palette": palette, "transparency": image.info.get("transparency")}
    return Table({**facts, "pixels": _array(image)})


def _masked(array: Any) -> Table:
    """Open a masked array into its mask and its data, with zeros for the hidden data, which does not count."""
    import numpy

    shown = array.filled(numpy.zeros((), array.dtype))
    return Table({"mask": _array(numpy.ma.getmaskarray(array)), "data": _array(shown)})


def _unique(names: Iterable[object]) -> list[str]:
    """Return the names of columns, with an index added to those that occur twice."""
    found: dict[str, None] = {}
    for index, name in enumerate(names):
        found[f"{name}#{index}" if str(name) in found else str(name)] = None
    return list(found)


def _pandas_frame(frame: Any) -> Table:
    columns = [_pandas_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
    names = _unique([*frame.columns, "index"])
    parts = [*(column._replace(labels=frame.index) for column in columns), frame.index]
    return Table(dict(zip(names, parts, strict=True)), ordered=True, rows=len(frame))


def _pandas_series(series: Any) -> Table:
    values = _pandas_column(series)._replace(labels=series.index)
    return Table({"name": series.name, "values": values, "index": series.index}, rows=len(series))


def _pandas_column(column: Any) -> Column:
    values = column.to_numpy()
    # A MultiIndex has no dtype.
    return _of_pandas(getattr(column, "dtype", "object"), list(column) if values.dtype.hasobject else values)


def _of_pandas(dtype: object, values: object) -> Column:
    name = f"{dtype}, ordered" if getattr(dtype, "ordered", False) else str(dtype)
    return Column(name, values, getattr(dtype, "categories", None))


def _polars_column(series: Any) -> Column:
    return Column(str(series.dtype), series.to_list())


def _arrow_table(table: Any) -> Table:
    columns = [_arrow_column(table.column(place)) for place in range(table.num_columns)]
    return Table(
        dict(zip(_unique(table.schema.names), columns, strict=True)), ordered=True, rows=table.num_rows
    )


def _arrow_column(array: Any) -> Column:
    return Column(str(array.type), array.to_pylist())


def _sparse(matrix: Any) -> Table:
    entries = matrix.tocoo(copy=True)
    entries.has_canonical_format = False  # scipy claims it for entries in any order
    entries.sum_duplicates()
    shape = tuple(int(length) for length in matrix.shape)
    return Table({"shape": shape, "row": entries.row, "col": entries.col, "data": entries.data})


OPENERS: dict[tuple[str, str], Opener] = {
    ("PIL", "Image"): _image,
    ("numpy", "MaskedArray"): _masked,
    ("numpy", "generic"): lambda scalar: _array(scalar) if scalar.dtype.kind in "biufcmM" else None,
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "ExtensionArray"): lambda array: _of_pandas(array.dtype, list(array)),
    ("pandas", "Index"): lambda index: Table({"names": list(index.names), "values": _pandas_column(index)}),
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): lambda frame: Table(
        {name: _polars_column(frame[name]) for name in frame.columns}, ordered=True, rows=frame.height
    ),
    ("polars", "Series"): lambda series: Table({"name": series.name, "values": _polars_column(series)}),
    ("pyarrow", "Array"): _arrow_column,
    ("pyarrow", "ChunkedArray"): _arrow_column,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Table"): _arrow_table,
    ("scipy", "_spbase"): _sparse,
    ("torch", "Tensor"): lambda tensor: _array(tensor.detach().cpu().numpy()),
}


def _arrow_rows(table: Any, places: list[int]) -> object:
    return table.select(list(range(min(table.num_columns, _COLUMNS)))).take(places)


PICKERS: dict[tuple[str, str], Picker] = {
    ("pandas", "DataFrame"): lambda frame, places: frame.iloc[places, :_COLUMNS],
    ("pandas", "Index"): lambda index, places: index[places],
    ("pandas", "Series"): lambda series, places: series.iloc[places],
    ("polars", "DataFrame"): lambda frame, places: frame[places, :_COLUMNS],
    ("polars", "Series"): lambda series, places: series[places],
    ("pyarrow", "Array"): lambda array, places: array.take(places),
    ("pyarrow", "ChunkedArray"): lambda array, places: array.take(places),
    ("pyarrow", "RecordBatch"): _arrow_rows,
    ("pyarrow", "Table"): _arrow_rows,
}

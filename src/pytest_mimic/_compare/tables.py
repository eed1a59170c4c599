"""Arrays, tables and sparse matrices of data libraries, opened into what can be compared element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pytest_mimic._describe.parts import lineage


class Column(NamedTuple):
    """Values of one kind: a numpy array where numbers or moments are, a list where objects are.

    Attributes:
        categories: What the values could have been, where their dtype says so.
    """

    dtype: str
    values: Any
    categories: Any = None


class Opened(NamedTuple):
    """A library's value by its parts; those that are values of libraries themselves are opened in turn.

    Attributes:
        parts: By their name in paths.
        ordered: Whether the order of the parts counts.
    """

    parts: dict[str, Any]
    ordered: bool = False


def opened(value: Any) -> Opened | Column | None:
    """A library's value as one column, or by its parts; None for what has no elements to show."""
    for name in lineage(type(value)):
        opener = _OPENERS.get((name.partition(".")[0], name.rpartition(".")[2]))
        if opener is not None:
            try:
                return opener(value)
            except Exception:  # libraries refuse what has no plain memory, such as tensors of bfloat16
                return None
    return None


def _array(array: Any) -> Column:
    import numpy

    plain = numpy.asarray(array)
    return Column(str(plain.dtype), plain)


def _masked(array: Any) -> Opened:
    """The mask, and the rest of the data: what the mask hides does not count."""
    import numpy

    shown = array.filled(numpy.zeros((), array.dtype))
    return Opened({"mask": _array(numpy.ma.getmaskarray(array)), "data": _array(shown)})


def _scalar(scalar: Any) -> Column | None:
    return _array(scalar) if scalar.dtype.kind in "biufcmM" else None


def _tensor(tensor: Any) -> Column:
    return _array(tensor.detach().cpu().numpy())


def _unique(names: Iterable[object]) -> list[str]:
    """Names of columns, made different where two are equal."""
    found: dict[str, None] = {}
    for place, name in enumerate(names):
        found[f"{name}#{place}" if str(name) in found else str(name)] = None
    return list(found)


def _pandas_frame(frame: Any) -> Opened:
    columns = [_pandas_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
    names = _unique([*frame.columns, "index"])
    return Opened(dict(zip(names, [*columns, frame.index], strict=True)), ordered=True)


def _pandas_series(series: Any) -> Opened:
    return Opened({"name": series.name, "values": _pandas_column(series), "index": series.index})


def _pandas_index(index: Any) -> Opened:
    return Opened({"names": list(index.names), "values": _pandas_column(index)})


def _pandas_column(column: Any) -> Column:
    dtype = getattr(column, "dtype", "object")
    values = column.to_numpy()
    return _of_pandas(dtype, list(column) if values.dtype.hasobject else values)


def _pandas_array(array: Any) -> Column:
    return _of_pandas(array.dtype, list(array))


def _of_pandas(dtype: Any, values: Any) -> Column:
    name = f"{dtype}, ordered" if getattr(dtype, "ordered", False) else str(dtype)
    return Column(name, values, getattr(dtype, "categories", None))


def _polars_frame(frame: Any) -> Opened:
    return Opened({name: _polars_column(frame[name]) for name in frame.columns}, ordered=True)


def _polars_series(series: Any) -> Opened:
    return Opened({"name": series.name, "values": _polars_column(series)})


def _polars_column(series: Any) -> Column:
    return Column(str(series.dtype), series.to_list())


def _arrow_table(table: Any) -> Opened:
    columns = [table.column(place) for place in range(table.num_columns)]
    names = _unique(table.schema.names)
    return Opened(
        {name: _arrow_array(column) for name, column in zip(names, columns, strict=True)}, ordered=True
    )


def _arrow_array(array: Any) -> Column:
    return Column(str(array.type), array.to_pylist())


def _sparse(matrix: Any) -> Opened:
    entries = matrix.tocoo(copy=True)
    entries.has_canonical_format = False  # which scipy says of entries in any order
    entries.sum_duplicates()
    shape = tuple(int(length) for length in matrix.shape)
    return Opened({"shape": shape, "row": entries.row, "col": entries.col, "data": entries.data})


_OPENERS: dict[tuple[str, str], Callable[[Any], Opened | Column | None]] = {
    ("numpy", "MaskedArray"): _masked,
    ("numpy", "generic"): _scalar,
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "ExtensionArray"): _pandas_array,
    ("pandas", "Index"): _pandas_index,
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Array"): _arrow_array,
    ("pyarrow", "ChunkedArray"): _arrow_array,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Table"): _arrow_table,
    ("scipy", "_spbase"): _sparse,
    ("torch", "Tensor"): _tensor,
}

"""Arrays, tables and sparse matrices of data libraries, opened into arrays that can be compared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_mimic._describe.parts import lineage


def opened(value: Any) -> Any:
    """A library's value as a numpy array, or as a dict of its parts; None for what has neither."""
    for name in lineage(type(value)):
        top, _, kind = name.partition(".")[0], None, name.rpartition(".")[2]
        opener = _OPENERS.get((top, kind))
        if opener is not None:
            return opener(value)
    return None


def _array(value: Any) -> Any:
    return value.view(sys.modules["numpy"].ndarray)


def _scalar(value: Any) -> Any:
    return sys.modules["numpy"].asarray(value)


def _pandas_frame(frame: Any) -> dict[str, Any]:
    columns = {str(name): frame.iloc[:, place].array for place, name in enumerate(frame.columns)}
    return {**{name: _pandas_array(column) for name, column in columns.items()}, "index": _index(frame.index)}


def _pandas_series(series: Any) -> dict[str, Any]:
    return {"name": series.name, "values": _pandas_array(series.array), "index": _index(series.index)}


def _index(index: Any) -> dict[str, Any]:
    return {"names": list(index.names), "values": index.to_numpy()}


def _pandas_array(array: Any) -> Any:
    if hasattr(array, "categories"):
        return {"dtype": str(array.dtype), "values": array.astype(object).to_numpy()}
    return {"dtype": str(array.dtype), "values": array.to_numpy()}


def _polars_frame(frame: Any) -> dict[str, Any]:
    return {name: _polars_series(frame[name]) for name in frame.columns}


def _polars_series(series: Any) -> dict[str, Any]:
    return {"dtype": str(series.dtype), "values": series.to_list()}


def _arrow_table(table: Any) -> dict[str, Any]:
    return {name: _arrow_array(table.column(place)) for place, name in enumerate(table.column_names)}


def _arrow_array(array: Any) -> dict[str, Any]:
    return {"type": str(array.type), "values": array.to_pylist()}


def _sparse(matrix: Any) -> dict[str, Any]:
    entries = matrix.tocoo()
    return {"shape": tuple(matrix.shape), "row": entries.row, "col": entries.col, "data": entries.data}


def _tensor(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy()


_OPENERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _scalar,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Index"): _index,
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Array"): _arrow_array,
    ("pyarrow", "ChunkedArray"): _arrow_array,
    ("pyarrow", "Table"): _arrow_table,
    ("scipy", "_spbase"): _sparse,
    ("torch", "Tensor"): _tensor,
}

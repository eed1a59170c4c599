"""polars and pyarrow: tables and columns count by names, types and values, not by chunks and spare memory."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from pytest_mimic._core.identity.kinds import Kind, Raw, Reduce, library_tag

# The numeric dtypes of polars, and the type codes of `array.array` for the same bytes.
POLARS_NUMBERS: dict[str, str] = dict(
    zip(
        "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64".split(), "bhiqBHIQfd", strict=True
    )
)

# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


def library_kind(type_: type, base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of polars or pyarrow or a subclass, or None if there is no rule for it."""
    library = base.__module__.partition(".")[0]
    reduces = _POLARS if library == "polars" else {**_PYARROW, **_WHOLE} if layout else _PYARROW
    module: Any = sys.modules[library]
    for name, reduce in reduces.items():
        known = getattr(module, name, None)
        if isinstance(known, type) and issubclass(type_, known):
            return Kind(library_tag(type_, library, type_.__name__), reduce)
    return None


def _polars_series(series: Any) -> object:
    return series.name, _polars_dtype(series.dtype), _polars_values(series)


def _polars_dtype(dtype: Any) -> object:
    categories = getattr(dtype, "categories", None) if str(dtype).startswith("Enum") else None
    return str(dtype) if categories is None else ("Enum", categories.to_list())


def _polars_values(series: Any) -> object:
    """Reduce numbers to memory and the places of nulls, other values to a list."""
    polars: Any = sys.modules["polars"]
    dtype = series.dtype
    if dtype.is_temporal():
        series = series.to_physical()
    elif dtype.is_nested() and any(word in str(dtype) for word in ("Date", "Time", "Duration")):
        return series.cast(_without_categories(dtype)).to_physical().to_list()
    code = POLARS_NUMBERS.get(str(series.dtype))
    if code is None:
        return series.to_list() if dtype != polars.Object else list(series)
    nulls = series.is_null().arg_true().to_list()
    return nulls, _numbers(series.fill_null(0) if nulls else series, code)


def _without_categories(dtype: Any) -> Any:
    """Return the dtype with texts for categories, whose numbers differ between processes."""
    polars: Any = sys.modules["polars"]
    if isinstance(dtype, polars.Struct):
        return polars.Struct({field.name: _without_categories(field.dtype) for field in dtype.fields})
    if isinstance(dtype, polars.List):
        return polars.List(_without_categories(dtype.inner))
    if isinstance(dtype, polars.Array):
        return polars.Array(_without_categories(dtype.inner), dtype.size)
    return polars.String if dtype == polars.Categorical else dtype


def _numbers(series: Any, code: str) -> object:
    """Return the memory of numbers: the same bytes with numpy and without."""
    held: Any = array(code, series.to_list()) if "numpy" not in sys.modules else series.rechunk().to_numpy()
    size = len(held) * held.itemsize
    return Raw(
        (code, len(series)),
        size,
        lambda: (memoryview(held).cast("B"),) if size else (),
        floats=f"={code}" if code in "fd" else "",
    )


_POLARS: dict[str, Reduce] = {
    "DataFrame": lambda frame: (frame.height, [_polars_series(series) for series in frame.get_columns()]),
    "Series": _polars_series,
    "DataType": _polars_dtype,
}


def _arrow_table(table: Any) -> object:
    return table.num_rows, table.schema.names, [_arrow_column(column) for column in table.columns]


def _whole_arrow_table(table: Any) -> object:
    """Reduce a table of an outcome, with the metadata: equality ignores it and a replay gives it back."""
    schema = table.schema
    return _arrow_table(table), schema.metadata, [field.metadata for field in schema]


def _arrow_column(column: Any) -> object:
    return str(column.type), _arrow_values(column)


def _arrow_values(column: Any) -> object:
    """Reduce values of fixed width to memory and the places of nulls, nested ones to their parts."""
    pyarrow: Any = sys.modules["pyarrow"]
    types = pyarrow.types
    if isinstance(column, pyarrow.ChunkedArray):
        chunks = column.chunks or [pyarrow.array([], column.type)]
        column = chunks[0] if len(chunks) == 1 else pyarrow.concat_arrays(chunks)
    if types.is_map(column.type):
        pair = pyarrow.struct([column.type.key_field, column.type.item_field])
        column = column.cast(pyarrow.list_(pair))
    type_ = column.type
    is_null = column.is_null().to_pylist() if column.null_count else []
    nulls = [place for place, gone in enumerate(is_null) if gone]
    if isinstance(column, pyarrow.ExtensionArray):
        return _arrow_values(column.storage)
    if types.is_dictionary(type_):
        return nulls, _arrow_values(column.dictionary_decode())
    if types.is_struct(type_):
        return nulls, len(column), [_arrow_column(part) for part in column.flatten()]
    if types.is_list(type_) or types.is_large_list(type_):
        return nulls, column.value_lengths().to_pylist(), _arrow_column(column.flatten())
    if types.is_fixed_size_list(type_):
        return nulls, len(column), _arrow_column(column.flatten())
    if types.is_temporal(type_) or types.is_integer(type_) or types.is_floating(type_):
        column = column.drop_null() if nulls else column
        width = type_.bit_width // 8
        start, size = width * column.offset, width * len(column)
        memory = column.buffers()[1]
        return nulls, Raw(
            (str(type_), len(column)),
            size,
            lambda: (memoryview(memory)[start : start + size],) if size else (),
            floats=ARROW_FLOATS[width] if types.is_floating(type_) else "",
        )
    return column.to_pylist()


_PYARROW: dict[str, Reduce] = {
    "Table": _arrow_table,
    "RecordBatch": _arrow_table,
    "ChunkedArray": _arrow_column,
    "Array": _arrow_column,
    "Scalar": lambda value: (
        str(value.type),
        _arrow_values(sys.modules["pyarrow"].array([value], value.type)),
    ),
    "Schema": lambda schema: [(field.name, str(field.type), field.nullable) for field in schema],
    "Field": lambda field: (field.name, str(field.type), field.nullable),
    "DataType": str,
    "Buffer": lambda buffer: Raw((), buffer.size, lambda: (memoryview(buffer),)),
}

_WHOLE: dict[str, Reduce] = dict.fromkeys(("Table", "RecordBatch"), _whole_arrow_table)

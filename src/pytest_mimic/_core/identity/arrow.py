"""polars and pyarrow: tables and columns count by names, types and values, not by chunks and spare memory."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from pytest_mimic._core.identity.kinds import Raw, Rule

# The numeric dtypes of polars, and the type codes of `array.array` for the same bytes.
POLARS_NUMBERS: dict[str, str] = dict(
    zip(
        "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64".split(), "bhiqBHIQfd", strict=True
    )
)

# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


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


def _without_categories(dtype: Any) -> object:
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


def _arrow_table(table: Any, layout: bool) -> object:
    """Reduce a table; in an outcome, with the metadata: equality ignores it and a replay gives it back."""
    schema = table.schema
    data = table.num_rows, schema.names, [_arrow_column(column) for column in table.columns]
    return (data, schema.metadata, [field.metadata for field in schema]) if layout else data


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


def _arrow_scalar(value: Any) -> object:
    return str(value.type), _arrow_values(sys.modules["pyarrow"].array([value], value.type))


def _arrow_field(field: Any) -> object:
    return field.name, str(field.type), field.nullable


RULES: dict[tuple[str, str], Rule] = {
    ("polars", "DataFrame"): Rule(
        lambda frame, _: (frame.height, [_polars_series(series) for series in frame.get_columns()])
    ),
    ("polars", "Series"): Rule(lambda series, _: _polars_series(series)),
    ("polars", "DataType"): Rule(lambda dtype, _: _polars_dtype(dtype)),
    ("pyarrow", "Table"): Rule(_arrow_table),
    ("pyarrow", "RecordBatch"): Rule(_arrow_table),
    ("pyarrow", "ChunkedArray"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Array"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Scalar"): Rule(lambda value, _: _arrow_scalar(value)),
    ("pyarrow", "Schema"): Rule(lambda schema, _: list(map(_arrow_field, schema))),
    ("pyarrow", "Field"): Rule(lambda field, _: _arrow_field(field)),
    ("pyarrow", "DataType"): Rule(lambda dtype, _: str(dtype)),
    ("pyarrow", "Buffer"): Rule(lambda buffer, _: Raw((), buffer.size, lambda: (memoryview(buffer),))),
}

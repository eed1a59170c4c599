"""polars and pyarrow: tables and columns count by names, types and values, not by chunks and spare memory."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from pytest_mimic._core.identity.short import plain_nans
from pytest_mimic._core.types.kinds import Raw, Unstable
from pytest_mimic._core.types.libraries import Rule

# The numeric dtypes of polars, and the type codes of `array.array` for the same bytes.
_NUMBERS = "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64"
POLARS_NUMBERS: dict[str, str] = dict(zip(_NUMBERS.split(), "bhiqBHIQfd", strict=True))
# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


def _polars_series(series: Any) -> object:
    """Reduce a series: numbers and moments by memory and the places of nulls, other values as a list."""
    dtype = series.dtype
    categories = getattr(dtype, "categories", None) if str(dtype).startswith("Enum") else None
    head = series.name, str(dtype) if categories is None else ("Enum", categories.to_list())
    is_inside = dtype.is_nested() and any(word in str(dtype) for word in ("Date", "Time", "Duration"))
    if is_inside and "Categorical" in str(dtype):  # whose numbers differ between processes
        raise Unstable(
            "moments beside categories inside a column",
            type(series),
            remedy="or convert it to Python's values",
        )
    # Values in Python would lack nanoseconds.
    physical = series.to_physical() if is_inside or dtype.is_temporal() else series
    code = POLARS_NUMBERS.get(str(physical.dtype))
    if code is None:
        return head, physical.to_list()
    nulls = physical.is_null().arg_true().to_list()
    physical = physical.fill_null(0) if nulls else physical
    # The same bytes with numpy and without.
    held: Any = (
        array(code, plain_nans(physical.to_list())) if "numpy" not in sys.modules else physical.to_numpy()
    )
    size = len(held) * held.itemsize
    floats = f"={code}" if code in "fd" else ""
    parts = (memoryview(held).cast("B"),) if size else ()
    return head, nulls, Raw((code, len(held)), size, lambda: parts, floats=floats)


def _arrow_table(table: Any, layout: bool) -> object:
    """Reduce a table; in an outcome, with the metadata: equality ignores it and a replay gives it back."""
    schema = table.schema
    data = table.num_rows, schema.names, [_arrow_column(column) for column in table.columns]
    return (data, schema.metadata, [field.metadata for field in schema]) if layout else data


def _arrow_column(column: Any) -> object:
    return str(column.type), _arrow_values(column)


def _arrow_values(column: Any) -> object:
    """Reduce values of fixed width to memory and the places of nulls, others to a list."""
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
    if types.is_dictionary(type_):
        return nulls, _arrow_values(column.dictionary_decode())
    # Values in Python would lack nanoseconds.
    if types.is_struct(type_):
        return nulls, len(column), [_arrow_column(part) for part in column.flatten()]
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return nulls, column.value_lengths().to_pylist(), _arrow_column(column.flatten())
    if not (types.is_temporal(type_) or types.is_integer(type_) or types.is_floating(type_)):
        return column.to_pylist()
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


RULES: dict[tuple[str, str], Rule] = {
    ("polars", "DataFrame"): Rule(
        lambda frame, _: (frame.height, [_polars_series(series) for series in frame.get_columns()])
    ),
    ("polars", "Series"): Rule(lambda series, _: _polars_series(series)),
    ("polars", "DataType"): Rule(lambda dtype, _: str(dtype)),
    ("pyarrow", "Table"): Rule(_arrow_table),
    ("pyarrow", "RecordBatch"): Rule(_arrow_table),
    ("pyarrow", "ChunkedArray"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Array"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Scalar"): Rule(
        lambda value, _: _arrow_column(sys.modules["pyarrow"].array([value], value.type))
    ),
    ("pyarrow", "Schema"): Rule(lambda schema, _: str(schema)),
    ("pyarrow", "Field"): Rule(lambda field, _: str(field)),
    ("pyarrow", "DataType"): Rule(lambda dtype, _: str(dtype)),
}

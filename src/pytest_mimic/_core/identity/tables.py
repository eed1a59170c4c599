"""pandas, polars and pyarrow: tables and columns count by names, labels, types and values, not by their storage."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from itertools import chain
from json import loads
from typing import Any

from pytest_mimic._core.identity.numeric import array_memory, float_format
from pytest_mimic._core.identity.short import plain_nans
from pytest_mimic._core.types.additions import is_of
from pytest_mimic._core.types.kinds import Raw, Unstable
from pytest_mimic._core.types.libraries import Rule

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def _nanoseconds(value: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds: pandas 3 keeps it in the unit it was made from."""
    return int(value.asm8.view("int64")) * NANOSECONDS[getattr(value, "unit", "ns")]


def _scalar(reduce: Callable[[Any], object]) -> Rule:
    """Return the rule of a scalar, whose unit counts in an outcome."""
    return Rule(
        lambda value, layout: (
            (reduce(value), getattr(value, "unit", None)) if layout else reduce(value)
        )
    )


def _table(table: Any, _layout: bool) -> object:
    """Reduce a frame or a series; one of another library's class, with the attributes that it keeps beside the data."""
    data: object
    if table.ndim == 2:
        data = table.shape, table.columns, table.index, _columns(table)
    else:
        data = table.name, table.index, _values(table.array)
    if table.attrs or not table.flags.allows_duplicate_labels:
        data = data, table.attrs, table.flags.allows_duplicate_labels
    kind = type(table)
    names = (
        []
        if kind.__module__.partition(".")[0] == "pandas"
        else getattr(kind, "_metadata", [])
    )
    return (
        (data, {name: getattr(table, name, None) for name in names}) if names else data
    )


def _columns(frame: Any) -> object:
    """Reduce the columns of a frame to their dtypes, one memory for all numbers of a dtype, and the other columns."""
    dtypes = list(frame.dtypes)
    if dtypes and _is_number(dtypes[0]) and dtypes.count(dtypes[0]) == len(dtypes):
        # Its columns follow one another in memory.
        return [str(dtypes[0])] * len(dtypes), [_memory_of([frame.to_numpy().T])], []
    names: list[object] = []
    numbers: dict[Any, list[Any]] = {}
    others = []
    for dtype, (_, column) in zip(dtypes, frame.items()):
        names.append(str(dtype) if _is_known(dtype) else dtype)
        if _is_number(dtype):
            numbers.setdefault(dtype, []).append(column.to_numpy()[None])
        else:
            others.append(_values(column.array))
    return names, list(map(_memory_of, numbers.values())), others


def _is_known(thing: Any) -> bool:
    """Return whether a dtype or an array says by its class all that it carries."""
    return is_of(type(thing), "pandas") or is_of(type(thing), "numpy")


def _is_number(dtype: Any) -> bool:
    return type(dtype).__module__.partition(".")[0] == "numpy" and dtype.kind in "biufc"


def _memory_of(columns: list[Any]) -> Raw:
    """Return the memory of columns of one dtype, or of a block of them, one after the other."""
    dtype = columns[0].dtype
    head = "columns", dtype.str, sum(map(len, columns)), columns[0].shape[1]
    size = sum(column.nbytes for column in columns)
    return Raw(
        head,
        size,
        lambda: chain.from_iterable(map(array_memory, columns)),
        floats=float_format(dtype),
    )


def _index(index: Any, layout: bool) -> object:
    """Reduce an index to its labels and its `freq`.

    In an outcome, its storage and labels that no row uses count as well.
    """
    pandas: Any = sys.modules["pandas"]
    data: object
    if isinstance(index, pandas.MultiIndex):
        levels = [
            _labels(index.get_level_values(place).array)
            for place in range(index.nlevels)
        ]
        data = list(index.names), len(index), levels
    elif isinstance(index, pandas.RangeIndex):
        numpy: Any = sys.modules["numpy"]
        data = (
            index.name,
            ("int64", numpy.arange(index.start, index.stop, index.step, dtype="int64")),
        )
    else:
        data = index.name, _labels(index.array)
    freq = getattr(index, "freq", None)
    if freq is not None:
        data = data, repr(freq)  # its `freqstr` is another one since pandas 2.2
    if not layout:
        return data
    steps = [getattr(index, name, None) for name in ("start", "stop", "step")]
    return data, steps, list(getattr(index, "levels", ()))


def _labels(array: Any) -> object:
    """Reduce the labels of an index.

    Texts count the same with the dtype `str` of pandas 3 and `object` before.
    """
    if str(array.dtype) == "object" and all(type(label) is str for label in array):
        return "str", None, _texts(array)
    return _values(array)


def _dtype(dtype: Any, _layout: bool = False) -> object:
    """Reduce a dtype to its name, or a categorical one to its categories and their order."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return (
            "category",
            bool(dtype.ordered),
            None if categories is None else _labels(categories.array),
        )
    return str(dtype)


def _values(array: Any, _layout: bool = False) -> object:
    """Reduce an array to numpy arrays if these say it all, else to its elements."""
    pandas: Any = sys.modules["pandas"]
    dtype = array.dtype
    if not _is_known(array):
        return str(dtype) if _is_known(dtype) else dtype, array
    kind = type(array).__name__
    if kind in ("NumpyExtensionArray", "PandasArray"):
        values = array.to_numpy()
        return str(dtype), values.tolist() if values.dtype.hasobject else values
    if isinstance(array, pandas.Categorical):
        return _dtype(dtype), array.codes.astype("int64")
    if kind in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        return str(dtype), array.asi8
    if kind in ("IntegerArray", "FloatingArray", "BooleanArray"):
        missing = array.isna()
        return str(dtype), missing, array[~missing].to_numpy(dtype.numpy_dtype)
    if kind == "IntervalArray":
        return str(dtype), _values(array.left.array), _values(array.right.array)
    if isinstance(dtype, pandas.StringDtype):
        try:
            return str(dtype), None, _texts(array)
        except (
            TypeError
        ):  # one is missing, which a search beforehand would be slow to find
            missing = sys.modules["numpy"].asarray(array.isna())
            return str(dtype), missing, _texts(array[~missing])
    if kind == "ArrowExtensionArray":
        return str(dtype), array.__arrow_array__()
    missing = sys.modules["numpy"].asarray(array.isna())
    return str(dtype), missing, [item for item, gone in zip(array, missing) if not gone]


def _texts(array: Any) -> object:
    """Reduce texts to one joined text, or to a list if one contains the separator.

    TypeError: one is missing.
    """
    numpy: Any = sys.modules["numpy"]
    data: Any
    if getattr(array.dtype, "storage", "") == "pyarrow":
        data = memoryview(_joined_by_arrow(array.__arrow_array__()))
    else:
        data = "\0".join(numpy.asarray(array, dtype=object).tolist()).encode(
            "utf-8", "surrogatepass"
        )
    if numpy.count_nonzero(numpy.frombuffer(data, "u1") == 0) != max(len(array) - 1, 0):
        return numpy.asarray(array, dtype=object).tolist()
    return Raw(("texts", len(array)), len(data), lambda: (data,))


def _joined_by_arrow(column: Any) -> Any:
    """Return the buffer of texts joined by NUL, without a string for each."""
    pyarrow: Any = sys.modules["pyarrow"]
    if column.null_count:
        raise TypeError
    texts = _in_one_piece(column).cast(pyarrow.large_string())
    whole = pyarrow.LargeListArray.from_arrays(
        pyarrow.array([0, len(texts)], "int64"), texts
    )
    return (
        sys.modules["pyarrow.compute"]
        .binary_join(whole, pyarrow.scalar("\0", texts.type))[0]
        .as_buffer()
    )


def _in_one_piece(column: Any) -> Any:
    pyarrow: Any = sys.modules["pyarrow"]
    if not isinstance(column, pyarrow.ChunkedArray):
        return column
    chunks = column.chunks or [pyarrow.array([], column.type)]
    return chunks[0] if len(chunks) == 1 else pyarrow.concat_arrays(chunks)


# polars and pyarrow

# The numeric dtypes of polars, and the type codes of `array.array` for the same bytes.
_NUMBERS = "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64"
POLARS_NUMBERS: dict[str, str] = dict(zip(_NUMBERS.split(), "bhiqBHIQfd", strict=True))
# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


def _polars_series(series: Any) -> object:
    """Reduce a series: numbers and moments by memory and the places of nulls, other values as a list."""
    dtype = series.dtype
    categories = (
        getattr(dtype, "categories", None) if str(dtype).startswith("Enum") else None
    )
    head = (
        series.name,
        str(dtype) if categories is None else ("Enum", categories.to_list()),
    )
    is_inside = dtype.is_nested() and any(
        word in str(dtype) for word in ("Date", "Time", "Duration")
    )
    if is_inside and "Categorical" in str(
        dtype
    ):  # whose numbers differ between processes
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
        array(code, plain_nans(physical.to_list()))
        if "numpy" not in sys.modules
        else physical.to_numpy()
    )
    size = len(held) * held.itemsize
    floats = f"={code}" if code in "fd" else ""
    parts = (memoryview(held).cast("B"),) if size else ()
    return head, nulls, Raw((code, len(held)), size, lambda: parts, floats=floats)


def _arrow_table(table: Any, _layout: bool) -> object:
    """Reduce a table to its schema and its columns."""
    columns = [_arrow_values(column) for column in table.columns]
    return table.num_rows, _arrow_schema(table.schema), columns


def _arrow_schema(schema: Any) -> object:
    """Reduce a schema to its fields, and its metadata if there is any."""
    fields = list(map(_arrow_field, schema))
    if schema.metadata is None:
        return fields
    metadata = dict(schema.metadata)
    if b"pandas" in metadata:
        metadata[b"pandas"] = _without_versions(metadata[b"pandas"])
    return fields, metadata


def _without_versions(text: bytes) -> object:
    """Return what pandas notes of its frame in a schema, without who has written it."""
    try:
        facts = loads(text)
    except ValueError:
        return text
    if type(facts) is not dict:
        return text
    return {
        name: fact
        for name, fact in facts.items()
        if name not in ("creator", "pandas_version")
    }


def _arrow_field(field: Any) -> object:
    data = field.name, _arrow_type(field.type), field.nullable
    return data if field.metadata is None else (*data, field.metadata)


def _arrow_type(type_: Any) -> object:
    """Reduce a type to its name, and what that does not say: fields, and an extension."""
    if hasattr(type_, "__arrow_ext_serialize__"):
        written = bytes(type_.__arrow_ext_serialize__())
        return type_.extension_name, written, _arrow_type(type_.storage_type)
    if not type_.num_fields:
        return str(type_)
    fields = [_arrow_field(type_.field(place)) for place in range(type_.num_fields)]
    return str(type_), fields


def _arrow_column(column: Any) -> object:
    return _arrow_type(column.type), _arrow_values(column)


def _arrow_values(column: Any) -> object:
    """Reduce values of fixed width to memory and the places of nulls, others to a list."""
    pyarrow: Any = sys.modules["pyarrow"]
    types = pyarrow.types
    column = _in_one_piece(column)
    if types.is_map(column.type):
        pair = pyarrow.struct([column.type.key_field, column.type.item_field])
        column = column.cast(pyarrow.list_(pair))
    if hasattr(column, "storage"):  # an array of an extension
        column = column.storage
    type_ = column.type
    is_null = column.is_null().to_pylist() if column.null_count else []
    nulls = [place for place, gone in enumerate(is_null) if gone]
    if types.is_dictionary(type_):
        return nulls, _arrow_values(column.dictionary_decode())
    # Values in Python would lack nanoseconds.
    if types.is_struct(type_):
        return nulls, len(column), [_arrow_column(part) for part in column.flatten()]
    if (
        types.is_list(type_)
        or types.is_large_list(type_)
        or types.is_fixed_size_list(type_)
    ):
        return (
            nulls,
            column.value_lengths().to_pylist(),
            _arrow_column(column.flatten()),
        )
    if not (
        types.is_temporal(type_) or types.is_integer(type_) or types.is_floating(type_)
    ):
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
    ("pandas", "DataFrame"): Rule(_table, "DataFrame"),
    ("pandas", "Series"): Rule(_table, "Series"),
    ("pandas", "Index"): Rule(_index),
    # It says no more than its dtype does.
    ("pandas", "RangeIndex"): Rule(_index, "Index"),
    ("pandas", "ExtensionArray"): Rule(_values, "array", is_abstract=True),
    ("pandas", "ExtensionDtype"): Rule(_dtype, "dtype", is_abstract=True),
    ("pandas", "Timestamp"): _scalar(
        lambda value: (_nanoseconds(value), value.fold, value.tzinfo)
    ),
    ("pandas", "Timedelta"): _scalar(_nanoseconds),
    ("pandas", "Period"): _scalar(lambda value: (value.ordinal, value.freqstr)),
    ("pandas", "Interval"): _scalar(
        lambda value: (value.left, value.right, value.closed)
    ),
    ("pandas", "NAType"): _scalar(lambda _: None),
    ("pandas", "NaTType"): _scalar(lambda _: None),
    ("polars", "DataFrame"): Rule(
        lambda frame, _: (
            frame.height,
            [_polars_series(series) for series in frame.get_columns()],
        )
    ),
    ("polars", "Series"): Rule(lambda series, _: _polars_series(series)),
    ("polars", "DataType"): Rule(lambda dtype, _: str(dtype)),
    ("pyarrow", "Table"): Rule(_arrow_table),
    ("pyarrow", "RecordBatch"): Rule(_arrow_table),
    ("pyarrow", "ChunkedArray"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Array"): Rule(lambda column, _: _arrow_column(column)),
    ("pyarrow", "Scalar"): Rule(
        lambda value, _: _arrow_column(
            sys.modules["pyarrow"].array([value], value.type)
        )
    ),
    ("pyarrow", "Schema"): Rule(lambda schema, _: _arrow_schema(schema)),
    ("pyarrow", "Field"): Rule(lambda field, _: _arrow_field(field)),
    ("pyarrow", "DataType"): Rule(lambda dtype, _: _arrow_type(dtype)),
}

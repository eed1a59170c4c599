"""pandas, polars and pyarrow: tables and columns count by what they say.

That is names, labels, types and values, not how these are stored.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable
from itertools import chain, compress
from json import loads
from typing import Any

from pytest_mimic._core.identity.numeric import array_memory, float_format
from pytest_mimic._core.identity.short import plain_nans
from pytest_mimic._core.types.additions import is_of
from pytest_mimic._core.types.kinds import Raw, Unstable
from pytest_mimic._core.types.libraries import Rule

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def _nanoseconds(value: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds.

    pandas 3 keeps it in the unit that it was made from.
    """
    return int(value.asm8.view("int64")) * NANOSECONDS[getattr(value, "unit", "ns")]


def _scalar(reduce: Callable[[Any], object]) -> Rule:
    """Return the rule of a scalar, whose unit counts in an outcome."""

    def reduce_with_unit(value: Any, layout: bool) -> object:
        if layout:
            return reduce(value), getattr(value, "unit", None)
        return reduce(value)

    return Rule(reduce_with_unit)


def _timestamp(value: Any) -> object:
    """Reduce a moment to its nanoseconds, and which of two with one name it is."""
    return _nanoseconds(value), value.fold, value.tzinfo


def _period(value: Any) -> object:
    """Reduce a period, such as a month, to its number and its length."""
    return value.ordinal, value.freqstr


def _interval(value: Any) -> object:
    """Reduce an interval to its ends, and which of these belong to it."""
    return value.left, value.right, value.closed


def _nothing(_value: Any) -> object:
    """Reduce what stands for a missing value, whose class says it all."""
    return None


def _table(table: Any, _layout: bool) -> object:
    """Reduce a frame or a series.

    One of another library's class counts with the attributes that it keeps beside the
    data.
    """
    data: object
    if table.ndim == 2:
        data = table.shape, table.columns, table.index, _columns(table)
    else:
        data = table.name, table.index, _values(table.array)
    if table.attrs or not table.flags.allows_duplicate_labels:
        data = data, table.attrs, table.flags.allows_duplicate_labels
    kind = type(table)
    if is_of(kind, "pandas"):
        return data
    names = getattr(kind, "_metadata", [])
    if not names:
        return data
    return data, {name: getattr(table, name, None) for name in names}


def _columns(frame: Any) -> object:
    """Reduce the columns of a frame.

    | data | reduced to |
    |---|---|
    | each column | the name of its dtype, or a dtype that says more than its name |
    | all numbers of a dtype | one memory |
    | each other column | its values |
    """
    dtypes = list(frame.dtypes)
    has_one_dtype = bool(dtypes) and dtypes.count(dtypes[0]) == len(dtypes)
    if has_one_dtype and _is_number(dtypes[0]):
        # Its columns follow one another in memory.
        block = frame.to_numpy().T
        return [str(dtypes[0])] * len(dtypes), [_memory_of([block])], []
    names: list[object] = []
    numbers: dict[Any, list[Any]] = {}
    others = []
    for dtype, (_, column) in zip(dtypes, frame.items()):
        names.append(_name_or_dtype(dtype))
        if _is_number(dtype):
            numbers.setdefault(dtype, []).append(column.to_numpy()[None])
        else:
            others.append(_values(column.array))
    return names, list(map(_memory_of, numbers.values())), others


def _name_or_dtype(dtype: Any) -> object:
    """Return the name of a dtype that says it all, else the dtype."""
    if _is_known(dtype):
        return str(dtype)
    return dtype


def _is_known(thing: Any) -> bool:
    """Return whether a dtype or an array says by its class all that it carries."""
    return is_of(type(thing), "pandas") or is_of(type(thing), "numpy")


def _is_number(dtype: Any) -> bool:
    """Return whether values of a dtype are plain numbers in numpy's memory."""
    return is_of(type(dtype), "numpy") and dtype.kind in "biufc"


def _memory_of(columns: list[Any]) -> Raw:
    """Return the memory of columns of one dtype, one after the other.

    Args:
        columns: Arrays with two dimensions, of which each row is a column.
    """
    dtype = columns[0].dtype
    size = sum([column.nbytes for column in columns])

    def parts() -> Iterable[Any]:
        return chain.from_iterable(map(array_memory, columns))

    number_of_columns = sum(map(len, columns))
    length = columns[0].shape[1]
    head = ("columns", dtype.str, number_of_columns, length)
    return Raw(head, size, parts, floats=float_format(dtype))


def _index(index: Any, layout: bool) -> object:
    """Reduce an index to its labels and its `freq`.

    In an outcome, its storage and labels that no row uses count as well.
    """
    pandas: Any = sys.modules["pandas"]
    data: object
    if isinstance(index, pandas.MultiIndex):
        levels = []
        for place in range(index.nlevels):
            levels.append(_labels(index.get_level_values(place).array))
        data = list(index.names), len(index), levels
    elif isinstance(index, pandas.RangeIndex):
        numpy: Any = sys.modules["numpy"]
        numbers = numpy.arange(index.start, index.stop, index.step, dtype="int64")
        data = index.name, ("int64", numbers)
    else:
        data = index.name, _labels(index.array)
    freq = getattr(index, "freq", None)
    if freq is not None:
        # Its `freqstr` is another one since pandas 2.2.
        data = data, repr(freq)
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
    """Reduce a dtype to its name, or a categorical one to its ordered categories."""
    pandas: Any = sys.modules["pandas"]
    if not isinstance(dtype, pandas.CategoricalDtype):
        return str(dtype)
    labels = None
    if dtype.categories is not None:
        labels = _labels(dtype.categories.array)
    return "category", bool(dtype.ordered), labels


def _values(array: Any, _layout: bool = False) -> object:
    """Reduce an array to numpy arrays if these say it all, else to its elements."""
    numpy: Any = sys.modules["numpy"]
    pandas: Any = sys.modules["pandas"]
    dtype = array.dtype
    name = str(dtype)
    if not _is_known(array):
        return _name_or_dtype(dtype), array
    kind = type(array).__name__
    if kind in ("NumpyExtensionArray", "PandasArray"):
        values = array.to_numpy()
        if values.dtype.hasobject:
            values = values.tolist()
        return name, values
    if isinstance(array, pandas.Categorical):
        return _dtype(dtype), array.codes.astype("int64")
    if kind in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        return name, array.asi8
    if kind in ("IntegerArray", "FloatingArray", "BooleanArray"):
        missing = array.isna()
        return name, missing, array[~missing].to_numpy(dtype.numpy_dtype)
    if kind == "IntervalArray":
        return name, _values(array.left.array), _values(array.right.array)
    if isinstance(dtype, pandas.StringDtype):
        try:
            return name, None, _texts(array)
        except TypeError:
            # One is missing. To search for it beforehand would be slow.
            missing = numpy.asarray(array.isna())
            return name, missing, _texts(array[~missing])
    if kind == "ArrowExtensionArray":
        return name, array.__arrow_array__()
    missing = numpy.asarray(array.isna())
    items = list(compress(array, ~missing))
    return name, missing, items


def _texts(array: Any) -> object:
    """Reduce texts to one joined text, or to a list if one contains the separator.

    Raises:
        TypeError: One is missing.
    """
    numpy: Any = sys.modules["numpy"]
    data: Any
    if getattr(array.dtype, "storage", "") == "pyarrow":
        data = memoryview(_joined_by_arrow(array.__arrow_array__()))
    else:
        texts = numpy.asarray(array, dtype=object).tolist()
        data = "\0".join(texts).encode("utf-8", "surrogatepass")
    separators = numpy.count_nonzero(numpy.frombuffer(data, "u1") == 0)
    if separators != max(len(array) - 1, 0):
        return numpy.asarray(array, dtype=object).tolist()

    def parts() -> tuple[Any]:
        return (data,)

    return Raw(("texts", len(array)), len(data), parts)


def _joined_by_arrow(column: Any) -> Any:
    """Return the buffer of texts joined by NUL, without a string for each.

    Raises:
        TypeError: One is missing.
    """
    pyarrow: Any = sys.modules["pyarrow"]
    if column.null_count:
        raise TypeError
    texts = _in_one_piece(column).cast(pyarrow.large_string())
    # Arrow joins the texts of each list: all are one list.
    ends = pyarrow.array([0, len(texts)], "int64")
    one_list = pyarrow.LargeListArray.from_arrays(ends, texts)
    separator = pyarrow.scalar("\0", texts.type)
    joined = sys.modules["pyarrow.compute"].binary_join(one_list, separator)
    return joined[0].as_buffer()


def _in_one_piece(column: Any) -> Any:
    """Return a column of arrow as one array; a column of a table may have several."""
    pyarrow: Any = sys.modules["pyarrow"]
    if not isinstance(column, pyarrow.ChunkedArray):
        return column
    chunks = column.chunks or [pyarrow.array([], column.type)]
    if len(chunks) == 1:
        return chunks[0]
    return pyarrow.concat_arrays(chunks)


def _name(dtype: Any, _layout: bool) -> str:
    """Reduce a dtype of polars to its name."""
    return str(dtype)


# polars and pyarrow

# The numeric dtypes of polars, and the type codes of `array.array` for the same bytes.
_NUMBERS = "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64"
POLARS_NUMBERS: dict[str, str] = dict(zip(_NUMBERS.split(), "bhiqBHIQfd", strict=True))
# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


def _polars_series(series: Any, _layout: bool = False) -> object:
    """Reduce a series.

    Numbers and moments count by their memory and the places of nulls, other values as a
    list.
    """
    dtype = series.dtype
    head = series.name, _polars_dtype(dtype)
    physical = series
    if _holds_moments(dtype):
        if "Categorical" in str(dtype):
            # The numbers that stand for categories differ between processes.
            raise Unstable(
                "moments beside categories inside a column",
                type(series),
                remedy="or convert it to Python's values",
            )
        # Values in Python would lack nanoseconds.
        physical = series.to_physical()
    elif dtype.is_temporal():
        physical = series.to_physical()
    code = POLARS_NUMBERS.get(str(physical.dtype))
    if code is None:
        return head, physical.to_list()
    nulls = physical.is_null().arg_true().to_list()
    if nulls:
        physical = physical.fill_null(0)
    # The same bytes with numpy and without.
    numbers: Any
    if "numpy" in sys.modules:
        numbers = physical.to_numpy()
    else:
        numbers = array(code, plain_nans(physical.to_list()))
    size = len(numbers) * numbers.itemsize
    floats = ""
    if code in "fd":
        floats = f"={code}"

    def parts() -> tuple[memoryview, ...]:
        if not size:
            return ()
        return (memoryview(numbers).cast("B"),)

    return head, nulls, Raw((code, len(numbers)), size, parts, floats=floats)


def _polars_dtype(dtype: Any) -> object:
    """Reduce a dtype to its name, an Enum to its categories, which the name lacks."""
    categories = getattr(dtype, "categories", None)
    if categories is not None and str(dtype).startswith("Enum"):
        return "Enum", categories.to_list()
    return str(dtype)


def _holds_moments(dtype: Any) -> bool:
    """Return whether the values of a nested dtype hold moments."""
    if not dtype.is_nested():
        return False
    return any(word in str(dtype) for word in ("Date", "Time", "Duration"))


def _polars_frame(frame: Any, _layout: bool) -> object:
    """Reduce a frame to its number of rows and its columns."""
    return frame.height, list(map(_polars_series, frame.get_columns()))


def _arrow_table(table: Any, _layout: bool) -> object:
    """Reduce a table to its schema and its columns."""
    columns = list(map(_arrow_values, table.columns))
    return table.num_rows, _arrow_schema(table.schema), columns


def _arrow_schema(schema: Any, _layout: bool = False) -> object:
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
    facts.pop("creator", None)
    facts.pop("pandas_version", None)
    return facts


def _arrow_field(field: Any, _layout: bool = False) -> object:
    """Reduce a field of a schema to its name, its type, and its metadata if any."""
    data = field.name, _arrow_type(field.type), field.nullable
    if field.metadata is None:
        return data
    return *data, field.metadata


def _arrow_type(type_: Any, _layout: bool = False) -> object:
    """Reduce a type to its name, its fields, and what an extension has written."""
    if hasattr(type_, "__arrow_ext_serialize__"):
        written = bytes(type_.__arrow_ext_serialize__())
        return type_.extension_name, written, _arrow_type(type_.storage_type)
    if not type_.num_fields:
        return str(type_)
    fields = [_arrow_field(type_.field(place)) for place in range(type_.num_fields)]
    return str(type_), fields


def _arrow_column(column: Any, _layout: bool = False) -> object:
    return _arrow_type(column.type), _arrow_values(column)


def _arrow_values(column: Any) -> object:
    """Reduce a column to the places of nulls and its values.

    Those of fixed width count by their memory, containers by their parts, others as a
    list.
    """
    pyarrow: Any = sys.modules["pyarrow"]
    types = pyarrow.types
    column = _in_one_piece(column)
    if types.is_map(column.type):
        pair = pyarrow.struct([column.type.key_field, column.type.item_field])
        column = column.cast(pyarrow.list_(pair))
    if hasattr(column, "storage"):
        # It is an array of an extension.
        column = column.storage
    type_ = column.type
    # The places of the nulls.
    nulls = []
    if column.null_count:
        is_null = column.is_null().to_pylist()
        nulls = list(compress(range(len(column)), is_null))
    if types.is_dictionary(type_):
        return nulls, _arrow_values(column.dictionary_decode())
    # Containers are taken apart: moments inside would lack nanoseconds in Python.
    if types.is_struct(type_):
        return nulls, len(column), [_arrow_column(part) for part in column.flatten()]
    if _is_arrow_list(type_):
        lengths = column.value_lengths().to_pylist()
        return nulls, lengths, _arrow_column(column.flatten())
    is_number = types.is_integer(type_) or types.is_floating(type_)
    if not is_number and not types.is_temporal(type_):
        return column.to_pylist()
    if nulls:
        column = column.drop_null()
    return nulls, _arrow_memory(column)


def _is_arrow_list(type_: Any) -> bool:
    """Return whether values of a type are lists, which may have one length."""
    types: Any = sys.modules["pyarrow"].types
    if types.is_list(type_) or types.is_large_list(type_):
        return True
    return bool(types.is_fixed_size_list(type_))


def _arrow_memory(column: Any) -> Raw:
    """Return the memory of values of fixed width, none of which is missing."""
    type_ = column.type
    width = type_.bit_width // 8
    start = width * column.offset
    size = width * len(column)
    # The first buffer says which values are missing.
    memory = column.buffers()[1]
    floats = ""
    if sys.modules["pyarrow"].types.is_floating(type_):
        floats = ARROW_FLOATS[width]

    def parts() -> tuple[memoryview, ...]:
        if not size:
            return ()
        return (memoryview(memory)[start : start + size],)

    return Raw((str(type_), len(column)), size, parts, floats=floats)


def _arrow_scalar(value: Any, _layout: bool) -> object:
    """Reduce a value of arrow as a column of one value."""
    return _arrow_column(sys.modules["pyarrow"].array([value], value.type))


RULES: dict[tuple[str, str], Rule] = {
    ("pandas", "DataFrame"): Rule(_table, "DataFrame"),
    ("pandas", "Series"): Rule(_table, "Series"),
    ("pandas", "Index"): Rule(_index),
    # It says no more than its dtype does.
    ("pandas", "RangeIndex"): Rule(_index, "Index"),
    ("pandas", "ExtensionArray"): Rule(_values, "array", is_abstract=True),
    ("pandas", "ExtensionDtype"): Rule(_dtype, "dtype", is_abstract=True),
    ("pandas", "Timestamp"): _scalar(_timestamp),
    ("pandas", "Timedelta"): _scalar(_nanoseconds),
    ("pandas", "Period"): _scalar(_period),
    ("pandas", "Interval"): _scalar(_interval),
    ("pandas", "NAType"): _scalar(_nothing),
    ("pandas", "NaTType"): _scalar(_nothing),
    ("polars", "DataFrame"): Rule(_polars_frame),
    ("polars", "Series"): Rule(_polars_series),
    ("polars", "DataType"): Rule(_name),
    ("pyarrow", "Table"): Rule(_arrow_table),
    ("pyarrow", "RecordBatch"): Rule(_arrow_table),
    ("pyarrow", "ChunkedArray"): Rule(_arrow_column),
    ("pyarrow", "Array"): Rule(_arrow_column),
    ("pyarrow", "Scalar"): Rule(_arrow_scalar),
    ("pyarrow", "Schema"): Rule(_arrow_schema),
    ("pyarrow", "Field"): Rule(_arrow_field),
    ("pyarrow", "DataType"): Rule(_arrow_type),
}

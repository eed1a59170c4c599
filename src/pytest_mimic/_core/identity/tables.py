"""pandas, polars and pyarrow: tables and columns count by what they say.

They say names, labels, types and values. How these are stored does not count. Each
function `_reduce_…` is the rule of identity of a class in `RULES`: it returns plainer
data, which is hashed in the object's place. A change of a rule makes the recordings of
calls with such tables misses.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable
from itertools import chain, compress
from json import loads
from typing import Any, NoReturn

from pytest_mimic._core.identity.arrays import array_memory, float_format
from pytest_mimic._core.identity.short_scalars import plain_nans
from pytest_mimic._core.types.added_attributes import is_of
from pytest_mimic._core.types.libraries import Rule
from pytest_mimic._core.types.reductions import Raw, Unstable

# How many nanoseconds each unit of a moment of pandas has.
NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def _nanoseconds(stamp_or_span: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds.

    pandas 3 keeps a moment in the unit from which it was made.
    """
    return (
        int(stamp_or_span.asm8.view("int64"))
        * NANOSECONDS[getattr(stamp_or_span, "unit", "ns")]
    )


def _scalar_rule(reduce: Callable[[Any], object]) -> Rule:
    """Return the rule of a scalar of pandas, whose unit counts in an outcome."""

    def reduce_with_unit(value: Any, is_outcome: bool) -> object:
        if is_outcome:
            return reduce(value), getattr(value, "unit", None)
        return reduce(value)

    return Rule(reduce_with_unit)


def _reduce_timestamp(timestamp: Any) -> object:
    """Reduce a moment to its nanoseconds, its `fold` and its zone.

    `fold` tells two moments apart that have one name when the clock is put back.
    """
    return _nanoseconds(timestamp), timestamp.fold, timestamp.tzinfo


def _reduce_period(period: Any) -> object:
    """Reduce a period to its number and its length: `(682, "M")`, the month 2026-11."""
    return period.ordinal, period.freqstr


def _reduce_interval(interval: Any) -> object:
    """Reduce an interval to its ends, and which of the ends belong to it."""
    return interval.left, interval.right, interval.closed


def _reduce_missing_value(_value: Any) -> object:
    """Reduce an object that stands for a missing value: its class says it all."""
    return None


def _reduce_pandas_table(table: Any, _is_outcome: bool) -> object:
    """Reduce a frame or a series of pandas.

    An object of another library's class, such as a `GeoDataFrame`, counts with the
    attributes that it keeps beside the data.
    """
    counted_parts: object
    if table.ndim == 2:
        columns_data = _pandas_columns_data(table)
        counted_parts = table.shape, table.columns, table.index, columns_data
    else:
        counted_parts = table.name, table.index, _reduce_pandas_array(table.array)
    # Only what differs from the defaults of pandas is added.
    if table.attrs or not table.flags.allows_duplicate_labels:
        flag = table.flags.allows_duplicate_labels
        counted_parts = counted_parts, table.attrs, flag
    type_ = type(table)
    if is_of(type_, "pandas"):
        return counted_parts
    # The list in which a subclass names the attributes that it keeps.
    names = getattr(type_, "_metadata", [])
    if not names:
        return counted_parts
    return counted_parts, {name: getattr(table, name, None) for name in names}


def _pandas_columns_data(frame: Any) -> object:
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
        # The columns of such a frame follow one another in memory.
        block = frame.to_numpy().T
        return [str(dtypes[0])] * len(dtypes), [_columns_memory([block])], []
    dtype_names: list[object] = []
    # The columns of numbers by their dtype.
    number_columns: dict[Any, list[Any]] = {}
    data_of_other_columns = []
    for dtype, (_, column) in zip(dtypes, frame.items()):
        dtype_names.append(_name_or_dtype(dtype))
        if _is_number(dtype):
            number_columns.setdefault(dtype, []).append(column.to_numpy()[None])
        else:
            data_of_other_columns.append(_reduce_pandas_array(column.array))
    return (
        dtype_names,
        list(map(_columns_memory, number_columns.values())),
        data_of_other_columns,
    )


def _name_or_dtype(dtype: Any) -> object:
    """Return the name of a dtype that says it all, else the dtype."""
    if _is_of_pandas_or_numpy(dtype):
        return str(dtype)
    return dtype


def _is_of_pandas_or_numpy(dtype_or_array: Any) -> bool:
    """Return whether a dtype or an array is of a class of pandas or numpy.

    The rules here know all that objects of these classes carry.
    """
    return is_of(type(dtype_or_array), "pandas") or is_of(type(dtype_or_array), "numpy")


def _is_number(dtype: Any) -> bool:
    """Return whether values of a dtype are plain numbers in numpy's memory.

    The letters are numpy's kinds: bool, int, unsigned int, float, complex.
    """
    return is_of(type(dtype), "numpy") and dtype.kind in "biufc"


def _columns_memory(columns: list[Any]) -> Raw:
    """Return the memory of columns of one dtype, one after the other.

    Args:
        columns: Arrays with two dimensions, of which each row is a column.
    """
    dtype = columns[0].dtype
    size = sum([column.nbytes for column in columns])

    def memory_parts() -> Iterable[Any]:
        return chain.from_iterable(map(array_memory, columns))

    number_of_columns = sum(map(len, columns))
    length = columns[0].shape[1]
    head = ("columns", dtype.str, number_of_columns, length)
    return Raw(head, size, memory_parts, format_of_floats=float_format(dtype))


def _reduce_pandas_index(index: Any, is_outcome: bool) -> object:
    """Reduce an index to its labels and its `freq`.

    In an outcome, the storage of the index, and labels that no row uses, count as well.
    """
    pandas: Any = sys.modules["pandas"]
    counted_parts: object
    if isinstance(index, pandas.MultiIndex):
        labels_by_level = []
        for place in range(index.nlevels):
            labels_by_level.append(
                _index_labels_data(index.get_level_values(place).array)
            )
        counted_parts = list(index.names), len(index), labels_by_level
    elif isinstance(index, pandas.RangeIndex):
        numpy: Any = sys.modules["numpy"]
        numbers = numpy.arange(index.start, index.stop, index.step, dtype="int64")
        # It counts as an index that has these numbers as labels.
        counted_parts = index.name, ("int64", numbers)
    else:
        counted_parts = index.name, _index_labels_data(index.array)
    freq = getattr(index, "freq", None)
    if freq is not None:
        counted_parts = counted_parts, *_frequency_data(freq)
    if not is_outcome:
        return counted_parts
    # The bounds of a `RangeIndex`, which it keeps in place of labels.
    bounds = [getattr(index, name, None) for name in ("start", "stop", "step")]
    # The levels of a `MultiIndex` have each label once, whether a row uses it or not.
    levels = list(getattr(index, "levels", ()))
    return counted_parts, bounds, levels


# The days of a week on which a business day of pandas falls unless a user says others.
_USUAL_WEEKMASK = [True] * 5 + [False] * 2


def _frequency_data(freq: Any) -> tuple[object, ...]:
    """Reduce the frequency of an index to its text, and to what its text leaves out.

    The text of business days says neither the days of their week nor the holidays, and
    that of no frequency says whether it moves a moment to midnight.
    """
    # The `freqstr` of the same frequency is another text since pandas 2.2.
    text = repr(freq)
    left_out: dict[str, object] = {}
    # The frequency of a class of another package may be a text, as that of xarray is.
    if getattr(freq, "normalize", False):
        left_out["normalize"] = True
    calendar = getattr(freq, "calendar", None)
    if calendar is not None:
        weekmask = calendar.weekmask.tolist()
        if weekmask != _USUAL_WEEKMASK:
            left_out["weekmask"] = weekmask
        if len(calendar.holidays):
            left_out["holidays"] = calendar.holidays
    if not left_out:
        return (text,)
    return text, left_out


def _index_labels_data(array: Any) -> object:
    """Reduce the labels of an index.

    Texts count the same with the dtype `str` of pandas 3 and `object` before.
    """
    if str(array.dtype) == "object" and all(type(label) is str for label in array):
        return "str", None, _texts_data(array)
    return _reduce_pandas_array(array)


def _reduce_pandas_dtype(dtype: Any, _is_outcome: bool = False) -> object:
    """Reduce a dtype to its name, or a categorical one to its ordered categories."""
    pandas: Any = sys.modules["pandas"]
    if not isinstance(dtype, pandas.CategoricalDtype):
        return str(dtype)
    labels = None
    if dtype.categories is not None:
        labels = _index_labels_data(dtype.categories.array)
    is_ordered = dtype.ordered
    if is_ordered is not None:
        # None leaves the values to which the dtype is applied as ordered as they are.
        is_ordered = bool(is_ordered)
    return "category", is_ordered, labels


def _reduce_pandas_array(array: Any, _is_outcome: bool = False) -> object:
    """Reduce an array to numpy arrays if these say it all, else to its elements.

    The arrays are those behind the columns of pandas. Most are reduced to the name of
    the dtype, the places of missing values, and the values that are there.
    """
    numpy: Any = sys.modules["numpy"]
    pandas: Any = sys.modules["pandas"]
    dtype = array.dtype
    dtype_name = str(dtype)
    if not _is_of_pandas_or_numpy(array):
        return _name_or_dtype(dtype), array
    class_name = type(array).__name__
    # The array of pandas around an array of numpy; its name differs by version.
    if class_name in ("NumpyExtensionArray", "PandasArray"):
        values = array.to_numpy()
        if values.dtype.hasobject:
            values = values.tolist()
        return dtype_name, values
    if isinstance(array, pandas.Categorical):
        # The number of each value's category, -1 for a missing value.
        return _reduce_pandas_dtype(dtype), array.codes.astype("int64")
    if class_name in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        # The moments as integers of 64 bits, of which one stands for a missing moment.
        return dtype_name, array.asi8
    if class_name in ("IntegerArray", "FloatingArray", "BooleanArray"):
        # The numbers at the places of missing values are arbitrary, and do not count.
        is_missing = array.isna()
        return dtype_name, is_missing, array[~is_missing].to_numpy(dtype.numpy_dtype)
    if class_name == "IntervalArray":
        return (
            dtype_name,
            _reduce_pandas_array(array.left.array),
            _reduce_pandas_array(array.right.array),
        )
    if isinstance(dtype, pandas.StringDtype):
        try:
            return dtype_name, None, _texts_data(array)
        except TypeError:
            # Only a missing text leads here. To search each array for missing texts
            # beforehand would be slow.
            is_missing = numpy.asarray(array.isna())
            return dtype_name, is_missing, _texts_data(array[~is_missing])
    if class_name == "ArrowExtensionArray":
        return dtype_name, array.__arrow_array__()
    # The items of any other array, such as a sparse one, count one by one.
    is_missing = numpy.asarray(array.isna())
    items = list(compress(array, ~is_missing))
    return dtype_name, is_missing, items


def _texts_data(array: Any) -> object:
    """Reduce texts to one joined text, or to a list if a text contains the separator.

    Raises:
        TypeError: A text is missing.
    """
    numpy: Any = sys.modules["numpy"]
    joined_texts: Any
    if getattr(array.dtype, "storage", "") == "pyarrow":
        joined_texts = memoryview(_joined_by_arrow(array.__arrow_array__()))
    else:
        texts = numpy.asarray(array, dtype=object).tolist()
        joined_texts = "\0".join(texts).encode("utf-8", "surrogatepass")
    separator_count = numpy.count_nonzero(numpy.frombuffer(joined_texts, "u1") == 0)
    if separator_count != max(len(array) - 1, 0):
        # Other texts would join to the same.
        return numpy.asarray(array, dtype=object).tolist()

    def memory_parts() -> tuple[Any]:
        return (joined_texts,)

    return Raw(("texts", len(array)), len(joined_texts), memory_parts)


def _joined_by_arrow(column: Any) -> Any:
    """Return the buffer of texts joined by NUL, without a string for each text.

    Raises:
        TypeError: A text is missing.
    """
    pyarrow: Any = sys.modules["pyarrow"]
    if column.null_count:
        raise TypeError
    texts = _in_one_piece(column).cast(pyarrow.large_string())
    # Arrow joins the texts of each list in a column, so all texts become one list.
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
    # How a column is cut into chunks does not count. A column without any has a type,
    # which an empty array of that type keeps.
    chunks = column.chunks or [pyarrow.array([], column.type)]
    if len(chunks) == 1:
        return chunks[0]
    return pyarrow.concat_arrays(chunks)


def _reduce_polars_dtype_to_name(dtype: Any, _is_outcome: bool) -> str:
    """Reduce a dtype of polars to its name."""
    return str(dtype)


# polars and pyarrow

# The numeric dtypes of polars, and by their names the type codes of `array.array` for
# the same bytes: `{"Int8": "b", …}`.
_POLARS_NUMBER_DTYPES = (
    "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64"
)
POLARS_ARRAY_CODES: dict[str, str] = dict(
    zip(_POLARS_NUMBER_DTYPES.split(), "bhiqBHIQfd", strict=True)
)
# The formats of pyarrow's floats as in `struct`, by their width in bytes.
ARROW_FLOATS = {2: "=e", 4: "=f", 8: "=d"}


def _reduce_polars_series(series: Any, _is_outcome: bool = False) -> object:
    """Reduce a series of polars.

    Numbers and moments count by their memory and the places of nulls, other values as a
    list.
    """
    dtype = series.dtype
    head = series.name, _polars_dtype_data(dtype)
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
    code = POLARS_ARRAY_CODES.get(str(physical.dtype))
    if code is None:
        # Texts, lists and the like count as Python has them.
        return head, physical.to_list()
    nulls = physical.is_null().arg_true().to_list()
    if nulls:
        # What the memory has at the places of nulls is arbitrary.
        physical = physical.fill_null(0)
    # Both ways give the same bytes: numpy may not be installed.
    numbers: Any
    if "numpy" in sys.modules:
        numbers = physical.to_numpy()
    else:
        numbers = array(code, plain_nans(physical.to_list()))
    size = len(numbers) * numbers.itemsize
    # By this format, every NaN in the memory is hashed as the same.
    format_of_floats = ""
    if code in "fd":
        format_of_floats = f"={code}"

    def memory_parts() -> tuple[memoryview, ...]:
        if not size:
            return ()
        return (memoryview(numbers).cast("B"),)

    return (
        head,
        nulls,
        Raw(
            (code, len(numbers)), size, memory_parts, format_of_floats=format_of_floats
        ),
    )


def _polars_dtype_data(dtype: Any) -> object:
    """Reduce a dtype of polars to its name.

    An Enum is reduced to its categories, which its name does not have.
    """
    categories = getattr(dtype, "categories", None)
    if categories is not None and str(dtype).startswith("Enum"):
        return "Enum", categories.to_list()
    return str(dtype)


def _holds_moments(dtype: Any) -> bool:
    """Return whether the values of a nested dtype hold moments."""
    if not dtype.is_nested():
        return False
    return any(word in str(dtype) for word in ("Date", "Time", "Duration"))


def _reduce_polars_frame(frame: Any, _is_outcome: bool) -> object:
    """Reduce a frame of polars to its number of rows and its columns."""
    return frame.height, list(map(_reduce_polars_series, frame.get_columns()))


def _reduce_polars_lazy_frame(frame: Any, _is_outcome: bool) -> object:
    """Reduce a lazy frame of polars to its plan, with the data that stands in it.

    Raises:
        Unstable: The frame reads files when it is collected.
    """
    if "SCAN" in frame.explain(optimized=False):
        raise _reads_files_later(frame, "collect()")
    return frame.__getstate__()


def _refuse_arrow_dataset(dataset: Any, _is_outcome: bool) -> NoReturn:
    """Refuse a dataset of pyarrow, which reads its files when it is asked for data."""
    raise _reads_files_later(dataset, "to_table()")


def _reads_files_later(value: object, reading: str) -> Unstable:
    """Return the error for a value that reads files later, outside of Python.

    What such a file contains cannot be seen, so that other files would be equal to it.
    """
    name = type(value).__name__
    remedy = f"pass its data: call {reading} before the call"
    return Unstable(
        f"a {name} object, which reads files later", type(value), remedy=remedy
    )


def _reduce_arrow_table(table: Any, _is_outcome: bool) -> object:
    """Reduce a table of pyarrow to its number of rows, its schema and its columns."""
    columns = list(map(_arrow_values_data, table.columns))
    return table.num_rows, _reduce_arrow_schema(table.schema), columns


def _reduce_arrow_schema(schema: Any, _is_outcome: bool = False) -> object:
    """Reduce a schema to its fields, and its metadata if there is any."""
    fields = list(map(_reduce_arrow_field, schema))
    if schema.metadata is None:
        return fields
    metadata = dict(schema.metadata)
    if b"pandas" in metadata:
        metadata[b"pandas"] = _pandas_facts_without_versions(metadata[b"pandas"])
    return fields, metadata


def _pandas_facts_without_versions(json: bytes) -> object:
    """Return the facts that pandas writes about its frame into a schema of pyarrow.

    The versions of pandas and pyarrow, by which they were written, are left out. A text
    that is no JSON comes back as it is.
    """
    try:
        facts = loads(json)
    except ValueError:
        return json
    if type(facts) is not dict:
        return json
    facts.pop("creator", None)
    facts.pop("pandas_version", None)
    return facts


def _reduce_arrow_field(field: Any, _is_outcome: bool = False) -> object:
    """Reduce a field of a schema to its name, its type, and its metadata if any."""
    counted_parts = field.name, _reduce_arrow_type(field.type), field.nullable
    if field.metadata is None:
        return counted_parts
    return *counted_parts, field.metadata


def _reduce_arrow_type(type_: Any, _is_outcome: bool = False) -> object:
    """Reduce a type to its name and its fields.

    The type of an extension counts by its name, its parameters and the type behind it.
    """
    if hasattr(type_, "__arrow_ext_serialize__"):
        parameters = bytes(type_.__arrow_ext_serialize__())
        return type_.extension_name, parameters, _reduce_arrow_type(type_.storage_type)
    if not type_.num_fields:
        return str(type_)
    fields = [
        _reduce_arrow_field(type_.field(place)) for place in range(type_.num_fields)
    ]
    return str(type_), fields


def _reduce_arrow_column(column: Any, _is_outcome: bool = False) -> object:
    """Reduce a column of pyarrow to its type and its values."""
    return _reduce_arrow_type(column.type), _arrow_values_data(column)


def _arrow_values_data(column: Any) -> object:
    """Reduce a column of pyarrow to the places of nulls and its values.

    Values of fixed width count by their memory, containers by their parts, other values
    as a list.
    """
    pyarrow: Any = sys.modules["pyarrow"]
    types = pyarrow.types
    column = _in_one_piece(column)
    if types.is_map(column.type):
        # A map is a list of pairs, each a struct of a key and an item.
        pair = pyarrow.struct([column.type.key_field, column.type.item_field])
        column = column.cast(pyarrow.list_(pair))
    if hasattr(column, "storage"):
        # The column is of the type of an extension, which has a column of a plain type.
        column = column.storage
    type_ = column.type
    # The places of the nulls.
    nulls = []
    if column.null_count:
        is_null = column.is_null().to_pylist()
        nulls = list(compress(range(len(column)), is_null))
    if types.is_dictionary(type_):
        return nulls, _arrow_values_data(column.dictionary_decode())
    # Containers are taken apart: as objects of Python, moments in them would lack their
    # nanoseconds.
    if types.is_struct(type_):
        return (
            nulls,
            len(column),
            [_reduce_arrow_column(part) for part in column.flatten()],
        )
    if _is_arrow_list(type_):
        lengths = column.value_lengths().to_pylist()
        return nulls, lengths, _reduce_arrow_column(column.flatten())
    is_number = types.is_integer(type_) or types.is_floating(type_)
    if not is_number and not types.is_temporal(type_):
        return column.to_pylist()
    if nulls:
        # The memory at the places of nulls is arbitrary.
        column = column.drop_null()
    return nulls, _arrow_memory(column)


def _is_arrow_list(type_: Any) -> bool:
    """Return whether the values of a type are lists of any or of a fixed length."""
    types: Any = sys.modules["pyarrow"].types
    if types.is_list(type_) or types.is_large_list(type_):
        return True
    return bool(types.is_fixed_size_list(type_))


def _arrow_memory(column: Any) -> Raw:
    """Return the memory of a column of fixed width, in which no value is missing."""
    type_ = column.type
    width = type_.bit_width // 8
    start = width * column.offset
    size = width * len(column)
    # The second buffer has the values; the first says which are missing.
    memory = column.buffers()[1]
    # By this format, every NaN in the memory is hashed as the same.
    format_of_floats = ""
    if sys.modules["pyarrow"].types.is_floating(type_):
        format_of_floats = ARROW_FLOATS[width]

    def memory_parts() -> tuple[memoryview, ...]:
        if not size:
            return ()
        return (memoryview(memory)[start : start + size],)

    return Raw(
        (str(type_), len(column)), size, memory_parts, format_of_floats=format_of_floats
    )


def _reduce_arrow_scalar(value: Any, _is_outcome: bool) -> object:
    """Reduce a value of arrow as a column of one value."""
    return _reduce_arrow_column(sys.modules["pyarrow"].array([value], value.type))


RULES: dict[tuple[str, str], Rule] = {
    ("pandas", "DataFrame"): Rule(_reduce_pandas_table, "DataFrame"),
    ("pandas", "Series"): Rule(_reduce_pandas_table, "Series"),
    ("pandas", "Index"): Rule(_reduce_pandas_index),
    # A range has the tag of any index: whether it keeps its labels or computes them
    # does not count.
    ("pandas", "RangeIndex"): Rule(_reduce_pandas_index, "Index"),
    ("pandas", "ExtensionArray"): Rule(_reduce_pandas_array, "array", has_no_data=True),
    ("pandas", "ExtensionDtype"): Rule(_reduce_pandas_dtype, "dtype", has_no_data=True),
    ("pandas", "Timestamp"): _scalar_rule(_reduce_timestamp),
    ("pandas", "Timedelta"): _scalar_rule(_nanoseconds),
    ("pandas", "Period"): _scalar_rule(_reduce_period),
    ("pandas", "Interval"): _scalar_rule(_reduce_interval),
    ("pandas", "NAType"): _scalar_rule(_reduce_missing_value),
    ("pandas", "NaTType"): _scalar_rule(_reduce_missing_value),
    ("polars", "DataFrame"): Rule(_reduce_polars_frame),
    ("polars", "LazyFrame"): Rule(_reduce_polars_lazy_frame),
    ("polars", "Series"): Rule(_reduce_polars_series),
    ("polars", "DataType"): Rule(_reduce_polars_dtype_to_name),
    ("pyarrow", "Table"): Rule(_reduce_arrow_table),
    ("pyarrow", "RecordBatch"): Rule(_reduce_arrow_table),
    ("pyarrow", "ChunkedArray"): Rule(_reduce_arrow_column),
    ("pyarrow", "Array"): Rule(_reduce_arrow_column),
    ("pyarrow", "Scalar"): Rule(_reduce_arrow_scalar),
    ("pyarrow", "Schema"): Rule(_reduce_arrow_schema),
    ("pyarrow", "Field"): Rule(_reduce_arrow_field),
    ("pyarrow", "DataType"): Rule(_reduce_arrow_type),
    ("pyarrow", "FileSystemDataset"): Rule(_refuse_arrow_dataset),
}

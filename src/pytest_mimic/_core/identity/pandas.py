"""pandas: frames, series and indexes count by labels, dtypes and values, not by their storage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pytest_mimic._core.identity.kinds import Raw, Rule
from pytest_mimic._core.identity.nans import CHUNK, zeros
from pytest_mimic._core.identity.numeric import array_memory, float_format

# Index classes that say no more than their dtype does. Those for numbers exist before pandas 2 only.
PLAIN_INDEXES = ("RangeIndex", "Int64Index", "UInt64Index", "Float64Index")

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def _nanoseconds(value: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds: pandas 3 keeps it in the unit it was made from."""
    return int(value.asm8.view("int64")) * NANOSECONDS[getattr(value, "unit", "ns")]


def _scalar(reduce: Callable[[Any], object]) -> Rule:
    """Return the rule of a scalar, whose unit counts in an outcome."""
    return Rule(
        lambda value, layout: (reduce(value), getattr(value, "unit", None)) if layout else reduce(value)
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
    names = [] if kind.__module__.partition(".")[0] == "pandas" else getattr(kind, "_metadata", [])
    return (data, {name: getattr(table, name, None) for name in names}) if names else data


def _columns(frame: Any) -> object:
    """Reduce the columns of a frame to their dtypes, one memory for all numbers of a dtype, and the other columns."""
    blocks: Any = getattr(getattr(frame, "_mgr", None), "blocks", ())
    if (
        frame.shape[1]
        and len(blocks) == 1
        and getattr(blocks[0].values, "ndim", 0) == 2
        and _is_number(blocks[0].values.dtype)
    ):
        # Its columns follow one another in memory. 0.5 ms for 2,000 of them, against 5 one by one.
        values = frame.to_numpy().T
        return (
            [str(values.dtype)] * len(values),
            [_memory_of(values.dtype, len(values), len(frame), [values])],
            [],
        )
    read: Callable[[int], Any] | None = getattr(getattr(frame, "_mgr", None), "iget_values", None)
    name_of = cache(str)  # numpy makes the name each time, in 5 µs
    names: list[str] = []
    numbers: dict[Any, list[Any]] = {}
    others = []
    for place in range(frame.shape[1]):
        # 0.5 µs by the private way, 25 by the public one.
        column = read(place) if read else frame.iloc[:, place].array
        dtype = column.dtype
        if read and _is_number(dtype):
            numbers.setdefault(dtype, []).append(column)
            names.append(name_of(dtype))
            continue
        column = frame.iloc[:, place].array
        if _is_number(frame.dtypes.iloc[place]):
            column = column.to_numpy()
            numbers.setdefault(column.dtype, []).append(column)
            names.append(name_of(column.dtype))
        else:
            names.append(str(dtype))
            others.append(_values(column))
    memories = [_memory_of(dtype, len(columns), len(frame), columns) for dtype, columns in numbers.items()]
    return names, memories, others


def _is_number(dtype: Any) -> bool:
    return type(dtype).__module__.partition(".")[0] == "numpy" and dtype.kind in "biufc"


def _memory_of(dtype: Any, count: int, rows: int, columns: list[Any]) -> Raw:
    """Return the memory of columns of one dtype, or of blocks of such columns, one after the other."""
    head = "columns", dtype.str, count, rows
    return Raw(head, dtype.itemsize * count * rows, lambda: _joined(columns), floats=float_format(dtype))


def _joined(columns: list[Any]) -> Iterator[Any]:
    """Yield the memory of columns. Small ones are joined first."""
    numpy: Any = sys.modules["numpy"]
    dtype = columns[0].dtype  # by default, numpy joins into the byte order of the machine
    most = max(1, CHUNK // (max(column.nbytes for column in columns) or 1))
    for start in range(0, len(columns), most):
        some = columns[start : start + most]
        yield from array_memory(some[0] if len(some) == 1 else numpy.concatenate(some, dtype=dtype))


def _index(index: Any, layout: bool) -> object:
    """Reduce an index to its labels and its `freq`. In an outcome, its storage and labels that no row uses count as well."""
    pandas: Any = sys.modules["pandas"]
    data: object
    if isinstance(index, pandas.MultiIndex):
        levels = [_labels(index.get_level_values(place).array) for place in range(index.nlevels)]
        data = list(index.names), len(index), levels
    elif isinstance(index, pandas.RangeIndex):
        numpy: Any = sys.modules["numpy"]
        data = index.name, ("int64", numpy.arange(index.start, index.stop, index.step, dtype="int64"))
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
    """Reduce the labels of an index. Texts count the same with the dtype `str` of pandas 3 and `object` before."""
    if str(array.dtype) == "object" and all(type(label) is str for label in array):
        return "str", None, _texts(array)
    return _values(array)


def _dtype(dtype: Any, _layout: bool = False) -> object:
    """Reduce a dtype to its name, or a categorical one to its categories and their order."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return "category", bool(dtype.ordered), None if categories is None else _labels(categories.array)
    return str(dtype)


def _values(array: Any, _layout: bool = False) -> object:
    """Reduce an array to numpy arrays if these say it all, else to its elements."""
    pandas: Any = sys.modules["pandas"]
    dtype = array.dtype
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
        except TypeError:  # one is missing, which a search beforehand would be slow to find
            missing = sys.modules["numpy"].asarray(array.isna())
            return str(dtype), missing, _texts(array[~missing])
    if kind == "ArrowExtensionArray":
        return str(dtype), array.__arrow_array__()
    missing = sys.modules["numpy"].asarray(array.isna())
    return str(dtype), missing, [item for item, gone in zip(array, missing) if not gone]


def _texts(array: Any) -> object:
    """Reduce texts to one joined text, or to a list if one contains the separator. TypeError: one is missing."""
    data = _joined_arrow(array.__arrow_array__()) if hasattr(array, "_pa_array") else None
    if data is None:
        values = sys.modules["numpy"].asarray(array, dtype=object).tolist()
        data = "\0".join(values).encode("utf-8", "surrogatepass")
        if zeros(data) != max(len(values) - 1, 0):
            return values
    return Raw(("texts", len(array)), len(data), lambda: (data,))


def _joined_arrow(texts: Any) -> bytes | None:
    """Return texts of pyarrow joined by NUL, or None if one contains it or this pyarrow cannot do it."""
    if texts.null_count:
        raise TypeError("a text is missing")
    numpy: Any = sys.modules["numpy"]
    pyarrow: Any = sys.modules["pyarrow"]
    prefixed = getattr(sys.modules.get("pyarrow.compute"), "binary_replace_slice", None)
    if prefixed is None:
        return None
    chunks = texts.chunks if isinstance(texts, pyarrow.ChunkedArray) else [texts]
    parts = []
    for chunk in chunks:
        if len(chunk):
            # A NUL before each text, in one buffer. 6 ns a text, against 75 with a string for each.
            made = prefixed(chunk.cast(pyarrow.large_string()), 0, 0, "\0")
            _, offsets, data = made.buffers()
            ends = numpy.frombuffer(offsets, "i8")[made.offset :]
            parts.append(memoryview(data)[ends[0] : ends[len(made)]])
    joined = b"".join(parts)[1:]
    return joined if zeros(joined) == max(len(texts) - 1, 0) else None


RULES: dict[tuple[str, str], Rule] = {
    ("pandas", "DataFrame"): Rule(_table, "DataFrame"),
    ("pandas", "Series"): Rule(_table, "Series"),
    ("pandas", "Index"): Rule(_index),
    **{("pandas", name): Rule(_index, "Index") for name in PLAIN_INDEXES},
    ("pandas", "ExtensionArray"): Rule(_values, "array"),
    ("pandas", "ExtensionDtype"): Rule(_dtype, "dtype"),
    ("pandas", "Timestamp"): _scalar(lambda value: (_nanoseconds(value), value.fold, value.tzinfo)),
    ("pandas", "Timedelta"): _scalar(_nanoseconds),
    ("pandas", "Period"): _scalar(lambda value: (value.ordinal, value.freqstr)),
    ("pandas", "Interval"): _scalar(lambda value: (value.left, value.right, value.closed)),
    ("pandas", "NAType"): _scalar(lambda _: None),
    ("pandas", "NaTType"): _scalar(lambda _: None),
}

"""pandas: frames, series and indexes count by labels, dtypes and values, not by their storage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_mimic._identity.kinds import Kind, Raw, Reduce, type_tag

# Index classes that say no more than their dtype does. Those for numbers exist before pandas 2 only.
PLAIN_INDEXES = frozenset({"Index", "RangeIndex", "Int64Index", "UInt64Index", "Float64Index"})

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def library_kind(type_: type, _base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of pandas or a subclass, or None if there is no rule for it."""
    pandas: Any = sys.modules["pandas"]
    tables: dict[Any, Reduce] = {pandas.DataFrame: _frame, pandas.Series: _series}
    for known, reduce in tables.items():
        if issubclass(type_, known):
            whole = _whole_table(reduce) if layout else reduce
            return Kind(_tag(type_, known.__name__), _with_metadata(type_, whole))
    if issubclass(type_, pandas.Index):
        name = "Index" if type_.__name__ in PLAIN_INDEXES else type_.__name__
        return Kind(_tag(type_, name), _whole_index if layout else _index)
    if issubclass(type_, pandas.api.extensions.ExtensionArray):
        return Kind(_tag(type_, "array"), _values)
    if issubclass(type_, pandas.api.extensions.ExtensionDtype):
        return Kind(_tag(type_, "dtype"), _dtype)
    scalar = SCALARS.get(type_.__name__)
    if scalar is None:
        return None
    return Kind(_tag(type_, type_.__name__), _with_unit(scalar) if layout else scalar)


def _tag(type_: type, name: str) -> str:
    return f"pandas:{name}" if type_.__module__.partition(".")[0] == "pandas" else type_tag(type_)


def _with_metadata(type_: type, reduce: Reduce) -> Reduce:
    """Return the reduction of a class, with the `_metadata` attributes of another library's subclass."""
    names = [] if type_.__module__.partition(".")[0] == "pandas" else getattr(type_, "_metadata", [])
    if not names:
        return reduce
    return lambda value: (reduce(value), {name: getattr(value, name, None) for name in names})


def _whole_table(reduce: Reduce) -> Reduce:
    """Return the reduction in an outcome, with facts that equality ignores and a replay gives back."""
    return lambda value: (reduce(value), value.attrs, value.flags.allows_duplicate_labels)


def _whole_index(index: Any) -> object:
    """Reduce an index of an outcome, with its storage and the labels that no row uses."""
    steps = [getattr(index, name, None) for name in ("start", "stop", "step")]
    return _index(index), getattr(index, "freqstr", None), steps, list(getattr(index, "levels", ()))


def _with_unit(reduce: Reduce) -> Reduce:
    return lambda value: (reduce(value), getattr(value, "unit", None))


def _timestamp(value: Any) -> object:
    return _nanoseconds(value), value.fold, value.tzinfo


def _nanoseconds(value: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds: pandas 3 keeps it in the unit it was made from."""
    return int(value.asm8.view("int64")) * NANOSECONDS[getattr(value, "unit", "ns")]


SCALARS: dict[str, Callable[[Any], object]] = {
    "Timestamp": _timestamp,
    "Timedelta": lambda value: _nanoseconds(value),
    "Period": lambda value: (value.ordinal, value.freqstr),
    "Interval": lambda value: (value.left, value.right, value.closed),
    "NAType": lambda _: None,
    "NaTType": lambda _: None,
}


def _frame(frame: Any) -> object:
    columns = [_values(frame.iloc[:, place].array) for place in range(frame.shape[1])]
    return frame.shape, frame.columns, frame.index, columns


def _series(series: Any) -> object:
    return series.name, series.index, _values(series.array)


def _index(index: Any) -> object:
    pandas: Any = sys.modules["pandas"]
    if isinstance(index, pandas.MultiIndex):
        levels = [_labels(index.get_level_values(place).array) for place in range(index.nlevels)]
        return list(index.names), len(index), levels
    if isinstance(index, pandas.RangeIndex):
        numpy: Any = sys.modules["numpy"]
        return index.name, ("int64", numpy.arange(index.start, index.stop, index.step, dtype="int64"))
    return index.name, _labels(index.array)


def _labels(array: Any) -> object:
    """Reduce the labels of an index. Texts count the same with the dtype `str` of pandas 3 and `object` before."""
    if str(array.dtype) == "object" and all(type(label) is str for label in array):
        return "str", _texts(array)
    return _values(array)


def _dtype(dtype: Any) -> object:
    """Reduce a dtype to its name, or a categorical one to its categories and their order."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return "category", bool(dtype.ordered), None if categories is None else _labels(categories.array)
    return str(dtype)


def _values(array: Any) -> object:
    """Reduce an array to numpy arrays if these say it all, else to its elements."""
    pandas: Any = sys.modules["pandas"]
    dtype = array.dtype
    kind = type(array).__name__
    if kind in ("NumpyExtensionArray", "PandasArray"):
        values = array.to_numpy()
        return str(dtype), list(values) if values.dtype.hasobject else values
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
        return str(dtype), _texts(array.to_numpy(dtype=object))
    if kind == "ArrowExtensionArray":
        return str(dtype), array.__arrow_array__()
    missing = sys.modules["numpy"].asarray(array.isna())
    return str(dtype), missing, [item for item, gone in zip(array, missing) if not gone]


def _texts(values: Any) -> object:
    """Reduce texts to one joined text, or to a list if one is missing or contains the separator."""
    try:
        text = "\0".join(values)
    except TypeError:
        return list(values)
    if text.count("\0") != max(len(values) - 1, 0):
        return list(values)
    data = text.encode("utf-8", "surrogatepass")
    return Raw(("texts", len(values)), len(data), lambda: (data,))

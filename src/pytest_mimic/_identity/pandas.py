"""pandas: frames, series and indexes count by labels, dtypes and values, not by their storage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_mimic._identity.kinds import Kind, Raw, library_tag

# Index classes that say no more than their dtype does. Those for numbers exist before pandas 2 only.
PLAIN_INDEXES = frozenset({"Index", "RangeIndex", "Int64Index", "UInt64Index", "Float64Index"})

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def library_kind(type_: type, _base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of pandas or a subclass, or None if there is no rule for it."""
    pandas: Any = sys.modules["pandas"]
    for known in (pandas.DataFrame, pandas.Series):
        if issubclass(type_, known):
            tag = library_tag(type_, "pandas", known.__name__)
            # Attributes that a subclass of another library keeps beside the data.
            names = [] if tag.startswith("pandas:") else getattr(type_, "_metadata", [])
            return Kind(tag, partial(_table, metadata=names, layout=layout))
    if issubclass(type_, pandas.Index):
        name = "Index" if type_.__name__ in PLAIN_INDEXES else type_.__name__
        return Kind(library_tag(type_, "pandas", name), lambda value: _index(value, layout=layout))
    if issubclass(type_, pandas.api.extensions.ExtensionArray):
        return Kind(library_tag(type_, "pandas", "array"), _values)
    if issubclass(type_, pandas.api.extensions.ExtensionDtype):
        return Kind(library_tag(type_, "pandas", "dtype"), _dtype)
    scalar = SCALARS.get(type_.__name__)
    if scalar is None:
        return None
    tag = library_tag(type_, "pandas", type_.__name__)
    return Kind(tag, lambda value: (scalar(value), getattr(value, "unit", None)) if layout else scalar(value))


def _nanoseconds(value: Any) -> int:
    """Return a timestamp or timedelta in nanoseconds: pandas 3 keeps it in the unit it was made from."""
    return int(value.asm8.view("int64")) * NANOSECONDS[getattr(value, "unit", "ns")]


SCALARS: dict[str, Callable[[Any], object]] = {
    "Timestamp": lambda value: (_nanoseconds(value), value.fold, value.tzinfo),
    "Timedelta": lambda value: _nanoseconds(value),
    "Period": lambda value: (value.ordinal, value.freqstr),
    "Interval": lambda value: (value.left, value.right, value.closed),
    "NAType": lambda _: None,
    "NaTType": lambda _: None,
}


def _table(table: Any, *, metadata: list[str], layout: bool) -> object:
    """Reduce a frame or a series. In an outcome, facts that equality ignores count as well."""
    data: object
    if table.ndim == 2:
        columns = [_values(table.iloc[:, place].array) for place in range(table.shape[1])]
        data = table.shape, table.columns, table.index, columns
    else:
        data = table.name, table.index, _values(table.array)
    if layout:
        data = data, table.attrs, table.flags.allows_duplicate_labels
    return (data, {name: getattr(table, name, None) for name in metadata}) if metadata else data


def _index(index: Any, *, layout: bool) -> object:
    """Reduce an index to its labels. In an outcome, its storage and the labels that no row uses count as well."""
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
    if not layout:
        return data
    steps = [getattr(index, name, None) for name in ("start", "stop", "step")]
    return data, getattr(index, "freqstr", None), steps, list(getattr(index, "levels", ()))


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

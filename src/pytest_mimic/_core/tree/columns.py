"""How two tables or arrays differ, as one says it who works with them: by column.

['ratio']: 2,000 of 2,000 differ, [0]: 0.02433 recorded, 0.02434 now
['group']: dtype object recorded, str now
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

# Longer columns are left to their library: Python takes a second for some millions.
_MOST = 2_000_000


class Column(NamedTuple):
    """A column of a table: its dtype in words, the labels of its rows, its values.

    An array of several dimensions has a shape.
    """

    dtype: str
    labels: list[Any]
    values: list[Any]
    shape: str = ""


Columns = dict[str, Column]
"""By the step that leads to it: `['price']`, `.index`, or empty for the only one."""


def column_differences(
    recorded: Any, actual: Any, *, rtol: float = 0.0, atol: float = 0.0
) -> list[tuple[str, str]]:
    """Return the steps to the columns that differ, each with how.

    Empty: the values are no tables or arrays, or too large, or no column is seen to
    differ.
    """
    then, now = columns_of(recorded), columns_of(actual)
    if then is None or now is None:
        return []
    found: list[tuple[str, str]] = []
    for step in dict.fromkeys([*then, *now]):
        if step not in now:
            found.append((step, "missing now"))
        elif step not in then:
            found.append((step, "not in the recording"))
        else:
            fact = _fact(then[step], now[step], rtol=rtol, atol=atol)
            found += [(step, fact)] if fact else []
    return found


def _fact(old: Column, new: Column, *, rtol: float, atol: float) -> str:
    """Return how two columns differ; empty if they do not."""
    if old.dtype != new.dtype:
        return f"dtype {old.dtype} recorded, {new.dtype} now"
    if old.shape != new.shape:
        return f"shape {old.shape} recorded, {new.shape} now"
    if len(old.values) != len(new.values):
        return f"{len(old.values):,} rows recorded, {len(new.values):,} now"
    places = [
        place
        for place, pair in enumerate(zip(old.values, new.values, strict=True))
        if not _is_equal(*pair, rtol=rtol, atol=atol)
    ]
    if not places:
        return ""
    first = places[0]
    sides = f"{old.values[first]!r} recorded, {new.values[first]!r} now"
    count = f"{len(places):,} of {len(old.values):,} differ"
    return f"{count}, [{old.labels[first]!r}]: {sides}"


def _is_equal(old: Any, new: Any, *, rtol: float, atol: float) -> bool:
    """Return whether two values are equal; what equals nothing equals itself."""
    try:
        if bool(old == new) or (bool(old != old) and bool(new != new)):
            return True
        if (rtol or atol) and isinstance(old, (int, float)):
            return bool(abs(new - old) <= atol + rtol * abs(old))
    except (TypeError, ValueError):
        # The missing value of pandas is neither equal nor unequal.
        return repr(old) == repr(new)
    return False


def columns_of(value: Any) -> Columns | None:
    """Return the columns of a table, or the items of an array; None for another value.

    Only exactly the classes of the libraries are read, whose parts are known.
    """
    kind = type(value)
    read = _READERS.get(f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}")
    return None if read is None else read(value)


def _frame(frame: Any) -> Columns | None:
    if frame.size > _MOST or not frame.columns.is_unique:
        return None
    labels = frame.index.tolist()
    columns = {".index": _index(frame.index)}
    for name in frame.columns:
        series = frame[name]
        columns[f"[{name!r}]"] = Column(str(series.dtype), labels, series.tolist())
    return columns


def _series(series: Any) -> Columns | None:
    if series.size > _MOST:
        return None
    own = Column(str(series.dtype), series.index.tolist(), series.tolist())
    return {".index": _index(series.index), "": own}


def _index(index: Any) -> Column:
    return Column(str(index.dtype), list(range(len(index))), index.tolist())


def _array(array: Any) -> Columns | None:
    if array.size > _MOST or array.dtype.fields is not None or not array.ndim:
        return None
    shape = "x".join(map(str, array.shape))
    labels: list[Any] = list(range(array.size))
    if array.ndim > 1:
        from importlib import import_module

        indexes = import_module("numpy").ndindex(array.shape)
        labels = [tuple(place) for place in indexes]
    return {"": Column(str(array.dtype), labels, array.ravel().tolist(), shape)}


def _polars(frame: Any) -> Columns | None:
    if frame.height * frame.width > _MOST:
        return None
    labels: list[Any] = list(range(frame.height))
    return {
        f"[{series.name!r}]": Column(str(series.dtype), labels, series.to_list())
        for series in frame.get_columns()
    }


_READERS: dict[str, Callable[[Any], Columns | None]] = {
    "pandas.DataFrame": _frame,
    "pandas.Series": _series,
    "numpy.ndarray": _array,
    "polars.DataFrame": _polars,
}

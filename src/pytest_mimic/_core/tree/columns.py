"""How two tables or arrays differ, as one says it who works with them: by column.

['ratio']: 2,000 of 2,000 differ, [0]: 0.02433 recorded, 0.02434 now
['group']: dtype object recorded, str now
30 rows recorded, 31 now
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

# Longer columns are left to their library: Python takes a second for some millions.
_MOST = 2_000_000
INDEX = ".index"


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
    rows = _rows_fact(then, now)
    if rows:
        found.append(("", rows))
    for step in dict.fromkeys([*then, *now]):
        if step not in now:
            found.append((step, "missing now"))
        elif step not in then:
            found.append((step, "not in the recording"))
        elif rows and step == INDEX and _counts_rows(then[step], now[step]):
            # The number of rows says all of it.
            continue
        else:
            fact = _fact(
                then[step], now[step], rtol=rtol, atol=atol, is_told=rows != ""
            )
            found += [(step, fact)] if fact else []
    return found or _order_fact(then, now)


def _rows_fact(then: Columns, now: Columns) -> str:
    """Return how many rows two tables have, empty unless all columns of both say so."""
    shared = [step for step in then if step in now]
    counts = {(len(then[step].values), len(now[step].values)) for step in shared}
    if len(counts) != 1 or any(then[step].shape for step in shared):
        return ""
    [(old, new)] = counts
    return f"{old:,} rows recorded, {new:,} now" if old != new else ""


def _counts_rows(old: Column, new: Column) -> bool:
    """Return whether two indexes count the rows from 0 on."""
    return all(side.values == side.labels for side in (old, new))


def _order_fact(then: Columns, now: Columns) -> list[tuple[str, str]]:
    """Return that the columns of a table have another order, if they have."""
    for old, new in zip(then, now, strict=True):
        if old != new:
            sides = f"{_name(old)} recorded, {_name(new)} now"
            return [("", f"the columns have another order, the first: {sides}")]
    return []


def _name(step: str) -> str:
    return step[1:-1]


def _fact(old: Column, new: Column, *, rtol: float, atol: float, is_told: bool) -> str:
    """Return how two columns differ; empty if they do not.

    If it `is_told` that there are more or fewer rows, those that both have count.
    """
    if old.dtype != new.dtype:
        return f"dtype {old.dtype} recorded, {new.dtype} now"
    if old.shape != new.shape:
        return f"shape {old.shape} recorded, {new.shape} now"
    if len(old.values) != len(new.values) and not is_told:
        return f"{len(old.values):,} rows recorded, {len(new.values):,} now"
    places = [
        place
        for place, pair in enumerate(zip(old.values, new.values, strict=False))
        if not _is_equal(*pair, rtol=rtol, atol=atol)
    ]
    if not places:
        return ""
    first = places[0]
    then, now = _text(old.values[first]), _text(new.values[first])
    count = f"{min(len(old.values), len(new.values)):,}"
    both = f"the first {count}" if is_told else count
    sides = f"[{_text(old.labels[first])}]: {then} recorded, {now} now"
    return f"{len(places):,} of {both} differ, {sides}"


def _text(value: Any) -> str:
    """Return a value as a table shows it: a moment without its class."""
    return str(value) if isinstance(value, date) else repr(value)


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
    columns = {INDEX: _index(frame.index)}
    for name in frame.columns:
        series = frame[name]
        columns[f"[{name!r}]"] = Column(str(series.dtype), labels, series.tolist())
    return columns


def _series(series: Any) -> Columns | None:
    if series.size > _MOST:
        return None
    own = Column(str(series.dtype), series.index.tolist(), series.tolist())
    return {INDEX: _index(series.index), "": own}


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

"""Frames and series of polars."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

COLUMNS = {
    "n": [1, None],
    "x": [0.5, float("nan")],
    "s": ["a", None],
    "ok": [True, None],
    "day": [date(2024, 1, 2), None],
    "at": pl.Series(
        [datetime(2024, 1, 2), None], dtype=pl.Datetime("us", "Europe/Berlin")
    ),
    "took": [timedelta(seconds=1), None],
    "price": pl.Series([Decimal("1.10"), None], dtype=pl.Decimal(10, 2)),
    "kind": pl.Series(["a", None], dtype=pl.Enum(["b", "a"])),
    "group": pl.Series(["a", "a"], dtype=pl.Categorical),
}

ARGUMENTS = {
    "frame": lambda: pl.DataFrame(COLUMNS),
    "series": lambda: pl.Series("n", [1, 2, None], dtype=pl.Int16),
    "nested": lambda: pl.DataFrame(
        {"l": [[1, 2], []], "s": [{"a": 1, "b": date(2024, 1, 2)}] * 2}
    ),
    "dtypes": lambda: [pl.Int8(), pl.Datetime("ms"), pl.List(pl.String)],
}

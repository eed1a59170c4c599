"""Numbers and short arrays of numpy are readable in their recordings, tables are pickles with a preview; all replay exactly."""

from __future__ import annotations

import json

import pytest

for _library in ("numpy", "pandas", "polars"):
    pytest.importorskip(_library)  # numpy cannot be loaded twice in one process

SHOP = """
    import numpy as np
    import pandas as pd
    import polars as pl
    from tally import ran

    VALUES = {
        "scalar": {"mean": np.float32(0.1), "last": np.datetime64("2024-01-02T03:04", "ns")},
        "array": np.array([1.0, float("nan")]),
        "rows": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "frame": pd.DataFrame({"name": pd.Series(["Ann", None], dtype=object), "price": [1.5, 2.0]}),
        "series": pd.Series([1, 2], name="n", index=[5, 6]),
        "polars": pl.DataFrame({"name": ["Ann", None], "price": [1.5, None]}),
    }

    def value(kind):
        ran("value", kind)
        return VALUES[kind]
"""


@pytest.mark.promise("scalars and short arrays of numpy are readable")
def test_short_arrays_are_readable_and_tables_have_a_preview(round_trip):
    run = round_trip(
        "shop:value",
        test="""
            import pytest, shop

            @pytest.mark.parametrize("kind", shop.VALUES)
            def test_value(kind):
                got, want = shop.value(kind), shop.VALUES[kind]

                assert type(got) is type(want)
                assert repr(got) == repr(want)
        """,
        passed=6,
    )

    recordings = [json.loads(data) for name, data in run.vault.items() if name.startswith("calls/")]
    outcomes = {each["arguments"]["kind"]: each["outcomes"][0] for each in recordings}
    assert {kind: each.get("value", each.get("preview")) for kind, each in outcomes.items()} == {
        "scalar": {
            "mean": {"$numpy.float32": 0.1},
            "last": {"$numpy.datetime64": "2024-01-02T03:04:00", "unit": "ns"},
        },
        "array": {"$numpy.ndarray": [1.0, "nan"], "dtype": "float64"},
        "rows": ["ndarray: 2 × 2 float64", "1.0, 2.0, 3.0, 4.0"],
        "frame": [
            "DataFrame: 2 rows × 2 columns",
            "name object: 'Ann', None",
            "price float64: 1.5, 2.0",
            "index RangeIndex: 0, 1",
        ],
        "series": ["Series: 2 items", "n int64: 1, 2", "index int64: 5, 6"],
        "polars": ["DataFrame: 2 rows × 2 columns", "name String: 'Ann', None", "price Float64: 1.5, None"],
    }

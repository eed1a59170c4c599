"""Small arrays and frames are readable in their recordings, and replay exactly, with their paths in the new run."""

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
        "array": np.array([[1.0, 2.0], [3.0, float("nan")]]),
        "frame": pd.DataFrame({"name": pd.Series(["Ann", None], dtype=object), "price": [1.5, 2.0]}),
        "series": pd.Series([1, 2], name="n", index=[5, 6]),
        "polars": pl.DataFrame({"name": ["Ann", None], "price": [1.5, None]}),
    }

    def value(kind):
        ran("value", kind)
        return VALUES[kind]

    def files(folder):
        ran("files")
        names = [str(folder / "a.csv"), "b.csv"]
        return [np.array(names), pd.DataFrame({"file": names}), pl.DataFrame({"file": names})]
"""


@pytest.mark.promise("scalars and small arrays of numpy and small frames are readable")
def test_small_arrays_and_frames_are_readable_and_replay(round_trip):
    run = round_trip(
        "shop:value",
        shop=SHOP,
        test="""
            import pytest, shop

            @pytest.mark.parametrize("kind", shop.VALUES)
            def test_value(kind):
                got, want = shop.value(kind), shop.VALUES[kind]

                assert type(got) is type(want)
                assert repr(got) == repr(want)
        """,
        passed=5,
    )

    recordings = [json.loads(data) for name, data in run.vault.items() if name.startswith("calls/")]
    values = {each["arguments"]["kind"]: each["outcomes"][0]["value"] for each in recordings}
    assert values == {
        "scalar": {
            "mean": {"$numpy.float32": 0.1},
            "last": {"$numpy.datetime64": "2024-01-02T03:04:00", "unit": "ns"},
        },
        "array": {"$numpy.ndarray": [[1.0, 2.0], [3.0, "nan"]], "dtype": "float64"},
        "frame": {
            "$pandas.DataFrame": {"name": ["Ann", None], "price": [1.5, 2.0]},
            "dtypes": {"name": "object", "price": "float64"},
        },
        "series": {
            "$pandas.Series": [1, 2],
            "dtype": "int64",
            "name": "n",
            "index": {"$pandas.Index": [5, 6], "dtype": "int64"},
        },
        "polars": {
            "$polars.DataFrame": {"name": ["Ann", None], "price": [1.5, None]},
            "dtypes": {"name": "String", "price": "Float64"},
        },
    }


def test_paths_in_arrays_and_frames_come_back_in_the_folder_of_the_run(round_trip):
    run = round_trip(
        "shop:files",
        shop=SHOP,
        test="""
            import shop

            def test_files(tmp_path):
                array, frame, table = shop.files(tmp_path)

                names = [str(tmp_path / "a.csv"), "b.csv"]
                assert array.tolist() == frame["file"].tolist() == table["file"].to_list() == names
        """,
        passed=1,
    )

    [recording] = [data.decode() for name, data in run.vault.items() if name.startswith("calls/")]
    assert recording.count('{"$str": ["tmp_path", "a.csv"]}') == 3

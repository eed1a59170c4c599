"""Frames, series, indexes and scalars of pandas, whose dtypes are named: pandas 3 infers others than pandas 2."""

import pandas as pd

DAYS = pd.DatetimeIndex(
    ["2024-01-02", "2024-01-03"], dtype="datetime64[ns]", name="day"
)


def frame():
    columns = {
        "name": pd.Series(["Ann", "Bob"], dtype="object"),
        "price": pd.Series([1.5, float("nan")]),
        "count": pd.Series([1, None], dtype="Int64"),
        "kind": pd.Categorical(
            ["a", "b"], categories=pd.Index(["b", "a"], dtype="object"), ordered=True
        ),
        "at": pd.Series(pd.DatetimeIndex(DAYS, name=None)),
    }
    return pd.DataFrame(columns)


ARGUMENTS = {
    "frame": frame,
    "labels": lambda: pd.DataFrame([[1.0, 2.0]], index=["x"], columns=["a", "b"]),
    "days": lambda: pd.DataFrame({"v": [1, 2]}, index=DAYS),
    "levels": lambda: pd.DataFrame(
        {"v": [1, 2]},
        index=pd.MultiIndex.from_tuples([(1, 2), (1, 3)], names=["a", "b"]),
    ),
    "numbers": lambda: pd.DataFrame(
        {"a": [1, 2], "b": [0.5, 1.5], "c": [3, 4], "d": [True, False]}
    ),
    "texts": lambda: [
        pd.Series(texts, dtype="string")
        for texts in (["a", ""], ["a", None], ["a\0b", "c"])
    ],
    "series": lambda: pd.Series([1.5, 2.5], name="price"),
    "masked": lambda: [
        pd.array([1, None], dtype="Int64"),
        pd.array([True, None], dtype="boolean"),
    ],
    "zones": lambda: pd.Series(DAYS.tz_localize("Europe/Berlin")),
    "indexes": lambda: [
        pd.RangeIndex(3),
        pd.Index([1, 2]),
        DAYS,
        pd.TimedeltaIndex([1, 2], dtype="timedelta64[ns]"),
    ],
    "intervals": lambda: [
        pd.interval_range(0, 2),
        pd.period_range("2024-01", periods=2, freq="M"),
    ],
    "scalars": lambda: [
        pd.Timestamp("2024-01-02", tz="UTC"),
        pd.Timedelta("1h"),
        pd.NA,
        pd.NaT,
    ],
    "scalars of ranges": lambda: [pd.Period("2024-01", "M"), pd.Interval(0, 1)],
    "dtypes": lambda: [
        pd.CategoricalDtype(["a"], ordered=True),
        pd.Int64Dtype(),
        pd.DatetimeTZDtype("ns", "UTC"),
    ],
}
OUTCOMES = {
    "pickled": lambda: pd.DataFrame({"a": range(200), "b": [0.5] * 200}),
    "pickled objects": lambda: pd.Series([{1}, None], dtype="object"),
    "pickled levels": ARGUMENTS["levels"],
    "pickled scalars": lambda: [
        pd.Timestamp("2024-01-02", tz="UTC"),
        pd.Timedelta("1h"),
    ],
}

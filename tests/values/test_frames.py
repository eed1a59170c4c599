"""Frames, series and indices as outcomes: by column, back as they were, and the same in another pandas."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from support.face import fingerprint, loaded, stored, there_and_back

from pytest_mimic import CorruptRecordingError

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

MANY = 60
DAYS = pd.date_range("2024-01-01", periods=MANY)
SHOPS = [f"s{number % 7}" for number in range(MANY)]
SALES = pd.DataFrame(
    {
        "day": DAYS,
        "shop": SHOPS,
        "n": range(MANY),
        "x": np.arange(MANY) / 3,
        "b": [True, False] * 30,
    }
)
MISSING = {"None": None, "nan": np.nan, "NA": pd.NA}
# By what they are called. Each is short and, where it says so, long.
BY_COLUMN = {
    "mixed": SALES[:3],
    "mixed, long": SALES,
    "no rows": SALES[:0],
    "empty": pd.DataFrame(),
    "labelled": SALES.set_index("shop"),
    "levels": SALES.set_index(["day", "shop"]),
    "levels of columns": SALES.groupby("shop").agg({"n": ["sum", "mean"]}),
    "levels that are used no more": SALES.set_index(["day", "shop"])[:2],
    "twice a label": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "numbered": pd.DataFrame(np.arange(6).reshape(2, 3)),
    "wide": pd.DataFrame(np.arange(600.0).reshape(3, 200)),
    "numbers": pd.DataFrame({"f": np.array([1, np.nan], "f4"), "u": np.array([1, 2], "u1"), "c": np.array([1, 2j])}),
    "nullable": pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "f": pd.array([1.5, None], dtype="Float32"), "b": pd.array([True, None], dtype="boolean")}),
    "nullable, long": pd.DataFrame({"n": pd.array([1, None] * 30, dtype="UInt8"), "f": pd.array([1.5, None] * 30, dtype="Float64"), "b": pd.array([True, None] * 30, dtype="boolean")}),
    **{f"texts, missing {name}": pd.DataFrame({"t": pd.Series(["x", sign] * 30, dtype=object)}) for name, sign in MISSING.items()},
    "texts, missing in three ways": pd.Series(["x", *MISSING.values()], dtype=object),
    "texts of their own": pd.DataFrame({"t": ["x", None]}),
    "texts in two storages": pd.DataFrame({name: pd.Series(["x", None], dtype=f"string[{name}]") for name in ("python", "pyarrow")}),
    "moments": pd.Series(pd.to_datetime(["2024-01-01", None])),
    "moments in seconds": pd.Series(np.array(["3000-01-01", "NaT"], "M8[s]")),
    "in zones": pd.DataFrame({"a": DAYS.tz_localize("Europe/Oslo"), "b": DAYS.tz_localize("UTC"), "c": DAYS.tz_localize("+02:00")}),
    "spans": pd.Series(pd.to_timedelta([1, None], unit="s")),
    "days as objects": pd.Series([date(2024, 1, 1), None] * 30),
    "moments as objects": pd.Series([datetime(2024, 1, 1, 3), None] * 30, dtype=object),
    "moments with a zone as objects": pd.Series([datetime(2024, 1, 1, tzinfo=timezone.utc), pd.NaT], dtype=object),
    "stamps as objects": pd.Series([pd.Timestamp("2024-01-01"), pd.NaT], dtype=object),
    "categories": pd.DataFrame({"c": pd.Categorical(["u", None], ["v", "u"], ordered=True)}),
    "categories, long": pd.Series(pd.Categorical(DAYS)),
    "objects": pd.Series(["a", 1, None, 2.5, Decimal("1.5"), b"x"] * 20, dtype=object),
    "a tuple as name": pd.Series([1], name=("a", 1)),
    "days": pd.Series([1, 2], index=pd.date_range("2024", periods=2)),
    "index": pd.Index(["a", "b"], name="k"),
    "index of categories": pd.CategoricalIndex(["a", "b"]),
    "range": pd.RangeIndex(2, 8, 3),
}  # fmt: skip
PICKLED = {
    "periods": pd.Series(pd.period_range("2024", periods=3)),
    "attributes": SALES.assign(),
}
PICKLED["attributes"].attrs["source"] = "shop"


def assert_same(value, again):
    kind = {pd.DataFrame: "frame", pd.Series: "series"}.get(type(value), "index")
    getattr(pd.testing, f"assert_{kind}_equal")(value, again)
    assert fingerprint(again) == fingerprint(value)


def items_of(value):
    """Return the class and text of each item: `assert_frame_equal` takes `None` for `nan`."""
    items = value.to_numpy(dtype=object).ravel().tolist()
    return [(type(item), str(item)) for item in items]


@pytest.mark.parametrize("value", BY_COLUMN.values(), ids=BY_COLUMN)
def test_a_frame_stands_by_column_and_comes_back_as_it_was(value):
    tree, objects = stored([value])

    assert "$pickle" not in json.dumps(tree)
    (again,) = loaded(tree, objects)
    assert_same(value, again)
    assert items_of(again) == items_of(value)
    if isinstance(value, pd.DataFrame):
        assert [*map(repr, again.dtypes)] == [*map(repr, value.dtypes)]


@pytest.mark.parametrize("value", PICKLED.values(), ids=PICKLED)
def test_any_other_frame_is_a_pickle(value):
    tree, _ = stored([value])

    assert "$pickle" in json.dumps(tree)
    assert_same(value, there_and_back([value])[0])


# -- another pandas

# What pandas 2 and pandas 3 have recorded of one frame; see `frame_of_two_pandas`.
RECORDED = json.loads((Path(__file__).parent / "frames_of_two_pandas.json").read_text())


def frame_of_two_pandas():
    """Return a frame in the dtypes that each pandas gives its items by itself."""
    return pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "zone": pd.date_range("2024-01-01", periods=3, tz="Europe/Oslo"),
            "shop": ["a", "b", None],
            "kind": pd.Categorical(["u", "v", "u"]),
            "n": [1, 2, 3],
            "span": pd.to_timedelta([1, 2, 3], unit="h"),
            "count": pd.array([1, None, 3], dtype="Int64"),
        },
        index=pd.Index(["x", "y", "z"], name="key"),
    )


@pytest.mark.parametrize("version", RECORDED)
def test_a_frame_that_another_pandas_has_recorded_is_what_this_one_makes(version):
    recorded = RECORDED[version]

    assert_same(frame_of_two_pandas(), loaded(recorded["tree"], {}))
    assert fingerprint(frame_of_two_pandas()) == recorded["fingerprint"]


# -- damage

SERIES, _ = stored(pd.Series([1, 2]))


def column(content, dtype, **beside):
    return {
        **SERIES,
        "$pandas:Series": {"$column": content, "dtype": dtype, **beside},
    }


BROKEN = {
    "a dtype of elsewhere": column([1, 2], "category"),
    "an item that is no text": column([1, 2], "str"),
    "an item that is no number": column([[1], [2]], "int64"),
    "a length": column([1], "int64"),
    "a zone that is a file": column(["2024", "2025"], "datetime64[ns]", zone="/etc/passwd"),
    "a class of elsewhere": column(["2024", "2025"], "object", items="Path"),
    "codes beyond the categories": column([7, 8], "category", categories=stored(pd.Index(["a"]))[0], ordered=False),
    "another sign for what is missing": column(["x", None], "object", missing="1"),
    "labels": {**SERIES, "index": [0, 1]},
    "a label whose code would run": {**SERIES, "name": [1]},
    "no column": {**SERIES, "$pandas:Series": [1, 2]},
}  # fmt: skip


@pytest.mark.parametrize("tree", BROKEN.values(), ids=BROKEN)
def test_what_is_no_frame_is_damage(tree):
    with pytest.raises(CorruptRecordingError):
        loaded(tree, {})

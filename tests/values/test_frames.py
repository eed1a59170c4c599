"""Frames of up to 50 cells as outcomes: readable, and back as they were; others are pickles."""

from __future__ import annotations

import json

import pytest
from support.face import fingerprint, loaded, stored, there_and_back

from pytest_mimic import CorruptRecordingError

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

READABLE = {
    "mixed": pd.DataFrame({"n": [1, 2], "t": ["x", None], "f": [0.5, np.nan], "b": [True, False], "m": pd.to_datetime(["2024-01-01", None])}),
    "labelled": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="key")),
    "nullable": pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": pd.array(["x", None], dtype="string"), "b": pd.array([True, None], dtype="boolean")}),
    "numbered": pd.DataFrame(np.arange(6).reshape(2, 3)),
    "texts as objects": pd.DataFrame({"t": pd.Series(["x", "y"], index=["p", "p"], dtype=object)}),
    "twice a label": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="float32")}),
    "fifty": pd.DataFrame({"a": range(25), "b": range(25)}),
    "series": pd.Series([1.5, None], name="n"),
    "days": pd.Series([1, 2], index=pd.date_range("2024", periods=2)),
    "durations": pd.Series(pd.to_timedelta([1, 2], unit="s")),
    "objects": pd.Series(["a", 1, None, 2.5], dtype=object),
    "index": pd.Index(["a", "b"], name="k"),
    "range": pd.RangeIndex(2, 8, 3),
}  # fmt: skip
PICKLED = {
    "large": pd.DataFrame({"a": range(51)}),
    "categories": pd.DataFrame({"a": pd.Categorical(["u", "v"])}),
    "levels": pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("u", 1)])),
    "lists": pd.Series([[1], None]),
    "with zones": pd.Series(pd.date_range("2024", periods=2, tz="Europe/Oslo")),
    "other name": pd.Series([1], name=("a", 1)),
}


def assert_same(value, again):
    kind = {pd.DataFrame: "frame", pd.Series: "series"}.get(type(value), "index")
    getattr(pd.testing, f"assert_{kind}_equal")(value, again)
    assert fingerprint(again) == fingerprint(value)


@pytest.mark.parametrize("value", READABLE.values(), ids=READABLE)
def test_a_small_frame_is_readable_and_comes_back_without_a_pickle(value):
    tree, objects = stored([value])

    assert not objects
    assert_same(value, loaded(tree, objects)[0])


@pytest.mark.parametrize("value", PICKLED.values(), ids=PICKLED)
def test_any_other_frame_is_a_pickle(value):
    tree, _ = stored([value])

    assert "$pickle" in json.dumps(tree)
    assert_same(value, there_and_back([value])[0])


SERIES, _ = stored(pd.Series([1, 2]))
BROKEN = {
    "a dtype of elsewhere": {**SERIES, "$pandas:Series": {"$column": [1, 2], "dtype": "category"}},
    "an item": {**SERIES, "$pandas:Series": {"$column": [[1], [2]], "dtype": "object"}},
    "a length": {**SERIES, "$pandas:Series": {"$column": [1], "dtype": "int64"}},
    "labels": {**SERIES, "index": [0, 1]},
    "no column": {**SERIES, "$pandas:Series": [1, 2]},
}  # fmt: skip


@pytest.mark.parametrize("tree", BROKEN.values(), ids=BROKEN)
def test_what_is_no_frame_is_damage(tree):
    with pytest.raises(CorruptRecordingError):
        loaded(tree, {})

"""Small frames and series of pandas and polars are readable, and their copies are exactly the same."""

from __future__ import annotations

import datetime as dt
import sys
import warnings
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from unit.tagged.stored import edited, entry_of, load, recorded, tree_of

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pytest.importorskip("pyarrow")

TEXT = str(pd.Index(["a"]).dtype)  # `str` since pandas 3, `object` before
PRICES = pd.DataFrame({"name": ["Ann", "Bob"], "price": [1.5, np.nan]})


def with_facts(frame, *, attrs=None, **index):
    frame = frame.set_axis(pd.Index(["x", "y"], **index))
    frame.attrs = attrs or {}
    return frame


def is_same(one, other):
    """Compare strictly, by the library's own means."""
    if isinstance(one, (pl.DataFrame, pl.Series)):
        from polars import testing

        check = testing.assert_frame_equal if isinstance(one, pl.DataFrame) else testing.assert_series_equal
        check(one, other, check_exact=True)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True, check_freq=True, check_column_type=True)
        assert one.attrs == other.attrs
        assert one.flags == other.flags
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_exact=True, check_freq=True)
        assert one.attrs == other.attrs
    else:
        pd.testing.assert_index_equal(one, other, exact=True)
        assert getattr(one, "freq", None) == getattr(other, "freq", None)
    return type(one) is type(other)


# The values, and their JSON.
READABLE = {
    "frame": (
        PRICES,
        {
            "$pandas.DataFrame": {"name": ["Ann", "Bob"], "price": [1.5, "nan"]},
            "dtypes": {"name": TEXT, "price": "float64"},
        },
    ),
    "index, name and attributes": (
        with_facts(PRICES[["price"]], name="id", attrs={"source": ["web"]}),
        {
            "$pandas.DataFrame": {"price": [1.5, "nan"]},
            "dtypes": {"price": "float64"},
            "index": {"$pandas.Index": ["x", "y"], "dtype": TEXT, "name": "id"},
            "attrs": {"source": ["web"]},
        },
    ),
    "days with a frequency": (
        pd.DataFrame(
            {"a": [1, 2]}, index=pd.DatetimeIndex(["2024-01-01", "2024-01-02"], dtype="M8[ns]", freq="D")
        ),
        {
            "$pandas.DataFrame": {"a": [1, 2]},
            "dtypes": {"a": "int64"},
            "index": {
                "$pandas.DatetimeIndex": ["2024-01-01", "2024-01-02"],
                "dtype": "datetime64[ns]",
                "freq": "D",
            },
        },
    ),
    "columns with numbers": (
        pd.DataFrame([[1, 2], [3, 4]]),
        {
            "$pandas.DataFrame": [[1, 3], [2, 4]],
            "dtypes": ["int64", "int64"],
            "columns": {"$pandas.RangeIndex": [0, 2, 1]},
        },
    ),
    "column that looks like a tag": (
        pd.DataFrame({"$ref": [1]}),
        {
            "$pandas.DataFrame": [[1]],
            "dtypes": ["int64"],
            "columns": {"$pandas.Index": ["$ref"], "dtype": TEXT},
        },
    ),
    "missing values": (
        pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "b": pd.array([None, True], dtype="boolean")}),
        {"$pandas.DataFrame": {"n": [1, None], "b": [None, True]}, "dtypes": {"n": "Int64", "b": "boolean"}},
    ),
    "zone": (
        pd.DataFrame(
            {"t": pd.to_datetime(["2024-07-01 02:00", None]).astype("M8[ns]").tz_localize("Europe/Oslo")}
        ),
        {
            "$pandas.DataFrame": {"t": ["2024-07-01T00:00:00Z", "NaT"]},
            "dtypes": {"t": "datetime64[ns, Europe/Oslo]"},
        },
    ),
    "no duplicates": (
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        {"$pandas.DataFrame": {"a": [1]}, "dtypes": {"a": "int64"}, "allows_duplicate_labels": False},
    ),
    "nothing": (
        pd.DataFrame(),
        {
            "$pandas.DataFrame": [],
            "dtypes": [],
            "columns": {"$pandas.RangeIndex": [0, 0, 1]},
            "index": {"$pandas.RangeIndex": [0, 0, 1]},
        },
    ),
    "series": (
        pd.Series([0.1, 2], [5, 6], "float32", "x"),
        {
            "$pandas.Series": [0.1, 2.0],
            "dtype": "float32",
            "name": "x",
            "index": {"$pandas.Index": [5, 6], "dtype": "int64"},
        },
    ),
    "categories": (
        pd.Series(pd.Categorical([2, None], categories=[3, 2], ordered=True)),
        {
            "$pandas.Series": [2, None],
            "dtype": {"categories": [3, 2], "dtype": "int64", "ordered": True},
        },
    ),
    "objects": (
        pd.Series([None, "a", 1, 2.5, True, float("nan")], dtype=object),
        {"$pandas.Series": [None, "a", 1, 2.5, True, {"$float": "nan"}], "dtype": "object"},
    ),
    "index": (pd.RangeIndex(2, 9, 3, name="r"), {"$pandas.RangeIndex": [2, 9, 3], "name": "r"}),
    "polars frame": (
        pl.DataFrame({"n": [1, None], "x": [float("nan"), 0.5], "s": ["a", None]}),
        {
            "$polars.DataFrame": {"n": [1, None], "x": ["nan", 0.5], "s": ["a", None]},
            "dtypes": {"n": "Int64", "x": "Float64", "s": "String"},
        },
    ),
    "polars moments": (
        pl.DataFrame(
            {
                "d": [dt.date(2024, 1, 2), None],
                "t": [dt.datetime(2024, 1, 2, 3, 4, 5, 6), None],
                "z": [dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc), None],
                "u": [dt.timedelta(seconds=3), None],
            }
        ),
        {
            "$polars.DataFrame": {
                "d": ["2024-01-02", None],
                "t": ["2024-01-02T03:04:05.000006", None],
                "z": ["2024-01-02T00:00:00Z", None],
                "u": [3000000, None],
            },
            "dtypes": {"d": "Date", "t": "Datetime[us]", "z": "Datetime[us, UTC]", "u": "Duration[us]"},
        },
    ),
    "polars series": (
        pl.Series("price", [Decimal("1.10"), None], pl.Decimal(10, 2)),
        {"$polars.Series": ["1.10", None], "dtype": "Decimal[10, 2]", "name": "price"},
    ),
    "polars categories": (
        pl.Series(["x", None], dtype=pl.Enum(["y", "x"])),
        {"$polars.Series": ["x", None], "dtype": {"categories": ["y", "x"]}},
    ),
    "polars column that looks like a tag": (
        pl.DataFrame({"$ref": [1]}),
        {"$polars.DataFrame": [[1]], "dtypes": ["Int64"], "columns": ["$ref"]},
    ),
}


@pytest.mark.promise("scalars and small arrays of numpy and small frames are readable")
@pytest.mark.parametrize("kind", READABLE)
def test_small_frame_is_readable_and_its_copy_is_exact(kind):
    value, tree = READABLE[kind]
    store = recorded(value)

    entry = entry_of(store)

    assert entry["value"] == tree
    assert entry["imports"][0].partition(":")[0] in ("pandas", "polars")
    assert is_same(load(store), value)


# Both kinds of storage have the same name.
[STORAGE] = {"python", "pyarrow"} - {pd.array([], dtype="string").dtype.storage}


class Table(pd.DataFrame):
    """A frame of a class of its own."""


PICKLES = {
    "many cells": pd.DataFrame(np.zeros((10, 6))),
    "many rows without columns": pd.DataFrame(index=range(51)),
    "objects of other types": pd.Series([dt.date(2024, 1, 1)], dtype=object),
    "numbers of numpy as objects": pd.Series([np.int64(1)], dtype=object),
    "missing values of pandas as objects": pd.Series([pd.NA], dtype=object),
    "rows with several labels": pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
    "name of another type": pd.Series([1], name=(1, 2)),
    "label of numpy": pd.Series([1], name=np.int64(1)),
    "periods": pd.Series(pd.period_range("2024", periods=2, freq="D")),
    "intervals": pd.Series(pd.interval_range(0, 2)),
    "complex": pd.Series([1j]),
    "own class": Table({"a": [1]}),
    "categories of moments with an interval": pd.Series(pd.cut([1, 2], 2)),
    "texts in another storage": pd.Series(["a"], dtype=pd.StringDtype(STORAGE)),
    "list": pl.Series([[1]]),
    "polars objects": pl.Series([dt.time(1)]),
    "many polars cells": pl.DataFrame({"a": range(51)}),
    "attribute that no text keeps": with_facts(PRICES, attrs={"kind": object}),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_frame_that_no_text_keeps_is_a_pickle(kind):
    store = recorded(PICKLES[kind])

    assert "pickle" in entry_of(store)
    assert str(load(store)) == str(PICKLES[kind])


def test_frame_at_two_places_is_one_frame_in_the_copy():
    for frame in (PRICES, pl.DataFrame({"a": [1]})):
        one, other = load(recorded([frame, frame]))

        assert one is other


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
ROWS = st.integers(0, 5)
COLUMNS = {
    "int8": st.integers(-128, 127),
    "uint64": st.integers(0, 2**64 - 1),
    "float64": st.floats(allow_nan=True).map(lambda number: float("nan") if number != number else number),
    "float32": st.floats(width=32, allow_nan=False),
    "bool": st.booleans(),
    "Int64": st.none() | st.integers(-(2**63), 2**63 - 1),
    "Float64": st.none() | st.floats(allow_nan=False),
    "string": st.none() | texts,
    "str": st.none() | texts,
    "object": st.none() | texts | st.booleans() | st.integers() | st.floats(allow_nan=False),
    "category": st.none() | st.sampled_from(["a", "b", "c"]),
    "datetime64[ns]": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    "timedelta64[s]": st.timedeltas(dt.timedelta(0), dt.timedelta(days=9)),
}


@st.composite
def pandas_frames(draw):
    rows, kinds = draw(ROWS), draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4))
    parts = {
        place: pd.Series(draw(st.lists(COLUMNS[kind], min_size=rows, max_size=rows)), dtype=kind)
        for place, kind in enumerate(kinds)
    }
    index = (
        pd.RangeIndex(rows)
        if draw(st.booleans())
        else pd.Index(draw(st.permutations(range(rows))), dtype="int64")
    )
    frame = pd.DataFrame(parts, index=pd.RangeIndex(rows)).set_axis(index)
    frame.columns = draw(st.lists(texts, min_size=len(kinds), max_size=len(kinds), unique=True))
    frame.index.name = draw(st.none() | texts)
    return frame


@settings(max_examples=60)
@given(pandas_frames())
def test_copy_of_any_small_frame_is_exact(frame):
    store = recorded(frame)

    assert is_same(load(store), frame)
    assert entry_of(store).get("imports", [""])[0] == "pandas:DataFrame"


POLARS = {
    "Int8": st.integers(-128, 127),
    "UInt64": st.integers(0, 2**64 - 1),
    "Float64": st.floats(),
    "Float32": st.floats(width=32, allow_nan=False),
    "Boolean": st.booleans(),
    "String": texts,
    "Date": st.dates(),
    "Datetime": st.datetimes(),
    "Duration": st.timedeltas(dt.timedelta(days=-999), dt.timedelta(days=999)),
}


@settings(max_examples=60)
@given(
    st.dictionaries(texts, st.sampled_from(sorted(POLARS)), max_size=4, min_size=1).flatmap(
        lambda kinds: st.fixed_dictionaries(
            {
                name: st.lists(st.none() | POLARS[kind], min_size=3, max_size=3).map(
                    lambda items, kind=kind: pl.Series(items, dtype=getattr(pl, kind))
                )
                for name, kind in kinds.items()
            }
        )
    )
)
def test_copy_of_any_small_polars_frame_is_exact(parts):
    frame = pl.DataFrame(parts)

    assert is_same(load(recorded(frame)), frame)


FRAME = "$pandas.DataFrame"
HOSTILE = {
    "dtype of a record": {FRAME: {"a": [1]}, "dtypes": {"a": "i4,i4"}},
    "dtype of another library": {FRAME: {"a": [1]}, "dtypes": {"a": "int64[pyarrow]"}},
    "dtype of periods": {FRAME: {"a": [1]}, "dtypes": {"a": "period[D]"}},
    "dtypes of other columns": {FRAME: {"a": [1]}, "dtypes": {"b": "int64"}},
    "dtypes as a list": {FRAME: {"a": [1]}, "dtypes": ["int64"]},
    "columns twice": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "columns": {"$pandas.RangeIndex": [0, 1, 1]}},
    "columns of other lengths": {FRAME: {"a": [1], "b": []}, "dtypes": {"a": "int64", "b": "int64"}},
    "a text for a column": {FRAME: {"a": "x"}, "dtypes": {"a": "object"}},
    "a list in a column": {FRAME: {"a": [[1]]}, "dtypes": {"a": "object"}},
    "an object in a column": {FRAME: {"a": [{"$tuple": []}]}, "dtypes": {"a": "object"}},
    "a zone in a file": {FRAME: {"a": ["NaT"]}, "dtypes": {"a": "datetime64[ns, dateutil/Europe/Oslo]"}},
    "a zone above": {FRAME: {"a": ["NaT"]}, "dtypes": {"a": "datetime64[ns, A/../../etc/passwd]"}},
    "a moment without its zone": {FRAME: {"a": ["2024-01-01"]}, "dtypes": {"a": "datetime64[ns, UTC]"}},
    "a huge index": {FRAME: [], "dtypes": [], "columns": {"$pandas.RangeIndex": [0, 0, 1]},
                     "index": {"$pandas.RangeIndex": [0, 10**12, 1]}},
    "an index of another length": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "index": {"$pandas.RangeIndex": [0, 400, 1]}},
    "an index that is none": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "index": {"$tuple": [1]}},
    "an index without a step": {"$pandas.RangeIndex": [0, 1, 0]},
    "an index with code": {"$pandas.DatetimeIndex": ["2024-01-01"], "dtype": "datetime64[ns]", "freq": "__import__('os')"},
    "an index of another class": {"$pandas.DatetimeIndex": [1], "dtype": "int64"},
    "a number for a flag": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "allows_duplicate_labels": 0},
    "labels that occur twice": {FRAME: [[1], [2]], "dtypes": ["int64", "int64"], "allows_duplicate_labels": False,
                                "columns": {"$pandas.Index": [1, 1], "dtype": "int64"}},
    "attributes that are no dict": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "attrs": [1]},
    "another key": {FRAME: {"a": [1]}, "dtypes": {"a": "int64"}, "eval": "x"},
    "another category": {"$pandas.Series": ["b"], "dtype": {"categories": ["a"], "dtype": "object"}},
    "a category twice": {"$pandas.Series": ["a"], "dtype": {"categories": ["a", "a"], "dtype": "object"}},
    "too large": {"$pandas.Series": [2**64], "dtype": "Int64"},
    "another name": {"$pandas.Series": [1], "dtype": "int64", "name": {"$tuple": []}},
    "another class": {"$pandas.HDFStore": "x.h5"},
    "a polars dtype with objects": {"$polars.Series": [1], "dtype": "Object"},
    "a polars dtype that is a function": {"$polars.Series": [1], "dtype": "read_csv"},
    "a polars number that is too large": {"$polars.Series": [300], "dtype": "Int8"},
    "a polars text for a number": {"$polars.Series": ["1"], "dtype": "Int8"},
    "polars columns of other lengths": {"$polars.DataFrame": {"a": [1], "b": []}, "dtypes": {"a": "Int8", "b": "Int8"}},
    "polars columns with one name": {"$polars.DataFrame": [[1], [1]], "dtypes": ["Int8", "Int8"], "columns": ["a", "a"]},
    "another polars category": {"$polars.Series": ["b"], "dtype": {"categories": ["a"]}},
    "polars digits": {"$polars.Series": ["1.234"], "dtype": "Decimal[10, 2]"},
    "a polars zone": {"$polars.Series": ["2024-01-01T00:00:00Z"], "dtype": "Datetime[us, Nowhere/Land]"},
    "another polars class": {"$polars.LazyFrame": {}},
}  # fmt: skip
IMPORTS = [
    f"{library}:{name}"
    for library in ("pandas", "polars")
    for name in ("DataFrame", "Series", "Index", "RangeIndex", "DatetimeIndex", "HDFStore", "LazyFrame")
]


@pytest.mark.parametrize("kind", HOSTILE)
def test_frame_that_was_never_written_is_refused(kind):
    store = edited(HOSTILE[kind], *IMPORTS)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CorruptRecordingError):
            load(store)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frame_without_its_import_in_the_recording_is_refused(library):
    tree = {f"${library}.DataFrame": {"a": [1]}, "dtypes": {"a": "int64"}}

    with pytest.raises(
        CorruptRecordingError, match=f"{library}:DataFrame, which its recording does not list"
    ):
        load(edited(tree))


@pytest.mark.parametrize("frame", [PRICES, pl.DataFrame({"a": [1]})], ids=["pandas", "polars"])
def test_missing_library_is_named(monkeypatch, frame):
    store = recorded(frame)
    library = type(frame).__module__.partition(".")[0]
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(StaleRecordingError, match=library):
        load(store)


def test_frame_edited_by_hand_is_used():
    tree = tree_of(PRICES)
    tree[FRAME]["price"] = [2, 3.5]

    copy = load(edited(tree, "pandas:DataFrame"))

    assert copy["price"].tolist() == [2.0, 3.5]
    assert copy.dtypes["price"] == "float64"

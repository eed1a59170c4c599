"""Arrays and frames: one identity whatever their layout, their blocks and the storage of their texts are."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.face import fingerprint

from pytest_mimic.values.folders import Folders
from pytest_mimic.values.identity import fingerprint as fingerprint_in
from values.told_apart import told_apart

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
A = np.arange(12.0).reshape(3, 4)

# Each NaN as this machine or another may compute it; the last of each is what R calls
# "not available", or like it.
NANS = {
    "e": ("u2", [0x7E00, 0xFE00, 0x7E01, 0x7C01]),
    "f": ("u4", [0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7F8007A2]),
    "d": (
        "u8",
        [
            0x7FF8000000000000,
            0xFFF8000000000000,
            0x7FF8000000000001,
            0x7FF00000000007A2,
        ],
    ),
}


@pytest.mark.parametrize("times", [1, 60])
def test_an_array_of_paths_is_the_same_where_the_rootdir_has_a_longer_name(times):
    def identity(root):
        array = np.array([f"{root}/a", "b"] * times)
        return fingerprint_in(array, Folders(root))

    assert identity("/data/x") == identity("/home/ann/my files")


@pytest.mark.parametrize("size", [1, 30, 1000, 1_200_000])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", NANS)
def test_all_nans_are_the_same(code, order, size):
    bits, nans = NANS[code]
    values = np.ones(size, order + code)
    identities = set()

    for nan in nans:
        values.view(order + bits)[-1] = nan
        identities.add(fingerprint(values))
    values[-1] = np.inf

    assert len(identities) == 1
    assert fingerprint(values) not in identities


@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
@pytest.mark.parametrize(
    ("every", "other"), [(3, 6), (1, 2), (1, 1)], ids=["some", "all", "none of ours"]
)
def test_many_different_nans_are_the_same(code, every, other):
    values = np.ones(3000, code)
    values[::every] = np.nan
    mixed = values.copy()
    mixed[::other] = -mixed[::other]
    before = mixed.tobytes()

    assert values.tobytes() != before
    assert fingerprint(mixed) == fingerprint(values)
    assert mixed.tobytes() == before


def test_a_function_of_numpy_made_of_another_is_told_apart():
    def added(number):
        return np.frompyfunc(lambda value: value + number, 1, 1)

    told_apart(added(1), added(1), [added(2)])


def test_no_copy_of_a_contiguous_array_is_made():

    large = np.zeros((2000, 4000))
    fingerprint(large[:2])
    tracemalloc.start()
    fingerprint(large)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert used < 1_000_000


def test_a_copy_of_moments_has_the_same_identity():
    """numpy gives the dtype of an unpickled array empty metadata."""
    moments = np.array(["2026-01-01", "NaT"], dtype="M8[ns]")

    copied = pickle.loads(pickle.dumps(moments))

    assert fingerprint(copied) == fingerprint(moments)


texts = st.lists(
    st.none() | st.text(st.characters(codec="utf-8"), max_size=4), max_size=60
)
STORAGES = [pd.StringDtype(storage) for storage in ("python", "pyarrow")]


def stored(values, dtype):
    """Return equal texts in a column of one dtype: in one piece, as a part of a longer column, and in two chunks."""
    whole = pd.Series(values, dtype=dtype)
    longer = pd.Series(["x", *values, None], dtype=dtype)
    half = len(values) // 2
    joined = pd.concat([whole[:half], whole[half:]], ignore_index=True)
    return [whole, longer[1:-1].reset_index(drop=True), joined.astype(dtype)]


@given(texts, st.data())
def test_texts_count_the_same_in_every_storage(values, data):
    columns = [one for dtype in STORAGES for one in stored(values, dtype)]

    assert len({fingerprint(one) for one in columns}) == 1
    assert (
        len({fingerprint(pd.DataFrame({"a": one, "b": one})) for one in columns}) == 1
    )
    assert len({fingerprint(pd.Index(one)) for one in columns}) == 1
    place = data.draw(st.integers(0, len(values)))
    for other in (
        [*values[:place], "\0", *values[place:]],
        [*values[:place], "", *values[place:]],
    ):
        changed = {fingerprint(pd.Series(other, dtype=dtype)) for dtype in STORAGES}
        assert len(changed) == 1
        assert changed != {fingerprint(columns[0])}


kinds = st.sampled_from(
    ["i8", "f8", "f4", "?", "c16", "M8[ns]", "object", "category", "Int64"]
)


@given(st.lists(kinds, min_size=1, max_size=6), st.integers(0, 4), st.data())
def test_a_frame_counts_by_its_columns_not_by_its_blocks(names, rows, data):
    values = np.arange(rows * len(names)).reshape(len(names), rows)
    columns = [pd.Series(one).astype(name) for name, one in zip(names, values)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    by_name = pd.DataFrame(dict(enumerate(columns)))
    one_by_one = pd.DataFrame(index=frame.index)
    for place, column in enumerate(columns):
        one_by_one.insert(place, place, column)
    views = [
        by_name,
        one_by_one,
        frame.copy(),
        frame[::-1][::-1],
        frame.iloc[:, ::-1].iloc[:, ::-1],
    ]

    expected = fingerprint(frame)

    assert {fingerprint(view) for view in views} == {expected}
    place = data.draw(st.integers(0, len(names) - 1))
    other = data.draw(kinds.filter(lambda name: name != names[place]))
    columns[place] = pd.Series(values[place]).astype(other)
    assert fingerprint(pd.concat(columns, axis=1)) != expected


@pytest.mark.parametrize(
    "make",
    [lambda: pd.Timestamp(0), lambda: pd.DataFrame({"a": [1]}), lambda: pd.Index([1])],
)
def test_attributes_that_were_set_on_a_value_count(make):
    bare, one, other = make(), make(), make()
    one.x, other.x = "m", "s"

    assert len({fingerprint(value) for value in (bare, one, other)}) == 3


def sales():
    return pd.DataFrame(
        {"city": ["Oslo", "Bergen", "Oslo"], "sold": [1, 2, 3]},
        index=pd.date_range("2026-11-02", periods=3, freq="12h"),
    )


VIEWS = {
    "groups": lambda frame: frame.groupby("city"),
    "groups of a column": lambda frame: frame.groupby("city")["sold"],
    "groups by an array": lambda frame: frame.groupby(np.array([1, 1, 2])),
    "days": lambda frame: frame[["sold"]].resample("D"),
    "window": lambda frame: frame["sold"].rolling(2),
    "windows of groups": lambda frame: frame.groupby("city")["sold"].rolling(2),
}


@pytest.mark.parametrize("view_of", VIEWS.values(), ids=VIEWS)
def test_views_of_other_frames_are_told_apart(view_of):
    others = [view_of(sales().assign(sold=0)), sales()]

    told_apart(view_of(sales()), view_of(sales()), others)


def test_what_a_subclass_of_a_frame_keeps_counts():
    """geopandas names the column of its geometry in such an attribute."""

    class Places(pd.DataFrame):
        _metadata = ["_column"]

        @property
        def _constructor(self):
            return Places

    def of(column):
        places = Places({"x": [1.0], "y": [5.0]})
        places._column = column
        return places

    assert fingerprint(of("x")) == fingerprint(of("x").copy())
    assert fingerprint(of("x")) != fingerprint(of("y"))


def test_private_attributes_of_arrays_count():
    """They hold units, say, of an author's own class."""

    class Lengths(np.ndarray):
        pass

    def of(unit):
        lengths = A.view(Lengths)
        lengths._unit = unit
        return lengths

    assert fingerprint(of("m")) == fingerprint(of("m"))
    assert fingerprint(of("m")) != fingerprint(of("km"))

"""Frames of pandas: one identity whatever their blocks and the storage of their texts are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.call_identity import fingerprint

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

texts = st.lists(
    st.none() | st.text(st.characters(codec="utf-8"), max_size=4), max_size=20
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


def test_paths_in_a_column_of_objects_count_by_their_place_and_content(tmp_path):
    found = []
    for number, content in enumerate(["a", "a", "b"]):
        places = Places()
        places.set_root("tmp", str(tmp_path / str(number)))
        file = tmp_path / str(number) / "test_a0" / "in.csv"
        file.parent.mkdir(parents=True)
        file.write_text(content)
        frame = pd.DataFrame({"file": pd.Series([str(file), "x"], dtype=object)})
        found.append(fingerprint(frame, places=places))
        plain = pd.DataFrame(
            {"file": pd.Series([f"see {file.parents[1]}"], dtype=object)}
        )
        assert fingerprint(plain, places=places) == fingerprint(plain)

    assert found[0] == found[1] != found[2]


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
def test_what_a_view_of_a_frame_has_computed_does_not_count(view_of):
    view, other = view_of(sales()), view_of(sales().assign(sold=0))
    before = fingerprint(view)

    view.sum()
    list(view)

    assert fingerprint(view) == before == fingerprint(view_of(sales()))
    assert fingerprint(view) != fingerprint(other)


def test_groups_that_hold_what_their_frame_was_before_a_change_count_with_it():
    keys = np.array([1, 1, 2])
    used, fresh = (sales().groupby(keys) for _ in range(2))
    assert used.size().tolist() == [2, 1]

    keys[0] = 2

    assert used.size().tolist() != fresh.size().tolist()
    assert fingerprint(used) != fingerprint(fresh)


@pytest.mark.parametrize(
    ("view_of", "column"),
    [
        (lambda frame: frame.groupby("city"), "city"),
        (lambda frame: frame.groupby("city")[["sold"]], "sold"),
        (lambda frame: frame.rolling(2)["sold"], "sold"),
    ],
    ids=["groups", "groups of a column", "window"],
)
def test_a_view_counts_whose_frame_has_lost_a_column(view_of, column):
    frame = sales()
    view = view_of(frame)
    view.sum()
    before = fingerprint(view)

    del frame[column]

    assert fingerprint(view) != before


class TextFrequency(pd.Index):
    """Labels whose frequency is a text, as that of a `CFTimeIndex` of xarray is."""

    freq = "D"

    def __new__(cls, labels):
        index = object.__new__(cls)
        index._data, index._cache, index.name = np.array(labels, object), {}, None
        return index


def test_the_frequency_of_a_class_of_another_package_may_be_a_text():
    labels, other = TextFrequency([1, 2]), TextFrequency([1, 3])

    assert fingerprint(labels) == fingerprint(TextFrequency([1, 2]))
    assert fingerprint(labels) != fingerprint(other)

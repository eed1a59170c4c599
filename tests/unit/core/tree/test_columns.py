"""Differences of tables and arrays, by column: how many, the first place, both sides."""

from __future__ import annotations

import pytest

from pytest_mimic._core.tree.columns import column_differences, columns_of

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")


def frame(**columns):
    return pandas.DataFrame({"n": [1, 2, 3], "s": ["a", "b", None], **columns})


NAN = float("nan")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (frame(), frame(), []),
        (
            frame(),
            frame(n=[1, 5, 6]),
            [("['n']", "2 of 3 differ, [1]: 2 recorded, 5 now")],
        ),
        (
            frame(),
            frame(n=[1.0, 2.0, 3.0]),
            [("['n']", "dtype int64 recorded, float64 now")],
        ),
        (frame(x=[NAN, 1.0, 2.0]), frame(x=[NAN, 1.0, 2.0]), []),
        (frame(x=[1, 2, 3]), frame(), [("['x']", "missing now")]),
        (frame(), frame(x=[1, 2, 3]), [("['x']", "not in the recording")]),
        (
            frame().set_index("n"),
            frame(n=[1, 2, 9]).set_index("n"),
            [(".index", "1 of 3 differ, [2]: 3 recorded, 9 now")],
        ),
        (
            pandas.Series([1, 2]),
            pandas.Series([1, 3]),
            [("", "1 of 2 differ, [1]: 2 recorded, 3 now")],
        ),
        (
            numpy.array([[1.0, 2.0], [3.0, 4.0]]),
            numpy.array([[1.0, 2.0], [3.0, 5.0]]),
            [("", "1 of 4 differ, [(1, 1)]: 4.0 recorded, 5.0 now")],
        ),
        (
            numpy.array([1, 2]),
            numpy.array([1, 2, 3]),
            [("", "shape 2 recorded, 3 now")],
        ),
        ({"a": 1}, {"a": 2}, []),
    ],
)
def test_each_column_that_differs_is_named(old, new, found) -> None:
    assert column_differences(old, new) == found


def test_rows_that_came_are_counted() -> None:
    assert column_differences(frame(), frame().iloc[:2]) == [
        ("", "3 rows recorded, 2 now")
    ]


def test_where_rows_came_the_others_are_compared_as_well() -> None:
    longer = pandas.concat([frame(n=[1, 5, 3]), frame()], ignore_index=True)

    assert column_differences(frame(), longer) == [
        ("", "3 rows recorded, 6 now"),
        ("['n']", "1 of the first 3 differ, [1]: 2 recorded, 5 now"),
    ]


def test_rows_that_came_to_a_named_index_are_rows_all_the_same() -> None:
    by_name = frame(s=["a", "b", "c"]).set_index("s")

    assert column_differences(by_name, by_name.iloc[1:]) == [
        ("", "3 rows recorded, 2 now"),
        (".index", "2 of the first 2 differ, [0]: 'a' recorded, 'b' now"),
        ("['n']", "2 of the first 2 differ, ['a']: 1 recorded, 2 now"),
    ]


def test_another_order_of_columns_is_said() -> None:
    (only,) = column_differences(frame(), frame()[["s", "n"]])

    assert only == (
        "",
        "the columns have another order, the first: 'n' recorded, 's' now",
    )


def test_moments_are_shown_without_their_class() -> None:
    days = pandas.Series(pandas.to_datetime(["2026-11-01"]))

    assert column_differences(days, days + pandas.Timedelta(days=1)) == [
        (
            "",
            "1 of 1 differ, [0]: 2026-11-01 00:00:00 recorded, 2026-11-02 00:00:00 now",
        )
    ]


def test_what_is_close_enough_does_not_differ() -> None:
    sides = pandas.Series([1.0, 2.0]), pandas.Series([1.001, 2.5])

    assert column_differences(*sides, rtol=0.01) == [
        ("", "1 of 2 differ, [1]: 2.0 recorded, 2.5 now")
    ]


def test_a_subclass_may_have_other_parts() -> None:
    class Frame(pandas.DataFrame):
        pass

    assert columns_of(Frame({"a": [1]})) is None

"""Differences of tables and arrays, by column: how many, the first place, both sides."""

from __future__ import annotations

import pytest

from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.redact.redactor import NO_REDACTION
from pytest_mimic._core.tree.agreement import ComparisonRules, compare
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.kept_columns import columns_of

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")


def lines(old, new, **rules):
    """Return how two outcomes differ, as a drift tells it."""
    found = compare(
        Value(old), Value(new), ComparisonRules(**rules), redactor=NO_REDACTION
    )
    return difference_lines(found)


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
            ["result['n']: 2 of 3 differ, [1]: 2 recorded, 5 now"],
        ),
        (
            frame(),
            frame(n=[1.0, 2.0, 3.0]),
            ["result['n']: dtype int64 recorded, float64 now"],
        ),
        (frame(x=[NAN, 1.0, 2.0]), frame(x=[NAN, 1.0, 2.0]), []),
        (
            frame(x=[1, 2, 3]),
            frame(),
            ["result['x']: a column of 3 int64 recorded, missing now"],
        ),
        (
            frame(),
            frame(x=[1, 2, 3]),
            ["result['x']: a column of 3 int64 now, not in the recording"],
        ),
        (
            frame().set_index("n"),
            frame(n=[1, 2, 9]).set_index("n"),
            ["index: 1 of 3 differ, [2]: 3 recorded, 9 now"],
        ),
        (
            pandas.Series([1, 2]),
            pandas.Series([1, 3]),
            ["result: 1 of 2 differ, [1]: 2 recorded, 3 now"],
        ),
        (
            numpy.array([[1.0, 2.0], [3.0, 4.0]]),
            numpy.array([[1.0, 2.0], [3.0, 5.0]]),
            ["result: 1 of 4 differ, [1, 1]: 4.0 recorded, 5.0 now"],
        ),
        (
            numpy.array([1, 2]),
            numpy.array([1, 2, 3]),
            ["result: 2 rows recorded, 3 now"],
        ),
    ],
)
def test_each_column_that_differs_is_named(old, new, found) -> None:
    assert lines(old, new) == found


def test_rows_that_came_are_counted() -> None:
    assert lines(frame(), frame().iloc[:2]) == ["result: 3 rows recorded, 2 now"]


def test_where_rows_came_the_others_are_compared_as_well() -> None:
    longer = pandas.concat([frame(n=[1, 5, 3]), frame()], ignore_index=True)

    assert lines(frame(), longer) == [
        "result: 3 rows recorded, 6 now",
        "result['n']: 1 of the first 3 differ, [1]: 2 recorded, 5 now",
    ]


def test_rows_that_came_to_a_named_index_are_rows_all_the_same() -> None:
    by_name = frame(s=["a", "b", "c"]).set_index("s")

    assert lines(by_name, by_name.iloc[1:]) == [
        "result: 3 rows recorded, 2 now",
        "index: 2 of the first 2 differ, [0]: 'a' recorded, 'b' now",
        "result['n']: 2 of the first 2 differ, ['a']: 1 recorded, 2 now",
    ]


def test_another_order_of_columns_is_said() -> None:
    (only,) = lines(frame(), frame()[["s", "n"]])

    assert only == (
        "result: the columns have another order, the first: 'n' recorded, 's' now"
    )


def test_moments_are_shown_without_their_class() -> None:
    days = pandas.Series(pandas.to_datetime(["2026-11-01"]))

    assert lines(days, days + pandas.Timedelta(days=1)) == [
        "result: 1 of 1 differ, [0]: 2026-11-01 00:00:00 recorded,"
        " 2026-11-02 00:00:00 now"
    ]


def test_what_is_close_enough_does_not_differ() -> None:
    sides = pandas.Series([1.0, 2.0]), pandas.Series([1.001, 2.5])

    assert lines(*sides, rtol=0.01) == [
        "result: 1 of 2 differ, [1]: 2.0 recorded, 2.5 now"
    ]


def test_a_subclass_may_have_other_parts() -> None:
    class Frame(pandas.DataFrame):
        pass

    assert columns_of(Frame({"a": [1]})) is None

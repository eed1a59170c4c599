"""The differences between two trees: nothing that differs is missed, and each is named where it is."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mimic._core.pending.review_folder import merged

from pytest_mimic._core.compare.outcome_tree import Blob, Named, PickleView
from pytest_mimic._core.compare.tree_differences import differences, words
from pytest_mimic._tools.shown.comparing import paired
from pytest_mimic._tools.shown.value_lines import sides


def shown(old: Any, new: Any) -> list[tuple[str, str, str, str]]:
    """Return path, kind, and the two values of each difference."""
    return [(one.path, one.kind, *sides(one)) for one in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ([1], [1, 2]),
        ([1, 1], [1, 1, 1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        (Named("date", "x"), Named("datetime", "x")),
        (Blob(b"\0\1"), Blob(b"\0\2")),
        (PickleView(3, [], mark="a"), PickleView(3, [], mark="b")),
    ],
)
@pytest.mark.parametrize("inside", [lambda one: one, lambda one: [one], lambda one: {"x": {"y": one}}])
def test_values_that_differ_in_anything_are_a_difference(old, new, inside):
    assert len(differences(inside(old), inside(new))) == 1
    assert differences(inside(old), inside(old)) == []


def test_two_blobs_of_one_size_are_shown_apart():
    ((_, _, old, new),) = shown(Blob(b"\0\1"), Blob(b"\0\2"))

    assert old != new


def test_items_that_came_or_went_in_the_middle_are_named_alone():
    assert shown([1, 2, 3, 4, 5], [2, 3, 4, 9]) == [("[0]", "removed", "1", ""), ("[3]", "changed", "5", "9")]
    assert shown([1, 2, 3], [1, 5, 6, 3]) == [("[1]", "changed", "2", "5"), ("[2]", "added", "", "6")]


ROW = {"x": 0, "y": 0}


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a.*.b"),
        ({"a b": 1}, {"a b": 2}, None),
        ({"a.b": 1}, {"a.b": 2}, None),
        ({"a": [ROW, {"x": 1, "y": 2}]}, {"a": [ROW, {"x": 1, "y": 3}]}, "a.y"),
        ({"a": [ROW, {"x": 1, "y": 2}]}, {"a": [ROW, {"x": 4, "y": 3}]}, None),
        ({"a": [ROW, ROW]}, {"a": [ROW, ROW, {"x": 1, "y": 2}]}, None),
    ],
)
def test_a_path_for_volatile_is_given_only_where_it_names_the_difference(old, new, steps):
    assert [one.steps for one in differences(old, new)] == [steps]


LONG = "x" * 61


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ([{"n": 1, "x": 1}, {"n": 2, "x": 2}], [{"n": 1, "x": 1}, {"x": 0, "n": 2}], {"rows"}),
        ([[1, 1], [2, 2]], [[1, 1], [2, 0]], {"rows"}),
        ([{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 0}, {"n": 3}], {"rows"}),
        ([{"n": 1}, {"n": 2}], [{"n": 1}, {"m": 2}], {"added", "removed"}),
        ([[1], [2]], [[1], [2, 3]], {"added"}),
        ([{}, {}], [{}, 1], {"changed"}),
        ([{"n": 1}], [{"n": 2}], {"changed"}),
        ([{"n": LONG}, {"n": LONG}], [{"n": LONG}, {"n": "y"}], {"changed"}),
        ([{"n": []}, {"n": []}], [{"n": []}, {"n": [1]}], {"added"}),
    ],
)
def test_lists_of_rows_are_compared_as_tables(old, new, kinds):
    assert {one.kind for one in differences(old, new)} == kinds


def test_short_texts_of_several_lines_are_compared_as_texts():
    (one,) = differences("a\nb", "a\nc")

    assert one.kind == "text"
    assert one.spans == [(" ", "a\n"), ("-", "b"), ("+", "c"), (" ", "\n")]


def test_a_very_long_line_is_not_compared_word_by_word():
    """Time grows with the square."""
    old, new = (" ".join([str(number) for number in range(2_001)] + [end]) for end in "xy")

    assert words(old, new) == [("-", old), ("+", new)]


def test_pickles_are_compared_by_their_lists_previews_and_sizes():
    before = PickleView(3, ["a:A"], preview=["x: 1"])

    assert shown(before, PickleView(3, ["b:B"], preview=["x: 2"])) == [
        ("", "text", "", ""),
        ("imports", "changed", "a:A", "b:B"),
    ]
    assert shown(before, before.__class__(3, ["a:A"], preview=["x: 1"], mark="m")) == [
        ("", "changed", "a pickle, 3 B", "a pickle, 3 B, of other content")
    ]


def test_outcomes_that_only_one_side_has_are_paired_with_nothing():
    pairs = paired([("", "one")], [("", "one"), ("ask()", "two")])  # type: ignore[list-item]

    assert [(pair.name, pair.old, pair.new) for pair in pairs] == [
        ("call 1", "one", "one"),
        ("call 2, ask()", None, "two"),
    ]


def test_a_change_that_a_test_made_twice_names_it_once():
    rows = [{"id": "1", "tests": [test]} for test in ("a", "b", "a")]

    assert merged(rows) == [{"id": "1", "tests": ["a", "b"]}]

"""What differs between two trees is named where it is, part by part."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import described_arguments, described_parts
from pytest_mimic._core.tree.difference_words import (
    difference_lines,
)
from pytest_mimic._core.tree.differing import (
    Difference,
    argument_differences,
    differences,
)
from unit.core.tree.values import REDACTOR, Point, Rate


class Names(list[str]):
    pass


class Text(str):
    __slots__ = ()


def between(old: Any, new: Any) -> list[Difference]:
    """Return the differences between two values, given by their JSON."""
    return differences(node_of(old), node_of(new))


def lines(old: dict[str, object], new: dict[str, object]) -> list[str]:
    found = argument_differences(
        described_arguments(old, REDACTOR), described_arguments(new, REDACTOR)
    )
    return difference_lines(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1, 1, []),
        (1, 2, ["a: 1 recorded, 2 now"]),
        (1, True, ["a: 1 recorded, True now"]),
        (decimal.Decimal(1), 1, ["a: 1 (Decimal) recorded, 1 (int) now"]),
        (0.0, -0.0, ["a: 0.0 recorded, -0.0 now"]),
        (
            datetime.date(2024, 4, 30),
            datetime.date(2024, 5, 1),
            ["a: 2024-04-30 recorded, 2024-05-01 now"],
        ),
        ({"x": 1, "y": 2}, {"y": 2, "x": 1}, []),
        (
            {"x": [1, {"delay": 2}]},
            {"x": [1, {"delay": 3}]},
            ["a.x[1].delay: 2 recorded, 3 now"],
        ),
        (
            {"x": 1},
            {"y": 3},
            ["a.x: 1 recorded, missing now", "a.y: 3 now, not in the recording"],
        ),
        ({"two words": 1}, {"two words": 2}, ["a['two words']: 1 recorded, 2 now"]),
        ({1: "x"}, {1: "y"}, ["a[1]: 'x' recorded, 'y' now"]),
        ([1, 2], [1], ["a[1]: 2 recorded, missing now"]),
        ([1], (1,), ["a: [1] recorded, (1,) now"]),
        (
            {1, 2},
            {2, 3},
            ["a{1}: 1 recorded, missing now", "a{3}: 3 now, not in the recording"],
        ),
        (Rate(), Rate(value=2.0), ["a.value: 1.5 recorded, 2.0 now"]),
        (Point(1, 2), Point(1, 3), ["a.y: 2 recorded, 3 now"]),
        (
            Rate(),
            Point(1, 2),
            ["a: Rate(base='EUR', value=1.5) recorded, Point(x=1, y=2) now"],
        ),
        (Names(["a"]), Names(["b"]), ["a[0]: 'a' recorded, 'b' now"]),
        (Text("a"), Text("b"), ["a: 'a' recorded, 'b' now"]),
        (ValueError("x"), ValueError("y"), ["a.args[0]: 'x' recorded, 'y' now"]),
        ({"token": "abcd"}, {"token": "efgh"}, []),
        (
            {"token": "abcd"},
            {"token": None},
            ["a.token: <redacted> recorded, None now"],
        ),
    ],
)
def test_differences_are_shown_part_by_part(
    old: object, new: object, expected: list[str]
) -> None:
    assert lines({"a": old}, {"a": new}) == expected


def test_an_argument_of_one_call_only_is_a_difference() -> None:
    assert lines(
        {"**extra": {"day": 1}, "*rest": (1,)}, {"**extra": {}, "*rest": (2, 3)}
    ) == [
        "day: 1 recorded, missing now",
        "rest[0]: 1 recorded, 2 now",
        "rest[1]: 3 now, not in the recording",
    ]


def test_the_parts_of_a_request_are_their_own_description():
    """Except for the key that marks types in descriptions."""
    body = {"name": "a", "rows": [{"$": 5, "items": 3}]}
    changed = {"name": "a", "rows": [{"$": 5, "items": 4}]}

    assert described_parts(
        {"body": {"name": "a", "token": "b", "rows": [1, {"x": None}]}}
    ) == {"body": {"name": "a", "token": "b", "rows": [1, {"x": None}]}}
    found = argument_differences(
        described_parts({"body": body}), described_parts({"body": changed})
    )
    assert difference_lines(found) == ["body.rows[0].items: 3 recorded, 4 now"]


def test_a_value_of_one_identity_does_not_differ_by_its_librarys_version():
    """pandas 3 has other dtypes for labels than pandas 2, and names its classes otherwise."""
    pd = pytest.importorskip("pandas")
    redactor = Redactor()
    new = described_arguments(
        {"labels": pd.Index(["x", "y"]), "moment": pd.Timestamp("2026-11-02"), "n": 2},
        redactor,
    )
    old = described_arguments(
        {
            "labels": pd.Index(["x", "y"], dtype=object),
            "moment": pd.Timestamp("2026-11-02"),
            "n": 1,
        },
        redactor,
    )
    old["labels"]["type"] = "pandas.core.indexes.base:Index"

    assert [one.path for one in argument_differences(old, new)] == ["n"]
    assert old["moment"]["type"] == "pandas:Timestamp"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ([1], [1, 2]),
        ([1, 1], [1, 1, 1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"$date": "x"}, {"$datetime": "x"}),
        ({"$base64": "AAE="}, {"$base64": "AAI="}),
        ({"$datetime": "x", "fold": 1}, {"$datetime": "x"}),
        (
            {"$pickle": {"imports": []}, "digest": "a"},
            {"$pickle": {"imports": []}, "digest": "b"},
        ),
        ({"$shop:Color": "RED"}, {"$shop:Color": "BLUE"}),
    ],
)
@pytest.mark.parametrize(
    "inside", [lambda one: one, lambda one: [one], lambda one: {"x": {"y": one}}]
)
def test_values_that_differ_in_anything_are_a_difference(
    old: Any, new: Any, inside: Any
) -> None:
    assert (
        len(between(inside(old), inside(new)))
        == len(between(inside(new), inside(old)))
        == 1
    )
    assert between(inside(old), inside(old)) == []

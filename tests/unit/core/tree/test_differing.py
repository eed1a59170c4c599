"""What differs between two trees is named where it is, part by part."""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Any

import pytest

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.differing import (
    Difference,
    Sides,
    argument_differences,
    difference_lines,
    differences,
    side_by_side,
)
from pytest_mimic._core.tree.making import described_arguments, described_parts
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


def test_long_strings_are_shown_where_they_differ() -> None:
    old, new = (
        "a " * 100 + "quick fox " + "b " * 50,
        "a " * 100 + "slow dog " + "b " * 50,
    )

    (line,) = lines({"prompt": old}, {"prompt": new})

    assert line == (
        f"prompt, [-recorded-] {{+now+}}: ...{'a ' * 30}[-quick fox-]{{+slow dog+}} {'b ' * 30}..."
    )


def test_cut_values_differ_by_length_or_digest() -> None:
    cases: list[tuple[object, object, str]] = [
        (
            "x" * 5_000 + "a",
            "x" * 5_000 + "bc",
            r"^a: 5001 characters recorded, 5002 that differ after the first 400 now$",
        ),
        (
            b"x" * 5_000 + b"a",
            b"x" * 5_000 + b"b",
            r"^a: 5001 bytes recorded, 5001 that differ after the first 400 now$",
        ),
        ([0] * 100, [0] * 101, r"a: 100 items recorded, 101 items now"),
        (
            [0] * 100,
            [0] * 99 + [1],
            r"a: 100 items \(#\w{8}\) recorded, 100 items \(#\w{8}\) now",
        ),
        ([0] * 30, [0] * 100, r"a: 30 items recorded, 100 items now"),
        (
            lambda: 1,
            lambda: 2,
            r"<lambda> #\w{8}> recorded, .*<lambda> #\w{8}> now",
        ),
    ]

    for old, new, pattern in cases:
        assert re.search(pattern, lines({"a": old}, {"a": new})[-1])


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


def test_of_a_long_text_the_lines_with_other_words_are_shown() -> None:
    """What is equal is cut, and a very long text is not compared word by word: time grows with the square."""
    same = "".join(f"word{n} " for n in range(40))
    far = " ".join(map(str, range(5_000)))

    assert difference_lines(
        differences(f"{same}kind\n{same}", f"{same}strict\n{same}")
    ) == [
        "[-recorded-] {+now+}:",
        f"  ...{same[-60:]}[-kind-]{{+strict+}}",
        f"  {same[:59]}...",
    ]
    (line,) = difference_lines(differences(f"a {far} b", f"b {far[::-1]} c"))
    assert len(line) < 2_500


def test_only_the_first_differences_are_shown_and_the_others_counted() -> None:
    found = between({"n": 1, **{f"k{n}": n for n in range(20)}}, {"n": 2})

    assert difference_lines(found, "before", most=2) == [
        "n: 1 before, 2 now",
        "k0: 0 before, missing now",
        "and 19 more",
    ]


def test_no_control_character_reaches_the_terminal() -> None:
    bad = "\x1b[31m"
    found = [*between({bad: 1}, {}), *differences("a" * 99, "a" * 99 + bad)]

    assert "\x1b" not in "".join(difference_lines(found))


def test_two_sides_of_a_page_have_the_path_and_what_differs() -> None:
    old, new = (
        {"n": 1, "gone": 2, "text": "x " * 99 + "a"},
        {"n": 3, "text": "x " * 99 + "b", "come": 4},
    )

    start = (" ", f"...{'x ' * 30}")
    assert side_by_side(between(old, new)) == [
        Sides("n", [("-", "1")], [("+", "3")]),
        Sides("gone", [("-", "2")], []),
        Sides("text", [start, ("-", "a")], [start, ("+", "b")]),
        Sides("come", [], [("+", "4")]),
    ]

"""Differences are worded so that people see what differs, without what is equal."""

from __future__ import annotations

import re
from typing import Any

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.tree.describing import described_arguments
from pytest_mimic._core.tree.difference_words import (
    Sides,
    difference_lines,
    side_by_side,
)
from pytest_mimic._core.tree.differing import (
    Difference,
    argument_differences,
    differences,
)
from unit.core.tree.values import REDACTOR


def between(old: Any, new: Any) -> list[Difference]:
    """Return the differences between two values, given by their JSON."""
    return differences(node_of(old), node_of(new))


def lines(old: dict[str, object], new: dict[str, object]) -> list[str]:
    found = argument_differences(
        described_arguments(old, REDACTOR), described_arguments(new, REDACTOR)
    )
    return difference_lines(found)


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

    assert difference_lines(found, old_word="before", most=2) == [
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

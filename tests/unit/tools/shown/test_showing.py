"""Differences as lines: not too many, and nothing that a terminal would take for a command."""

from __future__ import annotations

import pytest

from pytest_mimic._core.compare.tree_differences import TreeDifference
from pytest_mimic._tools.shown.difference_lines import shown, text_lines


def lines(*found: TreeDifference) -> list[str]:
    return list(shown(found))


def test_only_the_first_differences_are_shown_and_the_others_counted():
    found = [TreeDifference(f"a{number}", "added", new=1) for number in range(42)]

    assert lines(*found[:40])[-1] == "a39: + 1"
    assert lines(*found)[-2:] == ["a39: + 1", "and 2 more differences"]


def test_only_the_first_rows_of_a_table_are_shown_and_the_others_counted():
    rows = [("+", [str(number)]) for number in range(32)]
    table = TreeDifference("", "rows", columns=["n"], rows=rows, total=50)

    assert lines(table)[:3] == ["32 of 50 rows", "    n", "  + 0"]
    assert lines(table)[-2:] == ["  + 29", "    and 2 more"]


@pytest.mark.parametrize("kind", ["added", "text", "rows"])
def test_no_control_character_reaches_the_terminal(kind):
    bad = "\x1b[31m"
    one = TreeDifference(bad, kind, new=1, spans=[("+", bad)], columns=[bad], rows=[("+", [bad])])

    assert "\x1b" not in "".join(lines(one))


def test_of_long_stretches_that_are_equal_their_ends_next_to_a_change_are_shown():
    same = "".join(chr(97 + number % 26) for number in range(400))

    (line,) = text_lines([(" ", same), ("-", "1"), (" ", same), ("+", "2"), (" ", same)])

    middle = f"{same[:60]}...{same[-60:]}"
    assert line == f"...{same[-60:]}[-1-]{middle}{{+2+}}{same[:60]}..."

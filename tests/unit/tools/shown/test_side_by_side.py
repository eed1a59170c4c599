"""Differences for the page: two sides in rows, and which of them verifying takes for one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.compare.outcome_tree import Named
from pytest_mimic._core.compare.tree_differences import differences
from pytest_mimic._tools.shown.difference_lines import side_by_side


def response(status: int, day: str, **body: Any) -> Named:
    headers = [["Date", day], ["Content-Type", "application/json"]]
    return Named("response", {"status": status, "reason": day, "headers": headers, "body": body})


LONG = "a text that is long enough to be on a line of its own"
OLD, NEW = ({"id": each, "rows": [{"n": each, "of": LONG}], "same": LONG} for each in ("old", "new"))


@pytest.mark.parametrize(
    ("recorded", "actual", "paths", "expected"),
    [
        (OLD, NEW, ["id"], "~i"),
        (OLD, NEW, ["rows.*.n"], "i~"),
        (OLD, NEW, ["id", "rows.0.n"], "~~"),
        (OLD, NEW, ["rows"], "i~"),
        (OLD, NEW, [None], "~~"),  # a difference without a path
        (OLD, NEW, [], "~~"),  # the call could not be verified
        ({"a": LONG, "b": 1}, {"a": LONG, "b": 2, "c": LONG}, ["c"], "i+"),
        ({"a": LONG, "b": 1, "c": LONG}, {"a": LONG, "b": 2}, ["b"], "~i"),
        (response(200, "Mon", json={"id": 1}), response(200, "Tue", json={"id": 2}), ["body.id"], "~"),
        (response(200, "Mon", text="a"), response(201, "Tue", text="b"), ["status"], "~i"),
        ({"text": "one\nwhole\nrow"}, {"text": "one\nother\nrow"}, ["text"], "=~"),
    ],
)
def test_only_what_counts_is_marked(recorded, actual, paths, expected):
    rows = side_by_side(differences(recorded, actual), paths)

    assert "".join(mark for mark, _, _ in rows) == expected


def test_each_side_has_its_part():
    same = {"n": 3, "of": "June"}
    old, new = ({"usd": each, "days": [{"n": each, "of": "May"}, same]} for each in (1, 2))
    found = differences(old, new)

    assert list(side_by_side(found, ())) == [
        ("~", "usd: 1", "usd: 2"),
        ("=", "days", "days"),
        ("~", "1  May", "2  May"),
    ]

"""The values without parts inside a call."""

from __future__ import annotations

from pytest_mimic._core.tree.leaves import leaves


def test_what_is_ignored_is_no_part() -> None:
    arguments = {"a": {"b": "x", "c": ["y", "z"]}, "*rest": {"$tuple": ["w"]}}

    found = leaves(arguments, [("a", "b"), ("a", "*", "-1")])

    assert [leaf.path for leaf in found] == ["a.c[0]", "rest[0]"]

"""The classes of nodes say what a value is, and two of them are equal where the values look equal."""

from __future__ import annotations

import pytest

from pytest_mimic._core.nodes.node_classes import (
    NOTHING,
    Cut,
    Fields,
    Hidden,
    Items,
    Opaque,
)


def test_nodes_of_equal_parts_are_equal_whatever_value_they_stand_for() -> None:
    bare = Fields("shop:Rate", {"base": "EUR"})
    live = Fields("shop:Rate", {"base": "EUR"}, value=object())

    assert bare == live
    assert bare.value is NOTHING


@pytest.mark.parametrize(
    ("node", "other"),
    [
        (Items("list", [1]), Items("tuple", [1])),
        (Items("list", [1], length=2), Items("list", [1], length=3)),
        (Fields("dict", {"a": 1}), Fields("shop:Rate", {"a": 1})),
        (Opaque("date", "x"), Opaque("datetime", "x")),
        (Opaque("text", "x", digest="1"), Opaque("text", "x", digest="2")),
        (Cut("str", "a", 5), Cut("bytes", "a", 5)),
        (Hidden("<redacted>", digest="1"), Hidden("<redacted>", digest="2")),
        (Hidden("x"), "x"),
    ],
)
def test_nodes_that_differ_in_anything_are_not_equal(node, other) -> None:
    assert node != other

"""The exact JSON of outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.outcome_json import (
    folded,
    has_both_forms,
    json_of,
    order,
    tags_in,
    with_tag,
)

# Nodes with their JSON, and with what a maker of tuples makes of that.
FORMS: dict[str, tuple[Node, Any, Any]] = {
    "plain": ("EUR", "EUR", "EUR"),
    "list": (Items("list", [1, None]), [1, None], [1, None]),
    "dict": (Fields("dict", {"a": 1}), {"a": 1}, {"a": 1}),
    "text": (
        Opaque("date", "2026-11-02"),
        {"$date": "2026-11-02"},
        ("date", "2026-11-02", {}),
    ),
    "place of a path": (
        Opaque("path", ("tmp_path", "a.txt")),
        {"$path": ["tmp_path", "a.txt"]},
        ("path", ["tmp_path", "a.txt"], {}),
    ),
    "items": (
        Items("tuple", [Opaque("date", "2026-11-02"), 2]),
        {"$tuple": [{"$date": "2026-11-02"}, 2]},
        ("tuple", [("date", "2026-11-02", {}), 2], {}),
    ),
    "object": (
        Fields("shop:User", {"name": "Ann"}),
        {"$shop:User": {"name": "Ann"}},
        ("shop:User", {"name": "Ann"}, {}),
    ),
    "facts": (
        Fields("shop:User", {"name": "Ann"}, facts={"of": Items("list", [1])}),
        {"$shop:User": {"name": "Ann"}, "of": [1]},
        ("shop:User", {"name": "Ann"}, {"of": [1]}),
    ),
    "one part": (
        Opaque("bytearray", Opaque("bytes", "ab")),
        {"$bytearray": {"$bytes": "ab"}},
        ("bytearray", ("bytes", "ab", {}), {}),
    ),
    "a first key like a tag": (
        Fields("dict", {"$date": 1, "$b": 2}),
        {"$$date": 1, "$b": 2},
        {"$date": 1, "$b": 2},
    ),
    "such a key in a tag": (
        Fields("counter", {"$a": 1}),
        {"$counter": {"$$a": 1}},
        ("counter", {"$a": 1}, {}),
    ),
}


@pytest.mark.parametrize(("node", "plain", "value"), FORMS.values(), ids=FORMS)
def test_a_node_is_written_and_read(node: Node, plain: Any, value: Any) -> None:
    def make(tag: str, part: Any, facts: dict[str, Any]) -> Any:
        return tag, part, facts

    assert json_of(node) == plain
    assert list(json_of(node)) == list(plain)
    assert folded(plain, make) == value


def test_a_value_that_is_made_of_another_has_its_parts() -> None:
    items: list[Node] = [1]

    assert with_tag("deque", Items("list", items)) == Items("deque", items)
    assert with_tag("counter", Fields("dict", {"a": 1})) == Fields("counter", {"a": 1})
    assert with_tag("counter", Items("dict", items)) == Opaque(
        "counter", Items("dict", items)
    )


def test_a_dict_with_its_escaped_key_has_no_form() -> None:
    assert has_both_forms({"$a": 1, "$$a": 2})
    assert not has_both_forms({"$$a": 2, "$a": 1})
    assert not has_both_forms({"a": 1, "$a": 2})


def test_nodes_are_ordered_by_their_json() -> None:
    nodes: list[Node] = [Opaque("date", "2026-11-02"), "ä", 1]

    assert sorted(map(order, nodes)) == ['"ä"', "1", '{"$date": "2026-11-02"}']


def test_tags_are_found_at_any_depth() -> None:
    plain = [{"$shop:User": {"of": {"$date": "2026-11-02"}}}, {"$$class": "shop:Old"}]

    assert dict(tags_in(plain)) == {
        "shop:User": {"of": {"$date": "2026-11-02"}},
        "date": "2026-11-02",
    }

"""The JSON of a vault becomes nodes, and nodes become it again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_json import (
    cut_in,
    is_typed_text,
    node_of,
    nodes_of,
    order,
    plain_of,
    plains_of,
    with_tag,
)

PAIRS: list[tuple[Any, Node]] = [
    (None, None),
    (1.5, 1.5),
    ("EUR", "EUR"),
    ("<redacted>", Hidden("<redacted>")),
    ([1, [2]], Items("list", [1, Items("list", [2])])),
    ({"a": {"b": 1}}, Fields("dict", {"a": Fields("dict", {"b": 1})})),
    ({"$tuple": [1, 2]}, Items("tuple", [1, 2])),
    ({"$list": [1], "length": 9, "digest": "d"}, Items("list", [1], 9, "d")),
    ({"$dict": [[1, 2]]}, Items("dict", [Items("list", [1, 2])])),
    ({"$date": "2026-11-02"}, Opaque("date", "2026-11-02")),
    ({"$path": ["tmp_path", "a.csv"]}, Opaque("path", ("tmp_path", "a.csv"))),
    ({"$shop:Color": "RED"}, Opaque("shop:Color", "RED")),
    ({"$shop:Rate": {"base": "EUR"}}, Fields("shop:Rate", {"base": "EUR"})),
    ({"$text": "1/3", "type": "Fraction"}, Opaque("text", "1/3", "Fraction")),
    ({"$cut": "str", "start": "Once", "length": 5000}, Cut("str", "Once", 5000)),
    ({"$cut": "list", "length": 3, "digest": "d"}, Cut("list", None, 3, "d")),
    ({"$cycle": "list"}, Cut("list", is_cycle=True)),
    ({"$hidden": "<redacted>", "type": "int"}, Hidden("<redacted>", "int")),
    ({"$events": [1], "whole": True}, Items("events", [1], facts={"whole": True})),
    ({"$$date": 1, "n": 2}, Fields("dict", {"$date": 1, "n": 2})),
    ({"n": 1, "$date": 2}, Fields("dict", {"n": 1, "$date": 2})),
    ({"$deque": [[1], 3]}, Fields("deque", {"": Items("list", [1]), "maxlen": 3})),
    ({"$deque": [[1], None]}, Fields("deque", {"": Items("list", [1])})),
    ({"$counter": {"a": 1}}, Fields("Counter", {"": Fields("dict", {"a": 1})})),
    ({"$counter": {"$$a": 1}}, Fields("Counter", {"": Fields("dict", {"$a": 1})})),
    ({"$Counter": {"": {"a": 1}, "n": 2}}, Fields("Counter", {"": Fields("dict", {"a": 1}), "n": 2})),
    ({"$bytearray": {"$bytes": "ab"}}, Fields("bytearray", {"": Opaque("bytes", "ab")})),
    ({"$namespace": {"a": 1}}, Fields("SimpleNamespace", {"a": 1})),
    (
        {"$defaultdict": [{"$class": "builtins:list"}, {}]},
        Fields("defaultdict", {"": Fields("dict", {}), "default_factory": Opaque("class", "builtins:list")}),
    ),
    (
        {"$shop:NoRate": {"args": ["EUR"], "cause": None, "attributes": {"code": 4}}},
        Fields("shop:NoRate", {"*": Items("list", ["EUR"]), "code": 4, "__cause__": None}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "node"), PAIRS, ids=str)
def test_json_and_nodes_are_turned_into_each_other(plain: Any, node: Node) -> None:
    assert node_of(plain) == node
    assert plain_of(node) == plain


@pytest.mark.parametrize(
    ("plain", "node"),
    [
        (
            {"$builtins:OSError": {"args": [2, "no"], "fields": {"filename": "a"}}},
            Fields(
                "builtins:OSError", {"*": Items("list", [2, "no"]), "filename": "a"}
            ),
        ),
        (
            {"$shop:Rate": {"base": "EUR"}, "attributes": {"seen": 1}},
            Fields("shop:Rate", {"base": "EUR", "seen": 1}),
        ),
        ({"$bytes": ["a\n", "b\n"]}, Opaque("bytes", "a\nb\n")),
    ],
    ids=str,
)
def test_the_forms_of_outcomes_are_read_as_the_objects_that_they_are(
    plain: Any, node: Node
) -> None:
    assert node_of(plain) == node


def test_without_tags_a_key_that_looks_like_one_is_a_key() -> None:
    assert node_of({"$date": 1}, is_tagged=False) == Fields("dict", {"$date": 1})


def test_a_mapping_that_has_its_escaped_key_as_well_is_a_list_of_pairs() -> None:
    plain = plain_of(Fields("dict", {"$a": 1, "$$a": 2}))

    assert plain == {"$dict": [["$a", 1], ["$$a", 2]]}


def test_a_value_that_is_made_of_another_has_its_parts() -> None:
    numbers: list[Node] = [1, 2]
    mapping = Fields("dict", {"a": 1})

    assert with_tag("range", Items("list", numbers)) == Items("range", numbers)
    assert with_tag("timedelta", mapping) == Fields("timedelta", {"a": 1})
    assert with_tag("counter", mapping) == Fields("Counter", {"": mapping})
    assert with_tag("decimal", "1.5") == Opaque("decimal", "1.5")
    assert with_tag("deque", Items("list", [Items("list", [1]), None])) == Fields(
        "deque", {"": Items("list", [1])}
    )


def test_attributes_that_are_escaped_forms_of_one_another_stay_two() -> None:
    one = Fields("shop:Job", {"$a": 1, "$$a": 2})
    other = Fields("shop:Job", {"$a": 9, "$$a": 2})

    assert node_of(plain_of(one)) != node_of(plain_of(other))


def test_a_namespace_with_arguments_is_no_exception() -> None:
    node = Fields("SimpleNamespace", {"args": Items("list", [1]), "notes": 2})

    assert node_of(plain_of(node)) == node


def test_what_is_too_long_is_found_in_the_json() -> None:
    assert cut_in({"$cut": "str", "object": "a.json"}) == Cut("str", file="a.json")
    assert cut_in({"cut": "str"}) is None
    assert cut_in({}) is None


@pytest.mark.parametrize(
    "plain",
    [
        {"$dict": "x"}, {"$dict": [[1], 2]}, {"$tuple": {"a": 1}}, {"$date": None},
        {"$cut": 5, "length": "many"}, {"$deque": []}, {"$deque": 5}, {"$": 1},
        {"$path": ["a", "b", "c"]}, {"$text": [], "type": 5}, {"$shop:Rate": {"$": 1}},
        {"$shop:Job": {"args": ["a"], "fields": ["x"]}},
        {"$shop:Job": {"args": ["a"], "attributes": 5}}, {"$bytes": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_that_was_edited_by_hand_is_read_all_the_same(plain: Any) -> None:
    assert json.dumps(plain_of(node_of(plain)))


def test_several_nodes_are_read_and_written_by_their_names() -> None:
    nodes = nodes_of({"day": {"$date": "2026-11-02"}, "n": 1})

    assert nodes == {"day": Opaque("date", "2026-11-02"), "n": 1}
    assert plains_of(nodes) == {"day": {"$date": "2026-11-02"}, "n": 1}


def test_equal_nodes_have_one_place_in_an_order() -> None:
    one, same = Fields("dict", {"a": 1, "b": 2}), Fields("dict", {"b": 2, "a": 1})

    assert order(one) == order(same)
    assert order(1) != order(1.0)
    assert order(1) != order(True)


def test_only_a_text_with_a_type_is_a_value_of_a_database() -> None:
    assert is_typed_text({"$decimal": "1.50"})
    assert not is_typed_text({"$decimal": 1})
    assert not is_typed_text({"$deque": "1"})
    assert not is_typed_text({})

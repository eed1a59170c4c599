"""What is known of a node whatever its class: its kind, its items, its digest."""

from __future__ import annotations

import pytest

from pytest_mimic._core.nodes.node_classes import (
    NOTHING,
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_parts import (
    digest_of,
    is_file,
    items_of,
    kind_of_node,
    length_of,
    pairs_of,
    short_name,
    shown_facts,
    type_of,
    value_of_node,
)

NODES: list[Node] = [
    None, True, 1, 1.0, "1", Items("list", []), Items("tuple", []), Fields("dict", {}),
    Fields("shop:Rate", {}), Opaque("str", "1"), Opaque("date", "1"), Cut("str"), Hidden("x"),
]  # fmt: skip


def test_each_kind_of_value_is_told_from_the_others() -> None:
    assert len({kind_of_node(node) for node in NODES}) == len(NODES)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (1.5, "float"),
        (Items("tuple", []), "tuple"),
        (Fields("shop.models:Rate", {}), "Rate"),
        (Opaque("text", "<DataFrame>", "pandas:DataFrame"), "DataFrame"),
        (Opaque("decimal", "1.50"), "Decimal"),
        (Hidden("<redacted>", "int"), "int"),
    ],
)
def test_a_type_is_named_without_its_module(node: Node, name: str) -> None:
    assert type_of(node) == name
    assert short_name(f"shop.models:{name}") == name


def test_only_what_is_like_a_list_has_numbered_items() -> None:
    assert items_of(Items("tuple", [1, 2])) == [1, 2]
    assert items_of(Items("set", [1, 2])) is None
    assert items_of(Fields("dict", {"0": 1})) is None


def test_what_is_no_pair_is_left_out_of_an_edited_mapping() -> None:
    pairs: list[Node] = [Items("list", [1, 2]), Items("list", [1]), "edited"]

    assert pairs_of(Items("dict", pairs)) == [(1, 2)]


def test_facts_for_the_vault_alone_are_not_shown() -> None:
    node = Opaque("datetime", "x", facts={"fold": 1, "size": 3, "object": "objects/a"})

    assert shown_facts(node) == {"fold": 1}


def test_a_path_is_a_file_if_it_counts_with_its_content() -> None:
    assert is_file(Opaque("path", "a.csv", digest="1"))
    assert not is_file(Opaque("path", "a.csv"))
    assert not is_file(Opaque("text", "a.csv", digest="1"))


def test_what_a_node_does_not_have_is_empty() -> None:
    assert [digest_of(node) for node in NODES] == [""] * len(NODES)
    assert [length_of(node) for node in NODES] == [None] * len(NODES)
    assert [value_of_node(node) for node in NODES] == [NOTHING] * len(NODES)

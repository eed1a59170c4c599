"""Values of the standard library are made again of their nodes."""

from __future__ import annotations

import datetime
import fractions
import re
from typing import Any

import pytest

from pytest_mimic._core.nodes.node_classes import NOTHING, Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_values import (
    known_text,
    known_value,
    value_described_by,
)


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        (1.5, 1.5),
        ({"a": [{"$tuple": [1, 2]}]}, {"a": [(1, 2)]}),
        ({"$fraction": [1, 3]}, fractions.Fraction(1, 3)),
        ({"$$date": 1}, {"$date": 1}),
    ],
    ids=str,
)
def test_a_value_is_made_of_its_json(plain: Any, value: Any) -> None:
    assert value_described_by(plain) == value


@pytest.mark.parametrize(
    "plain",
    [
        {"$shop:Order": {"number": 1}},
        {"$class": "shop:Order"},
        {"$path": "a.csv"},
        {"$list": [1], "length": 50},
        {"$text": "<Order>", "type": "shop:Order"},
        {"$cut": "list", "length": 5},
        {"$date": "tomorrow"},
        {"$fraction": [1, 0]},
        {"$regex": "("},
        {"$zoneinfo": "Nowhere"},
    ],
    ids=str,
)
def test_nothing_is_made_of_what_is_not_there_whole_or_of_a_class(plain: Any) -> None:
    with pytest.raises(ValueError):
        value_described_by(plain)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Items("fraction", [1, 3]), "1/3"),
        (Items("complex", [1.0, 2.0]), "(1+2j)"),
        (Fields("timedelta", {"days": 1}), "1 day, 0:00:00"),
        (Opaque("regex", "a+"), "re.compile('a+')"),
        (Items("range", [0, 3, 1]), "range(0, 3)"),
        (Items("tuple", [1]), None),
        (Opaque("decimal", "-NAN"), "-NaN"),
        (Opaque("datetime", "2026-11-02T10:00:00"), None),
        (Items("fraction", [1, 0]), None),
        (Opaque("regex", "("), None),
    ],
    ids=str,
)
def test_a_value_of_several_parts_has_the_text_of_its_type(
    node: Any, text: str | None
) -> None:
    assert known_text(node) == text


def test_a_node_knows_its_value_or_has_parts_that_make_it() -> None:
    moment = datetime.date(2026, 11, 2)
    live: Node = Opaque("date", "2026-11-02", value=moment)

    assert known_value(live) is moment
    assert known_value(Items("fraction", [1, 3])) == fractions.Fraction(1, 3)
    assert known_value(Opaque("regex", "a")) == re.compile("a")
    assert known_value(Opaque("date", "2026-11-02")) is NOTHING
    assert known_value(1) is NOTHING

"""Calls as people read them."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.call_labels import call_label, query_text
from pytest_mimic._core.tree.making import argument_trees

REDACTOR = Redactor()


def test_a_call_is_shown_as_python_writes_it() -> None:
    described = argument_trees(
        {
            "base": "EUR",
            "day": datetime.date(2024, 5, 1),
            "*rest": (1, "a"),
            "**extra": {"x": 2},
        },
        REDACTOR,
    )

    assert call_label("shop.api:fetch_rates", described) == (
        "shop.api:fetch_rates(base='EUR', day=2024-05-01, 1, 'a', x=2)"
    )
    assert call_label("shop.api:ping", {}) == "shop.api:ping()"
    assert call_label("shop.api:ping", None) == "shop.api:ping(...)"


def test_a_long_call_is_cut() -> None:
    """Short arguments stay whole, long ones share the room, and the last ones are left out."""
    few = argument_trees(
        {"base": "EUR", "prompt": "x" * 300, "text": "y" * 300}, REDACTOR
    )
    many = argument_trees({f"argument{n}": n for n in range(50)}, REDACTOR)

    assert (
        call_label("m:f", few)
        == f"m:f(base='EUR', prompt='{'x' * 29}..., text='{'y' * 31}...)"
    )
    assert call_label("m:f", many) == (
        "m:f(argument0=0, argument1=1, argument2=2, argument3=3, argument4=4, argument5=5, "
        "argument6=6, argument7=7, argument...)"
    )
    assert len(call_label("m:f", few)) <= 120


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (None, ""),
        ({"query": {"$cut": "dict"}}, ""),
        (
            {"query": {"page": "2", "api_key": "<redacted>"}},
            "?page=2&api_key=<redacted>",
        ),
        (
            {"query": {"q": "long" * 40, "ids": [1, 2]}},
            f"?q={'long' * 8}lon...&ids=[1, 2]",
        ),
    ],
)
def test_a_query_is_shown_with_long_values_shortened(arguments: Any, text: str) -> None:
    assert query_text(arguments) == text

"""Descriptions lose secrets, and what might tell them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._tools.rekey.redacted_descriptions import (
    hidden_description,
    with_hidden_preview,
)

SECRET = "hunter-4711-zebra"
REDACTOR = Redactor(("motto",))
NUMBERS = {"$column": "int64", "digest": "5c632ad4", "values": [1]}

DESCRIPTIONS: dict[str, tuple[Any, Any]] = {
    "an object": (
        {"$shop:Order": {"motto": SECRET, "n": 1}},
        {"$shop:Order": {"motto": "<redacted>", "n": 1}},
    ),
    "a digest around it": (
        {"$list": [{"motto": SECRET}], "length": 90, "digest": "6cc33104"},
        {"$list": [{"motto": "<redacted>"}], "length": 90},
    ),
    "a digest elsewhere": (
        [{"motto": SECRET}, {"$cut": "list", "length": 9, "digest": "6cc33104"}],
        [{"motto": "<redacted>"}, {"$cut": "list", "length": 9, "digest": "6cc33104"}],
    ),
    "a column": (
        {
            "$text": "<DataFrame 1x2: motto, n>",
            "digest": "b660f104",
            "columns": {"['motto']": {"values": [SECRET]}, "['n']": NUMBERS},
        },
        {"$text": "<DataFrame 1x2: motto, n>", "columns": {"['n']": NUMBERS}},
    ),
    "nothing": ({"n": SECRET}, {"n": SECRET}),
}


@pytest.mark.parametrize(
    ("described", "expected"), DESCRIPTIONS.values(), ids=DESCRIPTIONS
)
def test_a_description_loses_a_secret(described: Any, expected: Any) -> None:
    assert hidden_description(described, REDACTOR) == expected


def test_a_preview_loses_what_its_description_names() -> None:
    entry = {
        "preview": [f"[Order(motto='{SECRET}', n=1), 'a {SECRET}']"],
        "described": [{"$shop:Order": {"motto": SECRET, "n": 1}}, f"a {SECRET}"],
    }

    assert with_hidden_preview(entry, REDACTOR) == {
        "preview": ["[Order(motto='<redacted>', n=1), 'a <redacted>']"],
        "described": [
            {"$shop:Order": {"motto": "<redacted>", "n": 1}},
            "a <redacted>",
        ],
    }


def test_an_outcome_without_secrets_stays_the_same_object() -> None:
    entry = {"preview": ["[Order(motto=<redacted>, n=1)]"], "described": [1]}

    assert with_hidden_preview(entry, REDACTOR) is entry

"""No value of a secret name is shown, wherever its name is."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.stored import without_secrets


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hush"},
        {"$shop:User": {"name": "Ann", "password": {"$bytes": "hush"}}},
        {"$dict": [["password", "hush"], [1, 2]]},
        [["password", "hush"]],
        {"$tuple": ["password", "hush"]},
        ["login", "--password", "hush"],
        "https://shop.example/?token=hush",
        '{"password": "hush"}',
        [["Cookie", "sid=<redacted>; theme=hush"]],
        {"password": {"Cookie": "sid=<redacted>; hush"}},
    ],
)
def test_the_value_is_replaced(value):
    hidden = json.dumps(without_secrets({"value": value}, Redactor()))

    assert "hush" not in hidden
    assert "redacted" in hidden


@pytest.mark.parametrize(
    "value",
    [
        ["name", "Ann"],
        {"n": [1, None]},
        [["Set-Cookie", "sid=<redacted>; Path=/; HttpOnly"]],
        {"Cookie": "sid=<redacted>; theme=<redacted>"},
    ],
)
def test_other_values_stay(value):
    assert without_secrets({"value": value}, Redactor()) == {"value": value}

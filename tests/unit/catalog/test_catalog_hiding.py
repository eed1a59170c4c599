"""No value of a secret name is shown, wherever its name is."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._catalog.hiding import without_secrets
from pytest_mimic._redact.redactor import Redactor


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hush"},
        {"$shop:User": {"name": "Ann", "password": {"$bytes": "hush"}}},
        {"$dict": [["password", "hush"], [1, 2]]},
        [["password", "hush"]],
        {"$tuple": ["password", "hush"]},
        ["login", "--password", "hush"],
        {"$pandas.Series": ["hush"], "dtype": "str", "name": "password"},
        {"$polars.Series": ["hush"], "dtype": "String", "name": "api_key"},
        {"$pandas.DataFrame": {"n": [1], "password": ["hush"]}, "dtypes": {"n": "int64", "password": "str"}},
        {
            "$pandas.DataFrame": [[1], ["hush"]],
            "dtypes": ["int64", "str"],
            "columns": {"$pandas.Index": [1, "password"], "dtype": "object"},
        },
        "https://shop.example/?token=hush",
        '{"password": "hush"}',
    ],
)
def test_the_value_is_replaced(value):
    hidden = json.dumps(without_secrets({"value": value}, Redactor()))

    assert "hush" not in hidden
    assert "redacted" in hidden


@pytest.mark.parametrize(
    "value", [["name", "Ann"], {"$pandas.Series": [1], "name": "price"}, {"n": [1, None]}]
)
def test_other_values_stay(value):
    assert without_secrets({"value": value}, Redactor()) == {"value": value}

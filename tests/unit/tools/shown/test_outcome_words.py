"""Outcomes in a few words."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._tools.shown.outcome_words import outcome_in_short


def test_a_failure_of_http_is_told_as_any_adapter_does():
    """Its adapter is not loaded to show recordings."""
    assert type(load_adapter("http")).failure is Adapter.failure


@pytest.mark.parametrize(
    ("outcome", "short"),
    [
        ({"raised": {"$builtins:ValueError": ["x"]}}, "raised ValueError"),
        ({"raised": {"$shop:Api.RateError": ["x"]}}, "raised RateError"),
        ({"raised": {"$shop:f.<locals>.E": ["x"]}}, "raised E"),
        (
            {"kind": "raised", "preview": ["raised ValueError('x')"]},
            "raised ValueError",
        ),
        (
            {"kind": "raised", "preview": ["raised shop:Api.RateError('x')"]},
            "raised RateError",
        ),
        (
            {"kind": "raised", "preview": ["raised shop:f.<locals>.E('a.b')"]},
            "raised E",
        ),
        ({"kind": "raised", "preview": [""]}, "raised an exception"),
    ],
    ids=str,
)
def test_an_exception_is_named_by_its_class_alone(outcome, short):
    assert outcome_in_short("shop:f", outcome, Redactor()) == short


def test_an_answer_that_broke_off_is_named_as_an_error():
    answer = {"status": 200, "headers": [], "body": {"text": "half"}}

    shorts = [
        outcome_in_short("http", {"kind": "returned", "value": value}, Redactor())
        for value in (answer, {**answer, "error": {"type": "closed"}})
    ]

    assert shorts == ["200", "gave 200, then failed (closed)"]


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hush"},
        {"rows": [{"token": "hush"}]},
        {"name": "token", "value": "hush"},
        {"a": {"b": {"api_key": "hush"}}},
        {"pin_code": 1, "login": "password=hush"},
        [["token", "hush"]],
        ["--password", "hush"],
        {"a": ["token", "hush"]},
        {"a": [{"b": 1}, {"token": "hush"}]},
        {"token": [{"b": "hush"}]},
        {"token": ["hush", 1]},
        [{"name": "token"}, ["token", "hush"]],
        {"columns": [["password"]], "rows": [["hush"]]},
    ],
    ids=str,
)
def test_a_short_outcome_has_no_secret(value: object) -> None:
    short = outcome_in_short("shop:fetch", {"value": value}, Redactor())

    assert "hush" not in short


def test_a_short_outcome_without_secrets_is_shown_as_it_is() -> None:
    value = {"city": "Oslo", "degrees": -3.5, "open": True, "note": None}

    short = outcome_in_short("shop:fetch", {"value": value}, Redactor())
    of_list = outcome_in_short("shop:fetch", {"value": [{"n": 1}, value]}, Redactor())

    assert short == "{'city': 'Oslo', 'degrees': -3.5, 'op..."
    assert of_list == "[{'n': 1}, {'city': 'Oslo', 'degrees'..."

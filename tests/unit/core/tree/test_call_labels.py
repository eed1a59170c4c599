"""Calls as people read them."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.call_labels import (
    call_label,
    label_of_recorded_call,
    query_text,
    words_that_tell_apart,
)
from pytest_mimic._core.tree.describing import described_arguments

REDACTOR = Redactor()


def test_a_call_is_shown_as_python_writes_it() -> None:
    described = described_arguments(
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
    few = described_arguments(
        {"base": "EUR", "prompt": "x" * 300, "text": "y" * 300}, REDACTOR
    )
    many = described_arguments({f"argument{n}": n for n in range(50)}, REDACTOR)

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
        ({}, ""),
        ({"query": {"$cut": "dict"}}, ""),
        (
            {"query": {"page": "2", "api_key": "<redacted>"}},
            "?page=2&api_key=<redacted>",
        ),
        (
            {"query": {"q": "long" * 40, "ids": [1, 2]}},
            f"?q={'long' * 8}lon...&ids=[1, 2]",
        ),
        ({"query": {"q": "1\r\nmissing:\n  all"}}, "?q=1 missing: all"),
    ],
)
def test_a_query_is_shown_with_long_values_shortened(arguments: Any, text: str) -> None:
    assert query_text(arguments) == text


CHAT = {
    "model": "gpt-x",
    "messages": [{"role": "user", "content": f"{'Well, ' * 20}will it rain\nin Oslo?"}],
}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (None, ""),
        ({"method": "GET", "body": "a text"}, ""),
        ({"query": {"page": "2"}}, "?page=2"),
        (
            {"query": {"v": "1"}, "body": CHAT},
            "?v=1 (gpt-x: ...ll, Well, Well, will it rain in Oslo?)",
        ),
        ({"body": {"model": "m", "input": "Rain?"}}, " (m: Rain?)"),
        ({"body": {"jsonrpc": "2.0", "method": "tools/list"}}, " (tools/list)"),
        (
            {
                "body": {
                    "jsonrpc": "2.0",
                    "method": "tools/call",
                    "params": {"name": "search"},
                }
            },
            " (tools/call search)",
        ),
        ({"statement": "select", "params": {"id": 7, "name": "x"}}, " (id=7)"),
        ({"statement": "insert", "params": [{"id": 7}, {"id": 8}]}, " (id=7)"),
        ({"statement": "select", "params": {"$tuple": [1, 2]}}, " ((1, 2))"),
        ({"statement": "select", "params": []}, ""),
    ],
    ids=str,
)
def test_what_tells_equal_signatures_apart(arguments: Any, text: str) -> None:
    assert words_that_tell_apart(arguments) == text


def test_a_secret_in_the_last_words_of_a_prompt_is_hidden_before_they_are_cut() -> None:
    content = f"password: hunter2-{'4711' * 9}"
    body = {"messages": [{"role": "user", "content": content}]}

    assert words_that_tell_apart({"body": body}, hide=REDACTOR.scrub_text) == (
        " (password: <redacted>)"
    )


def test_a_recorded_request_is_shown_with_its_query() -> None:
    arguments = {"signature": "GET /rates", "query": {"to": "EUR"}}

    assert label_of_recorded_call("http", arguments) == "http GET /rates?to=EUR"

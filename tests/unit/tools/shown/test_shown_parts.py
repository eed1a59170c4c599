"""Outcomes as text: what is shown of each kind, and nothing secret."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.page.call_log import outcome_on_page


@pytest.fixture
def vault(tmp_path):
    """An empty vault."""
    return Vault(FolderStore(tmp_path))


def shown(vault: Vault, outcome: Outcome, **options: Any) -> Any:
    """Return an outcome as the report shows it."""
    return outcome_on_page(vault.writer.encoded(outcome, 0.5), Redactor(), **options)


@pytest.mark.parametrize(
    ("outcome", "brief", "text"),
    [
        (Value([1, 2]), "[1, 2]", "returned [1, 2]"),
        (Value(None), "None", "returned None"),
        (
            Value({"status": 404, "reason": "Not Found", "headers": []}),
            "404 Not Found",
            None,
        ),
        (
            Value(datetime.date(2024, 5, 1)),
            "2024-05-01",
            "returned 2024-05-01",
        ),
        (
            Raised(ValueError("no", 3)),
            "raised ValueError('no', 3)",
            "raised ValueError('no', 3)",
        ),
        (
            Stream([1]),
            "a stream of 1 item",
            "a stream of 1 item\n1: 1\nits reader stopped here",
        ),
        (
            Stream([], end=Raised(OSError("gone"))),
            "a stream of 0 items",
            "a stream of 0 items\nraised OSError('gone')",
        ),
        (
            Stream(["a"], end=Value(7)),
            "a stream of 1 item",
            "a stream of 1 item\n1: 'a'\nreturned 7",
        ),
    ],
    ids=[
        "list",
        "none",
        "http",
        "tag",
        "error",
        "stream",
        "broken stream",
        "returning stream",
    ],
)
def test_each_kind(vault, outcome, brief, text):
    found = shown(vault, outcome)

    assert found.brief == brief
    assert text in (None, found.text)


SECRET = "s3cret-4711"


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {1: "a", "password": SECRET},
        [("password", SECRET)],
        {"inner": [{"api_key": SECRET}]},
        f"https://user:{SECRET}@shop.com/?token={SECRET}",
        f"it said token={SECRET} and left",
        f'{{"password": "{SECRET}"}}',
        f"password={SECRET}" + "x" * 20_000,
    ],
    ids=["key", "tagged mapping", "pair", "deep", "url", "text", "json", "long"],
)
def test_values_under_secret_names_are_not_shown(vault, value):
    for outcome in (
        Value(value),
        Stream([value]),
        Raised(ValueError(value)),
    ):
        found = shown(vault, outcome)

        assert SECRET not in f"{found.brief} {found.text}"


def test_a_secret_argument_is_not_shown_where_the_outcome_repeats_it(vault):
    found = shown(vault, Value(f"you sent {SECRET} to us"), secrets=[SECRET])

    assert found.text == "returned 'you sent <redacted> to us'"


def test_a_long_outcome_is_cut(vault):
    found = shown(vault, Value(["word " * 100] * 100))

    assert len(found.text) == 4_000
    assert found.text.endswith(" …")


def test_no_half_of_a_secret_is_left_where_a_long_text_is_cut(vault):
    secret = "s3cr3t" * 500

    found = shown(vault, Value([secret] * 8), secrets=[secret])

    assert "s3cr3t" not in found.text + found.brief


@pytest.mark.parametrize(
    ("answer", "brief"),
    [
        ({"columns": [["id"]], "rows": [[1], [2]], "unordered": True}, "2 rows"),
        ({"rowcount": 1, "lastrowid": 7}, "rowcount: 1, lastrowid: 7"),
        ({"reply": "OK\nforged"}, "OK\\nforged"),
        ({"reply": [1, 2]}, "[1, 2]"),
        ({"replies": ["OK", 1]}, "2 answers"),
        ({"dialect": {"default_schema_name": "main"}}, ""),
        ({}, ""),
    ],
)
def test_the_answer_of_a_database_is_brief(vault, answer, brief):
    assert shown(vault, Value(answer), is_client=True).brief == brief

"""Outcomes as they are shown: what counts of them, and no secret."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
import re
import uuid
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.tree.differing import ABSENT, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.stored import outcome_tree, without_secrets
from pytest_mimic._core.vault import FolderStore, Vault

URL = "see https://ann:other-4711@api.shop.test/x"


@dataclass
class Attributed:
    """An object that may have more than its fields."""

    name: str


@pytest.fixture
def tree(tmp_path: Path) -> Any:
    """Return a function that returns an outcome as a tree, with further facts of its entry."""
    vault = Vault(FolderStore(tmp_path))

    def of(outcome: Outcome, **facts: Any) -> Any:
        stored = vault.stored(outcome, 0.0)
        stored.entry.update(facts)
        return outcome_tree(stored, Redactor())

    return of


def test_no_secret_of_an_outcome_is_in_its_tree(tree):
    login = {"user": "ann", "password": "hunter2-4711-abcd", "note": "it is hunter2-4711-abcd", "link": URL}
    login |= {"token": "x4"}
    outcomes = [
        Outcome("value", login),
        Outcome("value", [{"inner": login}]),
        Outcome("raised", exception=ValueError(URL, login)),
        Outcome("stream", items=[login], end=Outcome("value", URL)),
    ]

    shown = [repr(tree(outcome)) for outcome in outcomes]

    assert [word for text in shown for word in ("hunter2", "4711", "x4") if word in text] == []
    assert all("ann" in text for text in shown)


def test_a_stream_has_how_it_ended(tree):
    assert tree(Outcome("stream", items=[1], end=Outcome("value", "end"))) == {
        "items": [1],
        "end": {"value": "end"},
    }
    assert tree(Outcome("stream", items=[1], end=Outcome("value", None))) == {"items": [1]}


def test_of_a_response_what_verifying_compares_is_compared(tree):
    headers = [["Content-Type", "text/plain"], ["Date", "Mon, 02 Nov 2026 10:00:00 GMT"]]
    response = {"status": 200, "reason": "OK", "headers": headers, "body": {"text": "hi"}}
    same = {**response, "reason": "Fine", "headers": [["content-type", "text/plain"]]}
    other = {"status": 404, "headers": [["Content-Type", "text/html"]], "body": {"text": "no"}}

    old, new, changed = (tree(Outcome("value", one)) for one in (response, same, other))

    assert differences(old, new) == []
    assert [one.path for one in differences(old, changed)] == [
        "status",
        "headers['content-type']",
        "body",
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"json": {"n": 1, "password": "x4"}}, {"n": 1, "password": PLACEHOLDER}),
        ({"chunks": ["a", "b"]}, "ab"),
        ({"chunks": ["a", {"base64": "AA=="}]}, ["a", {"$base64": "AA=="}]),
        ({"base64": "AAE="}, {"$base64": "AAE="}),
        ({"file": 3}, {"file": 3}),
    ],
)
def test_the_body_of_a_response_is_compared_as_what_it_is(tree, body, expected):
    response = {"status": 200, "headers": [["Date", "today"]], "error": "reset"}

    (one,) = differences(tree(Outcome("value", response)), tree(Outcome("value", {**response, "body": body})))

    assert (one.path, one.old, one.new) == ("body", ABSENT, expected)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "<bytes, 9 B>"),
        (b"GIF89a\x80\x02\xe0\x01", "<bytes, 10 B>"),
        (b"\xff\xfe" * 100, "<bytes, 200 B>"),
    ],
)
def test_bytes_are_shown_by_their_kind_and_size(tree, content, shown):
    assert line(tree(Outcome("value", content))) == shown


def test_an_object_is_shown_with_all_its_attributes(tree):
    value = Attributed("x")
    value.more = [("a",), {2}]  # type: ignore[attr-defined]

    assert line(tree(Outcome("value", value))) == "Attributed(name='x', more=[('a',), {2}])"


BERLIN = datetime.datetime(2026, 11, 2, 10, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (BERLIN, "datetime('2026-11-02T10:00:00', Europe/Berlin, 0)"),
        (BERLIN.replace(tzinfo=None), "2026-11-02T10:00:00"),
        (datetime.timezone(datetime.timedelta(hours=1), "X"), "timezone(timedelta(seconds=3600), 'X')"),
        (fractions.Fraction(1, 3), "fraction(1, 3)"),
        (decimal.Decimal("1.50"), "1.50"),
        (1 + 2j, "complex(1.0, 2.0)"),
        (re.compile("a", re.IGNORECASE), "regex('a', 'IGNORECASE')"),
        (range(3), "range(0, 3, 1)"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
        (collections.deque([1], 3), "deque([1], maxlen=3)"),
        (
            collections.defaultdict(list, a=[1]),
            "defaultdict({'a': [1]}, default_factory=<class builtins:list>)",
        ),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        ({1: (2,), None: {3}}, "{1: (2,), None: {3}}"),
        ([ValueError("x", 3), Attributed("y")], "[ValueError('x', 3), Attributed(name='y')]"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_stored_value_is_drawn_as_what_makes_it(tree, value, shown):
    assert line(tree(Outcome("value", value))) == shown


def test_a_key_that_looks_like_a_tag_is_shown_as_it_is(tree):
    assert line(tree(Outcome("value", {"$date": 1, "n": {2}}))) == "{'$date': 1, 'n': {2}}"
    assert line(tree(Outcome("value", {"$date": 1, "n": 2}))) == "{'$date': 1, 'n': 2}"


def test_awaiting_is_part_of_an_outcome(tree):
    assert tree(Outcome("value", 1), awaited=True) == {"value": 1, "awaited": True}


# No value of a secret name is shown, wherever its name is


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

"""Equal calls of one test that differ in a secret of the application's own are found, with what tells them apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._core.engine.equal_calls import EqualCalls, refused, told_apart

ANN, BOB = {"x-api-key": "key-of-ann"}, {"x-api-key": "key-of-bob"}


def call(credentials: dict[str, str], key: str = "1a2b", **headers: str) -> Any:
    shown = {"x-api-key": "<redacted>", **headers}
    return SimpleNamespace(
        key=key,
        label="http GET /me",
        plan=SimpleNamespace(kind="http", target="http"),
        secrets=SimpleNamespace(credentials=lambda: credentials),
        edge_call=SimpleNamespace(parts={"headers": shown}),
    )


MADE_UP = "for made-up keys, mimic_redact = !x-api-key with match=headers.x-api-key"


@pytest.mark.parametrize(
    ("first", "second", "names", "ways"),
    [
        (call(ANN), call(BOB), ["x-api-key"], [MADE_UP]),
        (
            call(ANN, user="ann"),
            call(BOB, user="bob"),
            ["x-api-key"],
            ["match=headers.user", MADE_UP],
        ),
        (call(ANN), call(ANN), [], []),
        (call(ANN), call(BOB, key="3c4d"), [], []),
        (call(ANN), call({}), [], []),
        (
            call({"password": "a"}),
            call({"password": "b"}),
            ["password"],
            ["for made-up keys, mimic_redact = !password"],
        ),
    ],
)
def test_the_names_in_which_equal_calls_differ(
    first: Any, second: Any, names: list[str], ways: list[str]
) -> None:
    calls = EqualCalls(lambda *_: None)
    calls.differing(first, "test_a")

    assert calls.differing(second, "test_a") == (names, ways)


def test_calls_of_other_tests_are_not_compared() -> None:
    calls = EqualCalls(lambda *_: None)
    calls.differing(call(ANN), "test_a")

    assert calls.differing(call(BOB), "test_b") == ([], [])


def test_the_words_name_the_secret_and_the_ways_but_no_value() -> None:
    error = refused(call(BOB), ["x-api-key"], [MADE_UP])

    assert "they differ in x-api-key" in str(error)
    assert MADE_UP in str(error)
    assert told_apart(["x-api-key"], [MADE_UP]).startswith("differ in x-api-key; ")
    assert "key-of" not in str(error)

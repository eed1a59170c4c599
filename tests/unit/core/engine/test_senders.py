"""Equal calls of one test that differ in a secret of the application's own are found, with what tells them apart."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pytest_mimic._core.engine.senders import (
    Sender,
    Senders,
    error_of_other_sender,
    remark_on_senders,
    sender_of,
)

ANN, BOB = {"x-api-key": "key-of-ann"}, {"x-api-key": "key-of-bob"}
MADE_UP = "for made-up keys, mimic_redact = !x-api-key with match=headers.x-api-key"


class Sent(NamedTuple):
    key: str
    sender: Sender


def call(credentials: dict[str, str], key: str = "1a2b", **headers: str) -> Sent:
    shown = {"x-api-key": "<redacted>", **headers}
    return Sent(key, sender_of(credentials, {"headers": shown}))


def calls() -> Senders:
    return Senders(lambda *_: None)


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
    first: Sent, second: Sent, names: list[str], ways: list[str]
) -> None:
    equal = calls()
    equal.differing(("test_a", first.key), first.sender)

    assert equal.differing(("test_a", second.key), second.sender) == (names, ways)


def test_calls_of_other_tests_are_not_compared() -> None:
    equal = calls()
    equal.differing(("test_a", "1a2b"), call(ANN).sender)

    assert equal.differing(("test_b", "1a2b"), call(BOB).sender) == ([], [])


@pytest.mark.parametrize("headers", [None, "x-api-key: 1", []])
def test_a_call_may_have_no_headers(headers: object) -> None:
    assert sender_of(ANN, {"headers": headers}) == Sender(ANN, {})


def test_the_error_names_the_secret_and_what_tells_the_calls_apart() -> None:
    error = error_of_other_sender("http GET /me", "http", ["x-api-key"], [MADE_UP])

    assert "they differ in x-api-key" in str(error)
    assert MADE_UP in str(error)
    assert remark_on_senders(["x-api-key"], [MADE_UP]).startswith(
        "differ in x-api-key; "
    )
    assert "key-of" not in str(error)

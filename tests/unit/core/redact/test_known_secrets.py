"""What stands for a secret depends on who issued it, and on who has sent it before."""

from __future__ import annotations

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.placeholders import is_placeholder
from pytest_mimic._core.redact.known_secrets import KnownSecrets, known_in

TOKEN, OTHER = "tok-4711-0815", "tok-0815-4711"


@pytest.fixture
def known() -> KnownSecrets:
    return known_in(SecretScope())


def test_two_secrets_of_one_answer_have_two_placeholders(known: KnownSecrets) -> None:
    call = known.begin("http", "1a2b")

    first = known.issue(call, "token", TOKEN)
    second = known.issue(call, "token", OTHER)

    assert is_placeholder(first)
    assert is_placeholder(second)
    assert first != second


def test_equal_calls_issue_other_placeholders_and_another_run_the_same() -> None:
    runs = []
    for _ in range(2):
        known = known_in(SecretScope())
        calls = [known.begin("http", "1a2b") for _ in range(2)]
        tokens = zip(calls, (TOKEN, OTHER))
        runs.append([known.issue(call, "token", token) for call, token in tokens])

    assert runs[0][0] != runs[0][1]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("written", [TOKEN, f"Bearer {TOKEN}", f'"{TOKEN}"'])
def test_a_secret_that_comes_back_has_the_placeholder_of_its_answer(
    known: KnownSecrets, written: str
) -> None:
    placeholder = known.issue(known.begin("http", "1a2b"), "token", TOKEN)

    assert known.stand_in(written) == placeholder
    assert known.stand_in(placeholder) == placeholder


def test_what_was_sent_before_is_the_applications_own(known: KnownSecrets) -> None:
    known.send([TOKEN], {"method": "POST"})
    known.send([], {"query": {"note": OTHER}})

    stand_ins = [
        known.issue(known.begin("http", "1a2b"), "token", value)
        for value in (TOKEN, OTHER)
    ]

    assert stand_ins == ["<redacted>", "<redacted>"]


def test_a_number_has_a_number(known: KnownSecrets) -> None:
    call = known.begin("http", "1a2b")

    stand_in = known.issue(call, "pin", "4711", is_number=True)

    assert stand_in.isdigit()
    assert is_placeholder(int(stand_in))
    assert known.stand_in(4711) == stand_in


def test_the_earliest_call_names_a_secret_that_a_later_one_issued_first(
    known: KnownSecrets,
) -> None:
    early, late = known.begin("http", "1a2b"), known.begin("http", "3c4d")
    amended: list[object] = []
    first = known.issue(late, "token", TOKEN)
    known.keep({"body": {"token": first}}, amended.append)

    second = known.issue(early, "token", TOKEN)

    assert second == known.stand_in(TOKEN) != first
    assert amended == [{"body": {"token": second}}]


def test_a_secret_that_was_returned_meanwhile_keeps_its_placeholder(
    known: KnownSecrets,
) -> None:
    early, late = known.begin("http", "1a2b"), known.begin("http", "3c4d")
    first = known.issue(late, "token", TOKEN)
    known.send([TOKEN], {"query": {"token": first}})

    assert known.issue(early, "token", TOKEN) == first


def test_a_test_knows_the_secrets_of_the_fixtures_that_it_uses_alone() -> None:
    used, other = SecretScope("used"), SecretScope("other")
    test = known_in(SecretScope(outer=lambda: [used]))
    fixtures = [known_in(scope) for scope in (used, other)]
    issued = [
        known.issue(known.begin("http", "1a2b"), "token", token)
        for known, token in zip(fixtures, (TOKEN, OTHER))
    ]

    assert issued[0] != issued[1]
    assert [test.stand_in(token) for token in (TOKEN, OTHER)] == [
        issued[0],
        "<redacted>",
    ]
    assert test.stand_in(issued[1]) == "<redacted>"

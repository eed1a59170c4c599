"""The identity of a recorded call under other options, or why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    identity_under,
    parts_under_options,
)
from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.vault.recording_facts import Recording
from unit.tools.rekey.vaults import TARGET, calls_in, vault_of


def recording(**facts: Any) -> Recording:
    [old] = calls_in(vault_of(facts))
    return old.call


def test_a_call_has_the_identity_of_its_recorded_options() -> None:
    [old] = calls_in(vault_of({"arguments": {"base": "EUR", "run": 1}}))

    assert identity_under(old.call, {}) == old.identity


def test_a_call_has_another_identity_under_other_options() -> None:
    call = recording(arguments={"base": "EUR", "run": 1})

    expected = CallIdentity(TARGET, ("base", "run"), ignore=("run",)).key(("EUR", 1))
    assert identity_under(call, {"ignore": ["run"]}) == expected


REASONS = {
    "key": ({"key": True}, {}, "it is identified by key=, a function"),
    "content": ({}, {"content": ["base"]}, "content= counts files as they were"),
}


@pytest.mark.parametrize(("recorded", "now", "reason"), REASONS.values(), ids=REASONS)
def test_what_no_recording_keeps_is_said(
    recorded: dict[str, Any], now: dict[str, Any], reason: str
) -> None:
    call = recording(arguments={"base": "EUR"}, options=recorded)

    with pytest.raises(CannotFollowError, match=reason):
        identity_under(call, now)


def test_a_part_that_does_not_count_any_more_loses_its_digest() -> None:
    call = recording(arguments={"base": "EUR"})._replace(
        parts={"frame": "0" * 32, "base": None, "session": "ignored"}
    )

    assert parts_under_options(call, {"ignore": ["frame", "base"]}) == {
        "frame": "ignored",
        "base": None,
        "session": "ignored",
    }

"""What is hidden in one call depends on what the other calls of the vault hold."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.cli import project
from pytest_mimic._tools.rekey.call_redactor import CallRedactor
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    MustStayError,
    content_of,
)
from pytest_mimic._tools.rekey.redacted_calls import RedactedCalls
from unit.memory_store import MemoryStore
from unit.tools.rekey.vaults import calls_in

# The table of clients is handed in by the module of projects.
assert project

SECRET = "hunter-4711-zebra"


def exchange(body: dict[str, object], answer: dict[str, object]) -> bytes:
    """Return a recorded call of HTTP that keeps its request whole."""
    value = {"status": 200, "headers": [], "body": {"json": answer}}
    facts = {
        "format": 5,
        "target": "http",
        "arguments": {"signature": "POST /pay", "method": "POST", "body": body},
        "source": None,
        "parts": {"method": None, "path": "/pay", "format": "json", "body": None},
        "test": "test_a.py::test_x",
        "recorded": "2026-11-02",
        "owner": None,
        "outcomes": [{"duration": 0.1, "value": value}],
    }
    return content_of(facts)


def exchanges(*contents: bytes) -> tuple[Vault, list[CallToRekey]]:
    """Return a vault with these recordings, and its calls in their order."""
    store = MemoryStore()
    for number, content in enumerate(contents):
        store.write(f"calls/http/{number:032}.json", content)
    vault = Vault(store)
    return vault, sorted(calls_in(vault))


def redacted_calls(vault: Vault, calls: list[CallToRekey]) -> RedactedCalls:
    hidden = RedactedCalls(vault, CallRedactor(Redactor(("motto",))))
    hidden.hide(calls)
    return hidden


def test_a_secret_of_one_call_is_hidden() -> None:
    vault, [old, other] = exchanges(
        exchange({}, {"motto": SECRET}), exchange({"n": 1}, {})
    )

    hidden = redacted_calls(vault, [old, other])

    changed = hidden.redacted_or_refused(old)
    assert changed is not None
    assert changed.issued == {SECRET}
    assert hidden.redacted_or_refused(other) is None


@pytest.mark.parametrize("are_chosen", [1, 2])
def test_a_secret_that_another_call_sends_stays_in_both(are_chosen: int) -> None:
    vault, calls = exchanges(
        exchange({}, {"motto": SECRET}), exchange({"word": SECRET}, {})
    )

    hidden = redacted_calls(vault, calls[:are_chosen])

    with pytest.raises(MustStayError, match="stands in other calls"):
        hidden.redacted_or_refused(calls[0])
    with pytest.raises(MustStayError, match="another call has issued"):
        hidden.redacted_or_refused(calls[1])
    assert [hidden.keeps_secret(call) for call in calls] == [True, True]

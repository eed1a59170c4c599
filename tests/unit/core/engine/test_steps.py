"""A call that runs for real is recorded or compared, however it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import toy_client
from toy_adapter import describe

from pytest_mimic._core.pending.waiting import review_of
from pytest_mimic._tools.shown.call_log import CallLog
from unit.core.engine.runs import Runs


@pytest.mark.parametrize(
    ("mode", "notes"),
    [("record", ["shop:fetch() was cancelled: not recorded"]), ("verify", [])],
)
def test_only_recording_names_a_cancelled_call(runs: Runs, mode: str, notes: list[str]) -> None:
    async def fetch() -> int:
        return 1

    async def endless() -> int:
        await asyncio.Event().wait()
        return 1

    endless.__name__ = "fetch"
    if mode == "verify":
        asyncio.run(runs.mimic(fetch)())
    runs.again(mode)

    async def cancel() -> None:
        task = asyncio.create_task(runs.mimic(endless)())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(cancel())

    assert runs.ledger.notes == notes
    assert runs.errors() == []


def test_an_item_that_cannot_be_stored_differs_from_the_recorded_one(runs: Runs) -> None:
    """The reader gets the recorded items all the same."""
    items: list[Any] = [1, 2]

    def pages() -> Iterator[Any]:
        yield from items

    assert [*runs.mimic(pages)()] == [1, 2]
    runs.again("verify")
    items[1] = threading.Lock()

    assert [*runs.mimic(pages)()] == [1, 2]
    (drift,) = runs.errors()
    assert "items[1]: 2 recorded, <lock> now" in drift


def test_an_error_of_a_client_that_has_no_plain_form_is_drift(runs: Runs, service: Any) -> None:
    """The caller gets the recorded answer. For a review, the real one does not wait."""
    assert runs.client()("Oslo") == -3.5
    runs.again("verify", review=True)
    del service.degrees

    assert runs.client()("Oslo") == -3.5
    (drift,) = runs.errors()
    assert "AttributeError" in drift
    assert review_of(runs.state.settings).names() == []


@pytest.mark.parametrize("is_logged", [False, True])
def test_a_request_that_cannot_be_sent_cannot_be_verified(runs: Runs, service: Any, is_logged: bool) -> None:
    """It holds the placeholder of a secret. The caller gets the recorded answer."""
    runs.client()("Oslo")
    runs.again("verify")
    if is_logged:
        runs.state.log = CallLog(runs.state, details=False).note
    port, client = runs.port(), toy_client.Client("weather.test", api_key="<redacted>")

    step = port.begin(describe(client, "Oslo", "2026-11-01", "en", port)).refuse()

    assert (step.mode, step.outcome()["degrees"]) == ("replay", -3.5)
    assert step.outcome() is not step.outcome()
    assert step.outcome(is_read_only=True) is step.outcome(is_read_only=True)
    assert (runs.ledger.verified, len(runs.ledger.drifted)) == (1, 1)
    assert [row["kind"] for row in runs.ledger.calls] == ["drifted"] * is_logged
    (drift,) = runs.errors()
    assert "ASK Oslo could not be verified: its request holds the placeholder of a secret" in drift

"""A call that runs for real is recorded or compared, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import toy_client
from toy_adapter import describe

from pytest_mimic import MissingRecordingError
from unit.core.engine.runs import Runs


@pytest.mark.parametrize(
    ("mode", "notes"),
    [
        ("record", ["shop:fetch() was cancelled: not recorded, a replay will miss it"]),
        ("verify", []),
    ],
)
def test_only_recording_names_a_cancelled_call(
    runs: Runs, mode: str, notes: list[str]
) -> None:
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

    assert runs.account.notes == notes
    assert runs.errors() == []


def test_an_error_of_a_client_that_has_no_plain_form_is_drift(
    runs: Runs, service: Any
) -> None:
    """The caller gets the recorded answer."""
    assert runs.client()("Oslo") == -3.5
    runs.again("verify")
    del service.degrees

    assert runs.client()("Oslo") == -3.5
    (drift,) = runs.errors()
    assert "AttributeError" in drift


@pytest.mark.parametrize("mode", ["rerecord", "verify"])
def test_a_request_with_the_placeholder_of_a_secret_is_not_sent(
    runs: Runs, service: Any, mode: str
) -> None:
    runs.client()("Oslo")
    runs.again(mode)
    port, client = runs.port(), toy_client.Client("weather.test", api_key="<redacted>")
    step: Any = port.begin(describe(client, "Oslo", "2026-11-01", "en", port))

    with pytest.raises(
        MissingRecordingError, match="ASK Oslo cannot be sent: it holds the placeholder"
    ):
        step.refuse()

    step.finish({"degrees": 1})
    assert (runs.account.verified, runs.account.recorded, len(runs.errors())) == (
        0,
        0,
        1,
    )


def test_a_recorded_answer_is_a_copy_unless_it_is_only_read(
    runs: Runs, service: Any
) -> None:
    runs.client()("Oslo")
    runs.again("replay")
    port, client = runs.port(), toy_client.Client("weather.test", api_key="k-1")

    step: Any = port.begin(describe(client, "Oslo", "2026-11-01", "en", port))

    assert (step.mode, step.outcome()["degrees"]) == ("replay", -3.5)
    assert step.outcome() is not step.outcome()
    assert step.outcome(is_read_only=True) is step.outcome(is_read_only=True)


def test_calls_at_the_same_time_save_their_time_once(runs: Runs) -> None:
    """A coroutine waits for three seconds, in which a function takes one."""

    async def call_both() -> None:
        waiting = asyncio.create_task(runs.mimic(wait)())
        await asyncio.sleep(0)
        runs.mimic(total)(2)
        await waiting

    for mode in ("record", "replay"):
        # Each look at the clock takes a second.
        runs.again(mode, clock=count().__next__)
        asyncio.run(call_both())
        recorded = runs.account.record_seconds

        if mode == "record":
            assert (runs.account.recorded, recorded) == (2, 3.0)

    assert (runs.account.replayed, runs.account.saved_seconds) == (2, 3.0)
    assert durations(runs) == {"shop:wait": (3.0, 1.0), "shop:total": (1.0, 0.0)}


def test_what_a_reader_does_with_an_item_is_no_time_of_the_stream(runs: Runs) -> None:
    """The call and each of its three steps take a second; the reader takes more."""
    runs.again("record", clock=count().__next__)

    for _ in runs.mimic(numbers)():
        runs.run.clock()
        runs.mimic(total)(2)

    assert durations(runs) == {"shop:numbers": (4.0, 0.0), "shop:total": (1.0, 0.0)}


def durations(runs: Runs) -> dict[str, tuple[float, float]]:
    """Return how long each recorded call took, and how much of it beside others."""
    found = {}
    for name in runs.names():
        recording = runs.run.vault.read(name)
        (outcome,) = recording.outcomes
        found[recording.target] = outcome.duration, outcome.entry.get("beside", 0.0)
    return found


async def wait() -> int:
    await asyncio.sleep(0)
    return 1


def numbers() -> Iterator[int]:
    yield 1
    yield 2


def total(number: int) -> int:
    return number + 1

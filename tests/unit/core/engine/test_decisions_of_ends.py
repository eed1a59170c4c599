"""The table of cells: how a recorded call ended, whether it has a place, and which attempt asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.call import call_of_function
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.runs import TEST, Runs


def whole(make: Callable[[Any], Any]) -> Any:
    def fetch() -> int:
        return 1

    make(fetch)()
    return fetch


def failed(make: Callable[[Any], Any]) -> Any:
    def fetch() -> int:
        raise KeyError(1)

    with pytest.raises(KeyError, match="1"):
        make(fetch)()
    return fetch


def stopped(make: Callable[[Any], Any]) -> Any:
    def fetch() -> Any:
        yield from range(3)

    stream = make(fetch)()
    next(stream)
    stream.close()
    return fetch


def waiting(make: Callable[[Any], Any]) -> Any:
    async def fetch() -> None:
        await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.ensure_future(make(fetch)())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancelled())
    return fetch


# How the call ended, whether calls have places, whether the test passed, and what an
# equal call is to do: in a replay, in a recording run, and there in a new attempt.
TABLE = [
    # "a call with a recording gets its outcome and the real function is not run"
    (whole, "place", "passed", "replay", "replay"),
    (whole, "no place", "passed", "replay", "replay"),
    (failed, "place", "passed", "replay", "replay"),
    (failed, "no place", "passed", "replay", "replay"),
    (stopped, "place", "passed", "replay", "replay"),
    (stopped, "no place", "passed", "replay", "replay"),
    # "The replay of a cancelled call waits until it is cancelled"
    (waiting, "place", "passed", "replay", "replay"),
    # "Where one recording serves all neither is recorded"
    (waiting, "no place", "passed", "miss", "run"),
    # "A failing test keeps the new values it recorded"
    (whole, "place", "failed", "replay", "replay"),
    (whole, "no place", "failed", "replay", "replay"),
    (stopped, "place", "failed", "replay", "replay"),
    # "keeps no exception"
    (failed, "place", "failed", "miss", "run"),
    (failed, "no place", "failed", "miss", "run"),
    # "Where it is not kept, because its test failed, its place stays empty"
    (waiting, "place", "failed", "miss", "run"),
    (waiting, "no place", "failed", "miss", "run"),
]


def asked(runs: Runs, function: Any, **options: Any) -> str:
    """Return what an equal call is to do."""
    call = call_of_function(runs.plan(function, **options), (), {})
    try:
        return begin(runs.run, call).mode
    except MissingRecordingError:
        return "miss"


@pytest.mark.parametrize(
    ("end", "place", "test", "in_replay", "in_recording"),
    TABLE,
    ids=[f"{end.__name__}-{place}-{test}" for end, place, test, _, _ in TABLE],
)
def test_each_end_has_its_decision(
    runs: Runs, end: Any, place: str, test: str, in_replay: str, in_recording: str
) -> None:
    sequence = place == "place"
    function = end(lambda function: runs.mimic(function, sequence=sequence))
    passed = test == "passed"
    Scopes(runs.run).end_test(passed=passed, is_neither_skipped_nor_xfail=passed)

    decisions = []
    for mode in ("replay", "record"):
        runs.again(mode)
        decisions.append(asked(runs, function, sequence=sequence))

    assert decisions == [in_replay, in_recording]


@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("end", [whole, failed, stopped, waiting])
def test_a_new_attempt_in_a_recording_run_is_real(
    runs: Runs, end: Any, sequence: bool
) -> None:
    """What the failed attempt has newly recorded is no outcome for it."""
    scopes = Scopes(runs.run)
    function = end(lambda function: runs.mimic(function, sequence=sequence))
    scopes.end_test(passed=False, is_neither_skipped_nor_xfail=False)

    scopes.begin_test(TEST)

    assert asked(runs, function, sequence=sequence) == "run"


@pytest.mark.parametrize("end", [whole, failed, stopped])
def test_what_was_recorded_in_an_earlier_run_replays_in_each_attempt(
    runs: Runs, end: Any
) -> None:
    function = end(lambda function: runs.mimic(function, sequence=True))
    Scopes(runs.run).end_test(passed=True, is_neither_skipped_nor_xfail=True)
    runs.again("record")
    scopes = Scopes(runs.run)
    assert asked(runs, function, sequence=True) == "replay"
    scopes.end_test(passed=False, is_neither_skipped_nor_xfail=False)

    scopes.begin_test(TEST)

    assert asked(runs, function, sequence=True) == "replay"


@pytest.mark.parametrize("place", [1, 2])
def test_a_killed_process_leaves_the_place_of_its_call_empty(
    runs: Runs, place: int
) -> None:
    """Nothing of it is written, or its place is."""
    outcomes = iter(range(1, 4))

    def fetch() -> int:
        return next(outcomes)

    for _ in range(place - 1):
        runs.mimic(fetch, sequence=True)()
    begun = begin(runs.run, call_of_function(runs.plan(fetch, sequence=True), (), {}))
    assert begun.mode == "run"

    # No test ends: the process is gone.
    runs.again("replay")

    replayed = [asked(runs, fetch, sequence=True) for _ in range(3)]
    assert replayed == ["replay"] * (place - 1) + ["miss"] * (4 - place)

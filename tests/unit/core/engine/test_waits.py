"""How a replayed call waits: as long as the recorded one, at most, or for the end of its test."""

from __future__ import annotations

import asyncio
import sys
import threading
from itertools import count
from typing import Any

import pytest

from pytest_mimic import MissingRecordingError
from pytest_mimic._core.engine import waits
from pytest_mimic._core.engine.scopes import Scopes
from unit.core.engine.runs import Runs


async def endless() -> int:
    await asyncio.Event().wait()
    return 1


def record_cancelled(runs: Runs) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(runs.mimic(endless, sequence=True)())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    Scopes(runs.run).end_calls(runs.run.current.owner, passed=True)
    runs.again("replay")


def test_a_call_that_nobody_cancels_is_a_miss(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_cancelled(runs)
    monkeypatch.setattr(waits, "_SECONDS_MORE", 0.0)

    with pytest.raises(MissingRecordingError, match="and nobody cancels it now"):
        asyncio.run(runs.mimic(endless, sequence=True)())


def waits_in_its_call(thread: threading.Thread) -> bool:
    """Return whether a thread replays a call that waits."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == "in_thread":
            return True
        frame = frame.f_back
    return False


def test_a_thread_waits_for_the_end_of_its_test(runs: Runs) -> None:
    """Should it try again then, which it had no reason to, it waits no more."""
    blocked, released = threading.Event(), threading.Event()

    def ask() -> int:
        blocked.set()
        released.wait()
        return 1

    raised: list[BaseException] = []

    def call() -> None:
        while len(raised) < 2:
            try:
                runs.mimic(ask, sequence=True)()
                return
            except ConnectionAbortedError as error:
                raised.append(error)

    def start() -> threading.Thread:
        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        return thread

    def end(recording: Any) -> None:
        scopes = Scopes(recording)
        scopes.end_test(passed=True, is_neither_skipped_nor_xfail=True)
        scopes.begin_test("test_next")

    thread = start()
    blocked.wait()
    end(runs.run)
    released.set()
    thread.join()
    assert raised == []

    runs.again("replay")
    thread = start()
    while not waits_in_its_call(thread):
        thread.join(0.01)
    end(runs.run)
    thread.join()

    assert len(raised) == 2
    assert [*runs.run.account.notes] == [
        "shop:ask() was made again after its test had ended, and got no answer"
    ]
    assert runs.account.misses == []


def test_a_thread_that_always_tries_again_leaves_the_processor_at_the_end(
    runs: Runs,
) -> None:
    blocked, released = threading.Event(), threading.Event()
    attempts: list[BaseException] = []

    def ask() -> int:
        blocked.set()
        released.wait()
        return 1

    def ask_again_and_again() -> None:
        while not released.is_set():
            try:
                runs.mimic(ask, sequence=True)()
            except ConnectionAbortedError as error:
                attempts.append(error)

    def start() -> threading.Thread:
        thread = threading.Thread(target=ask_again_and_again, daemon=True)
        thread.start()
        return thread

    thread = start()
    blocked.wait()
    Scopes(runs.run).end_test(passed=True, is_neither_skipped_nor_xfail=True)
    released.set()
    thread.join()

    runs.again("replay")
    released.clear()
    thread = start()
    while not waits_in_its_call(thread):
        thread.join(0.01)
    scopes = Scopes(runs.run)
    scopes.end_test(passed=True, is_neither_skipped_nor_xfail=True)
    scopes.close()
    # The clock is read at each of 20 looks, whether the thread has ended.
    tenths_of_seconds = count()
    runs.run.real_calls.let_waiting_threads_end(lambda: next(tenths_of_seconds) / 10)
    released.set()
    thread.join()

    # A thread that takes the processor makes thousands of attempts.
    assert 1 < len(attempts) < 400

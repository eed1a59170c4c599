"""After a miss no code waits, and a loop that never ends is ended."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType

import pytest

from pytest_mimic import MissingRecordingError
from pytest_mimic._core.swallowed.retries import EndlessRetry, Retries


def rest(seconds: float) -> None:
    """Wait as code that is tested does. Here, `waits` has replaced the function."""
    time.sleep(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds for which code has waited: a `time.sleep` that notes them."""
    made: list[float] = []

    def sleep(seconds: float) -> None:
        made.append(seconds)

    sleep.__module__ = "time"
    monkeypatch.setattr(time, "sleep", sleep)
    return made


@pytest.fixture
def retries(waits: list[float]) -> Iterator[Retries]:
    made = Retries()
    yield made
    made.end()


def test_after_a_failure_no_code_waits_until_its_next_call(
    retries: Retries, waits: list[float]
) -> None:
    retries.let_no_code_wait(None, "key", set)

    rest(5)
    rest(0)
    retries.end_waits()
    rest(7)

    assert waits == [0, 7]


def test_other_threads_and_tasks_wait(retries: Retries, waits: list[float]) -> None:
    async def other() -> None:
        rest(7)

    async def main() -> None:
        beside = asyncio.create_task(other())
        retries.let_no_code_wait(None, "key", set)
        await beside

    asyncio.run(main())
    thread = threading.Thread(target=time.sleep, args=(5,))
    thread.start()
    thread.join()

    assert waits == [7, 5]


def test_a_fake_of_somebody_else_is_left_alone(
    retries: Retries, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[float] = []
    monkeypatch.setattr(time, "sleep", rested.append)

    retries.let_no_code_wait(None, "key", set)
    rest(7)

    assert rested == [7]


def module_with(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module that is imported under a name, as one of a library."""
    module = ModuleType(name)
    exec(compile(code, f"/somewhere/{name}.py", "exec"), vars(module))
    monkeypatch.setitem(sys.modules, name, module)
    return module


HOLDERS = {
    "by its name": "from time import sleep\ndef pause(seconds): sleep(seconds)",
    "by another name": "from time import sleep as nap\ndef pause(seconds): nap(seconds)",
    "of asyncio": """
from asyncio import run, sleep
async def rest(seconds): await sleep(delay=seconds)
def pause(seconds): run(rest(seconds))
""",
}


@pytest.mark.parametrize("code", HOLDERS.values(), ids=HOLDERS)
def test_whoever_holds_a_sleep_returns_at_once(code, monkeypatch) -> None:
    """As redis-py's `retry.py` does. The wait of an hour would not end in this test."""
    library = module_with("holding_library", code, monkeypatch)
    before = dict(vars(library))
    retries = Retries()

    retries.let_no_code_wait(None, "key", set)
    library.pause(3600)
    retries.end()

    assert {name: vars(library)[name] for name in before} == before


def test_a_module_imported_meanwhile_holds_the_real_sleep_afterwards(
    monkeypatch,
) -> None:
    before = time.sleep
    retries = Retries()
    retries.let_no_code_wait(None, "key", set)
    library = module_with("late_library", HOLDERS["by its name"], monkeypatch)
    library.pause(3600)

    retries.end()

    assert library.sleep is before


def test_ten_waits_are_skipped(retries: Retries, waits: list[float]) -> None:
    retries.let_no_code_wait(None, "key", set)

    for seconds in range(1, 13):
        rest(seconds)

    assert waits == [11, 12]


def test_the_tests_own_files_wait(retries: Retries, waits: list[float]) -> None:
    retries.let_no_code_wait(None, "key", lambda: {__file__})

    rest(5)

    assert waits == [5]


def test_sleeps_are_what_they_were_when_the_test_has_ended(retries: Retries) -> None:
    before = time.sleep
    retries.let_no_code_wait(None, "key", set)
    assert time.sleep is not before

    retries.end()

    assert time.sleep is before


def test_a_call_that_misses_without_end_ends_the_test(retries: Retries) -> None:
    error = MissingRecordingError("no recording")

    for number in range(1_000):
        retries.let_no_code_wait(error, "key", set)
        retries.let_no_code_wait(error, f"other {number}", set)

    with pytest.raises(EndlessRetry, match="made 1,000 times"):
        retries.let_no_code_wait(error, "key", set)

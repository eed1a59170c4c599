"""The calls that run for real now, and the locks that they have."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from pytest_mimic._core.engine.decisions import CallsInFlight
from pytest_mimic._core.vault.locks import ByteLocks

# The names of recordings begin with the hex digits that are the number of the lock.
OSLO, OSLOS_NEIGHBOUR, ROME = "calls/a/00000012.json", "calls/a/00000013.json", "calls/a/ffffffff.json"


class Locks(ByteLocks):
    """Real locks, which note when one is released, and in which a test can interfere."""

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda: str(folder / "locks"))
        self.released: list[int] = []
        self.on_acquire: Callable[[], object] = lambda: None

    def acquire(self, byte: int) -> bool:
        self.on_acquire()
        return super().acquire(byte)

    def release(self, byte: int) -> None:
        self.released.append(byte)
        super().release(byte)


@pytest.fixture
def locks(tmp_path):
    made = Locks(tmp_path)
    yield made
    made.close()


def exit_code(act: Callable[[], bool]) -> int:
    """Return the exit code of a forked child: 0 if the action returns True, 1 if not or on an error."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(60)  # a child that hangs must end
            code = 0 if act() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.mark.parametrize("calls_before", [[], [ROME]], ids=["at once", "after a call"])
class TestForks:
    """A function that is recorded forks, and the child returns from it as well."""

    pytestmark = forks

    def test_the_call_of_the_parent_goes_on(self, locks, calls_before):
        calls = CallsInFlight(locks)
        flight, _ = calls.start(OSLO)

        def end() -> bool:
            for name in calls_before:
                calls.start(name)[0].done()
            locks.released.clear()
            flight.done()
            return locks.released == []

        assert exit_code(end) == 0
        assert calls.start(OSLO) == (flight, False)

    def test_a_thread_that_starts_a_call_meanwhile_blocks_no_child(self, locks, calls_before):
        """The child has the lock of the calls as it was, but not the thread that would release it."""
        calls = CallsInFlight(locks)
        flight, _ = calls.start(OSLO)
        is_starting, may_start = Event(), Event()
        locks.on_acquire = lambda: (is_starting.set(), may_start.wait(20))

        def end() -> bool:
            locks.on_acquire = lambda: None
            for name in calls_before:
                calls.start(name)[0].done()
            flight.done()
            return True

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(calls.start, ROME)
            assert is_starting.wait(20)
            code = exit_code(end)
            may_start.set()

        assert code == 0
        assert other.result()[1]

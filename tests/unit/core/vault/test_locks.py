"""Locks on single bytes, and the calls in flight that hold them, between real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_mimic._core.vault.locks import ByteLocks, RunMark
from pytest_mimic.errors import MimicError

NAMES = ("calls/shop/f/00000010.json", "calls/shop/f/00000011.json")  # calls that share the lock of byte 1

#: Evaluates each line that it gets, and prints the value.
OTHER = f"""
import os, sys
from pytest_mimic._core.engine.decisions import CallsInFlight
from pytest_mimic._core.vault.locks import ByteLocks

locks = ByteLocks(lambda: sys.argv[1])
calls = CallsInFlight(ByteLocks(lambda: sys.argv[1] + "-calls"))
first, second = {NAMES!r}

def in_fork(action):
    child = os.fork()
    if not child:
        os._exit(action())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for line in sys.stdin:
    print(eval(line), flush=True)
"""


class Other:
    """Another process, which evaluates what it is given."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, expression: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{expression}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.promise("the same call in flight runs once")
def test_locks_keep_other_processes_out_until_they_end(tmp_path):
    """Also one that is killed, one that was forked, and one whose code closes all files."""
    path = str(tmp_path / "locks")
    locks, other = ByteLocks(lambda: path), Other(path)
    try:
        assert other("locks.acquire(1), locks.acquire(2)") == "(True, True)"
        assert [locks.acquire(byte) for byte in (1, 2, 3, 2**28)] == [False, False, True, True]
        assert other("locks.acquire(3)") == "False"

        assert other("locks.release(2)") == "None"
        locks.release(3)

        assert (locks.acquire(2), other("locks.acquire(3)")) == (True, "True")
        if os.name == "posix":
            assert other("in_fork(lambda: locks.acquire(1))") == "0"
            assert not locks.acquire(1)
            assert other("os.closerange(3, 64)") == "None"
            assert other("locks.acquire(1)") == "True"
            assert not locks.acquire(1)
    finally:
        other.kill()

    assert locks.acquire(1)
    locks.close()


def test_calls_that_share_a_lock_keep_it_until_both_are_done(tmp_path):
    path = str(tmp_path / "locks")
    locks, other = ByteLocks(lambda: f"{path}-calls"), Other(path)
    try:
        assert other("(one := calls.start(first), two := calls.start(second))[1][1]") == "True"
        assert other("calls.start(first)[1]") == "False"
        assert not locks.acquire(1)
        if os.name == "posix":  # a forked process runs none of its parent's calls
            assert other("in_fork(lambda: calls.start(first)[0].needs_caller(is_async=False))") == "0"

        assert other("one[0].done()") == "None"
        assert not locks.acquire(1)

        assert other("two[0].done()") == "None"
        assert locks.acquire(1)
    finally:
        other.kill()
        locks.close()


def test_end_of_one_user_of_a_file_keeps_the_locks_of_another(tmp_path):
    """A run inside a run has the vault, and so the file of locks, of the outer one."""
    path = str(tmp_path / "locks")
    outer, inner, other = ByteLocks(lambda: path), ByteLocks(lambda: path), Other(path)
    try:
        assert outer.acquire(1)
        assert [inner.acquire(byte) for byte in (1, 2, 3)] == [True, True, True]

        inner.release(1)
        inner.release(2)
        assert other("locks.acquire(1), locks.acquire(2), locks.acquire(3)") == "(False, True, False)"

        inner.close()
        assert other("locks.acquire(1), locks.acquire(3)") == "(False, True)"

        outer.close()
        assert other("locks.acquire(1)") == "True"
    finally:
        other.kill()


@pytest.mark.skipif(os.name != "posix", reason="closes all files by number")
def test_another_file_with_the_same_number_is_left_alone(tmp_path):
    """Code under test has closed all files, and opened one of its own."""
    path = str(tmp_path / "locks")
    locks, other = ByteLocks(lambda: path), Other(path)
    try:
        assert other("locks.acquire(1)") == "True"
        assert other("os.closerange(3, 64), (mine := open(sys.argv[1] + '-mine', 'w'))") != ""
        assert other("locks.release(1)") == "None"

        assert other("locks.acquire(2)") == "True"
        assert not locks.acquire(2)

        assert other("os.closerange(mine.fileno() + 1, 64), locks.close()") == "(None, None)"
        assert other("(mine.write('x'), mine.flush())") == "(1, None)"
    finally:
        other.end()
        locks.close()


def test_the_marks_of_two_runs_are_seen_until_they_end(tmp_path):
    """A run sees no mark of its own, which two of its threads may set."""
    path = str(tmp_path / "locks")
    locks, other = ByteLocks(lambda: path), Other(path)
    mark = RunMark(lambda: locks)
    try:
        assert not mark.is_set_elsewhere()
        mark.set()
        mark.set()
        assert not mark.is_set_elsewhere()

        assert other("[locks.acquire(2**28 + n) for n in range(2)]") == "[False, True]"
        assert mark.is_set_elsewhere()

        assert other("locks.close()") == "None"
        assert not mark.is_set_elsewhere()
        mark.close()
        assert other("locks.acquire(2**28)") == "True"
    finally:
        other.end()


def test_lock_that_cannot_be_taken_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "none" / "locks"

    with pytest.raises(MimicError, match=r"cannot lock .*locks: No such file or directory"):
        ByteLocks(lambda: str(path)).acquire(1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a file that not even root may write")
def test_file_that_may_not_be_written_is_an_error():
    """The number of the error is that of a lock which another process has."""
    with pytest.raises(MimicError, match=r"cannot lock .*: Permission denied"):
        ByteLocks(lambda: "/proc/sys/kernel/version").acquire(1)


def test_lock_is_released_after_its_file_was_closed(tmp_path):
    """A generator that the run has left, and that is freed after the run, ends its call then."""
    locks = ByteLocks(lambda: str(tmp_path / "locks"))
    assert locks.acquire(1)
    locks.close()

    locks.release(1)

    assert locks.acquire(1)
    locks.close()

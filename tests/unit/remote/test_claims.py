"""Claims on calls in flight, between processes of one machine and of several."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.claim_rows import Claims, Timing, Wait
from pytest_mimic._remote.claims import ClaimLocks
from pytest_mimic._remote.machine import holder
from pytest_mimic._remote.place import parse_place
from pytest_mimic._vault.locks import ByteLocks

#: Deaths are noticed soon, and each look may make requests.
FAST = Timing(renewal=0.02, death=0.3, pause=0.001, longest_pause=0.001)

SETUP = """
import os, sys
from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.claim_rows import Timing
from pytest_mimic._remote.claims import ClaimLocks
from pytest_mimic._remote.place import parse_place
from pytest_mimic._vault.locks import ByteLocks

refreshed, notes = [], []

def make(url, machine, **timing):
    return ClaimLocks(
        ByteLocks(lambda: machine), Bucket(parse_place(url)), refresh=refreshed.append,
        is_conditional=lambda: True, note=notes.append, timing=Timing(**timing),
    )

def take(byte):
    taken = locks.acquire(byte) and (locks.claim(byte) or locks.release(byte))
    return bool(taken)

def in_fork(action):
    child = os.fork()
    if not child:
        os._exit(action())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
LOOP = """
for line in sys.stdin:
    try:
        exec(line)
    except Exception as error:
        print(repr(error), flush=True)
"""


class Process:
    """Another process with locks of its own, on the machine that has this file of locks."""

    def __init__(self, url: str, machine: str, timing: Timing) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SETUP + LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell(f"locks = make({url!r}, {machine!r}, **{timing._asdict()!r})")

    def _tell(self, line: str) -> None:
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def __call__(self, expression: str) -> object:
        self._tell(f"print(repr({expression}), flush=True)")
        return eval(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def on_machine(tmp_path):
    """Start processes on machines, by the machine's name."""
    started = []

    def start(name: str, timing: Timing = FAST) -> Process:
        started.append(Process((tmp_path / "bucket").as_uri(), str(tmp_path / name), timing))
        return started[-1]

    (tmp_path / "bucket").mkdir()
    yield start
    for process in started:
        process.kill()


@pytest.fixture
def claims(tmp_path):
    """Return the keys of all claims, without the signs of life."""
    bucket = Bucket(parse_place((tmp_path / "bucket").as_uri()))
    return lambda: [key for key, _, _ in bucket.list("claims/") if "alive" not in key]


def until(condition):
    """Wait until a condition is true, half a minute at most."""
    assert any(condition() or threading.Event().wait(0.005) for _ in range(6000))


@pytest.mark.promise(
    "machines that use one remote vault make the same call in flight once, if its store has conditional writes"
)
def test_a_claim_keeps_other_machines_out_until_it_is_released(on_machine, claims):
    """They look for a recording before and after they take it."""
    one, two = on_machine("one"), on_machine("two")

    assert (one("take(17)"), two("take(17)"), two("take(18)")) == (True, False, True)
    assert claims() == ["claims/0000011", "claims/0000012"]

    one("locks.release(17)")

    until(lambda: two("take(17)"))
    assert two("(refreshed[0], set(refreshed[1:]))") == ("0000012", {"0000011"})
    two("locks.close()")
    assert claims() == []


def test_one_of_several_takes_the_claim_of_a_dead_process_over(on_machine, claims):
    """Also when the one that took over dies. At the end, no claim is left."""
    dead, second = on_machine("one"), on_machine("two")
    assert dead("take(17)")
    dead.kill()
    until(lambda: second("take(17)"))
    assert claims() == ["claims/0000011", "claims/0000011-1"]
    second.kill()
    others = [on_machine(f"other {number}") for number in range(3)]
    taken = []

    until(lambda: taken.extend(other for other in others if other("take(17)")) or taken)

    assert len(taken) == 1
    assert [other("take(17)") for other in others if other not in taken] == [False, False]
    taken[0]("locks.close()")
    assert claims() == []


def test_a_living_process_keeps_its_claim(on_machine, tmp_path):
    """It gives signs of life, longer than a dead one would be waited for."""
    one, two = on_machine("one"), on_machine("two")
    assert one("take(17)")
    taken = []
    signs = Bucket(parse_place((tmp_path / "bucket").as_uri()))

    def sign():
        taken.append(two("take(17)"))
        [alive] = [key for key, _, _ in signs.list("claims/") if "alive" in key] or [""]
        return int(signs.get(alive) or 0) if alive else 0

    until(lambda: sign() > 3 * FAST.death / FAST.renewal)

    assert set(taken) == {False}
    one("locks.close()")
    assert signs.list("claims/") == []


def test_a_process_that_died_on_this_machine_is_known_at_once(on_machine, claims):
    dead, other = on_machine("one", Timing()), on_machine("one", Timing())
    assert dead("take(17)")
    assert not other("take(17)")

    dead.kill()

    until(lambda: other("take(17)"))
    assert claims() == ["claims/0000011", "claims/0000011-1"]


def test_waiting_makes_few_requests(on_machine):
    one, two = on_machine("one", Timing()), on_machine("two", Timing())
    assert one("take(17)")

    assert two("any(take(17) for _ in range(2000))") is False

    assert two("sum(locks._bucket.requests.values())") < 40


def test_a_call_that_is_made_again_keeps_the_claim_that_was_not_deleted_yet(on_machine, claims):
    one, two = on_machine("one"), on_machine("two")

    assert one("[(take(17), locks.release(17)) for _ in range(200)][-1][0]") in (True, False)

    until(lambda: one("take(17)"))
    assert not two("take(17)")
    one("locks.close()")
    until(lambda: two("take(17)"))
    assert claims() == ["claims/0000011"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_claims_of_its_parent(on_machine, claims):
    one = on_machine("one", Timing())
    assert one("take(17)")

    assert one("in_fork(lambda: take(17))") == 0
    assert one("in_fork(lambda: locks.release(17) or locks.close() or 0)") == 0

    assert claims() == ["claims/0000011"]


def test_a_run_inside_a_run_shares_its_claims(tmp_path):
    """The outer run makes a call in which the inner run makes the same one."""
    (tmp_path / "bucket").mkdir()
    outer, inner = (
        ClaimLocks(
            ByteLocks(lambda: str(tmp_path / "locks")),
            Bucket(parse_place((tmp_path / "bucket").as_uri())),
            refresh=lambda tag: None,
            is_conditional=lambda: True,
        )
        for _ in range(2)
    )
    assert [outer.acquire(17), outer.claim(17), inner.acquire(17), inner.claim(17)] == [True] * 4

    inner.close()

    assert (tmp_path / "bucket" / "claims" / "0000011").exists()
    outer.close()
    assert not (tmp_path / "bucket" / "claims" / "0000011").exists()


@pytest.mark.parametrize("is_conditional", [True, False])
def test_no_call_waits_for_a_store_that_gives_no_claims(tmp_path, is_conditional):
    """It cannot be reached, or it has no conditional writes."""
    notes: list[str] = []
    bucket = Bucket(parse_place((tmp_path / "file" / "bucket").as_uri()))
    (tmp_path / "file").write_text("")  # no folder can be made there
    locks = ClaimLocks(
        ByteLocks(lambda: str(tmp_path / "locks")),
        bucket,
        refresh=lambda tag: None,
        is_conditional=lambda: is_conditional,
        note=notes.append,
    )

    assert [locks.acquire(byte) and locks.claim(byte) for byte in range(3)] == [True] * 3

    assert len(notes) == is_conditional
    assert bucket.requests["put"] <= 5 * is_conditional
    locks.close()
    assert bucket.requests["delete"] == 0


class _Interrupted(Bucket):
    """A bucket in which another machine acts just before a claim is created."""

    def act(self) -> None:
        """Do nothing yet."""

    def create(self, key: str, data: bytes) -> bool:
        self.act()
        return super().create(key, data)


@pytest.mark.parametrize("is_begun_again", [False, True])
def test_a_row_that_ends_before_it_is_taken_over_is_left_alone(tmp_path, is_begun_again):
    """The holder was dead when this process looked. Then another one took over, ended, and a third one began."""
    (tmp_path / "bucket").mkdir()
    place = parse_place((tmp_path / "bucket").as_uri())
    late = _Interrupted(place)
    dead, third, this = (
        Claims(bucket, {"machine": name, "process": name, "host": name}, Timing(renewal=0, death=0))
        for bucket, name in ((Bucket(place), "dead"), (Bucket(place), "third"), (late, "this"))
    )
    wait = Wait(0)
    assert dead.create("0000011", Wait(0)) == ["claims/0000011"]
    assert this.create("0000011", wait) is None

    def act():
        third.delete([["claims/0000011"]])
        if is_begun_again:
            assert third.create("0000011", Wait(0)) == ["claims/0000011"]

    late.act = act

    assert this.create("0000011", wait) is None
    assert [key for key, _, _ in late.list("claims/")] == ["claims/0000011"] * is_begun_again


def test_machine_is_the_one_that_has_the_file_of_locks(tmp_path):
    """Each process is another one."""
    locks = str(tmp_path / "locks")
    code = "import sys; from pytest_mimic._remote.machine import holder; print(holder(sys.argv[1]))"

    first, again, elsewhere = holder(locks), holder(locks), holder(str(tmp_path / "others"))
    other = eval(subprocess.check_output([sys.executable, "-c", code, locks], text=True))

    assert first == again
    assert first["machine"] == other["machine"] != elsewhere["machine"]
    assert first["process"] == elsewhere["process"] != other["process"]

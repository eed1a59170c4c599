"""A killed recording run leaves a vault that replays, and that the next run completes."""

from __future__ import annotations

import os
import random
import signal
import subprocess

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")

#: How many runs are killed: 3, or what the environment says.
KILLS = int(os.environ.get("MIMIC_KILLED_RUNS", "3"))

TEST = """
import os
import shop

def test_all():
    for number in range(200):
        assert shop.compute(number)["number"] == number
        os.write(int(os.environ["PIPE"]), b".") if "PIPE" in os.environ else None
"""


# Every recording has the value of its call; a call without one is missed.
CHECK = """
import pytest, shop
from pytest_mimic import MissingRecordingError

def test_all():
    for number in range(200):
        try:
            value = shop.compute(number)
        except MissingRecordingError:
            continue
        assert value["number"] == number
        assert value["text"] == "x" * (number % 5 * 700)
        assert value["form"] == ({number} if number % 2 else [shop.Odd(number)])
"""


def test_killed_run_leaves_correct_or_no_recordings(project):
    """SIGKILL at a random instant, with values inside recordings and in objects."""
    project.ini("shop:compute")
    project.module("""
        from decimal import Decimal
        from tally import ran

        class Odd:
            def __init__(self, n):
                self.n = n
            def __reduce__(self):
                return Odd, (self.n,)
            def __eq__(self, other):
                return self.n == other.n
            __hash__ = None

        def compute(number):
            ran(number)
            return {"number": number, "exact": Decimal(number), "text": "x" * (number % 5 * 700),
                "form": {number} if number % 2 else [Odd(number)]}
    """)
    project.tests(TEST)
    chance = random.Random(5)

    for kill in range(KILLS):
        for name in {call.file for call in project.calls()}:
            if chance.random() < 0.9:  # to be recorded anew
                (project.vault / name).unlink()
        kill_a_recording_run(project, after=chance.randrange(1, 190), chance=chance)
        project.tests(CHECK)
        project.replay().expect(passed=1, real=[])
        assert project.calls(), f"kill {kill}"
        project.tests(TEST)

    project.record(process=True).expect(passed=1)
    project.replay(process=True).expect(passed=1, real=[])
    assert not [name for name in project.files() if name.endswith(".tmp")]


def kill_a_recording_run(project, *, after, chance):
    """Kill a run while it makes the calls after the given one."""
    read, write = os.pipe()
    run = subprocess.Popen(
        **project.process_of("-q", "--mimic-record", PIPE=str(write)),
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with open(read, "rb", buffering=0) as calls:
        for _ in range(after):
            calls.read(1)
        for _ in range(
            chance.randrange(2000)
        ):  # a little later, at no particular instant
            pass
        run.send_signal(signal.SIGKILL)
        run.wait()

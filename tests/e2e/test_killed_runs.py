"""A killed recording run leaves a vault that replays, and that the next run completes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

from pytest_mimic._vault import FolderStore, Vault

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


def test_killed_run_leaves_correct_or_no_recordings(project):
    """SIGKILL at a random instant, with values inside recordings and in objects."""
    project.ini("shop:compute")
    project.write(
        "shop.py",
        """
        from decimal import Decimal
        from tally import ran

        def compute(number):
            ran(number)
            return {"number": number, "exact": Decimal(number), "text": "x" * (number % 5 * 700)}
        """,
    )
    project.write("test_shop.py", TEST)
    chance = random.Random(5)

    for kill in range(KILLS):
        vault = Vault(FolderStore(project.vault))
        vault.delete([name for name in vault.names() if chance.random() < 0.9])  # to be recorded anew
        kill_a_recording_run(project, after=chance.randrange(1, 190), chance=chance)
        check(vault, f"kill {kill}")

    project.record(process=True).expect(passed=1)
    project.replay(process=True).expect(passed=1, real=[])
    assert not [name for name in project.files() if name.endswith(".tmp")]


def kill_a_recording_run(project, *, after, chance):
    """Kill a run while it makes the calls after the given one."""
    read, write = os.pipe()
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *project.arguments("-q", "--mimic-record")],
        cwd=project.root,
        env=project.environment({"PIPE": str(write)}),
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with open(read, "rb", buffering=0) as calls:
        for _ in range(after):
            calls.read(1)
        for _ in range(chance.randrange(2000)):  # a little later, at no particular instant
            pass
        run.send_signal(signal.SIGKILL)
        run.wait()


def check(vault, when):
    """Check that every recording has the value of its call."""
    for name in vault.names():
        recording = vault.read(name)
        value = recording.outcomes[0].load().value
        assert value["text"] == "x" * (value["number"] % 5 * 700), when
        assert recording.arguments == {"number": value["number"]}, when

"""A `rekey` that is killed leaves each recording under its old or its new name, and the next one goes on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from itertools import count

import pytest

# Kills the process at one of the changes of the vault: a file that gets its name, or
# that goes.
KILLED = """
import os, runpy, sys

left = int(sys.argv.pop(1))

def kill(event, arguments):
    global left
    words = [str(argument) for argument in arguments]
    is_change = event in ("os.rename", "os.remove") and any(
        word.endswith(".json") for word in words
    )
    if is_change:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

sys.addaudithook(kill)
runpy.run_module("pytest_mimic", run_name="__main__", alter_sys=True)
"""
SHOP = """
    numbers = iter(range(100))

    def fetch(base, run=None):
        ran("fetch", base, run)
        return next(numbers)

    def rate(base, run=None):
        ran("rate", base, run)
        return len(base)
"""
TESTS = """
    def test_one():
        assert [shop.fetch("EUR", run=n) for n in (2, 1, 2, 3)] == [0, 1, 2, 3]
        assert [shop.rate("EUR", run=n) for n in (1, 2)] == [3, 3]
        assert shop.rate("Gold", run=1) == 4

    def test_two(mimic_auto):
        with mimic_auto("trip"):
            assert [shop.fetch("USD", run=n) for n in (2, 1)] == [4, 5]
"""


def outcomes_in(project):
    """Return every outcome in the vault, with its target."""
    return {(call.target, json.dumps(call.value)) for call in project.calls()}


@pytest.fixture
def shop(project):
    """A recorded project whose lines have changed since."""
    project.tests(TESTS)
    project.ini("shop:fetch sequence", "shop:rate")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run", "shop:rate ignore=run")
    return project


@pytest.mark.rare
def test_nothing_is_lost_wherever_it_is_killed(shop):
    before = outcomes_in(shop)
    shutil.copytree(shop.vault, shop.root / "before")

    for point in count(1):
        shutil.rmtree(shop.vault)
        shutil.copytree(shop.root / "before", shop.vault)
        if rekey(shop, point) == 0:
            break
        assert outcomes_in(shop) == before, point
        assert rekey(shop, 0) == 0, point
        assert outcomes_in(shop) == before, point

    assert point > 3
    shop.replay("-p", "no:randomly").expect(passed=2, real=[])


def rekey(project, kill_at):
    """Run the command, which is killed at one of its changes, and return how it ended."""
    command = [sys.executable, "-c", KILLED, str(kill_at), "rekey"]
    done = subprocess.run(command, cwd=project.root, check=False, capture_output=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout
    return done.returncode

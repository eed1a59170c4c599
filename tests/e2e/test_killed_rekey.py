"""A `rekey` that is killed leaves each recording under its old or its new name, and the next one goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

# Kills the process at one of the changes of the vault: a file that gets its name, or
# that goes.
KILLED = """
import os, sys

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
from pytest_mimic._tools.cli.main import main
sys.exit(main())
"""
SHOP = """
    from tally import ran

    numbers = iter(range(100))

    def fetch(base, run=None):
        ran("fetch", base, run)
        return next(numbers)

    def rate(base, run=None):
        ran("rate", base, run)
        return len(base)
"""
TESTS = """
    import shop

    def test_one():
        assert [shop.fetch("EUR", run=n) for n in (2, 1, 2, 3)] == [0, 1, 2, 3]
        assert [shop.rate("EUR", run=n) for n in (1, 2)] == [3, 3]
        assert shop.rate("Gold", run=1) == 4

    def test_two(mimic_auto):
        with mimic_auto("trip"):
            assert [shop.fetch("USD", run=n) for n in (2, 1)] == [4, 5]
"""
# Two recordings are written for `fetch` and `rate` each, seven go, and a cassette is
# written in place.
CHANGES = range(1, 10)


def outcomes_in(project: Any) -> set[tuple[str, str]]:
    """Return every outcome in the vault, with its target."""
    found: set[tuple[str, str]] = set()
    for data in project.files().values():
        facts = json.loads(data)
        calls = facts.get("calls") or [facts]
        for call in calls:
            entries = call.get("outcomes") or [call["outcome"]]
            found |= {(call["target"], json.dumps(entry["value"])) for entry in entries}
    return found


@pytest.fixture
def shop(project: Any) -> Any:
    """A recorded project whose lines have changed since."""
    project.module(SHOP)
    project.tests(TESTS)
    project.ini("shop:fetch sequence", "shop:rate")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run", "shop:rate ignore=run")
    return project


@pytest.mark.parametrize("point", CHANGES)
def test_nothing_is_lost_wherever_it_is_killed(shop: Any, point: int) -> None:
    before = outcomes_in(shop)
    command = [sys.executable, "-c", KILLED, str(point), "rekey"]

    killed = subprocess.run(command, cwd=shop.root, check=False, capture_output=True)

    assert killed.returncode == -signal.SIGKILL, killed.stdout
    assert outcomes_in(shop) == before
    command[3] = "0"
    done = subprocess.run(command, cwd=shop.root, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout
    shop.replay("-p", "no:randomly").expect(passed=2, real=[])
    assert len(list(shop.vault.glob("calls/*/*/*.json"))) == 3

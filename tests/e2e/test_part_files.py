"""Section 5, *Vault*: what a killed process leaves of a log, and a living one keeps."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

TARGETS = ["shop:get sequence"]
SHOP = """
    import os, signal
    from tally import ran

    def get(number):
        ran("get", number)
        if os.environ.get("KILL_IN") == str(number):
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("WAIT_IN") == str(number):
            with open(os.environ["BEGUN"], "w"):
                pass
            with open(os.environ["GO"]):
                pass
        return number * 10
"""
TESTS = """
    import shop

    def test_it():
        assert [shop.get(number) for number in (1, 2, 3)] == [10, 20, 30]
"""


def test_a_killed_run_loses_no_finished_call_of_a_function(shop):
    killed = shop.run("--mimic-record", process=True, env={"KILL_IN": "3"})

    again = shop.record().expect(passed=1, real=["get 3"])

    assert killed.exit_code == -signal.SIGKILL
    assert [name for name in again.vault if "part" in name] == []
    shop.replay().expect(passed=1, real=[])


def test_two_killed_runs_lose_no_finished_call_of_a_function(shop):
    shop.tests(TESTS.replace("(1, 2, 3)] == [10, 20, 30]", "range(5)]"))
    shop.run("--mimic-record", process=True, env={"KILL_IN": "3"})
    shop.run("--mimic-record", process=True, env={"KILL_IN": "4"})

    again = shop.record().expect(passed=1, real=["get 4"])

    assert len(again.calls) == 5
    shop.replay().expect(passed=1, real=[])


def test_a_part_file_beside_a_log_gives_its_new_calls(shop):
    shop.tests(TESTS.replace("(1, 2, 3)] == [10, 20, 30]", "(1,)] == [10]"))
    shop.record().expect(passed=1, real=["get 1"])
    shop.tests(TESTS)
    shop.run("--mimic-record", process=True, env={"KILL_IN": "3"})

    shop.record().expect(passed=1, real=["get 3"])
    shop.replay().expect(passed=1, real=[])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_the_part_file_of_a_living_process_is_left_alone(shop):
    begun, go = shop.root / "begun", shop.root / "go"
    os.mkfifo(begun)
    os.mkfifo(go)
    waits = {"WAIT_IN": "3", "BEGUN": str(begun), "GO": str(go)}
    process = subprocess.Popen(**shop.process_of("--mimic-record", **waits))
    begun.read_bytes()

    other = shop.record().expect(passed=1, real=["get 1", "get 2", "get 3"])
    go.write_bytes(b"")

    assert process.wait(60) == 0
    assert len([name for name in other.vault if name.startswith("logs/")]) >= 1
    replayed = shop.replay().expect(passed=1, real=[])
    assert [name for name in replayed.vault if "part" in name] == []

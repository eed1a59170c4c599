"""Section 5, *Vault*: what a killed process leaves of a log, and a living one keeps."""

from __future__ import annotations

import signal

TARGETS = ["shop:get sequence"]
SHOP = """
    import os, signal

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
    def test_it():
        assert [shop.get(number) for number in (1, 2, 3)] == [10, 20, 30]
"""


def test_a_killed_run_loses_no_finished_call_of_a_function(shop):
    killed = shop.run("--mimic-record", process=True, env={"KILL_IN": "3"})

    again = shop.record().expect(passed=1, real=["get 3"])

    assert killed.exit_code == -signal.SIGKILL
    assert [name for name in again.vault if "part" in name] == []
    shop.replay().expect(passed=1, real=[])


def test_a_part_file_beside_a_log_gives_its_new_calls(shop):
    shop.tests(TESTS.replace("(1, 2, 3)] == [10, 20, 30]", "(1,)] == [10]"))
    shop.record().expect(passed=1, real=["get 1"])
    shop.tests(TESTS)
    shop.run("--mimic-record", process=True, env={"KILL_IN": "3"})

    shop.round_trip(passed=1, real=["get 3"])

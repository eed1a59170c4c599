"""The forks in which runs of the other tests are made: they are as new processes."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the runs are made in new processes"
)

FACTS = """
    import json, os, sys

    def test_it():
        main = sys.modules["__main__"]
        facts = {
            "arguments": sys.argv,
            "path": sys.path,
            "folder": os.getcwd(),
            "main module": [main.__file__, main.__spec__.name],
            "variables": sorted(os.environ.items()),
            "input": sys.stdin.read(),
            "encodings": [sys.stdout.encoding, sys.stderr.encoding],
            "warnings": sys.warnoptions,
            "writes bytecode": not sys.dont_write_bytecode,
        }
        with open("facts.json", "w") as file:
            json.dump(facts, file)
        print("Zürich", file=sys.stderr)
        assert not "a failure"
"""


def test_a_fork_runs_as_a_new_process(project):
    project.tests(FACTS)
    variables = {
        "TOWN": "Zürich",
        "PYTHONPATH": os.pathsep.join(["/nowhere", str(project.root / "more")]),
    }
    runs = {}

    for is_warm in (True, False):
        run = project.run("-s", process=True, is_warm=is_warm, env=variables)
        run.expect(failed=1, says=["Zürich\n", "E       AssertionError"])
        runs[is_warm] = json.loads((project.root / "facts.json").read_text())

    assert runs[True] == runs[False]


def test_a_fork_ends_as_a_new_process(project):
    project.test("os._exit(7)")
    exited = project.run(process=True)
    project.test(f"os.kill(os.getpid(), {signal.SIGKILL})")
    killed = project.run(process=True)

    assert (exited.exit_code, killed.exit_code) == (7, -signal.SIGKILL)


def test_a_fork_has_the_hash_seed_that_a_test_sets(project):
    project.test(
        "assert sys.flags.hash_randomization == 0 and os.environ['SEED'] == '0'"
    )

    project.run(hash_seed=0, env={"SEED": "0"}).expect(passed=1)


def test_workers_in_forks_are_no_children_of_the_run(project):
    project.test("pathlib.Path('parent').write_text(str(os.getppid()))")

    project.run("-n1").expect(passed=1)

    assert int((project.root / "parent").read_text()) != os.getpid()

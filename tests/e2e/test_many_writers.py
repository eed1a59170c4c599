"""Many processes and threads that record into one vault."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# `MIMIC_TEST_LONG=1`: 8 processes with 16 threads each record 2,000 calls, a quarter of them in common.
PROCESSES, THREADS, OWN, COMMON = (8, 16, 188, 500) if os.environ.get("MIMIC_TEST_LONG") else (3, 8, 30, 40)

TEST = """
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import shop

THREADS, OWN, COMMON = {sizes}

def test_all():
    me = os.environ["ME"]
    calls = [("common", number) for number in range(COMMON)] + [(me, number) for number in range(OWN)]
    barrier = Barrier(THREADS)

    def some(first):
        barrier.wait()
        return [shop.compute(*call) for call in calls[first::THREADS] + calls[:COMMON:THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(result["who"] in ("common", me) for results in pool.map(some, range(THREADS)) for result in results)
"""


def test_many_processes_and_threads_run_each_call_once(project):
    """A later run replays everything."""
    project.ini("shop:compute")
    project.module("""
        from tally import ran

        def compute(who, number):
            ran(who, number)
            return {"who": who, "number": number}
    """)
    project.tests(TEST.format(sizes=(THREADS, OWN, COMMON)))
    command = [sys.executable, "-m", "pytest", *project.arguments("-q")]

    runs = [
        subprocess.Popen(
            [*command, "--mimic-record"],
            cwd=project.root,
            env=project.environment({"ME": f"p{number}"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    said = [run.communicate(timeout=240)[0] for run in runs]

    assert [run.returncode for run in runs] == [0] * PROCESSES, said
    assert len(project.real()) == len(set(project.real())) == COMMON + PROCESSES * OWN
    assert len([json.loads(held) for held in project.files().values()]) == COMMON + PROCESSES * OWN
    for number in range(PROCESSES):
        project.replay(process=True, env={"ME": f"p{number}"}).expect(passed=1, real=[])


@pytest.mark.skipif(os.name != "posix", reason="the locks of POSIX belong to a process")
def test_run_inside_a_recorded_call_leaves_the_calls_lock(project):
    """The inner run has the same vault. Another process must still not make the outer call as well."""
    project.ini("svc:outer", "svc:inner")
    project.write(
        "svc.py",
        """
        import glob, os, subprocess, sys, tempfile
        import pytest
        from tally import ran

        # Exits with 1 if another process has a lock on any byte of the file.
        PROBE = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB, 2**30)"

        def is_locked():
            [file] = glob.glob(os.path.join(tempfile.gettempdir(), "pytest-mimic-*", "*", "calls"))
            return subprocess.run([sys.executable, "-c", PROBE, file], capture_output=True).returncode == 1

        def inner():
            return 1

        def outer():
            code = pytest.main(["-q", "-p", "pytest_mimic.plugin", "--mimic-record", "inside.py"])
            ran(code.name, is_locked())
        """,
    )
    project.write("inside.py", "import svc\n\ndef test_inner():\n    svc.inner()\n")
    project.write(
        "test_svc.py", "import svc\n\ndef test_outer():\n    svc.outer()\n    assert not svc.is_locked()\n"
    )
    temporary = project.root / "tmp"
    temporary.mkdir()

    project.record("test_svc.py", process=True, env={"TMPDIR": str(temporary)}).expect(
        passed=1, real=["OK True"], says=["1 call recorded"]
    )

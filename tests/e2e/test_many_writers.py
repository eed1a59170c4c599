"""Many processes and threads that record into one vault."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

# `MIMIC_TEST_LONG=1`: 8 processes with 16 threads each record 2,000 calls, a quarter of
# them in common.
PROCESSES, THREADS, OWN, COMMON = (
    (8, 16, 188, 500) if os.environ.get("MIMIC_TEST_LONG") else (4, 4, 10, 40)
)


TEST = """
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


THREADS, OWN, COMMON = {sizes}

def test_all():
    me = os.environ["ME"]
    shop.compute(me, 0)
    if "GATE" in os.environ:
        with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
            gate.recv(1)  # Until all processes have begun to record.
    calls = [("common", number) for number in range(COMMON)] + [(me, number) for number in range(OWN)]
    barrier = Barrier(THREADS)

    def some(first):
        barrier.wait()
        return [shop.compute(*call) for call in calls[first::THREADS] + calls[:COMMON:THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(result["who"] in ("common", me) for results in pool.map(some, range(THREADS)) for result in results)
"""


def test_many_processes_and_threads_lose_no_recording(project):
    """The last outcome of a call stays, whole.

    A later run replays everything, and nothing has to be cleaned.
    """
    project.ini("shop:compute")
    project.module("""
        def compute(who, number):
            ran(who, number)
            text = f"{number} of {os.getpid()} " * 400 if number % 2 else "short"  # an object of its own
            return {"who": who, "number": number, "text": text}
    """)
    project.tests(TEST.format(sizes=(THREADS, OWN, COMMON)))
    modes = ("--mimic-record", "--mimic-rerecord")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_mimic.plugin", "-q"]
    # Loading all installed plugins takes three times as long as the rest.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    # A run that begins to record later makes anew what the others were given.
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(60)
    port = str(gate.getsockname()[1])

    runs = [
        subprocess.Popen(
            [*command, modes[number % 2]],
            cwd=project.root,
            env=project.environment({**alone, "ME": f"p{number}", "GATE": port}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    with gate:
        waiting = [gate.accept()[0] for _ in runs]
    for each in waiting:
        each.close()
    said = [run.communicate(timeout=240)[0] for run in runs]

    assert [run.returncode for run in runs] == [0] * PROCESSES, said
    assert len(set(project.real())) == COMMON + PROCESSES * OWN
    assert len(project.calls()) == COMMON + PROCESSES * OWN
    for number in range(PROCESSES):
        project.replay(env={"ME": f"p{number}"}).expect(passed=1, real=[])

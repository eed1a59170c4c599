"""Many machines, processes and threads that record into one remote vault."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from failing_proxy import running_proxy

pytest.importorskip("obstore", exc_type=ImportError)

# `MIMIC_TEST_LONG=1`: 8 processes with 16 threads each record 2,000 calls, a quarter of them in common.
IS_LONG = bool(os.environ.get("MIMIC_TEST_LONG"))
PROCESSES, MACHINES, THREADS, OWN, COMMON = (8, 4, 16, 188, 500) if IS_LONG else (3, 2, 4, 5, 12)

SHOP = """
from tally import ran

def compute(who, number):
    ran(who, number)
    return {"who": who, "number": number, "text": "x" * 400_000 if number % 20 == 7 else ""}
"""

TEST = """
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import shop

THREADS, OWN, COMMON = {sizes}

def test_all():
    calls = [("common", number) for number in range(COMMON)]
    calls += [(me, number) for me in os.environ["ME"].split() for number in range(OWN)]
    barrier = Barrier(THREADS)

    def some(first):
        barrier.wait()
        return [shop.compute(*call) for call in calls[first::THREADS] + calls[:COMMON:THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(result["text"] in ("", "x" * 400_000) for results in pool.map(some, range(THREADS)) for result in results)
"""


def machine(tmp_path: Path, name: str) -> dict[str, str]:
    """Return the variables of a machine: its own locks and copies."""
    folder = tmp_path / name
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    return {"TMPDIR": str(folder / "tmp"), "PYTEST_MIMIC_CACHE_DIR": str(folder / "cache")}


@pytest.mark.promise(
    "machines that use one remote vault make the same call in flight once, if its store has conditional writes"
)
def test_many_machines_run_each_call_once(project, s3, s3_url, tmp_path):
    """Some processes share a machine. Another machine, without any copies, replays everything."""
    project.ini("shop:compute", mimic_vault_path=s3_url)
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TEST.format(sizes=(THREADS, OWN, COMMON)))
    command = [sys.executable, "-m", "pytest", *project.arguments("-q", "--mimic-record")]

    with running_proxy(s3.url) as proxy:
        began = time.monotonic()
        runs = [
            subprocess.Popen(
                command,
                cwd=project.root,
                env=project.environment(
                    {
                        **s3.environment(proxy.url),
                        **machine(tmp_path, f"machine {number % MACHINES}"),
                        "ME": f"p{number}",
                    }
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in range(PROCESSES)
        ]
        said = [run.communicate(timeout=900)[0] for run in runs]
        if IS_LONG:
            print(f"\n{time.monotonic() - began:.1f} s, requests: {dict(proxy.counts)}")

    assert [run.returncode for run in runs] == [0] * PROCESSES, said
    assert len(project.real()) == len(set(project.real())) == COMMON + PROCESSES * OWN
    everybody = " ".join(f"p{number}" for number in range(PROCESSES))
    cold = project.replay(env={**machine(tmp_path, "cold"), "ME": everybody})
    cold.expect(passed=1, real=[])

"""What a replayed small call costs, beside the least that does the job, and joblib.Memory.

All in one process, in interleaved rounds; each round takes calls that were not replayed before, then the same
calls again. Prints microseconds a call and ratios; read the ratios. Asserts nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 10
CALLS = 100

MODULE = """
def measure(number, word, options):
    return {"number": number, "word": word, "total": sum(options.values()), "note": "as recorded"}

def arguments(number):
    return number, f"word {number}", {f"option {each}": number * each for each in range(10)}
"""

TEST = """
import json, os, pickle, sys
from pathlib import Path
from time import perf_counter

import joblib
import measured

ROUNDS, CALLS = int(os.environ["ROUNDS"]), int(os.environ["CALLS"])


def test_all():
    memory = joblib.Memory("joblib", verbose=0)
    plain = getattr(measured.measure, "__wrapped__", measured.measure)
    through_joblib = memory.cache(plain)
    folder = Path("bare")
    folder.mkdir(exist_ok=True)

    def bare(number, word, options):
        with open(f"bare/{number}", "rb") as file:
            return pickle.loads(file.read())

    contenders = {"bare": bare, "joblib.Memory": through_joblib, "pytest-mimic": measured.measure}
    recording = "RECORD" in os.environ
    figures = {name: {"first": [], "again": []} for name in contenders}
    for number in range(ROUNDS * CALLS) if recording else ():
        arguments = measured.arguments(number)
        Path(f"bare/{number}").write_bytes(pickle.dumps(plain(*arguments)))
        through_joblib(*arguments)
        measured.measure(*arguments)
    for round_ in range(0 if recording else ROUNDS):
        numbers = range(round_ * CALLS, (round_ + 1) * CALLS)
        for name, call in contenders.items():
            for which in "first", "again":
                every = [measured.arguments(number) for number in numbers]
                began = perf_counter()
                for arguments in every:
                    call(*arguments)
                figures[name][which].append((perf_counter() - began) / CALLS * 1e6)
    if not recording:
        Path("figures.json").write_text(json.dumps(figures))
"""


def main() -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pytest.ini").write_text("[pytest]\nmimic_functions = measured:measure\n")
        (folder / "measured.py").write_text(MODULE)
        (folder / "test_all.py").write_text(TEST)
        settings = {"ROUNDS": str(ROUNDS), "CALLS": str(CALLS)}
        pytest(folder, "--mimic-record", **settings, RECORD="1")
        pytest(folder, **settings)
        figures = json.loads((folder / "figures.json").read_text())
    print(f"{ROUNDS} rounds of {CALLS} calls, µs a call")
    print(f"{'':16}{'first: min':>12}{'median':>9}{'ratio':>8}{'again: min':>14}{'median':>9}{'ratio':>8}")
    for name, rounds in figures.items():
        columns = f"{name:16}"
        for which, width in (("first", 12), ("again", 14)):
            ratio = median(rounds[which]) / median(figures["bare"][which])
            columns += f"{min(rounds[which]):{width}.1f}{median(rounds[which]):9.1f}{ratio:7.2f}x"
        print(columns)


def pytest(folder: Path, *options: str, **environment: str) -> None:
    """Runs the project in a process of its own; its output is shown where it fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    run = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)


if __name__ == "__main__":
    main()

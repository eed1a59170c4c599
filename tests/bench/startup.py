"""What the plugin adds to the start of a suite that mimics nothing.

Runs of one empty test with the plugin and without, interleaved; and the import of the entry point alone. Prints
milliseconds and ratios; read the minima and the CPU time. Asserts nothing.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

ROUNDS = 20

LOAD = """
import pytest, _pytest.config, _pytest.terminal, _pytest.fixtures, json, inspect
from time import perf_counter
began = perf_counter()
import pytest_mimic.plugin
print((perf_counter() - began) * 1000)
"""


def main() -> None:
    figures: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    with TemporaryDirectory() as scratch:
        Path(scratch, "pytest.ini").write_text("[pytest]\n")
        Path(scratch, "test_empty.py").write_text("def test_empty():\n    pass\n")
        for round_ in range(ROUNDS + 1):
            for name, options in (("without", ["-p", "no:mimic"]), ("with", [])):
                command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
                measured = timed(command, scratch)
                if round_:  # the first round writes bytecode
                    figures[name].append(measured)
    loads = [float(subprocess.check_output([sys.executable, "-c", LOAD])) for _ in range(ROUNDS)]

    print(f"{ROUNDS} rounds of one empty test, ms")
    print(f"{'':16}{'wall: min':>12}{'median':>9}{'CPU: min':>12}{'median':>9}")
    for name, rounds in figures.items():
        walls, cpus = zip(*rounds, strict=True)
        print(f"{name:16}{min(walls):12.1f}{median(walls):9.1f}{min(cpus):12.1f}{median(cpus):9.1f}")
    for label, of in (("added", 0), ("added CPU", 1)):
        least, middle = (
            pick(each[of] for each in figures["with"]) - pick(each[of] for each in figures["without"])
            for pick in (min, median)
        )
        print(f"{label:16}{least:12.1f}{middle:9.1f}")
    print(f"import of the entry point's module: {min(loads):.2f} at least, median {median(loads):.2f}")


def timed(command: list[str], folder: str) -> tuple[float, float]:
    """Wall and CPU time of a command, in milliseconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


if __name__ == "__main__":
    main()

"""The measured loops.

The same code runs in a test, for pytest plugins, and in a plain script, for libraries.
"""

from __future__ import annotations

import cProfile
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import measured

Figures = dict[str, float]


@contextmanager
def timed(
    figures: Figures,
    name: str,
    *,
    per: int,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[None]:
    """Note the CPU seconds of a block, divided by the number of its calls; profile the first block where asked."""
    profiler = (
        cProfile.Profile()
        if name == "first" and os.environ.get("BENCH_PROFILE")
        else None
    )
    if profiler:
        profiler.enable()
    begun = clock()
    yield
    figures[name] = (clock() - begun) / per
    if profiler:
        profiler.disable()
        profiler.dump_stats(os.environ["BENCH_PROFILE"])


def peak_memory() -> float:
    """Return the largest resident memory so far, in MB."""
    try:
        # ru_maxrss would carry over the peak of the process that started this one.
        status = Path("/proc/self/status").read_text()
        return float(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def small(functions: Any, figures: Figures, count: int) -> None:
    """Call the small function once for each number, then again with equal arguments that are other objects."""
    for name in ("first", "again"):
        calls = [measured.small_arguments(number) for number in range(count)]
        with timed(figures, name, per=count):
            for arguments in calls:
                functions.small(*arguments)


def large(functions: Any, figures: Figures, size: int) -> None:
    """Make an array, then call the function that makes it; the figures are what the call takes above making."""
    begun, cpu = time.perf_counter(), time.process_time()
    made = measured.made_large(size)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    del made
    before, begun = peak_memory(), time.perf_counter()
    with timed(figures, "cpu", per=1):
        array = functions.large(size)
    figures["wall"] = time.perf_counter() - begun
    figures["memory"] = peak_memory() - before
    assert array.nbytes == 8 * size
    if not os.environ.get("BENCH_REPLAYING"):
        figures["wall"] -= wall
        figures["cpu"] -= cpu


def each(functions: Any, figures: Figures, function: str, count: int) -> None:
    """Call a function of one number for each number."""
    call = getattr(functions, function)
    with timed(figures, "first", per=count):
        for number in range(count):
            assert call(number) is not None


def run(functions: Any) -> Figures:
    """Run the step that the environment names, and return its figures: seconds of CPU time a call, and MB."""
    figures: Figures = {}
    step, *arguments = json.loads(os.environ["BENCH_STEP"])
    if step in ("large", "each"):
        import numpy.random  # noqa: F401  its import is part of no contender's work
    {"small": small, "large": large, "each": each}[step](functions, figures, *arguments)
    figures["until"] = time.process_time()
    return figures


def test_step() -> None:
    """Run the step on the functions that the plugin patched."""
    Path("figures.json").write_text(json.dumps(run(measured)))

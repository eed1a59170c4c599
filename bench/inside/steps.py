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
    """Note the seconds of a block, divided by the number of its calls.

    By default they are seconds of CPU time. The block named `first` is profiled into
    the file that `BENCH_PROFILE` names, if there is one.
    """
    profiler = None
    if name == "first" and os.environ.get("BENCH_PROFILE"):
        profiler = cProfile.Profile()
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
        kibibytes = float(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * 1024 / 1e6


def small(functions: Any, figures: Figures, count: int) -> None:
    """Call the small function once for each number, then again.

    The arguments of the second time are equal, but other objects. The figures are
    seconds of CPU time a call.
    """
    for name in ("first", "again"):
        calls = [measured.small_arguments(number) for number in range(count)]
        with timed(figures, name, per=count):
            for arguments in calls:
                functions.small(*arguments)


def large(functions: Any, figures: Figures, size: int) -> None:
    """Call the function that makes an array of `size` numbers.

    The figures are seconds of CPU time, seconds of wall time, and MB of memory. Of a
    recording, they are what it takes above making the array, which is made before,
    too.
    """
    wall_begun = time.perf_counter()
    cpu_begun = time.process_time()
    made = measured.made_large(size)
    wall_of_making = time.perf_counter() - wall_begun
    cpu_of_making = time.process_time() - cpu_begun
    del made
    memory_before = peak_memory()
    wall_begun = time.perf_counter()
    with timed(figures, "cpu", per=1):
        array = functions.large(size)
    figures["wall"] = time.perf_counter() - wall_begun
    figures["memory"] = peak_memory() - memory_before
    assert array.nbytes == 8 * size
    if not os.environ.get("BENCH_REPLAYING"):
        figures["wall"] -= wall_of_making
        figures["cpu"] -= cpu_of_making


def each(functions: Any, figures: Figures, function: str, count: int) -> None:
    """Call a function of one number for each number.

    The figure is the seconds of CPU time a call.
    """
    call = getattr(functions, function)
    with timed(figures, "first", per=count):
        for number in range(count):
            assert call(number) is not None


STEPS: dict[str, Callable[..., None]] = {"small": small, "large": large, "each": each}


def run(functions: Any) -> Figures:
    """Run the step that `BENCH_STEP` names, and return its figures.

    `until` is the seconds of CPU time that the process had taken at the end of the
    step.
    """
    figures: Figures = {}
    name, *arguments = json.loads(os.environ["BENCH_STEP"])
    if name in ("large", "each"):
        # The import of numpy is part of no contender's work.
        import numpy.random  # noqa: F401
    STEPS[name](functions, figures, *arguments)
    figures["until"] = time.process_time()
    return figures


def test_step() -> None:
    """Run the step on the functions that the plugin patched."""
    Path("figures.json").write_text(json.dumps(run(measured)))

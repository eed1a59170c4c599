"""The identity of one large argument."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import BEFORE, FLOOR, JOBLIB, OLDER, OURS
from bench.processes import INSIDE, Figures, run

_SCRIPT = str(INSIDE / "hashing.py")
# The least work that does the same: its name in `inside/hashing.py`, and in the table.
_FLOORS = {
    "memory": "xxh3 of the memory",
    "pickle5": "xxh3 of pickle 5 with buffers",
    "marshal": "xxh3 of marshal",
    "sha256": "SHA-256 of pickle",
}
# Memory that was freed is kept. Otherwise chance decides who pays for page faults,
# which take a quarter of hash_ints.
_KEEPING_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


@contextmanager
def hashed(
    bench: Bench, *, case: str, value: str, floor: str
) -> Iterator[dict[str, Measure]]:
    """A value that is made and hashed in each process.

    The figures are ms of CPU time.
    """

    def measure(contender: str) -> Figures:
        hasher = floor if contender == FLOOR else contender
        command = [str(bench.python(contender)), _SCRIPT, hasher, value]
        _, output = run(command, bench.folder, **_KEEPING_FREED_MEMORY)
        figures = json.loads(output.splitlines()[-1])
        return {case: figures["cpu"] * 1e3}

    contenders = bench.runnable(OURS, BEFORE, OLDER, JOBLIB, FLOOR)
    yield {name: partial(measure, name) for name in contenders}


def profile(bench: Bench, file: Path, *, value: str) -> None:
    """Profile the first time that the value is hashed."""
    command = [str(bench.python(OURS)), _SCRIPT, OURS, value]
    run(command, bench.folder, BENCH_PROFILE=str(file))


def _hash_case(name: str, *, value: str, floor: str) -> Case:
    """Return the case of a value, which `inside/values.py` makes."""
    return Case(
        name,
        [Row(name, "ms", floor=_FLOORS[floor])],
        partial(hashed, case=name, value=value, floor=floor),
        rounds=3,
        profile=partial(profile, value=value),
    )


CASES = [
    _hash_case("hash_bytes", value="bytes", floor="memory"),
    _hash_case("hash_bytearray", value="bytearray", floor="memory"),
    _hash_case("hash_str", value="str", floor="memory"),
    _hash_case("hash_memoryview", value="memoryview", floor="memory"),
    _hash_case("hash_BytesIO", value="BytesIO", floor="memory"),
    _hash_case("hash_array", value="array", floor="memory"),
    _hash_case("hash_frame", value="frame", floor="memory"),
    _hash_case("hash_wide", value="wide", floor="pickle5"),
    _hash_case("hash_texts_object", value="texts object", floor="pickle5"),
    _hash_case("hash_texts_arrow", value="texts arrow", floor="pickle5"),
    _hash_case("hash_ints", value="list of ints", floor="sha256"),
    _hash_case("hash_floats", value="list of floats", floor="sha256"),
    _hash_case("hash_set_of_ints", value="set of ints", floor="sha256"),
    _hash_case("hash_set_of_strs", value="set of strs", floor="sha256"),
    _hash_case("hash_datetimes", value="list of datetimes", floor="sha256"),
    _hash_case(
        "hash_zoned_datetimes", value="list of datetimes with a zone", floor="sha256"
    ),
    _hash_case("hash_pairs", value="list of pairs", floor="sha256"),
    _hash_case("hash_enums", value="list of Enum members", floor="sha256"),
    _hash_case("hash_decimals", value="list of Decimals", floor="sha256"),
    _hash_case("hash_dict", value="dict", floor="marshal"),
    _hash_case("hash_nested", value="nested", floor="marshal"),
]

"""The identity of one large argument."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import FLOOR, JOBLIB, OLDER, OURS, Bench, Case, Measure, Row
from bench.processes import INSIDE, run

FLOORS = {
    "memory": "xxh3 of the memory",
    "pickle5": "xxh3 of pickle 5 with buffers",
    "marshal": "xxh3 of marshal",
    "sha256": "SHA-256 of pickle",
}
# name of the case, of the value, the least work that does the same, limits
HASHES: list[tuple[str, str, str, dict[str, float]]] = [
    *(
        (f"hash_{kind}", kind, "memory", {FLOOR: 1.5})
        for kind in ("bytes", "bytearray", "str", "memoryview")
    ),
    ("hash_BytesIO", "BytesIO", "memory", {FLOOR: 1.5}),
    ("hash_array", "array", "memory", {OLDER: 0.04, FLOOR: 1.5}),
    ("hash_frame", "frame", "memory", {OLDER: 0.3, FLOOR: 1.5}),
    ("hash_wide", "wide", "pickle5", {JOBLIB: 1, FLOOR: 5}),
    ("hash_texts_object", "texts object", "pickle5", {FLOOR: 0.5}),
    ("hash_texts_arrow", "texts arrow", "pickle5", {OLDER: 0.6, JOBLIB: 1}),
    ("hash_ints", "list of ints", "sha256", {FLOOR: 1.2}),
    ("hash_floats", "list of floats", "sha256", {FLOOR: 1}),
    ("hash_set_of_ints", "set of ints", "sha256", {OLDER: 0.6, FLOOR: 2}),
    ("hash_set_of_strs", "set of strs", "sha256", {OLDER: 0.6, FLOOR: 2}),
    ("hash_datetimes", "list of datetimes", "sha256", {OLDER: 0.6, FLOOR: 0.8}),
    (
        "hash_zoned_datetimes",
        "list of datetimes with a zone",
        "sha256",
        {OLDER: 0.6, FLOOR: 0.8},
    ),
    ("hash_pairs", "list of pairs", "sha256", {FLOOR: 1}),
    ("hash_enums", "list of Enum members", "sha256", {OLDER: 0.6, OURS: 5}),
    ("hash_decimals", "list of Decimals", "sha256", {FLOOR: 1}),
    ("hash_dict", "dict", "marshal", {OLDER: 0.4, FLOOR: 1.8}),
    ("hash_nested", "nested", "marshal", {OLDER: 0.45, JOBLIB: 0.05, FLOOR: 2.2}),
]
MEMORY = "hash_bytes, memory"
# Memory that was freed is kept. Otherwise chance decides who pays for page faults,
# which take a quarter of hash_ints.
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


@contextmanager
def hashed(
    bench: Bench, case: str, value: str, floor: str
) -> Iterator[dict[str, Measure]]:
    """The value, made and hashed in each process."""

    def measure(contender: str) -> dict[str, float]:
        script = str(INSIDE / "hashing.py")
        hasher = floor if contender == FLOOR else contender
        _, output = run(
            [str(bench.python(contender)), script, hasher, value], bench.folder, **KEPT
        )
        figures = json.loads(output.splitlines()[-1])
        return {case: figures["cpu"] * 1e3, f"{case}, memory": figures["memory"]}

    there = [
        who
        for who in (OURS, OLDER, JOBLIB, FLOOR)
        if who == FLOOR or who in bench.pythons
    ]
    yield {contender: partial(measure, contender) for contender in there}


def profile(bench: Bench, file: Path, *, value: str) -> None:
    """Profile the first time that the value is hashed."""
    run(
        [str(bench.python(OURS)), str(INSIDE / "hashing.py"), OURS, value],
        bench.folder,
        BENCH_PROFILE=str(file),
    )


CASES = [
    Case(
        case,
        [
            Row(case, "ms", limits, floor=FLOORS[floor]),
            *(
                [Row(MEMORY, "MB", {OURS: 1}, floor=FLOORS[floor])]
                if case == "hash_bytes"
                else []
            ),
        ],
        partial(hashed, case=case, value=value, floor=floor),
        rounds=3,
        profile=partial(profile, value=value),
    )
    for case, value, floor, limits in HASHES
]

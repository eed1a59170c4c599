"""Milliseconds of CPU to take the identity of large arguments, against the least work that does it. Figures only.

python tests/bench/hash.py [case ...]
"""

from __future__ import annotations

import hashlib
import marshal
import pickle
import random
import sys
import time

import xxhash

from pytest_mimic._identity import CallIdentity

ROUNDS = 5


def by_marshal(value):
    return xxhash.xxh3_128_hexdigest(marshal.dumps(value, 2))


def by_pickle(value):
    return hashlib.sha256(pickle.dumps(value)).hexdigest()


def by_memory(value):
    return xxhash.xxh3_128_hexdigest(value.data)


def by_column(frame):
    digest = xxhash.xxh3_128()
    for name in frame.columns:
        values = frame[name]
        plain = values.dtype.kind in "fi"
        text = None if plain else "\0".join(values.to_numpy(dtype=object))
        digest.update(values.to_numpy().data if text is None else text.encode())
    return digest.hexdigest()


def array():
    import numpy as np

    return np.random.default_rng(1).random(25_000_000)


def frame():
    import numpy as np
    import pandas as pd

    n, rng = 1_000_000, np.random.default_rng(1)
    names = [f"user-{k * 7919 % 1_000_003:07}" for k in range(n)]
    return pd.DataFrame(
        {"a": rng.random(n), "b": rng.integers(0, 1000, n), "c": rng.normal(size=n), "name": names}
    )


def rows(n=200_000):
    return [{"id": k, "name": f"n{k}", "ok": True, "w": k / 3} for k in range(n)]


def shuffled():
    keys = list(range(100_000))
    random.Random(1).shuffle(keys)
    return {f"key-{k:06}": k for k in keys}


CASES = {
    "array": (array, by_memory),
    "frame": (frame, by_column),
    "dict": (lambda: {f"key-{k:06}": k for k in range(100_000)}, by_marshal),
    "nested": (rows, by_marshal),
    "dict in random order": (shuffled, by_pickle),
    "rows in two key orders": (
        lambda: [dict(reversed(row.items())) if row["id"] % 2 else row for row in rows()],
        by_pickle,
    ),
    "rows that share no string": (
        lambda: [{"".join(list(key)): item for key, item in row.items()} for row in rows()],
        by_pickle,
    ),
    "rows with a list and a dict": (
        lambda: [
            {**row, "tags": ["a", row["name"], row["id"]], "meta": {"w": row["w"]}} for row in rows(100_000)
        ],
        by_pickle,
    ),
    "rows of seven shapes": (lambda: [{**row, f"x{row['id'] % 7}": row["id"]} for row in rows()], by_pickle),
}


def milliseconds(function, value):
    """CPU time of one call."""
    start = time.process_time()
    function(value)
    return (time.process_time() - start) * 1e3


def main(names):
    calls = CallIdentity("bench:takes", ("x",))
    for name in names or CASES:
        make, floor = CASES[name]
        value = make()
        ours, least = [], []
        for _ in range(ROUNDS):
            ours.append(milliseconds(lambda value: calls.key((value,)), value))
            least.append(milliseconds(floor, value))
        print(
            f"{name:30} {min(ours):8.2f} ms   {floor.__name__:10} {min(least):8.2f} ms   {min(ours) / min(least):5.2f}x"
        )
    small = CallIdentity("bench:small", ("i", "s", "d"))
    arguments = [(i, f"item-{i:06}", {f"key{j}": i * 10 + j for j in range(10)}) for i in range(10_000)]
    took = min(
        milliseconds(lambda calls: [small.key(one) for one in calls], arguments) for _ in range(ROUNDS)
    )
    print(f"{'small call':30} {took / 10:8.2f} µs")


if __name__ == "__main__":
    main(sys.argv[1:])

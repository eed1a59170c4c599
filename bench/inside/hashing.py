"""Hashes one large value.

`hashing.py HASHER VALUE` prints the least CPU seconds of several times.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import pickle
import sys
from collections.abc import Callable
from typing import Any

from steps import Figures, timed
from values import VALUES
from xxhash import xxh3_128, xxh3_128_hexdigest

Hasher = Callable[[Any], object]
LIBRARIES = ("ours", "before", "0.2.0", "joblib")
MOST_TIMES = 4
# Seconds of CPU time after which a value is not hashed once more.
LONGEST = 1.5


def hasher_of_older() -> Hasher:
    """Return what gives the identity of a call in pytest-mimic 0.2.0."""
    import measured
    from pytest_mimic.mimic_manager import compute_hash

    def hash_argument(value: Any) -> object:
        return compute_hash(measured.fetch, (value,), {})

    return hash_argument


def hash_memory(value: Any) -> object:
    """xxh3 of the bytes as they lie in memory.

    The columns of a frame are hashed one after the other.
    """
    if isinstance(value, str):
        return xxh3_128_hexdigest(value.encode())
    if hasattr(value, "getbuffer"):
        return xxh3_128_hexdigest(value.getbuffer())
    if not hasattr(value, "columns"):
        return xxh3_128_hexdigest(value)
    digest = xxh3_128()
    for name in value.columns:
        column = value[name].to_numpy()
        if column.dtype.kind in "fi":
            digest.update(column.data)
        else:
            digest.update("\0".join(column).encode())
    return digest.hexdigest()


def hash_pickle5(value: Any) -> object:
    """xxh3 of a pickle with its buffers out of band."""
    buffers: list[pickle.PickleBuffer] = []
    digest = xxh3_128(pickle.dumps(value, 5, buffer_callback=buffers.append))
    for buffer in buffers:
        digest.update(buffer.raw())
    return digest.hexdigest()


def hash_marshal(value: Any) -> object:
    """xxh3 of marshal 2, the last version that looks for no object that comes twice."""
    return xxh3_128_hexdigest(marshal.dumps(value, 2))


def hash_sha256(value: Any) -> object:
    """SHA-256 of a pickle."""
    return hashlib.sha256(pickle.dumps(value)).hexdigest()


FLOORS: dict[str, Hasher] = {
    "memory": hash_memory,
    "pickle5": hash_pickle5,
    "marshal": hash_marshal,
    "sha256": hash_sha256,
}


def hasher_named(name: str) -> Hasher:
    """Return a hasher. No other library is imported."""
    if name in ("ours", "before"):
        from pytest_mimic import fingerprint

        return fingerprint
    if name == "0.2.0":
        return hasher_of_older()
    if name == "joblib":
        import joblib

        hasher_of_joblib: Hasher = joblib.hash
        return hasher_of_joblib
    return FLOORS[name]


def main(hasher_name: str, value_name: str) -> None:
    """Print the figures."""
    hasher = hasher_named(hasher_name)
    value = VALUES[value_name]()
    if hasher_name in LIBRARIES:
        # A small value first loads what is loaded on first use.
        hasher([1, "a", b"a"])
    figures: Figures = {}
    with timed(figures, "first", per=1):
        hasher(value)
    times = [figures["first"]]
    while len(times) < MOST_TIMES and sum(times) < LONGEST:
        with timed(figures, "again", per=1):
            hasher(value)
        times.append(figures["again"])
    print(json.dumps({"cpu": min(times)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Hashes one large value: `hashing.py HASHER VALUE` prints the least CPU seconds of several times, and peak memory."""

from __future__ import annotations

import hashlib
import json
import marshal
import pickle
import sys
from collections.abc import Callable
from typing import Any

from steps import Figures, peak_memory, timed
from values import VALUES
from xxhash import xxh3_128, xxh3_128_hexdigest


def ours() -> Callable[[Any], object]:
    from pytest_mimic import fingerprint

    return fingerprint


def older() -> Callable[[Any], object]:
    import measured
    from pytest_mimic.mimic_manager import compute_hash

    return lambda value: compute_hash(measured.fetch, (value,), {})


def joblib() -> Callable[[Any], object]:
    import joblib

    hasher: Callable[[Any], object] = joblib.hash
    return hasher


def memory(value: Any) -> object:
    """xxh3 of the bytes as they lie in memory, or of the columns of a frame one after the other."""
    if isinstance(value, str):
        return xxh3_128_hexdigest(value.encode())
    if hasattr(value, "getbuffer"):
        return xxh3_128_hexdigest(value.getbuffer())
    if not hasattr(value, "columns"):
        return xxh3_128_hexdigest(value)
    digest = xxh3_128()
    for name in value.columns:
        column = value[name].to_numpy()
        digest.update(
            column.data if column.dtype.kind in "fi" else "\0".join(column).encode()
        )
    return digest.hexdigest()


def pickle5(value: Any) -> object:
    """xxh3 of a pickle with its buffers out of band."""
    buffers: list[pickle.PickleBuffer] = []
    digest = xxh3_128(pickle.dumps(value, 5, buffer_callback=buffers.append))
    for buffer in buffers:
        digest.update(buffer.raw())
    return digest.hexdigest()


HASHERS: dict[str, Callable[[], Callable[[Any], object]]] = {
    "ours": ours,
    "0.2.0": older,
    "joblib": joblib,
    "memory": lambda: memory,
    "pickle5": lambda: pickle5,
    "marshal": lambda: lambda value: xxh3_128_hexdigest(marshal.dumps(value, 2)),
    "sha256": lambda: lambda value: hashlib.sha256(pickle.dumps(value)).hexdigest(),
}


def main(name: str, value_name: str) -> None:
    """Print the figures."""
    hasher, value = HASHERS[name](), VALUES[value_name]()
    if name in ("ours", "0.2.0", "joblib"):
        hasher([1, "a", b"a"])  # loads what is loaded on first use
    figures: Figures = {}
    before = peak_memory()
    with timed(figures, "first", per=1):
        hasher(value)
    figures["memory"] = peak_memory() - before
    times = [figures["first"]]
    while len(times) < 4 and sum(times) < 1.5:
        with timed(figures, "again", per=1):
            hasher(value)
        times.append(figures["again"])
    print(json.dumps({"cpu": min(times), "memory": figures["memory"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])

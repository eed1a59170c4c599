"""Runs a step through a library, or through the least work that does the same.

`libraries.py NAME` prints the figures of the step that `BENCH_STEP` names.
"""

# Paths are texts here, because a Path would be part of the floor's time.
# ruff: noqa: PTH104, PTH123
from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import measured
import steps

Function = Callable[..., Any]
VAULT = Path("vault")


def joblib(function: Function) -> Function:
    """Return the function as joblib.Memory caches it."""
    from joblib import Memory

    cached_function: Function = Memory(VAULT, verbose=0).cache(function)
    return cached_function


def files(function: Function) -> Function:
    """Keep each call in a file of its own, named by xxh3 of the pickled arguments."""
    from xxhash import xxh3_128_hexdigest

    folder = str(VAULT)

    def call(*arguments: object) -> Any:
        path = f"{folder}/{xxh3_128_hexdigest(pickle.dumps(arguments, 5))}"
        try:
            with open(path, "rb", 0) as file:
                return pickle.loads(file.read())
        except FileNotFoundError:
            outcome = function(*arguments)
            with open(f"{path}.tmp", "wb", 0) as file:
                file.write(pickle.dumps(outcome, 5))
            os.rename(f"{path}.tmp", path)
            return outcome

    return call


def npy(function: Function) -> Function:
    """Keep the array, the same for all calls, in a file of numpy's own."""
    import numpy as np

    path = VAULT / "array.npy"

    def call(*arguments: object) -> Any:
        if path.exists():
            return np.load(path)
        outcome = function(*arguments)
        np.save(path, outcome)
        return outcome

    return call


def zstd(function: Function) -> Function:
    """Keep each different outcome once, pickled and compressed.

    An index has the name of the outcome's file for each call.
    """
    from xxhash import xxh3_128_hexdigest

    try:
        from compression import zstd as codec
    except ImportError:
        from backports import zstd as codec

    index = VAULT / f"{function.__name__}.json"
    names_of_outcomes = {}
    if index.exists():
        names_of_outcomes = json.loads(index.read_text())

    def call(number: int) -> Any:
        key = f"{function.__name__} {number}"
        if key in names_of_outcomes:
            compressed = (VAULT / names_of_outcomes[key]).read_bytes()
            return pickle.loads(codec.decompress(compressed))
        outcome = function(number)
        data = pickle.dumps(outcome, 5)
        names_of_outcomes[key] = xxh3_128_hexdigest(data)
        file = VAULT / names_of_outcomes[key]
        if not file.exists():
            file.write_bytes(codec.compress(data))
        index.write_text(json.dumps(names_of_outcomes))
        return outcome

    return call


DECORATORS: dict[str, Callable[[Function], Function]] = {
    "joblib": joblib,
    "files": files,
    "npy": npy,
    "zstd": zstd,
}


def main(name: str) -> None:
    """Print the figures of the step."""
    VAULT.mkdir(exist_ok=True)
    decorate = DECORATORS[name]
    functions = {}
    for function_name in measured.NAMES:
        functions[function_name] = decorate(getattr(measured, function_name))
    print(json.dumps(steps.run(SimpleNamespace(**functions))))


if __name__ == "__main__":
    main(sys.argv[1])

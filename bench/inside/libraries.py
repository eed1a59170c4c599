"""Runs a step through a library, or through the least work that does the same: `libraries.py NAME`."""

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


def joblib() -> Callable[[Function], Function]:
    """Return the decorator of joblib.Memory."""
    from joblib import Memory

    decorate: Callable[[Function], Function] = Memory(VAULT, verbose=0).cache
    return decorate


def files() -> Callable[[Function], Function]:
    """One file for each call, named by xxh3 of the pickled arguments."""
    from xxhash import xxh3_128_hexdigest

    VAULT.mkdir(exist_ok=True)
    folder = str(VAULT)

    def decorate(function: Function) -> Function:
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

    return decorate


def npy() -> Callable[[Function], Function]:
    """The array in a file of numpy's own."""
    import numpy as np

    VAULT.mkdir(exist_ok=True)

    def decorate(function: Function) -> Function:
        def call(*arguments: object) -> Any:
            path = VAULT / "array.npy"
            if path.exists():
                return np.load(path)
            outcome = function(*arguments)
            np.save(path, outcome)
            return outcome

        return call

    return decorate


def zstd() -> Callable[[Function], Function]:
    """Each different outcome pickled and compressed once; an index has the outcome of each call."""
    from xxhash import xxh3_128_hexdigest

    try:
        from compression import zstd as codec
    except ImportError:
        from backports import zstd as codec

    VAULT.mkdir(exist_ok=True)
    index = VAULT / "index.json"
    names = json.loads(index.read_text()) if index.exists() else {}

    def decorate(function: Function) -> Function:
        def call(number: int) -> Any:
            key = f"{function.__name__} {number}"
            if key in names:
                return pickle.loads(codec.decompress((VAULT / names[key]).read_bytes()))
            outcome = function(number)
            data = pickle.dumps(outcome, 5)
            names[key] = xxh3_128_hexdigest(data)
            if not (VAULT / names[key]).exists():
                (VAULT / names[key]).write_bytes(codec.compress(data))
            index.write_text(json.dumps(names))
            return outcome

        return call

    return decorate


def main(name: str) -> None:
    """Print the figures of the step."""
    decorate = {"joblib": joblib, "files": files, "npy": npy, "zstd": zstd}[name]()
    functions = {
        target: decorate(getattr(measured, target)) for target in measured.TARGETS
    }
    print(json.dumps(steps.run(SimpleNamespace(**functions))))


if __name__ == "__main__":
    main(sys.argv[1])

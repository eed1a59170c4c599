"""The tables of values in other processes: no value has another identity under another hash seed or Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import pytest_mimic
from values import test_identity
from values.told_apart import identity_or_refusal

TESTS = Path(__file__).parents[1]
LIBRARIES = "values.test_identity_of_libraries"

# These count by the code or the names of a library, or of what Python has rewritten in
# C (`normpath`), which differ by version.
BY_VERSION = (
    "dtypes",
    "os.path",
    "functions of Cython",
    "numpy rest",
    "polars rest",
    "scipy rest",
    "sparse coordinates",
    "PIL rest",
)

# What one pandas gives by itself, texts that are `str`, is `object` in an older one, which
# counts as what somebody has asked for in the newer.
BY_PANDAS = ("frame", "texts", "categories", "zoned", "sparse", "arrow")

SCRIPT = """
import json
from values.test_identity_elsewhere import identities
print(json.dumps(identities()))
"""


def identities():
    """Return the identity of each value of both tables, by row and expression; `-`: it is refused.

    Beside them stands the version of pandas. The table of libraries is left out where one of them is not installed.
    """
    tables = [test_identity]
    try:
        tables.append(__import__(LIBRARIES, fromlist=["ROWS"]))
    except pytest.skip.Exception:
        pass
    pandas = sys.modules.get("pandas")
    found = {"pandas": getattr(pandas, "__version__", "-").partition(".")[0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in tables:
            for row, (expression, _, different) in table.ROWS.items():
                for text in (expression, *different):
                    identity = identity_or_refusal(table.made(text))
                    is_refused = identity.startswith("refused")
                    found[f"{row}: {text}"] = "-" if is_refused else identity
    return found


def identities_of(python, *, seed):
    """Return the identities as another process has them."""
    folders = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [python, "-W", "ignore", "-c", SCRIPT],
        env={
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(folders),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_another_process_has_the_same_identities():
    """In processes of their own: a value of the table may change by use, as a matrix of scipy does."""
    one, other = (identities_of(sys.executable, seed=seed) for seed in ("0", "4242"))

    assert one == other


def other_pythons():
    """Return an interpreter of each other Python whose environment has the product.

    They stand in MIMIC_PYTHONS, or are those of tox.
    """
    listed = os.environ.get("MIMIC_PYTHONS")
    names = (
        listed.split(os.pathsep) if listed else TESTS.parent.glob(".tox/*/bin/python")
    )
    asks = "import pytest_mimic as ours, sys; print(ours.__version__, sys.version_info[:2])"
    version = pytest_mimic.__version__
    found = {f"{version} {sys.version_info[:2]}": sys.executable}
    for name in map(str, names):
        done = subprocess.run(
            [name, "-c", asks],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stdout.startswith(version):
            found.setdefault(done.stdout.strip(), name)
    return [*found.values()][1:]


def test_other_pythons_have_the_same_identities():
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no environment of another Python has this product")
    here = identities_of(sys.executable, seed="0")

    differing = {}
    for python in pythons:
        there = identities_of(python, seed="7")
        is_same_pandas = there.pop("pandas") == here["pandas"]
        left_out = BY_VERSION if is_same_pandas else (*BY_VERSION, *BY_PANDAS)
        differing[python] = [
            name
            for name in there
            if there[name] != here[name] and not name.startswith(left_out)
        ]

    assert differing == {python: [] for python in pythons}

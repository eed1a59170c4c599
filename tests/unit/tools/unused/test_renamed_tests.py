"""Which tests were renamed, so that they get the recordings of tests that are gone."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.unused.judging import GoneTests
from pytest_mimic._tools.unused.renamed_tests import moved_tests
from unit.tools.rekey.vaults import TARGET, file_of, vault_of

ARGUMENTS = {"n": 1}


def recorded_by(*tests: str) -> Vault:
    """Return a vault in which each of these tests has recorded the same call."""
    facts = [{"arguments": ARGUMENTS, "owner": test, "test": test} for test in tests]
    return vault_of(*facts)


def moves_to(*tests: str, vault: Vault, rootdir: Path) -> list[tuple[str, str]]:
    """Return the moves to tests that miss the call, where only files below `rootdir` exist."""
    _, content = file_of(ARGUMENTS, owner="test_a.py::test_x")
    key = json.loads(content)["identity"]
    settings: Any = SimpleNamespace(rootdir=rootdir, is_shared=False)
    gone_tests = GoneTests(Account(), settings)
    missing = dict.fromkeys(tests, key)
    moves = moved_tests(vault, missing, gone_tests, targets=[TARGET])
    return [(move.gone, move.renamed) for move in moves.certain]


@pytest.mark.parametrize(
    ("recorders", "tests", "moves"),
    [
        pytest.param(
            ["test_a.py::test_x"],
            ["test_a.py::test_y"],
            [("test_a.py::test_x", "test_a.py::test_y")],
            id="another name",
        ),
        pytest.param(
            ["test_a.py::test_x"],
            ["test_b.py::test_x"],
            [("test_a.py", "test_b.py")],
            id="another file",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_c.py::test_z"],
            ["test_b.py::test_x"],
            [("test_a.py", "test_b.py")],
            id="the one of two with the same name",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_c.py::test_x"],
            ["test_b.py::test_x"],
            [],
            id="one of two with the same name",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_b.py::test_x"],
            ["test_b.py::test_x"],
            [],
            id="a test with recordings of its own",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_a.py::test_y", "test_b.py::test_y"],
            ["test_b.py::test_x"],
            [("test_a.py::test_x", "test_b.py::test_x")],
            id="a file where another test has recordings",
        ),
        pytest.param([], ["test_b.py::test_x"], [], id="nobody recorded the call"),
        pytest.param(
            ["test_a.py::TestOld::test_x", "test_a.py::TestOld::test_y"],
            ["test_a.py::TestNew::test_y", "test_a.py::TestNew::test_x"],
            [("test_a.py::TestOld", "test_a.py::TestNew")],
            id="another class",
        ),
        pytest.param(
            ["test_a.py::test_x[1]", "test_a.py::test_x[2]"],
            ["test_a.py::test_y[2]", "test_a.py::test_y[1]"],
            [
                ("test_a.py::test_x[1]", "test_a.py::test_y[1]"),
                ("test_a.py::test_x[2]", "test_a.py::test_y[2]"),
            ],
            id="the cases of a function",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_a.py::test_y"],
            ["test_b.py::test_x", "test_b.py::test_z"],
            [
                ("test_a.py::test_x", "test_b.py::test_x"),
                ("test_a.py::test_y", "test_b.py::test_z"),
            ],
            id="what is left",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_a.py::test_y"],
            ["test_a.py::test_v", "test_a.py::test_w"],
            [],
            id="no common name",
        ),
        pytest.param(
            ["test_a.py::test_x", "test_b.py::test_y[1]"],
            ["test_b.py::test_y[2]"],
            [("test_b.py::test_y[1]", "test_b.py::test_y[2]")],
            id="other parameters of a function that has recordings",
        ),
        pytest.param(
            ["test_b.py::test_y[1]"],
            ["test_b.py::test_new", "test_b.py::test_y[2]"],
            [("test_b.py::test_y[1]", "test_b.py::test_y[2]")],
            id="a new test beside other parameters",
        ),
    ],
)
def test_a_renamed_test_gets_the_recordings_of_the_one_that_is_gone(
    tmp_path: Path,
    recorders: list[str],
    tests: list[str],
    moves: list[tuple[str, str]],
) -> None:
    assert moves_to(*tests, vault=recorded_by(*recorders), rootdir=tmp_path) == moves


def test_the_recordings_of_a_test_that_may_exist_stay(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_x(): ...\n")
    vault = recorded_by("test_a.py::test_x")

    assert moves_to("test_b.py::test_x", vault=vault, rootdir=tmp_path) == []


def test_new_parameters_of_a_recorded_function_are_no_renamed_test(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_b.py").write_text("def test_y(n): ...\n")
    vault = recorded_by("test_a.py::test_x", "test_b.py::test_y[1]")

    assert moves_to("test_b.py::test_y[2]", vault=vault, rootdir=tmp_path) == []

"""The ids of tests, and the commands that run them again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_mimic._core.ambient import command_for, naming, plain_id, without_group


@pytest.mark.parametrize(
    ("nodeid", "plain"),
    [
        ("test_a.py::test_b@group", "test_a.py::test_b"),
        ("test_a.py::test_b[x@y]", "test_a.py::test_b[x@y]"),
        ("a@b/test_a.py::test_b", "a@b/test_a.py::test_b"),
        ("test_a.py@b", "test_a.py@b"),
    ],
)
def test_an_id_has_no_group_of_xdist(nodeid: str, plain: str) -> None:
    assert without_group(nodeid) == plain


def test_the_id_of_a_file_elsewhere_has_its_path() -> None:
    def node(path: str, nodeid: str) -> SimpleNamespace:
        return SimpleNamespace(
            nodeid=nodeid,
            path=Path(path),
            config=SimpleNamespace(rootpath=Path("/work/shop")),
        )

    assert (
        plain_id(node("/work/shop/t/test_a.py", "t/test_a.py::test_b"))
        == "t/test_a.py::test_b"
    )
    assert (
        plain_id(node("/work/other/test_a.py", "test_a.py::test_b"))
        == "../other/test_a.py::test_b"
    )


def test_a_command_names_few_tests_else_their_files_else_none() -> None:
    of_one_file = [f"test_a.py::test_{n}" for n in range(5)]
    of_many = [f"test_{n}.py::test_a" for n in range(5)]

    assert (
        command_for("--x", of_one_file[:2] * 2)
        == "pytest --x test_a.py::test_0 test_a.py::test_1"
    )
    assert command_for("--x", of_one_file) == "pytest --x test_a.py"
    assert command_for("--x", of_many, "-v") == "pytest --x -v"
    assert command_for("--x", of_many, last_failed=True) == "pytest --x --lf"
    assert command_for("--x", [*of_many, None], last_failed=True) == "pytest --x"


def test_an_error_tells_how_to_record_for_the_test_that_failed() -> None:
    lines = [
        "a miss",
        "  record it: pytest --mimic-record",
        "  or: pytest --mimic-rerecord test_z.py",
    ]

    assert naming("test_a.py::test_b", "test_z.py", lines) == [
        "a miss",
        "  record it: pytest --mimic-record test_a.py::test_b",
        "  or: pytest --mimic-rerecord test_a.py::test_b",
    ]

"""Whether a run's selection is complete, as judging unused recordings needs it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from pytest_mimic._selection import narrowed_by

PART = ["only a part of the tests was named"]


@pytest.fixture
def rootdir(tmp_path: Path) -> Path:
    """A project with tests in two folders, one of them deep."""
    for name in ("tests/test_a.py", "pkg/deep/tests/test_b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("started_in", "args", "testpaths", "expected"),
    [
        pytest.param(".", ["."], [], [], id="the rootdir"),
        pytest.param(".", ["tests"], [], PART, id="a folder, nothing configured"),
        pytest.param(".", ["tests"], ["tests"], [], id="the configured folder"),
        pytest.param(".", ["tests/test_a.py"], ["tests"], PART, id="a file of the configured folder"),
        pytest.param(".", ["tests/test_a.py"], ["tests/test_a.py"], [], id="the configured file"),
        pytest.param(".", ["tests"], ["tests", "pkg"], PART, id="one of two configured folders"),
        pytest.param("tests", ["."], [], PART, id="a folder, from within it"),
        pytest.param("tests", [".."], [], [], id="the rootdir, from below it"),
        pytest.param("tests", ["."], ["tests"], [], id="the configured folder, from within it"),
        pytest.param(".", ["pkg/deep/tests"], ["**/tests"], PART, id="one folder of a recursive pattern"),
        pytest.param(".", ["tests", "pkg"], ["**/tests"], [], id="all folders of a recursive pattern"),
        pytest.param(".", ["tests"], ["gone"], PART, id="a configured folder that is not there"),
        pytest.param(".", ["."], ["gone"], [], id="the rootdir instead of a folder that is not there"),
    ],
)
def test_a_part_of_the_tests_is_told_from_all_of_them(
    rootdir: Path, started_in: str, args: list[str], testpaths: list[str], expected: list[str]
) -> None:
    """What pytest would collect by itself is all; paths are relative to where it was started."""
    reasons = narrowed_by(
        Namespace(), args=args, testpaths=testpaths, rootdir=rootdir, cwd=rootdir / started_in
    )

    assert reasons == expected


def test_each_option_that_narrows_is_named(rootdir: Path) -> None:
    """All reasons are told, not the first alone."""
    option = Namespace(keyword="a", markexpr="", ignore=None, lf=True)

    reasons = narrowed_by(option, args=["tests"], testpaths=[], rootdir=rootdir, cwd=rootdir)

    assert reasons == ["-k was given", "--lf was given", *PART]

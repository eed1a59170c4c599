"""Complete and partial selections of tests, and tests that no longer exist."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._run.selected_tests import SelectedTests, note_selection

PART = ["only a part of the tests was named"]


@pytest.fixture
def rootdir(tmp_path: Path) -> Path:
    """A project with tests in two folders, one of them nested."""
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
        pytest.param(
            ".",
            ["tests/test_a.py"],
            ["tests"],
            PART,
            id="a file of the configured folder",
        ),
        pytest.param(
            ".", ["tests/test_a.py"], ["tests/test_a.py"], [], id="the configured file"
        ),
        pytest.param(
            ".", ["tests"], ["tests", "pkg"], PART, id="one of two configured folders"
        ),
        pytest.param("tests", ["."], [], PART, id="a folder, from within it"),
        pytest.param("tests", [".."], [], [], id="the rootdir, from below it"),
        pytest.param(
            "tests", ["."], ["tests"], [], id="the configured folder, from within it"
        ),
        pytest.param(
            ".",
            ["pkg/deep/tests"],
            ["**/tests"],
            PART,
            id="one folder of a recursive pattern",
        ),
        pytest.param(
            ".",
            ["tests", "pkg"],
            ["**/tests"],
            [],
            id="all folders of a recursive pattern",
        ),
        pytest.param(
            ".", ["tests"], ["gone"], PART, id="a configured folder that does not exist"
        ),
        pytest.param(
            ".",
            ["."],
            ["gone"],
            [],
            id="the rootdir instead of a folder that does not exist",
        ),
    ],
)
def test_a_partial_selection_is_recognised(
    rootdir: Path,
    started_in: str,
    args: list[str],
    testpaths: list[str],
    expected: list[str],
) -> None:
    account = Account()
    cwd = rootdir / started_in

    note_selection(
        account, Namespace(), args=args, testpaths=testpaths, rootdir=rootdir, cwd=cwd
    )

    assert account.hiding == expected
    assert (account.wanted == account.covered) is (not expected)


def test_each_option_that_narrows_is_named(rootdir: Path) -> None:
    option = Namespace(keyword="a", markexpr="", ignore=None, lf=True)

    account = Account()

    note_selection(
        account, option, args=["tests"], testpaths=[], rootdir=rootdir, cwd=rootdir
    )

    assert (account.deselected, account.hiding) == (
        ["-k was given"],
        ["--lf was given", *PART],
    )


@pytest.mark.parametrize("again", ["rerun", "retried"])
def test_an_attempt_before_another_one_does_not_count(
    pytestconfig: pytest.Config, again: str
) -> None:
    """pytest-rerunfailures and pytest-retry each have a word for such an attempt."""
    account = Account()
    tests = SelectedTests(pytestconfig, account)

    for outcome in (again, "passed"):
        report = pytest.TestReport(
            nodeid="test_a.py::test_it",
            location=("test_a.py", 0, "test_it"),
            keywords={},
            outcome=outcome,
            longrepr=None,
            when="call",
        )
        tests.pytest_runtest_logreport(report)

    assert account.outcomes == {"test_a.py::test_it": "passed"}

"""The page of promises names tests that there are, and a whole run notices one that does not run."""

from __future__ import annotations

import os
import re

import pytest
from promises import PAGE, REPOSITORY, named, written

BULLETS = re.split(r"\n(?=- |#)", PAGE.read_text(encoding="utf-8"))
PROMISES = [bullet for bullet in BULLETS if bullet.startswith("- ")]


def test_each_name_on_the_page_is_a_test():
    """Of that file, and not skipped everywhere."""
    known = {
        f"{file}::{test}"
        for file in {name.partition("::")[0] for name in named()}
        for test in written(REPOSITORY / file)
    }

    assert named() - known == set()


@pytest.mark.parametrize("promise", PROMISES, ids=[bullet.splitlines()[0][2:] for bullet in PROMISES])
def test_each_promise_names_a_test(promise):
    """A sentence, and the ids below it."""
    assert re.search(r"\n  - `tests/", promise)


SUITE = """
    import pytest

    def test_runs(): pass

    @pytest.mark.parametrize("n", [1, 2])
    def test_skipped(n): pytest.skip("no server")

    def test_left_out(): pass
"""
ITS_PAGE = "`tests/test_it.py::test_runs` `tests/test_it.py::test_skipped` `tests/test_it.py::test_left_out`"


@pytest.fixture
def suite(project, pytestconfig):
    """A suite with a page of promises, one of which a conftest may leave out."""
    project.ini(testpaths="tests")
    project.write("tests/test_it.py", SUITE)
    project.write("promises.md", ITS_PAGE)
    project.monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests"), prepend=os.pathsep)
    conftest = """
        import pathlib
        from promises import PromisesRan

        def pytest_configure(config):
            config.pluginmanager.register(PromisesRan(pathlib.Path("promises.md")))

        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if item.name not in LEFT_OUT]
        """
    return lambda left_out: (
        project.write("tests/conftest.py", conftest.replace("LEFT_OUT", left_out)) and project
    )


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["here", "xdist"])
def test_a_whole_run_tells_what_did_not_run(suite, workers):
    """One that was skipped with its reason; one that was left out makes the run fail."""
    skipped = "tests/test_it.py::test_skipped: no server"
    left_out = "tests/test_it.py::test_left_out: did not run"

    suite("[]").run(*workers, process=True).expect(passed=2, skipped=2, says=[skipped], never=[left_out])
    suite("['test_left_out']").run(*workers, process=True).expect(
        exit_code=1, passed=1, skipped=2, says=[skipped, left_out]
    )
    suite("['test_left_out']").run("-k", "runs", process=True).expect(
        passed=1, deselected=2, never=["promises not shown"]
    )

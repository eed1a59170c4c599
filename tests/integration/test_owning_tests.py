"""Section 8, `import`: the tests that cassettes of pytest-recording belong to."""

from __future__ import annotations

import re

import pytest


def test_a_cassette_whose_test_is_gone_is_named(project, take_over, keep):
    project.ini("requests")
    project.write("tests/test_api.py", "class TestBase: pass\n")
    keep("plain.json", "tests/cassettes/test_api/test_gone.json")
    keep("plain.json", "tests/cassettes/test_api/TestBase.test_gone.json")

    code, said = take_over("tests")

    assert code == 1
    assert "tests/test_api.py has no test test_gone" in said
    assert "tests/test_api.py has no test TestBase::test_gone" in said


def test_the_tests_are_collected_where_a_name_leaves_them_open(
    project, take_over, keep
):
    """pytest-recording writes `-` for signs that a file's name may not have, and a class may inherit its tests."""
    project.ini("requests")
    project.write("tests/base.py", "class Base:\n    def test_inherited(self): pass\n")
    project.write(
        "tests/test_api.py",
        """
        import pytest
        from base import Base

        class TestOuter:
            class TestInner(Base):
                pass

        @pytest.mark.parametrize("url", ["http://a", "b-c", "d/e", "d:e"])
        def test_url(url): pass
        """,
    )
    for name in (
        "TestInner.test_inherited",
        "test_url[http---a]",
        "test_url[b-c]",
        "test_url[d-e]",
        "gone",
    ):
        keep("plain.json", f"tests/cassettes/test_api/{name}.json")

    code, said = take_over("tests")

    assert code == 1
    assert sorted(re.findall(r"-> tests/test_api.py::(.*) \(2 calls\)", said)) == [
        "TestOuter::TestInner::test_inherited",
        "test_url[b-c]",
        "test_url[d/e]",
        "test_url[d:e]",
        "test_url[http://a]",
    ]
    assert "gone.json: tests/test_api.py has no test gone" in said


PARAMETRIZED = """
    import pytest

    @pytest.mark.vcr
    @pytest.mark.block_network
    @pytest.mark.parametrize("path", ["x/y"])
    def test_get(path): pass
"""


def test_marks_of_pytest_recording_do_not_keep_tests_from_being_collected(
    project, take_over, keep
):
    project.ini("http", addopts="--strict-markers")
    project.write("tests/test_api.py", PARAMETRIZED)
    keep("plain.json", "tests/cassettes/test_api/test_get[x-y].json")

    code, said = take_over("tests")

    assert code == 0
    assert "-> tests/test_api.py::test_get[x/y] (" in said


@pytest.mark.parametrize(
    ("addopts", "database", "mark"),
    [
        ("", "raise RuntimeError('no database')", "vcr"),
        ("--blocked", "", "vcr"),
        ("--strict-markers", "", "other"),
    ],
)
def test_tests_that_cannot_be_collected_are_named_instead_of_guessed(
    project, take_over, addopts, database, mark, keep
):
    project.ini("http", addopts=addopts)
    project.write("tests/conftest.py", database)
    project.write("tests/test_api.py", PARAMETRIZED.replace("mark.vcr", f"mark.{mark}"))
    keep("plain.json", "tests/cassettes/test_api/test_get[x-y].json")

    code, said = take_over("tests")

    assert code == 1
    command = "pytest --collect-only tests/test_api.py"
    assert f"pytest could not collect tests/test_api.py: {command}" in said
    assert project.files() == {}

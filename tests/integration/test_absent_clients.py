"""Boundaries whose client is not installed."""

from __future__ import annotations

import sys

import pytest
from http_server import running_server

pytest.importorskip("requests", reason="needs requests")
pytest.importorskip("redis", reason="needs redis")

USING = """
    import os

    def test_it():
        if "URL" in os.environ:
            import requests
            with requests.get(os.environ["URL"]) as answer:
                assert answer.ok
"""
TESTS = """
    import pytest
    from pytest_mimic import mimic

    @pytest.mark.mimic("{0}")
    def test_a_marker():
        pass

    def test_mimic():
        with mimic("{0}"):
            pass

    def test_a_cassette(mimic_auto):
        with mimic_auto("orders", boundaries=["{0}"]):
            pass

    @pytest.mark.mimic("{0}", "http.client")
    def test_a_marker_with_another():
        pass

    def test_a_cassette_with_another(mimic_auto):
        with mimic_auto("orders", boundaries=["{0}", "http.client"]):
            pass
"""


@pytest.fixture
def absent(monkeypatch):
    """Make redis look as if it were not installed."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)


@pytest.mark.promise("a line whose client is not installed is no error, and the header names it")
def test_a_line_whose_client_is_not_installed_is_no_error(project, absent):
    project.ini("redis", "http.client")
    project.write("test_it.py", "def test_it(): pass")

    run = project.replay().expect(passed=1)

    assert "mimic: replay from .mimic_vault (2 targets; not installed: redis)" in run.output
    assert run.exit_code == 0


@pytest.mark.promise("a line whose client is not installed is no error, and the header names it")
def test_a_run_without_any_named_client(project, absent):
    project.ini("redis only=GET", "redis", "!http.client")
    project.write("conftest.py", "def pytest_mimic_targets(): return ['redis ignore=command.1']")
    project.write("test_it.py", "def test_it(): pass")

    run = project.replay().expect(passed=1)

    assert "(3 targets; not installed: redis)" in run.output


@pytest.mark.promise("a test that names only clients that are not installed fails with the remedy")
def test_a_test_that_names_only_absent_clients_fails(project, absent):
    """Beside another target, an absent client is no error."""
    project.ini()
    project.write("test_it.py", TESTS.format("redis"))

    run = project.replay().expect(passed=2, failed=2, errors=1)

    assert run.output.count("TargetError: the client redis is not installed") >= 3
    assert run.output.count("to install it: pip install redis") >= 3


@pytest.mark.promise("the recordings of a client that is not installed are not proven unused")
def test_recordings_of_an_absent_client_are_not_cleared(project, monkeypatch):
    """Another environment, which has the client, may need them."""
    project.ini("requests")
    project.write("test_it.py", USING)
    with running_server() as server:
        project.record(env={"URL": f"{server.url}/echo"}).expect(passed=1)
    assert project.files()
    monkeypatch.setitem(sys.modules, "requests", None)

    run = project.run("--mimic-clear-unused", "--mimic-fail-on-unused").expect(passed=1)

    assert run.changed == set()
    assert any("not installed: requests" in line for line in run.section)

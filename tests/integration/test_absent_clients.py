"""Clients that are not installed."""

from __future__ import annotations

import sys

import pytest
from support.http_server import running_server

pytest.importorskip("requests", reason="needs requests")
pytest.importorskip("redis", reason="needs redis")

TESTS = """
    from pytest_mimic import mimic

    @pytest.mark.mimic("{0}")
    def test_a_marker():
        pass

    def test_mimic():
        with mimic("{0}"):
            pass

    def test_a_cassette(mimic_auto):
        with mimic_auto("orders", targets=["{0}"]):
            pass

"""


@pytest.fixture
def absent(monkeypatch):
    """Make redis look as if it were not installed."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)


def test_a_line_whose_client_is_not_installed_is_no_error(project, absent):
    project.ini("redis", "http.client")
    project.test("pass")

    project.replay().expect(passed=1)


def test_an_absent_client_that_a_test_names_is_an_error(project, absent):
    project.ini()
    project.tests(TESTS.format("redis"))

    run = project.replay().expect(failed=2, errors=1)

    assert run.output.count("TargetError: the client redis is not installed") >= 3
    assert run.output.count("to install it: pip install redis") >= 3


def test_a_client_that_does_not_stand_on_http_client_is_refused(project):
    """Nothing has imported http.client before it, as with urllib3-future."""
    project.ini("http")
    project.write(
        "httplib2.py",
        """
        class HTTPConnectionWithTimeout:
            sock = None

            def connect(self):
                pass

        class HTTPSConnectionWithTimeout(HTTPConnectionWithTimeout):
            pass
        """,
    )
    project.tests("""
        import sys

        def test_foreign():
            assert "http.client" not in sys.modules
            import httplib2
            httplib2.HTTPConnectionWithTimeout().connect()
    """)

    run = project.record(process=True).expect(failed=1)

    assert "its connections are not those of http.client" in run.output


@pytest.mark.parametrize("lines", [["requests"], ["http.client", "requests"]])
def test_recordings_of_an_absent_client_are_not_cleared(project, monkeypatch, lines):
    """Another environment, which has the client, may need them."""
    project.ini(*lines)
    project.test("""
        if "URL" in os.environ:
            import requests
            with requests.get(os.environ["URL"]) as answer:
                assert answer.ok
    """)
    with running_server() as server:
        project.record(env={"URL": f"{server.url}/echo"}).expect(passed=1)
    assert project.files()
    monkeypatch.setitem(sys.modules, "requests", None)

    run = project.run("--mimic-clear-unused", "--mimic-fail-on-unused").expect(passed=1)

    assert run.changed == set()
    assert "could not judge" in run.output

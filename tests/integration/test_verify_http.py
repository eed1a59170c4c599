"""Verifying against a web service that answers in another way, and what the report of a drift then recommends."""

from __future__ import annotations

import pytest
from support.http_server import running_server
from support.ports import held_port

from pytest_mimic._tools.cli.main import main

pytest.importorskip("requests")


@pytest.fixture
def shop(project):
    """A project that requests the page `PAGE` of a server, in its release 2."""
    project.test('requests.get(os.environ["API"] + "/" + os.environ["PAGE"])')
    with running_server() as server:
        server.release = 2
        project.server = server
        yield project


def changed(shop, page, *options):
    """Record a page and verify it against release 1 of the server."""
    shop.ini(" ".join(["requests ignore=host,port,headers.host", *options]))
    env = {"API": shop.server.url, "PAGE": page}
    shop.record(env=env).expect(passed=1)
    shop.server.release = 1
    return shop.run("--mimic-verify", env=env)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("guarded?status=500", "status: 200 recorded, 500 now"),
        ("guarded?status=404", "status: 200 recorded, 404 now"),
        ("restyled", "application/json"),
    ],
)
def test_by_shape_status_and_content_type_are_exact(shop, page, line):
    run = changed(shop, page, "compare=shape").expect(failed=1)

    assert line in run.output
    assert "release: " not in run.output


def test_by_shape_the_values_of_a_body_are_free(shop):
    changed(shop, "guarded?status=200", "compare=shape").expect(passed=1)


def test_by_shape_volatile_still_leaves_the_status_out(shop):
    changed(shop, "guarded?status=404", "compare=shape", "volatile=status").expect(passed=1)


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "could not be reached (gave 401)"), (503, "could not be reached (gave 503)")],
)
def test_a_refusal_or_failure_is_not_offered_to_be_accepted(shop, status, said):
    run = changed(shop, f"guarded?status={status}").expect(failed=1, never=["to accept it", "volatile="])

    assert f"{said}, to try again: pytest --mimic-verify test_shop.py::test_it" in run.output


@pytest.mark.parametrize("is_down", [False, True])
def test_an_outage_is_not_offered_in_place_of_a_recorded_error(shop, is_down):
    shop.server.release = 1
    page = {"API": shop.server.url, "PAGE": "guarded?status=503"}
    shop.ini("requests ignore=host,port,headers.host,query")
    shop.record(env=page).expect(passed=1)

    with held_port() as port:
        page |= {"API": f"http://127.0.0.1:{port}"} if is_down else {"PAGE": "guarded?status=502"}
        run = shop.run("--mimic-verify", env=page).expect(failed=1, never=["to accept it"])
    assert "could not be reached (" in run.output
    assert ", to try again: pytest --mimic-verify test_shop.py::test_it" in run.output


def test_a_changed_status_may_be_accepted(shop):
    changed(shop, "guarded?status=404").expect(failed=1, says=["to accept it: "])


def test_a_text_that_only_base64_holds_is_named(project, monkeypatch, capsys):
    """By the run that records it and by `check`: nothing in it is redacted, as in an event stream of AWS."""
    project.ini("http.client")
    answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nContent-Length: 9\r\n\r\n\0\0token=1"
    project.tests(f"""
        import os, urllib.parse, urllib.request

        def test_it():
            query = urllib.parse.urlencode({{"answer": {answer!r}}})
            with urllib.request.urlopen(os.environ["API"] + "/raw?" + query) as response:
                assert response.read() == b"\\0\\0token=1"
    """)

    with running_server() as server:
        recorded = project.record(env={"API": server.url})
    monkeypatch.chdir(project.root)
    code = main(["check"])

    recorded.expect(
        passed=1, says=["GET /raw gave a text that is stored as base64: nothing in it is redacted"]
    )
    assert (code, "holds a text as base64" in capsys.readouterr().out) == (0, True)

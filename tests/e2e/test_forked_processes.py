"""Forked processes: they replay, and record what all tests share; a call that has a place is refused."""

from __future__ import annotations

import os

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


# The ways to fork, of which the first is enough at each change.
WAYS = ["in_fork", pytest.param("in_pool", marks=pytest.mark.rare)]

# The ways in which a test makes a call in a forked process, and gets its outcome.
CHILDREN = """
import json, multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
import requests

URL = os.environ["API"]
CONTEXT = multiprocessing.get_context("fork")

def get(path):
    return requests.get(URL + path).text

def in_fork(function, *args):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 9
        try:
            os.write(writing, json.dumps(function(*args)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if status == 0 else f"ended with {status}"

def in_pool(function, *args):
    with ProcessPoolExecutor(1, mp_context=CONTEXT) as pool:
        return pool.submit(function, *args).result()
"""


@pytest.fixture
def forking(project, server):
    """A project whose tests call the server in forked processes.

    `run_forking(*options)` runs them, also after the server has stopped.
    """
    project.ini("http")

    def run(*options):
        return project.run(*options, process=True, env={"API": server.url})

    def tests(body):
        project.tests(CHILDREN + body)

    project.run_forking = run
    project.forking_tests = tests
    return project


SHARED = """
def test_children():
    assert {way}(get, "/users/1") == {way}(get, "/users/1") == get("/users/1")
    assert "Zo" in {way}(get, "/users/2")
"""


@pytest.mark.parametrize("way", WAYS)
def test_children_record_what_all_tests_share_and_replay_it(forking, server, way):
    """Their calls are counted."""
    forking.ini("http sequence=no")
    forking.forking_tests(SHARED.format(way=way))

    run = forking.run_forking("--mimic-record").expect(passed=1)

    asked = sorted(call.signature for call in run.calls)
    assert asked == ["GET /users/1", "GET /users/2"]
    server.stop()
    forking.run_forking().expect(passed=1, says=["4 calls replayed"])


PLACED = """
def test_parent():
    assert get("/users/1")

def test_children():
    assert {way}(get, "/users/2")
"""


@pytest.mark.parametrize("way", ["in_fork", "in_pool"])
@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-verify", ""])
def test_a_call_that_has_a_place_is_refused_in_every_mode(forking, server, way, mode):
    """By an error that names a way out."""
    forking.forking_tests(PLACED.format(way=way))

    run = forking.run_forking(*([mode] if mode else []), "-k", "children")

    says = ["http GET /users/2", 'http only="GET /users/2" sequence=no']
    run.expect(failed=1, deselected=1, says=says)
    assert server.seen == []
    assert run.calls == []


def test_a_refused_call_that_a_child_swallows_fails_the_test(forking, server):
    forking.forking_tests("""
def quietly(path):
    try:
        return get(path)
    except Exception:
        return "quiet"

def test_children():
    assert in_fork(quietly, "/users/1") == "quiet"
""")

    run = forking.run_forking("--mimic-record")

    run.expect(failed=1, says=["sequence=no"])
    assert server.seen == []


def test_a_call_in_a_cassette_is_refused_in_a_child(forking, server):
    forking.forking_tests("""
def test_children(mimic_auto):
    with mimic_auto("trip", targets=["http"]):
        assert get("/users/1")
        assert in_fork(get, "/users/2")
""")

    run = forking.run_forking("--mimic-record")

    run.expect(failed=1, says=["http GET /users/2"])
    assert server.seen == ["GET /users/1"]
    assert run.vault == {}


def test_a_child_that_a_recorded_function_forks_is_part_of_its_call(forking, server):
    """Its calls take no places: those after it get their own answers."""
    forking.ini("http", "shop:outer")
    forking.module(
        CHILDREN
        + """
def ask_twice():
    return [get("/count"), get("/count")]

def outer():
    return in_fork(ask_twice)
"""
    )
    forking.forking_tests("""
import shop

def test_children():
    assert shop.outer() == ["1", "2"]
    assert get("/count") == "3"
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["2 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["2 calls replayed"])


# As pytest-forked does it.
FORKED = """
    import json, os
    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            reports = runtestprotocol(item, log=False)
            told = [
                item.config.hook.pytest_report_to_serializable(config=item.config, report=one)
                for one in reports
            ]
            with open(writing, "w") as sent:
                json.dump(told, sent)
            os._exit(0)
        os.close(writing)
        with open(reading) as sent:
            told = json.load(sent)
        os.waitpid(child, 0)
        for data in told:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


def test_a_child_that_runs_whole_tests_is_their_owner(forking, server):
    forking.conftest(FORKED)
    forking.forking_tests("""
def test_one():
    assert [get("/count"), get("/count")] == ["1", "2"]

def test_two():
    assert [get("/count"), get("/count")] == ["3", "4"]
""")

    forking.run_forking("--mimic-record", "-p", "no:randomly").expect(
        passed=2, says=["4 calls recorded"]
    )

    server.stop()
    forking.run_forking().expect(passed=2, says=["4 calls replayed"])
    forking.conftest("")
    forking.run_forking().expect(passed=2, says=["4 calls replayed"])

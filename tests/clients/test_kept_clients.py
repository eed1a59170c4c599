"""Section 5, *Security*: a client, and the token that it got, may live longer than a test."""

from __future__ import annotations

import pytest
from support import loopback

pytest.importorskip("requests")

TESTS = """
    API = os.environ["API"]

    @functools.lru_cache
    def session():
        client = requests.Session()
        token = client.post(API + "/login", json={"user": "ann"}).json()["token"]
        client.headers["Authorization"] = "Bearer " + token
        return client

    def test_one():
        assert session().get(API + "/one").json() == {"path": "/one"}

    def test_two():
        assert session().get(API + "/two").json() == {"path": "/two"}
"""


class Handler(loopback.Handler):
    """Lets those in who have a token."""

    def do_POST(self):
        self.body()
        self.json({"token": "T-0123456789abcdef"})

    def do_GET(self):
        if self.headers["Authorization"] != "Bearer T-0123456789abcdef":
            self.json({"error": "who are you?"}, 401)
        else:
            self.json({"path": self.path})


@pytest.fixture
def recorded(project):
    """A suite, recorded as a whole: the first test logs in."""
    project.ini("http")
    project.tests(TESTS)
    with project.shop(Handler):
        project.record("-p", "no:randomly").expect(passed=2)
    return project


def test_the_suite_replays(recorded):
    recorded.run().expect(passed=2)


def test_one_who_logs_in_alone_is_recorded_once_more(recorded):
    """It asks for something that another test has asked: the miss says so."""
    run = recorded.run("test_shop.py::test_two").expect(failed=1)

    assert 'http only="POST /login" shared' in run.output


def test_with_the_printed_line_each_test_replays_alone(project):
    project.ini('http only="POST /login" sequence=no', "http")
    project.tests(TESTS)
    with project.shop(Handler):
        project.record().expect(passed=2)

    project.run().expect(passed=2)
    project.run("test_shop.py::test_two").expect(passed=1)
    project.run("test_shop.py::test_one").expect(passed=1)
    project.run("-n", "2", process=True).expect(passed=2)

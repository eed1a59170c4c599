"""Section 5, *Logs*: a wider fixture that begins again in the run that makes its log begins at its start."""

from __future__ import annotations

import itertools
import json
import re
import uuid

import pytest
from support import loopback

pytest.importorskip("httpx")

# pytest sets up `red` for each room again, in between `blue`.
ROOMS = """
    import httpx, os, pytest

    API = os.environ["API"]

    @pytest.fixture(scope="module", params=["red", "blue"])
    def room(request):
        return httpx.post(API + "/jobs", json={"in": request.param}).json()["id"]

    @pytest.fixture(scope="module", params=["x", "y"])
    def other(request):
        return request.param

    def test_a(room):
        assert httpx.get(API + "/jobs/" + room).json()["state"] == "running"

    def test_b(room, other):
        found = httpx.get(API + "/jobs/" + room, params={"o": other}).json()
        assert found["id"] == room
"""

LOGIN = """
    import httpx, os, pytest

    API = os.environ["API"]

    @pytest.fixture(scope="module", params=["ann", "bo"])
    def token(request):
        return httpx.post(API + "/jobs", json={"in": request.param}).json()["token"]

    @pytest.fixture(scope="module", params=["x", "y"])
    def other(request):
        return request.param

    def test_me(token, other):
        head = {"Authorization": "Bearer " + token}
        assert httpx.get(API + "/me", headers=head, params={"t": token}).json()["known"]
"""


class Service(loopback.Server):
    """Keeps jobs until they are deleted, and knows its tokens."""

    def __init__(self):
        super().__init__(Handler)
        self.jobs = {}
        self.tokens = set()


class Handler(loopback.Handler):
    server: Service

    def do_POST(self):
        job = {"id": str(uuid.uuid4()), **json.loads(self.body()), "state": "running"}
        token = f"tok-{uuid.uuid4().hex}"
        self.server.tokens.add(token)
        self.server.jobs[job["id"]] = job
        self.json({**job, "token": token})

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/me":
            sent = [self.headers["Authorization"].removeprefix("Bearer ")]
            sent.append(query.removeprefix("t="))
            known = self.server.tokens.issuperset(sent)
            self.json({"known": known}, 200 if known else 401)
            return
        job = self.server.jobs.get(path.rpartition("/")[2])
        self.json(job or {"error": "no such job"}, 200 if job else 404)

    def do_DELETE(self):
        self.server.jobs.pop(self.path.rpartition("/")[2])
        self.json({})


def test_a_fixture_that_begins_again_replays_in_any_order(project):
    """Equal requests of all its beginnings have one answer, in the recording run, too."""
    project.ini("http")
    project.write("test_rooms.py", ROOMS)
    project.write("test_tokens.py", LOGIN)
    with project.shop(Service()) as service:
        recorded = project.record("-rA")
        ids = re.findall(r"^PASSED (\S+)", recorded.output, re.MULTILINE)
        recorded.expect(passed=10, never=["two workers", "began again"])
        assert len(service.jobs) == 4
        again = project.record().expect(passed=10)
        assert again.vault == recorded.vault
        made = project.run("--mimic-rerecord")
        made.expect(passed=10, never=["two workers", "began again"])
        assert len(service.jobs) == 8

    for selected in ([], ["-n2"], ids[::-1]):
        project.run(*selected).expect(passed=10)
    jobs = [one for one in ids if "rooms" in one]
    tokens = [one for one in ids if one not in jobs]
    for one, other in itertools.zip_longest(jobs, tokens, fillvalue=tokens[0]):
        project.run(one, other).expect(passed=2)


TORN_DOWN = """
    import httpx, os, pytest

    API = os.environ["API"]

    @pytest.fixture(scope="module", params=["red"])
    def room(request):
        made = httpx.post(API + "/jobs", json={"in": "red"}).json()
        yield made["id"]
        httpx.delete(API + "/jobs/" + made["id"])

    @pytest.fixture(scope="module", params=["x", "y"])
    def other(request):
        return request.param

    def test_b(room, other):
        assert httpx.get(API + "/jobs/" + room, params={"o": other}).json()["id"]
"""


def test_a_fixture_whose_tear_down_has_asked_is_named_with_the_way_out(project):
    """Its second set-up gets what the first got, which the service no longer has."""
    project.ini("http")
    project.write("test_one.py", TORN_DOWN)
    project.write("test_two.py", "def test_between(): pass")
    order = ["test_one.py::test_b[red-x]", "test_two.py", "test_one.py::test_b[red-y]"]
    with project.shop(Service()):
        project.record("-p", "no:randomly", *order).expect(
            passed=2,
            failed=1,
            says=["fixtures that began again", "put it into one conftest.py"],
        )


def test_a_fixture_that_fills_a_table_and_begins_again_is_named(project):
    pytest.importorskip("sqlalchemy")
    project.ini("sqlalchemy")
    project.write(
        "test_one.py",
        """
        import pytest, sqlalchemy as sa

        @pytest.fixture(scope="module")
        def count():
            engine = sa.create_engine("sqlite:///shop.db")
            with engine.begin() as connection:
                connection.execute(sa.text("CREATE TABLE IF NOT EXISTS t (n int)"))
                connection.execute(sa.text("INSERT INTO t VALUES (1)"))
                return connection.execute(sa.text("SELECT count(*) FROM t")).scalar()

        def test_a(count): assert count == 1

        def test_b(count): assert count == 1
        """,
    )
    project.write("test_two.py", "def test_between(): pass")
    order = ["test_one.py::test_a", "test_two.py", "test_one.py::test_b"]

    project.record("-p", "no:randomly", *order).expect(
        passed=3, says=["fixtures that began again"]
    )

    project.run("-p", "no:randomly", *order).expect(passed=3)


def test_a_shared_login_of_this_run_is_sent_by_each_test(project):
    project.ini('http only="POST /jobs" shared', "http")
    project.tests(
        LOGIN.replace('(scope="module", params=["ann", "bo"])', "").replace(
            "request.param})", "'ann'})"
        )
    )
    with project.shop(Service()):
        project.record().expect(passed=2)
        project.run().expect(passed=2)
        project.run("--mimic-rerecord").expect(passed=2)
    project.run().expect(passed=2)

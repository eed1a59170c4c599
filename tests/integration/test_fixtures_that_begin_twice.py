"""Section 5, *Logs*: a wider fixture that begins twice in a run is recorded each time."""

from __future__ import annotations

import itertools
import json
import re
import uuid

import pytest
from support import loopback

pytest.importorskip("httpx")

JOBS = """
    import httpx, os, pytest

    API = os.environ["API"]

    @pytest.fixture(scope="module", params=["u1", "u2"])
    def job(request):
        job = httpx.post(API + "/jobs", json={"in": request.param}).json()
        yield job["id"]
        httpx.delete(API + "/jobs/" + job["id"])

    @pytest.fixture(scope="module", params=["x", "y"])
    def other(request):
        return request.param

    def test_a(job):
        assert httpx.get(API + "/jobs/" + job).json()["state"] == "running"

    def test_b(job, other):
        found = httpx.get(API + "/jobs/" + job, params={"o": other}).json()
        assert found["id"] == job
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


def test_a_fixture_that_begins_twice_replays_in_any_order(project):
    project.ini("http")
    project.write("test_jobs.py", JOBS)
    project.write("test_tokens.py", LOGIN)
    with project.shop(Service()):
        recorded = project.record("-rA")
        ids = re.findall(r"^PASSED (\S+)", recorded.output, re.MULTILINE)
        recorded.expect(passed=10, never=["two workers"])
        again = project.record().expect(passed=10)
        assert again.vault == recorded.vault
        made = project.run("--mimic-rerecord")
        made.expect(passed=10, never=["two workers"])

    for selected in ([], ["-n2"], ids[::-1]):
        project.run(*selected).expect(passed=10)
    jobs = [one for one in ids if "jobs" in one]
    tokens = [one for one in ids if one not in jobs]
    project.run(jobs[2], jobs[0], tokens[2], tokens[0]).expect(passed=4)
    for one, other in itertools.zip_longest(jobs, tokens, fillvalue=tokens[0]):
        project.run(one, other).expect(passed=2)
    some = [one for one in ids if "x" not in one.partition("::")[2]]
    others = len(ids) - len(some)
    project.run("-k", "not x").expect(passed=len(some), deselected=others)


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

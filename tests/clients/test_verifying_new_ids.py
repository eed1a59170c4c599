"""Section 3, `--mimic-verify`: a service that gives new ids is green with one line."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from support import loopback
from support.loopback import serving

pytest.importorskip("httpx")
pytest.importorskip("requests")

TEST = """
    import os, {client} as client

    API = os.environ["API"]

    def test_create_read_change():
        made = client.post(API + "/users", json={{"name": "ann"}}).json()
        place = f"{{API}}/users/{{made['id']}}"
        assert client.get(place).json()["name"] == "ann"
        changed = client.patch(place, json={{"id": made["id"], "name": "eve"}})
        assert changed.json()["name"] == "eve"
        found = client.get(API + "/users", params={{"id": made["id"]}}).json()
        assert found["name"] == "eve"
"""

PAYMENT = """
    def test_pay():
        paid = client.post(API + "/payments", json={"sum": 5}).json()
        assert paid["method"]
        assert client.post(API + "/users", json={"name": "bo"}).status_code == 201
"""


class Service(loopback.Server):
    """Keeps users under ids that it never gives twice."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.ids = itertools.count(1001)
        self.users: dict[str, dict[str, object]] = {}
        self.method = "card"


class Handler(loopback.Handler):
    """Creates, reads and changes."""

    server: Service

    def do_POST(self):
        if self.path == "/payments":
            self.json({"paid": f"{time.time():.6f}", "method": self.server.method})
            return
        user = {"id": next(self.server.ids), **json.loads(self.body())}
        self.server.users[str(user["id"])] = user
        self.json(user, 201)

    def do_GET(self):
        self._give(self.path.rpartition("/")[2].rpartition("=")[2])

    def do_PATCH(self):
        change = json.loads(self.body())
        key = self.path.rpartition("/")[2]
        user = self.server.users.get(key)
        if user is not None and str(change["id"]) == key:
            user.update(change)
        self._give(key)

    def _give(self, key):
        user = self.server.users.get(key)
        self.json(user or {"error": "no such user"}, 200 if user else 404)


@pytest.mark.parametrize("client", ["httpx", "requests"])
def test_create_read_and_change_verify_with_one_line(project, client):
    project.ini("http volatile=body.id")
    project.tests(TEST.format(client=client))
    with serving(Service()) as service:
        env = {"API": service.url}
        project.run("--mimic-record", env=env).expect(passed=1)
        for _ in range(2):
            project.run("--mimic-verify", env=env).expect(passed=1)

    project.run(env=env).expect(passed=1)


def test_an_id_of_a_wider_fixture_is_known_in_tests_and_in_other_fixtures(project):
    project.ini("http volatile=body.id")
    project.tests("""
        import httpx, os, pytest

        API = os.environ["API"]

        def post(name):
            return httpx.post(API + "/users", json={"name": name}).json()["id"]

        @pytest.fixture(scope="module")
        def ann():
            return post("ann")

        @pytest.fixture(scope="module")
        def eve(ann):
            assert httpx.get(f"{API}/users/{ann}").json()["name"] == "ann"
            return post("eve")

        def test_read(eve):
            assert httpx.get(f"{API}/users/{eve}").json()["name"] == "eve"

        def test_read_again(ann, mimic_auto):
            with mimic_auto():
                assert httpx.get(f"{API}/users/{ann}").json()["name"] == "ann"
    """)
    with serving(Service()) as service:
        env = {"API": service.url}
        project.run("--mimic-record", env=env).expect(passed=2)
        project.run("--mimic-verify", env=env).expect(passed=2)

    project.run(env=env).expect(passed=2)


def test_the_first_verify_prints_one_line_for_all_new_parts(project):
    project.ini("http")
    project.tests(TEST.format(client="httpx") + PAYMENT)
    with serving(Service()) as service:
        env = {"API": service.url}
        project.run("--mimic-record", env=env).expect(passed=2)

        run = project.run("--mimic-verify", env=env).expect(failed=2)

        lines = [one for one in run.output.splitlines() if "new each time" in one]
        assert lines == ["if this is new each time: http volatile=body.id,body.paid"]
        project.ini(lines[0].partition(": ")[2])
        project.run("--mimic-verify", env=env).expect(passed=2)


def test_the_line_leaves_another_drift_to_be_seen(project):
    project.ini("http")
    project.tests(TEST.format(client="httpx") + PAYMENT)
    with serving(Service()) as service:
        env = {"API": service.url}
        project.run("--mimic-record", env=env).expect(passed=2)
        service.method = "cash"
        run = project.run("--mimic-verify", env=env).expect(failed=2)

        [line] = [one for one in run.output.splitlines() if "new each time" in one]
        project.ini(line.partition(": ")[2])

        run = project.run("--mimic-verify", env=env).expect(passed=1, failed=1)
    assert "body.method: 'card' recorded, 'cash' now" in run.output

"""Section 5, *Logs*: what logs take from one another's answers fits, whatever is recorded again."""

from __future__ import annotations

import itertools
import json

import pytest
from support import loopback

pytest.importorskip("httpx")

TESTS = """
    API = os.environ["API"]

    def post(path, **fields):
        return httpx.post(API + path, json=fields).json()

    @pytest.fixture(scope="module")
    def customer():
        made = post("/customers")["id"]
        yield made
        httpx.delete(f"{API}/customers/{made}")

    @pytest.mark.parametrize("n", [1, 2])
    def test_charge(customer, n):
        charge = post("/charges", customer=customer, n=n)
        assert charge["customer"] == customer
        assert httpx.get(f"{API}/charges/{charge['id']}").json() == charge
"""
ONE = "test_shop.py::test_charge[1]"


class Service(loopback.Server):
    """Keeps what it is given under ids that it never gives twice."""

    def __init__(self):
        super().__init__(Handler)
        self.ids = itertools.count(10_000_001)
        self.kept = {}
        self.more = {}


class Handler(loopback.Handler):
    server: Service

    def do_POST(self):
        service, given = self.server, json.loads(self.body())
        if given.get("customer", 10_000_001) not in [*service.kept, 10_000_001]:
            self.json({"error": "no such customer"}, 404)
            return
        made = {"id": next(service.ids), **given, **service.more.get(self.path, {})}
        service.kept[made["id"]] = made
        self.json(made)

    def do_GET(self):
        self.json(self.server.kept[int(self.path.rpartition("/")[2])])

    def do_DELETE(self):
        self.json(self.server.kept.pop(int(self.path.rpartition("/")[2])))


def change_a_test(project, service):
    project.tests(TESTS.replace("n=n)", "n=10 * n)"))


def change_the_tear_down(project, service):
    project.tests(TESTS.replace("yield made", "yield made; post('/logs')"))


@pytest.mark.parametrize("again", [[], [ONE]])
@pytest.mark.parametrize(
    "change",
    [
        lambda project, service: None,
        change_a_test,
        change_the_tear_down,
        lambda project, service: service.more.update({"/charges": {"fee": 1}}),
        lambda project, service: service.more.update({"/customers": {"plan": "free"}}),
    ],
    ids=[
        "nothing",
        "a test",
        "a tear-down",
        "answers of tests",
        "answers of the fixture",
    ],
)
def test_what_a_passing_run_has_recorded_again_replays(project, change, again):
    project.ini("http volatile=body.id")
    project.tests(TESTS)
    with project.shop(Service()) as service:
        project.record().expect(passed=2)
        change(project, service)
        selected = 1 if again == [ONE] else 2
        for _ in range(2):
            run = project.run("--mimic-rerecord", *again)
            # It is 1 where the other test holds earlier answers of the fixture.
            run.expect(passed=selected, exit_code=run.exit_code)

    project.run(*again).expect(passed=selected)

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
        if given.get("customer") not in [None, *service.kept]:
            self.json({"error": "no such customer"}, 404)
            return
        made = {"id": next(service.ids), **given, **service.more.get(self.path, {})}
        service.kept[made["id"]] = made
        self.json(made)

    def do_GET(self):
        self.json(self.server.kept[int(self.path.rpartition("/")[2])])

    def do_DELETE(self):
        self.json(self.server.kept.pop(int(self.path.rpartition("/")[2])))


# What is changed before all is recorded again, each in a module and a service of its own.
CHANGES = {
    "nothing": ("", ""),
    "a_test": ("n=n)", "n=10 * n)"),
    "a_tear_down": ("yield made", "yield made; post('/logs')"),
    "answers_of_tests": ("/charges", {"fee": 1}),
    "answers_of_the_fixture": ("/customers", {"plan": "free"}),
}


@pytest.mark.parametrize("again", ["", "::test_charge[1]"])
def test_what_a_passing_run_has_recorded_again_replays(project, again):
    project.ini("http volatile=body.id")
    with project.shop(Service()) as service:
        texts = {
            name: TESTS.replace('["API"]', f'["API"] + "/{name}"') for name in CHANGES
        }
        for name, text in texts.items():
            project.write(f"test_{name}.py", text)
        project.record().expect(passed=10)
        for name, (old, new) in CHANGES.items():
            if isinstance(new, str):
                project.write(f"test_{name}.py", texts[name].replace(old, new))
            else:
                service.more[f"/{name}{old}"] = new
        selected = [f"test_{name}.py{again}" for name in CHANGES]
        passed = 5 if again else 10
        for _ in range(2):
            run = project.run("--mimic-rerecord", *selected)
            # It is 1 where the other test holds earlier answers of the fixture.
            run.expect(passed=passed, exit_code=run.exit_code)

    project.run(*selected).expect(passed=passed)


def test_what_all_tests_share_is_asked_again_with_the_values_that_a_log_keeps(project):
    project.ini("shop:book sequence volatile=id,day", "shop:ask", "shop:count")
    project.module("""
        def book(): return {"id": "booking-" + os.environ["NEW"], "room": 1}
        def ask(words): return words.upper()
        def count(room): return room
    """)
    project.tests("""
        @pytest.mark.parametrize("asks", [True, False])
        def test_it(asks):
            booked = shop.book()
            assert shop.count(booked["room"]) == 1
            if asks:
                shop.ask(f"where is {booked['id']}?")
    """)
    project.record(env={"NEW": "1"}).expect(passed=2)
    before = project.files("logs")

    run = project.run("--mimic-rerecord", env={"NEW": "2"}).expect(passed=2)

    project.replay().expect(passed=2, real=[])
    # A log whose values nobody has asked with stays.
    [changed] = [name for name in before if before[name] != run.vault[name]]
    assert "True" in changed

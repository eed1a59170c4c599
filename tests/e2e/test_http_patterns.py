"""Common HTTP patterns of integration tests: retries, pages, concurrency, log-ins and a purchase."""

from __future__ import annotations

import pytest
from support.http_server import running_server

API = """
import os
import httpx

class Api:
    def __init__(self):
        self.client = httpx.Client(base_url=os.environ["API"], follow_redirects=True)

    def call(self, method, path, **options):
        response = self.client.request(method, path, **options)
        return response.status_code, response.json(), response.links.get("next", {}).get("url")

    def cookies(self):
        return sorted(self.client.cookies)

    def close(self):
        self.client.close()
"""

TESTS = """
import pytest
from api import Api

@pytest.fixture
def api():
    api = Api()
    yield api
    api.close()

def test_retry_until_it_works(api):
    statuses = []
    while 200 not in statuses:
        statuses.append(api.call("GET", "/flaky")[0])
    assert statuses == [503, 503, 200]

def test_pagination(api):
    items, following = [], "/pages"
    while following:
        _, page, following = api.call("GET", following)
        items += page["items"]
    assert items == [10, 11, 20, 21, 30, 31]

def test_authentication(api):
    assert api.call("GET", "/me")[0] == 401
    token = api.call("POST", "/login", json={"user": "zoe", "password": "pa55-word-zoe"})[1]["access_token"]
    status, me, _ = api.call("GET", "/me", headers={"Authorization": f"Bearer {token}"})
    assert (status, me) == (200, {"name": "Zo\u00eb"})

def test_purchase(api):
    cart = api.call("POST", "/cart")[1]["cart"]
    for item in ("hat", "scarf", "hat"):
        _, filled, _ = api.call("POST", f"/cart/{cart}/items", json={"item": item})
    assert filled["items"] == ["hat", "scarf", "hat"]
    order = api.call("POST", "/checkout", json={"card_token": "card-tok-4242424242"})[1]
    assert api.cookies() == ["receipt"]
    while order["status"] != "paid":
        order = api.call("GET", f"/orders/{order['order']}")[1]
    assert order == {"order": 9, "items": ["hat", "scarf", "hat"], "status": "paid"}
"""

SECRETS = (b"tok-issued-42", b"pa55-word-zoe", b"card-tok-4242424242", b"receipt-no-12345")


def test_integration_patterns_replay_without_the_server(project):
    pytest.importorskip("httpx")
    project.ini("httpx")
    project.write("api.py", API)
    project.tests(TESTS)

    with running_server() as server:
        recorded = project.run("--mimic-record", env={"API": server.url}).expect(passed=4)
        asked = list(server.seen)
    replayed = project.run(env={"API": server.url}).expect(passed=4)

    assert len(asked) == len(server.seen) == 17
    assert replayed.changed == set()
    assert not [secret for secret in SECRETS if secret in b"".join(recorded.vault.values())]


OPTIONS = """
import os
import httpx

def test_it(mimic_auto):
    url = os.environ["API"]
    with mimic_auto("talk", targets=["httpx"], exclude=["/pages", "127.0.0.1/items/*"]) as cassette:
        httpx.get(url + "/users/1?page=2")
        httpx.get(url + "/pages")
        httpx.get(url + "/items/1")
        httpx.post(url + "/echo", json={"a": [1]})
    assert [call.signature for call in cassette.calls] == ["GET /users/1 \u2192 200", "POST /echo \u2192 200"]
    [get, post] = cassette.calls
    assert get.match("GET /users/*") and get.match("127.0.0.1/*") and not get.match("POST")
    assert (get.kind, get.arguments["query"], post.arguments["body"]) == ("http", {"page": "2"}, {"a": [1]})
"""


def test_a_cassette_holds_a_conversation_in_order(project):
    """Excluded calls are real each time."""
    pytest.importorskip("httpx")
    project.ini()
    project.write("test_talk.py", OPTIONS)

    with running_server() as server:
        project.run(env={"API": server.url}).expect(passed=1)
        project.run(env={"API": server.url}).expect(passed=1)

    both = ["GET /users/1?page=2", "GET /pages", "GET /items/1", "POST /echo"]
    assert server.seen == [*both, "GET /pages", "GET /items/1"]


@pytest.mark.parametrize("mode", [[], ["--mimic-record"]], ids=["replay", "record"])
def test_reading_further_is_a_miss_with_a_working_command(project, mode):
    pytest.importorskip("httpx")
    project.ini("httpx")
    project.write(
        "reader.py",
        """
        import httpx, os

        def read():
            with httpx.stream("GET", os.environ["API"] + "/events") as response:
                lines = response.iter_lines()
                try:
                    for _ in range(int(os.environ["LINES"])):
                        next(lines)
                except RuntimeError:
                    pass
        """,
    )
    project.tests("""
        import reader

        def test_events():
            reader.read()
    """)

    with running_server() as server:
        first = {"API": server.url, "LINES": "1"}
        project.run("--mimic-record", env=first).expect(passed=1)
        project.run(env=first).expect(passed=1)
        second = {"API": server.url, "LINES": "6"}
        longer = project.run(*mode, env=second)
        longer.expect(
            failed=1,
            says=[
                "read further than it was",
                "to record the rest: pytest --mimic-rerecord test_shop.py::test_events",
            ],
            never=["to record the missing"],
        )
        project.run("--mimic-rerecord", env=second).expect(passed=1)
    project.run(env=second).expect(passed=1)


def test_rerecording_an_unchanged_service_changes_no_file(project):
    pytest.importorskip("httpx")
    project.ini("httpx")
    project.tests("""
        import httpx, os

        def test_same():
            assert httpx.get(os.environ["API"] + "/users/1").json()["id"] == 1
    """)

    with running_server() as server:
        project.run("--mimic-record", env={"API": server.url}).expect(passed=1)
        again = project.run("--mimic-rerecord", env={"API": server.url}).expect(passed=1)

    assert again.changed == set()

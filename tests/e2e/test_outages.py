"""A service that is down while a test records leaves good recordings as they were, at each kind of client."""

from __future__ import annotations

import pytest
from support.cart_server import cart_server
from support.http_server import NOWHERE, running_server

for _client in ("aiohttp", "httpx", "requests", "redis", "sqlalchemy"):
    pytest.importorskip(_client)

pytest_plugins = ("support.database_servers",)

CLIENTS = {
    "requests": "def get(url): return requests.get(url).status_code",
    "httpx": "def get(url): return httpx.get(url).status_code",
    "aiohttp": """
import asyncio

def get(url):
    async def exchange():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()
            return answer.status
    return asyncio.run(exchange())
""",
}
TEST = """
import os, pytest, shop

def test_items():
    assert shop.get(os.environ["API"] + "/items") == 200

def test_flaky():
    assert shop.get(os.environ["API"] + "/flaky") == int(os.environ.get("STATUS", "200"))
"""


@pytest.fixture(params=CLIENTS)
def shop(project, request):
    """A project with a server whose page /flaky is well after two tries."""
    project.ini(f"{request.param} ignore=host,port,headers.host")
    project.module(f"import {request.param}\n{CLIENTS[request.param]}\n")
    project.tests(TEST)
    with running_server() as server:
        project.server = server
        yield project


def up(shop, *args, tries, **env):
    """Run with the server; its page /flaky has been tried so often."""
    shop.server.flaky[str({})] = tries  # of the page without a query
    return shop.run(*args, env={"API": shop.server.url, **env})


def test_an_outage_of_a_web_service_leaves_its_recordings(shop):
    good = up(shop, "--mimic-record", tries=2).expect(passed=2).vault

    failing = up(shop, "--mimic-rerecord", tries=0).expect(passed=1, failed=1, says=["GET /flaky gave 503"])
    down = shop.run("--mimic-rerecord", env={"API": NOWHERE}).expect(failed=2)

    assert failing.vault == good
    assert down.vault == good
    shop.run(env={"API": NOWHERE}).expect(passed=2)


def test_a_failed_exchange_of_a_failing_test_is_made_again(shop):
    first = up(shop, "--mimic-record", tries=0).expect(passed=1, failed=1)

    second = up(shop, "--mimic-record", tries=2).expect(passed=2, says=["1 call recorded"])

    assert (len(first.vault), len(second.vault)) == (1, 2)


@pytest.mark.parametrize("mode", ["record", "rerecord"])
def test_the_next_attempt_of_a_rerun_test_sends_its_requests_again(shop, mode):
    """The first attempt gets a 503, the second a 200."""
    pytest.importorskip("pytest_rerunfailures")
    shop.server.flaky[str({})] = 1
    rerun = {"plugins": ["rerunfailures"], "env": {"API": shop.server.url}}

    recorded = shop.run(f"--mimic-{mode}", "--reruns=1", **rerun)

    recorded.expect(
        passed=2, rerun=1, says=["1 outcome of a failing test was not kept"], never=["recorded errors"]
    )
    shop.run(env={"API": NOWHERE}).expect(passed=2)


def test_a_failed_exchange_of_a_passing_test_is_kept_and_listed(shop):
    recorded = up(shop, "--mimic-record", tries=0, STATUS="503")

    recorded.expect(passed=2, says=["GET /flaky gave 503    test_shop.py::test_flaky"])
    shop.run(env={"API": NOWHERE, "STATUS": "503"}).expect(passed=2)


GUARDED = """
import os, pytest, requests

@pytest.mark.parametrize("status", STATUSES)
def test_it(status):
    answer = requests.get(f"{os.environ['API']}/guarded?status={status}")
    assert answer.status_code == (status if os.environ.get("EXPECTED") else 200)
"""
# A key was forgotten; the service was too slow or too busy. The 404 and the 409 are answers like any other.
REFUSED, BUSY = [401, 403, 404, 407], [408, 409, 425, 429]


@pytest.mark.parametrize(("statuses", "kept"), [(REFUSED, b'"404"'), (BUSY, b'"409"')])
def test_a_failing_test_keeps_no_answer_that_the_service_would_not_give_again(project, statuses, kept):
    project.ini("requests ignore=host,port,headers.host")
    project.tests(GUARDED.replace("STATUSES", str(statuses)))
    with running_server() as server:
        first = project.record(env={"API": server.url}).expect(failed=4)
        server.release = 2
        again = project.record(env={"API": server.url}).expect(passed=3, failed=1)

    (data,) = first.vault.values()
    assert kept in data
    assert "3 outcomes of failing tests were not kept: http GET /guarded" in first.output
    assert again.section[0].startswith("3 calls recorded in # s, 1 replayed")


@pytest.mark.parametrize(("statuses", "listed"), [(REFUSED, [401, 403, 407]), (BUSY, [408, 425, 429])])
def test_a_passing_test_keeps_the_answers_that_it_expects(project, statuses, listed):
    """Failures are listed."""
    project.ini("requests ignore=host,port,headers.host")
    project.tests(GUARDED.replace("STATUSES", str(statuses)))
    with running_server() as server:
        expected = project.record(env={"API": server.url, "EXPECTED": "1"}).expect(passed=4)

    found = [line.split("    ")[0].strip() for line in expected.section if " gave " in line]
    assert found == [f"http GET /guarded gave {status}" for status in listed]
    project.replay(env={"API": NOWHERE, "EXPECTED": "1"}).expect(passed=4)


CHALLENGED = """
import os, requests

def get(auth=None):
    return requests.get(f"{os.environ['API']}/private", auth=auth).status_code

def test_it():
    assert (get(), get(("me", "pw")), get(("me", "pw"))) == (401, 200, 200)
    assert "FAIL" not in os.environ
"""


def test_a_changed_conversation_of_a_failing_test_is_put_back_as_a_whole(project):
    """None of its new answers stays beside the old ones."""
    project.ini("requests ignore=host,port,headers.host")
    project.tests("""
        import os, requests

        def test_cart():
            url = os.environ["API"] + "/cart"
            requests.delete(url)
            for item in os.environ["ITEMS"].split():
                requests.post(url, json={"item": item})
            assert requests.get(url).json() == os.environ.get("EXPECTED", os.environ["ITEMS"]).split()
    """)
    with cart_server() as server:
        env = {"API": server.url}
        good = project.record(env={**env, "ITEMS": "tea"}).expect(passed=1).vault

        run = project.run("--mimic-rerecord", env={**env, "ITEMS": "tea milk", "EXPECTED": "nothing"})

    run.expect(
        failed=1,
        says=[
            "1 outcome of a failing test was not kept: http POST /cart",
            "1 recording was put back, because failing tests had replaced it: http GET /cart",
        ],
    )
    assert run.vault == good
    project.run(env={"API": NOWHERE, "ITEMS": "tea"}).expect(passed=1)


def test_an_error_of_a_database_replaces_no_recording(project):
    project.ini("sqlalchemy")
    project.tests("""
        import os
        import sqlalchemy as sa

        def test_it():
            engine = sa.create_engine("sqlite:///shop.db")
            with engine.begin() as connection:
                if not os.environ.get("BROKEN"):
                    connection.execute(sa.text("CREATE TABLE IF NOT EXISTS users (name TEXT)"))
                assert connection.execute(sa.text("SELECT name FROM users")).all() == []
            engine.dispose()
    """)
    good = project.record().expect(passed=1).vault
    (project.root / "shop.db").unlink()

    run = project.run("--mimic-rerecord", env={"BROKEN": "1"})

    run.expect(failed=1, says=["1 outcome of a failing test was not kept: sqlalchemy SELECT users raised"])
    assert run.vault == good


def test_an_outage_of_redis_leaves_its_recordings(project, redis_server):
    project.ini("redis")
    project.tests("""
        import os, redis

        def test_it():
            client = redis.Redis.from_url(os.environ["REDIS_URL"])
            client.set("user:1", "Zoe")
            assert client.get("user:1") == b"Zoe"
            client.close()

        def test_wrong():
            client = redis.Redis.from_url(os.environ["REDIS_URL"])
            client.rpush("list", 1)
            client.get("list" if os.environ.get("WRONG") else "user:2")
            client.close()
    """)
    env = {"REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0"}
    good = project.record(env=env).expect(passed=2).vault

    wrong = project.run("--mimic-rerecord", "-k", "wrong", env={**env, "WRONG": "1"}).expect(
        failed=1, deselected=1, says=["redis GET list gave ResponseError"]
    )
    with redis_server.stopped():
        down = project.run("--mimic-rerecord", env=env).expect(failed=2, says=["redis SET user:1 raised"])

    assert wrong.vault == good
    assert down.vault == good

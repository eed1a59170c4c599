"""A service that is down while a test records leaves good recordings as they were."""

from __future__ import annotations

import pytest
from support.http_server import NOWHERE

for _client in ("requests", "redis", "sqlalchemy"):
    pytest.importorskip(_client)

pytest_plugins = ("support.database_servers",)

TEST = """
import os, pytest, requests

def get(page):
    return requests.get(os.environ["API"] + page).status_code

def test_items():
    assert get("/items") == 200

def test_flaky():
    assert get("/flaky") == int(os.environ.get("STATUS", "200"))
"""


@pytest.fixture
def shop(project):
    """A project with a server whose page /flaky is well after two tries, and a function that runs it with the server."""
    project.ini("requests ignore=host,port,headers.host")
    project.tests(TEST)
    with project.shop() as server:

        def up(*args, tries, **env):
            server.flaky[str({})] = tries  # of the page without a query
            return project.run(*args, env=env)

        project.up = up
        yield project


def test_an_outage_of_a_web_service_leaves_its_recordings(shop):
    good = shop.up("--mimic-record", tries=2).expect(passed=2).vault

    failing = shop.up("--mimic-rerecord", tries=0).expect(
        passed=1, failed=1, says=["GET /flaky"]
    )
    down = shop.run("--mimic-rerecord", env={"API": NOWHERE}).expect(failed=2)

    assert failing.vault == down.vault == good
    shop.run(env={"API": NOWHERE}).expect(passed=2)


def test_a_large_answer_that_says_of_a_failure_is_made_again(shop):
    shop.tests(TEST.replace("/items", "/heavy"))
    first = shop.up("--mimic-record", "-k", "items", tries=2).expect(
        failed=1, deselected=1
    )

    assert first.calls == []


def test_a_failed_exchange_of_a_failing_test_is_made_again(shop):
    first = shop.up("--mimic-record", tries=0).expect(passed=1, failed=1)

    second = shop.up("--mimic-record", tries=2).expect(
        passed=2, says=["1 call recorded"]
    )

    assert (len(first.calls), len(second.calls)) == (1, 2)


GUARDED = """
@pytest.mark.parametrize("status", STATUSES)
def test_it(status):
    answer = requests.get(f"{os.environ['API']}/guarded?status={status}")
    assert answer.status_code == (status if os.environ.get("EXPECTED") else 200)
"""
# A key was forgotten; the service was too slow or too busy. The 404 and the 409 are
# answers like any other.
FAILURES = (401, 403, 407, 408, 425, 429)


@pytest.fixture
def guarded(project):
    """A project whose tests get answers of these statuses, and one of each other."""
    project.ini("requests ignore=host,port,headers.host")
    project.tests(GUARDED.replace("STATUSES", str((*FAILURES, 404, 409))))
    return project


def test_a_failing_test_keeps_no_answer_that_the_service_would_not_give_again(guarded):
    with guarded.shop() as server:
        first = guarded.record().expect(failed=8)
        server.release = 2
        again = guarded.record().expect(passed=6, failed=2)

    statuses = sorted(call.owner[-4:-1] for call in first.calls)
    assert statuses == ["404", "409"]
    assert len(again.calls) == 8


def test_a_passing_test_keeps_the_answers_that_it_expects(guarded):
    """Failures are listed."""
    with guarded.shop():
        expected = guarded.record(env={"EXPECTED": "1"}).expect(passed=8)

    found = [
        line.split("    ")[0].strip() for line in expected.section if " gave " in line
    ]
    assert found == [
        f"http GET /guarded?status={status} gave {status}" for status in FAILURES
    ]
    guarded.replay(env={"API": NOWHERE, "EXPECTED": "1"}).expect(passed=8)


def test_an_error_of_a_database_replaces_no_recording(project):
    project.ini("sqlalchemy")
    project.tests("""
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

    run.expect(failed=1, says=["SELECT name FROM users raised"])
    assert run.vault == good


def test_an_outage_of_redis_leaves_its_recordings(project, redis_server):
    project.ini("redis")
    project.tests("""
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

    wrong = project.run(
        "--mimic-rerecord", "-k", "wrong", env={**env, "WRONG": "1"}
    ).expect(failed=1, deselected=1, says=["GET list"])
    with redis_server.stopped():
        down = project.run("--mimic-rerecord", env=env).expect(
            failed=2, says=["SET user:1"]
        )

    assert wrong.vault == good
    assert down.vault == good


def test_an_exception_that_no_client_knows_is_drift_of_a_recorded_response(project):
    """pytest-socket raises such an exception where a test may not connect."""
    project.ini("requests ignore=host,port,headers.host")
    project.tests(
        """
        import os, requests, socket

        def refuse(connection, *args):
            connection.close()
            raise RuntimeError("no test may connect")

        def test_items(monkeypatch):
            if "REFUSED" in os.environ:
                monkeypatch.setattr(socket.socket, "connect", refuse)
            assert requests.get(os.environ["API"] + "/items").status_code == 200
        """
    )
    with project.shop():
        project.record().expect(passed=1)

    env = {"API": NOWHERE, "REFUSED": "yes"}
    project.run("--mimic-verify", env=env).expect(
        failed=1, says=["the real call raised RuntimeError"]
    )

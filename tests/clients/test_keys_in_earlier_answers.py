"""Section 5, secrets: a key that an answer gave under a harmless name is hidden there, too, once it is sent."""

from __future__ import annotations

import pytest
from support import loopback

KEY = "q7Rk2mT9xW4vB8nZ3pL6sD5fG1hJ0"


class Service(loopback.Handler):
    def do_GET(self):
        self.json(
            {"value": {"nonce": KEY, "plan": "gold"}}
            if self.path == "/begin"
            else {"ok": True}
        )


@pytest.mark.parametrize(
    "sends",
    [
        '{"headers": {"Authorization": "Bearer " + given}}',
        '{"cookies": {"visit": given}}',
        '{"headers": {"X-RapidAPI-Key": given}}',
        '{"params": {"api_key": given}}',
    ],
    ids=["authorization", "cookie", "header", "query"],
)
def test_a_key_is_hidden_in_the_answer_that_gave_it(project, sends):
    project.ini("http")
    project.tests(f"""
        import httpx, os

        def test_it():
            given = httpx.get(os.environ["API"] + "/begin").json()["value"]["nonce"]
            assert httpx.get(os.environ["API"] + "/me", **{sends}).json()["ok"]
    """)

    with project.shop(Service):
        run = project.record().expect(passed=1)

    kept = b"".join(run.vault.values()).decode()
    assert KEY not in kept
    assert "gold" in kept
    project.run().expect(passed=1)


def test_an_answer_in_a_file_that_is_written_already_is_named(project):
    """That of a fixture is written when it has been set up."""
    project.ini("http")
    project.tests("""
        import httpx, os, pytest

        @pytest.fixture(scope="session")
        def given():
            return httpx.get(os.environ["API"] + "/begin").json()["value"]["nonce"]

        def test_it(given):
            assert httpx.get(os.environ["API"] + "/me", headers={"Authorization": "Bearer " + given}).json()["ok"]
    """)

    with project.shop(Service):
        run = project.record()

    run.expect(passed=1, says=["kept in clear: what http GET /begin gave, a key"])

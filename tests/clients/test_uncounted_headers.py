"""Section 3: a header that differs from the recorded one, and does not count, is named by a replay."""

from __future__ import annotations

import pytest
from support import loopback

ROW = "differs, and does not count:"


class Greeting(loopback.Handler):
    def do_GET(self):
        self.json({"hello": self.headers.get("X-User")})


@pytest.fixture
def greeting(project):
    """A test that has recorded its request, and sends what HEADERS names beside."""
    project.ini("http")
    project.tests("""
        import json, os, httpx

        def test_it():
            headers = {"X-User": "ann", **json.loads(os.environ.get("HEADERS", "{}"))}
            headers = {name: value for name, value in headers.items() if value}
            url = os.environ["API"] + "/me"
            assert httpx.get(url, headers=headers).json() == {"hello": "ann"}
    """)
    with project.shop(Greeting):
        project.record().expect(passed=1, never=[ROW])
    return project


@pytest.mark.parametrize("headers", ['{"X-User": "bob"}', '{"X-User": ""}'])
@pytest.mark.parametrize("options", [(), ("-q",)])
def test_it_is_named_with_what_lets_it_count(greeting, headers, options):
    run = greeting.replay(*options, env={"HEADERS": headers}).expect(passed=1)

    at = run.section.index(ROW)
    assert run.section[at : at + 4] == [
        ROW,
        "  x-user    1 call in 1 test",
        "to let it count: http match=headers.x-user",
        "to be told no more: http ignore=headers.x-user",
    ]
    greeting.ini("http match=headers.x-user")
    greeting.replay(env={"HEADERS": headers}).expect(failed=1)
    for line in ("http ignore=headers.x-user", "http ignore=headers"):
        greeting.ini(line)
        greeting.replay(env={"HEADERS": headers}).expect(passed=1, never=[ROW])


@pytest.mark.parametrize(
    "headers",
    [
        '{"User-Agent": "other/2", "Accept-Encoding": "gzip", "Cache-Control": "no-cache"}',
        '{"X-Stainless-OS": "Linux", "X-Goog-Api-Client": "gl-python/3", "Stripe-Version": "2"}',
        '{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}',
        '{"X-Request-Id": "a1", "X-Amz-Date": "20261130T000000Z"}',
        '{"X-Order": "0b0e9c5c-6f5a-4b6e-9c55-0d2a4a0a3b61"}',
        '{"Authorization": "Bearer abc", "Cookie": "session=1", "X-Api-Key": "hunter2"}',
    ],
    ids=["connection", "SDK", "trace", "ids and dates", "made anew", "secrets"],
)
def test_what_a_client_sets_and_secrets_are_not_named(greeting, headers):
    greeting.replay(env={"HEADERS": headers}).expect(passed=1, never=[ROW])

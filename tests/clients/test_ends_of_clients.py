"""Calls of clients end in a replay as they did: cancelled ones wait, and open ones end with their owner."""

from __future__ import annotations

import pytest
from support.http_server import running_server

pytest.importorskip("httpx")

pytest_plugins = ("support.database_servers",)


@pytest.fixture
def server():
    with running_server() as server:
        yield server


def both_runs(project, server, body, **expected):
    """Record a test module, stop the server, and replay each of its tests."""
    project.ini("http")
    project.tests(body)
    api = {"API": server.url}
    project.record(env=api).expect(**expected, never=["not recorded"])
    server.stop()
    project.replay(env=api).expect(**expected, never=["missing"])


def test_a_stream_of_a_module_fixture_ends_with_the_module(project, server):
    body = """
        import os
        import httpx, pytest

        KEPT = []

        @pytest.fixture(scope="module")
        def feed():
            client = httpx.Client()
            request = client.build_request("GET", os.environ["API"] + "/stall")
            response = client.send(request, stream=True)
            KEPT.extend([response, client])
            return response.iter_raw()

        def test_first(feed):
            assert next(feed) == b"the beginning"

        def test_second(feed):
            assert feed is not None
    """

    both_runs(project, server, body, passed=2)

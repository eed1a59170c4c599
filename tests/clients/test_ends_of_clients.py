"""Calls of clients end in a replay as they did: cancelled ones wait, and open ones end with their owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server

pytest.importorskip("httpx")

pytest_plugins = ("support.database_servers",)


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def both_runs(project, server, body: str, **expected: int) -> None:
    """Record a test module, stop the server, and replay each of its tests."""
    project.ini("http")
    project.tests(body)
    api = {"API": server.url}
    project.record(env=api).expect(**expected, never=["not recorded"])
    server.stop()
    project.replay(env=api).expect(**expected, never=["missing"])


def test_a_blocking_command_of_redis_is_given_up(project, redis_server):
    project.ini("redis")
    project.tests("""
        import asyncio, os
        import redis.asyncio

        async def main():
            client = redis.asyncio.Redis.from_url(os.environ["REDIS"], decode_responses=True)
            is_late = False
            try:
                await asyncio.wait_for(client.blpop("jobs", 0), 0.5)
            except asyncio.TimeoutError:
                is_late = True
            await client.rpush("jobs", "x")
            job = await client.blpop("jobs", 0)
            await client.aclose()
            return is_late, job[1]

        def test_it():
            assert asyncio.run(main()) == (True, "x")
    """)
    where = {"REDIS": f"redis://127.0.0.1:{redis_server.port}/0"}

    project.record(env=where).expect(passed=1, never=["not recorded"])

    project.replay(env=where).expect(passed=1, never=["missing"])


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

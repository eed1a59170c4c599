"""Calls of clients end in a replay as they did: cancelled ones wait, and open ones end with their test.

Each docstring, or comment, says what version 1.0.0rc3 gave in the replay.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server
from support.installed import need

need("anthropic", "openai")
for _name in ("aiohttp", "anyio", "httpx", "httpx2", "urllib3"):
    pytest.importorskip(_name)

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


def test_a_sibling_in_a_task_group_cancels_a_request_of_httpx2(project, server):
    """1.0.0rc3: the first request got the answer of the second."""
    if sys.version_info < (3, 11):
        pytest.skip("asyncio.TaskGroup is new in Python 3.11")
    body = """
        import asyncio, os
        import httpx2

        URL = os.environ["API"] + "/hang_first"

        async def main():
            answers = []
            async with httpx2.AsyncClient(timeout=60) as client:
                async def get():
                    answers.append((await client.get(URL)).status_code)

                async def fail():
                    await asyncio.sleep(1)
                    raise KeyError("stop")

                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(get())
                        group.create_task(fail())
                except ExceptionGroup:
                    answers.append("stopped")
                await get()
            return answers

        def test_it():
            assert asyncio.run(main()) == ["stopped", 200]
    """

    both_runs(project, server, body, passed=1)


@pytest.mark.rare
def test_a_scope_of_anyio_gives_up_a_request_of_aiohttp(project, server):
    """1.0.0rc3: (False, 200), as nothing was cancelled."""
    body = """
        import os
        import aiohttp, anyio

        URL = os.environ["API"] + "/hang_first"

        async def main():
            async with aiohttp.ClientSession() as session:
                async def get():
                    async with session.get(URL) as answer:
                        return answer.status

                with anyio.move_on_after(1) as scope:
                    await get()
                return scope.cancelled_caught, await get()

        def test_it():
            assert anyio.run(main) == (True, 200)
    """

    both_runs(project, server, body, passed=1)


def test_a_blocking_command_of_redis_is_given_up(project, redis_server):
    """1.0.0rc3: (False, "x"), the answer of the second command."""
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


def test_an_unread_response_of_urllib3_keeps_its_place(project, server):
    """1.0.0rc3: the first request got 200, the answer of the third."""
    body = """
        import os
        import urllib3

        KEPT = []

        def test_it():
            pool = urllib3.PoolManager(retries=False)
            url = os.environ["API"] + "/flaky"
            KEPT.append(pool.request("GET", url, preload_content=False))
            assert KEPT[0].status == 503
            assert [pool.request("GET", url).status for _ in range(2)] == [503, 200]

        def test_second():
            KEPT.pop().release_conn()
    """

    both_runs(project, server, body, passed=2)


def test_an_unread_response_of_an_asyncio_client_keeps_its_place(project, server):
    """1.0.0rc3: 503, 200, 200, as the second answer moved up."""
    body = """
        import asyncio, os
        import httpx2

        LOOP = asyncio.new_event_loop()
        KEPT = []

        async def main():
            url = os.environ["API"] + "/flaky"
            client = httpx2.AsyncClient()
            first = await client.send(client.build_request("GET", url), stream=True)
            KEPT.extend([first, client])
            later = [(await client.get(url)).status_code for _ in range(2)]
            return [first.status_code, *later]

        def test_it():
            assert LOOP.run_until_complete(main()) == [503, 503, 200]

        def test_second():
            for one in KEPT:
                LOOP.run_until_complete(one.aclose())
            LOOP.close()
    """

    both_runs(project, server, body, passed=2)


# 1.0.0rc3 missed each of these calls in every replay, and recorded none.
UNREAD = {
    "openai, raw": """
        client = openai.OpenAI(base_url=URL, api_key="k", max_retries=0)
        answer = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "q"}], stream=True
        )
        KEPT.append(answer.http_response)
        assert answer.status_code == 200
    """,
    "openai": """
        client = openai.OpenAI(base_url=URL, api_key="k", max_retries=0)
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "q"}], stream=True
        )
        KEPT.append(stream.response)
        assert KEPT[0].status_code == 200
    """,
    "anthropic": """
        client = anthropic.Anthropic(base_url=URL, api_key="k", max_retries=0)
        stream = client.messages.create(
            model="m",
            max_tokens=5,
            messages=[{"role": "user", "content": "q"}],
            stream=True,
        )
        KEPT.append(stream.response)
        assert KEPT[0].status_code == 200
    """,
}


# Importing these libraries takes most of the time of a test.
@pytest.mark.parametrize(
    "library",
    [
        "openai, raw",
        pytest.param("openai", marks=pytest.mark.rare),
        pytest.param("anthropic", marks=pytest.mark.rare),
    ],
)
def test_a_stream_of_a_language_model_that_nobody_reads_is_recorded(
    project, server, library
):
    body = f"""
        import os
        import {library.removesuffix(", raw")}

        URL = os.environ["API"] + "/events"
        KEPT = []

        def test_it():
{UNREAD[library].replace("        ", "            ")}

        def test_second():
            KEPT.pop().close()
    """

    both_runs(project, server, body, passed=2)


def test_a_stream_of_a_module_fixture_ends_with_the_module(project, server):
    """1.0.0rc3: an error in the set-up of both tests, a miss."""
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


# 1.0.0rc3: each attempt after the first one replayed its answer, and the test failed.
FLAKY = {
    "httpx": 'httpx.get(URL + "/count?k=1").text',
    "urllib3": 'urllib3.request("GET", URL + "/count?k=2").data.decode()',
    "aiohttp": "asyncio.run(get())",
}


@pytest.mark.parametrize("client", FLAKY)
@pytest.mark.rare
def test_a_new_attempt_sends_its_request_again(project, server, client):
    project.ini("http")
    project.tests(f"""
        import asyncio, os
        import aiohttp, httpx, pytest, urllib3

        URL = os.environ["API"]

        async def get():
            async with aiohttp.ClientSession() as session:
                async with session.get(URL + "/count?k=3") as answer:
                    return await answer.text()

        @pytest.mark.flaky(reruns=4)
        def test_it():
            assert {FLAKY[client]} == "3"
    """)
    api = {"API": server.url}
    plugins = ["rerunfailures"]

    project.record(env=api, plugins=plugins).expect(passed=1, rerun=2)

    server.stop()
    project.replay(env=api, plugins=plugins).expect(passed=1)

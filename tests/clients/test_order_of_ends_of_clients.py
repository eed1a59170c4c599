"""Section 5, *Logs*: answers of overlapping requests end as they ended when they were recorded."""

from __future__ import annotations

import threading

import pytest
from support import loopback

for _client in ("aiohttp", "httpx", "requests"):
    pytest.importorskip(_client)

ASYNC = """
    import asyncio, os
    import {library}

    API = os.environ["API"]

    async def race():
        async with {session} as client:
            async def get(number):
                {get}
                return number

            calls = [get(number) for number in (1, 2, 3)]
            return [await one for one in asyncio.as_completed(calls)]

    def test_results_come_as_they_are_completed():
        assert asyncio.run(race()) == [3, 2, 1]
"""
FIRST = """
    import asyncio, os
    import {library}

    API = os.environ["API"]

    async def race():
        async with {session} as client:
            async def get(number):
                {get}
                return number

            tasks = [asyncio.create_task(get(number)) for number in (1, 2, 3)]
            done, left = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
            await asyncio.gather(*left)
            return [one.result() for one in done]

    def test_the_first_comes_alone():
        assert asyncio.run(race()) == [3]
"""
READ_BY_AIOHTTP = (
    'async with client.get(f"{API}/{number}") as answer: await answer.read()'
)
TESTS = {
    "httpx, tasks": ASYNC.format(
        library="httpx",
        session="httpx.AsyncClient()",
        get='await client.get(f"{API}/{number}")',
    ),
    "aiohttp, tasks": ASYNC.format(
        library="aiohttp", session="aiohttp.ClientSession()", get=READ_BY_AIOHTTP
    ),
    "httpx, the first": FIRST.format(
        library="httpx",
        session="httpx.AsyncClient()",
        get='await client.get(f"{API}/{number}")',
    ),
    "aiohttp, the first": FIRST.format(
        library="aiohttp", session="aiohttp.ClientSession()", get=READ_BY_AIOHTTP
    ),
}


class Server(loopback.Server):
    """Answers the last of three requests first, and the first one last."""

    def __init__(self):
        super().__init__(Handler)
        self.answered = {number: threading.Event() for number in range(1, 5)}
        self.answered[4].set()


class Handler(loopback.Handler):
    server: Server

    def do_GET(self):
        number = int(self.path.strip("/"))
        self.server.answered[number + 1].wait(30)
        # The client has time to read the answer before.
        threading.Event().wait(0.1)
        self.json({"number": number})
        self.server.answered[number].set()


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_answers_of_requests_that_overlap_end_as_recorded(project, test):
    project.ini("http")
    project.tests(test)
    with project.shop(Server()):
        project.record().expect(passed=1)

    for _ in range(3):
        project.run().expect(passed=1)

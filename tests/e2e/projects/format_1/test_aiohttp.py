"""Exchanges through aiohttp, and one in a cassette."""

import asyncio

import aiohttp
import pytest
from exchanges import EVENTS, PICTURE, REQUESTS


async def exchange(method, url, **given):
    async with aiohttp.ClientSession() as session, session.request(method, url, **given) as response:
        return response.status, await response.read()


@pytest.mark.mimic("aiohttp")
def test_requests():
    for method, url, given, status, _ in REQUESTS:
        assert asyncio.run(exchange(method, url, **given))[0] == status
    assert asyncio.run(exchange("GET", PICTURE[0]))[1] == PICTURE[1]
    assert asyncio.run(exchange("GET", EVENTS[0]))[1] == EVENTS[1]


def test_cassette(mimic_auto):
    with mimic_auto("format_1/aiohttp", targets=["aiohttp"]) as cassette:
        assert asyncio.run(exchange("GET", PICTURE[0])) == (200, PICTURE[1])

    assert cassette.all_played

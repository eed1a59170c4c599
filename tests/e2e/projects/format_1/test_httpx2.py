"""Exchanges through httpx2, sync and async, and one in a cassette."""

import asyncio

import httpx2
import pytest
from exchanges import EVENTS, PICTURE, REQUESTS


def options(given):
    data = given.get("data")
    return {"content": data} if isinstance(data, bytes) else given


@pytest.mark.mimic("httpx2")
def test_requests():
    with httpx2.Client() as client:
        for method, url, given, status, text in REQUESTS:
            response = client.request(method, url, **options(given))
            assert response.status_code == status
            assert text is None or response.text.replace(" ", "") == text.replace(" ", "")
        assert client.get(PICTURE[0]).content == PICTURE[1]


@pytest.mark.mimic("httpx2")
def test_async():
    async def main():
        async with httpx2.AsyncClient() as client, client.stream("GET", EVENTS[0]) as response:
            return [chunk async for chunk in response.aiter_raw()]

    assert b"".join(asyncio.run(main())) == EVENTS[1]


def test_cassette(mimic_auto):
    with mimic_auto("format_1/httpx2", targets=["httpx2"]) as cassette:
        assert httpx2.get(REQUESTS[0][1]).json()["items"] == [{"id": 1, "price": 2.5}]
        assert httpx2.get(PICTURE[0]).content == PICTURE[1]

    assert cassette.all_played

"""Commands through redis-py, sync and async, and some in a cassette."""

import asyncio
import os

import pytest
import redis

URL = os.environ.get("KINDS_REDIS", "redis://127.0.0.1:1")


def work():
    with redis.Redis.from_url(URL, decode_responses=True) as client:
        client.flushdb()
        with client.pipeline() as pipe:
            pipe.set("name", "pen").hset(
                "order:1", mapping={"n": 1, "token": "tok-4711"}
            ).sadd("tags", "a", "b")
            assert pipe.execute() == [True, 2, 2]
        with pytest.raises(redis.ResponseError):
            client.lpush("name", 1)
        return (
            client.get("name"),
            client.hget("order:1", "n"),
            client.smembers("tags"),
            client.get("none"),
        )


async def later():
    async with redis.asyncio.Redis.from_url(URL) as client:
        await client.set("bytes", b"\xff\x00")
        return await client.get("bytes")


EXPECTED = ("pen", "1", {"a", "b"}, None)


@pytest.mark.mimic("redis")
def test_commands():
    assert work() == EXPECTED


@pytest.mark.mimic("redis")
def test_async():
    assert asyncio.run(later()) == b"\xff\x00"


def test_cassette(mimic_auto):
    with mimic_auto("kinds/redis", targets=["redis"]) as cassette:
        assert work() == EXPECTED

    assert cassette.all_played

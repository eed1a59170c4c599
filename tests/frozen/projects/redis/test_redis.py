"""Commands through redis-py, sync and async: values, pipelines, transactions, scripts, errors and secrets."""

import asyncio
import os

import pytest
import redis
import redis.asyncio

URL = os.environ.get("REDIS", "redis://127.0.0.1:1")


@pytest.fixture(params=[True, False], ids=["text", "bytes"])
def store(request):
    """An empty store."""
    with redis.Redis.from_url(URL, decode_responses=request.param) as store:
        store.flushdb()
        yield store


def test_values(store):
    """Values of each kind."""
    store.set("name", "Zoë")
    store.hset("order:1", mapping={"n": 1, "token": "secret-4720"})
    store.rpush("list", "a", "b")
    store.sadd("tags", "x")
    store.zadd("scores", {"a": 1.5})
    assert store.get("name") in ("Zoë", "Zoë".encode())
    assert len(store.hgetall("order:1")) == 2
    assert (len(store.lrange("list", 0, -1)), len(store.smembers("tags"))) == (2, 1)
    assert store.zscore("scores", "a") == 1.5
    assert (store.get("none"), store.exists("name"), store.incr("n")) == (None, 1, 1)
    assert len(list(store.scan_iter("n*"))) == 2


def test_pipelines(store):
    """Commands are sent together; a watched key changes."""
    with store.pipeline() as pipe:
        assert pipe.set("a", 1).incr("a").get("a").execute()[1] == 2
    with store.pipeline() as pipe:
        pipe.watch("a")
        store.set("a", 9)
        pipe.multi()
        pipe.get("a")
        with pytest.raises(redis.WatchError):
            pipe.execute()
    with store.pipeline(transaction=False) as pipe:
        assert pipe.set("b", 1).lpush("b", 1).execute(raise_on_error=False)[0] is True
    assert store.register_script("return ARGV[1]")(args=[7]) in ("7", b"7")


def test_errors(store):
    """Errors of the server."""
    store.set("name", "pen")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        store.lpush("name", 1)


def test_async():
    """The same through the asynchronous client."""

    async def main():
        async with redis.asyncio.Redis.from_url(URL) as store:
            await store.flushdb()
            await store.set("bytes", b"\xff\x00")
            async with store.pipeline() as pipe:
                return [
                    await store.get("bytes"),
                    *await pipe.incr("n").get("n").execute(),
                ]

    assert asyncio.run(main()) == [b"\xff\x00", 1, b"1"]


def test_cassette(mimic_auto):
    """Commands of a cassette."""
    with mimic_auto("talk") as cassette, redis.Redis.from_url(URL) as store:
        assert store.set("k", "v")
        assert store.get("k") == b"v"
    assert len(cassette.calls) == 2

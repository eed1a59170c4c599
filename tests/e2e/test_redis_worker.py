"""A worker of a job queue on Redis, sync and asyncio, is recorded with its server and replays without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

redis = pytest.importorskip("redis")

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import RedisServer

pytest_plugins = ("support.database_servers",)

WORKER = """
import json

import redis

# Moves a job back, unless it was tried too often: then it raises.
RETRY = '''
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
if tries > tonumber(ARGV[1]) then
    return redis.error_reply('TOOMANY job ' .. KEYS[1] .. ' was tried too often')
end
redis.call('LPUSH', 'queue', KEYS[1])
return tries
'''

def put(client, number, **job):
    with client.pipeline() as pipe:
        pipe.hset(f"job:{number}", mapping={"state": "new", "payload": json.dumps(job)})
        pipe.expire(f"job:{number}", 3600)
        pipe.lpush("queue", f"job:{number}")
        return pipe.execute()

def work(client, do):
    retry = client.register_script(RETRY)
    done = []
    while (taken := client.brpop(["queue"], timeout=0.1)) is not None:
        key = taken[1]
        try:
            result = do(json.loads(client.hget(key, "payload")))
        except ValueError:
            try:
                done.append((key, "again", retry(keys=[key], args=[2])))
            except redis.ResponseError as error:
                client.set(f"{key}:error", str(error), px=3600000)
                done.append((key, "failed", str(error)))
        else:
            client.hset(key, mapping={"state": "done", "result": result})
            done.append((key, "done", result))
    return done

async def work_async(client, do):
    retry = client.register_script(RETRY)
    done = []
    while (taken := await client.brpop(["queue"], timeout=0.1)) is not None:
        key = taken[1]
        try:
            result = do(json.loads(await client.hget(key, "payload")))
        except ValueError:
            try:
                done.append((key, "again", await retry(keys=[key], args=[2])))
            except redis.ResponseError as error:
                done.append((key, "failed", str(error)))
        else:
            done.append((key, "done", result))
    return done
"""

TESTS = """
import asyncio
import os

import pytest
import redis
import redis.asyncio
import worker

URL = os.environ["REDIS_URL"]

EXPECTED = [
    ("job:1", "done", 10),
    ("job:2", "again", 1),
    ("job:2", "again", 2),
    ("job:2", "failed"),
]

def do(job):
    if job["n"] < 0:
        raise ValueError(job)
    return job["n"] * 2

@pytest.fixture
def client():
    with redis.Redis.from_url(URL, decode_responses=True) as client:
        client.flushdb()
        worker.put(client, 1, n=5)
        worker.put(client, 2, n=-1)
        yield client

def test_worker(client):
    done = worker.work(client, do)
    assert [entry[:len(wanted)] for entry, wanted in zip(done, EXPECTED)] == EXPECTED
    assert done[-1][2].startswith("TOOMANY job job:2 was tried too often")
    assert client.hgetall("job:1")["state"] == "done"
    assert 0 < client.pttl("job:2:error") <= 3600000
    assert sorted(client.scan_iter("job:*")) == ["job:1", "job:2", "job:2:error"]

def test_async_worker(client):
    async def main():
        async with redis.asyncio.Redis.from_url(URL, decode_responses=True) as other:
            return await worker.work_async(other, do)

    done = asyncio.run(main())
    assert [entry[:len(wanted)] for entry, wanted in zip(done, EXPECTED)] == EXPECTED

def test_result(client):
    assert client.hget("job:1", "state") == "new"
"""


TARGETS = ["redis"]


@pytest.fixture
def there(redis_server: RedisServer) -> dict[str, str]:
    """The variable by which a project finds the server."""
    return {"REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0"}


def test_a_worker_replays_without_its_server(
    project: Project, redis_server: RedisServer, there: dict[str, str]
) -> None:
    project.write("worker.py", WORKER)
    project.write("test_worker.py", TESTS)
    project.record(env=there).expect(passed=3)

    with redis_server.stopped():
        project.replay(env=there).expect(passed=3)
        for name in ("test_worker", "test_async_worker", "test_result"):
            project.replay(f"test_worker.py::{name}", env=there).expect(passed=1)


def test_refused_pubsub_names_the_remedy(project: Project, there: dict[str, str]) -> None:
    project.test("""
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client, client.pubsub() as channel:
            channel.subscribe("news")
            assert channel.get_message(timeout=60)["type"] == "subscribe"
    """)
    project.record(env=there).expect(
        failed=1, says=["redis SUBSCRIBE news cannot be recorded", "redis exclude=SUBSCRIBE"]
    )

    project.ini("redis exclude=SUBSCRIBE")
    project.run(env=there).expect(passed=1)


def test_a_test_can_expect_refused_pubsub(project: Project, there: dict[str, str]) -> None:
    project.test("""
        from pytest_mimic.errors import UnstorableOutcomeError

        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            with pytest.raises(UnstorableOutcomeError, match="SUBSCRIBE"):
                client.pubsub().subscribe("ch")
            with pytest.raises(UnstorableOutcomeError, match="MONITOR"), client.monitor():
                pass
    """)
    for option in ("--mimic-record", "--mimic-verify", "-v"):
        project.run(option, env=there).expect(passed=1, never=["missing", "swallowed"])


def test_recorded_client_errors_are_reported(
    project: Project, redis_server: RedisServer, there: dict[str, str]
) -> None:
    project.test("""
        url = os.environ["REDIS_URL"]
        with redis.Redis.from_url(url) as client, redis.Redis.from_url(url, socket_timeout=0.3, retry=None) as hasty:
            client.ping()
            with pytest.raises(redis.TimeoutError):
                hasty.blpop("nolist", timeout=0)
            assert client.get("a") is None
    """)
    project.record(env=there).expect(
        passed=1, says=["3 calls recorded", "redis BLPOP nolist raised TimeoutError"]
    )
    project.run("--mimic-verify", env=there).expect(passed=1)

    with redis_server.stopped():
        project.replay(env=there).expect(passed=1)


def test_a_changing_value_can_be_ignored_by_its_place(
    project: Project, redis_server: RedisServer, there: dict[str, str]
) -> None:
    project.test("""
        import uuid

        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            assert client.set("id", str(uuid.uuid4()))
    """)
    project.record(env=there).expect(passed=1)
    project.run(env=there).expect(failed=1, says=["no recording of redis SET id", "command[2]: "])

    project.ini("redis ignore=command.2")
    project.record(env=there).expect(passed=1)
    with redis_server.stopped():
        project.run(env=there).expect(passed=1)


def test_a_method_kept_from_an_earlier_block_works_in_the_next(
    project: Project, redis_server: RedisServer, there: dict[str, str]
) -> None:
    """Garbage that is not collected yet keeps methods, too."""
    project.ini()
    project.test("""
        from pytest_mimic import mimic

        with mimic("redis"):
            kept = redis.connection.AbstractConnection.read_response
        with mimic("redis"), redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            assert client.set("a", 1)
    """)
    project.record(env=there).expect(passed=1)
    with redis_server.stopped():
        project.run(env=there).expect(passed=1)

"""Whole runs with Redis: what a fixture sets is there, what is refused names the way out, a cancelled command waits."""

from __future__ import annotations

import pytest

redis = pytest.importorskip("redis")

pytest_plugins = ("support.database_servers",)

TARGETS = ["redis"]


@pytest.fixture
def there(redis_server):
    """The variable by which a project finds the server."""
    return {"REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0"}


def test_refused_pubsub_names_the_remedy(project, there):
    """A test can expect the refusal."""
    project.tests("""
        from pytest_mimic.errors import UnstorableOutcomeError

        def test_news():
            with redis.Redis.from_url(os.environ["REDIS_URL"]) as client, client.pubsub() as channel:
                channel.subscribe("news")
                assert channel.get_message(timeout=60)["type"] == "subscribe"

        def test_expected():
            with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
                with pytest.raises(UnstorableOutcomeError, match="SUBSCRIBE"):
                    client.pubsub().subscribe("ch")
                with pytest.raises(UnstorableOutcomeError, match="MONITOR"), client.monitor():
                    pass
    """)
    says = ["redis SUBSCRIBE news cannot be recorded", "redis exclude=SUBSCRIBE"]
    project.record(env=there).expect(passed=1, failed=1, says=says)

    project.ini("redis exclude=SUBSCRIBE")
    project.run("-k", "news", env=there).expect(passed=1, deselected=1)


FIXTURE = """
    client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

    @pytest.fixture(scope="module", autouse=True)
    def jobs():
        client.rpush("jobs", "a", "b")
        yield
        client.delete("jobs")
        client.close()

    def test_before():
        assert client.lrange("jobs", 0, -1) == ["a", "b"]

    def test_push():
        assert client.rpush("jobs", "NAME") == 3
        assert client.lrange("jobs", 0, -1) == ["a", "b", "NAME"]
        client.rpop("jobs")

    def test_after():
        assert client.llen("jobs") == 2
"""


def test_keys_of_a_wider_fixture_are_there(project, redis_server, there):
    """They are set and deleted for real when the commands of one test run for real."""
    project.write("test_jobs.py", FIXTURE.replace("NAME", "c"))
    before = project.record(env=there).expect(passed=3)
    project.write("test_jobs.py", FIXTURE.replace("NAME", "d"))

    test = "test_jobs.py::test_push"
    assert project.command("rm", test).code == 0
    again = project.record(test, env=there).expect(passed=1, says=["3 calls recorded"])

    with redis.Redis(port=redis_server.port) as client:
        assert client.keys() == []
    owned = [
        call.file
        for call in before.calls
        if not call.is_shared and "::test_" not in call.head["owner"]
    ]
    assert len(owned) == 2
    assert not again.changed.intersection(owned)
    project.run(
        "--mimic-fail-on-unused", env={"REDIS_URL": "redis://127.0.0.1:1/0"}
    ).expect(passed=3)


def test_a_cancelled_command_waits_in_a_replay(project, redis_server):
    """And the next equal one gets its own reply; also if it is answered now."""
    project.ini("redis")
    project.tests("""
        import redis.asyncio

        async def take(client):
            try:
                return await asyncio.wait_for(client.brpop(["empty"], timeout=0), 0.5)
            except asyncio.TimeoutError:
                return "nothing"

        def test_it():
            async def main():
                async with redis.asyncio.from_url(os.environ["REDIS"]) as client:
                    first = await take(client)
                    await client.lpush("empty", "job")
                    return first, await take(client)
            assert asyncio.run(main()) == ("nothing", (b"empty", b"job"))
    """)
    url = {"REDIS": f"redis://127.0.0.1:{redis_server.port}"}

    project.record(env=url).expect(passed=1)
    redis.Redis(port=redis_server.port).lpush("empty", "job")
    project.run("--mimic-verify", env=url).expect(passed=1)

    with redis_server.stopped():
        project.replay(env=url).expect(passed=1)


def test_a_key_in_a_value_is_masked_before_the_label_is_cut(project, there):
    key = "sk-proj-" + "Zq7Lk2Vb9Xc4Mn1P" * 3
    project.test(f"""
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.set("greeting", "hi {key}")
    """)

    recorded = project.record(env=there).expect(passed=1)

    assert "looks like a secret:" in recorded.section
    assert key[:12] not in recorded.output

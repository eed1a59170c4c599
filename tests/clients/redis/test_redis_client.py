"""The client of redis-py, sync and asyncio, with a real server."""

from __future__ import annotations

import asyncio
import json

import pytest

pytest.importorskip("redis")

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.face import PLACEHOLDER
from support.placeholders import unmarked

from pytest_mimic.errors import MissingRecordingError

pytest_plugins = ("support.database_servers",)

GONE = 1


@pytest.fixture
def line():
    return "redis"


@pytest.fixture
def port(redis_server):
    """The port of an empty server."""
    return redis_server.port


@pytest.fixture
def both(runs, port):
    """Return what steps give while they are recorded, and in a replay without the server."""
    runs.again("record")

    def play(steps, **options):
        seen = []
        for mode, place in (("record", port), ("replay", GONE)):
            runs.again(mode)
            with redis.Redis(port=place, **options) as client:
                seen.append(steps(client))
        return seen[0], seen[1]

    yield play
    assert runs.abandoned == 0


@pytest.fixture
def same(both):
    """Return what steps give, which is the same in a replay without the server."""

    def play(steps, **options):
        recorded, replayed = both(steps, **options)
        assert replayed == recorded
        return recorded

    return play


def commands(client):
    """Send a command for each shape of reply."""
    seen = [
        client.set("user:1", "Ann", ex=100),
        client.get("user:1"),
        client.get("nobody"),
        client.set("user:1", "Bob", nx=True),
        client.incr("visits", 5),
        client.hset("profile", mapping={"name": "Ann", "age": 3}),
        client.hgetall("profile"),
        client.hmget("profile", "name", "none"),
        client.rpush("queue", "a", "b", "c"),
        client.lrange("queue", 0, -1),
        client.sadd("tags", "x", "y"),
        client.smembers("tags"),
        client.zadd("scores", {"a": 1.5, "b": float("inf")}),
        client.zrange("scores", 0, -1, withscores=True),
        client.xadd("events", {"kind": "new"}, id="1-1"),
        client.xrange("events"),
        client.xread({"events": 0}),
        client.mset({"a": 1, "b": 2}),
        client.mget("a", "none", "b"),
        client.expire("a", 10),
        client.ttl("a") > 0,
        client.exists("a", "b"),
        client.config_get("maxmemory"),
        client.type("queue"),
    ]
    return [*seen, sorted(client.scan_iter(count=2)), sorted(client.sscan_iter("tags"))]


@pytest.mark.parametrize("decode", [False, True], ids=["bytes", "text"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_commands_replay_without_the_server(same, protocol, decode):
    recorded = same(commands, protocol=protocol, decode_responses=decode)

    assert recorded[1] == ("Ann" if decode else b"Ann")
    assert recorded[2] is None


def test_binary_keys_and_values_are_exact(same):
    def steps(client):
        client.set(b"\xff\x00", bytes(range(256)))
        return client.get(b"\xff\x00")

    assert same(steps) == bytes(range(256))


def test_an_error_reply_raises_the_client_s_exception(same):
    def steps(client):
        client.set("a", "text")
        seen = []
        for command in (
            ("LPUSH", "a", 1),
            ("INCR", "a"),
            ("NOTHING",),
            ("EVALSHA", "0" * 40, 0),
        ):
            with pytest.raises(redis.ResponseError) as caught:
                client.execute_command(*command)
            seen.append((type(caught.value), str(caught.value)))
        return seen

    recorded = same(steps)

    assert recorded[3][0] is redis.exceptions.NoScriptError


def test_a_pipeline_is_one_call(same, runs):
    def steps(client):
        seen = []
        with client.pipeline() as pipe:
            seen.append(pipe.set("n", 1).incr("n").expire("n", 10).get("n").execute())
        with client.pipeline(transaction=False) as pipe:
            found = pipe.get("n").lpush("n", 1).get("n").execute(raise_on_error=False)
            seen.append([found[0], type(found[1]), str(found[1]), found[2]])
        with (
            client.pipeline() as pipe,
            pytest.raises(redis.ResponseError, match="Command # 2") as caught,
        ):
            pipe.get("n").lpush("n", 1).execute()
        return [*seen, str(caught.value)]

    same(steps)

    assert runs.signatures == ["MULTI n", "PIPELINE n", "MULTI n"]


def test_a_lost_transaction_raises_watcherror_again(same):
    def steps(client):
        client.set("n", 1)
        tries = []

        def add(pipe):
            value = int(pipe.get("n"))
            if not tries:
                client.set("n", 10)
            tries.append(value)
            pipe.multi()
            pipe.set("n", value + 1)

        client.transaction(add, "n")
        return [tries, client.get("n")]

    assert same(steps) == [[1, 10], b"11"]


def test_a_script_that_was_flushed_is_loaded_by_its_client_alone(same):
    def steps(client):
        double = client.register_script("return ARGV[1] * 2")
        seen = [double(args=[21])]
        client.script_flush()
        seen.append(client.script_exists(double.sha))
        with pytest.raises(redis.exceptions.NoScriptError):
            client.evalsha(double.sha, 0, 4)
        return [*seen, double(args=[4])]

    assert same(steps) == [42, [False], 8]


def test_settings_of_the_server_keep_their_names(both, runs):
    def steps(client):
        client.config_set("maxmemory", 1_000_000)
        seen = [client.config_get("maxmemory")]
        client.config_set("masterauth", "horse-battery")
        client.config_set("maxmemory", 0, "masterauth", "")
        return [*seen, client.config_get("max*")["maxmemory"]]

    recorded, replayed = both(steps, decode_responses=True)

    assert replayed == recorded == [{"maxmemory": "1000000"}, "0"]
    assert "horse-battery" not in runs.text


def test_locks_have_the_same_tokens_in_each_run(same):
    def steps(client):
        with client.lock("report", timeout=10) as first:
            other = client.lock("report", timeout=10)
            seen = [
                first.owned(),
                other.acquire(blocking=False),
                other.owned(),
                first.extend(5),
            ]
        seen += [
            other.acquire(),
            first.local.token == other.local.token,
            other.release(),
            first.locked(),
        ]
        first.acquire(token="own")
        return [*seen, first.local.token]

    assert same(steps) == [True, False, False, True, True, False, None, False, b"own"]


def test_connection_set_up_is_not_recorded(both, runs):
    recorded, replayed = both(
        lambda client: client.get("a"),
        db=2,
        client_name="worker",
        protocol=3,
        health_check_interval=1,
    )

    assert recorded is replayed is None
    assert runs.signatures == ["GET a"]


def test_a_miss_opens_no_connection(runs):
    runs.again("replay")

    with (
        redis.Redis(port=GONE) as client,
        pytest.raises(MissingRecordingError, match="GET a"),
    ):
        client.get("a")


def test_secrets_never_reach_a_recording(both, runs):
    def steps(client):
        client.hset("user:1", mapping={"name": "Ann", "password": "hunter2"})
        client.set("user:1:api_key", "hunter2")
        client.set("settings", '{"api_key": "hunter2", "a": 1}')
        client.set("place", "postgres://ann:hunter2@db/shop")
        client.xadd("log", {"password": "hunter2"})
        client.sadd("ann:api_keys", "hunter2")
        client.zadd("session_token", {"hunter2": 1.5, "hunter2-b": 2})
        client.acl_setuser("bob", enabled=True, passwords=["+hunter2"])
        return [
            client.hgetall("user:1"),
            client.hmget("user:1", "name", "password"),
            client.get("settings"),
            client.get("place"),
            client.pipeline()
            .get("user:1:api_key")
            .hgetall("user:1")
            .get("settings")
            .execute(),
            client.xrange("log"),
            client.sscan("ann:api_keys"),
            client.hscan("user:1"),
            client.hrandfield("user:1", 10, withvalues=True),
            client.zrange("session_token", 0, -1, withscores=True),
            client.zpopmin("session_token"),
            client.eval(
                "return {redis.call('GET', KEYS[1]), ARGV[1]}",
                1,
                "user:1:api_key",
                "hunter2",
            ),
            client.acl_cat("hash"),
        ]

    for protocol in (2, 3):
        runs.forget()
        recorded, replayed = both(steps, protocol=protocol)

        assert "hunter2" in repr(recorded)
        assert replayed[0] == {b"name": b"Ann", b"password": PLACEHOLDER.encode()}
        keys = [unmarked(key.decode()) for key in replayed[1]]
        assert keys == ["<redacted>", "<redacted>"]
        assert json.loads(replayed[2]) == {"api_key": PLACEHOLDER, "a": 1}
        assert replayed[3].startswith(b"postgres://")
        assert replayed[4] == [PLACEHOLDER.encode(), replayed[0], replayed[2]]
        assert replayed[-1] == recorded[-1]
        assert "hunter2" not in runs.text


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        (
            ["hmget", "user:1", "name", "password"],
            ["hmget", "user:1", "mail", "password"],
        ),
        (["mget", "token", "a"], ["mget", "token", "b"]),
        (["eval", "return 1", 2, "a", "b"], ["eval", "return 1", 1, "a", "b"]),
        (["eval", "return 1", 2, "a", "b"], ["eval", "return 1", 3, "a", "b"]),
    ],
    ids=str,
)
def test_another_field_beside_a_secret_name_or_number_of_keys_is_another_call(
    runs, port, recorded, asked
):
    with redis.Redis(port=port) as client:
        getattr(client, recorded[0])(*recorded[1:])
    runs.again("replay")

    with (
        redis.Redis(port=GONE) as client,
        pytest.raises(MissingRecordingError),
    ):
        getattr(client, asked[0])(*asked[1:])


# -- asyncio


def test_the_async_client_replays_without_the_server(runs, port):
    async def steps(place, **options):
        client = redis.asyncio.Redis(port=place, **options)
        seen = [
            await client.flushdb(),
            await client.set("user:1", "Ann"),
            await client.get("user:1"),
            await client.hset("h", mapping={"a": 1}),
            await client.hgetall("h"),
        ]
        async with client.pipeline() as pipe:
            seen.append(await pipe.incr("n").expire("n", 10).get("n").execute())
        with pytest.raises(redis.ResponseError) as caught:
            await client.lpush("n", 1)
        seen += [type(caught.value), str(caught.value)]
        seen.append(sorted([key async for key in client.scan_iter()]))
        async with client.lock("report", timeout=10) as lock:
            seen.append(await lock.owned())
        seen.append(
            await asyncio.gather(*[client.get(f"many:{number}") for number in range(5)])
        )
        await (client.aclose() if hasattr(client, "aclose") else client.close())
        return seen

    for options in ({"protocol": 2}, {"protocol": 3}, {"decode_responses": True}):
        runs.forget()
        runs.again("record")
        recorded = asyncio.run(steps(port, **options))
        runs.again("replay")
        assert asyncio.run(steps(GONE, **options)) == recorded


@pytest.mark.parametrize("gone", [False, True], ids=["no reply", "no server"])
def test_errors_of_the_async_client_are_recorded(runs, port, gone):
    async def steps(place):
        client = redis.asyncio.Redis(
            port=place, socket_timeout=0.2, retry=AsyncRetry(NoBackoff(), 0)
        )
        with pytest.raises(
            redis.ConnectionError if gone else redis.TimeoutError
        ) as caught:
            await client.blpop(["queue"], timeout=0)
        await (client.aclose() if hasattr(client, "aclose") else client.close())
        return type(caught.value), str(caught.value)

    recorded = asyncio.run(steps(GONE if gone else port))
    runs.again("replay")

    assert asyncio.run(steps(GONE)) == recorded


def patient(client):
    """Return the client without a timeout."""
    client.connection_pool.connection_kwargs["socket_timeout"] = None
    client.connection_pool.disconnect()
    client.connection_pool.reset()
    return client


@pytest.mark.parametrize("count", [1, 3], ids=["command", "pipeline"])
def test_a_timeout_while_reading_is_recorded(same, runs, count):
    def steps(client):
        pipe = client.pipeline(transaction=False)
        for number in range(count - 1):
            pipe.incr("n", number)
        with pytest.raises(redis.TimeoutError) as caught:
            pipe.blpop(["queue"], timeout=0).execute()
        return [type(caught.value), str(caught.value), patient(client).get("a")]

    recorded = same(steps, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))

    assert recorded[0] is redis.TimeoutError
    assert runs.signatures[-1] == "GET a"


def test_each_retry_of_the_client_is_a_call(both, runs):
    def steps(client):
        with pytest.raises(redis.TimeoutError):
            client.blpop(["queue"], timeout=0)
        return patient(client).get("a")

    again = {"retry": Retry(NoBackoff(), 2), "retry_on_error": [redis.TimeoutError]}
    recorded, replayed = both(steps, socket_timeout=0.2, **again)

    assert recorded is replayed is None
    assert runs.signatures == ["BLPOP queue"] * 3 + ["GET a"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"port": GONE}, redis.ConnectionError),
        ({"password": "hunter2", "protocol": 2}, redis.AuthenticationError),
        (
            {"username": "nobody", "password": "hunter2", "protocol": 3},
            redis.AuthenticationError,
        ),
        ({"db": 99}, redis.ResponseError),
    ],
    ids=["refused", "login", "login of the third protocol", "database"],
)
def test_a_failed_connection_is_recorded_for_its_command(runs, port, options, error):
    def steps(place):
        with redis.Redis(
            retry=Retry(NoBackoff(), 0), **{"port": place, **options}
        ) as client:
            with pytest.raises(error) as caught:
                client.get("a")
            return type(caught.value), str(caught.value)

    recorded = steps(port)
    runs.again("replay")

    assert steps(GONE) == recorded
    assert "hunter2" not in runs.text


def test_each_unix_socket_is_a_database_of_its_own(runs, tmp_path):
    def ask(name):
        options = {"unix_socket_path": str(tmp_path / name)}
        with redis.Redis(retry=Retry(NoBackoff(), 0), **options) as client:
            with pytest.raises(redis.ConnectionError) as caught:
                client.get("a")
            return str(caught.value)

    runs.again("record")
    for name in ("one", "two", "one"):
        assert f"/{name}" in ask(name)

    runs.again("replay")
    for name in ("one", "one", "two"):
        assert f"/{name}" in ask(name)


def test_verifying_compares_the_type_of_an_error(runs):
    """Its text names the server's address."""
    client = redis.Redis(port=GONE, retry=Retry(NoBackoff(), 0))
    with client, pytest.raises(redis.ConnectionError):
        client.get("a")
    runs.again("verify")

    client = redis.Redis(port=GONE + 1, retry=Retry(NoBackoff(), 0))
    with client, pytest.raises(redis.ConnectionError):
        client.get("a")


def test_a_reply_that_nobody_reads_is_not_that_of_the_next_command(runs, port):
    with redis.Redis(port=port, single_connection_client=True) as client:
        client.set("a", "1")
        client.connection.send_command("GET", "a")
        client.connection.disconnect()

        assert client.get("b") is None
    assert runs.answers[-1].data == {"reply": None}

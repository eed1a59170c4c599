"""While verifying, statements and commands are sent for real, and the application gets what was recorded."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

pytest.importorskip("redis")
pytest.importorskip("sqlalchemy")

import redis
import redis.asyncio
import sqlalchemy as sa
from support.runs import Runs

pytest_plugins = ("support.database_servers",)


@pytest.fixture
def sql(monkeypatch):
    """Runs of a test with SQLAlchemy."""
    runs = Runs("sqlalchemy")
    runs.install(monkeypatch)
    return runs


@pytest.fixture
def engine(tmp_path):
    """An engine of a new SQLite file."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    yield engine
    engine.dispose()  # since Python 3.13, a connection that is not closed warns


def order(engine):
    """Place an order, and return its id, its token and the number of orders."""
    with engine.begin() as connection:
        made = connection.execute(
            sa.text("INSERT INTO orders (token) VALUES ('t') RETURNING id")
        ).scalar_one()
        token = connection.execute(sa.text("SELECT token FROM users")).scalar_one()
        known = sa.text("SELECT count(*) FROM users WHERE token = :token")
        return made, connection.execute(known, {"token": token}).scalar_one()


def test_a_statement_runs_and_gives_the_recorded_rows(sql, engine):
    """It really writes.

    The secrets in rows are the real ones, so that the next statements find what they
    ask for.
    """
    sql.again("off")
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE orders (id INTEGER PRIMARY KEY, token text)")
        )
        connection.execute(sa.text("CREATE TABLE users (token text)"))
        connection.execute(sa.text("INSERT INTO users VALUES ('token-of-january-1')"))
    sql.again("record")
    assert order(engine) == (1, 1)
    sql.again("off")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE users SET token = 'token-of-february-2'"))
    sql.again("verify")

    # No line names the id.
    assert order(engine) == (1, 1)

    drifts = sql.drifts()
    assert drifts.count("no longer gives") == 1
    assert "INSERT INTO orders" in drifts
    sql.again("off")
    with engine.begin() as connection:
        assert (
            connection.execute(sa.text("SELECT count(*) FROM orders")).scalar_one() == 2
        )


def test_a_recorded_error_is_raised_and_a_new_one_is_not(sql, engine):
    def attempt():
        with engine.connect() as connection:
            with pytest.raises(sa.exc.OperationalError) as caught:
                connection.execute(sa.text("SELECT 1 FROM later"))
            return str(caught.value.orig), connection.execute(
                sa.text("SELECT 1 FROM sooner")
            ).scalar_one()

    def change(statement):
        mode = sql.mode
        sql.again("off")
        with engine.begin() as connection:
            connection.execute(sa.text(statement))
        sql.again(mode)

    change("CREATE TABLE sooner AS SELECT 1")
    recorded = attempt()
    change("DROP TABLE sooner")
    change("CREATE TABLE later (a int)")
    sql.again("verify")

    assert attempt() == recorded

    assert sql.drifts().count("no longer gives") == 2


def test_a_cursor_on_the_server_gives_the_recorded_rows(sql, postgres):
    engine = sa.create_engine(
        f"postgresql+psycopg://{postgres.new_database()}", poolclass=sa.NullPool
    )

    def fill(count):
        mode = sql.mode
        sql.again("off")
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS t"))
            connection.execute(
                sa.text(f"CREATE TABLE t AS SELECT generate_series(1, {count}) AS n")
            )
        sql.again(mode)

    def read(*, until=100):
        options = {"stream_results": True, "max_row_buffer": 2}
        query = sa.text("SELECT n FROM t ORDER BY n")
        with (
            engine.connect().execution_options(**options) as connection,
            connection.execute(query) as result,
        ):
            return list(islice(result.scalars(), until))

    fill(5)
    assert read() == [1, 2, 3, 4, 5]
    sql.again("verify")
    assert read(until=3) == [1, 2, 3]
    assert not sql.drifts()
    sql.again("verify")
    fill(7)
    assert read() == [1, 2, 3, 4, 5]
    assert "SELECT n FROM t ORDER BY n no longer" in sql.drifts()
    sql.again("verify")
    fill(3)
    assert read() == [1, 2, 3, 4, 5]
    assert "rows[3]: {'n': 4} recorded, missing now" in sql.drifts()


@pytest.fixture
def commands(monkeypatch):
    """Runs of a test with redis-py."""
    runs = Runs("redis")
    runs.install(monkeypatch)
    return runs


def test_replies_of_redis_are_the_recorded_ones(commands, redis_server):
    """The real commands are done all the same."""
    redis_server.empty()

    def talk():
        with redis.Redis(port=redis_server.port, decode_responses=True) as client:
            number = client.incr("orders")
            client.set(f"order:{number}", "tea")
            with client.pipeline() as pipe:
                pipe.get(f"order:{number}")
                pipe.incr("orders")
                pipe.lpush("order:1", "x")
                replies = pipe.execute(raise_on_error=False)
            return [number, *replies[:2], type(replies[2]).__name__]

    recorded = talk()
    commands.again("verify")

    assert talk() == recorded == [1, "tea", 2, "ResponseError"]

    assert "1 recorded, 3 now" in commands.drifts()
    commands.again("off")
    with redis.Redis(port=redis_server.port) as client:
        assert client.get("orders") == b"4"


def lock(port):
    """Take a lock, whose release is a script."""
    with redis.Redis(port=port) as client, client.lock("report", timeout=10) as held:
        held.release()
        return [held.locked(), held.acquire(blocking=False)]


def lock_async(port):
    """Do so with the asyncio client."""

    async def take():
        client = redis.asyncio.Redis(port=port)
        held = client.lock("report", timeout=10)
        seen = [await held.acquire(), await held.release(), await held.locked()]
        await client.connection_pool.disconnect()
        return seen

    return asyncio.run(take())


def run_pipeline(port):
    """Run a script in a pipeline."""
    with redis.Redis(port=port) as client, client.pipeline() as pipe:
        double = client.register_script("return ARGV[1] * 2")
        double(args=[21], client=pipe)
        return [*pipe.execute(), double(args=[4])]


@pytest.mark.parametrize("talk", [lock, lock_async, run_pipeline])
@pytest.mark.parametrize("recorded_with", [True, False], ids=["warm", "cold"])
def test_whether_redis_has_a_script_is_no_part_of_an_answer(
    commands, redis_server, recorded_with, talk
):
    """The client would load the script, and so does verifying."""

    def begin(mode, *, with_script):
        commands.again("off")
        redis_server.empty()
        if with_script:
            talk(redis_server.port)
            with redis.Redis(port=redis_server.port) as client:
                client.flushall()
        commands.again(mode)

    begin("record", with_script=recorded_with)
    recorded = talk(redis_server.port)

    for with_script in (True, False):
        begin("verify", with_script=with_script)
        assert talk(redis_server.port) == recorded
        assert not commands.drifts()
    begin("replay", with_script=False)
    assert talk(redis_server.port) == recorded


def test_that_redis_is_gone_is_a_drift(commands, redis_server):
    redis_server.empty()

    def talk():
        with redis.Redis(
            port=redis_server.port, decode_responses=True, retry=None
        ) as client:
            client.set("a", "1")
            with client.pipeline() as pipe:
                pipe.get("a").incr("a")
                return [client.get("a"), *pipe.execute()]

    recorded = talk()
    commands.again("verify")
    with redis_server.stopped():
        assert talk() == recorded == ["1", "1", 2]

    assert "redis SET a" in commands.drifts()


def test_by_shape_values_of_rows_and_replies_are_free_but_not_their_types(
    project, redis_server, tmp_path
):
    """The number of rows and the fields of a hash count, too."""
    project.ini("sqlalchemy compare=shape", "redis compare=shape")
    project.tests(f"""
        import redis, sqlalchemy as sa

        def test_rows():
            engine = sa.create_engine("sqlite:///{tmp_path}/shop.db")
            with engine.connect() as connection:
                connection.execute(sa.text("SELECT id, name FROM users")).all()
            engine.dispose()

        def test_reply():
            with redis.Redis(port={redis_server.port}) as client:
                client.hgetall("user")
    """)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")

    def change(sql, *fields):
        with (
            engine.begin() as connection,
            redis.Redis(port=redis_server.port) as client,
        ):
            connection.execute(sa.text(sql))
            client.delete("user")
            client.hset("user", mapping=dict.fromkeys(fields, sql))

    change("CREATE TABLE users AS SELECT 1 AS id, 'ann' AS name", "name")
    project.record().expect(passed=2)
    change("UPDATE users SET id = 2, name = 'bob'", "name")
    project.run("--mimic-verify").expect(passed=2)
    change("UPDATE users SET name = 3", "name", "age")

    project.run("--mimic-verify").expect(failed=2, says=["'ann' recorded, 3 now"])
    engine.dispose()


def test_a_database_in_another_state_is_named_above_its_drifts(project):
    """To record again would turn it round: the next verify would meet a third state."""
    project.ini("sqlalchemy")
    project.tests("""
        import sqlalchemy as sa

        @pytest.fixture(params=["one", "other"])
        def engine(request):
            engine = sa.create_engine(f"sqlite:///{request.param}.db")
            meta = sa.MetaData()
            sa.Table("orders", meta, sa.Column("n", sa.Integer))
            meta.drop_all(engine)
            meta.create_all(engine)
            yield engine
            engine.dispose()

        def test_it(engine):
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO orders VALUES (1)"))
    """)
    project.record().expect(passed=2)

    run = project.run("--mimic-verify")

    row = run.section.index(
        "the database may not be as it was when these were recorded:"
    )
    assert run.section[row + 1].split("    ")[0] == "  test_shop.py::test_it[one]"
    assert row < run.section.index("drifted:")
    assert "--mimic-rerecord" not in run.output
    again = "record and verify from the same state, then: pytest --mimic-verify"
    assert [line for line in run.section if "from the same state" in line] == [
        f"{again} test_shop.py"
    ]
    for name in ("one.db", "other.db"):
        (project.root / name).unlink()
    project.run("--mimic-verify").expect(passed=2)

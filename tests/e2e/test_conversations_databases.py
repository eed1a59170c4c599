"""Conversations with a database: what wider fixtures made is there when a test's calls run for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")

import sqlalchemy as sa

if TYPE_CHECKING:
    from conftest import Project

pytest_plugins = ("support.database_servers",)

SHOP = """
    import os
    import pytest
    import sqlalchemy as sa

    engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.NullPool)

    def run(*statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def names():
        with engine.connect() as connection:
            return connection.scalars(sa.text("SELECT name FROM users ORDER BY name")).all()
"""
TARGETS = ["sqlalchemy"]


@pytest.fixture(params=["sqlite", "postgresql+psycopg"])
def database(request, tmp_path):
    """The URL of an empty database, and that of one that does not answer."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/none/shop.db"
    pytest.importorskip("psycopg")
    postgres = request.getfixturevalue("postgres")
    return f"{request.param}://{postgres.new_database()}", f"{request.param}://nobody@127.0.0.1:1/gone"


def content(database, table="users"):
    """Return the names that are in a table, or None without the table."""
    engine = sa.create_engine(database[0], poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return connection.scalars(sa.text(f"SELECT name FROM {table} ORDER BY name")).all()
    except sa.exc.DBAPIError:
        return None


def run(project: Project, database, *args, real=True):
    """Run the project's tests with the database or without it."""
    return project.run(*args, env={"DATABASE_URL": database[0 if real else 1]})


def test_a_changed_first_statement_is_committed(project: Project, database) -> None:
    """Its COMMIT was recorded before."""
    test = """
        from shop import run, names

        def test_users():
            run("CREATE TABLE users (name varchar(20) DEFAULT 'WHO')")
            run("INSERT INTO users DEFAULT VALUES")
            assert names() == ["WHO"]
            run("ALTER TABLE users RENAME TO users_WHO")
    """
    project.write("test_users.py", test.replace("WHO", "ann"))
    run(project, database, "--mimic-record").expect(passed=1)
    project.write("test_users.py", test.replace("WHO", "bob"))

    run(project, database, "--mimic-record").expect(passed=1)

    assert content(database, "users_bob") == ["bob"]
    run(project, database, "--mimic-fail-on-unused", real=False).expect(passed=1)


FIXTURE = """
    import pytest
    from shop import engine, names, run

    @pytest.fixture(scope="module", autouse=True)
    def tables():
        run("CREATE TABLE users (name varchar(20))", "INSERT INTO users VALUES ('ann')")
        yield
        run("DELETE FROM users", "DROP TABLE users")  # the last test has left a row

    def test_before():
        assert names() == ["ann"]

    def test_users():
        run("INSERT INTO users VALUES ('NAME')")
        assert names() == ["ann", "NAME"]
        run("DELETE FROM users WHERE name = 'NAME'")

    def test_after():
        assert names() == ["ann"]
        run("INSERT INTO users VALUES ('left')")
"""


@pytest.mark.parametrize("args", [(), ("test_users.py::test_users",)], ids=["all", "alone"])
def test_tables_of_a_wider_fixture_are_there(project: Project, database, args) -> None:
    """They are made and dropped for real when the statements of one test run for real."""
    project.write("test_users.py", FIXTURE.replace("NAME", "bob"))
    before = run(project, database, "--mimic-record").expect(passed=3)
    assert content(database) is None
    project.write("test_users.py", FIXTURE.replace("NAME", "cid"))

    again = run(project, database, "--mimic-record", *args)

    again.expect(passed=1 if args else 3, never=["failed with"])
    assert content(database) is None
    owned = [name for name, data in before.vault.items() if b'"owner": "test_users.py"' in data]
    assert len(owned) >= 4
    assert not again.changed.intersection(owned)
    run(project, database, "--mimic-fail-on-unused", real=False).expect(passed=3)


def fill(database, name):
    """Let the table have one row."""
    engine = sa.create_engine(database[0], poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE IF EXISTS users",
            "CREATE TABLE users (name varchar(20))",
            f"INSERT INTO users VALUES ('{name}')",
        ):
            connection.execute(sa.text(statement))


def test_rows_are_verified_exactly_or_by_their_shape(project: Project, database) -> None:
    """While verifying, the test gets the recorded rows."""
    project.write(
        "test_users.py", "from shop import names\n\ndef test_users():\n    assert names() == ['ann']\n"
    )
    fill(database, "ann")
    run(project, database, "--mimic-record").expect(passed=1)
    run(project, database, "--mimic-verify").expect(passed=1)
    fill(database, "bob")

    run(project, database, "--mimic-verify").expect(failed=1, says=["'ann' recorded, 'bob' now"])
    project.ini("sqlalchemy compare=shape")
    run(project, database, "--mimic-verify").expect(passed=1)
    project.write("test_users.py", "from shop import run\n\ndef test_users():\n    run('SELECT 2')\n")
    run(project, database, real=False).expect(failed=1, says=["no recording of sqlalchemy SELECT"])


KINDS_OF_REDIS = {
    "sync": """
        import os
        import redis

        client = redis.Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True)

        def do(*commands):
            with client.pipeline(transaction=False) as pipe:
                for command in commands[:-1]:
                    client.execute_command(*command.split())
            return client.execute_command(*commands[-1].split())
    """,
    "asyncio": """
        import asyncio
        import os
        import redis.asyncio as redis

        async def exchange(*commands):
            async with redis.Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True) as client:
                for command in commands:
                    reply = await client.execute_command(*command.split())
                return reply

        def do(*commands):
            return asyncio.run(exchange(*commands))
    """,
}
REDIS_TEST = """
    import pytest
    from queue_of_jobs import do

    @pytest.fixture(scope="module", autouse=True)
    def jobs():
        do("DEL jobs", "RPUSH jobs a b")
        do("BLPOP nothing 1")
        yield
        do("DEL jobs")

    def test_before():
        assert do("LRANGE jobs 0 -1") == ["a", "b"]

    def test_push():
        assert do("RPUSH jobs NAME") == 3
        assert do("LRANGE jobs 0 -1") == ["a", "b", "NAME"]
        do("RPOP jobs")

    def test_after():
        assert do("LLEN jobs") == 2
"""


@pytest.mark.parametrize("kind", KINDS_OF_REDIS)
@pytest.mark.parametrize("args", [(), ("test_jobs.py::test_push",)], ids=["all", "alone"])
def test_keys_of_a_wider_fixture_are_there(project: Project, redis_server, kind, args) -> None:
    """They are set and deleted for real when the commands of one test run for real."""
    redis = pytest.importorskip("redis")
    project.ini("redis")
    project.write("queue_of_jobs.py", KINDS_OF_REDIS[kind])
    project.write("test_jobs.py", REDIS_TEST.replace("NAME", "c"))
    env = {"REDIS_PORT": str(redis_server.port)}
    before = project.run("--mimic-record", env=env).expect(passed=3)
    project.write("test_jobs.py", REDIS_TEST.replace("NAME", "d"))

    again = project.run("--mimic-record", *args, env=env)

    again.expect(
        passed=1 if args else 3,
        says=["3 calls recorded"],
    )
    with redis.Redis(port=redis_server.port) as client:
        assert client.keys() == []
    owned = [name for name, data in before.vault.items() if b'"owner": "test_jobs.py"' in data]
    assert len(owned) == 3
    assert not again.changed.intersection(owned)
    project.run("--mimic-fail-on-unused", env={"REDIS_PORT": "1"}).expect(passed=3)

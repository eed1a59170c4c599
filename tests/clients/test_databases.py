"""Whole runs with a database: recorded with the server there, replayed with the server gone.

What a wider fixture has made is there when a test's calls run for real.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

sa = pytest.importorskip("sqlalchemy")

pytest_plugins = ("support.database_servers",)

TARGETS = ["sqlalchemy"]

MODEL = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = sa.create_engine(os.environ["DATABASE_URL"])

if engine.dialect.name == "sqlite":  # savepoints, as SQLAlchemy's documentation has them for this driver

    @sa.event.listens_for(engine, "connect")
    def leave_transactions_alone(connection, record):
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)

class Entry(Base):
    __tablename__ = "audit_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]

def register(session, name):
    try:
        with session.begin_nested():
            session.add(User(name=name))
    except sa.exc.IntegrityError:
        session.add(Entry(text=f"{name} is taken"))
        return False
    session.add(Entry(text=f"{name} is new"))
    return True
"""
CONFTEST = """
@pytest.fixture(scope="session")
def tables():
    shop.Base.metadata.drop_all(shop.engine)
    shop.Base.metadata.create_all(shop.engine)
    with shop.Session(shop.engine) as session:
        session.add(shop.User(name="Ann"))
        session.commit()
    yield
    shop.engine.dispose()

@pytest.fixture
def session(tables):
    with shop.engine.connect() as connection, connection.begin() as transaction:
        with shop.Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
"""

TESTS = """
import sqlalchemy as sa

def names(session):
    return session.scalars(sa.select(shop.User.name).order_by(shop.User.name)).all()

def test_new(session):
    assert names(session) == ["Ann"]
    assert shop.register(session, "Bob")
    session.commit()
    assert names(session) == ["Ann", "Bob"]

def test_taken(session):
    assert not shop.register(session, "Ann")
    assert session.scalars(sa.select(shop.Entry.text)).all() == ["Ann is taken"]

def test_rolled_back(session):
    assert names(session) == ["Ann"]
"""


@pytest.fixture(params=["postgresql+psycopg", "sqlite"])
def urls(request, project):
    """A database's URL, and one of the same kind that leads nowhere."""
    if request.param == "sqlite":
        return (
            f"sqlite:///{project.root}/shop.db",
            f"sqlite:///{project.root}/gone/shop.db",
        )
    pytest.importorskip("psycopg")
    server = request.getfixturevalue("postgres")
    return (
        f"{request.param}://{server.new_database()}",
        f"{request.param}://postgres@127.0.0.1:1/gone",
    )


@pytest.fixture
def shop(project):
    """A project with a model, seed data in a session's fixture, and a rollback around each test."""
    project.module(MODEL)
    project.conftest(CONFTEST)
    project.tests(TESTS)
    return project


def test_any_test_may_be_the_first_to_connect(shop, urls):
    """The requests of the first connection belong to the engine: each test alone, in another order, in workers.

    Seed data in a fixture, a rollback per test, a handled IntegrityError: the same with
    the database gone.
    """
    real, gone = urls
    shop.record(env={"DATABASE_URL": real}).expect(passed=3)
    names = [
        f"test_shop.py::{name}"
        for name in ("test_rolled_back", "test_taken", "test_new")
    ]

    for name in names:
        shop.run(name, env={"DATABASE_URL": gone}).expect(passed=1)
    shop.run(*names, env={"DATABASE_URL": gone}).expect(passed=3)
    shop.run("-n", "2", env={"DATABASE_URL": gone}, process=True).expect(passed=3)


def test_a_test_that_grows_is_recorded_in_place(shop, urls):
    """A new test finds what the fixtures make; nothing else is recorded again, if they get the recorded answers."""
    real, gone = urls
    shop.record(env={"DATABASE_URL": real})
    refused = shop.record("test_shop.py::test_new", env={"DATABASE_URL": real})
    shop["test_more.py"] = """
        import sqlalchemy as sa

        def test_count(session):
            assert session.scalar(sa.select(sa.func.count(shop.User.id))) == 1
    """

    with sa.create_engine(real, poolclass=sa.NullPool).begin() as connection:
        for table in ("users", "audit_log"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
    grown = shop.record(env={"DATABASE_URL": real})

    assert refused.exit_code == 1
    assert "pytest --mimic-rerecord\n" in refused.output
    assert grown.expect(passed=4).changed
    assert all(b"test_count" in grown.vault[name] for name in grown.changed)
    shop.run("test_more.py", env={"DATABASE_URL": gone}).expect(passed=1)


def content(url, table="users"):
    """Return the names that are in a table, or None without the table."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return connection.scalars(
                sa.text(f"SELECT name FROM {table} ORDER BY name")
            ).all()
    except sa.exc.DBAPIError:
        return None


STATEMENTS = """
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


def test_a_changed_first_statement_is_committed(project, urls):
    """Its COMMIT was recorded before."""
    test = """
        from shop import run, names

        def test_users():
            run("CREATE TABLE users (name varchar(20) DEFAULT 'WHO')")
            run("INSERT INTO users DEFAULT VALUES")
            assert names() == ["WHO"]
            run("ALTER TABLE users RENAME TO users_WHO")
    """
    real, gone = urls
    project.module(STATEMENTS)
    for name in ("ann", "bob"):
        project.tests(test.replace("WHO", name))
        project.run("--mimic-rerecord", env={"DATABASE_URL": real}).expect(passed=1)

    assert content(real, "users_bob") == ["bob"]
    project.run("--mimic-fail-on-unused", env={"DATABASE_URL": gone}).expect(passed=1)


FIXTURE = """
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


@pytest.mark.parametrize(
    "args", [(), ("test_shop.py::test_users",)], ids=["all", "alone"]
)
def test_tables_of_a_wider_fixture_are_there(project, urls, args):
    """They are made and dropped for real when the statements of one test run for real."""
    real, gone = urls
    project.module(STATEMENTS)
    project.tests(FIXTURE.replace("NAME", "bob"))
    before = project.record(env={"DATABASE_URL": real}).expect(passed=3)
    assert content(real) is None
    project.tests(FIXTURE.replace("NAME", "cid"))
    assert project.command("rm", "test_shop.py::test_users").code == 0

    again = project.record(*args, env={"DATABASE_URL": real})

    again.expect(passed=1 if args else 3, never=["failed with"])
    assert content(real) is None
    owned = [
        call.file
        for call in before.calls
        if not call.is_shared and "::test_" not in call.head["owner"]
    ]
    assert len(owned) >= 4
    assert not again.changed.intersection(owned)
    project.run("--mimic-fail-on-unused", env={"DATABASE_URL": gone}).expect(passed=3)


COLLEAGUE = """
    from shop import names

    @pytest.fixture(scope="session")
    def users():
        assert names() == ["ann"]
        assert names() == ["ann"]

    def test_users(users):
        assert names() == ["ann"]

    def test_others(users):
        assert 1
"""


def test_an_empty_database_is_told_once_with_one_command(project, urls):
    real, _ = urls
    project.module(STATEMENTS)
    project.tests(COLLEAGUE)
    with sa.create_engine(real, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("CREATE TABLE users (name varchar(20))"))
        connection.execute(sa.text("INSERT INTO users VALUES ('ann')"))
    project.record(env={"DATABASE_URL": real}).expect(passed=2)
    with sa.create_engine(real, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("DROP TABLE users"))

    recording = project.record(env={"DATABASE_URL": real})
    verifying = project.run("--mimic-verify", env={"DATABASE_URL": real})

    recording.expect(passed=1, failed=1)
    statement = "SELECT name FROM users ORDER BY name"
    first = f"{statement} of a fixture no longer gives what was recorded"
    # The line of the summary names the error, too.
    assert recording.output.count(f"\nDriftError: sqlalchemy {first}") == 1
    for run, option in ((recording, "record"), (verifying, "verify")):
        assert set(commands_in(run)) == {
            f"pytest --mimic-{option} test_shop.py::test_users"
        }
    verifying.expect(passed=1, failed=1)
    assert not recording.changed
    assert ", to try again: " in recording.output
    assert "the database may not be as it was" in verifying.output
    for run in (recording, verifying):
        assert "to accept" not in run.output


TORN_DOWN = """
    import pytest
    from shop import names, run

    @pytest.fixture(scope="module")
    def users():
        run("CREATE TABLE users (name varchar(20))")
        yield
        names()
        LAST
        run("DROP TABLE users")

    def test_users(users):
        NEW
"""


def test_a_new_statement_of_a_tear_down_has_a_command(project, urls):
    """Behind one whose rows differ, which is no drift there: a new call has made them."""
    real, _ = urls
    project.module(STATEMENTS)
    project.tests(TORN_DOWN.replace("LAST", "").replace("NEW", "pass"))
    project.record(env={"DATABASE_URL": real}).expect(passed=1)
    last = "run(\"DELETE FROM users WHERE name = 'ann'\")"
    new = "run(\"INSERT INTO users VALUES ('ann')\")"
    project.tests(TORN_DOWN.replace("LAST", last).replace("NEW", new))

    run = project.record(env={"DATABASE_URL": real}).expect(passed=1, errors=1)

    assert "no recording of sqlalchemy DELETE FROM users" in run.output
    assert {*commands_in(run)} >= {"pytest --mimic-rerecord test_shop.py"}


def commands_in(run):
    """Return the commands that a run offers."""
    return re.findall(r"pytest --mimic-.*", run.output)


READING = """
import pandas
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

users = User.__table__
named = sa.select(User.id, User.name).where(User.name.in_({"Ann", "Bob", "Carl", "Dora", "Eve"}))

@pytest.mark.parametrize("url", os.environ["DATABASE_URLS"].split(), ids=lambda url: url.split(":")[0])
def test_reading(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        users.create(connection)
        connection.execute(users.insert(), [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}])
        assert len(pandas.read_sql(sa.select(users).where(users.c.id > 1), connection)) == 1
        assert len(pandas.read_sql(named, connection)) == 2
        assert set(sa.inspect(connection).get_multi_columns(filter_names={"users", "a", "b", "c"})) == {(None, "users")}
    engine.dispose()
"""


def test_frames_and_sets_replay_under_any_hash_seed(project, postgres):
    """pandas offers its query to the driver as a table's name first; values of a set come in any order."""
    # They are imported by the run only: numpy cannot be imported again after `project`
    # has forgotten it.
    drivers = [
        name
        for name in ("psycopg", "psycopg2", "pg8000")
        if find_spec(name) is not None
    ]
    if find_spec("pandas") is None or not drivers:
        pytest.skip("pandas or the drivers are not installed")
    project.write("test_reading.py", READING)
    real = " ".join(
        f"postgresql+{driver}://{postgres.new_database()}" for driver in drivers
    )
    gone = " ".join(
        f"postgresql+{driver}://postgres@127.0.0.1:1/gone" for driver in drivers
    )

    project.record(hash_seed=1, env={"DATABASE_URLS": real}).expect(passed=len(drivers))

    project.replay(hash_seed=2, env={"DATABASE_URLS": gone}).expect(passed=len(drivers))


LOG_IN = """
    import os, sqlalchemy as sa

    def test_log_in(tmp_path):
        stored = "the" + "hash"
        engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
        with engine.begin() as connection:
            connection.execute(sa.text("create table users (password_hash text)"))
            insert = sa.text("insert into users values (:password_hash)")
            connection.execute(insert, {"password_hash": stored})
            row = connection.execute(sa.text("select password_hash from users")).one()
        assert row.password_hash == stored
"""


def test_a_test_that_fails_for_a_placeholder_says_which_name_to_exempt(project):
    project.ini("sqlalchemy")
    project.tests(LOG_IN)
    project.record().expect(passed=1)

    run = project.replay().expect(
        failed=1, says=["placeholders of secrets stand in these answers: password_hash"]
    )

    [line] = [one for one in run.output.splitlines() if "to keep a value" in one]
    option, _, value = line.partition(": ")[2].partition(" = ")
    project.ini("sqlalchemy", **{option: value})
    project.run("--mimic-rerecord").expect(passed=1)
    project.replay().expect(passed=1, never=["placeholders"])


def test_a_fixture_with_a_tear_down_stays_as_it_is_when_nothing_changed(project, urls):
    real, _ = urls
    project.module(STATEMENTS)
    project.tests(FIXTURE.replace("NAME", "bob"))
    project.record(env={"DATABASE_URL": real}).expect(passed=3)

    again = project.run("--mimic-rerecord", env={"DATABASE_URL": real}).expect(passed=3)

    assert again.changed == set()


def test_what_is_rolled_back_after_a_miss_is_no_other_miss(shop, urls):
    """SQLAlchemy rolls back to its savepoint before the test sees the miss."""
    real, gone = urls
    shop.record(env={"DATABASE_URL": real}).expect(passed=3)
    shop.tests(TESTS.replace('(session, "Bob")', '(session, "Eve")'))

    run = shop.run(env={"DATABASE_URL": gone}).expect(passed=2, failed=1)

    rows = [line for line in run.section if line.startswith("  sqlalchemy ")]
    [row] = rows
    assert row.startswith("  sqlalchemy INSERT INTO users (name) VALUES (")
    assert " (name='" in row
    assert row.endswith("    test_shop.py::test_new")
    assert "name: 'Bob' recorded, 'Eve' now" in run.output
    assert "ROLLBACK" not in run.output


def test_what_is_rolled_back_after_a_stale_function_is_no_miss(shop, urls):
    """The transaction is left in another state than when it was recorded."""
    real, gone = urls
    shop.ini("sqlalchemy", "tax:of")
    shop.write("tax.py", "def of(price): return price * 2")
    shop.tests("""
        import shop, tax

        def test_price(session):
            with session.begin_nested():
                assert session.get(shop.User, 1).name == "Ann"
                assert tax.of(2) == 4
            session.commit()
    """)
    shop.record(env={"DATABASE_URL": real}).expect(passed=1)
    shop.write("tax.py", "def of(price): return 2 * price")

    run = shop.run(env={"DATABASE_URL": gone}).expect(failed=1)

    assert "StaleRecordingError" in run.output
    assert "ROLLBACK" not in run.output


def test_a_recorded_rollback_is_still_used_behind_a_miss(project, urls):
    test = """
        import pytest, sqlalchemy as sa
        from pytest_mimic import MissingRecordingError
        from shop import engine

        def test_users():
            with engine.connect() as connection:
                NEW
                nested = connection.begin_nested()
                connection.execute(sa.text("SELECT 1"))
                nested.rollback()
    """
    new = """with pytest.raises(MissingRecordingError):
                    connection.execute(sa.text("SELECT 2"))"""
    real, gone = urls
    project.module(STATEMENTS)
    project.tests(test.replace("NEW", "pass"))
    project.record(env={"DATABASE_URL": real}).expect(passed=1)
    project.tests(test.replace("NEW", new))

    project.run("--mimic-fail-on-unused", env={"DATABASE_URL": gone}).expect(passed=1)


FROZEN = """
import psycopg
import sqlalchemy as sa
from freezegun import freeze_time

@freeze_time("2026-11-02")
def test_dates():
    engine = sa.create_engine(os.environ["DATABASE_URL"])
    meta = sa.MetaData()
    days = sa.Table("days", meta, sa.Column("at", sa.DateTime), sa.Column("day", sa.Date))
    meta.create_all(engine)
    with engine.begin() as connection:
        now = datetime.datetime.now()
        connection.execute(days.insert().values(at=now, day=now.date()))
        row = connection.execute(sa.select(days).where(days.c.at == now)).one()
        assert row == (datetime.datetime(2026, 11, 2), datetime.date(2026, 11, 2))
        statement = sa.text("select timestamp '2020-01-01 10:00', current_date")
        assert connection.execute(statement).one()[0].year == 2020
    engine.dispose()
"""


def test_dates_come_back_while_freezegun_holds_the_clock(project, postgres):
    pytest.importorskip("freezegun")
    pytest.importorskip("psycopg")
    project.write("test_dates.py", FROZEN)
    real = f"postgresql+psycopg://{postgres.new_database()}"

    project.record(env={"DATABASE_URL": real}, process=True).expect(passed=1)

    gone = "postgresql+psycopg://postgres@127.0.0.1:1/gone"
    project.replay(env={"DATABASE_URL": gone}, process=True).expect(passed=1)

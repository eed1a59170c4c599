"""Secrets in statements, parameters and results."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from support.placeholders import unmarked

from clients.sql.places import both, one, run, same

pytest_plugins = ("support.database_servers",)


def test_secrets_never_reach_a_recording(runs, connect, place):
    """Columns, parameters, texts, JSON and messages of errors; the application sees the real ones while recording."""

    def steps(url):
        engine = connect(url)
        run(
            engine,
            "CREATE TABLE t (name text NOT NULL, password text UNIQUE, settings json)",
            "INSERT INTO t (name, password) VALUES ('a', 'hunter2-literal')",
        )
        table = sa.table(
            "t",
            sa.column("name"),
            sa.column("password"),
            sa.column("settings", sa.JSON),
        )
        row = {
            "name": "b",
            "password": "hunter2-bound",
            "settings": {"api_key": "hunter2-json", "a": 1},
        }
        with engine.begin() as connection:
            connection.execute(table.insert(), row)
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(table.insert(), row)
        for statement in (
            "INSERT INTO t (name, password) VALUES ('a', 'hunter2-literal')",
            "UPDATE t SET password = (SELECT max(password) FROM t)",
            "UPDATE t SET name = NULL",
        ):
            with pytest.raises(
                sa.exc.DatabaseError
            ):  # pg8000: ProgrammingError for the NULL
                run(engine, statement)
        with engine.connect() as connection:
            where = sa.select(table).where(table.c.password == "hunter2-bound")
            # A text with a URL has its secret there, under whatever name.
            connection.execute(
                table.insert(), {"name": "postgres://ann:hunter2-dsn@db/shop"}
            )
            return [
                connection.execute(where).one()._asdict(),
                one(engine, "SELECT password FROM t"),
                connection.scalars(sa.select(table.c.name)).all()[-1],
            ]

    recorded, replayed = both(runs, place, steps)

    assert recorded[0] == {
        "name": "b",
        "password": "hunter2-bound",
        "settings": {"api_key": "hunter2-json", "a": 1},
    }
    assert unmarked(replayed[0]) == {
        "name": "b",
        "password": "<redacted>",
        "settings": {"api_key": "<redacted>", "a": 1},
    }
    assert recorded[2] == "postgres://ann:hunter2-dsn@db/shop"
    assert replayed[2].startswith("postgres://")
    assert "hunter2" not in runs.text


# Texts of SQL, and what a row has in a replay. None: its texts may all be hidden.
SECRET_RESULTS = {
    "SELECT email, password, id FROM t": ["ann", "<redacted>", 7],
    "SELECT email FROM t WHERE password IS NOT NULL ORDER BY password": ["ann"],
    "SELECT * FROM t": None,
    "SELECT upper(password) p, email, count(*) FROM t GROUP BY 1, 2": None,
    "SELECT email FROM t WHERE id < 0 UNION ALL SELECT password FROM t": None,
    "UPDATE t SET id = 7 RETURNING id, coalesce(password, email) AS p": None,
    "WITH x AS (SELECT id, password FROM t) SELECT id, 'a' FROM x": None,
}


@pytest.mark.parametrize("sql", SECRET_RESULTS)
def test_columns_of_a_text_that_show_a_secret_are_replaced(runs, connect, place, sql):

    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (id int, email text, password text, passcode int)")
        run(
            engine,
            "INSERT INTO t (id, email, password, passcode) VALUES (7, 'ann', 'hunter2', 4711)",
        )
        with engine.begin() as connection:
            return list(connection.execute(sa.text(sql)).one())

    _, replayed = both(runs, place, steps)

    expected = SECRET_RESULTS[sql]
    assert expected is None or unmarked(replayed) == expected
    assert "hunter2" not in repr(replayed).lower()
    assert "4711" not in repr(replayed)
    assert "hunter2" not in runs.text


def test_other_columns_of_a_whole_row_come_back(runs, connect, place):
    """A login that is written as text keeps its user."""

    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (id int, name text, password text)")
        run(engine, "INSERT INTO t VALUES (7, 'ann', 'hunter2')")
        login = sa.text("SELECT * FROM t WHERE name = :n AND password = :p")
        with engine.connect() as connection:
            return list(connection.execute(login, {"n": "ann", "p": "hunter2"}).one())

    _, replayed = both(runs, place, steps)

    assert unmarked(replayed) == [7, "ann", "<redacted>"]


def test_name_of_a_table_as_a_parameter_counts_as_its_text(runs, connect, lite):
    """`Table.name` may be a subclass of `str`: the text counts, whatever its class."""
    from pytest_mimic.errors import MissingRecordingError

    names = [sa.sql.quoted_name(name, None) for name in ("users", "orders")]

    def count(url, name):
        log = sa.table("log", sa.column("tbl"))
        query = sa.select(sa.func.count()).select_from(log)
        with connect(url).connect() as connection:
            return connection.scalar(query.where(log.c.tbl == name))

    runs.again("off")
    run(
        connect(lite.real),
        "CREATE TABLE log (tbl text)",
        "INSERT INTO log VALUES ('users'), ('users'), ('orders')",
    )
    runs.again("record")
    assert count(lite.real, names[0]) == 2

    runs.again("replay")
    assert count(lite.gone, "users") == 2
    with pytest.raises(MissingRecordingError, match="orders"):
        count(lite.gone, names[1])


@pytest.mark.parametrize(
    ("passwords", "named"),
    [(["wrong", "right"], "password"), (["right", "right"], "")],
    ids=["another secret", "the same secret"],
)
def test_equal_statements_that_differ_in_a_secret_are_named(
    runs, connect, passwords, named
):
    """A replay tells such statements apart by their order alone."""
    engine = connect("sqlite://")
    run(engine, "CREATE TABLE t (name text, password text)")
    table = sa.table("t", sa.column("name"), sa.column("password"))

    with engine.connect() as connection:
        for password in passwords:
            connection.execute(sa.select(table).where(table.c.password == password))

    told = runs.told_apart_by_order
    assert len(told) == bool(named)
    assert all("SELECT t" in said and named in said for said in told)


users = sa.table(
    "users",
    *[sa.column(name) for name in ("id", "email", "password")],
    sa.column("settings", sa.JSON),
)
everything = sa.select(users)
# By what is asked of a table with a password: a statement, in which `harmless` counts.
HARMLESS = {
    "a column": everything.where(users.c.email == "harmless"),
    "a function of a column": everything.where(sa.func.lower(users.c.email) == "harmless"),
    "a column on the right": everything.where(sa.literal("harmless") == users.c.id),
    "a list": everything.where(users.c.email.in_(["harmless"])),
    "a pattern": everything.where(users.c.email.contains("harmless")),
    "a range": everything.where(users.c.email.between("harmless", "z")),
    "beside the password": everything.where(
        sa.and_(users.c.password == "hunter2", users.c.email == "harmless")
    ),
    "a negation": everything.where(
        ~sa.and_(users.c.password == "hunter2", users.c.email == "harmless")
    ),
    "a part of a document": everything.where(
        users.c.settings["theme"].as_string() == "harmless"
    ),
    "an update": users.update().values(password="hunter2").where(users.c.email == "harmless"),
    "a text": sa.text("SELECT id, password FROM users WHERE email = :who").bindparams(who="harmless"),
}  # fmt: skip


@pytest.mark.parametrize("what", HARMLESS)
def test_other_values_beside_a_secret_stay_and_count(runs, connect, lite, what):
    engine = connect(lite.real)
    run(
        engine, "CREATE TABLE users (id text, email text, password text, settings json)"
    )

    with engine.begin() as connection:
        connection.execute(HARMLESS[what])

    [asked] = [str(call.parts) for call in runs.asked if "harmless" in str(call.parts)]
    assert "hunter2" not in asked


@pytest.mark.parametrize(
    ("condition", "stored"),
    [
        ("length(password) > 8", "length(password) > 0"),
        ("password ->> 'hint' IS NULL", "password ->> 'mimic-redacted' IS NULL"),
        ("password = 'ann' -- hunter2", "password = 'mimic-redacted' -- "),
        (
            "upper(\"password\") = 'hunter2'",
            "upper(\"mimic-redacted\") = 'mimic-redacted'",
        ),
        # Texts as MySQL and SQLite take them, beside the name of a column.
        *[
            (condition, condition.replace("hunter2", "mimic-redacted"))
            for condition in (
                'password = "hunter2" AND "id" = 0',
                'password LIKE "hunter2"',
                'password IN ("hunter2", "hunter2")',
                'password BETWEEN "hunter2" AND "hunter2"',
                'password = upper("hunter2" || "hunter2")',
                'CASE WHEN password THEN "hunter2" ELSE "hunter2" END',
                '(id, password) IN (VALUES ("hunter2", "hunter2"))',
            )
        ],
    ],
)
def test_a_statement_that_names_a_secret_hides_its_literals(
    runs, connect, lite, condition, stored
):
    engine = connect(lite.real)
    run(engine, "CREATE TABLE users (id text, password text)")

    run(engine, f"SELECT id FROM users WHERE {condition}")

    [asked] = [str(call.parts) for call in runs.asked if "WHERE" in str(call.parts)]
    assert f"WHERE {stored}" in asked.replace("\\'", "'")


@pytest.mark.parametrize("shared", [False, True], ids=["in a log", "shared"])
@pytest.mark.parametrize("ids", [(1, 2), (2, 1)], ids=str)
def test_statements_that_only_hidden_literals_tell_apart_are_refused(
    project, ids, shared
):
    project.ini("sqlalchemy shared" if shared else "sqlalchemy")
    text = f"""
        import sqlalchemy as sa

        def test_it():
            engine = sa.create_engine("sqlite://")
            with engine.connect() as connection:
                connection.exec_driver_sql("create table users (id int, password text)")
                for number in {ids}:
                    said = f"select id, password from users where id = {{number}}"
                    connection.exec_driver_sql(said).all()
    """
    project.tests(text)

    project.record().expect(failed=1, says=["pass the literals as parameters"])

    text = text.replace("= {number}", "= ?").replace("(said)", "(said, (number,))")
    project.tests(text)
    project.run("--mimic-rerecord").expect(passed=1)
    project.replay().expect(passed=1)


def test_a_secret_name_in_any_set_of_parameters_hides_texts(runs, connect, lite):
    engine = connect(lite.real)
    run(engine, "CREATE TABLE users (settings json)")
    change = sa.text("UPDATE users SET settings = json_set(settings, :path, :value)")
    parts = {"$.city": "Oslo", "$.password": "hunter2"}

    with engine.begin() as connection:
        sets = [{"path": path, "value": value} for path, value in parts.items()]
        connection.execute(change, sets)

    assert "hunter2" not in str([call.parts for call in runs.asked])


def test_a_label_of_the_orm_is_judged_by_its_column(project):
    project.ini("sqlalchemy", mimic_redact="!hashed_password")
    project.tests("""
        import sqlalchemy as sa
        from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

        class Base(DeclarativeBase):
            pass

        class Hero(Base):
            __tablename__ = "hero"
            id: Mapped[int] = mapped_column(primary_key=True)
            hashed_password: Mapped[str]

        def test_it():
            engine = sa.create_engine("sqlite://")
            Base.metadata.create_all(engine)
            with Session(engine) as session:
                session.add(Hero(hashed_password="abc"))
                session.commit()
                session.expunge_all()
                style = sa.LABEL_STYLE_TABLENAME_PLUS_COL
                hero = session.scalar(sa.select(Hero).set_label_style(style))
                assert hero.hashed_password == "abc"
    """)

    project.round_trip(passed=1)


def test_dates_beside_hidden_texts_come_back(runs, connect, pg):
    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (password text, day date)")
        run(engine, "INSERT INTO t VALUES ('hunter2', '2024-05-01')")
        return one(engine, "SELECT max(day) FROM t WHERE 'x' || password IS NOT NULL")

    assert same(runs, pg, steps).isoformat() == "2024-05-01"

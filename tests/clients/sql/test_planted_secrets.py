"""Secrets are planted in columns whose names are secret, and the vault is searched after many kinds of statements."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import (
    Bundle,
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)
from support.runs import Runs

pytest_plugins = ("support.database_servers",)

TEXT = "hunter2"
NUMBER = 47110815


class Base(DeclarativeBase):
    """The planted tables."""


class User(Base):
    """A user, two of whose attributes have other names than their columns."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    pw: Mapped[str | None] = mapped_column("password")
    pin: Mapped[int | None] = mapped_column("passcode")
    settings: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    keys: Mapped[list[Key]] = relationship(back_populates="user")


class Key(Base):
    """A key of a user."""

    __tablename__ = "keys"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    api_key: Mapped[str]
    user: Mapped[User] = relationship(back_populates="keys")


users = User.__table__
keys = Key.__table__
# A column whose key in Python is not secret, though its name in the database is.
renamed = sa.Table(
    "renamed",
    sa.MetaData(),
    sa.Column("id", sa.Integer),
    sa.Column("password", sa.String, key="word"),
)
p = users.c.password
sub = sa.select(users.c.id, p.label("x"), sa.func.lower(p).label("y")).subquery()
cte = sa.select(p.label("x"), users.c.id).cte("found")
other = aliased(User)
upsert = {
    name: module.insert(users).values(id=1, name="ann", password=f"{TEXT}-upserted")
    for name, module in (("sqlite", sqlite), ("postgresql", postgresql))
}

# The dialect of the statements that are made now.
dialect = {"name": "sqlite"}

CORE = {
    "insert": lambda: users.insert().values(id=101, name="bob", password=f"{TEXT}-a", passcode=NUMBER),
    "insert many values": lambda: users.insert().values([{"id": 102, "password": f"{TEXT}-b"}, {"id": 103, "password": f"{TEXT}-c"}]),
    "insert with an expression": lambda: users.insert().values(id=114, password=sa.func.upper(f"{TEXT}-d")),
    "insert with a named parameter": lambda: users.insert().values(id=115, password=sa.literal(f"{TEXT}-e")),
    "insert from a select": lambda: users.insert().from_select(["id", "password"], sa.select(sa.literal(116), sa.literal(f"{TEXT}-f"))),
    "insert from a union": lambda: users.insert().from_select(
        ["id", "password"],
        sa.union_all(sa.select(sa.literal(117), sa.literal("a")), sa.select(sa.literal(118), sa.literal(f"{TEXT}-g"))),
    ),
    "insert returning": lambda: users.insert().values(id=119, password=f"{TEXT}-h").returning(p.label("q"), users.c.id),
    "insert into a renamed column": lambda: renamed.insert().values(id=1, word=f"{TEXT}-i"),
    "update of a renamed column": lambda: renamed.update().values(word=f"{TEXT}-j").where(renamed.c.word == f"{TEXT}-i"),
    "select of a renamed column": lambda: sa.select(renamed.c.word),
    "upsert": lambda: upsert[dialect["name"]].on_conflict_do_update(index_elements=["id"], set_={"password": sa.literal(f"{TEXT}-k")}),
    "update": lambda: users.update().values(password=f"{TEXT}-l", passcode=NUMBER).where(users.c.id == 1),
    "update with a function": lambda: users.update().values(password=sa.func.lower(f"{TEXT}-M")).where(p == f"{TEXT}-l"),
    "update with a case": lambda: users.update().values(password=sa.case((users.c.id == 2, f"{TEXT}-n"), else_=p)),
    "update returning": lambda: users.update().values(name="c").where(users.c.id == 1).returning(sa.func.upper(p).label("q")),
    "delete returning": lambda: users.delete().where(users.c.id == 119).returning((p + "x").label("q")),
    "comparison": lambda: sa.select(users.c.id).where(p == f"{TEXT}-o"),
    "comparison from the right": lambda: sa.select(users.c.id).where(sa.literal(f"{TEXT}-p") == p),
    "comparison of functions": lambda: sa.select(users.c.id).where(sa.func.lower(p) == sa.func.lower(sa.literal(f"{TEXT}-q"))),
    "comparison of a cast": lambda: sa.select(users.c.id).where(sa.cast(p, sa.Text) == sa.cast(f"{TEXT}-r", sa.Text)),
    "comparison of a number": lambda: sa.select(users.c.id).where(users.c.passcode > NUMBER),
    "in": lambda: sa.select(users.c.id).where(p.in_([f"{TEXT}-s", f"{TEXT}-t"])),
    "tuple in": lambda: sa.select(users.c.id).where(sa.tuple_(users.c.name, p).in_([("a", f"{TEXT}-u")])),
    "like": lambda: sa.select(users.c.id).where(p.like(f"%{TEXT}%") | p.contains(TEXT) | p.startswith(TEXT)),
    "between": lambda: sa.select(users.c.id).where(p.between(f"{TEXT}-a", f"{TEXT}-z")),
    "is distinct": lambda: sa.select(users.c.id).where(p.is_distinct_from(f"{TEXT}-v")),
    "function of a secret and a parameter": lambda: sa.select(users.c.id).where(sa.func.replace(p, f"{TEXT}-w", "x") == "y"),
    "concatenation with a parameter": lambda: sa.select(users.c.id).where(p == "pre" + sa.literal(f"{TEXT}-x")),
    "alias": lambda: sa.select(p.label("q"), users.c.id),
    "literal beside": lambda: sa.select(p.label("q"), sa.literal(f"{TEXT}-y")),
    "named literal": lambda: sa.select(sa.literal(f"{TEXT}-z").label("token")),
    "functions": lambda: sa.select(sa.func.lower(p), sa.func.coalesce(p, users.c.name).label("q"), p + "x"),
    "case": lambda: sa.select(sa.case((users.c.id > 0, p), else_=users.c.name).label("q")),
    "aggregates": lambda: sa.select(sa.func.max(p).label("q"), sa.func.max(users.c.passcode).label("r")),
    "window": lambda: sa.select(sa.func.first_value(p).over(order_by=users.c.id).label("q")),
    "filter": lambda: sa.select(sa.func.max(p).filter(users.c.id > 0).label("q")),
    "arithmetic": lambda: sa.select((users.c.passcode + 0).label("q")),
    "scalar subquery": lambda: sa.select(sa.select(sa.func.max(p)).scalar_subquery().label("q")),
    "subquery": lambda: sa.select(sub.c.x.label("a"), sub.c.y.label("b")),
    "subquery in a subquery": lambda: sa.select(sa.select(sub.c.y.label("z")).subquery().c.z.label("zz")),
    "cte": lambda: sa.select(cte.c.x.label("a")),
    "cte twice": lambda: sa.select(cte.c.x.label("a"), cte.alias("second").c.x.label("b")),
    "recursive cte": lambda: recursive(),
    "cte of an insert": lambda: sa.select(inserted().c.q),
    "union": lambda: sa.union_all(sa.select(users.c.name.label("q")), sa.select(p)),
    "union of three": lambda: sa.union(sa.select(users.c.name), sa.select(users.c.name), sa.select(sa.func.lower(p))),
    "nested union": lambda: sa.union_all(sa.select(users.c.name), sa.union_all(sa.select(users.c.name), sa.select(p)).subquery().select()),
    "union in a subquery": lambda: sa.select(sa.union_all(sa.select(users.c.name.label("q")), sa.select(p)).subquery().c.q),
    "union of entities": lambda: sa.union_all(sa.select(User.name, User.id), sa.select(User.pw, User.id)),
    "except": lambda: sa.except_(sa.select(p.label("q")), sa.select(users.c.name)),
    "join": lambda: sa.select(keys.c.api_key.label("q"), users.c.name).join_from(users, keys),
    "join on a parameter": lambda: sa.select(users.c.id).join(keys, keys.c.api_key == f"{TEXT}-0"),
    "exists": lambda: sa.select(users.c.id).where(sa.exists().where(p == f"{TEXT}-1")),
    "having": lambda: sa.select(users.c.id).group_by(users.c.id).having(sa.func.max(p) == f"{TEXT}-2"),
    "distinct, order and limit": lambda: sa.select(p.label("q")).distinct().order_by(p).limit(5).offset(0),
    "JSON key": lambda: sa.select(users.c.settings["api_key"].as_string().label("q")),
    "JSON path": lambda: sa.select(users.c.settings[("deep", "api_key")].as_string().label("q")),
    "JSON comparison": lambda: sa.select(users.c.id).where(users.c.settings["api_key"].as_string() == f"{TEXT}-3"),
    "whole JSON": lambda: sa.select(users.c.settings.label("q")),
    "text in a select": lambda: sa.select(sa.text("password AS q"), users.c.id),
    "literal column": lambda: sa.select(sa.literal_column("password || 'x'").label("q")).select_from(users),
    "text in a condition": lambda: sa.select(users.c.id).where(sa.text(f"password = '{TEXT}-4'")),
    "text with a parameter": lambda: sa.select(users.c.id).where(sa.text("password = :q").bindparams(q=f"{TEXT}-5")),
    "text in FROM": lambda: sa.select(sa.column("q")).select_from(sa.text("(SELECT password AS q FROM users) AS s")),
    "text with columns": lambda: sa.text("SELECT password AS q, id FROM users").columns(sa.column("q"), users.c.id),
    "text with columns as a cte": lambda: sa.select(sa.text("SELECT password AS q FROM users").columns(sa.column("q")).cte("c").c.q),
    "values": lambda: sa.select(sa.values(sa.column("id", sa.Integer), sa.column("token", sa.String), name="v").data([(1, f"{TEXT}-6")])),
    "literal value": lambda: sa.select(users.c.id).where(p == sa.bindparam("q", f"{TEXT}-7", literal_execute=True)),
    "untyped table": lambda: sa.select(sa.table("users", sa.column("password")).c.password.label("q")),
    "view": lambda: sa.select(sa.table("seen", sa.column("password")).c.password.label("q")),
}  # fmt: skip


def recursive():
    """A recursive query, which refers to itself."""
    start = (
        sa.select(users.c.id.label("n"), p.label("q"))
        .where(users.c.id == 1)
        .cte("r", recursive=True)
    )
    again = start.union_all(sa.select(start.c.n + 1, start.c.q).where(start.c.n < 3))
    return sa.select(again.c.q.label("z"))


def inserted():
    """A common table expression that inserts."""
    if dialect["name"] == "postgresql":
        return (
            users.insert()
            .values(id=120, password=f"{TEXT}-8")
            .returning(p.label("q"))
            .cte("ins")
        )
    return sa.select(p.label("q")).cte("ins")


RAW = [
    (f"UPDATE users SET password = '{TEXT}-a' WHERE id = 1", {}),
    (f"UPDATE users SET passcode = {NUMBER} WHERE id = 1", {}),
    ("UPDATE users SET password = :p, passcode = :n WHERE id = :id", {"p": f"{TEXT}-b", "n": NUMBER, "id": 1}),
    ("UPDATE users SET password = :password WHERE id = :id", {"password": f"{TEXT}-c", "id": 1}),
    ("INSERT INTO users (id, password) VALUES (:a, :b)", {"a": 31, "b": f"{TEXT}-d"}),
    ("INSERT INTO users VALUES (:id, 'x', :password, 1, NULL)", {"id": 35, "password": f"{TEXT}-n"}),
    ("SELECT 1 WHERE substr(cast(:api_key AS text), 1, 7) = 'x'", {"api_key": f"{TEXT}-o"}),
    ("INSERT INTO users (id, name, password) SELECT 32, 'x', :q", {"q": f"{TEXT}-e"}),
    ("INSERT INTO users (id, password) VALUES (33, :q) RETURNING password AS r", {"q": f"{TEXT}-f"}),
    ("SELECT password AS q, id FROM users", {}),
    ("SELECT password q FROM users", {}),
    ("SELECT u.password AS name FROM users AS u", {}),
    ("SELECT upper(password), max(password) FROM users GROUP BY password", {}),
    ("SELECT name || password FROM users", {}),
    ("SELECT *, password AS q FROM users", {}),
    ("SELECT * FROM (SELECT password AS q FROM users) AS s", {}),
    ("WITH s AS (SELECT password AS q FROM users) SELECT q FROM s", {}),
    ("WITH s (name) AS (SELECT password FROM users) SELECT name FROM s", {}),
    ("SELECT name FROM users UNION ALL SELECT password FROM users", {}),
    ("SELECT (SELECT max(password) FROM users) AS name", {}),
    ("SELECT CASE WHEN id > 0 THEN password ELSE name END AS name FROM users", {}),
    ("SELECT CASE WHEN id > 0 THEN password END FROM users", {}),
    ("select case when id > 0 then password end from users", {}),
    ("select coalesce(password, 'x') from users", {}),
    ("select q from (select password q from users) as s", {}),
    (f"SELECT CASE WHEN password = '{TEXT}-p' THEN 1 ELSE 0 END FROM users", {}),
    ("SELECT CAST(password AS varchar(30)) FROM users", {}),
    ("SELECT CAST(name || password AS varchar) FROM users", {}),
    (f"SELECT id FROM users WHERE password = '{TEXT}-g' -- '{TEXT}-h", {}),
    (f"SELECT id FROM users WHERE name = 'it''s' AND password = '{TEXT}-i'", {}),
    ("SELECT id FROM users WHERE lower(password) LIKE lower(:q)", {"q": f"{TEXT}-j"}),
    (f"SELECT id FROM users WHERE name = '\\' OR password = '{TEXT}-k'", {}),
    (f"INSERT INTO users (id, settings) VALUES (34, '{{\"api_key\": \"{TEXT}-l\"}}')".replace(':', '\\:'), {}),
    ("SELECT settings FROM users", {}),
    ("SELECT settings ->> 'api_key' AS q FROM users", {}),
    (f"SELECT id FROM users WHERE settings ->> cast(:q AS text) = '{TEXT}-p'", {"q": "api_key"}),
    ("SELECT cast(:token AS varchar(30)) AS q", {"token": f"{TEXT}-m"}),
]  # fmt: skip


def orm(session):
    """Use the ORM: unit of work, loading, bulk changes, entities from texts."""
    session.add_all(
        [
            User(
                name="ann",
                pw=f"{TEXT}-ann",
                pin=NUMBER,
                keys=[Key(api_key=f"{TEXT}-key")],
            ),
            User(
                name="bob",
                pw=f"{TEXT}-bob",
                settings={"api_key": TEXT, "deep": {"api_key": TEXT}},
            ),
        ]
    )
    session.commit()
    session.add_all(
        [
            User(name=f"n{number}", pw=f"{TEXT}-{number}", pin=NUMBER)
            for number in range(5)
        ]
    )
    session.commit()
    ann = session.scalars(sa.select(User).where(User.pw == f"{TEXT}-ann")).one()
    ann.pw, ann.pin = f"{TEXT}-new", NUMBER + 1
    session.commit()
    assert [key.api_key for key in ann.keys] == [f"{TEXT}-key"]
    session.expunge_all()
    for option in (joinedload(User.keys), selectinload(User.keys)):
        session.scalars(sa.select(User).options(option)).unique().all()
    session.execute(
        sa.update(User)
        .where(User.pw == f"{TEXT}-bob")
        .values(pw=sa.func.upper(f"{TEXT}-x"))
    )
    session.execute(
        sa.update(User)
        .where(User.id == 2)
        .values({User.pw: f"{TEXT}-y", "pin": NUMBER})
    )
    session.execute(
        sa.update(User), [{"id": 1, "pw": f"{TEXT}-z"}, {"id": 2, "pw": f"{TEXT}-0"}]
    )
    session.execute(
        sa.insert(User),
        [{"name": "c", "pw": f"{TEXT}-1"}, {"name": "d", "pw": f"{TEXT}-2"}],
    )
    many = [{"name": "e", "pw": f"{TEXT}-3"}, {"name": "f", "pw": f"{TEXT}-4"}]
    session.execute(sa.insert(User).returning(User.pw), many).all()
    session.execute(sa.select(Bundle("both", User.pw, User.name))).all()
    session.execute(
        sa.select(other.pw.label("q")).join(User, User.pw == other.pw)
    ).all()
    inner = aliased(User, sa.select(User).where(User.pw != f"{TEXT}-5").subquery())
    session.execute(sa.select(inner.pw.label("q"))).all()
    session.scalars(
        sa.select(User).from_statement(
            sa.text("SELECT * FROM users WHERE password = :q")
        ),
        {"q": f"{TEXT}-6"},
    ).all()
    session.execute(sa.select(Key).where(Key.user.has(User.pw == f"{TEXT}-7"))).all()
    session.commit()


def everything(engine):
    """Run all statements, and return those that the database refused."""
    is_sqlite = engine.dialect.name == "sqlite"
    dialect["name"] = engine.dialect.name
    refused = []
    Base.metadata.create_all(engine)
    renamed.create(engine)
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE VIEW seen AS SELECT id, password FROM users")
        )
    with Session(engine) as session:
        orm(session)
    statements = [(name, make(), {}) for name, make in CORE.items()]
    statements += [(sql, sa.text(sql), values) for sql, values in RAW]
    for name, statement, values in statements:
        try:
            with engine.begin() as connection:
                result = connection.execute(statement, values)
                if result.returns_rows:
                    result.all()
        except sa.exc.DBAPIError:
            refused.append(name)
    many = [
        {"id": 40 + n, "name": "x", "password": f"{TEXT}-{n}", "passcode": NUMBER}
        for n in range(3)
    ]
    rows = [{**row, "id": row["id"] + 10} for row in many]
    marks = "?" if is_sqlite else "%s"
    with engine.begin() as connection:
        connection.execute(users.insert(), many)
        connection.execute(
            users.insert().returning(users.c.id, p.label("q")), rows
        ).all()
        where = (
            users.update()
            .where(p == sa.bindparam("old"))
            .values(password=sa.bindparam("new"))
        )
        connection.execute(
            where,
            [{"old": f"{TEXT}-a", "new": f"{TEXT}-b"}, {"old": TEXT, "new": TEXT}],
        )
        if engine.dialect.driver != "asyncpg":
            driver = f"UPDATE users SET password = {marks} WHERE id = {marks}"
            connection.exec_driver_sql(driver, (f"{TEXT}-driver", 1))
            connection.exec_driver_sql(driver, [(f"{TEXT}-one", 1), (f"{TEXT}-two", 2)])
    return refused


@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
@pytest.mark.parametrize(
    "driver",
    [
        "sqlite",
        "postgresql+psycopg",
        "postgresql+pg8000",
        "postgresql+psycopg2",
        "postgresql+asyncpg",
    ],
)
def test_no_planted_secret_is_in_the_vault(monkeypatch, request, tmp_path, driver):
    if driver != "sqlite":
        pytest.importorskip(driver.partition("+")[2])
    server = None if driver == "sqlite" else request.getfixturevalue("postgres")
    url = (
        f"{driver}:///{tmp_path}/shop.db"
        if server is None
        else f"{driver}://{server.new_database()}"
    )
    runs = Runs("sqlalchemy")
    runs.install(monkeypatch)

    async def ask():
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(lambda held: everything(held.engine))
        await engine.dispose()

    if driver.endswith("asyncpg"):
        asyncio.run(ask())
    else:
        engine = sa.create_engine(url)
        # SQLite cannot name the columns of VALUES.
        assert everything(engine) == (["values"] if driver == "sqlite" else [])
        engine.dispose()

    leaks = [
        f"{call.signature}: {call.parts}"
        for call in runs.asked
        if is_planted(str(call.parts))
    ]
    leaks += [
        str(answer.data) for answer in runs.answers if is_planted(str(answer.data))
    ]
    assert leaks == []
    assert not is_planted(runs.text)


def is_planted(text):
    """Return whether a planted secret is in a text."""
    return TEXT in text.lower() or "4711081" in text

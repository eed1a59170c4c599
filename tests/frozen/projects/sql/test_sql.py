"""Statements through SQLAlchemy: each driver, sync and async; values, errors, transactions, streams and secrets."""

import asyncio
import datetime as dt
import os
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

POSTGRES = os.environ.get("POSTGRES", "postgres@127.0.0.1:1/gone")
SYNC = {
    "sqlite": "sqlite://",
    "psycopg": f"postgresql+psycopg://{POSTGRES}",
    "psycopg2": f"postgresql+psycopg2://{POSTGRES}",
}
ASYNC = {
    "aiosqlite": "sqlite+aiosqlite://",
    "asyncpg": f"postgresql+asyncpg://{POSTGRES}",
}


# The text that SQLAlchemy makes of the table depends on its version.
TABLE = (
    "CREATE TABLE people (id {id} PRIMARY KEY, name VARCHAR NOT NULL UNIQUE, born DATE, seen TIMESTAMP NOT NULL, "
    "paid NUMERIC(10, 2) NOT NULL, size FLOAT NOT NULL, face {face} NOT NULL, key {key} NOT NULL, more JSON NOT NULL, "
    "password VARCHAR NOT NULL)"
)
SQLITE = {"id": "INTEGER", "face": "BLOB", "key": "CHAR(32)"}
POSTGRESQL = {"id": "SERIAL", "face": "BYTEA", "key": "UUID"}


class Base(DeclarativeBase):
    """The tables."""


class Person(Base):
    """A row with a value of each kind."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    born: Mapped[dt.date | None]
    seen: Mapped[dt.datetime]
    paid: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    size: Mapped[float]
    face: Mapped[bytes]
    key: Mapped[uuid.UUID]
    more: Mapped[dict] = mapped_column(sa.JSON)
    password: Mapped[str]


def person(name, **more):
    """Return a row."""
    values = {
        "born": dt.date(2001, 2, 3),
        "seen": dt.datetime(2026, 11, 2, 9),
        "paid": Decimal("1.10"),
    }
    values |= {
        "size": 0.1,
        "face": b"\xff\x00",
        "key": uuid.UUID(int=7),
        "more": {"a": [1, None]},
    }
    return Person(name=name, password="secret-4719", **{**values, **more})


def tables(dialect):
    """Return the statements that make an empty table."""
    types = SQLITE if dialect.name == "sqlite" else POSTGRESQL
    return sa.text("DROP TABLE IF EXISTS people"), sa.text(TABLE.format(**types))


@pytest.fixture(params=SYNC)
def engine(request):
    """An engine with an empty table."""
    engine = sa.create_engine(SYNC[request.param])
    with engine.begin() as connection:
        for statement in tables(engine.dialect):
            connection.execute(statement)
    yield engine
    engine.dispose()


def test_rows(engine):
    """Rows are written, read, changed and deleted."""
    with Session(engine) as session:
        session.add_all([person("zoe"), person("ann", born=None)])
        session.commit()
        zoe = session.scalars(sa.select(Person).where(Person.name == "zoe")).one()
        assert (zoe.born, zoe.paid, zoe.face, zoe.key) == (
            dt.date(2001, 2, 3),
            Decimal("1.10"),
            b"\xff\x00",
            uuid.UUID(int=7),
        )
        zoe.more = {"b": 2}
        session.commit()
        session.execute(sa.delete(Person).where(Person.name == "ann"))
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 2


def test_errors(engine):
    """Errors of the database are recorded, and the transaction is rolled back."""
    with Session(engine) as session:
        session.add_all([person("zoe"), person("zoe")])
        with pytest.raises(sa.exc.IntegrityError):
            session.commit()
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(sa.text("SELECT * FROM nowhere"))


def test_streams(engine):
    """A result is read in parts."""
    with engine.begin() as connection:
        rows = [{"n": n, "name": f"p{n}"} for n in range(50)]
        connection.execute(sa.text("DROP TABLE IF EXISTS numbers"))
        connection.execute(sa.text("CREATE TABLE numbers (n integer, name text)"))
        connection.execute(sa.text("INSERT INTO numbers VALUES (:n, :name)"), rows)
        found = connection.execution_options(yield_per=20).execute(
            sa.text("SELECT * FROM numbers ORDER BY n")
        )
        assert [len(part) for part in found.partitions(20)] == [20, 20, 10]


@pytest.mark.parametrize("driver", ASYNC)
def test_async(driver):
    """The same through an asynchronous engine."""

    async def main():
        engine = create_async_engine(ASYNC[driver])
        async with engine.begin() as connection:
            for statement in tables(engine.dialect):
                await connection.execute(statement)
            values = {
                c.name: getattr(person("zoe"), c.name)
                for c in Person.__table__.c
                if c.name != "id"
            }
            await connection.execute(sa.insert(Person), [values])
            row = (await connection.execute(sa.select(Person.__table__))).one()
        await engine.dispose()
        return row.paid

    assert asyncio.run(main()) == Decimal("1.10")


def test_cassette(mimic_auto):
    """Statements of a cassette."""
    with mimic_auto("talk") as cassette:
        engine = sa.create_engine(SYNC["sqlite"])
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1 AS one")).scalar() == 1
        engine.dispose()
    assert cassette.calls

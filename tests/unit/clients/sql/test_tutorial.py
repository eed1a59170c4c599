"""SQLAlchemy's own tutorial, recorded on a database and replayed without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    contains_eager,
    joinedload,
    mapped_column,
    raiseload,
    relationship,
    selectinload,
)

from pytest_mimic._clients.sql.sqlalchemy import SqlAdapter
from unit.clients.runs import Runs

if TYPE_CHECKING:
    from support.database_servers import Postgres

pytest_plugins = ("support.database_servers",)


class Base(DeclarativeBase):
    """The tutorial's declarative base."""


class User(Base):
    """The tutorial's user."""

    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(30))
    fullname: Mapped[str | None]
    addresses: Mapped[list[Address]] = relationship(back_populates="user", order_by="Address.id")

    def __repr__(self) -> str:
        return f"User(id={self.id!r}, name={self.name!r}, fullname={self.fullname!r})"


class Address(Base):
    """The tutorial's address."""

    __tablename__ = "address"
    id: Mapped[int] = mapped_column(primary_key=True)
    email_address: Mapped[str]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"))
    user: Mapped[User] = relationship(back_populates="addresses")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """A test at SQLAlchemy's edges, with its vault in memory."""
    runs = Runs(SqlAdapter("sqlalchemy"))
    runs.install(monkeypatch)
    return runs


@pytest.fixture(params=["sqlite", "postgresql+psycopg"])
def urls(request: pytest.FixtureRequest, tmp_path: Any) -> tuple[str, str]:
    """A database's URL, and one of the same kind that leads nowhere."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/real.db", f"sqlite:///{tmp_path}/gone/real.db"
    pytest.importorskip("psycopg")
    server: Postgres = request.getfixturevalue("postgres")
    return f"{request.param}://{server.new_database()}", f"{request.param}://nobody@127.0.0.1:1/gone"


def core(url: str) -> list[Any]:
    """Engine, metadata, insert, select, joins, aggregates, subqueries, update, delete, returning, reflection."""
    engine = sa.create_engine(url)
    seen: list[Any] = []
    with engine.connect() as conn:
        seen.append(conn.execute(sa.text("select 'hello world'")).all())
        conn.execute(sa.text("CREATE TABLE some_table (x int, y int)"))
        points = [{"x": 1, "y": 1}, {"x": 2, "y": 4}]
        conn.execute(sa.text("INSERT INTO some_table (x, y) VALUES (:x, :y)"), points)
        conn.commit()
    with engine.begin() as conn:
        conn.execute(
            sa.text("INSERT INTO some_table (x, y) VALUES (:x, :y)"), [{"x": 6, "y": 8}, {"x": 9, "y": 10}]
        )
    with engine.connect() as conn:
        result = conn.execute(sa.text("SELECT x, y FROM some_table WHERE y > :y ORDER BY x"), {"y": 2})
        seen.append([(row.x, row.y) for row in result])
        mappings = conn.execute(sa.text("SELECT x, y FROM some_table ORDER BY x, y")).mappings()
        seen.append([dict(row) for row in mappings])
        update = sa.text("UPDATE some_table SET y=:y WHERE x=:x")
        conn.execute(update, [{"x": 9, "y": 11}, {"x": 13, "y": 15}])
        conn.rollback()
        seen.append(conn.scalar(sa.text("SELECT max(y) FROM some_table")))

    metadata = sa.MetaData()
    user = sa.Table(
        "user_core",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(30)),
        sa.Column("fullname", sa.String),
    )
    address = sa.Table(
        "address_core",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("user_core.id"), nullable=False),
        sa.Column("email_address", sa.String, nullable=False),
    )
    metadata.create_all(engine)
    reflected = sa.Table("some_table", sa.MetaData(), autoload_with=engine)
    seen.append([(column.name, str(column.type)) for column in reflected.columns])
    seen.append(sorted(sa.inspect(engine).get_table_names()))
    with engine.connect() as conn:
        result = conn.execute(sa.insert(user).values(name="spongebob", fullname="Spongebob Squarepants"))
        seen.append(tuple(result.inserted_primary_key))
        conn.execute(
            sa.insert(user),
            [{"name": "sandy", "fullname": "Sandy Cheeks"}, {"name": "patrick", "fullname": "Patrick Star"}],
        )
        scalar = sa.select(user.c.id).where(user.c.name == sa.bindparam("username")).scalar_subquery()
        conn.execute(
            sa.insert(address).values(user_id=scalar),
            [
                {"username": "spongebob", "email_address": "spongebob@sqlalchemy.org"},
                {"username": "sandy", "email_address": "sandy@sqlalchemy.org"},
                {"username": "sandy", "email_address": "sandy@squirrelpower.org"},
            ],
        )
        conn.commit()
        added = (
            sa.insert(address).values(user_id=3, email_address="x").returning(address.c.id, address.c.user_id)
        )
        seen.append(conn.execute(added).all())
        conn.rollback()

        seen.append(conn.execute(sa.select(user).where(user.c.name == "spongebob")).all())
        joined = (
            sa.select(user.c.name, address.c.email_address).join_from(user, address).order_by(address.c.id)
        )
        seen.append(conn.execute(joined).all())
        grouped = (
            sa.select(user.c.name, sa.func.count(address.c.id).label("count"))
            .outerjoin(address)
            .group_by(user.c.name)
            .having(sa.func.count(address.c.id) >= 0)
            .order_by("count", user.c.name)
        )
        seen.append(conn.execute(grouped).all())
        cte = (
            sa.select(sa.func.count(address.c.id).label("count"), address.c.user_id)
            .group_by(address.c.user_id)
            .cte()
        )
        seen.append(conn.execute(sa.select(user.c.name, cte.c.count).join(cte).order_by(user.c.name)).all())
        exists = (
            sa.select(user.c.name)
            .where(sa.exists().where(address.c.user_id == user.c.id))
            .order_by(user.c.name)
        )
        seen.append(conn.scalars(exists).all())
        seen.append(
            conn.execute(
                sa.union_all(sa.select(user.c.name), sa.select(address.c.email_address)).order_by("name")
            ).fetchmany(2)
        )
        seen.append(
            conn.execute(sa.update(user).where(user.c.name == "patrick").values(fullname="P")).rowcount
        )
        deleted = sa.delete(address).where(address.c.email_address.like("%power%")).returning(address.c.id)
        seen.append(conn.execute(deleted).all())
        conn.commit()
    engine.dispose()
    return seen


def orm(url: str) -> list[Any]:
    """Unit of work, identity map, get, update, delete, rollback, relationships, lazy and eager loading."""
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    seen: list[Any] = []
    session = Session(engine)
    squidward = User(name="squidward", fullname="Squidward Tentacles")
    krabs = User(name="ehkrabs", fullname="Eugene H. Krabs")
    session.add_all([squidward, krabs])
    session.flush()
    seen.append((squidward.id, krabs.id))
    seen.append(session.get(User, krabs.id) is krabs)
    session.commit()

    squidward.fullname = "Squidward Q."
    seen.append(session.scalar(sa.select(User.fullname).where(User.id == squidward.id)))
    session.execute(sa.update(User).where(User.name == "ehkrabs").values(fullname="Mr. Krabs"))
    seen.append(krabs.fullname)
    session.rollback()
    seen.append((squidward.fullname, krabs.fullname))

    pearl = User(name="pkrabs", fullname="Pearl Krabs")
    pearl.addresses += [
        Address(email_address="pearl.krabs@gmail.com"),
        Address(email_address="pearl@aol.com"),
    ]
    session.add(pearl)
    session.commit()
    seen.append([address.email_address for address in pearl.addresses])
    seen.append(pearl.addresses[0].user is pearl)
    session.close()

    with Session(engine) as session:
        for option in (selectinload(User.addresses), joinedload(User.addresses)):
            users = session.scalars(sa.select(User).options(option).order_by(User.id)).unique().all()
            seen.append(
                [(repr(user), [address.email_address for address in user.addresses]) for user in users]
            )
            session.expunge_all()
        eager = (
            sa.select(Address).join(Address.user).options(contains_eager(Address.user)).order_by(Address.id)
        )
        seen.append([(address.email_address, address.user.name) for address in session.scalars(eager)])
        session.expunge_all()
        other = aliased(User)
        pairs = sa.select(User.name, other.name).join(other, User.id < other.id).order_by(User.id, other.id)
        seen.append(session.execute(pairs).all())
        strict = session.scalars(sa.select(User).options(raiseload(User.addresses)).limit(1)).one()
        with pytest.raises(sa.exc.InvalidRequestError):
            _ = strict.addresses
        session.expunge_all()
        pearl = session.scalars(sa.select(User).where(User.name == "pkrabs")).one()
        for address in list(pearl.addresses):
            session.delete(address)
        session.delete(pearl)
        session.commit()
        seen.append(session.get(User, 3))
        with session.begin_nested():
            session.add(User(name="plankton"))
        session.rollback()
        seen.append(session.scalar(sa.select(sa.func.count(User.id))))
    engine.dispose()
    return seen


@pytest.mark.parametrize("steps", [core, orm], ids=["core", "orm"])
def test_tutorial_replays_without_the_database(runs: Runs, urls: tuple[str, str], steps: Any) -> None:
    """Every result is the same, and every statement is sent in the same order."""
    real, gone = urls
    recorded = steps(real)
    sent = runs.signatures

    runs.again("replay")
    replayed = steps(gone)

    assert replayed == recorded
    assert runs.signatures == sent
    assert "COMMIT" in sent

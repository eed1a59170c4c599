"""Statements through SQLAlchemy and sqlite3, and some in a cassette."""

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa

TABLE = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String),
    sa.Column("price", sa.Numeric(10, 2)),
    sa.Column("at", sa.DateTime),
    sa.Column("body", sa.LargeBinary),
    sa.Column("password", sa.String),
)
ROW = {
    "name": "pen",
    "price": Decimal("1.10"),
    "at": dt.datetime(2026, 11, 2, 9),
    "body": b"\xff",
    "password": "hunter2",
}


def work(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS orders"))
        TABLE.create(connection)
        connection.execute(TABLE.insert(), [ROW, {**ROW, "name": "ink", "price": None}])
        found = connection.execute(sa.select(TABLE).order_by(TABLE.c.id)).all()
        connection.execute(
            TABLE.update().where(TABLE.c.name == "ink").values(price=Decimal("2.50"))
        )
    with pytest.raises(sa.exc.DBAPIError), engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM nowhere"))
    engine.dispose()
    return [tuple(row)[:5] for row in found]


ROWS = [
    (1, "pen", Decimal("1.10"), dt.datetime(2026, 11, 2, 9), b"\xff"),
    (2, "ink", None, dt.datetime(2026, 11, 2, 9), b"\xff"),
]


@pytest.mark.mimic("sqlalchemy")
def test_statements():
    assert work("sqlite://") == ROWS


def test_cassette(mimic_auto):
    with mimic_auto("kinds/sqlalchemy", targets=["sqlalchemy"]) as cassette:
        assert work("sqlite://") == ROWS

    assert cassette.all_played

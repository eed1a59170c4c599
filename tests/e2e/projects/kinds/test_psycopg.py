"""Statements through SQLAlchemy, psycopg and PostgreSQL, with the types that only PostgreSQL has."""

import datetime as dt
import os
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from test_sqlalchemy import ROWS, work

URL = os.environ.get("KINDS_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:1/shop")
VALUES = """SELECT true AS a, 1.10::numeric AS b, 0.5::float8 AS c, 'NaN'::float8 AS d, date '2026-11-02' AS e,
timestamptz '2026-11-02 09:00+00' AS f, interval '1 day' AS g, '\\xff'::bytea AS h, array[1, 2] AS i,
'{"k": [1]}'::jsonb AS j, '00000000-0000-0000-0000-000000000007'::uuid AS k, time '09:00' AS l"""


@pytest.mark.mimic("sqlalchemy")
def test_statements():
    assert work(URL) == ROWS


@pytest.mark.mimic("sqlalchemy")
def test_types():
    engine = sa.create_engine(URL)
    with engine.connect() as connection:
        row = connection.execute(sa.text(VALUES)).one()
    engine.dispose()

    assert row[:3] == (True, Decimal("1.10"), 0.5)
    assert row.e == dt.date(2026, 11, 2)
    assert row.f == dt.datetime(2026, 11, 2, 9, tzinfo=dt.timezone.utc)
    assert row[6:] == (
        dt.timedelta(1),
        b"\xff",
        [1, 2],
        {"k": [1]},
        uuid.UUID(int=7),
        dt.time(9),
    )

"""Dates and ids that differ from run to run: the miss names them, and each recipe of the docs works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sqlalchemy")

if TYPE_CHECKING:
    from conftest import Project

SHOP = """
import datetime as dt
import uuid
import sqlalchemy as sa

engine = sa.create_engine("sqlite:///shop.db")
orders = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("made", sa.DateTime),
    sa.Column("item", sa.String),
)

def order(item):
    row = {"id": str(uuid.uuid4()), "made": dt.datetime.now(dt.timezone.utc).replace(tzinfo=None), "item": item}
    with engine.begin() as connection:
        orders.create(connection, checkfirst=True)
        connection.execute(orders.insert(), row)
    return row
"""

TEST = """
import shop

def test_order():
    assert shop.order("tea")["item"] == "tea"
    shop.engine.dispose()
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose every order has its own id and time."""
    project.ini("sqlalchemy")
    project.tests(TEST)
    return project


def test_miss_names_the_parameter_that_differs(shop: Project) -> None:
    """The id and the time, each with the recorded and the new value; what is equal is not named."""
    shop.record().expect(passed=1)

    missed = shop.run()

    missed.expect(failed=1, says=["no recording of sqlalchemy INSERT orders", "params.id: ", "params.made: "])
    assert "params.item: " not in missed.output


def test_parameters_can_be_left_out(shop: Project) -> None:
    """`ignore=` by the column's name."""
    shop.ini("sqlalchemy ignore=params.id,params.made")
    shop.record().expect(passed=1)

    shop.run().expect(passed=1)


def test_time_can_stand_still_and_ids_can_be_seeded(shop: Project) -> None:
    """time-machine for the clock, a seeded generator for the ids."""
    pytest.importorskip("time_machine")
    shop.conftest("""
        import random
        import uuid

        import pytest
        import time_machine

        @pytest.fixture(autouse=True)
        def same_time():
            with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
                yield

        @pytest.fixture(autouse=True)
        def same_ids(monkeypatch):
            numbers = random.Random(1)
            monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=numbers.getrandbits(128), version=4))
    """)
    shop.record().expect(passed=1)

    shop.run().expect(passed=1)

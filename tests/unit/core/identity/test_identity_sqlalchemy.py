"""Objects that SQLAlchemy maps count by their attributes, once these are loaded."""

from __future__ import annotations

import pytest

from pytest_mimic._core.identity.call_identity import fingerprint
from pytest_mimic._core.types.attributes_and_parts import user_attributes
from pytest_mimic._core.types.reductions import Unstable

sqlalchemy = pytest.importorskip("sqlalchemy")
orm = pytest.importorskip("sqlalchemy.orm")
Base = orm.declarative_base()


class Order(Base):
    __tablename__ = "orders"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    item = sqlalchemy.Column(sqlalchemy.String)
    lines = orm.relationship("Line", back_populates="order")


class Line(Base):
    __tablename__ = "lines"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    order_id = sqlalchemy.Column(sqlalchemy.ForeignKey("orders.id"))
    order = orm.relationship("Order", back_populates="lines")


@pytest.fixture
def session():
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield session
    engine.dispose()


def test_an_object_counts_by_its_values_whether_it_was_loaded_or_made(session):
    session.add(Order(id=1, item="tea", lines=[Line(id=5)]))
    session.commit()
    loaded = session.get(Order, 1)
    session.refresh(loaded, ["id", "item", "lines"])
    session.refresh(loaded.lines[0], ["id", "order_id", "order"])
    made = Order(id=1, item="tea", lines=[Line(id=5, order_id=1)])

    assert fingerprint(loaded) == fingerprint(made)
    assert fingerprint(made) != fingerprint(
        Order(id=1, item="tea", lines=[Line(id=6, order_id=1)])
    )
    assert fingerprint(made) != fingerprint(
        Order(id=1, item="milk", lines=[Line(id=5, order_id=1)])
    )
    assert user_attributes(Order(id=1)) == {"id": 1}


def test_an_object_that_is_not_loaded_in_full_is_refused(session):
    """Other tests may have another row, or other rows that belong to it, under the same key."""
    order = Order(id=1, item="tea")
    session.add(order)
    session.commit()

    for name in ("id", "lines"):
        with pytest.raises(
            Unstable, match="an object that SQLAlchemy has not loaded in full"
        ) as caught:
            fingerprint(order)
        assert name in caught.value.remedy
        assert order.id == 1  # which loads the columns
    session.refresh(order, ["lines"])
    assert fingerprint(order) == fingerprint(Order(id=1, item="tea", lines=[]))


def test_an_object_out_of_its_session_counts_by_what_was_loaded(session):
    session.add(Order(id=1, item="tea"))
    session.flush()
    session.expunge_all()
    order = session.query(Order).one()
    session.expunge(order)

    assert fingerprint(order) == fingerprint(Order(id=1, item="tea"))

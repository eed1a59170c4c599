"""The shop's tables and a client."""

from decimal import Decimal

import pytest
import shop
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session


@pytest.fixture(scope="module")
def tables():
    """The tables, with two products."""
    shop.Base.metadata.create_all(shop.engine())
    with Session(shop.engine()) as session:
        session.add_all(
            [
                shop.Product(name="tea", price=Decimal("2.50")),
                shop.Product(name="pot", price=Decimal("12")),
            ]
        )
        session.commit()
    yield
    shop.Base.metadata.drop_all(shop.engine())
    shop.engine().dispose()


@pytest.fixture
def client(tables):
    """A client of the shop, which has sold nothing so far."""
    with Session(shop.engine()) as session:
        session.execute(sa.delete(shop.Order))
        session.commit()
    shop.store().delete("sold")
    return TestClient(shop.app)

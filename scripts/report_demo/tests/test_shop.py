"""The tests of the shop whose report is drawn."""

from __future__ import annotations

import os

import httpx
import pytest
import shop
import sqlalchemy as sa

# The picture is of a run in which this day is another one than while recording.
DAY = os.environ.get("DAY", "2026-05-01")


@pytest.fixture
def engine(tmp_path):
    """A database with three orders."""
    made = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    shop.metadata.create_all(made)
    rows = [
        {"customer": "Ada", "total": 12.5, "state": "open"},
        {"customer": "Bela", "total": 8, "state": "sent"},
        {"customer": "Caro", "total": 31.9, "state": "open"},
    ]
    with made.begin() as connection:
        connection.execute(sa.insert(shop.orders), rows)
    return made


def test_open_orders(engine):
    assert [name for name, _ in shop.open_orders(engine)] == ["Ada", "Caro"]


def test_unknown_currency():
    with pytest.raises(httpx.HTTPStatusError):
        shop.rate("XXX", "USD", "2026-05-01")


def test_price_in_dollars():
    assert shop.rate("EUR", "USD", "2026-04-30") > 1
    assert shop.rate("GBP", "USD", "2026-05-01") > 1
    assert shop.rate("EUR", "USD", DAY) > 1


def test_label_of_a_busy_service():
    assert shop.label(1042).startswith(b"\x89PNG")


def test_answer_with_a_tool():
    assert "DHL" in shop.answer("Where is my order 1042?")


def test_blurb_arrives_word_by_word():
    assert "wise" in shop.blurb("Middlemarch")

"""A shop: a web application with a database, a cache, a payment service and a shipping service."""

from __future__ import annotations

import os
from decimal import Decimal
from functools import cache

import httpx
import redis
import requests
import sqlalchemy as sa
from fastapi import FastAPI, HTTPException
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

CURRENCY = "EUR"


class Base(DeclarativeBase):
    """The tables."""


class Product(Base):
    """A product on sale."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))


class Order(Base):
    """A paid order."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    payment: Mapped[str]
    parcel: Mapped[str]


@cache
def engine() -> sa.Engine:
    """Return the database's engine."""
    return sa.create_engine(os.environ["DATABASE_URL"])


@cache
def store() -> redis.Redis:
    """Return the cache's client."""
    return redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


app = FastAPI()


@app.post("/orders", status_code=201)
def order(product: str) -> dict[str, object]:
    """Pay for a product and ship it."""
    with Session(engine()) as session:
        found = session.scalar(sa.select(Product).where(Product.name == product))
        if found is None:
            raise HTTPException(404, "no such product")
        pay = {"amount": str(found.price), "currency": CURRENCY}
        payment = (
            httpx.post(f"{os.environ['PAYMENTS']}/payments", json=pay)
            .raise_for_status()
            .json()["id"]
        )
        answer = requests.post(
            f"{os.environ['SHIPPING']}/parcels", data={"item": product}, timeout=30
        )
        answer.raise_for_status()
        made = Order(product_id=found.id, payment=payment, parcel=answer.json()["id"])
        session.add(made)
        session.commit()
        store().incr("sold")
        return {"id": made.id, "payment": made.payment, "parcel": made.parcel}


@app.get("/orders/{number}")
def show(number: int) -> dict[str, object]:
    """Show an order with the state of its payment."""
    with Session(engine()) as session:
        found = session.get(Order, number)
        if found is None:
            raise HTTPException(404, "no such order")
        paid = (
            httpx.get(f"{os.environ['PAYMENTS']}/payments/{found.payment}")
            .raise_for_status()
            .json()
        )
        return {
            "parcel": found.parcel,
            "paid": paid["amount"],
            "sold": store().get("sold"),
        }

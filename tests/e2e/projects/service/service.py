"""Orders: an API with a database, a cache, a queue of jobs, and two partners."""

import json
import os
import secrets
import threading
import uuid
from datetime import date, datetime, timezone

import httpx
import redis
from fastapi import FastAPI, HTTPException
from sqlalchemy import DateTime, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = FastAPI()
engine = create_engine(os.environ["DATABASE"])
cache = redis.Redis.from_url(os.environ["REDIS"], decode_responses=True)
PARTNERS = os.environ["PARTNERS"]


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    item: Mapped[str] = mapped_column(String(40))
    made: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    shipped: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def now():
    return datetime.now(timezone.utc)


@app.post("/orders")
def place(item: str):
    """Save an order, queue its parcel, and cache it."""
    with Session(engine) as session:
        order = Order(item=item, made=now())
        session.add(order)
        session.commit()
        number = str(order.id)
    cache.set(f"order:{number}", item)
    cache.rpush("jobs", json.dumps({"job": uuid.uuid4().hex, "order": number}))
    return {"id": number, "item": item}


@app.get("/orders/{number}")
def look_up(number: uuid.UUID):
    cached = cache.get(f"order:{number}")
    if cached is not None:
        return {"id": number, "item": cached}
    with Session(engine) as session:
        order = session.get(Order, number)
    if order is None:
        raise HTTPException(404)
    return {"id": number, "item": order.item}


@app.post("/orders/{number}/payment")
async def pay(number: uuid.UUID):
    """Pay through a partner. The same payment is not made twice."""
    body = {"amount": 3, "reference": str(number), "at": now().isoformat()}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{PARTNERS}/payments", json=body)
        paid = await client.get(f"{PARTNERS}/payments/{answer.json()['id']}")
    return paid.json()


@app.get("/rates/{currency}")
def rate(currency: str):
    """Give today's rate, from the cache if it is there."""
    key = f"rate:{currency}"
    if cache.get(key) is None:
        day = date.today().isoformat()
        found = httpx.get(f"{PARTNERS}/rates/{currency}", params={"day": day})
        cache.set(key, found.text, ex=60)
    return {"rate": json.loads(cache.get(key))}


def fill_cart(items):
    """Keep a cart under a random token, and return the token."""
    token = secrets.token_urlsafe(16)
    cache.sadd(f"cart:{token}", *items)
    return token


def ship_next():
    """Do the next job of the queue in a thread."""
    worker = threading.Thread(target=_ship)
    worker.start()
    worker.join()


def _ship():
    job = json.loads(cache.lpop("jobs"))
    httpx.post(f"{PARTNERS}/parcels", json=job)
    with Session(engine) as session:
        order = session.get(Order, uuid.UUID(job["order"]))
        order.shipped = now()
        session.commit()


def open_orders():
    with Session(engine) as session:
        found = session.scalars(select(Order.item).where(Order.shipped.is_(None)))
        return sorted(found)

"""A web service that uses PostgreSQL, Redis and an outside HTTP API in one request: one cassette holds it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.loopback import Handler, Server, serving

for _client in ("fastapi", "httpx", "redis", "asyncpg", "sqlalchemy"):
    pytest.importorskip(_client)

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres, RedisServer

pytest_plugins = ("support.database_servers",)

SERVICE = """
import os
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import redis.asyncio
import sqlalchemy as sa
from fastapi import FastAPI, HTTPException
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    made: Mapped[object] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())

@asynccontextmanager
async def lifespan(app):
    app.engine = create_async_engine(os.environ["DATABASE_URL"])
    app.redis = redis.asyncio.from_url(os.environ["REDIS_URL"], decode_responses=True)
    async with app.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await app.engine.dispose()
    await app.redis.connection_pool.disconnect()

app = FastAPI(lifespan=lifespan)

async def rate(currency):
    cached = await app.redis.get(f"rate:{currency}")
    if cached is None:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{os.environ['RATES_URL']}/rates", params={"currency": currency})
        cached = answer.json()["rate"]
        await app.redis.set(f"rate:{currency}", cached, ex=60)
    return Decimal(cached)

@app.post("/orders", status_code=201)
async def order(item: str, euros: Decimal, currency: str):
    price = euros * await rate(currency)
    async with AsyncSession(app.engine) as session:
        made = Order(item=item, price=price)
        session.add(made)
        await session.commit()
        await session.refresh(made)
        async with app.redis.pipeline() as pipe:
            await pipe.incr("orders").lpush("recent", made.id).ltrim("recent", 0, 9).execute()
        return {"id": made.id, "price": str(made.price), "made": made.made.isoformat()}

@app.get("/orders/{id}")
async def show(id: int):
    async with AsyncSession(app.engine) as session:
        found = await session.get(Order, id)
    if found is None:
        raise HTTPException(404)
    return {"item": found.item, "price": str(found.price), "recent": await app.redis.lrange("recent", 0, -1)}
"""

TESTS = """
import json
from pathlib import Path

from fastapi.testclient import TestClient

import service

def test_order(mimic_auto):
    with mimic_auto("orders") as cassette, TestClient(service.app) as client:
        first = client.post("/orders", params={"item": "tea", "euros": "10", "currency": "USD"})
        assert first.status_code == 201, first.text
        second = client.post("/orders", params={"item": "pot", "euros": "20", "currency": "USD"})
        shown = client.get(f"/orders/{second.json()['id']}")
        missing = client.get("/orders/999")
    seen = [first.json(), second.json(), shown.json(), missing.status_code]
    assert shown.json()["recent"] == [str(second.json()["id"]), str(first.json()["id"])]
    kept = Path("seen.json")
    if cassette.mode == "record":
        kept.write_text(json.dumps(seen))
    assert json.loads(kept.read_text()) == seen
    assert {call.kind for call in cassette.calls} >= {"http", "sqlalchemy", "redis"}
    print("asked the API:", [call.signature for call in cassette.calls if call.kind == "http"])
"""


class Rates(Handler):
    """The outside API."""

    def do_GET(self) -> None:
        self.json({"rate": "1.25"})


def test_a_service_replays_with_all_its_servers_gone(
    project: Project, postgres: Postgres, redis_server: RedisServer
) -> None:
    """The answers, ids and times are the recorded ones."""
    project.ini()
    project.write("pytest.ini", "[pytest]\n")
    project.write("service.py", SERVICE)
    project.write("test_service.py", TESTS)
    variables = {
        "DATABASE_URL": f"postgresql+asyncpg://{postgres.new_database()}",
        "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0",
    }
    with serving(Server(Rates)) as server:
        variables["RATES_URL"] = server.url
        project.run(env=variables).expect(passed=1)

    with postgres.stopped(), redis_server.stopped():
        project.run("-s", env=variables).expect(passed=1, says=["asked the API: ['GET /rates"])
    assert list(project.vault.rglob("orders.json"))

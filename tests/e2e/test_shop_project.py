"""The life of a shop: FastAPI, SQLAlchemy over PostgreSQL, Redis, and two services over two HTTP clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from checkouts import check_in, commit, edit, replay_here
from shop_services import Services, running_services

for _library in (
    "fastapi",
    "httpx",
    "requests",
    "redis",
    "psycopg",
    "sqlalchemy",
    "pytest_randomly",
    "xdist",
):
    pytest.importorskip(_library)

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres, RedisServer

pytest_plugins = ("support.database_servers",)

COUNT = 4
NOTHING_RUNS = {
    "DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/gone",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "PAYMENTS": "http://127.0.0.1:1",
    "SHIPPING": "http://127.0.0.1:1",
}


@pytest.fixture
def services() -> Iterator[Services]:
    """The running services of payments and parcels."""
    with running_services() as server:
        yield server


@pytest.fixture
def there(postgres: Postgres, redis_server: RedisServer, services: Services) -> dict[str, str]:
    """The variables by which the shop finds its servers."""
    return {
        "DATABASE_URL": f"postgresql+psycopg://{postgres.new_database()}",
        "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0",
        "PAYMENTS": services.url,
        "SHIPPING": services.url,
    }


@pytest.fixture
def shop(project: Project, there: dict[str, str]) -> Project:
    """The shop, recorded."""
    check_in(project, "shop")
    project.record_once(env=there, passed=COUNT)
    commit(project, "Record")
    return project


def test_the_shop_replays_and_verifying_finds_what_changed(
    shop: Project, there: dict[str, str], services: Services
) -> None:
    replay_here(shop, passed=COUNT, env=NOTHING_RUNS)
    services.made["earlier"] = {}  # the next payment has another number
    shop.run("--mimic-verify", env=there).expect(failed=2, passed=2, says=["payment-"])


def test_what_changed_is_recorded_with_its_conversation(
    shop: Project, there: dict[str, str], services: Services
) -> None:
    old = "sa.select(Product).where(Product.name == product)"
    edit(shop, "shop.py", old, f"{old}.order_by(Product.id)")
    missed = shop.replay(env=NOTHING_RUNS)
    missed.expect(failed=3, passed=1, says=["no recording of sqlalchemy SELECT products"])
    shop.record(env=there).expect(failed=3, passed=1, says=["pytest --mimic-rerecord tests/"])
    shop.run("--mimic-rerecord", env=there).expect(passed=COUNT)

    edit(shop, "shop.py", 'CURRENCY = "EUR"', 'CURRENCY = "NOK"')
    shop.replay(env=NOTHING_RUNS).expect(failed=2, passed=2, says=["'EUR' recorded, 'NOK' now"])
    already = len(services.seen)
    shop.run("--mimic-rerecord", env=there).expect(passed=COUNT)
    assert [line for line in services.seen[already:] if "payments" in line and "NOK" not in line] == []
    replay_here(shop, passed=COUNT, env=NOTHING_RUNS)

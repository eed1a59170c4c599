"""Statements and commands, run for real or replayed, as tests of a project that mimics both clients."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import redis
import sqlalchemy
from steps import timed

CALLS_PREFIX = 300
QUERY = sqlalchemy.text(
    "SELECT g, 'row ' || g AS name FROM generate_series(CAST(:a AS int), :a + 9) AS g"
)


def measure(call: Callable[[int], object]) -> None:
    """Note the seconds of wall time of a call; the real server's work is part of it."""
    call(CALLS_PREFIX)
    figures: dict[str, float] = {}
    with timed(figures, "first", per=CALLS_PREFIX, clock=time.perf_counter):
        for number in range(CALLS_PREFIX):
            call(number)
    Path("figures.json").write_text(json.dumps(figures))


def test_statement() -> None:
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])
    with engine.connect() as connection:
        measure(lambda number: connection.execute(QUERY, {"a": number}).all())
    engine.dispose()


def test_command() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        measure(lambda number: client.get(f"key:{number}"))

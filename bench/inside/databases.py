"""Statements and commands, run for real or replayed.

They are the tests of a project that mimics both clients.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import redis
import sqlalchemy
from steps import Figures, timed

NUMBER_OF_CALLS = 300
QUERY = sqlalchemy.text(
    "SELECT g, 'row ' || g AS name FROM generate_series(CAST(:a AS int), :a + 9) AS g"
)


def measure(call: Callable[[int], object]) -> None:
    """Write the seconds of wall time of a call, the mean of 300 different ones.

    The work of the real server is part of them. One call before loads what is loaded on
    first use.
    """
    call(NUMBER_OF_CALLS)
    figures: Figures = {}
    with timed(figures, "first", per=NUMBER_OF_CALLS, clock=time.perf_counter):
        for number in range(NUMBER_OF_CALLS):
            call(number)
    Path("figures.json").write_text(json.dumps(figures))


def test_statement() -> None:
    """Measure a SELECT of ten rows."""
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])
    with engine.connect() as connection:

        def select(number: int) -> object:
            return connection.execute(QUERY, {"a": number}).all()

        measure(select)
    engine.dispose()


def test_command() -> None:
    """Measure a GET of a key that does not exist."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:

        def get(number: int) -> object:
            return client.get(f"key:{number}")

        measure(get)

"""The calls that the gate measures, in one run of pytest that records or replays them.

The environment variables `URL` and `REDIS` say where the servers are. The seconds of
CPU time of a call are written to `figures.json`, by the names of the rows.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gate_functions
import requested
from steps import Figures, timed

COUNT = 200


def test_calls(request: Any) -> None:
    """Make all calls, each kind once before it is measured."""
    figures: Figures = {}
    is_recording = request.config.getoption("--mimic-record")

    def measure(row: str, call: Callable[[int], object]) -> None:
        call(-1)
        gc.collect()
        with timed(figures, row, per=COUNT):
            for number in range(COUNT):
                call(number)

    measure("recorded call" if is_recording else "first replay", gate_functions.work)
    if not is_recording:
        measure("later replay", gate_functions.work)
    for client, get_by in requested.GETS.items():
        get = get_by()
        measure(f"GET by {client}", lambda number, get=get: get(_url(number)))
    measure("GET by httpx, async", _get_in_a_loop())
    measure("a statement", _select())
    measure("a redis command", _command())
    Path("figures.json").write_text(json.dumps(figures))


def _url(number: int) -> str:
    return f"{os.environ['URL']}/items/{number}"


def _get_in_a_loop() -> Callable[[int], object]:
    import httpx

    loop, client = asyncio.new_event_loop(), httpx.AsyncClient()
    return lambda number: loop.run_until_complete(client.get(_url(number)))


def _select() -> Callable[[int], object]:
    import sqlalchemy

    connection = sqlalchemy.create_engine("sqlite://").connect()
    statement = sqlalchemy.text("select :number as number")
    return lambda number: connection.execute(statement, {"number": number}).all()


def _command() -> Callable[[int], object]:
    import redis

    client = redis.Redis.from_url(os.environ["REDIS"])
    return lambda number: client.set(f"user:{number}", number)

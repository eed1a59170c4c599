"""A replayed statement of SQL and a replayed command of Redis beside the real servers on loopback."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.cases.base import FLOOR, OURS, Bench, Case, Measure, Row
from bench.contenders import ROOT
from bench.processes import project, pytest

REAL = "the real server"


@contextmanager
def running(*, sql: bool) -> Iterator[dict[str, str]]:
    """The environment variable that names a running server."""
    sys.path.insert(0, str(ROOT / "tests"))
    servers: Any = importlib.import_module("support.database_servers")
    binaries = servers._postgres_binaries() if sql else shutil.which("redis-server")
    if binaries is None:
        raise FileNotFoundError(
            "PostgreSQL is not installed" if sql else "redis-server is not installed"
        )
    with ExitStack() as stack:
        folder = stack.enter_context(
            servers._folder("postgres" if sql and os.geteuid() == 0 else None)
        )
        port = stack.enter_context(servers.held_port())
        server = (
            servers.Postgres(binaries, folder, port)
            if sql
            else servers.RedisServer(folder, port)
        )
        server.start()
        stack.callback(server.stop)
        yield (
            {
                "DATABASE_URL": f"postgresql+psycopg://{server.new_database()}",
                "REDIS_URL": "",
            }
            if sql
            else {"DATABASE_URL": "", "REDIS_URL": f"redis://127.0.0.1:{port}"}
        )


@contextmanager
def served(bench: Bench, name: str, *, sql: bool) -> Iterator[dict[str, Measure]]:
    """Calls that were recorded, and the same calls made for real, with the server running."""
    test = f"from databases import {'test_statement' if sql else 'test_command'}\n"
    folder, python = (
        project(bench.folder, ["sqlalchemy", "redis"], test),
        bench.python("clients"),
    )
    with running(sql=sql) as variables:

        def measure(option: str) -> dict[str, float]:
            pytest(python, folder, option, **variables)
            figures = json.loads((folder / "figures.json").read_text())
            return {name: figures["first"] * 1e6}

        measure("--mimic-record")
        yield {
            OURS: partial(measure, "--mimic-no-record"),
            FLOOR: partial(measure, "--mimic-live"),
        }


def profile(bench: Bench, file: Path, *, sql: bool) -> None:
    """Profile the replayed calls."""
    test = f"from databases import {'test_statement' if sql else 'test_command'}\n"
    folder, python = (
        project(bench.folder, ["sqlalchemy", "redis"], test),
        bench.python("clients"),
    )
    with running(sql=sql) as variables:
        pytest(python, folder, "--mimic-record", **variables)
        pytest(python, folder, BENCH_PROFILE=str(file), **variables)


CASES = [
    Case(
        name,
        [Row(name, "µs", {FLOOR: limit}, floor=REAL)],
        partial(served, name=name, sql=sql),
        profile=partial(profile, sql=sql),
    )
    for name, sql, limit in (
        ("sql_statement", True, 0.35),
        ("redis_command", False, 0.5),
    )
]

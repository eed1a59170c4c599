"""A replayed statement of SQL and a replayed command of Redis.

Both are measured beside the real servers on loopback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import CLIENTS, FLOOR
from bench.processes import Figures, figures_of, make_project, run_pytest
from bench.servers import postgres, redis

_TARGETS = ["sqlalchemy", "redis"]
_TEST_OF_STATEMENT = "from databases import test_statement\n"
_TEST_OF_COMMAND = "from databases import test_command\n"


@contextmanager
def sql_statement(bench: Bench) -> Iterator[dict[str, Measure]]:
    """A SELECT of ten rows by SQLAlchemy, in µs of wall time.

    The server runs all the time; its real answers are the floor.
    """
    make_project(bench.folder, _TARGETS, _TEST_OF_STATEMENT)
    with postgres() as url:
        yield _measures(bench, "sql_statement", {"DATABASE_URL": url})


@contextmanager
def redis_command(bench: Bench) -> Iterator[dict[str, Measure]]:
    """A GET of one key by redis-py, in µs of wall time.

    The server runs all the time; its real answers are the floor.
    """
    make_project(bench.folder, _TARGETS, _TEST_OF_COMMAND)
    with redis() as url:
        yield _measures(bench, "redis_command", {"REDIS_URL": url})


def _measures(bench: Bench, row: str, variables: dict[str, str]) -> dict[str, Measure]:
    """Record the calls; return what measures their replays, and the real calls."""

    def measure(python: Path, vault: str, option: str) -> Figures:
        run_pytest(python, bench.folder, f"--mimic-vault={vault}", option, **variables)
        return {row: figures_of(bench.folder)["first"] * 1e6}

    measures: dict[str, Measure] = {}
    for contender, python in bench.pythons_with_clients().items():
        measure(python, contender, "--mimic-record")
        measures[contender] = partial(measure, python, contender, "--mimic-no-record")
    measures[FLOOR] = partial(measure, bench.python(CLIENTS), FLOOR, "--mimic-live")
    return measures


def profile_sql_statement(bench: Bench, file: Path) -> None:
    """Profile the replayed statements."""
    make_project(bench.folder, _TARGETS, _TEST_OF_STATEMENT)
    with postgres() as url:
        _profile_replays(bench, file, {"DATABASE_URL": url})


def profile_redis_command(bench: Bench, file: Path) -> None:
    """Profile the replayed commands."""
    make_project(bench.folder, _TARGETS, _TEST_OF_COMMAND)
    with redis() as url:
        _profile_replays(bench, file, {"REDIS_URL": url})


def _profile_replays(bench: Bench, file: Path, variables: dict[str, str]) -> None:
    """Record the calls, and profile their replays."""
    python = bench.python(CLIENTS)
    run_pytest(python, bench.folder, "--mimic-record", **variables)
    run_pytest(python, bench.folder, BENCH_PROFILE=str(file), **variables)


CASES = [
    Case(
        "sql_statement",
        [Row("sql_statement", "µs", floor="the real server")],
        sql_statement,
        profile=profile_sql_statement,
    ),
    Case(
        "redis_command",
        [Row("redis_command", "µs", floor="the real server")],
        redis_command,
        profile=profile_redis_command,
    ),
]

"""What a replayed query and a replayed command cost, beside the real ones on loopback and a bare open, read, unpickle.

Starts PostgreSQL and redis-server as the tests do. Prints microseconds a call; read the ratios. Asserts nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import database_servers as servers

TEST = """
import os, pickle
from pathlib import Path
from time import perf_counter

import redis
import sqlalchemy as sa

CALLS = 300
QUERY = sa.text("SELECT g, 'row ' || g AS name FROM generate_series(CAST(:a AS int), :a + 9) AS g")


def timed(what, call):
    call(CALLS)
    begun = perf_counter()
    for number in range(CALLS):
        call(number)
    print(f"{what:>8} {(perf_counter() - begun) / CALLS * 1e6:8.0f} us")


def test_all():
    engine = sa.create_engine(os.environ["DATABASE_URL"])
    with engine.connect() as connection:
        timed("query", lambda number: connection.execute(QUERY, {"a": number}).all())
    engine.dispose()
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        timed("command", lambda number: client.get(f"key:{number}"))
    for number in range(CALLS + 1):
        Path(f"{number}.pickle").write_bytes(pickle.dumps([(each, f"row {each}") for each in range(10)]))

    def bare(number):
        with open(f"{number}.pickle", "rb") as file:
            return pickle.loads(file.read())

    timed("bare", bare)
"""


@contextmanager
def postgres() -> Iterator[servers.Postgres]:
    """A running server."""
    binaries = servers._postgres_binaries()
    assert binaries is not None, "PostgreSQL is not installed"
    owner = "postgres" if os.geteuid() == 0 else None
    with servers._folder(owner) as folder, servers.held_port() as port:
        server = servers.Postgres(binaries, folder, port)
        server.start()
        yield server
        server.stop()


@contextmanager
def redis_server() -> Iterator[servers.RedisServer]:
    """A running server."""
    with servers._folder() as folder, servers.held_port() as port:
        server = servers.RedisServer(folder, port)
        server.start()
        yield server
        server.stop()


def main() -> None:
    """Runs it live, recording, and replaying with the servers gone."""
    with TemporaryDirectory() as project, ExitStack() as running:
        Path(project, "pytest.ini").write_text("[pytest]\nmimic_functions =\n    sqlalchemy\n    redis\n")
        Path(project, "test_all.py").write_text(TEST)
        variables = {
            "DATABASE_URL": f"postgresql+psycopg://{running.enter_context(postgres()).new_database()}",
            "REDIS_URL": f"redis://127.0.0.1:{running.enter_context(redis_server()).port}",
        }
        for option in ("--mimic-live", "--mimic-record"):
            _run(project, variables, option)
        running.close()
        _run(project, variables, "--mimic-no-record")


def _run(project: str, variables: dict[str, str], option: str) -> None:
    command = [sys.executable, "-m", "pytest", "-qs", "-p", "no:randomly", "-p", "no:cacheprovider", option]
    printed = subprocess.run(
        command, cwd=project, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    print(option, *[line for line in printed.stdout.splitlines() if line.endswith(" us")], sep="\n")


if __name__ == "__main__":
    main()

"""Servers that the suites of other projects talk to, each on a port of its own.

A suite names the servers that it needs. They run while the suite runs without the
plugin and while it records, and they are stopped before it replays.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from environments import environment

REDIS_PORT = 16379
POSTGRES_PORT = 15432
# The tests of pandas have it in an address.
PANDAS_PORT = 5432
HTTPBIN_PORT = 18080

POSTGRES_URL = f"postgresql+psycopg2://scott:tiger@127.0.0.1:{POSTGRES_PORT}/test"
HTTPBIN_URL = f"http://127.0.0.1:{HTTPBIN_PORT}"

# How many seconds a server may take until it answers.
PATIENCE = 60


@contextmanager
def redis(_scratch: Path) -> Iterator[None]:
    """Run a Redis server that holds nothing."""
    command = ["redis-server", "--port", str(REDIS_PORT), "--save", ""]
    with started(command, REDIS_PORT):
        yield


@contextmanager
def postgres(_scratch: Path) -> Iterator[None]:
    """Run a PostgreSQL server with the database that SQLAlchemy's projects expect."""
    statements = (
        ("postgres", "CREATE ROLE scott SUPERUSER LOGIN PASSWORD 'tiger'"),
        ("postgres", "CREATE DATABASE test OWNER scott"),
        ("test", "CREATE SCHEMA test_schema AUTHORIZATION scott"),
        ("test", "CREATE SCHEMA test_schema_2 AUTHORIZATION scott"),
        ("test", "CREATE EXTENSION hstore"),
        ("test", "CREATE EXTENSION citext"),
    )
    with postgres_with(statements, POSTGRES_PORT):
        yield


@contextmanager
def postgres_of_pandas(_scratch: Path) -> Iterator[None]:
    """Run a PostgreSQL server with the database and the port that pandas expects."""
    statements = (("postgres", "CREATE DATABASE pandas"),)
    with postgres_with(statements, PANDAS_PORT):
        yield


@contextmanager
def postgres_with(statements: Iterable[tuple[str, str]], port: int) -> Iterator[None]:
    """Run a PostgreSQL server after these statements, each with its database."""
    # Another user must be able to enter the folder, which rules the scratch folder out.
    folder = Path(tempfile.mkdtemp(prefix="suite-postgres-"))
    programs = postgres_programs()
    other_user: list[str] = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        other_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*other_user, str(programs / program), *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
    options += " -c unix_socket_directories= -c max_prepared_transactions=10"
    address = ("-h", "127.0.0.1", "-p", str(port), "-U", "postgres")
    try:
        run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        log = str(folder / "log")
        run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        for database, statement in statements:
            run("psql", *address, "-q", "-c", statement, database)
        yield
    finally:
        with suppress(subprocess.CalledProcessError):
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders:
        raise SystemExit("PostgreSQL is not installed")
    return max(folders)


@contextmanager
def httpbin(scratch: Path) -> Iterator[None]:
    """Run httpbin in an environment of its own."""
    folder = scratch / "venv-httpbin"
    python = environment(folder, ["httpbin"])
    command = [str(python), "-m", "httpbin.core", "--port", str(HTTPBIN_PORT)]
    with started(command, HTTPBIN_PORT):
        yield


@contextmanager
def started(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends.

    Args:
        command: Starts the server.
        port: Where the server listens on 127.0.0.1 as soon as it is ready.

    Raises:
        SystemExit: If it does not listen in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await_port(server, port)
            yield
        finally:
            server.terminate()
            server.wait()


def await_port(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when a server listens on its port."""
    end = monotonic() + PATIENCE
    while monotonic() < end and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        sleep(0.1)
    sys.exit(f"no server listens on port {port}")


SERVICES = {
    "redis": redis,
    "postgres": postgres,
    "postgres of pandas": postgres_of_pandas,
    "httpbin": httpbin,
}

"""PostgreSQL and Redis for the tests: found where they are installed, started on a free port in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import pytest

from support.ports import held_port

# Runs in this process forget what they were first to import, and packages keep it: load
# it before.
for _name in (
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "psycopg.types.range",
    "psycopg.types.multirange",
    "asyncpg",
    "aiosqlite",
    "redis.asyncio",
):
    with suppress(ImportError):
        import_module(_name)


class Postgres:
    """A PostgreSQL server of this test run's own.

    Attributes:
        port: Where it listens on 127.0.0.1; everyone may log in as `postgres`.
    """

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self.port = port
        self._binaries = binaries
        self._folder = folder
        self._names = iter(range(1, 1_000_000))
        self._run(
            "initdb",
            "-D",
            str(folder / "data"),
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-sync",
        )

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._control("-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it: nothing listens on its port."""
        self._control("-w", "-m", "immediate", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While it is stopped."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def new_database(self) -> str:
        """Make an empty database, and return the part of its URL after `//`."""
        name = f"test_{next(self._names)}"
        self._run(
            "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name
        )
        return f"postgres@127.0.0.1:{self.port}/{name}"

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        other_user = ["runuser", "-u", "postgres", "--"] if _is_root() else []
        subprocess.run(
            [*other_user, str(self._binaries / program), *arguments],
            cwd=self._folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _postgres_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
    )
    if on_path:
        return Path(on_path).resolve().parent
    return found[-1].parent if found else None


@contextmanager
def _folder(owner: str | None = None) -> Iterator[Path]:
    # Not under pytest's base folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="mimic-server-"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with _folder("postgres" if _is_root() else None) as folder, held_port() as port:
        server = Postgres(binaries, folder, port)
        server.start()
        yield server
        server.stop()


class RedisServer:
    """A Redis server of this test run's own.

    Attributes:
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            ".",
        ]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Ready to accept connections" in line:
                return
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """Stop it: nothing listens on its port."""
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def empty(self) -> None:
        """Forgets everything, its scripts too; without a client, which may be what is tested."""
        for command in (b"FLUSHALL", b"SCRIPT FLUSH"):
            with socket.create_connection(("127.0.0.1", self.port)) as line:
                line.sendall(command + b"\r\n")
                assert line.recv(5) == b"+OK\r\n"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While it is stopped; what it held is gone."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@pytest.fixture(scope="session")
def running_redis() -> Iterator[RedisServer]:
    """A running Redis server, with what the tests before have left in it."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with _folder() as folder, held_port() as port:
        server = RedisServer(folder, port)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis_server(running_redis: RedisServer) -> RedisServer:
    """A running Redis server that holds nothing."""
    running_redis.empty()
    return running_redis

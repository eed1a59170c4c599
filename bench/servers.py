"""The servers of the tests, run for a case that records or has them as its floor."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.contenders import ROOT


def _support_module(name: str) -> Any:
    """Import a module of `tests/support`, which is not installed."""
    sys.path.insert(0, str(ROOT / "tests"))
    return importlib.import_module(f"support.{name}")


@contextmanager
def http_server() -> Iterator[str]:
    """Run the HTTP server of the tests, and give its URL."""
    module = _support_module("http_server")
    with module.running_server() as server:
        yield str(server.url)


@contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL, and give the URL of an empty database for SQLAlchemy.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    module = _support_module("database_servers")
    binaries = module._postgres_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    # PostgreSQL refuses to run as root, and its user has to own the folder.
    owner = "postgres" if os.geteuid() == 0 else None
    with module._folder(owner) as folder, module.held_port() as port:
        server = module.Postgres(binaries, folder, port)
        server.start()
        try:
            yield f"postgresql+psycopg://{server.new_database()}"
        finally:
            server.stop()


@contextmanager
def redis() -> Iterator[str]:
    """Run Redis, and give its URL.

    Raises:
        FileNotFoundError: Redis is not installed.
    """
    module = _support_module("database_servers")
    if shutil.which("redis-server") is None:
        raise FileNotFoundError("redis-server is not installed")
    with module._folder() as folder, module.held_port() as port:
        server = module.RedisServer(folder, port)
        server.start()
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.stop()

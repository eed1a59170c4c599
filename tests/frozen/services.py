"""Runs services for `scripts/frozen_recordings.py` in a process whose clock stands still: `services.py http redis`.

Prints the variables by which projects find them as JSON, or null where one is not installed; ends with its standard input.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]


def http(stack: ExitStack) -> dict[str, str]:
    """Pages of each kind."""
    from support.http_server import running_server

    return {"API": stack.enter_context(running_server()).url}


def llm(stack: ExitStack) -> dict[str, str]:
    """Two providers of language models."""
    from support.llm_server import KEY, running_llm

    return {"LLM": stack.enter_context(running_llm()).url, "LLM_KEY": KEY}


def shop(stack: ExitStack) -> dict[str, str]:
    """Payments and parcels."""
    from shop_services import running_services

    url = stack.enter_context(running_services()).url
    return {"PAYMENTS": url, "SHIPPING": url}


def postgres(stack: ExitStack) -> dict[str, str] | None:
    """PostgreSQL, with an empty database."""
    from support.database_servers import (
        Postgres,
        _folder,
        _is_root,
        _postgres_binaries,
        held_port,
    )

    if (binaries := _postgres_binaries()) is None:
        return None
    folder = stack.enter_context(_folder("postgres" if _is_root() else None))
    server = Postgres(binaries, folder, stack.enter_context(held_port()))
    server.start()
    stack.callback(server.stop)
    return {"POSTGRES": server.new_database()}


def redis(stack: ExitStack) -> dict[str, str] | None:
    """Redis, which holds nothing."""
    from support.database_servers import RedisServer, _folder, held_port

    if shutil.which("redis-server") is None:
        return None
    server = RedisServer(
        stack.enter_context(_folder()), stack.enter_context(held_port())
    )
    server.start()
    stack.callback(server.stop)
    return {"REDIS": f"redis://127.0.0.1:{server.port}"}


def main() -> None:
    """Run the services that the arguments name."""
    import time_machine

    with ExitStack() as stack:
        started = [globals()[name](stack) for name in sys.argv[1:]]
        stack.enter_context(time_machine.travel("2026-11-02T09:00:00Z", tick=False))
        found = {name: value for one in started if one for name, value in one.items()}
        os.write(1, json.dumps(None if None in started else found).encode() + b"\n")
        sys.stdin.read()


if __name__ == "__main__":
    main()

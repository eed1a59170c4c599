"""Records the vault: `python3.10 tests/e2e/projects/format_1/record.py`, once for the whole life of format 1.

Needs all libraries, PostgreSQL and redis-server. A vault that is there is replaced: its recordings would prove nothing
about format 1 any more.
"""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

from shop_server import server  # noqa: E402
from support import database_servers as servers  # noqa: E402


def main():
    assert sys.version_info[:2] == (3, 10), "record with the oldest Python"
    shutil.rmtree(HERE / ".mimic_vault", ignore_errors=True)
    with ExitStack() as stack:
        shop = stack.enter_context(server())
        Thread(target=shop.serve_forever, daemon=True).start()
        stack.callback(shop.shutdown)
        folder = stack.enter_context(servers._folder("postgres" if os.geteuid() == 0 else None))
        postgres = servers.Postgres(
            servers._postgres_binaries(), folder, stack.enter_context(servers.held_port())
        )
        postgres.start()
        stack.callback(postgres.stop)
        redis = servers.RedisServer(
            stack.enter_context(servers._folder()), stack.enter_context(servers.held_port())
        )
        redis.start()
        stack.callback(redis.stop)
        environment = {
            **os.environ,
            "FORMAT_1_RECORDING": "1",
            "FORMAT_1_GROUPS": " ".join(GROUPS),
            "FORMAT_1_POSTGRES": f"postgresql+psycopg://{postgres.new_database()}",
            "FORMAT_1_REDIS": f"redis://127.0.0.1:{redis.port}",
        }
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:asyncio", "-W", "error"]
        sys.exit(
            subprocess.call(
                [sys.executable, "-m", "pytest", *options, "--mimic-record"], cwd=HERE, env=environment
            )
        )


if __name__ == "__main__":
    from groups import GROUPS

    main()

"""A statement that is cancelled while it runs waits in a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("asyncpg")

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres

pytest_plugins = ("support.database_servers",)


def test_a_cancelled_statement_waits_in_a_replay(
    project: Project, postgres: Postgres
) -> None:
    project.ini("sqlalchemy")
    project.tests("""
        import asyncio, os
        import pytest
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        async def ask(engine, statement):
            async with engine.connect() as connection:
                return (await connection.execute(text(statement))).scalar()

        def test_it():
            async def main():
                engine = create_async_engine(os.environ["DB"], poolclass=NullPool)
                assert await ask(engine, "select 1") == 1
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(ask(engine, "select pg_sleep(60)"), 1)
                assert await ask(engine, "select 2") == 2
            asyncio.run(main())
    """)
    env = {"DB": f"postgresql+asyncpg://postgres@127.0.0.1:{postgres.port}/postgres"}

    project.record(env=env).expect(passed=1)

    project.replay(env={"DB": "postgresql+asyncpg://a@127.0.0.1:1/b"}).expect(passed=1)

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


def test_a_statement_in_a_thread_is_released_with_its_test(
    project: Project, postgres: Postgres
) -> None:
    """Nobody hears of it any more, but its test's own next steps wait for it no longer."""
    pytest.importorskip("psycopg2")
    project.ini("sqlalchemy")
    project.tests("""
        import os, sys, threading
        import psycopg2
        from sqlalchemy import create_engine, exc, text
        from sqlalchemy.pool import NullPool

        engine = create_engine(os.environ["DB"], poolclass=NullPool)
        errors = []

        def ask():
            try:
                with engine.connect() as connection:
                    connection.execute(text("select pg_sleep(60)"))
            except exc.DBAPIError as error:
                errors.append(error)

        thread = threading.Thread(target=ask, daemon=True)

        def waits():
            if "ADMIN" in os.environ:
                with psycopg2.connect(os.environ["ADMIN"]) as admin:
                    with admin.cursor() as cursor:
                        cursor.execute("select query from pg_stat_activity")
                        asked = [query for [query] in cursor.fetchall()]
                return "select pg_sleep(60)" in asked
            return sys._current_frames()[thread.ident].f_code.co_name == "wait"

        def test_it():
            with engine.connect() as connection:
                assert connection.execute(text("select 1")).scalar() == 1
            thread.start()
            while not waits():
                thread.join(0.01)
            assert not errors

        def test_second():
            if "ADMIN" not in os.environ:
                thread.join(20)
                assert not thread.is_alive()
    """)
    place = f"postgres@127.0.0.1:{postgres.port}/postgres"
    env = {"DB": f"postgresql+psycopg2://{place}", "ADMIN": f"postgresql://{place}"}

    project.record(env=env).expect(passed=2)

    project.replay(env={"DB": "postgresql+psycopg2://a@127.0.0.1:1/b"}).expect(passed=2)

"""A statement that is cancelled while it runs waits in a replay."""

from __future__ import annotations

import pytest

pytest.importorskip("asyncpg")

pytest_plugins = ("support.database_servers",)


def test_a_cancelled_statement_waits_in_a_replay(project, postgres):
    project.ini("sqlalchemy")
    project.tests("""
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


def test_a_statement_in_a_thread_is_released_with_its_test(project):
    """Nobody hears of it any more, but its test's own next steps wait for it no longer."""
    project.ini("sqlalchemy")
    project.tests("""
        from sqlalchemy import create_engine, event, text

        engine = create_engine("sqlite:///shop.db")
        released, answers = threading.Event(), []

        @event.listens_for(engine, "connect")
        def add_a_function_that_waits(connection, _):
            connection.create_function("hang", 0, released.wait)

        def ask():
            with engine.connect() as connection:
                answers.append(connection.execute(text("select hang()")).scalar())

        thread = threading.Thread(target=ask, daemon=True)

        def test_it():
            thread.start()
            # In the function while recording, for the end of this test in a replay.
            while sys._current_frames()[thread.ident].f_code.co_name != "wait":
                thread.join(0.01)

        def test_second():
            if "RECORDING" in os.environ:
                released.set()
            thread.join(20)
            assert not thread.is_alive()
            assert len(answers) == ("RECORDING" in os.environ)
            engine.dispose()
    """)

    recorded = project.record(env={"RECORDING": "1"}).expect(passed=2)

    assert "open" in [call.end for call in recorded.calls]
    project.replay().expect(passed=2)

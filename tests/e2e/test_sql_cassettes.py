"""Cassettes and patterns with a database: the engine's own requests are kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sqlalchemy")

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres

pytest_plugins = ("support.database_servers",)

SHOP = """
import os
import sqlalchemy as sa

engine = sa.create_engine(os.environ["DATABASE_URL"])

def ask(sql):
    with engine.connect() as connection:
        return connection.scalar(sa.text(sql))
"""

TESTS = """
import pytest
import shop

@pytest.fixture(autouse=True, scope="session")
def closing():
    yield
    shop.engine.dispose()

@pytest.mark.parametrize("number", [1, 2])
def test_ask(mimic_auto, number):
    with mimic_auto() as cassette:
        assert shop.ask(f"SELECT {number}") == number
    assert [call.signature for call in cassette.calls] == ["SELECT"]
"""


@pytest.fixture
def urls(project: Project, postgres: Postgres) -> tuple[str, str]:
    """A database's URL, and one that leads nowhere."""
    pytest.importorskip("psycopg")
    return f"postgresql+psycopg://{postgres.new_database()}", "postgresql+psycopg://nobody@127.0.0.1:1/gone"


def test_each_cassette_replays_alone(project: Project, urls: tuple[str, str]) -> None:
    """The engine connected during the first one; the second holds its own calls, and replays alone."""
    real, gone = urls
    project.write("pytest.ini", "[pytest]\n")
    project.tests(TESTS)
    project.run(env={"DATABASE_URL": real}).expect(passed=2)

    project.run("test_shop.py::test_ask[2]", env={"DATABASE_URL": gone}).expect(passed=1)
    project.run("test_shop.py::test_ask[1]", env={"DATABASE_URL": gone}).expect(passed=1)


def test_strict_cassette_does_not_want_the_engines_calls(project: Project, urls: tuple[str, str]) -> None:
    """An engine that is connected already need not connect again."""
    real, gone = urls
    project.write("pytest.ini", "[pytest]\n")
    project.tests("""
        import shop

        def test_ask(mimic_auto, mimic_replay):
            with mimic_auto("one"):
                shop.ask("SELECT 1")
            with mimic_replay("one", strict=True) as cassette:
                shop.ask("SELECT 1")
            assert len(cassette.calls) == 1
            shop.engine.dispose()
    """)
    project.run(env={"DATABASE_URL": real}).expect(passed=1)

    project.run(env={"DATABASE_URL": gone}).expect(passed=1)


def test_patterns_do_not_leave_out_the_engines_calls(project: Project, urls: tuple[str, str]) -> None:
    """With one statement taken, and no other, the server is not needed for what the engine asks."""
    real, gone = urls
    project.ini('sqlalchemy only="SELECT things"')
    project.test("""
        assert shop.ask("SELECT a FROM things") == 5
        shop.engine.dispose()
    """)
    import sqlalchemy as sa

    engine = sa.create_engine(real)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE things AS SELECT 5 AS a"))
    engine.dispose()
    project.record(env={"DATABASE_URL": real}).expect(passed=1)

    project.run(env={"DATABASE_URL": gone}).expect(passed=1)

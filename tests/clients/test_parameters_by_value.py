"""A parameter counts by its value, whatever subclass of a builtin it is.

A replay in which only the value differs is a miss. Each comment says what version
1.0.0rc3 gave in its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server

for _name in ("aiosqlite", "httpx", "markupsafe", "sqlalchemy"):
    pytest.importorskip(_name)

pytest_plugins = ("support.database_servers",)


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


MADE = """
import asyncio, enum, os
import httpx
from markupsafe import Markup
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

IS_LATER = "LATER" in os.environ
TABLE = Table("users", MetaData(), Column("a", Integer), Column("b", Integer))

class Word(str, enum.Enum):
    FIRST = "a"
    SECOND = "b"

class Number(enum.IntEnum):
    FIRST = 1
    SECOND = 2

class Key(str):
    pass
"""
# By what a value is: the line of the client, and a test of the value of now.
VALUES = {
    # 1.0.0rc3 gave the recorded name, "a".
    "the name of a column, in an asyncio engine": (
        "sqlalchemy",
        """
        NAME = (TABLE.c.b if IS_LATER else TABLE.c.a).name

        async def select():
            engine = create_async_engine("sqlite+aiosqlite://")
            async with engine.connect() as connection:
                rows = await connection.execute(text("select :name"), {"name": NAME})
                value = rows.scalar()
            await engine.dispose()
            return value

        def test_it():
            assert asyncio.run(select()) == NAME
        """,
    ),
    # 1.0.0rc3 gave the recorded name, "a".
    "the name of a column, given to the driver": (
        "sqlalchemy",
        """
        NAME = (TABLE.c.b if IS_LATER else TABLE.c.a).name

        def test_it():
            with create_engine("sqlite://").connect() as connection:
                assert connection.exec_driver_sql("select ?", (NAME,)).scalar() == NAME
        """,
    ),
    # 1.0.0rc3 missed these, too.
    "an enumeration of words": (
        "sqlalchemy",
        """
        WORD = Word.SECOND if IS_LATER else Word.FIRST

        def test_it():
            with create_engine("sqlite://").connect() as connection:
                assert connection.exec_driver_sql("select ?", (WORD,)).scalar()
        """,
    ),
}


@pytest.mark.parametrize("value", VALUES)
def test_another_value_is_another_call(project, value):
    line, body = VALUES[value]
    project.ini(line)
    project.tests(MADE + body.replace("\n        ", "\n"))
    project.record().expect(passed=1)
    project.replay().expect(passed=1, never=["missing"])

    project.replay(env={"LATER": "1"}).expect(failed=1, says=["no recording of"])


# 1.0.0rc3 missed these, too.
REQUESTS = {
    "markup in a query": 'httpx.get(URL, params={"q": Markup("b" if IS_LATER else "a")})',
    "a number of an enumeration in JSON": (
        "httpx.post(URL, json={'n': Number.SECOND if IS_LATER else Number.FIRST})"
    ),
    "the name of a column in a header": (
        "httpx.get(URL, headers={'Prefer': (TABLE.c.b if IS_LATER else TABLE.c.a).name})"
    ),
}


@pytest.mark.parametrize("value", REQUESTS)
def test_another_value_is_another_request(project, server, value):
    project.ini("http")
    project.tests(f"""{MADE}
URL = os.environ["API"] + "/echo"

def test_it():
    assert {REQUESTS[value]}.status_code == 200
""")
    api = {"API": server.url}
    project.record(env=api).expect(passed=1)
    project.replay(env=api).expect(passed=1, never=["missing"])

    project.replay(env={**api, "LATER": "1"}).expect(failed=1, says=["no recording of"])


# 1.0.0rc3 missed these, too.
KEYS = {
    "a subclass of a text": 'Key("b" if IS_LATER else "a")',
    "the name of a column": "(TABLE.c.b if IS_LATER else TABLE.c.a).name",
    "an enumeration of words": "(Word.SECOND if IS_LATER else Word.FIRST).value",
}


@pytest.mark.parametrize("value", KEYS)
def test_another_value_is_another_command(project, redis_server, value):
    project.ini("redis")
    project.tests(f"""{MADE}
import redis

def test_it():
    client = redis.Redis.from_url(os.environ["REDIS"], decode_responses=True)
    client.hset("h", mapping={{"a": "1", "b": "2"}})
    key = {KEYS[value]}
    assert client.hget("h", key) == {{"a": "1", "b": "2"}}[key]
    client.close()
""")
    where = {"REDIS": f"redis://127.0.0.1:{redis_server.port}/0"}
    project.record(env=where).expect(passed=1)
    project.replay(env=where).expect(passed=1, never=["missing"])

    project.replay(env={**where, "LATER": "1"}).expect(
        failed=1, says=["no recording of"]
    )

"""A parameter counts by its value, whatever subclass of a builtin it is.

A replay in which only the value differs is a miss.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server

for _name in ("httpx", "markupsafe", "sqlalchemy"):
    pytest.importorskip(_name)

pytest_plugins = ("support.database_servers",)


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


MADE = """
import enum, os
import httpx, pytest
from markupsafe import Markup
from sqlalchemy import Column, Integer, MetaData, Table, create_engine

IS_LATER = "LATER" in os.environ
TABLE = Table("users", MetaData(), Column("a", Integer), Column("b", Integer))

class Word(str, enum.Enum):
    FIRST = "a"
    SECOND = "b"

class Number(enum.IntEnum):
    FIRST = 1
    SECOND = 2

"""


def test_another_value_is_another_statement(project):
    project.ini("sqlalchemy")
    project.tests(f"""{MADE}
NAME = (TABLE.c.b if IS_LATER else TABLE.c.a).name
WORD = Word.SECOND if IS_LATER else Word.FIRST

@pytest.mark.parametrize("value", [NAME, WORD], ids=["name", "word"])
def test_it(value):
    with create_engine("sqlite://").connect() as connection:
        assert connection.exec_driver_sql("select ?", (value,)).scalar() == value
""")
    project.record().expect(passed=2)
    project.replay().expect(passed=2, never=["missing"])

    project.replay(env={"LATER": "1"}).expect(failed=2, says=["no recording of"])


def test_another_value_is_another_request(project, server):
    project.ini("http")
    project.tests(f"""{MADE}
URL = os.environ["API"] + "/echo"

def test_markup_in_a_query():
    httpx.get(URL, params={{"q": Markup("b" if IS_LATER else "a")}})

def test_a_number_in_json():
    httpx.post(URL, json={{"n": Number.SECOND if IS_LATER else Number.FIRST}})
""")
    api = {"API": server.url}
    project.record(env=api).expect(passed=2)
    project.replay(env=api).expect(passed=2, never=["missing"])

    project.replay(env={**api, "LATER": "1"}).expect(failed=2, says=["no recording of"])


def test_another_value_is_another_command(project, redis_server):
    project.ini("redis")
    project.tests(f"""{MADE}
import redis

def test_it():
    client = redis.Redis.from_url(os.environ["REDIS"], decode_responses=True)
    client.hset("h", mapping={{"a": "1", "b": "2"}})
    key = (TABLE.c.b if IS_LATER else TABLE.c.a).name
    assert client.hget("h", key) == {{"a": "1", "b": "2"}}[key]
    client.close()
""")
    where = {"REDIS": f"redis://127.0.0.1:{redis_server.port}/0"}
    project.record(env=where).expect(passed=1)
    project.replay(env=where).expect(passed=1, never=["missing"])

    project.replay(env={**where, "LATER": "1"}).expect(
        failed=1, says=["no recording of"]
    )

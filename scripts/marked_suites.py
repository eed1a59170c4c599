"""Suites of other projects whose every difference from a plain run was judged once.

Each has a mark: how many tests passed without the plugin, recorded, and replayed when
its differences were read one by one. Tests that differ do so for a reason that the
documentation names: random ids, the clock, and tests that look at what their own server
received.
"""

from __future__ import annotations

from services import HTTPBIN_URL, POSTGRES_URL, REDIS_PORT
from suites import Mark, Suite, filled

# The fixtures of the page about dates and ids, in one.
SAME_IDS = """
import os
import random
import uuid

import pytest


@pytest.fixture(autouse=True)
def same_ids(monkeypatch):
    numbers = random.Random(1)
    monkeypatch.setattr(os, "urandom", numbers.randbytes)
    monkeypatch.setattr(random, "_urandom", numbers.randbytes)
    monkeypatch.setattr(uuid, "uuid1", uuid.uuid4)
    random.seed(1)
"""

# The plugin of SQLAlchemy's tests makes two extensions before any test runs.
SQLALCHEMY_ON_POSTGRES = (
    *filled('sqlalchemy only="CREATE {}" sequence=no', "citext hstore"),
    "sqlalchemy",
)

MARKED_SUITES = (
    Suite(
        "toolz",
        "1.2.0",
        what="its own functions, many of them on iterators",
        tests=("toolz",),
        targets=("toolz.itertoolz:*", "toolz.dicttoolz:*", "toolz.recipes:*"),
        # Two tests return a tuple with an iterator in it, which is refused: its items
        # would be the real function's in each replay.
        mark=Mark(192, 171, 170),
    ),
    Suite(
        "python-slugify",
        "9.2.0",
        what="one function on texts",
        tests=("tests",),
        targets=("slugify:slugify",),
        # Four tests replace what the function reads, and four pass an iterator or a
        # bare `object()`: such calls are refused.
        mark=Mark(139, 131, 131),
    ),
    Suite(
        "cachecontrol",
        "0.14.4",
        what=(
            "a cache under requests, against a server of CherryPy that its tests start"
        ),
        tests=("tests",),
        targets=("http ignore=port",),
        extras="[filecache,redis]",
        repository="https://github.com/psf/cachecontrol",
        requirements=("cherrypy", "cheroot>=11.1.2"),
        # The server runs in the process of the tests, so nothing is recorded.
        mark=Mark(101, 101, 101),
    ),
    Suite(
        "requests-cache",
        "1.3.3",
        what="a cache under requests in memory, files and SQLite, against httpbin",
        tests=(
            "tests/integration/test_memory.py",
            "tests/integration/test_filesystem.py",
            "tests/integration/test_sqlite.py",
            "tests/compat",
            "tests/unit",
        ),
        targets=("http",),
        extras="[all]",
        requirements=(
            "psutil",
            "pytest-rerunfailures",
            "requests-mock~=1.12",
            "responses",
            "rich",
            "tenacity~=8.0",
            "time-machine~=2.9",
        ),
        services=("httpbin",),
        env={"HTTPBIN_URL": HTTPBIN_URL},
        # Twelve tests send from forked processes, where a call that has a place is
        # refused. One mocks what requests calls below its own edge, which a replay does
        # not reach.
        mark=Mark(1131, 1119, 1117),
    ),
    Suite(
        "stripe",
        "16.1.0",
        what=(
            "an SDK on requests, httpx and aiohttp against a server of its tests, under"
            " xdist"
        ),
        tests=("tests/test_integration.py", "--nomock"),
        targets=("http ignore=port",),
        extras="[async]",
        requirements=("aiohttp", "anyio", "trio", "pytest-mock"),
        # The other four count what their own proxy has received.
        mark=Mark(27, 27, 23),
    ),
    Suite(
        "dogpile.cache",
        "1.5.0",
        what=(
            "caches and locks on a server of Redis, with the fixture of the"
            " documentation"
        ),
        tests=("tests/cache/test_redis_backend.py",),
        # What is cached holds the time at which it was cached.
        targets=("redis ignore=arguments.words,arguments.fields.*",),
        requirements=("redis", "mako", "decorator"),
        services=("redis",),
        env={"DOGPILE_REDIS_PORT": str(REDIS_PORT)},
        helper=SAME_IDS,
        mark=Mark(73, 73, 67),
    ),
    Suite(
        "alembic",
        "1.20.1",
        variant="sqlite",
        what="migrations on SQLite, with the fixture of the documentation",
        tests=filled(
            "tests/test_{}.py",
            "autogen_composition autogen_diffs autogen_indexes batch bulk_insert"
            " command environment sqlite suite script_consumption version_table",
        ),
        targets=("sqlalchemy",),
        requirements=("sqlalchemy==2.1.9", "greenlet", "tzdata", "black==26.5.1"),
        helper=SAME_IDS,
        # Five tests use an id that is made once for a class, before the fixture runs.
        mark=Mark(762, 762, 757),
    ),
    Suite(
        "alembic",
        "1.20.1",
        variant="postgresql",
        what=(
            "migrations and reflection on PostgreSQL, with the fixture of the"
            " documentation"
        ),
        tests=(
            *filled(
                "tests/test_{}.py",
                "autogen_diffs autogen_indexes batch postgresql suite version_table",
            ),
            f"--dburi={POSTGRES_URL}",
        ),
        targets=SQLALCHEMY_ON_POSTGRES,
        requirements=(
            "sqlalchemy==2.1.9",
            "psycopg2-binary",
            "greenlet",
            "tzdata",
            "black==26.5.1",
        ),
        services=("postgres",),
        helper=SAME_IDS,
        mark=Mark(800, 800, 799),
    ),
    Suite(
        "sqlalchemy",
        "2.0.57",
        variant="postgresql",
        what=(
            "its own tests of the dialect of PostgreSQL, and those for every dialect,"
            " with the fixture of the documentation"
        ),
        tests=(
            "test/dialect/postgresql",
            "test/dialect/test_suite.py",
            f"--dburi={POSTGRES_URL}",
        ),
        # A requirement of its tests reads the extensions while they are collected.
        targets=(
            'sqlalchemy only="SELECT pg_extension" sequence=no',
            *SQLALCHEMY_ON_POSTGRES,
        ),
        requirements=("psycopg2-binary", "greenlet"),
        services=("postgres",),
        helper=SAME_IDS,
        # What is not recorded: 28 tests read arrays of `bytea`, 22 use what only
        # psycopg2's connections and cursors have (two-phase commits, `name`, `status`),
        # six make a second engine with other options of its dialect, and six change
        # what a dialect learns by a mock, by a closure's value, or by an event in a
        # module of SQLAlchemy.
        # What does not replay: 27 tests use ids made before a fixture runs, and four
        # the time. The other seven iterate over a set, count calls of a deserializer or
        # of `rollback`, read notices or a redacted password, or want an error that
        # SQLAlchemy itself raises when it connects.
        mark=Mark(11328, 11266, 11228),
    ),
    Suite(
        "pandas",
        "3.1.1",
        variant="reshape",
        what="costly functions and methods that give frames",
        tests=(
            "--pyargs",
            *filled(
                "pandas.tests.reshape.test_{}",
                "crosstab cut get_dummies melt",
            ),
            *filled(
                "pandas.tests.reshape.{}",
                "concat.test_concat merge.test_merge_ordered",
            ),
            *filled(
                "pandas.tests.frame.methods.test_{}",
                "cov_corr describe quantile value_counts",
            ),
            "-m",
            "not slow and not network and not db",
        ),
        targets=(
            *filled(
                "pandas:{}",
                "concat merge merge_asof merge_ordered crosstab cut qcut get_dummies"
                " from_dummies melt wide_to_long pivot pivot_table",
            ),
            *filled(
                "pandas:DataFrame.{}",
                "corr cov describe quantile value_counts",
            ),
        ),
        requirements=("hypothesis", "pyarrow", "scipy"),
        in_wheel=True,
        # Seven tests differ by the unit of a `Timestamp` or the storage of texts, which
        # are no part of an identity. Two get a frame of a subclass without its own
        # attribute, of which a copy has None: it is refused. Others pass generators,
        # expect a warning, or ask for the same memory or for a local class.
        mark=Mark(903, 892, 890),
    ),
    Suite(
        "mcp",
        "2.3.0",
        what="the SDK over stdio, its transports, and whole sessions",
        tests=(
            "tests/interaction",
            "tests/transports",
            "tests/client/transports",
            "tests/client/test_stdio.py",
        ),
        targets=("mcp", "http ignore=port"),
        extras="[cli]",
        requirements=(
            "blockbuster",
            "coverage",
            "dirty-equals",
            "inline-snapshot",
            "logfire",
            "opentelemetry-sdk",
            "pillow",
            "pytest-examples",
            "pytest-flakefinder",
            "pytest-pretty",
            "trio",
        ),
        # The other 34 look at the process of the server, or read what it sends without
        # a request.
        mark=Mark(972, 972, 938),
    ),
    Suite(
        "grpc-interceptor",
        "0.15.4",
        what="interceptors of grpc, against sync and asyncio servers of its tests",
        tests=("tests",),
        targets=("grpc",),
        extras="[testing]",
        repository="https://github.com/d5h-foss/grpc-interceptor",
        requirements=("pytest-asyncio",),
        mark=Mark(58, 52, 38),
    ),
)

"""The edges of SQLAlchemy: the connections that its pools open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from itertools import count
from time import time
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from pytest_mimic.client import (
    Adapter,
    Edge,
    Function,
    Plain,
    Port,
    Redactor,
    StandIn,
    around,
)
from pytest_mimic.clients.sql import database, rows, statements
from pytest_mimic.clients.sql.connection import (
    FETCHED,
    HOUSEKEEPING,
    StandInConnection,
    StandInCursor,
)
from pytest_mimic.clients.sql.hiding import Hiding
from pytest_mimic.values.tree import text_of

# The class of a pool's record of one connection, which is a part of the names of its
# private attributes, too.
_RECORD = "_ConnectionRecord"


class Sqlalchemy(Adapter):
    """SQLAlchemy, above whichever driver."""

    name = kind = "sqlalchemy"
    unlike = MappingProxyType({"statement": "pass the literals as parameters"})
    has_effect = True
    sent_back = ("lastrowid",)

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return where pools open connections, lend them, and take them back."""
        pools, engines = "sqlalchemy.pool.base", "sqlalchemy.engine.base"
        default = "sqlalchemy.engine.default"
        wrapped, housekeeping = _Pools(port), around(_as_housekeeping)
        dialect, execution = "DefaultDialect", "DefaultExecutionContext"
        return [
            Edge(pools, (_RECORD, f"{_RECORD}__connect"), around(wrapped.connect)),
            Edge(pools, (_RECORD, "get_connection"), around(wrapped.get_connection)),
            Edge(pools, (_RECORD, "checkin"), housekeeping),
            Edge(pools, ("_ConnectionFairy", "_reset"), housekeeping),
            Edge(engines, ("Engine", "raw_connection"), around(wrapped.raw_connection)),
            Edge(default, (dialect, "do_ping"), housekeeping),
            Edge(
                default,
                (dialect, "_do_ping_w_event"),
                housekeeping,
                is_optional=True,  # SQLAlchemy 1.4 lacks it
            ),
            Edge(default, (execution, "create_cursor"), around(_create_cursor)),
            Edge(
                "sqlalchemy.dialects.postgresql.psycopg2",
                ("PGDialect_psycopg2", "do_executemany"),
                around(_do_executemany),
            ),
        ]

    def signature(self, request: Plain) -> str:
        """Return the verb and the main table: `SELECT users`."""
        return statements.read(request["statement"]).signature

    def is_of_all(self, request: Plain) -> bool:
        """Return whether it is what a dialect asks of its first connection."""
        return "dialect" in request

    def parts(self, request: Plain) -> Plain:
        """Return statement, parameters and database."""
        # The names are those of parameters.
        return {
            "params" if name == "parameters" else name: part
            for name, part in request.items()
            if name != "names"
        }

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:  # noqa: ARG002
        """Return the parts, in which rows that are written stand in any order.

        Where something is returned of each, it comes in their order.
        """
        params = parts.get("params")
        if not isinstance(params, list) or "RETURNING" in parts["statement"].upper():
            return parts
        return {**parts, "params": sorted(params, key=text_of)}

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a statement and its parameters without secrets."""
        return Hiding(redactor, stand_in, request).request()

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return rows, or an error, without secrets."""
        return Hiding(redactor, stand_in, request).answer(answer)

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return the rows by column, or the error.

        Without an `ORDER BY` the order of rows does not count, and what a server says
        of itself never does.
        """
        if "dialect" in answer:
            return {}
        if "raised" in answer:
            return {"raised": rows.text_of_error(answer["raised"])}
        names = ("rows",) if "raised" in other else ("rows", "count")
        compared: Plain = {name: answer[name] for name in names if name in answer}
        if answer.get("unordered") or other.get("unordered"):
            in_order = sorted(answer.get("rows", ()), key=text_of)
            # Rows that differ stay where they are, so that a difference has its place.
            if in_order == sorted(other.get("rows", ()), key=text_of):
                compared["rows"] = in_order
        return compared


class _Pools:
    """Puts stand-ins in the place of the connections of pools."""

    def __init__(self, port: Port) -> None:
        self._port = port
        # By pool: what tells its database from others.
        self._databases: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._private = count(1)
        self._introduced: WeakSet[Any] = WeakSet()

    def connect(self, original: Function, record: Any) -> None:
        """Let a pool open a connection."""
        if not self._port.takes():
            original(record)
            return
        # What the original sets, but for the events of a real connection.
        record.dbapi_connection = None
        record.starttime = time()
        connection = self._stand_in(record)
        connection.open_or_fail()
        record.dbapi_connection = connection
        record.fresh = True

    def get_connection(self, original: Function, record: Any) -> Any:
        """Let a pool lend a connection."""
        held = original(record)
        is_stand_in = isinstance(held, StandInConnection)
        if is_stand_in == self._port.takes():
            return held
        # A line began, or ended, since the connection was opened.
        record.dbapi_connection = (
            held.open() if is_stand_in else self._stand_in(record, held)
        )
        return record.dbapi_connection

    def raw_connection(self, original: Function, engine: Any, *args: Any) -> Any:
        """Let an engine ask its pool."""
        if engine.pool not in self._databases:
            key = _key_of_database(engine) or f"private {next(self._private)}"
            self._databases[engine.pool] = key
        lent = original(engine, *args)
        held = lent.dbapi_connection
        is_new = engine.dialect not in self._introduced
        if is_new and isinstance(held, StandInConnection):
            _introduce(self._port, held, engine)
            self._introduced.add(engine.dialect)
        return lent

    def _stand_in(self, record: Any, real: Any = None) -> StandInConnection:
        pool = getattr(record, f"{_RECORD}__pool")
        # A pool that the application has made by itself has no engine.
        database = self._databases.get(pool, f"pool {id(pool)}")
        return StandInConnection(self._port, pool, record, database, real)


def _key_of_database(engine: Any) -> str:
    """Return what tells a database from others: its URL without driver and user.

    The text is empty where each pool has a database of its own.
    """
    url = engine.url
    creator = getattr(engine.pool._creator, "__module__", "")
    if creator != "sqlalchemy.engine.create":
        return ""
    backend = url.get_backend_name()
    is_in_memory = not url.database or "memory" in f"{url.database} {url.query}"
    if is_in_memory and backend == "sqlite":
        return ""
    query = sorted(url.query.items())
    return f"{backend} {url.host} {url.port} {url.database} {query}"


# -- the first questions of a dialect


def _introduce(port: Port, connection: StandInConnection, engine: Any) -> None:
    """Tell a dialect what it would ask of its first connection.

    The answers are recorded once for all tests.
    """
    dialect = engine.dialect
    request = {
        "statement": "CONNECT",
        "dialect": f"{dialect.name}+{dialect.driver}",
    }
    level = getattr(dialect, "_on_connect_isolation_level", None)
    if level:
        request["isolation_level"] = level
    exchange = port.begin(request)
    if exchange is None:
        return
    if exchange.mode == "replay":
        answer = exchange.replay()
    elif exchange.mode == "verify":
        answer = exchange.finish(exchange.recorded)
    else:
        with exchange.running():
            facts = _facts_of(engine, connection)
        answer = exchange.finish({"dialect": facts})
    dialect.default_schema_name = engine.url.database
    for name, value in answer["dialect"].items():
        setattr(dialect, name, database.made(value))


def _facts_of(engine: Any, connection: StandInConnection) -> Plain:
    """Return what a dialect finds out about its server: the plain values that it sets.

    The server is asked over the real connection.
    """
    from sqlalchemy.engine.base import Connection

    facts: Plain = {}

    def note(dialect: Any, name: str, value: Any) -> None:
        vars(dialect)[name] = value
        facts.pop(name, None)
        if isinstance(value, (bool, int, str, tuple, type(None))):
            facts[name] = database.stored(value, name)

    # A copy is asked, since the dialect itself gets the recorded answers.
    dialect = copy(engine.dialect)
    kind = type(dialect)
    dialect.__class__ = type(kind.__name__, (kind,), {"__setattr__": note})
    real = connection.open()
    with connection.in_pool(real) as proxied:
        dialect.initialize(Connection(engine, proxied, _has_events=False))
    # The questions have begun a transaction, which the application has not.
    engine.dialect.do_rollback(real)
    # MySQL takes the database for the schema, of which each engine has its own.
    if facts.get("default_schema_name") == engine.url.database:
        del facts["default_schema_name"]
    return facts


# -- what SQLAlchemy does with a connection


def _as_housekeeping(original: Function, *args: Any, **options: Any) -> Any:
    """Do what a pool does on its own account, or the garbage collector for it."""
    before = HOUSEKEEPING.set(True)
    try:
        return original(*args, **options)
    finally:
        HOUSEKEEPING.reset(before)


def _create_cursor(original: Function, context: Any) -> Any:
    """Make the cursor of an execution, and tell it of the execution."""
    connection = getattr(context._dbapi_connection, "dbapi_connection", None)
    if not isinstance(connection, StandInConnection):
        return original(context)
    # Results are read whole, and cursors of a server have names made anew.
    vars(context)["create_server_side_cursor"] = context.create_default_cursor
    cursor = original(context)
    if isinstance(cursor, StandInCursor):
        cursor.context = context
    return cursor


def _do_executemany(
    original: Function,
    dialect: Any,
    cursor: Any,
    statement: Any,
    parameters: Any,
    context: Any = None,
) -> None:
    """Let helpers of psycopg2 work on its own cursor."""
    if not isinstance(cursor, StandInCursor):
        original(dialect, cursor, statement, parameters, context)
        return

    def execute(real: Any) -> None:
        original(dialect, real, statement, parameters, context)

    cursor.execute_by(execute, statement, [*parameters])
    if cursor.description is not None:
        setattr(context, FETCHED, cursor.fetchall())

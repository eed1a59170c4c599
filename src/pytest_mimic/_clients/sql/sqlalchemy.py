"""The adapter of SQLAlchemy: the connections that its pools open.

Read against SQLAlchemy 2.0.57 and 2.1.9; tried with sqlite3, aiosqlite, psycopg,
psycopg2, pg8000 and asyncpg.
Everything above the driver stays real: the pool, events, Core, the ORM, types and
results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from itertools import count
from json import dumps
from time import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from pytest_mimic._clients.sql.stand_ins import StandInConnection, StandInCursor
from pytest_mimic._clients.sql.statement_calls import UNNAMED, StatementNames, action
from pytest_mimic.client import Adapter, Edge, from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic.client import Port

_RECORD = "_ConnectionRecord"


class SqlAdapter(Adapter):
    """Stand-ins for the connections of SQLAlchemy's pools."""

    keeps_state = True
    waits = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # By their pools, the engines, and what tells their databases from others of
        # this process.
        self._engines: WeakKeyDictionary[Any, tuple[ref[Any], str]] = (
            WeakKeyDictionary()
        )
        self._numbers = count(1)
        # The dialects that know what they ask for on their first connection.
        self._introduced: WeakSet[Any] = WeakSet()

    def edges(self) -> Sequence[Edge]:
        return [
            Edge(
                "sqlalchemy.pool.base",
                (_RECORD, f"{_RECORD}__connect"),
                self._connecting,
            ),
            Edge("sqlalchemy.pool.base", (_RECORD, "get_connection"), self._adopting),
            Edge("sqlalchemy.pool.base", (_RECORD, "checkin"), _housekeeping),
            Edge("sqlalchemy.pool.base", ("_ConnectionFairy", "_reset"), _housekeeping),
            Edge("sqlalchemy.engine.base", ("Engine", "raw_connection"), self._naming),
            Edge(
                "sqlalchemy.engine.base",
                ("Connection", "_exec_single_context"),
                _executing,
            ),
            Edge(
                "sqlalchemy.engine.base",
                ("Connection", "_exec_insertmany_context"),
                _executing,
            ),
            Edge(
                "sqlalchemy.engine.default",
                ("DefaultDialect", "_do_ping_w_event"),
                _housekeeping,
            ),
        ]

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return the part of an outcome that verifying compares with `beside`, another outcome of the same call.

        The types of columns do not count, nor what a server says of itself, nor the
        order of rows without an `ORDER BY`.
        """
        if "dialect" in plain:
            return {}
        if "columns" not in plain:
            return plain
        names = [str(column[0]) for column in plain["columns"]]
        comparable = {**plain, "columns": names}
        pair = (plain, beside or plain)
        if comparable.pop("unordered", False) or pair[1].get("unordered", False):
            rows, others = (
                sorted(each.get("rows", ()), key=partial(dumps, sort_keys=True))
                for each in pair
            )
            if rows == others:  # else a difference is better shown at its place
                comparable["rows"] = rows
        if len(set(names)) == len(names):  # `volatile=rows.*.id`
            comparable["rows"] = [dict(zip(names, row)) for row in comparable["rows"]]
        return comparable

    def _connecting(
        self, original: Callable[..., Any], port: Port
    ) -> Callable[..., Any]:
        def connect(record: Any) -> None:
            """Give a record of a pool a stand-in.

            The pool's events wait for the real connection.
            """
            if not port.taking():
                original(record)
                return
            record.dbapi_connection = None
            record.starttime = time()
            record.dbapi_connection = self._stand_in(port, record)
            record.fresh = True

        return connect

    def _adopting(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def get_connection(record: Any) -> Any:
            """Replace a connection that the pool opened before by a stand-in for it."""
            connection = original(record)
            if isinstance(connection, StandInConnection):
                connection.port = port
                if not port.taking():
                    record.dbapi_connection = connection = connection.connect()
            elif port.taking():
                record.dbapi_connection = connection = self._stand_in(
                    port, record, real=connection
                )
            return connection

        return get_connection

    def _stand_in(
        self, port: Port, record: Any, *, real: Any = None
    ) -> StandInConnection:
        pool = getattr(record, f"{_RECORD}__pool")
        engine, key = self._engines.get(pool, (None, f"pool {id(pool)}"))
        connection = StandInConnection(
            port, pool, record, partial(port.ordinal, "database", key), real
        )
        if real is None:
            connection.open()
        if engine is not None and pool._dialect not in self._introduced:
            _introduce(connection, engine())
            self._introduced.add(pool._dialect)
        return connection

    def _naming(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def raw_connection(engine: Any) -> Any:
            """Note to which database a pool leads: one for each URL, without regard to driver and credentials."""
            if port.taking() and engine.pool not in self._engines:
                url, connects = (
                    engine.url,
                    getattr(engine.pool._creator, "__module__", ""),
                )
                in_memory = (
                    url.database in (None, "")
                    or "memory" in f"{url.database} {url.query}"
                )
                key = f"{url.get_backend_name()} {url.host} {url.port} {url.database} {sorted(url.query.items())}"
                # Each leads to a database of its own: a function that connects, and
                # SQLite in memory.
                if connects != "sqlalchemy.engine.create" or (
                    in_memory and key.startswith("sqlite")
                ):
                    key = f"private {next(self._numbers)}"
                self._engines[engine.pool] = ref(engine), key
            return original(engine)

        return raw_connection


def _introduce(connection: StandInConnection, engine: Any) -> None:
    """Let a dialect know what it asks for on its first connection.

    It is recorded once for all tests.
    """
    dialect, port = engine.dialect, connection.port
    name = (
        f"CONNECT {dialect._on_connect_isolation_level or ''}".strip()
    )  # which it takes for the default
    step: Any = port.begin(
        action(name, database=f"{dialect.name}+{dialect.driver}", shared=True)
    )
    if step.mode == "replay":
        for name, value in from_plain(step.outcome()["dialect"]).items():
            setattr(dialect, name, value)
        return
    with port.noting, connection.recording(step):
        connection.connect()
        step.finish({"dialect": to_plain(_state_of(engine, connection))})


def _state_of(engine: Any, connection: StandInConnection) -> dict[str, Any]:
    """Return what a dialect finds out about its server: the plain attributes that `initialize` sets."""
    from sqlalchemy.engine.base import Connection
    from sqlalchemy.pool.base import _AdhocProxiedConnection

    found: dict[str, Any] = {}
    dialect = copy(engine.dialect)

    def note(watched: Any, name: str, value: Any) -> None:
        found[name] = vars(watched)[name] = value

    dialect.__class__ = type(
        type(dialect).__name__, (type(dialect),), {"__setattr__": note}
    )
    connection.record.dbapi_connection = connection.real
    real: Any = connection.real
    held: Any = _AdhocProxiedConnection(real, connection.record)
    asking = Connection(
        engine, held, _has_events=False, _allow_revalidate=False, _allow_autobegin=False
    )
    dialect.initialize(asking)
    engine.dialect.do_rollback(connection.real)
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, (bool, int, str, tuple))
    }


def _executing(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def execute(connection: Any, dialect: Any, context: Any, *args: Any) -> Any:
        """Give the cursor the names in the compiled statement, which the driver does not get."""
        cursor = context.cursor
        if not isinstance(cursor, StandInCursor):
            return original(connection, dialect, context, *args)
        cursor.names = _names(context)
        try:
            return original(connection, dialect, context, *args)
        finally:
            cursor.names = UNNAMED

    return execute


def _names(context: Any) -> StatementNames:
    compiled, expanded = context.compiled, context._expanded_parameters
    if compiled is None or not hasattr(
        compiled, "bind_names"
    ):  # a text for the driver, or a definition
        return UNNAMED
    known = vars(compiled).get("_mimic_names")
    if (
        known is None
    ):  # once for each statement, as SQLAlchemy caches what it has compiled
        from pytest_mimic._clients.sql.secret_columns import CompiledNames

        known = vars(compiled)["_mimic_names"] = CompiledNames(compiled)
    given = context.compiled_parameters[0] if context.compiled_parameters else {}
    if not expanded and given.keys() >= known.names:
        return StatementNames(known.binds, {}, known.escaped, known, given)
    names: list[str] = []  # by place
    numbered: list[
        str
        # an `IN` has a parameter for each value; numbered ones come after all others
    ] = []
    for name in known.binds:
        if name in expanded:
            (
                numbered if context.dialect.paramstyle.startswith("numeric") else names
            ).extend(expanded[name])
        elif name in given:  # else it has become part of the text
            names.append(name)
    owners = {member: name for name, members in expanded.items() for member in members}
    # `name_1_1` and `name_1_2` are two values, `name_1_1_1` and `name_1_1_2` are one
    # tuple.
    widths = {
        name: sum(
            member[len(name) + 1 :].partition("_")[0] == "1" for member in members
        )
        for name, members in expanded.items()
    }
    return StatementNames(
        names + numbered, widths, {**owners, **known.escaped}, known, given
    )


def _housekeeping(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def work(holder: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a connection to its pool, or check whether it is alive: nothing that is sent is a call of the test.

        It may be the garbage collector that returns it.
        """
        connection = getattr(holder, "dbapi_connection", args[0] if args else None)
        if not isinstance(connection, StandInConnection):
            return original(holder, *args, **kwargs)
        was_resetting, connection.resetting = connection.resetting, True
        try:
            return original(holder, *args, **kwargs)
        finally:
            connection.resetting = was_resetting

    return work

"""The boundary of SQLAlchemy: the connections that its pools open.

Read against SQLAlchemy 2.0.57 and 2.1.9; tried with sqlite3, aiosqlite, psycopg, psycopg2, pg8000 and asyncpg.
Everything above the driver stays real: the pool, events, Core, the ORM, types and results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import count, groupby
from json import dumps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from pytest_mimic.boundaries.base import Boundary, Edge
from pytest_mimic.boundaries.sql.calls import comparable_column
from pytest_mimic.boundaries.sql.connection import Database, Line, Names, Operation, wait
from pytest_mimic.boundaries.sql.stand_ins import StandInConnection, StandInCursor, StandInDriver
from pytest_mimic.boundaries.values import from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port

_RECORD = "_ConnectionRecord"
_POOL = f"{_RECORD}__pool"
#: Where a compiled statement has a list of parameters, and whether that is a set of values to look in.
_LIST = re.compile(r"(?P<set>\bIN\s*\(\s*)?__\[POSTCOMPILE_(?P<name>\S+?)(?:~~.+?~~)?\]", re.IGNORECASE)


class SqlBoundary(Boundary):
    """Stand-ins for the connections of SQLAlchemy's pools."""

    parts = ("statement", "params", "database")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._databases = Databases()
        self._introduced: WeakSet[Any] = WeakSet()

    def edges(self) -> Sequence[Edge]:
        """Where pools connect, hand out and ping; where engines say which database theirs is, and what they execute."""
        postgresql = "sqlalchemy.dialects.postgresql"
        return [
            Edge("sqlalchemy.pool.base", (_RECORD, f"{_RECORD}__connect"), self._connecting),
            Edge("sqlalchemy.pool.base", (_RECORD, "get_connection"), self._adopting),
            Edge("sqlalchemy.pool.base", (_RECORD, "checkin"), _resetting),
            Edge("sqlalchemy.pool.base", ("_ConnectionFairy", "_reset"), _resetting),
            Edge("sqlalchemy.engine.base", ("Engine", "raw_connection"), self._naming),
            Edge("sqlalchemy.engine.base", ("Connection", "_exec_single_context"), _executing),
            Edge("sqlalchemy.engine.default", ("DefaultDialect", "initialize"), self._initializing),
            Edge("sqlalchemy.engine.default", ("DefaultDialect", "_do_ping_w_event"), _pinging),
            Edge("psycopg._typeinfo", ("TypeInfo", "fetch"), _fetching_type),
            Edge(f"{postgresql}.psycopg2", ("PGDialect_psycopg2", "_hstore_oids"), _fetching_oids),
            Edge(f"{postgresql}.psycopg2", ("PGDialect_psycopg2", "on_connect"), _registering),
            Edge(f"{postgresql}.pg8000", ("PGDialect_pg8000", "on_connect"), _registering),
        ]

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """All of an outcome but the numbers of a database's own types; nothing of what belongs to the engine.

        Without an `ORDER BY`, the order of rows does not count.
        """
        if not isinstance(plain, dict):
            return plain
        if plain.get("setup"):  # a server may be updated
            return {}
        if "columns" not in plain:
            return plain
        comparable = {**plain, "columns": [comparable_column(column) for column in plain["columns"]]}
        is_unordered = comparable.pop("unordered", False) or (beside or {}).get("unordered", False)
        if is_unordered:
            comparable["rows"] = _rows_in_any_order(plain["rows"], (beside or plain).get("rows"))
        return comparable

    def _connecting(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def connect(record: Any) -> None:
            __tracebackhide__ = True
            if not port.taking():
                original(record)
                return
            pool = getattr(record, _POOL)
            stand_in = _StandInPool(pool, self._line(port, pool, record))
            setattr(record, _POOL, stand_in)
            try:
                original(record)
            finally:
                setattr(record, _POOL, pool)
                stand_in.line.setting_up = False
                stand_in.line.used = False
            self._expect_introduction(pool, record, stand_in.line)

        return connect

    def _expect_introduction(self, pool: Any, record: Any, line: Line) -> None:
        if pool._dialect not in self._introduced:
            line.introduce = lambda: self._introduce(pool, record, line)

    def _initializing(self, original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
        def initialize(dialect: Any, connection: Any) -> Any:
            __tracebackhide__ = True
            if isinstance(connection.connection.dbapi_connection, StandInConnection):
                self._introduced.add(dialect)
            return original(dialect, connection)

        return initialize

    def _line(self, port: Port, pool: Any, record: Any, *, real: Any = None) -> Line:
        database = self._databases.of(pool)
        return Line(port, database, pool._dialect, lambda: pool._invoke_creator(record), real=real)

    def _adopting(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def get_connection(record: Any) -> Any:
            __tracebackhide__ = True
            connection = original(record)
            if isinstance(connection, StandInConnection):
                connection._line.port = port
                return connection
            if not port.taking():
                return connection
            pool = getattr(record, _POOL)
            line = self._line(port, pool, record, real=connection)
            record.dbapi_connection = StandInConnection(line)
            self._expect_introduction(pool, record, line)
            return record.dbapi_connection

        return get_connection

    def _introduce(self, pool: Any, record: Any, line: Line) -> None:
        """Asks what an engine asks on its first connection: that was made without us, and a replay will need it."""
        from sqlalchemy.engine.base import Connection
        from sqlalchemy.pool.base import _AdhocProxiedConnection

        engine = self._databases.engine_of(pool)
        if pool._dialect in self._introduced or engine is None:
            return
        line.setting_up = True
        try:
            pool.dispatch.connect(record.dbapi_connection, record)
            held: Any = _AdhocProxiedConnection(record.dbapi_connection, record)
            asking = Connection(
                engine, held, _has_events=False, _allow_revalidate=False, _allow_autobegin=False
            )
            pool._dialect.initialize(asking)
        finally:
            line.setting_up = False

    def _naming(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def raw_connection(engine: Any) -> Any:
            __tracebackhide__ = True
            if port.taking():
                self._databases.name(engine)
            return original(engine)

        return raw_connection


def _rows_in_any_order(rows: list[Any], others: list[Any] | None) -> list[Any]:
    """Sorted where the others are the same rows; else as they are, so that a difference is told at its place."""
    in_order, others_in_order = (
        sorted(each or (), key=lambda row: dumps(row, sort_keys=True)) for each in (rows, others)
    )
    return in_order if in_order == others_in_order else rows


class Databases:
    """Which database a pool leads to: one for each URL, without regard to driver and credentials."""

    def __init__(self) -> None:
        self._by_pool: WeakKeyDictionary[Any, Database] = WeakKeyDictionary()
        self._engines: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._by_key: dict[str, Database] = {}
        self._numbers = count(1)

    def name(self, engine: Any) -> None:
        """Notes an engine's URL for its pool."""
        pool, url = engine.pool, engine.url
        if pool in self._engines:
            return
        self._engines[pool] = ref(engine)
        key = None if _is_private(pool, url) else _key(url)
        self._by_pool[pool] = self._new() if key is None else self._by_key.setdefault(key, Database(key))

    def engine_of(self, pool: Any) -> Any:
        """An engine that uses a pool."""
        engine = self._engines.get(pool)
        return engine() if engine is not None else None

    def of(self, pool: Any) -> Database:
        """The database that a pool leads to."""
        if pool not in self._by_pool:
            self._by_pool[pool] = self._new()
        return self._by_pool[pool]

    def _new(self) -> Database:
        return Database(f"pool {next(self._numbers)}")


def _is_private(pool: Any, url: Any) -> bool:
    """Whether a URL does not tell two databases apart: in memory, or behind a function that connects."""
    is_own = getattr(pool._creator, "__module__", "") != "sqlalchemy.engine.create"
    in_memory = url.get_backend_name() == "sqlite" and (
        url.database in (None, "", ":memory:") or "memory" in f"{url.database} {url.query}"
    )
    return is_own or in_memory


def _key(url: Any) -> str:
    return f"{url.get_backend_name()} {url.host} {url.port} {url.database} {sorted(url.query.items())}"


class _StandInPool:
    """The pool, as the record sees it while it connects: its connections are stand-ins."""

    def __init__(self, pool: Any, line: Line) -> None:
        self._pool = pool
        self.line = line

    def _invoke_creator(self, _record: Any) -> StandInConnection:
        return StandInConnection(self.line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _executing(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Where a statement has left Core: its driver is not told what the parameters are called, and which are an `IN`'s."""

    def execute(connection: Any, dialect: Any, context: Any, *args: Any) -> Any:
        __tracebackhide__ = True
        if isinstance(context.cursor, StandInCursor):
            context.cursor._name_parameters(Names(_names_by_place(context), _lists(context)))
        return original(connection, dialect, context, *args)

    return execute


def _names_by_place(context: Any) -> Sequence[str]:
    """The names of a compiled statement's parameters, as its driver gets them; none where it gets names."""
    compiled = context.compiled
    if not getattr(compiled, "positional", False):
        return ()
    names: list[str] = []
    lists: list[str] = []
    for name in compiled.positiontup:
        if (
            name in context._expanded_parameters
        ):  # `IN`: a parameter for each value, numbered ones behind all others
            (lists if context.dialect.paramstyle.startswith("numeric") else names).extend(
                context._expanded_parameters[name]
            )
        elif name in context.compiled_parameters[0]:  # not one that became part of the text
            names.append(name)
    return names + lists


def _lists(context: Any) -> list[list[list[str]]]:
    """The parameters that each `IN` has become, value by value; where else a list stands, its order may matter."""
    expanded = context._expanded_parameters
    if not expanded:
        return []
    ordered = {place["name"] for place in _LIST.finditer(context.compiled.string) if not place["set"]}
    return [_by_value(len(name) + 1, values) for name, values in expanded.items() if name not in ordered]


def _by_value(start: int, names: Sequence[str]) -> list[list[str]]:
    """`name_1_1`, `name_1_2` are values of their own, `name_1_1_1` and `name_1_1_2` of one tuple."""
    return [list(value) for _, value in groupby(names, lambda name: name[start:].partition("_")[0])]


def _resetting(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def reset(holder: Any, *args: Any, **kwargs: Any) -> Any:
        """What is sent while a connection goes back to its pool, perhaps by the garbage collector, is no call."""
        connection = holder.dbapi_connection
        if not isinstance(connection, StandInConnection):
            return original(holder, *args, **kwargs)
        line = connection._line
        was_resetting, line.resetting = line.resetting, True
        try:
            return original(holder, *args, **kwargs)
        finally:
            line.resetting = was_resetting

    return reset


def _pinging(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def ping(dialect: Any, connection: Any) -> Any:
        """A pool's question whether a connection is alive: never a call of the test's."""
        if not isinstance(connection, StandInConnection):
            return original(dialect, connection)
        line = connection._line
        return not line.broken if line.real is None else original(dialect, line.real)

    return ping


def _fetching_type(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """psycopg asks the server for a type's numbers, with cursors of its own making."""

    def fetch(kind: Any, connection: Any, name: Any) -> Any:
        __tracebackhide__ = True
        if isinstance(connection, StandInDriver):
            from sqlalchemy.util import greenlet_spawn

            return greenlet_spawn(ask, connection._line, kind, name)
        if isinstance(connection, StandInConnection):
            return ask(connection._line, kind, name)
        return original(kind, connection, name)

    def ask(line: Line, kind: Any, name: Any) -> Any:
        __tracebackhide__ = True

        def read() -> dict[str, Any]:
            found = wait(original(kind, line.driver, name))
            return {"type": None if found is None else to_plain(_parts_of_type(found))}

        told = line.ask(f"TYPE {name}", read, detail=kind.__name__)["type"]
        return None if told is None else kind(**from_plain(told))

    return fetch


def _parts_of_type(info: Any) -> dict[str, Any]:
    """What a type's description is made from, each as the attribute of the same name."""
    from inspect import signature

    names = signature(type(info)).parameters.keys() - {"typemod"}  # it follows from the type
    return {name: getattr(info, name) for name in sorted(names) if hasattr(info, name)}


def _fetching_oids(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """psycopg2 asks the server for a type's numbers, with cursors of its own making."""

    def fetch(dialect: Any, connection: Any) -> Any:
        if not isinstance(connection, StandInConnection):
            return ask(dialect, connection)
        line = connection._line
        told = line.ask("TYPE hstore", lambda: {"type": to_plain(ask(dialect, line.real))})
        return from_plain(told["type"])

    def ask(dialect: Any, connection: Any) -> Any:
        try:
            return original(dialect, connection)
        finally:
            vars(dialect).pop("_hstore_oids", None)  # it keeps its first answer there, past this edge

    return fetch


def _registering(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """These drivers take types for connections of their own class only: done when there is one."""

    def on_connect(dialect: Any) -> Any:
        register = original(dialect)

        def connected(connection: Any) -> None:
            if isinstance(connection, StandInConnection):
                connection._line.configure(Operation("function", args=(register,)))
            else:
                register(connection)

        return None if register is None else connected

    return on_connect

"""The adapter of SQLAlchemy: the connections that its pools open.

Read against SQLAlchemy 2.0.57 and 2.1.9; tried with sqlite3, aiosqlite, psycopg, psycopg2, pg8000 and asyncpg.
Everything above the driver stays real: the pool, events, Core, the ORM, types and results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_mimic._clients.sql.cursor import StandInCursor
from pytest_mimic._clients.sql.database_calls import NO_NAMES, StatementNames
from pytest_mimic._clients.sql.lazy_connection import Databases, LazyConnection, wait
from pytest_mimic._clients.sql.results import comparable_result
from pytest_mimic._clients.sql.stand_ins import StandInConnection, StandInDriver
from pytest_mimic._core.seam.base import Adapter, Edge
from pytest_mimic._core.seam.database_values import from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_RECORD = "_ConnectionRecord"
_POOL = f"{_RECORD}__pool"
# The attribute of a compiled statement that holds its names, as they were read.
_KNOWN = "_mimic_names"
# A list of parameters in a compiled statement. `set` matches if it is the list of an `IN`.
_LIST = re.compile(r"(?P<set>\bIN\s*\(\s*)?__\[POSTCOMPILE_(?P<name>\S+?)(?:~~.+?~~)?\]", re.IGNORECASE)


class SqlAdapter(Adapter):
    """Stand-ins for the connections of SQLAlchemy's pools."""

    keeps_state = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._databases = Databases()
        # The dialects whose first connection was recorded.
        self._introduced: WeakSet[Any] = WeakSet()

    def edges(self) -> Sequence[Edge]:
        return [
            Edge("sqlalchemy.pool.base", (_RECORD, f"{_RECORD}__connect"), self._connecting),
            Edge("sqlalchemy.pool.base", (_RECORD, "get_connection"), self._adopting),
            Edge("sqlalchemy.pool.base", (_RECORD, "checkin"), _resetting),
            Edge("sqlalchemy.pool.base", ("_ConnectionFairy", "_reset"), _resetting),
            Edge("sqlalchemy.engine.base", ("Engine", "raw_connection"), self._naming),
            Edge("sqlalchemy.engine.base", ("Connection", "_exec_single_context"), _executing),
            Edge("sqlalchemy.engine.base", ("Connection", "_exec_insertmany_context"), _executing),
            Edge("sqlalchemy.engine.default", ("DefaultDialect", "initialize"), self._initializing),
            Edge("sqlalchemy.engine.default", ("DefaultDialect", "_do_ping_w_event"), _pinging),
            *_type_edges(),
        ]

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return an outcome without the numbers of a database's own types; of the engine's own calls, nothing.

        The order of rows does not count without an `ORDER BY`.
        """
        return comparable_result(plain, beside)

    def _connecting(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def connect(record: Any) -> None:
            """Let a record of a pool connect to a replacement."""
            if not port.taking():
                original(record)
                return
            pool = getattr(record, _POOL)
            lazy = self._connection(port, pool, record)
            setattr(record, _POOL, _StandInPool(pool, lazy))
            try:
                original(record)
            finally:
                setattr(record, _POOL, pool)
                lazy.setting_up = False
                lazy.used = False

        return connect

    def _adopting(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def get_connection(record: Any) -> Any:
            """Replace a connection that the pool opened before by a replacement for it."""
            connection = original(record)
            if isinstance(connection, StandInConnection):
                connection._lazy.port = port
                return connection
            if not port.taking():
                return connection
            lazy = self._connection(port, getattr(record, _POOL), record, real=connection)
            record.dbapi_connection = StandInConnection(lazy)
            return record.dbapi_connection

        return get_connection

    def _connection(self, port: Port, pool: Any, record: Any, *, real: Any = None) -> LazyConnection:
        database = self._databases.of(pool)
        lazy = LazyConnection(port, database, pool._dialect, lambda: pool._invoke_creator(record), real=real)
        if pool._dialect not in self._introduced:
            lazy.introduce = lambda: self._introduce(pool, record, lazy)
        return lazy

    def _initializing(self, original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
        def initialize(dialect: Any, connection: Any) -> Any:
            if isinstance(connection.connection.dbapi_connection, StandInConnection):
                self._introduced.add(dialect)
            return original(dialect, connection)

        return initialize

    def _introduce(self, pool: Any, record: Any, lazy: LazyConnection) -> None:
        """Repeat the requests that an engine made on its first connection, if it was made without the plugin."""
        from sqlalchemy.engine.base import Connection
        from sqlalchemy.pool.base import _AdhocProxiedConnection

        engine = self._databases.engine_of(pool)
        if pool._dialect in self._introduced or engine is None:
            return
        lazy.setting_up = True
        try:
            pool.dispatch.connect(record.dbapi_connection, record)
            held: Any = _AdhocProxiedConnection(record.dbapi_connection, record)
            asking = Connection(
                engine, held, _has_events=False, _allow_revalidate=False, _allow_autobegin=False
            )
            pool._dialect.initialize(asking)
        finally:
            lazy.setting_up = False

    def _naming(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def raw_connection(engine: Any) -> Any:
            if port.taking():
                self._databases.add(engine)
            return original(engine)

        return raw_connection


class _StandInPool:
    """The pool as a record sees it while it connects: its connections are replacements."""

    def __init__(self, pool: Any, connection: LazyConnection) -> None:
        self._pool = pool
        self._lazy = connection

    def _invoke_creator(self, _record: Any) -> StandInConnection:
        return StandInConnection(self._lazy)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _executing(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def execute(connection: Any, dialect: Any, context: Any, *args: Any) -> Any:
        """Give the cursor the names in the compiled statement, which the driver does not get."""
        cursor = context.cursor
        if not isinstance(cursor, StandInCursor):
            return original(connection, dialect, context, *args)
        cursor._names = _names(context)
        try:
            return original(connection, dialect, context, *args)
        finally:
            cursor._names = NO_NAMES

    return execute


def _names(context: Any) -> StatementNames:
    compiled, expanded = context.compiled, context._expanded_parameters
    if compiled is None or not hasattr(compiled, "bind_names"):  # a text for the driver, or a definition
        return NO_NAMES
    known = vars(compiled).get(_KNOWN)
    if known is None:  # once for each statement, as SQLAlchemy caches what it has compiled
        from pytest_mimic._clients.sql.compiled import CompiledReader

        known = vars(compiled)[_KNOWN] = CompiledReader(compiled).names()
    given = context.compiled_parameters[0] if context.compiled_parameters else {}
    if not expanded and given.keys() >= set(known.binds):
        return StatementNames(known.binds, (), known.escaped, known, given)
    names: list[str] = []  # by place
    numbered: list[str] = []  # an `IN` has a parameter for each value; numbered ones come after all others
    for name in known.binds:
        if name in expanded:
            (numbered if context.dialect.paramstyle.startswith("numeric") else names).extend(expanded[name])
        elif name in given:  # else it has become part of the text
            names.append(name)
    # The order of a list that is not the one of an `IN` may matter.
    ordered = (
        {place["name"] for place in _LIST.finditer(compiled.string) if not place["set"]} if expanded else ()
    )
    lists = []
    for name, members in expanded.items():
        if name not in ordered:
            # `name_1_1` and `name_1_2` are two values, `name_1_1_1` and `name_1_1_2` are one tuple.
            values: dict[str, list[str]] = {}
            for member in members:
                values.setdefault(member[len(name) + 1 :].partition("_")[0], []).append(member)
            lists.append(list(values.values()))
    owners = {member: name for name, members in expanded.items() for member in members}
    return StatementNames(names + numbered, lists, {**owners, **known.escaped}, known, given)


def _resetting(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def reset(holder: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a connection to its pool. It may be the garbage collector that does: nothing sent is a call."""
        connection = holder.dbapi_connection
        if not isinstance(connection, StandInConnection):
            return original(holder, *args, **kwargs)
        lazy = connection._lazy
        was_resetting, lazy.resetting = lazy.resetting, True
        try:
            return original(holder, *args, **kwargs)
        finally:
            lazy.resetting = was_resetting

    return reset


def _pinging(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    def ping(dialect: Any, connection: Any) -> Any:
        """Check for a pool whether a connection is alive, which is never a call of the test."""
        if not isinstance(connection, StandInConnection):
            return original(dialect, connection)
        lazy = connection._lazy
        return lazy.real is None or original(dialect, lazy.real)

    return ping


# -- the types of PostgreSQL, which drivers ask the server for with cursors of their own

# Functions of psycopg2 that accept its own connections only.
_REGISTERING = ("register_uuid", "register_hstore", "register_default_json", "register_default_jsonb")


def _type_edges() -> list[Edge]:
    """Return the functions of drivers and dialects that read or register types."""
    dialect = "sqlalchemy.dialects.postgresql.psycopg2"
    return [
        Edge("psycopg._typeinfo", ("TypeInfo", "fetch"), _fetching_type),
        Edge(dialect, ("PGDialect_psycopg2", "_hstore_oids"), _fetching_oids),
        *(Edge("psycopg2.extras", (name,), _registering) for name in _REGISTERING),
    ]


def _fetching_type(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Record what psycopg reads about a type."""

    def fetch(kind: Any, connection: Any, name: Any) -> Any:
        if isinstance(connection, StandInDriver):
            from sqlalchemy.util import greenlet_spawn

            return greenlet_spawn(ask, connection._lazy, kind, name)
        if isinstance(connection, StandInConnection):
            return ask(connection._lazy, kind, name)
        return original(kind, connection, name)

    def ask(lazy: LazyConnection, kind: Any, name: Any) -> Any:

        def read() -> dict[str, Any]:
            found = wait(original(kind, lazy.driver, name))
            return {"type": None if found is None else to_plain(_parts_of_type(found))}

        answer = lazy.ask(f"TYPE {name}", read, detail=kind.__name__)["type"]
        return None if answer is None else kind(**from_plain(answer))

    return fetch


def _parts_of_type(info: Any) -> dict[str, Any]:
    """Return the arguments that make a psycopg `TypeInfo`; each is the attribute of the same name."""
    names = signature(type(info)).parameters.keys() - {"typemod"}  # it follows from the type
    return {name: getattr(info, name) for name in sorted(names) if hasattr(info, name)}


def _registering(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Register a type when the connection is real."""

    @wraps(original)
    def register(*args: Any, **options: Any) -> Any:
        held = next((one for one in args if isinstance(one, StandInConnection)), None)
        if held is None:
            return original(*args, **options)
        return held._lazy.configure(
            lambda real: original(*(real if one is held else one for one in args), **options)
        )

    return register


def _fetching_oids(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Read and register the numbers of psycopg2's `hstore` when the connection is real."""

    @wraps(original)
    def fetch(dialect: Any, connection: Any) -> Any:
        if not isinstance(connection, StandInConnection):
            return original(dialect, connection)

        def register(real: Any) -> None:
            oids = original(dialect, real)
            if oids is not None:
                dialect._psycopg2_extras.register_hstore(real, oid=oids[0], array_oid=oids[1])

        return connection._lazy.configure(register)

    return fetch

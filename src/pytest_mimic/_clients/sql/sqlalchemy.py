"""The adapter of SQLAlchemy: the connections that its pools open.

Read against SQLAlchemy 2.0.57 and 2.1.9; tried with sqlite3, aiosqlite, psycopg,
psycopg2, pg8000 and asyncpg.
Everything above the driver stays real: the pool, events, Core, the ORM, types and
results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from itertools import count
from json import dumps
from time import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from pytest_mimic._clients.sql.stand_in_connections import (
    StandInConnection,
    StandInCursor,
)
from pytest_mimic._clients.sql.statement_calls import UNNAMED, StatementNames, action
from pytest_mimic.client import Adapter, Edge, MimicError, from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._clients.sql.compiled_names import CompiledNames
    from pytest_mimic.client import ClientCall, Port

# The class of a pool's record of one connection. It is the first part of the names of
# its private attributes, too.
_CLASS_OF_POOL_RECORD = "_ConnectionRecord"


class SqlAdapter(Adapter):
    """Stand-ins for the connections of SQLAlchemy's pools."""

    keeps_state = True
    waits = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # By pool: its engine, and a key for its database, unique in this process.
        # `raw_connection` fills it. By the key, `_stand_in` numbers the databases of a
        # test: two pools of one database have one number in the identities.
        self._engine_and_key_by_pool: WeakKeyDictionary[Any, tuple[ref[Any], str]]
        self._engine_and_key_by_pool = WeakKeyDictionary()
        # Each database that only its own pool reaches gets the next number.
        self._numbers_of_private_databases = count(1)
        # Dialects that already got the answers to their first-connect queries.
        self._introduced_dialects: WeakSet[Any] = WeakSet()

    def edges(self) -> Sequence[Edge]:
        module_of_pools = "sqlalchemy.pool.base"
        module_of_engines = "sqlalchemy.engine.base"
        module_of_dialects = "sqlalchemy.engine.default"
        return [
            # Each connection gets a stand-in, which is the one that makes calls.
            Edge(
                module_of_pools,
                (_CLASS_OF_POOL_RECORD, f"{_CLASS_OF_POOL_RECORD}__connect"),
                self._wrap_connect,
            ),
            Edge(
                module_of_pools,
                (_CLASS_OF_POOL_RECORD, "get_connection"),
                self._wrap_get_connection,
            ),
            # An engine shows to which database its pool leads.
            Edge(
                module_of_engines,
                ("Engine", "raw_connection"),
                self._wrap_raw_connection,
            ),
            # The cursor is told the names of parameters and columns.
            Edge(
                module_of_engines,
                ("Connection", "_exec_single_context"),
                _wrap_to_name_parameters,
            ),
            Edge(
                module_of_engines,
                ("Connection", "_exec_insertmany_context"),
                _wrap_to_name_parameters,
            ),
            # What the pool does of its own accord is no call.
            Edge(
                module_of_pools, (_CLASS_OF_POOL_RECORD, "checkin"), _wrap_housekeeping
            ),
            Edge(module_of_pools, ("_ConnectionFairy", "_reset"), _wrap_housekeeping),
            Edge(
                module_of_dialects,
                ("DefaultDialect", "_do_ping_w_event"),
                _wrap_housekeeping,
            ),
        ]

    def comparable(self, outcome: Any, other_outcome: Any = None, /) -> Any:
        """Return the part of an outcome that verifying compares.

        The types of columns do not count, nor what a server says of itself, nor the
        order of rows without an `ORDER BY`.
        """
        if "dialect" in outcome:
            return {}
        if "columns" not in outcome:
            return outcome
        column_names = [str(column[0]) for column in outcome["columns"]]
        comparable_outcome = {**outcome, "columns": column_names}
        other = other_outcome or outcome
        is_unordered = comparable_outcome.pop("unordered", False)
        if is_unordered or other.get("unordered", False):
            sorted_rows = _sorted_rows(outcome)
            # Rows that differ stay in their order: a difference is shown at its place.
            if sorted_rows == _sorted_rows(other):
                comparable_outcome["rows"] = sorted_rows
        rows = [list(map(_comparable_value, row)) for row in comparable_outcome["rows"]]
        comparable_outcome["rows"] = rows
        has_unique_names = len(set(column_names)) == len(column_names)
        if has_unique_names:
            # Rows become mappings, so that a line can say `volatile=rows.*.id`.
            comparable_outcome["rows"] = [dict(zip(column_names, row)) for row in rows]
        return comparable_outcome

    def _wrap_connect(
        self, original: Callable[..., Any], port: Port
    ) -> Callable[..., Any]:
        """Return what replaces the method by which a pool opens a connection."""

        def connect(pool_record: Any) -> None:
            """Give a pool's record of a connection a stand-in for the connection.

            The pool's event `connect` fires when the stand-in opens a real one.
            """
            if not port.taking():
                original(pool_record)
                return
            # These attributes are what `original` sets in SQLAlchemy 2.0.
            pool_record.dbapi_connection = None
            pool_record.starttime = time()
            pool_record.dbapi_connection = self._stand_in(port, pool_record)
            pool_record.fresh = True

        return connect

    def _wrap_get_connection(
        self, original: Callable[..., Any], port: Port
    ) -> Callable[..., Any]:
        """Return what replaces the method by which a pool hands a connection out."""

        def get_connection(pool_record: Any) -> Any:
            """Replace a connection that the pool opened before by a stand-in for it."""
            connection = original(pool_record)
            if isinstance(connection, StandInConnection):
                connection.port = port
                # Where nothing is mimicked now, the caller gets the driver's own.
                if not port.taking():
                    pool_record.dbapi_connection = connection = connection.connect()
            elif port.taking():
                pool_record.dbapi_connection = connection = self._stand_in(
                    port, pool_record, real=connection
                )
            return connection

        return get_connection

    def _stand_in(
        self, port: Port, pool_record: Any, *, real: Any = None
    ) -> StandInConnection:
        """Return a stand-in for a pool's record, over its `real` connection if any.

        The engine's dialect gets from the stand-in what it would ask of its first
        connection.
        """
        pool = getattr(pool_record, f"{_CLASS_OF_POOL_RECORD}__pool")
        # A pool that the application has made by itself has no engine.
        find_engine, database_key = self._engine_and_key_by_pool.get(
            pool, (None, f"pool {id(pool)}")
        )
        database_number = partial(port.ordinal, "database", database_key)
        connection = StandInConnection(port, pool, pool_record, database_number, real)
        if real is None:
            connection.open()
        if find_engine is not None and pool._dialect not in self._introduced_dialects:
            _introduce(connection, find_engine())
            self._introduced_dialects.add(pool._dialect)
        return connection

    def _wrap_raw_connection(
        self, original: Callable[..., Any], port: Port
    ) -> Callable[..., Any]:
        """Return what replaces the method by which an engine asks its pool."""

        def raw_connection(engine: Any) -> Any:
            """Note to which database a pool leads."""
            if port.taking() and engine.pool not in self._engine_and_key_by_pool:
                database_key = _key_of_database(engine)
                if not database_key:
                    number = next(self._numbers_of_private_databases)
                    database_key = f"private {number}"
                # By the key, `_stand_in` numbers the database.
                self._engine_and_key_by_pool[engine.pool] = ref(engine), database_key
            return original(engine)

        return raw_connection


def _introduce(connection: StandInConnection, engine: Any) -> None:
    """Let a dialect know what it asks for on its first connection.

    SQLAlchemy then does not ask the server by itself, so that a replay needs none. The
    answers are recorded once for all tests. If an engine with another setup gets other
    answers, they are recorded beside the first ones.
    """
    dialect = engine.dialect
    port = connection.port
    # `opens` has another answer after a replayed call.
    is_open = connection.real is not None and port.opens()
    setup = _setup_of(engine)
    call_of_setup = _first_questions(dialect, setup)
    is_setup_recorded = port.is_recorded(call_of_setup)
    call = call_of_setup if is_setup_recorded else _first_questions(dialect)
    step: Any = port.begin(call)
    if step.mode == "replay":
        outcome = step.outcome()
        is_of_other_setup = outcome.get("setup", setup) != setup
        if not is_setup_recorded and is_open and is_of_other_setup:
            # The recorded answers may not hold here, and a real server can be asked.
            answers = to_plain(_facts_about_server(engine, connection))
            if answers != outcome["dialect"]:
                step = port.begin(call_of_setup)
    if step.mode == "replay":
        # The dialect has its answers now, and asks no server for them.
        for attribute, value in from_plain(step.outcome()["dialect"]).items():
            setattr(dialect, attribute, value)
        return
    with port.noting, connection.recording(step):
        connection.connect()
        answers = to_plain(_facts_about_server(engine, connection))
        step.finish({"dialect": answers, "setup": setup})


def _first_questions(dialect: Any, setup: dict[str, Any] | None = None) -> ClientCall:
    """Return the call that stands for what a dialect asks on its first connection.

    Without a setup, it is the call of the engine that was recorded first.
    """
    # A dialect takes this isolation level for the default.
    level = dialect._on_connect_isolation_level or ""
    # All tests share the recording, so that no number of a database counts in it.
    name_of_database = f"{dialect.name}+{dialect.driver}"
    return action(
        f"CONNECT {level}".strip(), database=name_of_database, params=setup, shared=True
    )


def _setup_of(engine: Any) -> dict[str, Any]:
    """Return what may give an engine other answers than one of the same server.

    It counts in the identity of the call for these answers.

    | key | value |
    |---|---|
    | `events` | the functions of the application that set a new connection up |
    | an option of the dialect | its value, `"use_native_hstore": "False"` |
    """
    from sqlalchemy.util import get_cls_kwargs

    dispatch = engine.pool.dispatch
    names_of_listeners = set()
    # A function of the application may set the connection up, and change the answers.
    for listener in (*dispatch.connect, *dispatch.first_connect):
        module = getattr(listener, "__module__", None) or ""
        if not module.startswith("sqlalchemy."):
            qualname = getattr(listener, "__qualname__", "")
            names_of_listeners.add(f"{module}:{qualname}")
    setup: dict[str, Any] = {"events": sorted(names_of_listeners)}
    options_of_dialect = vars(engine.dialect)
    for option in sorted(get_cls_kwargs(type(engine.dialect))):
        value = options_of_dialect.get(option)
        # A text may hold credentials, or a path of this machine.
        if isinstance(value, (bool, int)):
            setup[option] = str(value)
    return setup


def _facts_about_server(engine: Any, connection: StandInConnection) -> dict[str, Any]:
    """Return what the dialect of an engine finds out about its server.

    These are the attributes that `initialize` sets in it to a plain value: a bool, an
    int, a text or a tuple. The server is asked for them, over the real connection.
    """
    from sqlalchemy.engine.base import Connection
    from sqlalchemy.pool.base import _AdhocProxiedConnection

    facts: dict[str, Any] = {}
    # A copy is asked, since the dialect itself gets the recorded answers.
    dialect = copy(engine.dialect)
    dialect_class = type(dialect)

    def note_fact(watched_dialect: Any, name: str, value: Any) -> None:
        """Set an attribute of the copied dialect, and note its last plain value."""
        vars(watched_dialect)[name] = value
        if isinstance(value, (bool, int, str, tuple)):
            facts[name] = value
        else:
            facts.pop(name, None)

    dialect.__class__ = type(
        dialect_class.__name__, (dialect_class,), {"__setattr__": note_fact}
    )
    # The dialect asks over SQLAlchemy's own connection, with events and pool left out.
    connection.pool_record.dbapi_connection = connection.real
    real: Any = connection.real
    proxied: Any = _AdhocProxiedConnection(real, connection.pool_record)
    connection_for_dialect = Connection(
        engine,
        proxied,
        _has_events=False,
        _allow_revalidate=False,
        _allow_autobegin=False,
    )
    dialect.initialize(connection_for_dialect)
    # The questions have begun a transaction, which the application has not.
    engine.dialect.do_rollback(connection.real)
    return facts


def _wrap_to_name_parameters(
    original: Callable[..., Any], _port: Port
) -> Callable[..., Any]:
    """Tell the stand-in cursor the names of parameters and columns.

    By these names secrets are found, and parameters are described. The driver gets
    only values.
    """

    def execute(connection: Any, dialect: Any, context: Any, *args: Any) -> Any:
        cursor = context.cursor
        if not isinstance(cursor, StandInCursor):
            return original(connection, dialect, context, *args)
        cursor.names = _statement_names(context)
        try:
            return original(connection, dialect, context, *args)
        finally:
            cursor.names = UNNAMED

    return execute


def _statement_names(context: Any) -> StatementNames:
    """Return the names in the statement that a context executes.

    For each value of a list, SQLAlchemy makes a parameter, a member of the one in the
    statement. `name_1_1` and `name_1_2` are two values; `name_1_1_1` and `name_1_1_2`
    are one tuple, so the width of `name_1` is 2.
    """
    compiled = context.compiled
    # By the name of a parameter for a list, the names of its members.
    members_by_list = context._expanded_parameters
    if compiled is None or not hasattr(compiled, "bind_names"):
        # The statement is a text for the driver, or a definition such as CREATE TABLE.
        return UNNAMED
    compiled_names = _compiled_names(compiled)
    values_by_name: Mapping[str, Any] = {}
    if context.compiled_parameters:
        # All sets of an `executemany` have the same names.
        values_by_name = context.compiled_parameters[0]
    positional_names = compiled_names.positional_names
    escaped_names = compiled_names.compiled_name_by_driver_name
    if (
        not members_by_list
        and values_by_name.keys() >= compiled_names.set_of_positional_names
    ):
        # The statement has its parameters as it was compiled.
        return StatementNames(
            positional_names, {}, escaped_names, compiled_names, values_by_name
        )
    is_numeric = context.dialect.paramstyle.startswith("numeric")
    names_in_order: list[str] = []
    # Numbered members come after all other parameters.
    numbered_members: list[str] = []
    for name in positional_names:
        if name in members_by_list:
            names_to_extend = numbered_members if is_numeric else names_in_order
            names_to_extend.extend(members_by_list[name])
        elif name in values_by_name:
            names_in_order.append(name)
        # A name in neither has no parameter: its value stands in the text.
    compiled_name_by_driver_name: dict[str, str] = {}
    widths = {}
    for name, members in members_by_list.items():
        width = 0
        for member in members:
            compiled_name_by_driver_name[member] = name
            # The members of the first value tell how many each value has.
            if _number_of_value(member, name) == "1":
                width += 1
        if name in compiled_names.lists_in_any_order:
            widths[name] = width
    compiled_name_by_driver_name.update(escaped_names)
    return StatementNames(
        names_in_order + numbered_members,
        widths,
        compiled_name_by_driver_name,
        compiled_names,
        values_by_name,
    )


def _compiled_names(compiled: Any) -> CompiledNames:
    """Return the names in a compiled statement.

    They are kept on the statement, which SQLAlchemy keeps and executes many times.
    """
    names: CompiledNames | None = vars(compiled).get("_mimic_names")
    if names is None:
        from pytest_mimic._clients.sql.compiled_names import CompiledNames

        names = CompiledNames(compiled)
        vars(compiled)["_mimic_names"] = names
    return names


def _number_of_value(member: str, name: str) -> str:
    """Return the number of the value to which a member of a parameter belongs.

    It is `2` for the member `name_1_2` of the parameter `name_1`.
    """
    return member[len(name) + 1 :].partition("_")[0]


def _key_of_database(engine: Any) -> str:
    """Return what tells a database from others: its URL without driver and credentials.

    The text is empty where each pool has a database of its own: where a function of the
    application makes the connections, and for SQLite in memory.
    """
    url = engine.url
    module_that_connects = getattr(engine.pool._creator, "__module__", "")
    if module_that_connects != "sqlalchemy.engine.create":
        return ""
    backend = url.get_backend_name()
    is_named = url.database not in (None, "")
    is_in_memory = not is_named or "memory" in f"{url.database} {url.query}"
    if is_in_memory and backend.startswith("sqlite"):
        return ""
    query = sorted(url.query.items())
    return f"{backend} {url.host} {url.port} {url.database} {query}"


def _comparable_value(stored_value: Any) -> Any:
    """Return a stored value of a row as a replay gives it, so that no path has a tag.

    | stored | a difference in it |
    |---|---|
    | `{"$timedelta": {"days": 1}}` | `rows[0].span` |
    | `{"$$held": 1}` | `rows[0].document['$held']` |

    A value in a class of the application stays as it is stored: none is imported here.
    """
    if type(stored_value) not in (dict, list):
        return stored_value
    with suppress(MimicError):
        return from_plain(stored_value)
    return stored_value


def _sorted_rows(outcome: Any) -> list[Any]:
    """Return the rows of an outcome in an order that depends on nothing but them.

    Without an `ORDER BY`, a database may give them in any order, which is no drift.
    """
    return sorted(outcome.get("rows", ()), key=partial(dumps, sort_keys=True))


def _wrap_housekeeping(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Return what replaces a method that a pool calls on its own accord."""

    def do_housekeeping(holder: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a connection to its pool, or check whether it is alive.

        Nothing that is sent then is a call of the test. It may be the garbage collector
        that returns the connection.
        """
        connection = getattr(holder, "dbapi_connection", None)
        if connection is None and args:
            # A dialect is given the connection.
            connection = args[0]
        if not isinstance(connection, StandInConnection):
            return original(holder, *args, **kwargs)
        was_resetting = connection.resetting
        connection.resetting = True
        try:
            return original(holder, *args, **kwargs)
        finally:
            connection.resetting = was_resetting

    return do_housekeeping

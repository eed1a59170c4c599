"""The edges of SQLAlchemy: the connections that its pools open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from inspect import signature
from itertools import count
from time import time
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

from pytest_mimic.client import Adapter, Edge, Plain, Port, Redactor, StandIn
from pytest_mimic.clients.sql import hiding, parameters, statements
from pytest_mimic.clients.sql.connection import (
    StandInConnection,
    StandInCursor,
    run_call,
)
from pytest_mimic.values import database
from pytest_mimic.values.tree import text_of

# The class of a pool's record of one connection, which is a part of the names of its
# private attributes, too.
_RECORD = "_ConnectionRecord"


class Sqlalchemy(Adapter):
    """SQLAlchemy, above whichever driver."""

    name = kind = "sqlalchemy"
    has_effect = True

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return where pools open connections, lend them, and take them back."""
        pools, engines = "sqlalchemy.pool.base", "sqlalchemy.engine.base"
        default = "sqlalchemy.engine.default"
        wrapped = _Pools(port)
        return [
            Edge(pools, (_RECORD, f"{_RECORD}__connect"), wrapped.connect),
            Edge(pools, (_RECORD, "get_connection"), wrapped.get_connection),
            Edge(pools, (_RECORD, "checkin"), _wrap_housekeeping),
            Edge(pools, ("_ConnectionFairy", "_reset"), _wrap_housekeeping),
            Edge(engines, ("Engine", "raw_connection"), wrapped.raw_connection),
            Edge(
                default,
                ("DefaultDialect", "_do_ping_w_event"),
                _wrap_ping,
                is_optional=True,  # SQLAlchemy 1.4 lacks it
            ),
            Edge(default, ("DefaultExecutionContext", "create_cursor"), _wrap_cursor),
        ]

    def signature(self, request: Plain) -> str:
        """Return the verb and the main table: `SELECT users`."""
        return statements.read(request["statement"]).signature

    def is_of_all(self, request: Plain) -> bool:
        """Return whether it is what a dialect asks of its first connection."""
        return "dialect" in request

    def parts(self, request: Plain) -> Plain:
        """Return statement, parameters and database."""
        parts = {"statement": request["statement"]}
        if "parameters" in request:
            parts["params"] = request["parameters"]
        for name in ("database", "dialect", "setup"):
            if name in request:
                parts[name] = request[name]
        return parts

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:  # noqa: ARG002
        """Return the parts, in which the rows that are written stand in any order."""
        params = parts.get("params")
        if not isinstance(params, list) or not _is_list_of_sets(params):
            return parts
        return {**parts, "params": sorted(params, key=text_of)}

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a statement and its parameters without secrets."""
        return hiding.hide_request(redactor, request, stand_in)

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return rows, or an error, without secrets."""
        return hiding.hide_answer(redactor, answer, stand_in, request)

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return the rows by column, or the error.

        Without an `ORDER BY` the order of rows does not count, and what a server says
        of itself never does.
        """
        if "dialect" in answer:
            return {}
        compared: Plain = {
            key: answer[key] for key in ("rows", "count") if key in answer
        }
        if "raised" in answer:
            compared["raised"] = answer["raised"]
        rows = compared.get("rows")
        if rows is not None and (answer.get("unordered") or other.get("unordered")):
            in_order = sorted(rows, key=text_of)
            # Rows that differ stay where they are, so that a difference has its place.
            if in_order == sorted(other.get("rows", ()), key=text_of):
                compared["rows"] = in_order
        return compared


def _is_list_of_sets(params: list[Any]) -> bool:
    return all(isinstance(one, (dict, list)) for one in params)


class _Pools:
    """Puts stand-ins in the place of the connections of pools."""

    def __init__(self, port: Port) -> None:
        self._port = port
        # By pool: its engine, and what tells its database from others.
        self._engines: WeakKeyDictionary[Any, tuple[ref[Any], str]]
        self._engines = WeakKeyDictionary()
        self._private = count(1)
        self._introduced: WeakSet[Any] = WeakSet()

    def connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the method by which a pool opens a connection."""

        def connect(record: Any) -> None:
            if not self._port.takes():
                original(record)
                return
            # What the original sets, but for the events of a real connection.
            record.dbapi_connection = None
            record.starttime = time()
            record.dbapi_connection = self._stand_in(record)
            record.fresh = True

        return connect

    def get_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the method by which a pool lends a connection."""

        def get_connection(record: Any) -> Any:
            held = original(record)
            is_stand_in = isinstance(held, StandInConnection)
            if is_stand_in == self._port.takes():
                return held
            # A line began, or ended, since the connection was opened.
            record.dbapi_connection = (
                held.open() if is_stand_in else self._stand_in(record, held)
            )
            return record.dbapi_connection

        return get_connection

    def raw_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the method by which an engine asks its pool."""

        def raw_connection(engine: Any, *args: Any) -> Any:
            if engine.pool not in self._engines:
                key = _key_of_database(engine) or f"private {next(self._private)}"
                self._engines[engine.pool] = ref(engine), key
            return original(engine, *args)

        return raw_connection

    def _stand_in(self, record: Any, real: Any = None) -> StandInConnection:
        pool = getattr(record, f"{_RECORD}__pool")
        # A pool that the application has made by itself has no engine.
        find_engine, key = self._engines.get(pool, (None, f"pool {id(pool)}"))
        source = _Source(self._port, pool, record, key)
        connection = StandInConnection(source, real)
        if real is None:
            self._open_or_fail(connection)
        engine = find_engine() if find_engine is not None else None
        if engine is not None and engine.dialect not in self._introduced:
            _introduce(self._port, connection, engine)
            self._introduced.add(engine.dialect)
        return connection

    def _open_or_fail(self, connection: StandInConnection) -> None:
        """Let a database that cannot be reached fail where it does: here.

        Only a failure is a call, since a pool may connect as often as it likes.
        """
        request = {"statement": "CONNECT"}
        numbered = {"database": connection.source.database}
        if self._port.has_next(request, numbered=numbered):
            exchange = self._port.begin(request, numbered=numbered)
            assert exchange is not None
            run_call(connection, exchange, connection.open)
        elif self._port.will_run():
            try:
                connection.open()
            except Exception as error:
                exchange = self._port.begin(request, numbered=numbered)
                if exchange is None:
                    raise
                run_call(connection, exchange, _raising(error))


def _raising(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


class _Source:
    """Where the connections of a pool's record come from."""

    def __init__(self, port: Port, pool: Any, record: Any, database: str) -> None:
        self.port = port
        self.dialect = pool._dialect
        self.database = database
        self._record = record
        self._pool = pool

    def open(self) -> Any:
        """Open a real connection, and let the pool's events set it up."""
        pool, record = self._pool, self._record
        real = pool._invoke_creator(record)
        events = pool.dispatch.connect.for_modify(pool.dispatch)
        try:
            with self.holding(real):
                events._exec_w_sync_on_first_run(real, record)
        except BaseException:
            real.close()
            raise
        return real

    @contextmanager
    def holding(self, real: Any) -> Iterator[Any]:
        """Let the pool's record hold a real connection, and give it as engines do."""
        from sqlalchemy.pool import base

        # SQLAlchemy 1.4 takes the driver's own.
        proxied: Any = getattr(base, "_AdhocProxiedConnection", None)
        record = self._record
        before, record.dbapi_connection = record.dbapi_connection, real
        try:
            yield real if proxied is None else proxied(real, record)
        finally:
            record.dbapi_connection = before

    def described(self, text: object, given: object, context: Any) -> Plain:
        """Return a statement as plain data."""
        return parameters.request_of(str(text), given, context)


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

    The answers are recorded once for all tests and each set-up of an engine.
    """
    dialect = engine.dialect
    request = {
        "statement": "CONNECT",
        "dialect": f"{dialect.name}+{dialect.driver}",
        "setup": _setup_of(engine),
    }
    exchange = port.begin(request)
    if exchange is None:
        return
    if exchange.mode == "replay":
        facts = exchange.replay()["dialect"]
    elif exchange.mode == "verify":
        facts = exchange.finish(exchange.recorded)["dialect"]
    else:
        with exchange.running():
            found = _facts_of(engine, connection)
        facts = exchange.finish({"dialect": found})["dialect"]
    for name, value in facts.items():
        setattr(dialect, name, database.made(value))


def _setup_of(engine: Any) -> Plain:
    """Return what may give an engine other answers than one of the same server.

    These are the application's functions that set a connection up, and options of the
    dialect. A text among those may hold credentials, and is left out.
    """
    from sqlalchemy.util import get_cls_kwargs

    dialect, dispatch = engine.dialect, engine.pool.dispatch
    listeners = set()
    for listener in dispatch.connect:
        module = getattr(listener, "__module__", None) or ""
        if not module.startswith("sqlalchemy."):
            listeners.add(f"{module}:{getattr(listener, '__qualname__', '')}")
    setup: Plain = {
        name: vars(dialect)[name]
        for name in sorted(get_cls_kwargs(type(dialect)))
        if type(vars(dialect).get(name)) in (bool, int)
    }
    level = getattr(dialect, "_on_connect_isolation_level", None)
    if level:
        setup["isolation_level"] = level
    if listeners:
        setup["events"] = sorted(listeners)
    return setup


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
    options: dict[str, Any] = {"_has_events": False, "_allow_revalidate": False}
    if "_allow_autobegin" in signature(Connection).parameters:
        options["_allow_autobegin"] = False
    with connection.source.holding(real) as proxied:
        dialect.initialize(Connection(engine, proxied, **options))
    # The questions have begun a transaction, which the application has not.
    engine.dialect.do_rollback(real)
    return facts


# -- what a pool does on its own account


def _wrap_housekeeping(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method that gives a connection back: what is sent then is no call.

    It may be the garbage collector that gives it back.
    """

    def give_back(holder: Any, *args: Any, **options: Any) -> Any:
        connection = holder.dbapi_connection
        if not isinstance(connection, StandInConnection):
            return original(holder, *args, **options)
        was_resetting = connection.is_resetting
        vars(connection)["is_resetting"] = True
        try:
            return original(holder, *args, **options)
        finally:
            vars(connection)["is_resetting"] = was_resetting

    return give_back


def _wrap_ping(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the question whether a connection is alive, which is no call."""

    def do_ping(dialect: Any, connection: Any) -> Any:
        if not isinstance(connection, StandInConnection):
            return original(dialect, connection)
        return connection.real is None or original(dialect, connection.real)

    return do_ping


def _wrap_cursor(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the method by which an execution makes its cursor, to tell it of itself."""

    def create_cursor(context: Any) -> Any:
        connection = getattr(context._dbapi_connection, "dbapi_connection", None)
        if not isinstance(connection, StandInConnection):
            return original(context)
        # Results are read whole, and cursors of a server have names made anew.
        vars(context)["create_server_side_cursor"] = context.create_default_cursor
        cursor = original(context)
        if isinstance(cursor, StandInCursor):
            cursor.context = context
        return cursor

    return create_cursor

"""A stand-in for a driver's connection and cursors, by PEP 249.

It opens a real connection for the first statement that runs for real, so that a replay
needs none. Above the driver everything stays real: pool, events, ORM, types, results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import islice
from operator import methodcaller
from types import SimpleNamespace
from typing import Any

from pytest_mimic.client import Exchange, MimicError, Plain, Port, at_once
from pytest_mimic.clients.sql import rows, statements
from pytest_mimic.clients.sql.requests import request_of
from pytest_mimic.clients.sql.rows import Result
from pytest_mimic.errors import UnstorableOutcomeError

HOUSEKEEPING: ContextVar[bool] = ContextVar("mimic_sql_housekeeping", default=False)
"""Whether a pool takes a connection back: what is sent then is no call."""

FETCHED = "_psycopg2_fetched_rows"
"""Where SQLAlchemy 1.4 keeps the rows that psycopg2 has returned of many inserts."""

# What dialects of SQLAlchemy read of a connection, as a new one has it.
_NEW = {
    "autocommit": False,
    "broken": False,
    "closed": False,
    # As psycopg says it.
    "info": SimpleNamespace(transaction_status=0),
    "isolation_level": None,
    "notices": (),
}
# How an error names a value of a row, or a part of it.
_VALUE = re.compile(r"rows\[\d+\]\.(?P<column>[^.:\[]+)")
# They close what was opened for real.
_ENDS = ("close", "terminate")
# What a stand-in for a cursor has for itself.
_OF_CURSOR = frozenset(
    "arraysize connection context description lastrowid rowcount".split()
)


class OwnOfDriverError(UnstorableOutcomeError, AttributeError):
    """What only a driver has was used, to which a replay would have no answer."""


class StandInConnection:
    """Stands in for a driver's connection, or for SQLAlchemy's adapter of async ones.

    Args:
        port: Where its calls begin.
        pool: The pool that opens real connections.
        record: The pool's record of this one.
        database: What tells its database from others.
        real: A real connection that is open already.
    """

    def __init__(
        self, port: Port, pool: Any, record: Any, database: str, real: Any = None
    ) -> None:
        self._port = port
        self._pool = pool
        self._record = record
        self._numbered = {"database": database}
        self._settings: dict[str, Any] = {}
        # What sets a real connection up when it is opened.
        self._prepared: list[Callable[[Any], object]] = []
        # Whether a log has a call of this transaction.
        self._has_asked = False
        # Whether a dialect has begun it where no real connection was open.
        self._has_begun = False
        self._dialect = pool._dialect
        self._real = real

    def open(self) -> Any:
        """Return the real connection; events of its pool set up a new connection."""
        if self._real is None:
            real = self._pool._invoke_creator(self._record)
            dispatch = self._pool.dispatch
            events = dispatch.connect.for_modify(dispatch)
            try:
                with self.in_pool(real):
                    events._exec_w_sync_on_first_run(real, self._record)
                for prepare in self._prepared:
                    prepare(real)
                if self._has_begun:
                    real.begin()
            except BaseException:
                real.close()
                raise
            self._real = real
        return self._real

    @contextmanager
    def in_pool(self, real: Any) -> Iterator[Any]:
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

    def open_or_fail(self) -> None:
        """Let a database that cannot be reached fail where it does: here.

        Only a failure is a call, since a pool may connect as often as it likes.
        """
        request = {"statement": "CONNECT"}
        if self._port.has_next(request, numbered=self._numbered):
            self.call(request, self._connect)
        elif self._port.will_run():
            try:
                self.open()
            except Exception as error:
                self.call(request, partial(_fail, error))

    def _connect(self) -> Result:
        self.open()
        return Result()

    def call(self, request: Plain, run: Callable[[], Result]) -> Result:
        """Replay a call, or run and record it, and return its result.

        Args:
            request: What is asked.
            run: Asks the real database.

        Raises:
            BaseException: The error of the driver.
        """
        if HOUSEKEEPING.get():
            return Result() if self._real is None else run()
        if self._undoes_what_missed(request):
            return Result()
        exchange = self._port.begin(request, numbered=self._numbered)
        if exchange is None:
            return run()
        # It decides which objects a session of the ORM has to ask for again.
        self._port.run.collector.wait()
        if exchange.call.in_log:
            self._has_asked = True
        if exchange.mode == "replay":
            return self._replayed(exchange)
        outcome: Result | Exception
        with exchange.running():
            try:
                outcome = run()
            except MimicError:
                raise
            except Exception as error:
                outcome = error
        sent = self._answer_of(outcome, request, exchange)
        if exchange.hangs:
            exchange.finish(sent)
            return self._replayed(exchange)

        def build(answer: Plain) -> Result | Exception:
            return outcome if answer is sent else self._made(answer)

        result: Result = exchange.finish(sent, build)
        return result

    def _undoes_what_missed(self, request: Plain) -> bool:
        """Return whether a rollback has no recording since its test has missed."""
        port = self._port
        return (
            port.run.test_owner.findings.has_missed
            and request["statement"].startswith("ROLLBACK")
            and port.replays
            and not port.has_next(request, numbered=self._numbered)
        )

    def _replayed(self, exchange: Exchange) -> Result:
        is_task = self._dialect.is_async
        replayed = exchange.replay_async(self._made, is_task=is_task)
        result: Result = self._awaited(replayed)
        return result

    def _awaited(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if not self._dialect.is_async:
            return at_once(coroutine)
        # An async dialect has loaded what it needs of asyncio.
        from sqlalchemy.util import await_only

        return await_only(coroutine)

    def _answer_of(
        self, outcome: Result | Exception, request: Plain, exchange: Exchange
    ) -> Plain:
        try:
            if isinstance(outcome, Exception):
                raised = rows.error_of(outcome)
                if _has_ended(self._real):
                    raised["closes"] = True
                return {"raised": raised}
            is_ordered = statements.read(request["statement"]).is_ordered
            return rows.answer_of(outcome, is_ordered=is_ordered)
        except UnstorableOutcomeError as error:
            way = "name the function around it in mimic_functions", ""
            value = _VALUE.match(error.facts[0])
            if value is not None:
                way = "read it as a text", f"cast({value['column']} AS text)"
            raise exchange.refuse(error.facts, [way]) from None

    def _made(self, answer: Plain) -> Result | Exception:
        if "raised" not in answer:
            return rows.result_of(answer)
        if answer["raised"].get("closes"):
            self._settings.update(closed=True, broken=True)
        return rows.made_error(answer["raised"])

    def cursor(self, *args: Any, **options: Any) -> StandInCursor:
        """Return a stand-in for a cursor."""
        return StandInCursor(self, lambda: self.open().cursor(*args, **options))

    def begin(self) -> None:
        """Begin a transaction, as few drivers have it: DuckDB."""
        self._has_begun = self._real is None
        if self._real is not None:
            self._real.begin()

    def commit(self) -> None:
        """Commit, which may fail, and so is a call after statements that are calls."""
        if self._has_asked:
            self.call({"statement": "COMMIT"}, self._commit)
        else:
            self._commit()
        self._has_asked = self._has_begun = False

    def _commit(self) -> Result:
        if self._real is not None:
            self._real.commit()
        return Result()

    def rollback(self) -> None:
        """Roll back what was done for real."""
        self._has_asked = self._has_begun = False
        if self._real is not None:
            self._real.rollback()

    @property
    def driver_connection(self) -> StandInConnection:
        """The driver's own connection, below SQLAlchemy's adapter of async drivers."""
        return self

    _connection = driver_connection

    def is_closed(self) -> bool:
        """Whether the connection has ended, as asyncpg says it."""
        if self._real is not None:
            return _has_ended(self._real)
        return bool(self._settings.get("closed"))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        self._settings[name] = value
        self._prepare(lambda real: setattr(real, name, value))

    def __getattr__(self, name: str) -> Any:
        if HOUSEKEEPING.get() or name in _ENDS:
            return _do_nothing if self._real is None else getattr(self._real, name)
        if name in self._settings:
            return self._settings[name]
        if name.startswith("set_"):
            # It sets a connection up.
            return lambda *args, **options: self._prepare(
                methodcaller(name, *args, **options)
            )
        if name not in _NEW:
            raise _own_of_driver(name)
        if self._real is not None:
            return getattr(self._real, name)
        level = getattr(self._dialect, "_on_connect_isolation_level", None)
        return level == "AUTOCOMMIT" if name == "autocommit" else _NEW[name]

    def _prepare(self, prepare: Callable[[Any], object]) -> None:
        """Set the real connection up, now or when it is opened."""
        if self._real is not None:
            prepare(self._real)
        else:
            self._prepared.append(prepare)


class StandInCursor:
    """Stands in for a driver's cursor. Results are read whole.

    Args:
        connection: The stand-in for its connection.
        create: Makes the driver's own.

    Attributes:
        context: SQLAlchemy's context of the execution; None: the application uses the
            cursor itself.
        description: The columns of the result, or None.
        rowcount: How many rows the statement has given or changed.
        lastrowid: The id of the inserted row.
    """

    description: Any = None
    rowcount = -1
    lastrowid: Any = None

    def __init__(
        self, connection: StandInConnection, create: Callable[[], Any]
    ) -> None:
        self.connection = connection
        self.context: Any = None
        self.arraysize = 1
        self._create = create
        self._real: Any = None
        self._sizes: tuple[Any, ...] = ()
        self._rows: Iterator[Any] = iter(())

    def execute(self, statement: Any, parameters: Any = None, *args: Any) -> Any:
        """Execute a statement."""
        given = () if parameters is None else (parameters,)
        execute = methodcaller("execute", statement, *given, *args)
        # A list would be many sets of them.
        is_list = isinstance(parameters, list)
        one = tuple(parameters) if is_list else parameters
        return self.execute_by(execute, statement, one)

    def executemany(self, statement: Any, parameters: Any, *args: Any) -> Any:
        """Execute a statement with each of several sets of parameters."""
        sets = [*parameters]
        execute = methodcaller("executemany", statement, sets, *args)
        return self.execute_by(execute, statement, sets)

    def execute_by(
        self, execute: Callable[[Any], object], statement: Any, parameters: Any
    ) -> StandInCursor:
        """Execute a statement in a way of its own.

        Args:
            execute: Executes it with the driver's cursor.
            statement: What it executes.
            parameters: With what.
        """

        def run() -> Result:
            real = self._open()
            if self._sizes:
                real.setinputsizes(*self._sizes)
            execute(real)
            return _read(real, self.context)

        request = request_of(str(statement), parameters, self.context)
        result = self.connection.call(request, run)
        self.description, rows, self.rowcount, self.lastrowid = result
        self._rows = iter(rows)
        self._sizes = ()
        return self

    def _open(self) -> Any:
        """Return the real cursor, with all that the application has set on this."""
        if self._real is None:
            self._real = self._create()
        for name, value in vars(self).items():
            if not name.startswith("_") and name not in _OF_CURSOR:
                setattr(self._real, name, value)
        return self._real

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some rows."""
        return [*islice(self._rows, size or self.arraysize)]

    def fetchall(self) -> list[Any]:
        """Return the rows that nobody has read."""
        return [*self._rows]

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def setinputsizes(self, *sizes: Any) -> None:
        """Tell the driver the types of the next statement's parameters."""
        self._sizes = sizes

    def setoutputsize(self, *_: Any) -> None:
        """Results are read whole."""

    def close(self) -> None:
        """Close the cursor."""
        if self._real is not None:
            self._real.close()

    async def _async_soft_close(self) -> None:
        if self._real is not None:
            await self._real._async_soft_close()

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        raise _own_of_driver(name)


def _read(cursor: Any, context: Any) -> Result:
    """Return the whole result of a real cursor, with rows that were read already."""
    lastrowid = getattr(cursor, "lastrowid", None)
    if cursor.description is None:
        return Result(None, (), cursor.rowcount, lastrowid)
    columns = [tuple(column) for column in cursor.description]
    rows = getattr(context, FETCHED, None)
    if rows is None:
        rows = cursor.fetchall()
    if context is not None:
        lastrowid = None  # SQLAlchemy takes it from the rows.
    return Result(columns, rows, cursor.rowcount, lastrowid)


def _has_ended(real: Any) -> bool:
    """Return whether a real connection has ended, as each driver says it."""
    inner = getattr(real, "_connection", None)
    is_closed = getattr(inner, "is_closed", None)
    if is_closed is not None and is_closed():
        return True
    return bool(getattr(real, "closed", False) or getattr(real, "broken", False))


def _own_of_driver(name: str) -> OwnOfDriverError:
    what = f"the driver's own `{name}` cannot be recorded"
    way = "name the function around it in mimic_functions"
    return OwnOfDriverError(what, (), [(way, "")])


def _fail(error: Exception) -> Result:
    raise error


def _do_nothing(*_: object, **__: object) -> None:
    """What a pool asks of a connection that was never opened."""

"""A stand-in for a driver's connection and cursors, by PEP 249.

It opens a real connection for the first statement that runs for real, so that a replay
needs none. Above the driver everything stays real: pool, events, ORM, types, results.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from pytest_mimic.client import Exchange, MimicError, Plain, Port
from pytest_mimic.clients.sql import rows, statements
from pytest_mimic.clients.sql.rows import Result
from pytest_mimic.errors import UnstorableOutcomeError

# What dialects of SQLAlchemy read of a connection, as a new one has it.
_NEW = {
    "autocommit": False,
    "broken": False,
    "closed": False,
    "isolation_level": None,
    "notices": (),
}
_IDLE = 0
"""The state of a connection without a transaction, as psycopg says it."""


class Source(Protocol):
    """Where a connection comes from, and how its statements are described."""

    port: Port
    dialect: Any
    database: str

    def open(self) -> Any:
        """Open a real connection, and let the pool's events set it up."""

    def holding(self, real: Any) -> AbstractContextManager[Any]:
        """Let the pool hold a real connection, and give it as engines do."""

    def described(self, text: object, parameters: object, context: object) -> Plain:
        """Return a statement as plain data."""


class StandInConnection:
    """Stands in for a driver's connection, or for SQLAlchemy's adapter of an async one.

    Args:
        source: Where a real one comes from.
        real: A real one that is open already.

    Attributes:
        is_resetting: Whether its pool uses it on its own account: that is no call.
    """

    source: Source
    real: Any
    is_resetting: bool
    settings: dict[str, Any]
    prepared: list[Callable[[Any], object]]

    def __init__(self, source: Source, real: Any = None) -> None:
        held = vars(self)
        held["source"] = source
        held["real"] = real
        held["is_resetting"] = False
        held["settings"] = {}
        # What sets a real connection up when it is opened.
        held["prepared"] = []

    def open(self) -> Any:
        """Return the real connection."""
        held = vars(self)
        if self.real is None:
            held["real"] = self.source.open()
            for prepare in self.prepared:
                prepare(self.real)
        return self.real

    def begin(self, request: Plain) -> Exchange | None:
        """Begin a call. None: it runs for real, and nobody looks at it."""
        if self.is_resetting:
            return None
        numbered = {"database": self.source.database}
        return self.source.port.begin(request, numbered=numbered)

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Return a stand-in for a cursor."""
        if self.is_resetting and self.real is not None:
            return self.real.cursor(*args, **options)
        return StandInCursor(self, args, options)

    def commit(self) -> None:
        """Commit, which may fail, and so is a call."""
        exchange = self.begin({"statement": "COMMIT"})
        if exchange is None:
            if self.real is not None:
                self.real.commit()
            return
        run_call(self, exchange, lambda: self.open().commit())

    def rollback(self) -> None:
        """Roll back what was done for real."""
        if self.real is not None:
            self.real.rollback()

    def close(self) -> None:
        """Close what was opened for real."""
        if self.real is not None:
            self.real.close()

    def terminate(self) -> None:
        """Close a real async connection without waiting."""
        if self.real is not None:
            self.real.terminate()

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection, below SQLAlchemy's adapter of an async one."""
        return self._connection if self.source.dialect.is_async else self

    @property
    def _connection(self) -> Any:
        return _Inner(self)

    def end(self) -> None:
        """Note that a recorded error has ended the connection."""
        vars(self)["settings"] = {"closed": True, "broken": True}

    def __setattr__(self, name: str, value: Any) -> None:
        self.settings[name] = value
        self._prepare(lambda real: setattr(real, name, value))

    def _prepare(self, prepare: Callable[[Any], object]) -> None:
        """Set the real connection up, now or when it is opened."""
        if self.real is not None:
            prepare(self.real)
        else:
            self.prepared.append(prepare)

    def __getattr__(self, name: str) -> Any:
        if self.is_resetting:
            return getattr(self.real, name) if self.real is not None else _do_nothing
        if name in self.settings:
            return self.settings[name]
        classes = _classes_of(self.source.dialect, "connection")
        if name.startswith("set_") and any(hasattr(one, name) for one in classes):
            return self._setter(name)
        if name in _NEW:
            return self._state(name)
        if name == "info":
            return _Info(self)
        return _refused(self.source, name, classes)

    def _state(self, name: str) -> Any:
        if self.real is not None:
            return getattr(self.real, name)
        level = getattr(self.source.dialect, "_on_connect_isolation_level", None)
        return level == "AUTOCOMMIT" if name == "autocommit" else _NEW[name]

    def _setter(self, name: str) -> Callable[..., None]:
        """Return a method of the driver that sets a connection up."""

        def setter(*args: Any, **options: Any) -> None:
            self._prepare(lambda real: getattr(real, name)(*args, **options))

        return setter


class _Inner:
    """Stands in for the connection of an async driver."""

    def __init__(self, outer: StandInConnection) -> None:
        self._outer = outer

    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        real = self._outer.real
        if real is not None:
            return bool(real._connection.is_closed())
        return bool(self._outer.settings.get("closed"))

    def __getattr__(self, name: str) -> Any:
        source = self._outer.source
        return _refused(source, name, _classes_of(source.dialect, "inner"))


class _Info:
    """Stands in for what psycopg tells of a connection."""

    def __init__(self, connection: StandInConnection) -> None:
        self._connection = connection

    @property
    def transaction_status(self) -> Any:
        """The state of the transaction."""
        real = self._connection.real
        return _IDLE if real is None else real.info.transaction_status

    def __getattr__(self, name: str) -> Any:
        raise _refusal(self._connection.source, f"info.{name}")


class StandInCursor:
    """Stands in for a driver's cursor.

    Args:
        connection: The stand-in for its connection.
        args: How the driver's own is made.
        options: The same by name.
    """

    connection: StandInConnection
    arraysize: int
    context: Any
    _made_by: tuple[Any, dict[str, Any]]
    _real: Any
    _settings: dict[str, Any]
    _result: Result
    _position: int
    _is_closed: bool
    _sizes: tuple[Any, ...] | None
    _passes: bool

    def __init__(
        self, connection: StandInConnection, args: Any, options: dict[str, Any]
    ) -> None:
        held = vars(self)
        held["connection"] = connection
        held["context"] = None
        held["arraysize"] = 1
        held["_made_by"] = (args, options)
        held["_real"] = None
        held["_settings"] = {}
        held["_result"] = Result()
        held["_position"] = 0
        held["_is_closed"] = False
        held["_sizes"] = None
        # Whether the rows are read from the real cursor: nobody records them.
        held["_passes"] = False

    def execute(self, statement: Any, parameters: Any = None, *args: Any) -> Any:
        """Execute a statement."""
        given = () if parameters is None else (parameters,)
        return self._run("execute", statement, parameters, (*given, *args))

    def executemany(self, statement: Any, parameters: Any, *args: Any) -> Any:
        """Execute a statement with each of several sets of parameters."""
        sets = [*parameters]
        return self._run("executemany", statement, sets, (sets, *args))

    def _run(
        self, method: str, statement: Any, parameters: Any, args: tuple[Any, ...]
    ) -> Any:
        connection = self.connection
        self._check_open()

        def run() -> Any:
            cursor = self._open()
            if self._sizes is not None:
                cursor.setinputsizes(*self._sizes)
            return getattr(cursor, method)(statement, *args)

        if connection.is_resetting:
            return run() if connection.real is not None else None
        request = connection.source.described(statement, parameters, self.context)
        exchange = connection.begin(request)
        vars(self)["_passes"] = exchange is None
        if exchange is None:
            return run()
        is_ordered = statements.read(request["statement"]).is_ordered
        result = run_call(
            connection, exchange, run, lambda: self._read(is_ordered=is_ordered)
        )
        vars(self).update(_result=result, _position=0)
        return self

    def _open(self) -> Any:
        """Return the real cursor."""
        held = vars(self)
        if self._real is None:
            args, options = self._made_by
            held["_real"] = self.connection.open().cursor(*args, **options)
            for name, value in self._settings.items():
                setattr(self._real, name, value)
        return self._real

    def _read(self, *, is_ordered: bool) -> Result:
        """Read the whole result of the real cursor."""
        real = self._real
        lastrowid = getattr(real, "lastrowid", None)
        if real.description is None:
            return Result(None, (), real.rowcount, lastrowid)
        columns = [tuple(column) for column in real.description]
        found = real.fetchall()
        return Result(columns, found, real.rowcount, lastrowid, is_ordered)

    @property
    def description(self) -> Any:
        """The columns of the result, or None."""
        return self._real.description if self._passes else self._result.columns

    @property
    def rowcount(self) -> Any:
        """How many rows the statement has given or changed."""
        return self._real.rowcount if self._passes else self._result.rowcount

    @property
    def lastrowid(self) -> Any:
        """The id of the inserted row."""
        return self._real.lastrowid if self._passes else self._result.lastrowid

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        if self._passes:
            return self._real.fetchone()
        return next(iter(self._take(1)), None)

    def fetchmany(self, size: int | None = None) -> Any:
        """Return some rows."""
        if self._passes:
            return self._real.fetchmany(size or self.arraysize)
        return self._take(size or self.arraysize)

    def fetchall(self) -> Any:
        """Return the rows that nobody has read."""
        if self._passes:
            return self._real.fetchall()
        return self._take(len(self._result.rows))

    def _take(self, count: int) -> list[Any]:
        self._check_open()
        start = self._position
        vars(self)["_position"] = start + count
        return [*self._result.rows[start : start + count]]

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def setinputsizes(self, *sizes: Any) -> None:
        """Tell the driver the types of the next statement's parameters."""
        vars(self)["_sizes"] = sizes

    def setoutputsize(self, *_: Any) -> None:
        """Results are read whole."""

    def close(self) -> None:
        """Close the cursor."""
        vars(self)["_is_closed"] = True
        if self._real is not None:
            self._real.close()

    async def _async_soft_close(self) -> None:
        if self._real is not None:
            await self._real._async_soft_close()

    def _check_open(self) -> None:
        # What an async cursor has read is there after its end, too.
        dialect = self.connection.source.dialect
        if self._is_closed and not dialect.is_async:
            raise dialect.dbapi.ProgrammingError("the cursor is closed")

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self)
        if name in held:
            held[name] = value
            return
        self._settings[name] = value
        if self._real is not None:
            setattr(self._real, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in self._settings:
            return self._settings[name]
        source = self.connection.source
        return _refused(source, name, _classes_of(source.dialect, "cursor"))


def run_call(
    connection: StandInConnection,
    exchange: Exchange,
    run: Callable[[], object],
    read: Callable[[], Result] = Result,
) -> Result:
    """Replay a call, or run and record it, and return its result.

    Args:
        connection: The connection.
        exchange: The call.
        run: Sends it for real.
        read: Reads its result.

    Raises:
        BaseException: The error of the driver.
    """
    if exchange.mode == "replay":
        _wait(connection, exchange)
        return _given(connection, exchange.given(_made))
    outcome: Result | Exception
    # A statement in a thread may outlive its test.
    exchange.progress(dict)
    try:
        with exchange.step.running():
            run()
            outcome = read()
    except MimicError as error:
        exchange.abandon(error)
        raise
    except Exception as error:
        outcome = error
    except BaseException as error:
        exchange.abandon(error)
        raise
    given = exchange.finish(_answer_of(connection, exchange, outcome))
    return _given(connection, outcome if exchange.mode == "run" else _made(given))


def _answer_of(
    connection: StandInConnection, exchange: Exchange, outcome: Result | Exception
) -> Plain:
    try:
        if isinstance(outcome, Exception):
            is_lost = _is_lost(connection.real)
            return {"raised": rows.error_of(outcome, closes=is_lost)}
        return rows.answer_of(outcome)
    except UnstorableOutcomeError as error:
        column = error.facts[0].partition(":")[0].rpartition(".")[2]
        way = "read it as a text", f"cast({column} AS text)"
        raise exchange.refuse(error.facts, [way]) from None


def _is_lost(real: Any) -> bool:
    """Return whether a real connection has ended, as each driver says it."""
    inner = getattr(real, "_connection", None)
    is_closed = getattr(inner, "is_closed", None)
    if is_closed is not None and is_closed():
        return True
    return bool(getattr(real, "closed", False) or getattr(real, "broken", False))


def _made(answer: Plain) -> Result | _Failure:
    if "raised" not in answer:
        return rows.result_of(answer)
    error = answer["raised"]
    return _Failure(rows.made_error(error), error.get("closes", False))


class _Failure(NamedTuple):
    """A recorded error, and whether it has ended its connection."""

    error: BaseException
    closes: bool


def _given(
    connection: StandInConnection, outcome: Result | _Failure | Exception
) -> Result:
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, _Failure):
        if outcome.closes:
            connection.end()
        raise outcome.error
    return outcome


def _wait(connection: StandInConnection, exchange: Exchange) -> None:
    """Return when a replayed call may end."""
    if not connection.source.dialect.is_async:
        exchange.step.wait()
        return
    from sqlalchemy.util import await_only  # its asyncio part is loaded by now

    await_only(exchange.step.wait_async())


# -- what only a driver has


def _refused(source: Source, name: str, classes: Iterable[Any]) -> Any:
    """Return what refuses a method of a driver when it is called.

    Raises:
        AttributeError: No driver's class has such a method.
    """
    members = [getattr(one, name, None) for one in classes]
    has_method = any(callable(one) and not isinstance(one, type) for one in members)
    if name.startswith("_") or not has_method:
        raise AttributeError(_words(name))

    def refuse(*_: object, **__: object) -> Any:
        raise _refusal(source, name)

    return refuse


def _refusal(source: Source, name: str) -> MimicError:
    way = "name the function around it in mimic_functions"
    error = UnstorableOutcomeError(_words(name), [], [(way, "")])
    source.port.run.note(error)
    return error


def _words(name: str) -> str:
    return f"the driver's own `{name}` cannot be recorded"


def _classes_of(dialect: Any, kind: str) -> list[Any]:
    """Return the classes of a driver's connections or cursors.

    Args:
        dialect: The dialect of SQLAlchemy above it.
        kind: `connection`, `cursor`, or `inner`: the connection below an adapter.
    """
    if kind == "inner":
        driver = sys.modules.get(dialect.driver.removesuffix("_async"))
        names = ["AsyncConnection", "Connection"]
        found = [getattr(driver, name, None) for name in names]
        return [one for one in found if one is not None][:1]
    if dialect.is_async:
        module = vars(sys.modules[type(dialect).__module__])
        return [
            member
            for name, member in module.items()
            if name.startswith("AsyncAdapt") and name.lower().endswith(f"_{kind}")
        ]
    dbapi = dialect.dbapi
    places = (dbapi, getattr(dbapi, "extensions", None))
    names = [kind, kind.title()]
    found = [getattr(place, name, None) for place in places for name in names]
    return [one for one in found if isinstance(one, type)]


def _do_nothing(*_: object, **__: object) -> None:
    """What a pool asks of a connection that was never opened."""

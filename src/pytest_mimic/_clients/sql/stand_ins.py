"""The stand-ins for a driver's connection, which is opened only when a call has to run, and for its cursors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.sql import outcomes
from pytest_mimic._clients.sql.statement_calls import UNNAMED, StatementCall, action
from pytest_mimic._core.redact.redactor import NO_NAMES, Redactor
from pytest_mimic._core.seam.base import recording
from pytest_mimic._core.seam.database_values import from_plain, to_plain
from pytest_mimic._core.seam.real_secrets import as_recorded, with_secrets
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic._core.engine.client_plan import Port
    from pytest_mimic._core.engine.steps import Step

# The state of a new connection, with any driver; SQLAlchemy's dialects read it.
_STATE = dict[str, Any](
    autocommit=False, broken=False, closed=False, isolation_level="", notices=()
)
_OWN = frozenset(
    ("port", "pool", "record", "place", "real", "resetting", "used", "dialect")
)


class StandInConnection:
    """The connection in a pool of SQLAlchemy, which uses it as if it were the driver's.

    It has the methods of PEP 249, and what can be set on the drivers' connections.
    Another attribute is an error, since its
    answer could not be replayed. The driver's connection is opened and set up, with the
    events of the pool, when it is needed.

    Attributes:
        port: The engine's port.
        place: Returns the number of the database in the test.
        real: The driver's connection, or SQLAlchemy's adapter of it; None while nothing
            had to run.
        resetting: The pool is taking it back: nothing that is sent is a call.
        used: Statements were sent since the last commit or rollback.
    """

    def __init__(
        self,
        port: Port,
        pool: Any,
        record: Any,
        place: Callable[[], int],
        real: Any = None,
    ) -> None:
        self.port, self.pool, self.record, self.place, self.real = (
            port,
            pool,
            record,
            place,
            real,
        )
        self.dialect = pool._dialect
        self.resetting = self.used = False
        # What was set, by name: functions that set it on the real connection.
        self._settings: dict[str, Callable[[Any], Any]] = {}
        self._lock = threading.RLock()

    def connect(self) -> Any:
        """Return the real connection.

        If it is not open, it is opened and set up as SQLAlchemy does it, and as this
        one is.
        """
        with self._lock:
            if self.real is None:
                record, events = self.record, self.pool.dispatch
                held, record.dbapi_connection = (
                    record.dbapi_connection,
                    self.pool._invoke_creator(record),
                )
                real = record.dbapi_connection
                try:
                    events.connect.for_modify(events)._exec_w_sync_on_first_run(
                        real, record
                    )
                except BaseException:
                    self.dialect.do_terminate(real)
                    raise
                finally:
                    record.dbapi_connection = held
                for configure in self._settings.values():
                    configure(real)
                self.real = real
        return self.real

    # -- PEP 249

    def cursor(self, *_: Any, **__: Any) -> StandInCursor:
        return StandInCursor(self)

    def commit(self) -> None:
        """Commit. This is a call, for it can fail."""
        was_used, self.used = self.used, False
        is_call = was_used and not self.resetting and self.port.taking()
        step = (
            self.port.begin(action("COMMIT", database=self.place()))
            if is_call
            else None
        )
        if step is None:
            self._end("commit")
            return
        if step.mode != "replay":
            with self.recording(step):
                self.connect().commit()
                step.finish({})
        if step.mode != "run":
            self.wait_as_recorded(step)
            self.raise_recorded(step.outcome())

    def rollback(self) -> None:
        """Roll back. This is no call, for nothing that is replayed depends on it."""
        self.used = False
        self._end("rollback")

    def close(self) -> None:
        self._end("close")
        self.real = None

    def terminate(self) -> None:
        self._end("terminate")
        self.real = None

    def ping(self, *args: Any) -> None:
        """Ask whether the connection is alive, as some pools do; it is while it is not there."""
        self._end("ping", *args)

    def _end(self, how: str, *args: Any) -> None:
        if self.real is not None:
            getattr(self.real, how)(*args)

    # -- additions of the drivers that SQLAlchemy uses

    @property
    def info(self) -> Any:
        """The state of psycopg's transaction: `IDLE` is 0, `INTRANS` is 2."""
        return SimpleNamespace(transaction_status=2 * self.used)

    @property
    def _connection(self) -> Any:
        """The connection of an async driver, of which SQLAlchemy asks whether it `is_closed`."""
        return (
            SimpleNamespace(is_closed=lambda: False)
            if self.real is None
            else self.real._connection
        )

    def __getattr__(self, name: str) -> Any:
        if name in _STATE:
            return getattr(self.real, name, _STATE[name])
        if name.startswith("set_"):
            return partial(self._configure, name)
        raise AttributeError(
            f"the driver's own `{name}` cannot be recorded; statements are, where SQLAlchemy sends them"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if not (name.startswith("_") or name in _OWN):
            self._set(name, lambda real: setattr(real, name, value))

    def _configure(self, method: str, *args: Any) -> None:
        """Call a method that sets something, `set_isolation_level`."""
        self._set(method, lambda real: getattr(real, method)(*args))

    def _set(self, name: str, configure: Callable[[Any], Any]) -> None:
        self._settings[name] = configure
        if self.real is not None:
            configure(self.real)

    # -- errors

    def recording(
        self, step: Step | None, secrets: list[str] | None = None
    ) -> AbstractContextManager[None]:
        """Return the block for a step that runs.

        It records errors about the call, not those of connecting or the machine.
        """

        def store(error: Exception) -> Any:
            kinds = (
                self.dialect.dbapi.Error,
                ValueError,
                TypeError,
                ArithmeticError,
                LookupError,
            )
            if (
                self.real is None
                or isinstance(error, MimicError)
                or not isinstance(error, kinds)
            ):
                return None
            return {
                "error": outcomes.store_error(error, self.port.redactor, secrets or ())
            }

        return recording(step, store)

    def wait_as_recorded(self, step: Step) -> None:
        """Wait if the recorded call did: until it is cancelled, or its test has ended."""
        if not step.waits:
            return
        if self.dialect.is_async:
            _awaited(step.wait_async())
        error = self.dialect.dbapi.OperationalError
        step.wait(lambda: error("the connection was closed"))

    def raise_recorded(self, outcome: dict[str, Any]) -> None:
        if "error" in outcome:
            raise outcomes.load_error(outcome["error"], self.dialect.dbapi)


# The attributes that a cursor has after a statement. Others are the application's, for
# the driver's cursor.
_OF_RESULT = frozenset(("connection", "description", "rowcount", "lastrowid", "names"))


class StandInCursor:
    """The cursor of a stand-in connection.

    SQLAlchemy uses it as if it were the driver's.

    A result is read whole, also that of a call that is left out, and of what would be a
    cursor on the server.

    Attributes:
        names: The names in the compiled statement, while SQLAlchemy executes one.
    """

    arraysize = 1

    def __init__(self, connection: Any) -> None:
        self.connection = connection  # a `StandInConnection`
        self.names = UNNAMED
        self._input_sizes: tuple[Any, ...] | None = None
        self._forget()

    def _forget(self) -> None:
        self.description: Sequence[Sequence[Any]] | None = None
        self.rowcount = -1
        self.lastrowid: Any = None
        self._rows: Iterator[Any] = iter(())

    # -- executing

    def execute(self, sql: Any, *args: Any, **options: Any) -> Any:
        return self._execute("execute", sql, args, options)

    def executemany(self, sql: Any, parameters: Any, *args: Any) -> Any:
        return self._execute("executemany", sql, (list(parameters), *args), {})

    def _execute(
        self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        connection, port, step = self.connection, self.connection.port, None
        call: Any = None
        self._forget()
        if connection.resetting and connection.real is None:
            return self
        if not connection.resetting and port.taking():
            with port.noting:
                call = StatementCall(
                    sql.decode() if isinstance(sql, bytes) else str(sql),
                    args[0] if args else None,
                    database=connection.place(),
                    redactor=port.redactor,
                    known=port.secrets_for(args[0] if args else None),
                    names=self.names,
                    many=kind == "executemany",
                )
                if not port.is_replaying:
                    given = [call.call.parts, str(sql), args[:1]]
                    port.secrets.send(call.secrets, given)
                step = port.begin(call.call)
        if not (connection.used or connection.resetting):
            connection.used = True
        if step is None:
            self._rows = iter(self._read(kind, sql, args, options))
            return self
        hidden = real = None
        if step.mode == "replay":
            _yield_once(connection.dialect)
        else:
            with port.noting, connection.recording(step, call.secrets):
                rows = self._read(kind, sql, args, options)
                issuer = step.call.issuer
                redactor = port.redactor.knowing(issuer.known, issuer)
                hidden = self._outcome(call, rows, redactor)
                if step.mode == "verify":
                    recorded = step.outcome(is_read_only=True)
                    hidden = as_recorded(recorded, hidden, issuer.known)
                step.finish(hidden)
                self._rows = iter(rows)
                if step.mode == "run":
                    return self
                real = self._outcome(call, rows, NO_NAMES)
        connection.wait_as_recorded(step)
        outcome = step.outcome(is_read_only=True)
        if real is not None:
            outcome = with_secrets(outcome, hidden, real)
        self._forget()
        connection.raise_recorded(outcome)
        self.rowcount = outcome.get("rowcount", -1)
        self.lastrowid = from_plain(outcome.get("lastrowid"))
        if "columns" in outcome:
            self.description = outcomes.load_columns(outcome["columns"])
            self._rows = iter(outcomes.load_rows(outcome["rows"]))
        return self

    def _read(
        self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Sequence[Any]:
        """Execute a statement for real, and return all rows of its result."""
        real = self.connection.connect().cursor()
        if self._input_sizes is not None:
            real.setinputsizes(*self._input_sizes)
        # asyncpg's adapter keeps the age of its cache in an attribute with an
        # underscore.
        for name, value in self.__dict__.items():
            if name == "_invalidate_schema_cache_asof" or not (
                name.startswith("_") or name in _OF_RESULT
            ):
                setattr(real, name, value)
        try:
            getattr(real, kind)(sql, *args, **options)
            rows: Sequence[Any] = real.fetchall() if real.description else ()
            self.description, self.rowcount = real.description, real.rowcount
            self.lastrowid = getattr(real, "lastrowid", None)
        finally:
            real.close()
        return rows

    def _outcome(
        self, call: StatementCall, rows: Sequence[Any], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the outcome as plain data. With `NO_NAMES`, it has its secrets."""
        outcome: dict[str, Any] = {}
        if self.description:
            names = [str(column[0]) for column in self.description]
            hidden = (
                [False] * len(names)
                if redactor is NO_NAMES
                else call.hidden_columns(names)
            )
            outcome["columns"] = outcomes.store_columns(self.description)
            outcome["rows"] = outcomes.store_rows(rows, names, hidden, redactor)
        if self.rowcount != -1:
            outcome["rowcount"] = self.rowcount
        if self.lastrowid is not None and call.call.signature.startswith(
            ("INSERT", "REPLACE")
        ):
            outcome["lastrowid"] = to_plain(self.lastrowid, "lastrowid")
        if len(rows) > 1 and call.is_unordered:
            outcome["unordered"] = True
        return outcome

    # -- reading

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> Any:
        return list(islice(self._rows, self.arraysize if size is None else size))

    def fetchall(self) -> Any:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def close(self) -> None:
        self._rows = iter(())

    async def _async_soft_close(self) -> None:
        """Do as the cursors of async drivers do: the result is here."""

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def setinputsizes(self, *sizes: Any) -> None:
        self._input_sizes = sizes


def _yield_once(dialect: Any) -> None:
    """Let the event loop run once: SQLAlchemy wants the statement of an async engine to have awaited something."""
    if dialect.is_async:
        import asyncio

        _awaited(asyncio.sleep(0))


def _awaited(awaitable: Any) -> Any:
    """Await something in the event loop around a statement."""
    from sqlalchemy.util import concurrency

    # It has another name since SQLAlchemy 2.1.
    waiting: Any = getattr(concurrency, "await_", None) or concurrency.await_only
    return waiting(awaitable)

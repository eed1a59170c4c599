"""The stand-ins for a driver's connection and for its cursors.

The connection is opened only when a call has to run.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.sql import rows_and_errors
from pytest_mimic._clients.sql.driver_rules import (
    ConnectionInfo,
    CursorRules,
    InnerConnection,
    classes_of_driver,
    cursor_rules,
    has_method,
    info_classes,
    inner_classes,
    state_after_error,
)
from pytest_mimic._clients.sql.statement_calls import UNNAMED, StatementCall, action
from pytest_mimic.client import (
    NO_REDACTION,
    MimicError,
    Redactor,
    UnstorableOutcomeError,
    as_recorded,
    from_plain,
    recording,
    to_plain,
    with_secrets,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic.client import Port, Step

# Two values of `psycopg.pq.TransactionStatus`.
_IDLE = 0
_IN_TRANSACTION = 2
# What SQLAlchemy's dialects read of a driver's connection, as it is of a new one. It
# is the answer before the connection is open, and of a driver without the attribute.
_STATE_OF_NEW_CONNECTION: dict[str, Any] = {
    "autocommit": False,
    "broken": False,
    "closed": False,
    "isolation_level": "",
    "notices": (),
}
# The attributes that only a stand-in has: to set one sets nothing on the driver's
# connection.
_OWN_ATTRIBUTES = frozenset(
    "port pool pool_record database_number real resetting used dialect"
    " state_when_lost".split()
)

# The options of a driver's `cursor` that are classes: of the cursor, or of its rows.
_OPTIONS_WITH_FACTORIES = ("cursor_factory", "row_factory", "factory")


class StandInConnection:
    """The connection in a pool of SQLAlchemy, which uses it as if it were the driver's.

    It has the methods of PEP 249, and what can be set on the drivers' connections.
    Another attribute is an error, since its answer could not be replayed. The driver's
    connection is opened and set up, with the events of the pool, when it is needed.

    Attributes:
        port: The engine's port.
        database_number: Returns the number of the database in the test.
        real: The driver's connection, or SQLAlchemy's adapter of it; None while nothing
            had to run.
        resetting: Whether the pool is taking the connection back: nothing that is sent
            then is a call.
        used: Whether statements were sent since the last commit or rollback.
        state_when_lost: The state of a driver's connection that a replayed error has
            ended, `{"closed": 2}`; empty while no error has ended it. SQLAlchemy reads
            it by the attributes of the connection, and then drops the connection.
    """

    def __init__(
        self,
        port: Port,
        pool: Any,
        pool_record: Any,
        database_number: Callable[[], int],
        real: Any = None,
    ) -> None:
        self.port = port
        self.pool = pool
        self.pool_record = pool_record
        self.database_number = database_number
        self.real = real
        self.dialect = pool._dialect
        self.resetting = False
        self.used = False
        self.state_when_lost: dict[str, Any] = {}
        # By the name of what an application has set: the function that sets it on the
        # real connection, once that is open.
        self._setters_by_name: dict[str, Callable[[Any], Any]] = {}
        self._lock = threading.RLock()

    def connect(self) -> Any:
        """Return the real connection.

        If it is not open, it is opened and set up as SQLAlchemy does it, and as this
        one is.
        """
        with self._lock:
            if self.real is None:
                self.real = self._opened_connection()
        return self.real

    def _opened_connection(self) -> Any:
        """Return a real connection, opened with its events as the pool does it."""
        pool_record = self.pool_record
        events = self.pool.dispatch
        # The listeners get the real connection from the pool's record. Then the record
        # has its stand-in again.
        stand_in = pool_record.dbapi_connection
        pool_record.dbapi_connection = self.pool._invoke_creator(pool_record)
        real = pool_record.dbapi_connection
        try:
            listeners = events.connect.for_modify(events)
            listeners._exec_w_sync_on_first_run(real, pool_record)
        except BaseException:
            # A listener of the application refuses the connection, so nobody gets it.
            self.dialect.do_terminate(real)
            raise
        finally:
            pool_record.dbapi_connection = stand_in
        # What was set on this stand-in so far, such as `autocommit`.
        for configure in self._setters_by_name.values():
            configure(real)
        return real

    def open(self) -> None:
        """Connect as the pool wants it: for real where the test is recorded.

        An error of connecting is a call, `CONNECT`, with the number of the connection
        in its test. A connection that opens is none: how many a test opens depends on
        what the pool holds from tests before it.

        Raises:
            Exception: The driver's error, a real or a recorded one.
        """
        port = self.port
        database = self.database_number()
        # No two connections of a test are one call.
        number = port.next_ordinal(f"connections of database {database}")
        call = action("CONNECT", database=database, params={"number": number})
        if port.is_recorded(call):
            step = port.begin(call)
            if step is not None:
                self._open_as_recorded(step)
            return
        if not port.opens():
            # The test is replayed: the connection is opened if a statement has to run.
            return
        try:
            self.connect()
        except Exception as error:
            outcome = self.stored_error(error, is_connecting=True)
            if outcome is not None:
                step = port.begin(call)
                if step is not None:
                    step.finish(outcome)
            raise

    def _open_as_recorded(self, step: Step) -> None:
        """Replay, record or verify an error of connecting."""
        if step.mode != "replay":
            with recording(step, partial(self.stored_error, is_connecting=True)):
                self.connect()
                step.finish({})
        if step.mode != "run":
            self.raise_if_error(step.outcome())

    # -- PEP 249

    def cursor(self, *args: Any, **options: Any) -> StandInCursor:
        """Return a cursor.

        The class of the cursor and that of its rows may be given, as drivers take them.

        A name, for a cursor on the server, is left out: results are read whole.
        """
        factories = list(filter(callable, args))
        factories_by_name = {}
        for name, factory in options.items():
            if name in _OPTIONS_WITH_FACTORIES and factory is not None:
                factories_by_name[name] = factory
        return StandInCursor(self, factories, factories_by_name)

    def commit(self) -> None:
        """Commit. This is a call, for it can fail."""
        was_used = self.used
        self.used = False
        step = None
        # A commit of nothing changes nothing, and is no call.
        if was_used and not self.resetting and self.port.taking():
            step = self.port.begin(action("COMMIT", database=self.database_number()))
        if step is None:
            self._call_if_open("commit")
            return
        if step.mode != "replay":
            with self.recording(step):
                self.connect().commit()
                step.finish({})
        if step.mode != "run":
            self.wait_as_recorded(step)
            self.raise_if_error(step.outcome())

    def rollback(self) -> None:
        """Roll back. This is no call, for nothing that is replayed depends on it."""
        self.used = False
        self._call_if_open("rollback")

    def close(self) -> None:
        """Close the real connection, if it was ever opened."""
        self._call_if_open("close")
        self.real = None

    def terminate(self) -> None:
        """Close without waiting, as SQLAlchemy asks of the drivers of asyncio.

        Its pool terminates a connection that it gives up, and closes all others.
        """
        self._call_if_open("terminate")
        self.real = None

    def ping(self, *args: Any) -> None:
        """Ask whether the connection is alive, as some pools do.

        A connection that was not opened yet counts as alive: no error is raised.
        """
        self._call_if_open("ping", *args)

    def _call_if_open(self, method: str, *args: Any) -> None:
        """Call a method of the driver's connection, such as `rollback`.

        Nothing happens if none is open.
        """
        if self.real is not None:
            getattr(self.real, method)(*args)

    # -- additions of the drivers that SQLAlchemy uses

    @property
    def info(self) -> Any:
        """The attribute of psycopg's connections that tells the transaction's state.

        SQLAlchemy reads it to see whether a transaction is open.
        """
        status = _IDLE
        if self.used:
            status = _IN_TRANSACTION
        return ConnectionInfo(status, self._attribute_of_info)

    def _attribute_of_info(self, name: str) -> Any:
        """Return what psycopg's `info` tells, where nothing is recorded.

        Raises:
            UnstorableOutcomeError: The attribute is read where calls are recorded. It
                is no method, so that reading it is the call.
        """
        is_private = name.startswith("_")
        classes = info_classes(self.dialect)
        if is_private or not any(hasattr(info_class, name) for info_class in classes):
            raise _no_attribute_of_driver(name)
        if self.is_passing():
            # What is sent now is no call, so that the real connection answers.
            return getattr(self.connect().info, name)
        with self.port.noting:
            raise _refused_of_driver(f"info.{name}")

    @property
    def _connection(self) -> Any:
        """The connection of an async driver.

        SQLAlchemy asks whether it `is_closed`.
        """
        state = self.state_when_lost
        # A replayed error has ended the connection; else the real one tells its state.
        if self.real is not None and not state:
            if self.is_passing():
                return self.real._connection
            state = state_after_error(self.real)

        def find_attribute(name: str) -> Any:
            """Return what refuses a method of the async driver's own connection."""
            return self.method_of_driver(
                name, inner_classes(self.dialect), lambda: self.connect()._connection
            )

        return InnerConnection(state, find_attribute)

    def is_passing(self) -> bool:
        """Return whether what is sent now is no call, as while the pool works."""
        return self.resetting or not self.port.taking()

    def method_of_driver(
        self, name: str, classes: Sequence[Any], find_owner: Callable[[], Any]
    ) -> Callable[..., Any]:
        """Return what stands for a method that only the driver's own object has.

        Libraries look for methods that they may not call. So the error of a method that
        the driver has is raised when the method is called.

        Args:
            name: The method, `copy_expert`.
            classes: The classes of the driver's object.
            find_owner: Returns the driver's object.

        Raises:
            AttributeError: The driver has no such method.
        """
        if not has_method(classes, name):
            raise _no_attribute_of_driver(name)

        def method_or_error(*args: Any, **options: Any) -> Any:
            if not self.is_passing():
                with self.port.noting:
                    raise _refused_of_driver(name)
            if self.resetting and self.real is None:
                # The pool takes back what was never opened.
                return None
            return getattr(find_owner(), name)(*args, **options)

        return method_or_error

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the driver's connection, which this class lacks.

        | attribute | returned |
        |---|---|
        | of its state, `closed` | as the connection tells it, or that of a new one |
        | `set_isolation_level` and the like | what sets it now, or once it is open |
        | another method, `backup` | what raises an error when it is called |
        """
        if name in _STATE_OF_NEW_CONNECTION:
            if name in self.state_when_lost:
                return self.state_when_lost[name]
            if name == "autocommit" and self.real is None:
                # The engine's level is set by an event, which waits for the driver's
                # connection.
                return self.dialect._on_connect_isolation_level == "AUTOCOMMIT"
            # Before the connection is open, `self.real` is None, which has no such
            # attribute.
            return getattr(self.real, name, _STATE_OF_NEW_CONNECTION[name])
        if name.startswith("set_"):
            return partial(self._configure, name)
        if name.startswith("_") or name in _OWN_ATTRIBUTES:
            # A stand-in without `__init__`, as `copy` makes one, has no dialect.
            raise _no_attribute_of_driver(name)
        classes = classes_of_driver(self.dialect, "Connection")
        return self.method_of_driver(name, classes, self.connect)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, `autocommit`, on the real connection, too."""
        object.__setattr__(self, name, value)
        is_of_stand_in = name.startswith("_") or name in _OWN_ATTRIBUTES
        if is_of_stand_in:
            # The driver's connection has no such attribute.
            return

        def configure(real: Any) -> None:
            """Set the attribute on the driver's connection."""
            setattr(real, name, value)

        self._set_now_or_later(name, configure)

    def _configure(self, method: str, *args: Any) -> None:
        """Call a method that sets something on a connection, `set_isolation_level`."""

        def configure(real: Any) -> None:
            getattr(real, method)(*args)

        self._set_now_or_later(method, configure)

    def _set_now_or_later(self, name: str, configure: Callable[[Any], Any]) -> None:
        """Set something on the real connection, now or once it is open.

        Args:
            name: The attribute or method that sets it. The last setting of a name wins.
            configure: Sets it on the connection that is given.
        """
        self._setters_by_name[name] = configure
        if self.real is not None:
            configure(self.real)

    # -- errors

    def recording(
        self, step: Step | None, secrets: list[str] | None = None
    ) -> AbstractContextManager[None]:
        """Return the block for a step that runs.

        The block records errors about the call, not those of connecting or the machine.
        """
        return recording(step, partial(self.stored_error, secrets=secrets or ()))

    def stored_error(
        self,
        error: Exception,
        *,
        secrets: Sequence[str] = (),
        is_connecting: bool = False,
    ) -> dict[str, Any] | None:
        """Return an error as an outcome, with what it did to the connection.

        None: the error is no outcome, and is not recorded.
        """
        recorded_classes = (self.dialect.dbapi.Error, *rows_and_errors.ERRORS_OF_PYTHON)
        if is_connecting:
            # asyncpg raises the errors of the network as they are.
            errors_of_driver = _errors_of_driver(self.dialect)
            recorded_classes = (*recorded_classes, OSError, *errors_of_driver)
        elif self.real is None:
            # The connection was not opened: the error is not the statement's.
            return None
        if isinstance(error, MimicError) or not isinstance(error, recorded_classes):
            return None
        redactor = self.port.redactor
        outcome: dict[str, Any] = {
            "error": rows_and_errors.store_driver_error(error, redactor, secrets)
        }
        # None: connecting itself has failed.
        if self.real is not None:
            state = state_after_error(self.real)
            if state:
                outcome["connection"] = state
        return outcome

    def wait_as_recorded(self, step: Step) -> None:
        """Wait if the recorded call did.

        The wait ends when the call is cancelled, or when its test has ended.
        """
        if not step.waits:
            return
        # The recorded statement got no answer: it was cancelled, or its test ended.
        if self.dialect.is_async:
            _await_now(step.wait_async())
        error_when_closed = partial(
            self.dialect.dbapi.OperationalError, "the connection was closed"
        )
        step.wait(error_when_closed)

    def raise_if_error(self, outcome: dict[str, Any]) -> None:
        """Raise the recorded error if an outcome is one; else return."""
        if "error" in outcome:
            self.state_when_lost = outcome.get("connection", {})
            raise rows_and_errors.load_driver_error(
                outcome["error"],
                self.dialect.dbapi,
                errors_of_driver=_errors_of_driver(self.dialect),
            )


def _no_attribute_of_driver(name: str) -> AttributeError:
    """Return the error of an attribute that only the driver's own object may have."""
    return AttributeError(
        f"{_not_recordable(name)}. Name the function that calls it in mimic_functions"
    )


def _refused_of_driver(name: str) -> UnstorableOutcomeError:
    """Return the error of a call that only the driver's own object can answer."""
    return UnstorableOutcomeError(
        _not_recordable(name),
        remedies=["name the function that calls it in mimic_functions"],
        path=name,
    )


def _not_recordable(name: str) -> str:
    """Return why what only the driver's own object has is refused."""
    return (
        f"the driver's own `{name}` cannot be recorded; statements are, where"
        " SQLAlchemy sends them"
    )


def _errors_of_driver(dialect: Any) -> tuple[type[Exception], ...]:
    """Return the classes of the errors that an async driver raises.

    The driver raises them below SQLAlchemy's adapter of the driver.
    """
    driver = sys.modules.get(dialect.driver)
    error_classes: list[type[Exception]] = []
    # These are the names of asyncpg.
    for class_name in ("PostgresError", "InterfaceError"):
        error_class = getattr(driver, class_name, None)
        if isinstance(error_class, type):
            error_classes.append(error_class)
    return tuple(error_classes)


# The attributes that a cursor has after a statement. Others are the application's, for
# the driver's cursor.
_ATTRIBUTES_OF_RESULT = frozenset(
    ("connection", "description", "rowcount", "lastrowid", "names", "closed")
)


class StandInCursor:
    """The cursor of a stand-in connection.

    SQLAlchemy uses it as if it were the driver's. A result is read whole, also that of
    a call that is left out, and of what would be a cursor on the server.

    Attributes:
        names: The names in the compiled statement, while SQLAlchemy executes one. The
            adapter sets them, and what is secret is found by them.
        closed: Whether the cursor was closed.
    """

    # How many rows `fetchmany` returns, unless the application says so (PEP 249).
    arraysize = 1

    def __init__(
        self,
        connection: StandInConnection,
        factories: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.connection: Any = connection
        self.names = UNNAMED
        self.closed = False
        self._factories = factories
        self._options = options or {}
        self._input_sizes: tuple[Any, ...] | None = None
        self._is_used = False
        self._forget_result()

    @property
    def _rules(self) -> CursorRules:
        """What the driver refuses at a closed cursor, or at one without a result."""
        return cursor_rules(self.connection.dialect)

    def _forget_result(self) -> None:
        """Have no result, as before the first statement of this cursor."""
        self.description: Sequence[Sequence[Any]] | None = None
        self.rowcount = -1
        self.lastrowid: Any = None
        self._rows: Iterator[Any] = iter(())

    def __getattr__(self, name: str) -> Any:
        """Return what refuses a method of the driver's own cursor, `copy_expert`."""
        if name.startswith("_") or name == "connection":
            # A cursor without `__init__`, as `copy` makes one, has no connection.
            raise _no_attribute_of_driver(name)
        connection = self.connection
        classes = classes_of_driver(connection.dialect, "Cursor")
        return connection.method_of_driver(name, classes, self._real_cursor)

    def _real_cursor(self) -> Any:
        """Return a new cursor of the driver, as this one is."""
        return self.connection.connect().cursor(*self._factories, **self._options)

    # -- executing

    def execute(self, sql: Any, *args: Any, **options: Any) -> Any:
        """Execute a statement, whose parameters are the first of `args` (PEP 249)."""
        return self._execute("execute", sql, args, options)

    def executemany(self, sql: Any, parameters: Any, *args: Any) -> Any:
        """Execute a statement for each of several sets of parameters, as one call."""
        return self._execute("executemany", sql, (list(parameters), *args), {})

    def _execute(
        self,
        cursor_method: str,
        sql: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        """Execute a statement for real, or take over its recorded result.

        Args:
            cursor_method: The method of the driver's cursor, `execute` or
                `executemany`.
            sql: The statement.
            args: The parameters, first, and what else the driver takes.
            options: What the driver takes by keyword.
        """
        connection = self.connection
        port = connection.port
        self._refuse_closed()
        self._forget_result()
        self._is_used = True
        if connection.resetting and connection.real is None:
            # The pool resets a connection that was never opened.
            return self
        # Both stay None for a statement that nothing mimics.
        call = None
        step = None
        if not connection.resetting and port.taking():
            call = self._call_of_statement(cursor_method, sql, args)
            with port.noting:
                if not port.is_replaying:
                    # Later answers may repeat what is sent here.
                    request = [call.call.parts, str(sql), args[:1]]
                    port.secrets.send(call.secrets, request)
                step = port.begin(call.call)
        if not connection.resetting and not connection.used:
            # The next commit is a call.
            connection.used = True
        if call is None or step is None:
            # The statement is left out, or is the pool's own: it runs for real.
            self._rows = iter(self._read(cursor_method, sql, args, options))
            return self
        # The outcome of a real statement, which is recorded or compared without its
        # secrets. Both stay None in a replay.
        outcome_without_secrets = None
        outcome_with_secrets = None
        if step.mode == "replay":
            _yield_once(connection.dialect)
        else:
            with port.noting, connection.recording(step, call.secrets):
                rows = self._read(cursor_method, sql, args, options)
                issuer = step.call.issuer
                redactor = port.redactor.knowing(issuer.known, issuer)
                outcome_without_secrets = self._outcome(call, rows, redactor)
                if step.mode == "verify":
                    # Other secrets at the places of recorded ones are no drift.
                    recorded_outcome = step.outcome(is_read_only=True)
                    outcome_without_secrets = as_recorded(
                        recorded_outcome, outcome_without_secrets, issuer.known
                    )
                step.finish(outcome_without_secrets)
                self._rows = iter(rows)
                if step.mode == "run":
                    return self
                outcome_with_secrets = self._outcome(call, rows, NO_REDACTION)
            self._forget_result()
        connection.wait_as_recorded(step)
        outcome = step.outcome(is_read_only=True)
        if outcome_with_secrets is not None:
            # The real secrets are needed for the next real statement.
            outcome = with_secrets(
                outcome, outcome_without_secrets, outcome_with_secrets
            )
        self._take_over(outcome)
        return self

    def _call_of_statement(
        self, cursor_method: str, sql: Any, args: tuple[Any, ...]
    ) -> StatementCall:
        """Return the call that a statement with its parameters is."""
        port = self.connection.port
        parameters = None
        if args:
            parameters = args[0]
        with port.noting:
            text = str(sql)
            if isinstance(sql, bytes):
                text = sql.decode()
            call = StatementCall(
                text,
                parameters,
                database=self.connection.database_number(),
                redactor=port.redactor,
                secrets_of_test=port.secrets_for(parameters),
                names=self.names,
                many=cursor_method == "executemany",
            )
        # A driver refuses such a parameter as well, and code may go on then: pandas
        # offers a query as the name of a table first. So the test does not fail for it.
        if call.refused_parameter is not None:
            raise call.refused_parameter
        return call

    def _read(
        self,
        cursor_method: str,
        sql: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Sequence[Any]:
        """Execute a statement for real, and return all rows of its result."""
        real_cursor = self._real_cursor()
        if self._input_sizes is not None:
            real_cursor.setinputsizes(*self._input_sizes)
        self._configure(real_cursor)
        try:
            getattr(real_cursor, cursor_method)(sql, *args, **options)
            rows: Sequence[Any] = ()
            if real_cursor.description:
                rows = real_cursor.fetchall()
            self.description = real_cursor.description
            self.rowcount = real_cursor.rowcount
            self.lastrowid = getattr(real_cursor, "lastrowid", None)
        finally:
            real_cursor.close()
        return rows

    def _configure(self, real_cursor: Any) -> None:
        """Set at the driver's cursor what the application has set at this one."""
        for name, value in self.__dict__.items():
            # asyncpg's adapter keeps the age of its cache in an attribute with an
            # underscore.
            is_age = name == "_invalidate_schema_cache_asof"
            is_of_stand_in = name.startswith("_") or name in _ATTRIBUTES_OF_RESULT
            if is_age or not is_of_stand_in:
                setattr(real_cursor, name, value)

    def _outcome(
        self, call: StatementCall, rows: Sequence[Any], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the outcome of a statement as plain data, as it is recorded.

        With `NO_REDACTION`, it has its secrets.
        """
        outcome: dict[str, Any] = {}
        # A statement without a result, such as an UPDATE, has no description.
        if self.description:
            outcome.update(self._result(call, rows, redactor))
        if self.rowcount != -1:
            outcome["rowcount"] = self.rowcount
        is_insert = call.call.signature.startswith(("INSERT", "REPLACE"))
        if self.lastrowid is not None and is_insert:
            outcome["lastrowid"] = to_plain(self.lastrowid, "lastrowid")
        if len(rows) > 1 and call.is_unordered:
            # `SqlAdapter.comparable` reads it: another order is no drift.
            outcome["unordered"] = True
        return outcome

    def _result(
        self, call: StatementCall, rows: Sequence[Any], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the columns and the rows, and the class of rows that are no tuples."""
        assert self.description is not None
        column_names = [str(column[0]) for column in self.description]
        columns = rows_and_errors.store_description(self.description)
        hidden_columns: Sequence[rows_and_errors.Hidden] = [False] * len(column_names)
        # With `NO_REDACTION`, verifying takes the real secrets from the result.
        if redactor is not NO_REDACTION:
            hidden_columns = call.hidden_columns(column_names)
            for column in columns:
                column[0] = call.shown_name(column[0])
        result_rows = rows_and_errors.Rows(rows, column_names)
        result_rows.store(hidden_columns, redactor)
        result: dict[str, Any] = {"columns": columns, "rows": result_rows.stored_rows}
        if result_rows.stored_class is not None:
            result["row"] = result_rows.stored_class
        if result_rows.classes:
            result["imports"] = sorted(result_rows.classes)
        return result

    def _take_over(self, outcome: dict[str, Any]) -> None:
        """Take over a recorded result, which is read next, or raise the error."""
        self.connection.raise_if_error(outcome)
        self.rowcount = outcome.get("rowcount", -1)
        self.lastrowid = from_plain(outcome.get("lastrowid"))
        if "columns" in outcome:
            self.description = rows_and_errors.load_description(outcome["columns"])
            self._rows = iter(rows_and_errors.load_rows(outcome))

    # -- reading

    def fetchone(self) -> Any:
        """Return the next row of the result, real or recorded; None behind the last."""
        return next(self._rows_left(), None)

    def fetchmany(self, size: int | None = None) -> Any:
        if size is None:
            size = self.arraysize
        return list(islice(self._rows_left(), size))

    def fetchall(self) -> Any:
        return list(self._rows_left())

    def __iter__(self) -> Iterator[Any]:
        return self._rows_left()

    def _rows_left(self) -> Iterator[Any]:
        """Return the rows of the result that were not read yet.

        Raises:
            Exception: The driver's error for a cursor that is closed, or has no result.
        """
        if self.closed:
            if self._rules.guards_reading:
                self._refuse_closed()
        elif self.description is None and not self.connection.resetting:
            refusal = self._rules.empty
            if not self._is_used and self._rules.unused is not None:
                refusal = self._rules.unused
            if refusal is not None:
                raise refusal.error(self.connection.dialect.dbapi)
        return self._rows

    # -- closing

    def close(self) -> None:
        """Close the cursor: a driver may refuse to execute or read with it then."""
        self.closed = True
        self._rows = iter(())

    def _refuse_closed(self) -> None:
        """Raise what the driver raises, if anything, for a closed cursor."""
        if self.closed and self._rules.closed is not None:
            raise self._rules.closed.error(self.connection.dialect.dbapi)

    async def _async_soft_close(self) -> None:
        """Do as the cursors of async drivers do: the result is here."""

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def setinputsizes(self, *sizes: Any) -> None:
        """Keep the types of parameters, for the driver's cursor of a real statement."""
        self._input_sizes = sizes


def _yield_once(dialect: Any) -> None:
    """Let the event loop run once.

    SQLAlchemy wants the statement of an async engine to have awaited something.
    """
    if dialect.is_async:
        import asyncio

        _await_now(asyncio.sleep(0))


def _await_now(awaitable: Any) -> Any:
    """Await something from code that runs in a greenlet of SQLAlchemy, and return it.

    Such code is no coroutine: the event loop runs outside of the greenlet.
    """
    from sqlalchemy.util import concurrency

    # The function `await_only` is called `await_` since SQLAlchemy 2.1.
    await_in_greenlet: Any = (
        getattr(concurrency, "await_", None) or concurrency.await_only
    )
    return await_in_greenlet(awaitable)

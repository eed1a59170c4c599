"""A line to a database that is opened only when a call has to run, and what was replayed on it until then."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.boundaries.sql.calls import Sent, describe_action, describe_statement, hide_cursor
from pytest_mimic.boundaries.sql.errors import hide_details, is_recordable, load_error, store_error
from pytest_mimic.boundaries.sql.statements import read_statement

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port, Step

#: How many replayed operations a database keeps, to run them before the first call that has to run for real.
_LONGEST_LOG = 20_000
#: The savepoint around each of them.
_GUARD = "pytest_mimic"


class Operation(NamedTuple):
    """What was done to a stand-in while no real connection was there.

    Attributes:
        kind: `execute`, `executemany`, `commit`, `rollback`, `set`, `call`, `driver` for the async driver's own, or
            `function` for one that is given the connection.
        name: The statement, the attribute or the method.
        args: The parameters, the value, the arguments.
        kwargs: The keyword arguments.
        failed: The recording says that it failed.
    """

    kind: str
    name: str = ""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    failed: bool = False

    @property
    def configures(self) -> bool:
        """Whether it is about the connection and not about data."""
        return self.kind in ("set", "call", "driver", "function")


class Names(NamedTuple):
    """What SQLAlchemy calls the parameters of a statement.

    Attributes:
        binds: Of those by place, in order.
        lists: Of those of each `IN`, value by value, a tuple's together.
    """

    binds: Sequence[str] = ()
    lists: Sequence[Sequence[Sequence[str]]] = ()


class Database:
    """A database, whichever engines and connections lead to it.

    Attributes:
        key: What tells it from the other databases of this process.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._log: list[tuple[Line, Operation]] = []
        self._guard = threading.Lock()

    def note(self, line: Line, operation: Operation) -> None:
        """Keeps what was replayed on a line."""
        with self._guard:
            if len(self._log) >= _LONGEST_LOG:
                return
            self._log.append((line, operation))
            if not operation.configures:
                line.uncommitted = 0 if operation.kind == "commit" else line.uncommitted + 1

    def forget_transaction(self, line: Line) -> None:
        """Drops what the line has not committed."""
        with self._guard:
            place = len(self._log)
            while line.uncommitted and place:
                place -= 1
                other, operation = self._log[place]
                if other is line and not operation.configures:
                    del self._log[place]
                    line.uncommitted -= 1
            line.uncommitted = 0

    def take(self) -> list[tuple[Line, Operation]]:
        """Hands over what was replayed and not run."""
        with self._guard:
            taken, self._log = self._log, []
            for line, _ in taken:
                line.uncommitted = 0
            return taken

    def take_configuration(self, line: Line) -> list[Operation]:
        """Hands over what configures a line."""
        with self._guard:
            taken: list[tuple[Line, Operation]] = []
            kept: list[tuple[Line, Operation]] = []
            for entry in self._log:
                (taken if entry[0] is line and entry[1].configures else kept).append(entry)
            self._log = kept
            return [operation for _, operation in taken]


class Line:
    """A connection's state: the engine, the real connection once it is there, what came before.

    Attributes:
        port: The engine.
        database: Where it leads.
        dialect: SQLAlchemy's dialect.
        real: The driver's connection, or SQLAlchemy's adapter of it; None while nothing had to run.
        settings: Attributes that were set, by name.
        setting_up: The pool is still setting it up: its calls belong to the engine, not to the test.
        resetting: The pool is taking it back: nothing that is sent is a call.
        closed: It was closed.
        broken: An error has shown that the server is gone.
        used: Statements were sent since the last commit or rollback.
        failed: One of them failed.
        uncommitted: How many operations the database keeps that a rollback of this line undoes.
        introduce: Asks what the engine asked when it connected without us; before the first call that runs.
    """

    def __init__(
        self, port: Port, database: Database, dialect: Any, create: Callable[[], Any], *, real: Any = None
    ) -> None:
        self.port = port
        self.database = database
        self.dialect = dialect
        self.real: Any = real
        self.settings: dict[str, Any] = {}
        self.setting_up = real is None
        self.resetting = False
        self.closed = False
        self.broken = False
        self.used = False
        self.failed = False
        self.uncommitted = 0
        self.introduce: Callable[[], None] | None = None
        self._create = create
        self._setup: list[Operation] = []
        self._lock: Any = None if dialect.is_async else threading.RLock()
        self._async_lock: Any = None

    # -- describing

    @property
    def dbapi(self) -> Any:
        """The driver's module, or SQLAlchemy's adapter of it."""
        return self.dialect.dbapi

    @property
    def driver(self) -> Any:
        """The driver's own connection, which an adapter of SQLAlchemy holds where it is async."""
        return self.dialect.get_driver_connection(self.real)

    @property
    def place(self) -> int | str:
        """Which of the test's databases it is; the dialect, while the call belongs to the engine."""
        if self.setting_up:
            return f"{self.dialect.name}+{self.dialect.driver}"
        return self.port.ordinal("database", self.database.key)

    def statement(self, sql: str, parameters: Any, *, names: Names, many: bool) -> Sent:
        """Describes a statement that is about to be sent; `names` are those of its parameters in SQLAlchemy."""
        with self.port.noting:
            return describe_statement(
                sql,
                parameters,
                database=self.place,
                redactor=self.port.redactor,
                binds=names.binds,
                lists=names.lists,
                many=many,
                shared=self.setting_up,
            )

    def scrub(self, sent: Sent) -> Callable[[str], str]:
        """What takes the secrets of a call out of a text, and names that are drawn anew each time."""
        redactor = self.port.redactor
        return lambda text: hide_cursor(hide_details(redactor.scrub_text(text, sent.secrets), redactor))

    # -- the real connection

    def connect(self) -> Any:
        """Gives the real connection, opened and set up as the stand-in was."""
        with self._alone():
            if self.real is None:
                self.real = self._create()
                if "adapters" in self.settings:  # psycopg's, with what was registered on the stand-in
                    self.driver._adapters = self.settings["adapters"]
            setup, self._setup = self._setup, []
            for operation in setup:
                self.apply(operation)
        return self.real

    def connect_alone(self) -> Any:
        """Gives the real connection for a call that is not mimicked: what was replayed stays unrun."""
        self.connect()
        for operation in self.database.take_configuration(self):
            self.apply(operation)
        return self.real

    def catch_up(self) -> Any:
        """Gives the real connection for a call that is recorded; what was replayed on its database runs first."""
        introduce, self.introduce = self.introduce, None
        if introduce is not None:
            introduce()
        log = self.database.take()
        self.connect()
        for line, operation in log:
            line.connect()
            line.repeat(operation)
        for line in {line for line, _ in log}:
            if line.closed:
                line.hang_up("close")
        return self.real

    def repeat(self, operation: Operation) -> None:
        """Does for real what was replayed; a failure is told, unless the recorded one failed, or it is there already."""
        is_statement = operation.kind in ("execute", "executemany")
        guarded = is_statement and self._is_transactional()
        try:
            if guarded:
                self.apply(Operation("execute", f"SAVEPOINT {_GUARD}"))
            self.apply(operation)
            if guarded:
                self.apply(Operation("execute", f"RELEASE SAVEPOINT {_GUARD}"))
        except Exception as error:
            if guarded:
                self.apply(Operation("execute", f"ROLLBACK TO SAVEPOINT {_GUARD}"))
            if not operation.failed and not self._is_there_already(operation, error):
                _warn(operation, error)

    def _is_there_already(self, operation: Operation, error: Exception) -> bool:
        """A table that exists, or a row: the database was not empty, and is as the test wants it."""
        verb = read_statement(str(operation.name)).verb
        return verb in ("CREATE", "DROP", "ALTER") or isinstance(error, self.dbapi.IntegrityError)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread or task opens the connection, others wait for it."""
        if self._lock is not None:
            with self._lock:
                yield
            return
        import asyncio

        if self._async_lock is None:
            self._async_lock = asyncio.Lock()
        wait(self._async_lock.acquire())
        try:
            yield
        finally:
            self._async_lock.release()

    def apply(self, operation: Operation) -> Any:
        """Does to the real connection what was done to the stand-in."""
        kind, name, args, kwargs, _ = operation
        if kind == "set":
            setattr(self.real, name, args[0])
        elif kind == "call":
            return getattr(self.real, name)(*args, **kwargs)
        elif kind == "driver":
            return wait(getattr(self.real._connection, name)(*args, **kwargs))
        elif kind == "function":
            args[0](self.real)
        elif kind in ("commit", "rollback"):
            getattr(self.real, kind)()
        else:
            cursor = self.real.cursor()
            try:
                getattr(cursor, kind)(name, *args)
                if cursor.description:
                    cursor.fetchall()
            finally:
                cursor.close()
        return None

    def hang_up(self, how: str) -> None:
        """Closes the real connection, where there is one."""
        self.closed = True
        real, self.real = self.real, None
        if real is not None:
            getattr(real, how)()

    # -- what is replayed

    def note(self, operation: Operation) -> None:
        """Keeps what was replayed, or done while no real connection was there."""
        if self.setting_up:
            self._setup.append(operation)
        else:
            self.database.note(self, operation)

    def configure(self, operation: Operation) -> Any:
        """Sets the connection up further: at once where it is there, else when it is opened."""
        if self.real is not None:
            return self.apply(operation)
        self.note(operation)
        return None

    def commit(self) -> None:
        """Commits; an error at the commit is an outcome."""
        if not self.used or self.setting_up or self.resetting or not self.port.taking():
            self._end("commit")
            return
        sent = describe_action("COMMIT", database=self.place)
        step = self.port.begin(sent.call)
        if step.mode == "replay":
            outcome = step.outcome()
            self.used = self.failed = False
            self.note(Operation("commit", failed="error" in outcome))
            self.raise_recorded(outcome)
        elif step.mode == "pass":
            self._end("commit")
        else:
            with self.recording(step, sent):
                self.catch_up()
                self.used = self.failed = False
                with step.running():
                    self.real.commit()
                step.finish({})

    def rollback(self) -> None:
        """Rolls back; never a call of its own: nothing that is replayed depends on it."""
        self._end("rollback")

    def _end(self, kind: str) -> None:
        was_used, self.used, self.failed = self.used, False, False
        if self.real is not None:
            if kind == "rollback":
                self.database.forget_transaction(self)
            getattr(self.real, kind)()
        elif kind == "rollback" and not self.setting_up and self._is_transactional():
            self.database.forget_transaction(self)
        elif was_used:
            self.note(Operation(kind))

    def _is_transactional(self) -> bool:
        """Whether a rollback undoes all statements, definitions of tables included; and a failure spoils all."""
        level = self.settings.get("isolation_level")
        is_autocommit = self.settings.get("autocommit") or level in ("autocommit", "AUTOCOMMIT")
        return self.dialect.name == "postgresql" and not is_autocommit

    # -- outcomes

    @contextmanager
    def recording(self, step: Step, sent: Sent) -> Iterator[None]:
        """Records the driver's error that ends the block; of any other, nothing."""
        __tracebackhide__ = True
        connected = self.real is not None
        try:
            with self.port.noting:
                yield
        except Exception as error:
            if (connected or self.real is not None) and is_recordable(error, self.dbapi):
                self.failed = True
                self._record_error(step, sent, error)
            else:
                step.abandon()
            raise
        except BaseException:
            step.abandon()
            raise

    def _record_error(self, step: Step, sent: Sent, error: Exception) -> None:
        from pytest_mimic.errors import MimicError

        if isinstance(error, MimicError):
            step.abandon()
            return
        outcome: dict[str, Any] = {"error": store_error(error, self.dbapi, self.scrub(sent))}
        if self.is_gone():
            outcome["gone"] = True
        step.finish(outcome)

    def is_gone(self) -> bool:
        """Whether the real connection is lost, as far as its driver tells."""
        real = self.real
        if real is None:
            return self.broken
        is_closed = getattr(getattr(real, "_connection", None), "is_closed", None)
        if is_closed is not None:
            return bool(is_closed())
        return bool(getattr(real, "broken", False) or (hasattr(real, "broken") and real.closed))

    def raise_recorded(self, outcome: dict[str, Any]) -> None:
        """Raises the error that a recording ended with."""
        __tracebackhide__ = True
        if "error" not in outcome:
            return
        self.failed = True
        self.broken = self.broken or bool(outcome.get("gone"))
        raise load_error(outcome["error"], self.dbapi)

    def ask(self, action: str, read: Callable[[], Any], *, detail: Any = None, shared: bool = True) -> Any:
        """Gives what the driver answers to something that is no statement, recorded as plain data."""
        __tracebackhide__ = True
        if not self.port.taking():
            self.connect_alone()
            return read()
        place = f"{self.dialect.name}+{self.dialect.driver}" if shared else self.place
        sent = describe_action(action, database=place, detail=detail, shared=shared)
        step = self.port.begin(sent.call)
        if step.mode == "replay":
            outcome = step.outcome()
            self.raise_recorded(outcome)
            return outcome
        with self.recording(step, sent):
            if step.mode == "pass":
                self.connect_alone()
                return read()
            if self.setting_up:
                self.connect()
            else:
                self.catch_up()
            with step.running():
                answer = read()
            step.finish({**answer, "setup": True} if shared else answer)
            return answer


def pause(dialect: Any) -> None:
    """Lets the event loop run once: SQLAlchemy insists that an async engine's statement has waited for something."""
    if dialect.is_async:
        import asyncio

        wait(asyncio.sleep(0))


def wait(awaitable: Any) -> Any:
    """Waits inside of SQLAlchemy's greenlet; what is no awaitable is given back as it is."""
    if not hasattr(awaitable, "__await__"):
        return awaitable
    from sqlalchemy.util import concurrency

    waiting: Any = getattr(concurrency, "await_", None) or concurrency.await_only  # await_ since 2.1
    return waiting(awaitable)


def _warn(operation: Operation, error: Exception) -> None:
    warnings.warn(
        f"the database did not take a replayed statement that had to run before a new one is recorded: "
        f"{operation.name or operation.kind}: {error}\n"
        "to begin anew: an empty database, and pytest --mimic-rerecord",
        stacklevel=2,
    )

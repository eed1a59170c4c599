"""A connection to a database that is opened only when a call has to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from pytest_mimic._clients.sql.database_calls import SqlCall, describe_action, hide_cursor
from pytest_mimic._clients.sql.driver_errors import DriverErrors, hide_details

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port, Step


class LazyConnection:
    """The state behind a stand-in for a driver's connection.

    Attributes:
        real: The driver's connection, or SQLAlchemy's adapter of it; None while nothing had to run.
        setting_up: The pool is setting it up: its calls belong to the engine, not to the test.
        introduce: Repeats the requests that the engine made when it connected without the plugin, so that a
            replay finds them. It is called before the first call that runs.
    """

    def __init__(
        self, port: Port, database: str, dialect: Any, create: Callable[[], Any], *, real: Any = None
    ) -> None:
        self.port = port  # the engine's port
        self.database = database  # the database that it leads to
        self.dialect = dialect  # SQLAlchemy's dialect
        self.real: Any = real
        self.settings: dict[str, Any] = {}  # the attributes that were set, by name
        self.setting_up = real is None
        self.resetting = False  # the pool is taking it back: nothing that is sent is a call
        self.closed = False  # it was closed
        self.used = False  # statements were sent since the last commit or rollback
        self.failed = False  # one of them failed
        self.introduce: Callable[[], None] | None = None
        self._create = create
        # What configures the real connection, by name where the last setting counts.
        self._setup: dict[object, Callable[[Any], Any]] = {}
        self._lock: Any = None if dialect.is_async else threading.RLock()
        self._async_lock: Any = None

    @property
    def dbapi(self) -> Any:
        return self.dialect.dbapi

    @property
    def driver(self) -> Any:
        """The driver's own connection. If the driver is async, an adapter of SQLAlchemy holds it."""
        return self.dialect.get_driver_connection(self.real)

    @property
    def place(self) -> int | str:
        """The number of the database in the test, or the dialect's name while calls belong to the engine."""
        if self.setting_up:
            return self.dialect_name
        return self.port.ordinal("database", self.database)

    @property
    def dialect_name(self) -> str:
        return f"{self.dialect.name}+{self.dialect.driver}"

    # -- the real connection

    def connect(self) -> Any:
        """Return the real connection, opened and set up as the stand-in was."""
        with self._one_at_a_time():
            if self.real is None:
                self.real = self._create()
                if "adapters" in self.settings:  # psycopg's, with the types registered on the stand-in
                    self.driver._adapters = self.settings["adapters"]
            setup, self._setup = self._setup, {}
            for configure in setup.values():
                configure(self.real)
        return self.real

    def catch_up(self) -> Any:
        """Return the real connection for a call to record."""
        introduce, self.introduce = self.introduce, None
        if introduce is not None:
            introduce()
        return self.connect()

    def close(self, how: str) -> None:
        """Close the real connection if there is one, by its method `close` or `terminate`."""
        self.closed = True
        real, self.real = self.real, None
        if real is not None:
            getattr(real, how)()

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
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

    # -- requests that are replayed

    def note(self, run: Callable[[Any], Any]) -> None:
        """Keep what sets the connection up until the real one is open."""
        if self.setting_up:
            self._setup[run] = run

    def configure(self, run: Callable[[Any], Any], name: str = "") -> Any:
        """Configure the real connection with a function: at once if it is open, else when it is opened.

        Of several with the same name, the last one counts.
        """
        if self.real is not None:
            return run(self.real)
        self._setup.pop(name, None)
        self._setup[name or run] = run
        return None

    def commit(self) -> None:
        """Commit. An error of the commit is recorded."""
        if not self.used or self.setting_up or self.resetting or not self.port.taking():
            self._end("commit")
            return
        call = describe_action("COMMIT", database=self.place)
        step = self.port.begin(call.call)
        if step.mode == "replay":
            outcome = step.outcome()
            self.used = self.failed = False
            self.raise_recorded(outcome)
        elif step.mode == "pass":
            self._end("commit")
        else:
            with self.recording(step, call):
                self.catch_up()
                self.used = self.failed = False
                with step.running():
                    self.real.commit()
                step.finish({})
            if step.mode == "verify":
                self.raise_recorded(step.outcome())

    def rollback(self) -> None:
        """Roll back. A rollback is no call, for nothing that is replayed depends on it."""
        self._end("rollback")

    def _end(self, kind: str) -> None:
        was_used, self.used, self.failed = self.used, False, False
        if self.real is not None:
            getattr(self.real, kind)()
        elif was_used:
            self.note(lambda real: getattr(real, kind)())

    def ask(self, action: str, read: Callable[[], Any], *, detail: Any = None, shared: bool = True) -> Any:
        """Return the driver's answer to a request that is no statement, recorded as plain data."""
        if not self.port.taking():
            self.connect()
            return read()
        call = describe_action(
            action, database=self.dialect_name if shared else self.place, detail=detail, shared=shared
        )
        step = self.port.begin(call.call)
        if step.mode == "replay":
            outcome = step.outcome()
            self.raise_recorded(outcome)
            return outcome
        with self.recording(step, call):
            if step.mode == "pass":
                self.connect()
                return read()
            if self.setting_up:
                self.connect()
            else:
                self.catch_up()
            with step.running():
                answer = read()
            step.finish({**answer, "setup": True} if shared else answer)
            # A driver reads the real results with the real numbers of types.
            if shared or step.mode == "run":
                return answer
        outcome = step.outcome()
        self.raise_recorded(outcome)
        return outcome

    # -- errors

    @contextmanager
    def recording(self, step: Step, call: SqlCall) -> Iterator[None]:
        """Record the driver's error that ends the block. Another error ends the call without an outcome.

        To verify, the block ends without the error, as the recorded outcome is returned.
        """
        was_open = self.real is not None
        try:
            with self.port.noting:
                yield
        except BaseException as error:
            # An error of connecting says nothing about the statement.
            is_open = was_open or self.real is not None
            stored = DriverErrors(self.dbapi, self._scrub(call)).store(error) if is_open else None
            if stored is None:
                step.abandon(error)
            else:
                self.failed = True
                step.finish({"error": stored})
            if step.mode == "pass" or not step.answers(error):
                raise

    def _scrub(self, call: SqlCall) -> Callable[[str], str]:
        """Return a function that removes from a text the secrets of a call, and the random names of cursors."""
        redactor = self.port.redactor
        return lambda text: hide_cursor(hide_details(redactor.texts.scrub_text(text, call.secrets), redactor))

    def raise_recorded(self, outcome: dict[str, Any]) -> None:
        if "error" not in outcome:
            return
        self.failed = True
        raise DriverErrors(self.dbapi).load(outcome["error"])


def run_statement(real: Any, method: str, sql: Any, *args: Any) -> None:
    """Run a statement on a real connection by a method of its cursor, without using the rows."""
    cursor = real.cursor()
    try:
        getattr(cursor, method)(sql, *args)
        if cursor.description:
            cursor.fetchall()
    finally:
        cursor.close()


def yield_once(dialect: Any) -> None:
    """Let the event loop run once: SQLAlchemy wants the statement of an async engine to have awaited something."""
    if dialect.is_async:
        import asyncio

        wait(asyncio.sleep(0))


def wait(awaitable: Any) -> Any:
    """Wait inside of SQLAlchemy's greenlet. Return anything that is no awaitable as it is."""
    if not hasattr(awaitable, "__await__"):
        return awaitable
    from sqlalchemy.util import concurrency

    waiting: Any = getattr(concurrency, "await_", None) or concurrency.await_only  # await_ since 2.1
    return waiting(awaitable)


class Databases:
    """The databases of SQLAlchemy's pools: one for each URL, without regard to driver and credentials."""

    def __init__(self) -> None:
        self._by_pool: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._engines: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._numbers = count(1)

    def add(self, engine: Any) -> None:
        pool, url = engine.pool, engine.url
        if pool in self._engines:
            return
        self._engines[pool] = ref(engine)
        if not _is_private(pool, url):
            key = f"{url.get_backend_name()} {url.host} {url.port} {url.database} {sorted(url.query.items())}"
            self._by_pool[pool] = key

    def engine_of(self, pool: Any) -> Any:
        engine = self._engines.get(pool)
        return engine() if engine is not None else None

    def of(self, pool: Any) -> str:
        if pool not in self._by_pool:
            self._by_pool[pool] = f"pool {next(self._numbers)}"
        return self._by_pool[pool]


def _is_private(pool: Any, url: Any) -> bool:
    """Return whether two pools with this URL lead to two databases: in memory, or behind a function that connects."""
    has_creator = getattr(pool._creator, "__module__", "") != "sqlalchemy.engine.create"
    in_memory = url.get_backend_name() == "sqlite" and (
        url.database in (None, "", ":memory:") or "memory" in f"{url.database} {url.query}"
    )
    return has_creator or in_memory

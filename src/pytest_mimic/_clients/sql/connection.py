"""The stand-in for a driver's connection, which is opened only when a call has to run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.sql.cursor import StandInCursor
from pytest_mimic._clients.sql.driver_errors import DriverErrors, hide_details
from pytest_mimic._clients.sql.statement_calls import action
from pytest_mimic._core.seam.base import recording

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic._core.engine.client_plan import Port
    from pytest_mimic._core.engine.steps import Step

# The state of a new connection, with any driver; SQLAlchemy's dialects read and set it.
_STATE: dict[str, Any] = {
    **dict.fromkeys(("autocommit", "broken", "closed", "readonly"), False),
    **dict.fromkeys(("deferrable", "isolation_level", "read_only", "row_factory")),
    "notices": (),
    "text_factory": str,
}
_STATE_OF_SQLITE = {**_STATE, "autocommit": -1, "isolation_level": ""}


class StandInConnection:
    """The connection in a pool of SQLAlchemy, which uses it as if it were the driver's.

    It has the methods of PEP 249, and what can be set on the drivers' connections. Another attribute is an error, since its
    answer could not be replayed. The driver's connection is opened and set up, with the events of the pool, when it is needed.

    Attributes:
        port: The engine's port.
        place: Returns the number of the database in the test.
        real: The driver's connection, or SQLAlchemy's adapter of it; None while nothing had to run.
        resetting: The pool is taking it back: nothing that is sent is a call.
        used: Statements were sent since the last commit or rollback.
    """

    port: Port
    pool: Any
    record: Any
    place: Callable[[], int]
    real: Any
    resetting: bool
    used: bool

    def __init__(
        self, port: Port, pool: Any, record: Any, place: Callable[[], int], real: Any = None
    ) -> None:
        self.port, self.pool, self.record, self.place, self.real = port, pool, record, place, real
        self.resetting = self.used = False
        # What was set, by name, with what sets it on the real connection.
        self._settings: dict[str, Any] = {}
        self._setup: dict[str, Callable[[Any], Any]] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<stand-in for {self.real!r}>" if self.real is not None else "<stand-in, not connected>"

    @property
    def dialect(self) -> Any:
        return self.pool._dialect

    def connect(self) -> Any:
        """Return the real connection. If it is not open, it is opened and set up as SQLAlchemy does it, and as this one is."""
        with self._lock:
            if self.real is None:
                record, events = self.record, self.pool.dispatch
                held, record.dbapi_connection = record.dbapi_connection, self.pool._invoke_creator(record)
                real = record.dbapi_connection
                try:
                    events.connect.for_modify(events)._exec_w_sync_on_first_run(real, record)
                except BaseException:
                    self.dialect.do_terminate(real)
                    raise
                finally:
                    record.dbapi_connection = held
                for configure in self._setup.values():
                    configure(real)
                self.real = real
        return self.real

    # -- PEP 249

    def cursor(self, *args: Any, **kwargs: Any) -> StandInCursor:
        return StandInCursor(self, args, kwargs)

    def commit(self) -> None:
        """Commit. This is a call, for it can fail."""
        was_used, self.used = self.used, False
        is_call = was_used and not self.resetting and self.port.taking()
        step = self.port.begin(action("COMMIT", database=self.place())) if is_call else None
        if step is None:
            self._end("commit")
            return
        if step.mode != "replay":
            with self.recording(step):
                self.connect().commit()
                step.finish({})
        if step.mode != "run":
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

    def _end(self, how: str) -> None:
        if self.real is not None:
            getattr(self.real, how)()

    # -- additions of the drivers that SQLAlchemy uses

    @property
    def info(self) -> Any:
        """The state of psycopg's transaction."""
        if self.real is not None:
            return self.real.info
        from psycopg.pq import TransactionStatus

        return SimpleNamespace(
            transaction_status=TransactionStatus.INTRANS if self.used else TransactionStatus.IDLE
        )

    @property
    def _connection(self) -> StandInConnection:
        """The connection of an async driver, of which only whether it `is_closed` is known."""
        return self

    def is_closed(self) -> bool:
        return self.real is not None and bool(self.real._connection.is_closed())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._settings:
            return self._settings[name]
        if name in _STATE:
            state = _STATE_OF_SQLITE if self.dialect.name == "sqlite" else _STATE
            return getattr(self.real, name, state[name])
        if name.startswith("set_"):
            return partial(self._configure, name)
        if not self.port.taking():
            return getattr(self.connect(), name)
        raise AttributeError(
            f"the driver's own `{name}` cannot be recorded; statements are, where SQLAlchemy sends them"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in StandInConnection.__annotations__:
            object.__setattr__(self, name, value)
        else:
            self._set(name, value, lambda real: setattr(real, name, value))

    def _configure(self, method: str, *args: Any) -> None:
        """Call a method that sets something, `set_isolation_level`."""
        value = args[0] if len(args) == 1 else args
        self._set(method[len("set_") :], value, lambda real: getattr(real, method)(*args))

    def _set(self, name: str, value: Any, configure: Callable[[Any], Any]) -> None:
        self._settings[name], self._setup[name] = value, configure
        if self.real is not None:
            configure(self.real)

    # -- errors

    def recording(self, step: Step | None, secrets: list[str] | None = None) -> AbstractContextManager[None]:
        """Return the block for a step that runs. It records the driver's error; one of connecting is not about the call."""
        texts = self.port.redactor

        def scrub(text: str) -> str:
            return hide_details(texts.scrub_text(text, secrets or ()), self.port.redactor)

        def store(error: Exception) -> Any:
            stored = None if self.real is None else DriverErrors(self.dialect.dbapi, scrub).store(error)
            return None if stored is None else {"error": stored}

        return recording(step, store)

    def raise_recorded(self, outcome: dict[str, Any]) -> None:
        if "error" in outcome:
            raise DriverErrors(self.dialect.dbapi).load(outcome["error"])

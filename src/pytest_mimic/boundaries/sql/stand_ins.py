"""The stand-ins for a driver's connection: SQLAlchemy uses them as if they were the driver's.

They have the methods of PEP 249, and of each driver what SQLAlchemy's dialects and common setups use. Another
attribute is an error, since its answer could be neither recorded nor replayed reliably.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic.boundaries.sql.connection import LazyConnection, wait
from pytest_mimic.boundaries.sql.cursor import StandInCursor
from pytest_mimic.boundaries.sql.databases import Operation
from pytest_mimic.boundaries.values import from_plain, to_plain
from pytest_mimic.errors import UnstorableOutcomeError

# Methods that configure a connection and return nothing.
_CONFIGURING = (
    "set_",
    "add_",
    "remove_",
    "create_",
    "register_",
    "reset_type",
    "enable_",
    "load_extension",
    "interrupt",
)
# The state of a new connection, with any driver.
_STATE: dict[str, Any] = {
    "autocommit": False,
    "deferrable": None,
    "notices": (),
    "isolation_level": None,
    "read_only": None,
    "readonly": False,
    "row_factory": None,
    "text_factory": str,
}
_STATE_OF_SQLITE: dict[str, Any] = {"autocommit": -1, "isolation_level": ""}
# Attributes that only the server or the driver knows. Their values are recorded.
_ATTRIBUTES = frozenset(
    (
        "total_changes",  # sqlite3
        "encoding",  # psycopg2
        "server_version",  # psycopg2
    )
)
# Methods that ask the server. Their answers are recorded call by call.
_METHODS = frozenset(
    (
        "get_backend_pid",  # psycopg2
        "get_parameter_status",  # psycopg2
        "tpc_begin",  # PEP 249, called by SQLAlchemy's `begin_twophase`
        "tpc_prepare",
        "tpc_commit",
        "tpc_rollback",
    )
)
# psycopg's `connection.info`.
_INFO = frozenset(("backend_pid", "dbname", "encoding", "host", "port", "server_version", "user"))
_INFO_METHODS = frozenset(("parameter_status",))


class StandInConnection:
    """The connection in a pool. The driver's connection behind it may not be open."""

    _lazy: LazyConnection

    def __init__(self, connection: LazyConnection) -> None:
        object.__setattr__(self, "_lazy", connection)

    def __repr__(self) -> str:
        real = self._lazy.real
        return f"<stand-in for {real!r}>" if real is not None else "<stand-in, not connected>"

    # -- PEP 249

    def cursor(self, *args: Any, **kwargs: Any) -> StandInCursor:
        """Return a cursor; with arguments, one on the server."""
        return StandInCursor(self._lazy, args, kwargs)

    def execute(self, *args: Any) -> StandInCursor:
        """Return a cursor that has executed a statement."""
        cursor = self.cursor()
        cursor.execute(*args)
        return cursor

    def commit(self) -> None:
        """Commit."""
        __tracebackhide__ = True
        self._lazy.commit()

    def rollback(self) -> None:
        """Roll back."""
        self._lazy.rollback()

    def close(self) -> None:
        """Close the real connection, if there is one."""
        self._lazy.close("close")

    def terminate(self) -> None:
        """Close the real connection without waiting for the server."""
        self._lazy.close("terminate")

    # -- additions of the drivers

    @property
    def closed(self) -> bool:
        """Whether it was closed, by the application or by the server."""
        return self._lazy.closed or self._lazy.is_gone()

    @property
    def broken(self) -> bool:
        """Whether the server is gone."""
        return self._lazy.is_gone()

    @property
    def in_transaction(self) -> bool:
        """Whether statements were sent since the last commit or rollback."""
        return self._lazy.used

    @property
    def info(self) -> StandInInfo:
        """psycopg's facts about a connection."""
        return StandInInfo(self._lazy)

    @property
    def adapters(self) -> Any:
        """psycopg's conversions."""
        return _adapters(self._lazy)

    @property
    def _connection(self) -> StandInDriver:
        return StandInDriver(self._lazy)

    @property
    def driver_connection(self) -> Any:
        """The async driver's connection."""
        return StandInDriver(self._lazy)

    def await_(self, awaitable: Any) -> Any:
        """Wait for an async driver, as adapters of SQLAlchemy 2.0 do."""
        return wait(awaitable)  # pragma: no cover (SQLAlchemy 2.0)

    def run_async(self, function: Any) -> Any:
        """Run an async function with the async driver's connection."""
        return wait(function(StandInDriver(self._lazy)))

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        lazy: LazyConnection = self._lazy
        if name.startswith("_"):
            raise AttributeError(name)
        if name in lazy.settings:
            return lazy.settings[name]
        if name in _STATE:
            return _state(lazy, name)
        if name.startswith(_CONFIGURING):
            return _configuring(lazy, name)
        if not lazy.port.taking():
            return getattr(lazy.connect_alone(), name)
        return _recorded(lazy, name, attributes=_ATTRIBUTES, methods=_METHODS)

    def __setattr__(self, name: str, value: Any) -> None:
        self._lazy.settings[name] = value
        self._lazy.configure(Operation("set", name, (value,)))


class StandInDriver:
    """The connection of an async driver, which an adapter of SQLAlchemy holds."""

    def __init__(self, connection: LazyConnection) -> None:
        self._lazy = connection

    def is_closed(self) -> bool:
        """Return whether it is closed, as asyncpg does."""
        return self._lazy.closed or self._lazy.is_gone()

    @property
    def info(self) -> StandInInfo:
        """psycopg's facts about a connection."""
        return StandInInfo(self._lazy)

    @property
    def adapters(self) -> Any:
        """psycopg's conversions."""
        return _adapters(self._lazy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        lazy = self._lazy

        async def call(*args: Any, **kwargs: Any) -> Any:
            if name.startswith(_CONFIGURING):
                if lazy.real is not None:
                    return await getattr(lazy.real._connection, name)(*args, **kwargs)
                return lazy.note(Operation("driver", name, args, kwargs))
            with lazy.port.noting:
                raise UnstorableOutcomeError(
                    f"the driver's own {name}() is used, which cannot be recorded",
                    facts=["statements are recorded where SQLAlchemy sends them"],
                    path=name,
                )

        return call


class StandInInfo:
    """psycopg's `connection.info`. The state of the transaction is known, the rest is recorded."""

    def __init__(self, connection: LazyConnection) -> None:
        self._lazy = connection

    @property
    def transaction_status(self) -> Any:
        """Whether the connection is idle, in a transaction, or in one that has failed."""
        from psycopg.pq import TransactionStatus

        if self._lazy.real is not None:
            return self._lazy.real.info.transaction_status
        if not self._lazy.used:
            return TransactionStatus.IDLE
        return TransactionStatus.INERROR if self._lazy.failed else TransactionStatus.INTRANS

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith("_"):
            raise AttributeError(name)
        return _recorded(self._lazy, name, of="info", attributes=_INFO, methods=_INFO_METHODS)


def _state(lazy: LazyConnection, name: str) -> Any:
    if lazy.real is not None and hasattr(lazy.real, name):
        return getattr(lazy.real, name)
    if lazy.dialect.name == "sqlite" and name in _STATE_OF_SQLITE:
        return _STATE_OF_SQLITE[name]
    return _STATE[name]


def _adapters(lazy: LazyConnection) -> Any:
    """Return the connection's own map of conversions, which the real connection gets when it is opened."""
    if lazy.real is not None:
        return lazy.real.adapters
    if "adapters" not in lazy.settings:
        from psycopg import adapters
        from psycopg.adapt import AdaptersMap

        # A dialect registers its types in a map of its own.
        lazy.settings["adapters"] = AdaptersMap(
            getattr(lazy.dialect, "_psycopg_adapters_map", None) or adapters
        )
    return lazy.settings["adapters"]


def _configuring(lazy: LazyConnection, name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name.startswith("set_") and len(args) == 1:
            lazy.settings[name.removeprefix("set_")] = args[0]
        if name == "set_isolation_level":
            lazy.settings["autocommit"] = args[0] == "autocommit"
        return lazy.configure(Operation("call", name, args, kwargs))

    return call


def _recorded(
    lazy: LazyConnection, name: str, *, of: str = "", attributes: frozenset[str], methods: frozenset[str]
) -> Any:
    """Return the recorded value of an attribute, or a method whose answers are recorded.

    Raises:
        AttributeError: It is neither in `attributes` nor in `methods`.
    """
    __tracebackhide__ = True
    path = f"{of}.{name}" if of else name

    def found() -> Any:
        return getattr(getattr(lazy.real, of) if of else lazy.real, name)

    def call(*args: Any) -> Any:
        __tracebackhide__ = True
        # The ids of two-phase transactions are random.
        detail = None if name.startswith("tpc_") else to_plain(list(args), path)
        return ask(f"CALL {path}", lambda: found()(*args), detail)

    def ask(action: str, read: Any, detail: Any = None) -> Any:
        __tracebackhide__ = True
        answer = lazy.ask(
            action, lambda: {"value": to_plain(read(), path)}, detail=detail, shared=lazy.setting_up
        )
        return from_plain(answer["value"])

    if name in methods:
        return call
    if name in attributes:
        return ask(f"ATTRIBUTE {path}", found)
    raise AttributeError(
        f"the driver's own `{path}` cannot be recorded; statements are, where SQLAlchemy sends them"
    )

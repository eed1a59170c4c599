"""The stand-ins for a driver's connection: SQLAlchemy uses them as if they were the driver's.

They have the methods of PEP 249, and of each driver what SQLAlchemy's dialects and common setups use. Another
attribute is an error, since its answer could be neither recorded nor replayed reliably.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pytest_mimic._clients.sql.cursor import StandInCursor
from pytest_mimic._clients.sql.lazy_connection import LazyConnection, wait
from pytest_mimic._core.seam.database_values import from_plain, to_plain
from pytest_mimic.errors import UnstorableOutcomeError

# Methods that configure a connection and return nothing, by the beginnings of their names.
_CONFIGURING = (
    "set_",
    "add_",
    "remove_",
    "create_",
    "register_",
    "reset_type",
    "enable_",
    "load_",
    "interrupt",
)
# The state of a new connection, with any driver.
_STATE: dict[str, Any] = {"autocommit": False, "notices": (), "readonly": False, "text_factory": str}
_STATE.update(dict.fromkeys(("deferrable", "isolation_level", "read_only", "row_factory")))
_STATE_OF_SQLITE: dict[str, Any] = {"autocommit": -1, "isolation_level": ""}
# Attributes and methods whose answers are recorded: of sqlite3, of psycopg2, and of psycopg's `connection.info`, of which
# tracers such as OpenTelemetry's read the host, the port and the name of the database.
_ATTRIBUTES = frozenset(("total_changes", "encoding", "server_version"))
_METHODS = frozenset(("get_backend_pid", "get_parameter_status"))
_INFO = frozenset(("backend_pid", "dbname", "encoding", "host", "port", "server_version", "user"))
_INFO_METHODS = frozenset(("parameter_status",))


class _PsycopgParts:
    """The parts of psycopg's connections, sync and async."""

    _lazy: LazyConnection

    @property
    def info(self) -> StandInInfo:
        return StandInInfo(self._lazy)

    @property
    def adapters(self) -> Any:
        """The connection's own map of conversions, which the real connection gets when it is opened."""
        lazy = self._lazy
        if lazy.real is not None:
            return lazy.real.adapters
        if "adapters" not in lazy.settings:
            from psycopg import adapters
            from psycopg.adapt import AdaptersMap

            registered = getattr(lazy.dialect, "_psycopg_adapters_map", None)  # with the dialect's own types
            lazy.settings["adapters"] = AdaptersMap(registered or adapters)
        return lazy.settings["adapters"]


class _Pg8000Types:
    """pg8000's map from Python's types to those of the server, in which SQLAlchemy registers one like another."""

    def __init__(self, connection: LazyConnection) -> None:
        self._lazy = connection

    def __getitem__(self, kind: type) -> type:
        return kind

    def __setitem__(self, kind: type, like: type) -> None:
        self._lazy.configure(lambda real: real.py_types.__setitem__(kind, real.py_types[like]))


class StandInConnection(_PsycopgParts):
    """The connection in a pool. The driver's connection behind it may not be open."""

    def __init__(self, connection: LazyConnection) -> None:
        object.__setattr__(self, "_lazy", connection)

    def __repr__(self) -> str:
        real = self._lazy.real
        return f"<stand-in for {real!r}>" if real is not None else "<stand-in, not connected>"

    # -- PEP 249

    def cursor(self, *args: Any, **kwargs: Any) -> StandInCursor:
        return StandInCursor(self, args, kwargs)

    def execute(self, *args: Any) -> StandInCursor:
        cursor = self.cursor()
        cursor.execute(*args)
        return cursor

    def commit(self) -> None:
        self._lazy.commit()

    def rollback(self) -> None:
        self._lazy.rollback()

    def close(self) -> None:
        self._lazy.close("close")

    def terminate(self) -> None:
        self._lazy.close("terminate")

    # -- additions of the drivers

    @property
    def closed(self) -> bool:
        return self._lazy.closed

    @property
    def broken(self) -> bool:
        return bool(getattr(self._lazy.real, "broken", False))

    @property
    def in_transaction(self) -> bool:
        return self._lazy.used

    @property
    def _connection(self) -> StandInDriver:
        return StandInDriver(self._lazy)

    @property
    def py_types(self) -> _Pg8000Types:
        return _Pg8000Types(self._lazy)

    @property
    def driver_connection(self) -> Any:
        return StandInDriver(self._lazy)

    def await_(self, awaitable: Any) -> Any:
        """Wait for an async driver, as adapters of SQLAlchemy 2.0 do."""
        return wait(awaitable)  # pragma: no cover (SQLAlchemy 2.0)

    def run_async(self, function: Any) -> Any:
        return wait(function(StandInDriver(self._lazy)))

    def __getattr__(self, name: str) -> Any:
        lazy: LazyConnection = self._lazy
        if name.startswith("_"):
            raise AttributeError(name)
        if name in lazy.settings:
            return lazy.settings[name]
        if name in _STATE:
            state = _STATE_OF_SQLITE if lazy.dialect.name == "sqlite" else _STATE
            return getattr(lazy.real, name, state.get(name, _STATE[name]))
        if name.startswith(_CONFIGURING):
            return partial(self._configure, name)
        if not lazy.port.taking():
            return getattr(lazy.connect(), name)
        return _recorded(lazy, name, attributes=_ATTRIBUTES, methods=_METHODS)

    def _configure(self, name: str, *args: Any, **kwargs: Any) -> Any:
        settings = self._lazy.settings
        if name.startswith("set_") and len(args) == 1:
            settings[name.removeprefix("set_")] = args[0]
        if name == "set_isolation_level":
            settings["autocommit"] = args[0] == "autocommit"
        once = name if name.startswith("set_") else ""
        return self._lazy.configure(lambda real: getattr(real, name)(*args, **kwargs), once)

    def __setattr__(self, name: str, value: Any) -> None:
        self._lazy.settings[name] = value
        self._lazy.configure(lambda real: setattr(real, name, value), name)


class StandInDriver(_PsycopgParts):
    """The connection of an async driver, which an adapter of SQLAlchemy holds."""

    def __init__(self, connection: LazyConnection) -> None:
        self._lazy = connection

    def is_closed(self) -> bool:
        """Return whether it is closed, as asyncpg does."""
        return self._lazy.closed

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        lazy = self._lazy

        async def call(*args: Any, **kwargs: Any) -> Any:
            if name.startswith(_CONFIGURING):
                if lazy.real is not None:
                    return await getattr(lazy.real._connection, name)(*args, **kwargs)
                return lazy.configure(lambda real: wait(getattr(real._connection, name)(*args, **kwargs)))
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
        if name.startswith("_"):
            raise AttributeError(name)
        return _recorded(self._lazy, name, of="info", attributes=_INFO, methods=_INFO_METHODS)


def _recorded(
    lazy: LazyConnection, name: str, *, of: str = "", attributes: frozenset[str], methods: frozenset[str]
) -> Any:
    """Return a recorded attribute, or a method whose answers are recorded; AttributeError for any other name."""
    path = f"{of}.{name}" if of else name

    def found() -> Any:
        return getattr(getattr(lazy.real, of) if of else lazy.real, name)

    def ask(action: str, read: Any, detail: Any = None) -> Any:
        shared = lazy.setting_up
        answer = lazy.ask(action, lambda: {"value": to_plain(read(), path)}, detail=detail, shared=shared)
        return from_plain(answer["value"])

    if name in methods:
        return lambda *args: ask(f"CALL {path}", lambda: found()(*args), to_plain(list(args), path))
    if name in attributes:
        return ask(f"ATTRIBUTE {path}", found)
    raise AttributeError(
        f"the driver's own `{path}` cannot be recorded; statements are, where SQLAlchemy sends them"
    )

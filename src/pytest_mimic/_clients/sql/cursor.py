"""The stand-in for a driver's cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from pytest_mimic._clients.sql.results import load_columns, load_rows, store_columns, store_rows
from pytest_mimic._clients.sql.statement_calls import NO_NAMES, StatementCall
from pytest_mimic._core.redact.reveal import with_secrets
from pytest_mimic._core.seam.database_values import from_plain, to_plain

# Drivers whose closed cursors have no row count.
_WITHOUT_COUNT = frozenset(("psycopg", "psycopg_async"))
# The attributes that a cursor has after a statement. Others are the application's, for the driver's cursor.
_OF_RESULT = frozenset(("connection", "description", "rowcount", "lastrowid", "names"))


class StandInCursor:
    """The cursor of a stand-in connection. SQLAlchemy uses it as if it were the driver's.

    `args` and `kwargs` are those of the driver's `cursor()`. A call that is recorded uses a cursor without them, and reads
    its result whole, if it would be a cursor on the server.

    Attributes:
        names: The names in the compiled statement, while SQLAlchemy executes one.
    """

    arraysize = 1

    def __init__(self, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.connection = connection  # a `StandInConnection`
        self.names = NO_NAMES
        self._args = args
        self._kwargs = kwargs
        self._input_sizes: tuple[Any, ...] | None = None
        self._real: Any = None  # the driver's cursor, in use for a call that is not mimicked
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

    def _execute(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        connection, port = self.connection, self.connection.port
        self._forget()
        if connection.resetting and connection.real is None:
            return self
        if connection.resetting or not port.taking():
            return self._pass(kind, sql, args, options)
        with port.noting:
            call = StatementCall(
                sql.decode() if isinstance(sql, bytes) else str(sql),
                args[0] if args else None,
                database=connection.place(),
                redactor=port.redactor,
                names=self.names,
                many=kind == "executemany",
            )
            step = port.begin(call.call)
        if step is None:
            return self._pass(kind, sql, args, options)
        connection.used = True
        if step.mode == "replay":
            _yield_once(connection.dialect)
            outcome = step.outcome(is_read_only=True)
        else:
            real = hidden = None
            with port.noting, connection.recording(step, call.secrets):
                rows = self._read(kind, sql, args, options)
                hidden = self._stored(call, rows)
                step.finish(hidden)
                self._rows = iter(rows)
                if step.mode == "run":
                    return self
                real = self._stored(call, rows, is_open=True)
            outcome = with_secrets(step.outcome(), hidden, real)
        connection.raise_recorded(outcome)
        self._replay(outcome)
        return self

    def _read(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Sequence[Any]:
        """Execute a statement for real, and return all rows of its result."""
        real = self._open(self.connection.connect().cursor())
        try:
            getattr(real, kind)(sql, *args, **options)
            rows: Sequence[Any] = real.fetchall() if real.description else ()
            self._copy_result(real)  # some drivers know the number of rows only after the last one
        finally:
            real.close()
        return rows

    def _pass(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.connection.used = True
        self._real = self._real or self.connection.connect().cursor(*self._args, **self._kwargs)
        getattr(self._open(self._real), kind)(sql, *args, **options)
        self._copy_result(self._real)
        return self

    def _open(self, real: Any) -> Any:
        if self._input_sizes is not None:
            real.setinputsizes(*self._input_sizes)
        # asyncpg's adapter keeps the age of its cache in an attribute with an underscore.
        for name, value in self.__dict__.items():
            if name == "_invalidate_schema_cache_asof" or not (name.startswith("_") or name in _OF_RESULT):
                setattr(real, name, value)
        return real

    def _copy_result(self, real: Any) -> None:
        self.description, self.rowcount = real.description, real.rowcount
        self.lastrowid = getattr(real, "lastrowid", None)

    # -- outcomes

    def _stored(self, call: StatementCall, rows: Sequence[Any], *, is_open: bool = False) -> dict[str, Any]:
        """Return the outcome as plain data. If it `is_open`, it has its secrets."""
        outcome: dict[str, Any] = {}
        if self.description:
            names = [str(column[0]) for column in self.description]
            hidden = [False] * len(names) if is_open else call.hidden_columns(names)
            outcome["columns"] = store_columns(self.description, self.connection.dialect.dbapi)
            redactor = None if is_open else self.connection.port.redactor
            outcome["rows"] = store_rows(rows, names, hidden, redactor)
        if self.rowcount != -1:
            outcome["rowcount"] = self.rowcount
        if self.lastrowid is not None and call.call.signature.startswith(("INSERT", "REPLACE")):
            outcome["lastrowid"] = to_plain(self.lastrowid, "lastrowid")
        if len(rows) > 1 and call.is_unordered:
            outcome["unordered"] = True
        return outcome

    def _replay(self, outcome: dict[str, Any]) -> None:
        self.rowcount = outcome.get("rowcount", -1)
        self.lastrowid = from_plain(outcome.get("lastrowid"))
        self.description, self._rows = None, iter(())
        if "columns" in outcome:
            self.description = load_columns(outcome["columns"], self.connection.dialect.dbapi)
            self._rows = iter(load_rows(outcome["rows"]))

    # -- reading

    def fetchone(self) -> Any:
        return next(self._rows, None) if self._real is None else self._fetch("fetchone")

    def fetchmany(self, size: int | None = None) -> Any:
        size = self.arraysize if size is None else size
        return list(islice(self._rows, size)) if self._real is None else self._fetch("fetchmany", size)

    def fetchall(self) -> Any:
        return list(self._rows) if self._real is None else self._fetch("fetchall")

    def _fetch(self, method: str, *args: int) -> Any:
        rows = getattr(self._real, method)(*args)
        # psycopg2's cursors on the server describe their rows with the first of them.
        self.description = self._real.description
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        if self._real is not None:
            self._real.close()
            return
        self._rows = iter(())
        if self.connection.dialect.driver in _WITHOUT_COUNT:
            self.rowcount = -1

    async def _async_soft_close(self) -> None:
        if self._real is not None:
            await self._real._async_soft_close()

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- additions of the drivers

    def setinputsizes(self, *sizes: Any) -> None:
        self._input_sizes = sizes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self.__dict__.get("_real") is None:
            raise AttributeError(name)
        return getattr(self._real, name)


def _yield_once(dialect: Any) -> None:
    """Let the event loop run once: SQLAlchemy wants the statement of an async engine to have awaited something."""
    if not dialect.is_async:
        return
    import asyncio

    from sqlalchemy.util import concurrency

    waiting: Any = getattr(concurrency, "await_", None) or concurrency.await_only  # await_ since 2.1
    waiting(asyncio.sleep(0))

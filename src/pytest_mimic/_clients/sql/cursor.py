"""The stand-in for a driver's cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.sql.database_calls import NO_NAMES, SqlCall, StatementCall
from pytest_mimic._clients.sql.lazy_connection import LazyConnection, run_statement, yield_once
from pytest_mimic._clients.sql.results import load_columns, load_rows, store_columns, store_rows
from pytest_mimic._core.redact.reveal import with_secrets
from pytest_mimic._core.seam.database_values import from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Step

# Drivers whose closed cursors have no row count.
_WITHOUT_COUNT = frozenset(("psycopg", "psycopg_async"))
# The attributes that a cursor has after a statement. Others are the application's, for the driver's cursor.
_OF_RESULT = frozenset(("description", "rowcount", "lastrowid"))


class Result(NamedTuple):
    """The attributes that a driver's cursor has after a statement."""

    description: Sequence[Sequence[Any]] | None = None
    rowcount: int = -1
    lastrowid: Any = None


class StandInCursor:
    """The cursor of a connection, which may not be open. SQLAlchemy uses it as if it were the driver's.

    `args` and `kwargs` are those of the driver's `cursor()`. With `args`, or with `server_side`, the cursor is on
    the server, and its rows are read in parts.
    """

    arraysize = 1

    def __init__(
        self, connection: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        self._connection = connection
        self._lazy: LazyConnection = connection._lazy
        self._args = args
        self._kwargs = kwargs or {}
        self._real: Any = None
        self._input_sizes: tuple[Any, ...] | None = None
        # The names in the compiled statement, while SQLAlchemy executes one.
        self._names = NO_NAMES
        self._reset()

    def _reset(self) -> None:
        self._is_reset = True
        self.description: Sequence[Sequence[Any]] | None = None
        self.rowcount = -1
        self.lastrowid: Any = None
        self._rows: Iterator[Any] = iter(())
        self._result = Result()
        # Of a cursor on the server: the step, its call, and the rows that were read.
        self._partial: tuple[Step, SqlCall, list[Any]] | None = None
        # The real outcome of a call that is verified, without its secrets and with them.
        self._seen: tuple[Any, Any] = None, None
        # The driver's cursor is used as it is, for a call that is not mimicked.
        self._is_live = False

    @property
    def connection(self) -> Any:
        return self._connection

    # -- executing

    def execute(self, sql: Any, *args: Any, **options: Any) -> Any:
        return self._execute("execute", sql, args, options)

    def executemany(self, sql: Any, parameters: Any, *args: Any) -> Any:
        return self._execute("executemany", sql, (list(parameters), *args), {})

    def _execute(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        lazy = self._lazy
        if not self._is_reset:
            self._reset()
        self._is_reset = False
        if lazy.resetting and lazy.real is None:
            lazy.note(lambda real: run_statement(real, kind, sql, *args))
            return self
        if lazy.resetting or not lazy.port.taking():
            return self._pass(kind, sql, args, options)
        with lazy.port.noting:
            call = self._call(kind, sql, args)
            step = lazy.port.begin(call.call)
        if step.mode == "pass":
            return self._pass(kind, sql, args, options)
        lazy.used = True
        if step.mode == "replay":
            yield_once(lazy.dialect)
            outcome = step.outcome(is_read_only=True)
            lazy.raise_recorded(outcome)
            lazy.note(lambda real: run_statement(real, kind, sql, *args))
            self._replay(outcome, step)
            return self
        was_run = False
        with lazy.recording(step, call):
            self._run(step, call, lambda cursor: getattr(cursor, kind)(sql, *args, **options))
            was_run = True
        # The driver reads the real results with the real numbers of types.
        if step.mode == "verify" and not (lazy.setting_up and was_run):
            outcome = with_secrets(step.outcome(), *self._seen)
            lazy.raise_recorded(outcome)
            self._replay(outcome, step)
        return self

    def _call(self, kind: str, sql: Any, args: tuple[Any, ...]) -> StatementCall:
        lazy = self._lazy
        return StatementCall(
            sql.decode() if isinstance(sql, bytes) else str(sql),
            args[0] if args else None,
            database=lazy.place,
            redactor=lazy.port.redactor,
            names=self._names,
            many=kind == "executemany",
            shared=lazy.setting_up,
        )

    def _read_all(self) -> Sequence[Any]:
        if not self.description:
            return []
        rows: Sequence[Any] = self._real.fetchall()
        self._copy_result()  # some drivers know the number of rows only after the last one
        return rows

    def _pass(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self._lazy.used = True
        self._open(self._lazy.connect())
        self._is_live = True
        getattr(self._real, kind)(sql, *args, **options)
        self._copy_result()
        return self

    def _open(self, connection: Any) -> None:
        if self._real is None:
            self._real = connection.cursor(*self._args, **self._kwargs)
        if self._input_sizes is not None:
            self._real.setinputsizes(*self._input_sizes)
        # asyncpg's adapter keeps the age of its cache in an attribute with an underscore.
        for name, value in self.__dict__.items():
            if name == "_invalidate_schema_cache_asof" or not (name.startswith("_") or name in _OF_RESULT):
                setattr(self._real, name, value)

    def _copy_result(self) -> None:
        real = self._real
        self._result = Result(real.description, real.rowcount, getattr(real, "lastrowid", None))
        # While a result is verified in parts, the recorded one is shown.
        if self._partial is None or self._partial[0].mode == "run":
            self.description, self.rowcount, self.lastrowid = self._result

    def _run(self, step: Step, call: SqlCall, execute: Callable[[Any], Any]) -> None:
        lazy = self._lazy
        connection = lazy.connect() if lazy.setting_up else lazy.catch_up()
        with step.running():
            self._open(connection)
            execute(self._real)
            self._copy_result()
            if self._args or self._kwargs.get("server_side"):
                self._partial = step, call, []
                return
            rows = self._read_all()
            self._close_real()
        self._rows = iter(rows)
        plain = self._stored(call, rows)
        step.finish(plain)
        if step.mode == "verify":
            self._seen = plain, self._stored(call, rows, is_open=True)

    def _close_real(self) -> None:
        real, self._real = self._real, None
        real.close()

    # -- outcomes

    def _stored(
        self, call: SqlCall, rows: Sequence[Any], *, is_whole: bool = True, is_open: bool = False
    ) -> dict[str, Any]:
        """Return the outcome as plain data. Without `is_whole`, there may be other rows; if `is_open`, it has its secrets."""
        lazy, (description, rowcount, lastrowid) = self._lazy, self._result
        outcome: dict[str, Any] = {}
        if description:
            names = [str(column[0]) for column in description]
            hidden = [False] * len(names) if is_open else call.hidden_columns(names)
            outcome["columns"] = store_columns(description, lazy.dbapi)
            outcome["rows"] = store_rows(rows, names, hidden, None if is_open else lazy.port.redactor)
        if rowcount != -1:
            outcome["rowcount"] = rowcount
        if lastrowid is not None and call.call.signature.startswith(("INSERT", "REPLACE")):
            outcome["lastrowid"] = to_plain(lastrowid, "lastrowid")
        if not is_whole:
            outcome["end"] = False
        elif len(rows) > 1 and call.is_unordered:
            outcome["unordered"] = True
        if lazy.setting_up:
            outcome["setup"] = True
        return outcome

    def _replay(self, outcome: dict[str, Any], step: Step) -> None:
        self.rowcount = outcome.get("rowcount", -1)
        if "lastrowid" in outcome:
            self.lastrowid = from_plain(outcome["lastrowid"])
        if "columns" not in outcome:
            return
        self.description = load_columns(outcome["columns"], self._lazy.dbapi)
        rows = load_rows(outcome["rows"])
        self._rows = iter(rows) if outcome.get("end", True) else _until_missing(rows, step)

    # -- reading

    def fetchone(self) -> Any:
        rows = self._fetch(1, lambda real: [real.fetchone()])
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> Any:
        count = self.arraysize if size is None else size
        return self._fetch(count, lambda real: real.fetchmany(count))

    def fetchall(self) -> Any:
        return self._fetch(None, lambda real: real.fetchall())

    def _fetch(self, count: int | None, read: Callable[[Any], Any]) -> list[Any]:
        if self._is_live:
            return self._read_on(read)
        if self._partial is None:
            return list(islice(self._rows, count))
        step, call, so_far = self._partial
        given: list[Any] = []
        with self._lazy.recording(step, call):
            with step.running():
                given = self._read_on(read)
            so_far += given
        if step.mode == "verify":
            given = list(islice(self._rows, count))
        with self._lazy.recording(step, call):
            if count is None or not given:
                self._finish_partial(is_whole=True)
        return given

    def _read_on(self, read: Callable[[Any], Any]) -> list[Any]:
        rows = [row for row in read(self._real) if row is not None]
        # psycopg2's cursors on the server describe their rows with the first of them.
        if self._result.description is None:
            self._copy_result()
        return rows

    def _finish_partial(self, *, is_whole: bool) -> None:
        partial, self._partial = self._partial, None
        if partial is not None:
            step, call, rows = partial
            step.finish(self._stored(call, rows, is_whole=is_whole))

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        """Close the cursor. A result that was not read to its end is recorded as far as it was read."""
        try:
            self._finish_partial(is_whole=False)
        finally:
            if self._real is not None:
                self._close_real()
            if not self._is_live:
                self._rows = iter(())
                if self._lazy.dialect.driver in _WITHOUT_COUNT:
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


def _until_missing(rows: list[Any], step: Step) -> Iterator[Any]:
    """Yield the rows of a recording that ended early; MissingRecordingError if the application reads further."""
    yield from rows
    raise step.exhausted()

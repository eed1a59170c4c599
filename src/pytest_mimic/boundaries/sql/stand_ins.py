"""Stand-ins for a driver's connection and cursor: SQLAlchemy uses them as if they were the driver's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_mimic.boundaries.sql.calls import Sent, load_columns, load_rows, store_columns, store_rows
from pytest_mimic.boundaries.sql.connection import Line, Names, Operation, pause, wait
from pytest_mimic.boundaries.values import from_plain, to_plain
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Step

#: Methods that set a connection up and give nothing back.
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
#: What a new connection of any driver says of itself.
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
#: Drivers whose cursors do not know their row count any more when they are closed.
_FORGETTING = frozenset(("psycopg", "psycopg_async"))
_STATE_OF_SQLITE: dict[str, Any] = {"autocommit": -1, "isolation_level": ""}


class StandInConnection:
    """What the pool holds instead of the driver's connection."""

    def __init__(self, line: Line) -> None:
        object.__setattr__(self, "_line", line)

    _line: Line

    def __repr__(self) -> str:
        return (
            f"<stand-in for {self._line.real!r}>"
            if self._line.real is not None
            else "<stand-in, not connected>"
        )

    # -- PEP 249

    def cursor(self, *args: Any, **kwargs: Any) -> StandInCursor:
        """A cursor; with arguments, one at the server's side."""
        return StandInCursor(self._line, args, kwargs)

    def execute(self, *args: Any) -> StandInCursor:
        """A cursor that has executed a statement."""
        cursor = self.cursor()
        cursor.execute(*args)
        return cursor

    def commit(self) -> None:
        """Commits."""
        __tracebackhide__ = True
        self._line.commit()

    def rollback(self) -> None:
        """Rolls back."""
        self._line.rollback()

    def close(self) -> None:
        """Closes the real connection, where there is one."""
        self._line.hang_up("close")

    def terminate(self) -> None:
        """Closes the real connection without a word to the server."""
        self._line.hang_up("terminate")

    # -- what drivers add

    @property
    def closed(self) -> bool:
        """Whether it was closed, by us or by the server."""
        return self._line.closed or self._line.is_gone()

    @property
    def broken(self) -> bool:
        """Whether the server is gone."""
        return self._line.is_gone()

    @property
    def in_transaction(self) -> bool:
        """Whether statements were sent since the last commit or rollback."""
        return self._line.used

    @property
    def info(self) -> StandInInfo:
        """What psycopg tells about a connection."""
        return StandInInfo(self._line)

    @property
    def adapters(self) -> Any:
        """psycopg's conversions."""
        return _adapters(self._line)

    @property
    def _connection(self) -> StandInDriver:
        return StandInDriver(self._line)

    @property
    def driver_connection(self) -> Any:
        """The async driver's connection."""
        return StandInDriver(self._line)

    def await_(self, awaitable: Any) -> Any:
        """Waits for what an async driver does, as adapters of SQLAlchemy 2.0 do."""
        return wait(awaitable)  # pragma: no cover (SQLAlchemy 2.0)

    def run_async(self, function: Callable[[Any], Any]) -> Any:
        """Runs an async function on the async driver's connection."""
        return wait(function(StandInDriver(self._line)))

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        line: Line = self._line
        if name.startswith("_"):
            raise AttributeError(name)
        if name in line.settings:
            return line.settings[name]
        if name in _STATE:
            return _state(line, name)
        if name.startswith(_CONFIGURING):
            return _configuring(line, name)
        return _asked(line, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._line.settings[name] = value
        self._line.configure(Operation("set", name, (value,)))


class StandInDriver:
    """What an adapter holds: the connection of an async driver."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def is_closed(self) -> bool:
        """Whether it is closed, as asyncpg tells."""
        return self._line.closed or self._line.is_gone()

    @property
    def info(self) -> StandInInfo:
        """What psycopg tells about a connection."""
        return StandInInfo(self._line)

    @property
    def adapters(self) -> Any:
        """psycopg's conversions."""
        return _adapters(self._line)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        line = self._line

        async def call(*args: Any, **kwargs: Any) -> Any:
            if name.startswith(_CONFIGURING):
                if line.real is not None:
                    return await getattr(line.real._connection, name)(*args, **kwargs)
                return line.note(Operation("driver", name, args, kwargs))
            with line.port.noting:
                raise UnstorableOutcomeError(
                    f"the driver's own {name}() is used, which cannot be recorded",
                    facts=["statements are recorded where SQLAlchemy sends them"],
                    path=name,
                )

        return call


class StandInInfo:
    """psycopg's `connection.info`: the transaction's state is known here, the rest is asked once and recorded."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def transaction_status(self) -> Any:
        """Idle, in a transaction, or in one that has failed."""
        from psycopg.pq import TransactionStatus

        if self._line.real is not None:
            return self._line.real.info.transaction_status
        if not self._line.used:
            return TransactionStatus.IDLE
        return TransactionStatus.INERROR if self._line.failed else TransactionStatus.INTRANS

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _asked(self._line, f"info.{name}")


def _state(line: Line, name: str) -> Any:
    if line.real is not None and hasattr(line.real, name):
        return getattr(line.real, name)
    if line.dialect.name == "sqlite" and name in _STATE_OF_SQLITE:
        return _STATE_OF_SQLITE[name]
    return _STATE[name]


def _adapters(line: Line) -> Any:
    """A connection's own map; what a dialect registers goes into the dialect's map as well, and with it to the real one."""
    if line.real is not None:
        return line.real.adapters
    if "adapters" not in line.settings:
        from psycopg import adapters
        from psycopg.adapt import AdaptersMap

        line.settings["adapters"] = AdaptersMap(
            getattr(line.dialect, "_psycopg_adapters_map", None) or adapters
        )
    return line.settings["adapters"]


def _configuring(line: Line, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name.startswith("set_") and len(args) == 1:
            line.settings[name.removeprefix("set_")] = args[0]
        if name == "set_isolation_level":
            line.settings["autocommit"] = args[0] == "autocommit"
        return line.configure(Operation("call", name, args, kwargs))

    return call


def _asked(line: Line, name: str) -> Any:
    """An attribute of the driver's connection, recorded; a method's answers are recorded call by call."""
    __tracebackhide__ = True

    def find() -> Any:
        found = line.real
        for step in name.split("."):
            found = getattr(found, step, _ABSENT)
        return found

    def read() -> dict[str, Any]:
        found = find()
        if found is _ABSENT:
            return {"absent": True}
        return {"method": True} if callable(found) else {"value": to_plain(found, name)}

    def call(*args: Any) -> Any:
        action = f"CALL {name}"
        # Ids of two-phase transactions are drawn anew each time.
        detail = None if name.startswith("tpc_") else to_plain(list(args), name)
        told = line.ask(
            action, lambda: {"value": to_plain(find()(*args), name)}, detail=detail, shared=line.setting_up
        )
        return from_plain(told["value"])

    told = line.ask(f"ATTRIBUTE {name}", read, shared=line.setting_up)
    if "absent" in told:
        raise AttributeError(name)
    return call if "method" in told else from_plain(told["value"])


_ABSENT = object()


class StandInCursor:
    """What a connection's `cursor()` gives instead of the driver's.

    Args:
        line: The connection's state.
        args: The arguments of `cursor()`; any make a cursor at the server's side, which is read by parts.
        kwargs: Its keyword arguments.
    """

    arraysize = 1

    def __init__(self, line: Line, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        self._line = line
        self._args = args
        self._kwargs = kwargs or {}
        self._real: Any = None
        self._input_sizes: tuple[Any, ...] | None = None
        self._names = Names()
        self._reset()

    def _reset(self) -> None:
        self.description: Sequence[Sequence[Any]] | None = None
        self.rowcount = -1
        self.lastrowid: Any = None
        self._rows: Iterator[Any] = iter(())
        self._part: _Part | None = None
        self._is_live = False

    @property
    def connection(self) -> StandInConnection:
        """The connection that it belongs to."""
        return StandInConnection(self._line)

    # -- executing

    def _name_parameters(self, names: Names) -> None:
        """Says what the parameters of the next statement are called in SQLAlchemy."""
        self._names = names

    def execute(self, sql: Any, *args: Any, **options: Any) -> Any:
        """Executes a statement with its parameters; `options` are the driver's own."""
        __tracebackhide__ = True
        return self._execute("execute", sql, args, options)

    def executemany(self, sql: Any, parameters: Any, *args: Any) -> Any:
        """Executes a statement with many sets of parameters."""
        __tracebackhide__ = True
        return self._execute("executemany", sql, (list(parameters), *args), {})

    def _execute(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        line = self._line
        names, self._names = self._names, Names()
        self._reset()
        if line.resetting and line.real is None:
            line.note(Operation(kind, sql, args))
            return self
        if line.resetting or not line.port.taking():
            return self._pass(kind, sql, args, options)
        parameters = args[0] if args else None
        sent = line.statement(_text(sql), parameters, names=names, many=kind == "executemany")
        with line.port.noting:
            step = line.port.begin(sent.call)
        if step.mode == "pass":
            return self._pass(kind, sql, args, options)
        line.used = True
        if step.mode == "replay":
            pause(line.dialect)
            outcome = step.outcome()
            line.note(Operation(kind, sql, args, failed="error" in outcome))
            line.raise_recorded(outcome)
            self._replay(outcome, step)
            return self
        with line.recording(step, sent):
            self._run(step, sent, lambda cursor: getattr(cursor, kind)(sql, *args, **options))
        return self

    def _pass(self, kind: str, sql: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Lets the driver do it; nothing is recorded."""
        self._line.used = True
        self._open(self._line.connect_alone())
        self._is_live = True
        getattr(self._real, kind)(sql, *args, **options)
        self._take_over()
        return self

    def _open(self, connection: Any) -> None:
        if self._real is None:
            self._real = connection.cursor(*self._args, **self._kwargs)
        if self._input_sizes is not None:
            self._real.setinputsizes(*self._input_sizes)
        for name, value in self.__dict__.items():
            if not name.startswith("_") and name not in ("description", "rowcount", "lastrowid"):
                setattr(self._real, name, value)
        if (
            "_invalidate_schema_cache_asof" in self.__dict__
        ):  # asyncpg's adapter looks here for its cache's age
            self._real._invalidate_schema_cache_asof = self.__dict__["_invalidate_schema_cache_asof"]

    def _take_over(self) -> None:
        """Takes what the real cursor says after executing."""
        self.description = self._real.description
        self.rowcount = self._real.rowcount
        self.lastrowid = getattr(self._real, "lastrowid", None)

    def _run(self, step: Step, sent: Sent, execute: Callable[[Any], Any]) -> None:
        line = self._line
        connection = line.connect() if line.setting_up else line.catch_up()
        with step.running():
            self._open(connection)
            execute(self._real)
            self._take_over()
            if self._is_at_server:
                self._part = _Part(self, step, sent)
                return
            rows = self._real.fetchall() if self.description else []
            if self.description:
                # Drivers that read as they go know the count at the end only.
                self.rowcount = self._real.rowcount
            self._let_go()
        self._rows = iter(rows)
        step.finish(self.stored(sent, rows))

    @property
    def _is_at_server(self) -> bool:
        return bool(self._args) or bool(self._kwargs.get("server_side"))

    def _let_go(self) -> None:
        """Closes the real cursor: what it has is here."""
        real, self._real = self._real, None
        real.close()

    # -- outcomes

    def stored(self, sent: Sent, rows: Sequence[Any], *, is_whole: bool = True) -> dict[str, Any]:
        """The outcome as plain data."""
        line = self._line
        outcome: dict[str, Any] = {}
        if self.description:
            names = [str(column[0]) for column in self.description]
            outcome["columns"] = store_columns(self.description, line.dbapi)
            secret = sent.secret_columns(names, line.port.redactor)
            outcome["rows"] = store_rows(rows, names, secret, line.port.redactor)
        if self.rowcount != -1:
            outcome["rowcount"] = self.rowcount
        if self.lastrowid is not None and sent.call.signature.startswith(("INSERT", "REPLACE")):
            outcome["lastrowid"] = to_plain(self.lastrowid, "lastrowid")
        if not is_whole:
            outcome["end"] = False
        elif len(rows) > 1 and sent.is_unordered:
            outcome["unordered"] = True
        if line.setting_up:
            outcome["setup"] = True
        return outcome

    def _replay(self, outcome: dict[str, Any], step: Step) -> None:
        self.rowcount = outcome.get("rowcount", -1)
        self.lastrowid = from_plain(outcome.get("lastrowid"))
        if "columns" not in outcome:
            return
        self.description = load_columns(outcome["columns"], self._line.dbapi)
        rows = load_rows(outcome["rows"])
        self._rows = iter(rows) if outcome.get("end", True) else _until_missing(rows, step)

    # -- reading

    def fetchone(self) -> Any:
        """The next row, or None."""
        if self._is_live:
            return self._fetched(self._real.fetchone())
        if self._part is not None:
            rows = self._part.read(lambda real: [real.fetchone()])
            return rows[0] if rows else None
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> Any:
        """The next rows."""
        count = self.arraysize if size is None else size
        if self._is_live:
            return self._fetched(self._real.fetchmany(count))
        if self._part is not None:
            return self._part.read(lambda real: real.fetchmany(count))
        return list(islice(self._rows, count))

    def fetchall(self) -> Any:
        """All rows that are left."""
        if self._is_live:
            return self._fetched(self._real.fetchall())
        if self._part is not None:
            return self._part.read(lambda real: real.fetchall(), is_all=True)
        return list(self._rows)

    def _fetched(self, rows: Any) -> Any:
        """psycopg2's cursors at the server's side describe their rows with the first of them."""
        if self.description is None:
            self._take_over()
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        """Ends the reading; a stream that was not read to its end is recorded as far as it was read."""
        part, self._part = self._part, None
        try:
            if part is not None:
                part.finish(is_whole=False)
        finally:
            if self._real is not None:
                self._let_go()
            if not self._is_live:
                self._rows = iter(())
                if self._line.dialect.driver in _FORGETTING:
                    self.rowcount = -1

    async def _async_soft_close(self) -> None:
        if self._real is not None:
            await self._real._async_soft_close()

    def __enter__(self) -> StandInCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what drivers add

    def setinputsizes(self, *sizes: Any) -> None:
        """Tells the driver the types of the parameters."""
        self._input_sizes = sizes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self.__dict__.get("_real") is None:
            raise AttributeError(name)
        return getattr(self._real, name)


def _text(sql: Any) -> str:
    return sql.decode() if isinstance(sql, bytes) else str(sql)


class _Part:
    """What a cursor at the server's side is being read for: recorded as far as it was read."""

    def __init__(self, cursor: StandInCursor, step: Step, sent: Sent) -> None:
        self._cursor = cursor
        self._step = step
        self._sent = sent
        self._rows: list[Any] = []
        self._is_done = False

    def read(self, fetch: Callable[[Any], Any], *, is_all: bool = False) -> list[Any]:
        """Reads on; with the last rows, or none, the outcome is whole."""
        with self._cursor._line.recording(self._step, self._sent):
            with self._step.running():
                fetched = self._cursor._fetched(fetch(self._cursor._real))
                rows = [row for row in fetched if row is not None]
            self._rows += rows
            if is_all or not rows:
                self.finish(is_whole=True)
        return rows

    def finish(self, *, is_whole: bool) -> None:
        """Records what was read."""
        if not self._is_done:
            self._is_done = True
            self._step.finish(self._cursor.stored(self._sent, self._rows, is_whole=is_whole))


def _until_missing(rows: list[Any], step: Step) -> Iterator[Any]:
    """The rows that were read while recording; there may have been more.

    Raises:
        MissingRecordingError: They are read further.
    """
    __tracebackhide__ = True
    yield from rows
    raise step.exhausted()

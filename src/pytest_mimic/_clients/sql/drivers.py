"""What drivers do beyond their results.

They refuse a closed cursor, and tell that a connection is lost.

A stand-in has no driver's object to ask in a replay. So this module has the rules, as
they were tried with each driver: what a driver raises, and in which attributes of its
connections SQLAlchemy's dialects look after an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Refusal(NamedTuple):
    """An error that a driver raises by itself.

    It has the name of one of PEP 249's classes, and a text.
    """

    kind: str
    text: str

    def error(self, dbapi: Any) -> Exception:
        """Return the error. `dbapi` is the driver's module."""
        error_class: type[Exception] = getattr(dbapi, self.kind)
        return error_class(self.text)


class CursorRules(NamedTuple):
    """What a driver refuses at a cursor.

    Attributes:
        closed: The error of a statement at a closed cursor; None where it is executed.
        guards_reading: Whether reading at a closed cursor is that error, too.
        empty: The error of reading after a statement that has no result; None where
            there are no rows then.
        unused: The error of reading before any statement, where it is another one.
    """

    closed: Refusal | None = None
    guards_reading: bool = True
    empty: Refusal | None = None
    unused: Refusal | None = None


_NO_RECORDS = "the last operation didn't produce records"
_UNEXECUTED = Refusal("ProgrammingError", "attempting to use unexecuted cursor")
# By the name of a dialect's driver.
_RULES_OF_DRIVERS = {
    "pysqlite": CursorRules(
        Refusal("ProgrammingError", "Cannot operate on a closed cursor.")
    ),
    "psycopg": CursorRules(
        Refusal("InterfaceError", "the cursor is closed"),
        empty=Refusal("ProgrammingError", _NO_RECORDS),
        unused=Refusal("ProgrammingError", "no result available"),
    ),
    "psycopg2": CursorRules(
        Refusal("InterfaceError", "cursor already closed"),
        empty=Refusal("ProgrammingError", "no results to fetch"),
    ),
    "pg8000": CursorRules(
        Refusal("InterfaceError", "Cursor closed"),
        guards_reading=False,
        empty=_UNEXECUTED,
    ),
    "aiosqlite": CursorRules(
        Refusal("ProgrammingError", "Cannot operate on a closed cursor."),
        guards_reading=False,
    ),
    "asyncpg": CursorRules(guards_reading=False),
}
# SQLAlchemy's cursor above psycopg's asyncio one reads from a list of its own.
_ASYNC_PSYCOPG = CursorRules(
    Refusal("InterfaceError", "the cursor is closed"), guards_reading=False
)
# PEP 249 wants an error from any driver: "The cursor will be unusable from this point
# forward."
_RULES_OF_OTHERS = CursorRules(Refusal("ProgrammingError", "the cursor is closed"))
_RULES_OF_OTHER_ASYNC = CursorRules(guards_reading=False)


def cursor_rules(dialect: Any) -> CursorRules:
    """Return the rules of the driver below one of SQLAlchemy's dialects."""
    if dialect.driver in ("psycopg", "psycopg_async") and dialect.is_async:
        return _ASYNC_PSYCOPG
    rules_of_others = _RULES_OF_OTHERS
    if dialect.is_async:
        rules_of_others = _RULES_OF_OTHER_ASYNC
    return _RULES_OF_DRIVERS.get(dialect.driver, rules_of_others)


def state_after_error(connection: Any) -> dict[str, Any]:
    """Return what a driver's connection tells of its end; nothing while it is open.

    For example `{"closed": 2}` with psycopg2, or `{"is_closed": True}` with asyncpg.

    Args:
        connection: The driver's connection, or SQLAlchemy's adapter of an async one.
    """
    state: dict[str, Any] = {}
    for name in ("closed", "broken"):
        value = getattr(connection, name, False)
        if value and isinstance(value, (bool, int)):
            state[name] = value
    is_closed = getattr(getattr(connection, "_connection", None), "is_closed", None)
    if is_closed is not None and is_closed():
        state["is_closed"] = True
    return state


class InnerConnection:
    """The connection of an async driver.

    SQLAlchemy asks whether it `is_closed`.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def is_closed(self) -> bool:
        return bool(self._state.get("is_closed"))

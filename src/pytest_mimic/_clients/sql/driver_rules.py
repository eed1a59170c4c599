"""What drivers of databases do beyond their results, so that a stand-in does as well.

They refuse a closed cursor, tell that a connection is lost, and have methods of their
own, which cannot be recorded.

A stand-in has no driver's object to ask in a replay. So this module has the rules, as
they were tried with each driver: what a driver raises, and in which attributes of its
connections SQLAlchemy's dialects look after an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple


class Refusal(NamedTuple):
    """An error that a driver raises by itself.

    It has the name of one of PEP 249's classes, and a text.
    """

    class_name: str
    text: str

    def error(self, dbapi: Any) -> Exception:
        """Return the error, for a stand-in cursor to raise it as the driver would.

        `dbapi` is the driver's module.
        """
        error_class: type[Exception] = getattr(dbapi, self.class_name)
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
# By the name of a dialect's driver, what its cursors refuse.
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

    For example `{"closed": 2}` with psycopg2, or `{"is_closed": True}` with asyncpg. It
    is recorded with an error, so that SQLAlchemy drops the connection in a replay, too.

    Args:
        connection: The driver's connection, or SQLAlchemy's adapter of an async one.
    """
    state: dict[str, Any] = {}
    for attribute in ("closed", "broken"):
        value = getattr(connection, attribute, False)
        if value and isinstance(value, (bool, int)):
            state[attribute] = value
    is_closed = getattr(getattr(connection, "_connection", None), "is_closed", None)
    if is_closed is not None and is_closed():
        state["is_closed"] = True
    return state


def classes_of_driver(dialect: Any, kind: Literal["Connection", "Cursor"]) -> list[Any]:
    """Return the classes of what SQLAlchemy holds, a driver's connection or cursor.

    `has_method` searches them. Of an async driver, SQLAlchemy holds an adapter. The
    list is empty for an unknown driver.
    """
    if dialect.is_async:
        adapters = sys.modules.get("sqlalchemy.connectors.asyncio")
        return _classes_in([adapters], f"AsyncAdapt_dbapi_{kind.lower()}")
    extensions = getattr(dialect.dbapi, "extensions", None)
    return [
        *_classes_in([dialect.dbapi], kind),
        # psycopg2 has its classes here.
        *_classes_in([extensions], kind.lower()),
    ]


def inner_classes(dialect: Any) -> list[Any]:
    """Return the classes of the connection below SQLAlchemy's adapter of it."""
    driver = _async_module(dialect)
    # The first name is psycopg's, the other that of asyncpg and aiosqlite.
    return _classes_in([driver], "AsyncConnection") or _classes_in(
        [driver], "Connection"
    )


def info_classes(dialect: Any) -> list[Any]:
    """Return the classes of the `info` of psycopg's and psycopg2's connections."""
    extensions = getattr(dialect.dbapi, "extensions", None)
    modules = [dialect.dbapi, extensions, _async_module(dialect)]
    return _classes_in(modules, "ConnectionInfo")


def _async_module(dialect: Any) -> Any:
    """Return the module of an async driver: `psycopg` of `psycopg_async`."""
    return sys.modules.get(dialect.driver.removesuffix("_async"))


def _classes_in(modules: Iterable[Any], name: str) -> list[Any]:
    """Return the classes of a name in those of the modules that have it.

    The name of a driver's class differs by driver, so that several are tried.
    """
    classes = []
    for module in modules:
        member = getattr(module, name, None)
        if isinstance(member, type):
            classes.append(member)
    return classes


def has_method(classes: Iterable[Any], name: str) -> bool:
    """Check whether a driver's class has a public method of a name.

    A stand-in refuses to call such a method, and has no other attribute.
    """
    if name.startswith("_"):
        return False
    for driver_class in classes:
        member = getattr(driver_class, name, None)
        # PEP 249 lets a connection have the classes of errors.
        if callable(member) and not isinstance(member, type):
            return True
    return False


class InnerConnection:
    """Stands in for the connection of an async driver, below SQLAlchemy's adapter.

    SQLAlchemy asks whether it `is_closed`. Everything else is the application's.

    Args:
        state: What `state_after_error` tells of the connection.
        find_attribute: Returns another attribute by its name, or raises an error.
    """

    def __init__(
        self, state: dict[str, Any], find_attribute: Callable[[str], Any]
    ) -> None:
        self._state = state
        self._find_attribute = find_attribute

    def is_closed(self) -> bool:
        """Tell SQLAlchemy whether a recorded error has ended the connection."""
        return bool(self._state.get("is_closed"))

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the async driver's connection, or refuse it."""
        return self._find_attribute(name)


class ConnectionInfo:
    """Stands in for the attribute `info` of psycopg's connections.

    SQLAlchemy reads the transaction's state to see whether a transaction is open.

    Args:
        transaction_status: The state.
        find_attribute: Returns another attribute by its name, or raises an error.
    """

    def __init__(
        self, transaction_status: int, find_attribute: Callable[[str], Any]
    ) -> None:
        self.transaction_status = transaction_status
        self._find_attribute = find_attribute

    def __getattr__(self, name: str) -> Any:
        return self._find_attribute(name)

"""Rows of a result and errors of a driver, as plain data and back."""

from __future__ import annotations

import sys
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from pytest_mimic.client import Plain
from pytest_mimic.errors import UnstorableOutcomeError
from pytest_mimic.values import database

_OF_PYTHON = frozenset({"args", "with_traceback", "add_note"})


class Result(NamedTuple):
    """What a cursor holds after a statement.

    Attributes:
        columns: The description by PEP 249; None: the statement has no rows.
        rows: The rows, in the class in which the driver gives them.
        rowcount: How many rows it has given or changed.
        lastrowid: The id of the row that it has inserted.
        is_ordered: Whether the statement gives an order of its rows.
    """

    columns: list[tuple[Any, ...]] | None = None
    rows: Sequence[Any] = ()
    rowcount: int = -1
    lastrowid: int | None = None
    is_ordered: bool = True


def answer_of(result: Result) -> Plain:
    """Return a result as plain data, its rows by column.

    Raises:
        UnstorableOutcomeError: A value cannot come back in its class.
    """
    answer: Plain = {}
    if result.columns is not None:
        answer["columns"] = [column[0] for column in result.columns]
        types = [database.described(column[1]) for column in result.columns]
        if any(one is not None for one in types):
            answer["types"] = types
        kind = _kind_of(result.rows[0]) if result.rows else ""
        if kind:
            answer["row"] = kind
        keys = row_keys(answer["columns"])
        answer["rows"] = [
            _plain_row(row, keys, index) for index, row in enumerate(result.rows)
        ]
        if not result.is_ordered and len(result.rows) > 1:
            answer["unordered"] = True
    answer["count"] = result.rowcount
    if result.columns is None and result.lastrowid:
        answer["lastrowid"] = result.lastrowid
    return answer


def result_of(answer: Plain) -> Result:
    """Return the result that was stored.

    Raises:
        CorruptRecordingError: Nothing can be made of a value.
    """
    count, lastrowid = answer.get("count", -1), answer.get("lastrowid")
    if "columns" not in answer:
        return Result(None, (), count, lastrowid)
    names = answer["columns"]
    types = answer.get("types") or [None] * len(names)
    columns = [(name, type_, *[None] * 5) for name, type_ in zip(names, types)]
    rows = [tuple(map(database.made, row.values())) for row in answer["rows"]]
    made = _in_class(rows, names, answer.get("row", ""))
    return Result(columns, made, count, lastrowid)


def row_keys(columns: Sequence[str]) -> list[str]:
    """Return the names of the columns, each once.

    A column without a name of its own has the text of its expression, which may hold
    anything: it is named by its place.
    """
    keys: list[str] = []
    for number, column in enumerate(columns, 1):
        key = str(column)
        if not key or set(key) & set("'=<>$"):
            key = f"column {number}"
        keys.append(f"{key} {number}" if key in keys else key)
    return keys


def _plain_row(row: Any, keys: Sequence[str], index: int) -> Plain:
    values = row.values() if isinstance(row, Mapping) else row
    return {
        key: database.stored(value, f"rows[{index}].{key}")
        for key, value in zip(keys, values)
    }


def _kind_of(row: Any) -> str:
    """Return the class of rows, where it is none of plain tuples.

    Raises:
        UnstorableOutcomeError: A replay could not make such rows.
    """
    kind = type(row)
    # SQLAlchemy itself reads the records of asyncpg, as tuples.
    if kind is tuple or kind.__module__.partition(".")[0] == "asyncpg":
        return ""
    if kind in (list, dict):
        return kind.__name__
    if f"{kind.__module__}.{kind.__qualname__}" == "sqlite3.Row":
        return "sqlite3.Row"
    if kind.__bases__ == (tuple,) and hasattr(kind, "_fields"):
        return f"namedtuple {kind.__name__}"
    what = f"a row of {kind.__module__}.{kind.__qualname__}"
    raise UnstorableOutcomeError("the outcome cannot be stored", [what])


def _in_class(rows: list[tuple[Any, ...]], names: list[str], kind: str) -> list[Any]:
    """Return rows in the class in which the driver gave them."""
    if not kind:
        return [*rows]
    if kind == "list":
        return [[*row] for row in rows]
    if kind == "dict":
        return [dict(zip(names, row)) for row in rows]
    if kind == "sqlite3.Row":
        return _sqlite_rows(rows, names)
    made = namedtuple(kind.partition(" ")[2], names)  # type: ignore[misc]
    return [made(*row) for row in rows]


def _sqlite_rows(rows: list[tuple[Any, ...]], names: list[str]) -> list[Any]:
    import sqlite3  # few results have such rows

    columns = ", ".join(
        'NULL AS "{}"'.format(name.replace('"', '""')) for name in names
    )
    connection = sqlite3.connect(":memory:")
    try:
        cursor = connection.execute(f"SELECT {columns}")
        return [sqlite3.Row(cursor, row) for row in rows]
    finally:
        connection.close()


# -- errors


def error_of(error: BaseException, *, closes: bool = False) -> Plain:
    """Return an error of a driver as plain data.

    Args:
        error: The error.
        closes: Whether it has ended the connection.

    Raises:
        UnstorableOutcomeError: An argument cannot come back in its class.
    """
    kind = type(error)
    plain: Plain = {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "args": [
            database.stored(argument, f"error.args[{index}]")
            for index, argument in enumerate(error.args)
        ],
    }
    attributes = _plain_attributes(error, _names_of_data(error))
    diagnostics = getattr(error, "diag", None)
    if diagnostics is not None:
        # What PostgreSQL says of an error: the constraint, the table, a hint.
        said = _plain_attributes(diagnostics, dir(diagnostics))
        plain |= {"diag": said} if said else {}
    if attributes:
        plain["attributes"] = attributes
    if error.__cause__ is not None:
        plain["cause"] = error_of(error.__cause__)
        held = vars(error).items()
        plain["held"] = [name for name, value in held if value is error.__cause__]
    if closes:
        plain["closes"] = True
    return plain


def made_error(plain: Plain) -> BaseException:
    """Return the error that was stored, made past `__init__` of its class.

    Raises:
        LookupError: Its class is gone.
    """
    cls = _class_of(plain["class"])
    attributes = dict(plain.get("attributes", {}))
    args = tuple(map(database.made, plain["args"]))
    if "diag" in plain:
        attributes |= _with_diagnostics(cls, plain["diag"])
    cls = _with_read_only(cls, attributes)
    error = cls.__new__(cls, *args)
    error.args = args
    for name, value in attributes.items():
        if getattr(error, name, None) is not value:
            object.__setattr__(error, name, value)
    if "cause" in plain:
        error.__cause__ = made_error(plain["cause"])
        vars(error).update(dict.fromkeys(plain.get("held", ()), error.__cause__))
    return error


def _names_of_data(error: BaseException) -> set[str]:
    """Return the names of what an error holds beside its arguments."""
    names = set(vars(error))
    for base in type(error).__mro__:
        if base.__module__ != "builtins":
            names.update(
                name for name, member in vars(base).items() if not callable(member)
            )
    return names


def _plain_attributes(holder: Any, names: Iterable[str]) -> Plain:
    found: Plain = {}
    for name in sorted(names):
        if name.startswith("_") or name in _OF_PYTHON:
            continue
        value = getattr(holder, name, None)
        if type(value) in (str, int, bool) and value != getattr(type(holder), name, ""):
            found[name] = value
    return found


def _class_of(name: str) -> type[BaseException]:
    """Return a class of a driver by its module and its name."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:end]))
        for part in parts[end:]:
            found = getattr(found, part, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    raise LookupError(f"{name} is no class of an error")


def _with_diagnostics(cls: type, diagnostics: Plain) -> dict[str, Any]:
    if cls.__module__.partition(".")[0] != "psycopg":
        return {"diag": SimpleNamespace(**diagnostics)}
    from psycopg.pq import DiagnosticField  # who has such an error has imported it

    # In this form the driver itself pickles them.
    fields: dict[Any, bytes | None] = dict.fromkeys(DiagnosticField)
    for name, value in diagnostics.items():
        if isinstance(value, str):
            fields[DiagnosticField[name.upper()]] = value.encode()
    return {"_info": fields, "_encoding": "utf-8"}


def _with_read_only(
    cls: type[BaseException], attributes: dict[str, Any]
) -> type[BaseException]:
    """Return the class, or one like it that has what nobody can set on an error."""
    read_only = {
        name: attributes.pop(name)
        for name in [*attributes]
        if type(getattr(cls, name, None)).__name__
        in ("member_descriptor", "getset_descriptor", "property")
    }
    if not read_only:
        return cls
    named = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return type(cls.__name__, (cls,), {**read_only, **named})

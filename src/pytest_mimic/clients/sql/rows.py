"""Rows of a result and errors of a driver, as plain data and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from pytest_mimic.client import Plain
from pytest_mimic.clients.sql import database
from pytest_mimic.errors import UnstorableOutcomeError
from pytest_mimic.values import errors
from pytest_mimic.values.classes import allowed, is_descriptor, refused
from pytest_mimic.values.names import member_of, name_of
from pytest_mimic.values.rows import checked

_NO_BEGINNING = vars(object)["__init_subclass__"]


class Result(NamedTuple):
    """What a cursor holds after a statement.

    Attributes:
        columns: The description by PEP 249; None: the statement has no rows.
        rows: The rows, in the class in which the driver gives them.
        rowcount: How many rows it has given or changed.
        lastrowid: The id of the row that it has inserted.
    """

    columns: list[tuple[Any, ...]] | None = None
    rows: Sequence[Any] = ()
    rowcount: int = -1
    lastrowid: int | None = None


def answer_of(result: Result, *, is_ordered: bool = True) -> Plain:
    """Return a result as plain data, its rows by column.

    Args:
        result: The result.
        is_ordered: Whether the statement gives an order of its rows.

    Raises:
        UnstorableOutcomeError: A value cannot come back in its class.
    """
    answer: Plain = {}
    if result.columns is not None:
        answer["columns"] = [column[0] for column in result.columns]
        types = [_code_of(column[1]) for column in result.columns]
        if any(one is not None for one in types):
            answer["types"] = types
        if result.rows and _is_list(result.rows[0]):
            answer["row"] = "list"
        keys = row_keys(answer["columns"])
        answer["rows"] = [
            {
                key: database.stored(value, f"rows[{index}].{key}")
                for key, value in zip(keys, row)
            }
            for index, row in enumerate(result.rows)
        ]
        if not is_ordered and len(result.rows) > 1:
            answer["unordered"] = True
    answer["count"] = result.rowcount
    if result.lastrowid:
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
    names = [checked(name, str) for name in answer["columns"]]
    types = answer.get("types") or [None] * len(names)
    columns = [(name, type_, *[None] * 5) for name, type_ in zip(names, types)]
    make = list if answer.get("row") == "list" else tuple
    rows = [make(map(database.made, row.values())) for row in answer["rows"]]
    return Result(columns, rows, count, lastrowid)


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
        while key in keys:
            key = f"{key} {number}"
        keys.append(key)
    return keys


def _code_of(type_: Any) -> Any:
    """Return a number or word for the type of a column; None: the driver has others."""
    return type_ if type(type_) in (int, str) else None


def _is_list(row: Any) -> bool:
    """Return whether rows are lists, and not tuples.

    Raises:
        UnstorableOutcomeError: They are neither, and a replay could not make them.
    """
    kind = type(row)
    # SQLAlchemy itself reads the records of asyncpg, as tuples.
    if kind in (tuple, list) or kind.__module__.partition(".")[0] == "asyncpg":
        return kind is list
    what = f"a row of {kind.__module__}.{kind.__qualname__}"
    raise UnstorableOutcomeError("the outcome cannot be stored", [what])


# -- errors


def error_of(error: BaseException) -> Plain:
    """Return an error of a driver as plain data.

    Raises:
        UnstorableOutcomeError: An argument cannot come back in its class.
    """
    plain: Plain = {
        "class": name_of(type(error)),
        "args": [
            database.stored(argument, f"error.args[{index}]")
            for index, argument in enumerate(error.args)
        ],
    }
    # What PostgreSQL says of an error: the constraint, the table, a hint.
    diagnostics = getattr(error, "diag", None)
    for part, holder in (("attributes", error), ("diag", diagnostics)):
        found = _plain_attributes(holder)
        if found:
            plain[part] = found
    if error.__cause__ is not None:
        plain["cause"] = error_of(error.__cause__)
        held = vars(error).items()
        plain["held"] = [name for name, value in held if value is error.__cause__]
    return plain


def text_of_error(plain: Plain) -> str:
    """Return class and arguments of a stored error, as verifying compares them."""
    arguments = ", ".join(map(str, plain["args"]))
    return f"{plain['class'].replace(':', '.')}: {arguments}"


def made_error(plain: Plain) -> Exception:
    """Return the error that was stored, made past `__init__` of its class.

    Raises:
        CorruptRecordingError: It may not be made.
        StaleRecordingError: Its class is gone.
    """
    cls: Any = allowed(plain["class"])
    if not issubclass(cls, Exception):
        raise refused(plain["class"], "it is no exception")
    attributes = dict(plain.get("attributes", {}))
    if "diag" in plain:
        attributes |= _with_diagnostics(cls, plain["diag"])
    cause = made_error(plain["cause"]) if "cause" in plain else None
    attributes |= dict.fromkeys(plain.get("held", ()), cause)
    args = tuple(map(database.made, plain["args"]))
    error: Exception = _with_attributes(cls, args, attributes)
    errors.complete(error, ({}, {"cause": cause}))
    return error


def _with_diagnostics(cls: type, diagnostics: Plain) -> dict[str, Any]:
    if cls.__module__.partition(".")[0] != "psycopg":
        return {"diag": SimpleNamespace(**diagnostics)}
    from psycopg.pq import DiagnosticField  # who has such an error has imported it

    # In this form the driver itself pickles them.
    fields: dict[Any, bytes | None] = dict.fromkeys(DiagnosticField)
    for name, value in diagnostics.items():
        fields[DiagnosticField[name.upper()]] = str(value).encode()
    return {"_info": fields, "_encoding": "utf-8"}


def _with_attributes(
    cls: type[Exception], args: tuple[object, ...], attributes: Mapping[str, Any]
) -> Any:
    """Return an error; of a similar class, if nobody can set an attribute."""
    read_only, own = {}, {}
    for name, value in attributes.items():
        if is_descriptor(member_of(cls, name)):
            read_only[name] = value
        else:
            own[name] = value
    if read_only:
        cls = _class_like(cls, read_only)
    error = errors.made_bare(cls, args)
    vars(error).update(own)
    return error


def _class_like(cls: type[Exception], attributes: Mapping[str, Any]) -> Any:
    """Return a class like a driver's class, whose objects have the attributes."""
    beginning = member_of(cls, "__init_subclass__")
    methods = [name for name in attributes if callable(member_of(cls, name))]
    if type(cls) is not type or beginning is not _NO_BEGINNING or methods:
        raise refused(name_of(cls), "its own code would run")
    named = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return type(cls.__name__, (cls,), {**attributes, **named})


def _plain_attributes(holder: Any) -> Plain:
    """Return the public plain data of an object, its class apart; of an error all."""
    found: Plain = {}
    # Of private data MySQL's connector makes the text of an error.
    own = vars(holder) if isinstance(holder, BaseException) else {}
    for name in dir(holder):
        is_told = name in own or not name.startswith("_")
        value = getattr(holder, name, None) if is_told else None
        of_class = getattr(type(holder), name, None)
        if type(value) in (str, int, bool) and value != of_class:
            found[name] = value
    return found

"""The results of statements as plain data without secrets: `cursor.description` and rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from json import dumps
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.redact.hiding import copied, places
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.database_values import PLAIN, blank, from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

_MEASURES = (bool, int, float, Decimal, dt.date, dt.time, dt.timedelta, type(None))


def store_columns(description: Sequence[Sequence[Any]], dbapi: Any) -> list[Any]:
    """Return `cursor.description` as plain data: a list for each column, without the Nones at its end.

    A type object of the driver is stored by its name in the driver.
    """

    def stored(part: object) -> Any:
        if type(part) in PLAIN:
            return part
        name = next((name for name, held in vars(dbapi).items() if held is part), None)
        return {"$dbapi": name} if name is not None else None

    columns = []
    for column in description:
        parts = [column[place] for place in range(7)]
        while parts[1:] and parts[-1] is None:
            parts.pop()
        columns.append(list(map(stored, parts)))
    return columns


def load_columns(columns: list[Any], dbapi: Any) -> tuple[tuple[Any, ...], ...]:
    def load(part: Any) -> Any:
        return getattr(dbapi, part["$dbapi"], None) if type(part) is dict else part

    return tuple((*map(load, column), *[None] * (7 - len(column))) for column in columns)


def store_rows(
    rows: Iterable[Sequence[Any]],
    names: Sequence[str],
    hidden: Sequence[bool | Literal["text"]],
    redactor: Redactor | None,
) -> list[list[Any]]:
    """Return rows as plain data, values in secret columns replaced, unless there is no redactor.

    UnstorableOutcomeError: a value has no plain form.
    """

    def store(value: object, path: str, how: bool | Literal["text"]) -> Any:
        is_secret = not isinstance(value, _MEASURES) if how == "text" else how
        if redactor is not None:
            value = blank(value, PLACEHOLDER) if is_secret else hide_inside(value, redactor)
        return to_plain(value, path)

    columns = list(zip(names, hidden))
    return [
        [store(value, f"rows[{number}].{name}", how) for value, (name, how) in zip(row, columns)]
        for number, row in enumerate(rows)
    ]


def load_rows(rows: list[list[Any]]) -> list[tuple[Any, ...]]:
    if PLAIN.issuperset(map(type, chain.from_iterable(rows))):
        return list(map(tuple, rows))
    return [tuple(value if type(value) in PLAIN else from_plain(value) for value in row) for row in rows]


def hide_inside(value: Any, redactor: Redactor) -> Any:
    """Return a value with other values for secret names inside of its mappings, lists and JSON texts."""
    if isinstance(value, str):
        return redactor.scrub_json(value)
    if type(value).__module__.startswith("psycopg"):  # the wrapper of a driver counts by its content
        for attribute in ("obj", "adapted"):
            if hasattr(value, attribute):
                return {"$held": hide_inside(getattr(value, attribute), redactor)}
    if type(value) not in (dict, list):
        return value
    root = {"": copied(value)}
    for box, key, part, _, is_secret, _ in places(root, redactor):
        if not isinstance(part, (dict, list)):
            box[key] = blank(part, PLACEHOLDER) if is_secret else hide_inside(part, redactor)
    return root[""]


def comparable_result(plain: Any, beside: Any = None) -> Any:
    """Return the part of an outcome that verifying compares with `beside`, another outcome of the same call.

    The types of columns do not count, nor what a server says of itself, nor the order of rows without an `ORDER BY`.
    """
    if "dialect" in plain:
        return {}
    if "columns" not in plain:
        return plain
    names = [str(column[0]) for column in plain["columns"]]
    comparable = {**plain, "columns": names}
    other: dict[str, Any] = beside or {}
    if comparable.pop("unordered", False) or other.get("unordered", False):
        rows, others = (
            sorted(each or (), key=lambda row: dumps(row, sort_keys=True))
            for each in (plain["rows"], (beside or plain).get("rows"))
        )
        if rows == others:  # else a difference is better shown at its place
            comparable["rows"] = rows
    if len(set(names)) == len(names):  # `volatile=rows.*.id`
        comparable["rows"] = [dict(zip(names, row)) for row in comparable["rows"]]
    return comparable

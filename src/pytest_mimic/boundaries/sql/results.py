"""The results of statements as plain data without secrets: `cursor.description` and rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from json import dumps
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic.boundaries.values import blank, from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

# PostgreSQL's `FirstNormalObjectId`: its own types have lower numbers.
_FIRST_OWN_OID = 16384
_MEASURES = (bool, int, float, Decimal, dt.date, dt.time, dt.timedelta, type(None))


def store_columns(description: Sequence[Sequence[Any]], dbapi: Any) -> list[Any]:
    """Return `cursor.description` as plain data: a list for each column, without the Nones at its end."""
    return [_store_column(column, dbapi) for column in description]


def _store_column(column: Sequence[Any], dbapi: Any) -> list[Any]:
    parts = [column[place] for place in range(7)]
    while parts[1:] and parts[-1] is None:
        parts.pop()
    return [to_plain(part, unknown=lambda value, _: _type_code(value, dbapi)) for part in parts]


def _type_code(value: object, dbapi: Any) -> Any:
    """Return a driver's type object by its name in the driver."""
    name = next((name for name, held in vars(dbapi).items() if held is value), None)
    return {"$dbapi": name} if name is not None else None


def load_columns(columns: list[Any], dbapi: Any) -> tuple[tuple[Any, ...], ...]:
    """Return the `cursor.description` that was stored."""
    return tuple(_load_column(column, dbapi) for column in columns)


def _load_column(column: list[Any], dbapi: Any) -> tuple[Any, ...]:
    parts = [
        getattr(dbapi, part["$dbapi"], None)
        if isinstance(part, dict) and "$dbapi" in part
        else from_plain(part)
        for part in column
    ]
    return tuple(parts + [None] * (7 - len(parts)))


def store_rows(
    rows: Iterable[Sequence[Any]],
    names: Sequence[str],
    hidden: Sequence[bool | Literal["text"]],
    redactor: Redactor,
) -> list[list[Any]]:
    """Return rows as plain data, with other values in secret columns.

    Raises:
        UnstorableOutcomeError: A value has no plain form.
    """
    return [
        [
            to_plain(
                blank(value, PLACEHOLDER) if _is_secret(value, how) else hide_inside(value, redactor),
                f"rows[{number}].{name}",
            )
            for value, name, how in zip(row, names, hidden)
        ]
        for number, row in enumerate(rows)
    ]


def _is_secret(value: object, how: bool | Literal["text"]) -> bool:
    return not isinstance(value, _MEASURES) if how == "text" else how


def load_rows(rows: list[list[Any]]) -> list[tuple[Any, ...]]:
    """Return the rows that were stored, as tuples."""
    return [tuple(from_plain(value) for value in row) for row in rows]


def hide_inside(value: Any, redactor: Redactor) -> Any:
    """Return a value with other values for secret names inside of its mappings, lists and JSON texts."""
    if isinstance(value, str):
        return redactor.scrub_json(value)
    if type(value) is dict:
        return {
            key: blank(item, PLACEHOLDER) if redactor.secret(key) else hide_inside(item, redactor)
            for key, item in value.items()
        }
    if type(value) is list:
        return [hide_inside(item, redactor) for item in value]
    if type(value).__module__.startswith("psycopg") and hasattr(value, "obj"):
        return {"$json": hide_inside(value.obj, redactor)}
    return value


def comparable_result(plain: Any, beside: Any = None) -> Any:
    """Return the part of an outcome that verifying compares.

    Args:
        plain: The outcome.
        beside: Another outcome of the same call, with which it is compared.
    """
    if not isinstance(plain, dict):
        return plain
    if plain.get("setup"):  # a server may be updated
        return {}
    if "columns" not in plain:
        return plain
    comparable = {**plain, "columns": [_comparable_column(column) for column in plain["columns"]]}
    if comparable.pop("unordered", False) or (beside or {}).get("unordered", False):
        comparable["rows"] = _rows_in_any_order(plain["rows"], (beside or plain).get("rows"))
    return comparable


def _comparable_column(column: list[Any]) -> list[Any]:
    """Return a stored column without the number of a type that was created in the database: it differs in each."""
    is_own = len(column) > 1 and isinstance(column[1], int) and column[1] >= _FIRST_OWN_OID
    return [column[0], None, *column[2:]] if is_own else column


def _rows_in_any_order(rows: list[Any], others: list[Any] | None) -> list[Any]:
    """Return the rows sorted if the others are the same. If not, a difference is better shown at its place."""
    in_order, others_in_order = (
        sorted(each or (), key=lambda row: dumps(row, sort_keys=True)) for each in (rows, others)
    )
    return in_order if in_order == others_in_order else rows

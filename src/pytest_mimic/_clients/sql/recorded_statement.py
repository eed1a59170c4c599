"""A recorded statement by today's rules: what its recording tells of its secrets.

A recording does not say whether the statement was a text or an expression of
SQLAlchemy. Of an expression, only values beside secret names are hidden; of a text that
names a secret, all literals, and all values that are not known to be of another column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_mimic._clients.sql.statement_text import Statement, read_statement
from pytest_mimic.client import PLACEHOLDER_START, Redactor

# The number that SQLAlchemy puts behind the name of a column, `name_1`, and behind
# those of the rows of one INSERT, `name_m1`, `name__1`.
_NUMBER_IN_NAME = re.compile(r"_[m_]?\d+$")
# A column of a result that has another name: `users.name AS users_name`.
_ALIAS_OF_COLUMN = re.compile(
    r"(?<![\w)])(?:\w+\.|\"\w+\"\.)*\"?(\w+)\"?\s+AS\s+\"?(\w+)\"?", re.IGNORECASE
)
# The name of a value without a column in an expression of SQLAlchemy.
_NAME_WITHOUT_COLUMN = "param"


def is_unclear(
    described: Mapping[str, Any], outcomes: object, *, redactor: Redactor
) -> bool:
    """Check whether only a run can tell which values of a statement are secret.

    `pytest-mimic rekey` then says to record the call again. The statement names a
    secret, and has a value in clear that a text would hide and an expression would not.
    A statement in which something is hidden already was recorded under the name.

    Args:
        described: The description of the call.
        outcomes: The values of its recorded outcomes.
        redactor: The names that `mimic_redact` has added.
    """
    sql = described.get("statement", "")
    statement = read_statement(sql)
    if not statement.mentions(redactor.secret):
        return False
    if PLACEHOLDER_START in repr([described, outcomes]):
        return False
    _, literals = statement.hide_literals(hides_numbers=False)
    return (
        bool(literals)
        or _has_unclear_parameter(statement, described, redactor)
        or _has_unclear_column(statement, sql, outcomes, redactor)
    )


def _has_unclear_parameter(
    statement: Statement, described: Mapping[str, Any], redactor: Redactor
) -> bool:
    """Check whether a parameter is neither of a column nor hidden by its name."""
    for name, value in _parameters_in(described):
        # Of an expression, SQLAlchemy calls the parameter of `users.name` `name_1`.
        column = _NUMBER_IN_NAME.sub("", name).lower()
        is_of_column = column in statement.names or column == _NAME_WITHOUT_COLUMN
        is_value = value is not None and not isinstance(value, bool)
        if is_value and not is_of_column and not redactor.secret(column):
            return True
    return False


def _has_unclear_column(
    statement: Statement, sql: str, outcomes: Any, redactor: Redactor
) -> bool:
    """Check whether a text of a result may be a secret under another name."""
    column_by_alias = _columns_by_alias(sql)
    for name in _names_of_texts(outcomes):
        if redactor.secret(name):
            # `rekey` hides it by its name.
            continue
        aliased_column = column_by_alias.get(name.lower(), "")
        listed_columns = statement.listed_columns
        is_listed = name.lower() in listed_columns or "*" in listed_columns
        if redactor.secret(aliased_column) or (not aliased_column and not is_listed):
            return True
    return False


def _columns_by_alias(sql: str) -> dict[str, str]:
    """Return the columns of `SELECT users.name AS users_name` by their other names."""
    return {
        alias.lower(): column.lower() for column, alias in _ALIAS_OF_COLUMN.findall(sql)
    }


def _names_of_texts(outcomes: Any) -> Iterator[str]:
    """Yield the names of the columns in which recorded rows have a text."""
    for outcome in outcomes:
        result = outcome or {}
        column_names = [column[0] for column in result.get("columns", ())]
        # A run decides by the name of a column whether its texts are hidden.
        for row in result.get("rows", ()):
            for column_name, cell in zip(column_names, row):
                if isinstance(cell, str):
                    yield column_name


def names_no_longer_hidden_in_statement(
    described: Mapping[str, Any],
    outcomes: object,
    *,
    rules_before: Redactor,
    rules_of_today: Redactor,
) -> set[str]:
    """Return the names whose hidden values today's rules would show.

    A value that was never stored cannot be shown: its call has to be recorded again.

    Args:
        described: The description of the call.
        outcomes: The recorded outcomes of the call.
        rules_before: The rules under which the call may have been recorded.
        rules_of_today: The rules of today.
    """
    statement = read_statement(described.get("statement", ""))
    # A placeholder may stand anywhere in them, so that their text is searched.
    has_placeholder = PLACEHOLDER_START in repr([described, outcomes])
    if not has_placeholder or statement.mentions(rules_of_today.secret):
        return set()
    return {name for name in statement.names if rules_before.secret(name)}


def _parameters_in(described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each parameter with its name; of many rows, those of each."""
    params = described.get("params") or {}
    rows = params if isinstance(params, list) else [params]
    for row in rows:
        yield from row.items()

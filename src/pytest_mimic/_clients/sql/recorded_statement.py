"""A recorded statement by today's rules: what its recording tells of its secrets.

A recording does not say whether the statement was a text or an expression of
SQLAlchemy. Of an expression, only values beside secret names are hidden; of a text that
names a secret, all literals, and all values that are not known to be of another column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_mimic._clients.sql.statements import read_statement
from pytest_mimic.client import PLACEHOLDER_START, Redactor

# The number that SQLAlchemy puts behind the name of a column, `name_1`, and behind
# those of the rows of one INSERT, `name_m1`, `name__1`.
_NUMBER_IN_NAME = re.compile(r"_[m_]?\d+$")
# The name of a value without a column in an expression of SQLAlchemy.
_NAME_WITHOUT_COLUMN = "param"


def is_unclear(described: Mapping[str, Any], *, redactor: Redactor) -> bool:
    """Check whether only a run can tell which values of a statement are secret.

    The statement names a secret, and has a value in clear that a text would hide and an
    expression would not. A statement in which something is hidden already was recorded
    under the name.

    Args:
        described: The description of the call.
        redactor: The names that `mimic_redact` has added.
    """
    statement = read_statement(described.get("statement", ""))
    if not statement.mentions(redactor.secret):
        return False
    if PLACEHOLDER_START in repr(described):
        return False
    _, literals = statement.hide_literals(hides_numbers=False)
    if literals:
        return True
    for name, value in _parameters_in(described):
        column = _NUMBER_IN_NAME.sub("", name).lower()
        is_of_column = column in statement.names or column == _NAME_WITHOUT_COLUMN
        is_hidden_by_name = redactor.secret(column)
        is_value = value is not None and not isinstance(value, bool)
        if is_value and not is_of_column and not is_hidden_by_name:
            return True
    return False


def names_of_open_values(
    described: Mapping[str, Any],
    outcomes: object,
    *,
    before: Redactor,
    today: Redactor,
) -> set[str]:
    """Return the names whose hidden values today's rules would show.

    Args:
        described: The description of the call.
        outcomes: The recorded outcomes of the call.
        before: The rules under which the call may have been recorded.
        today: The rules of today.
    """
    statement = read_statement(described.get("statement", ""))
    has_placeholder = PLACEHOLDER_START in repr([described, outcomes])
    if not has_placeholder or statement.mentions(today.secret):
        return set()
    return {name for name in statement.names if before.secret(name)}


def _parameters_in(described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each parameter with its name; of many rows, those of each."""
    params = described.get("params") or {}
    rows = params if isinstance(params, list) else [params]
    for row in rows:
        yield from row.items()

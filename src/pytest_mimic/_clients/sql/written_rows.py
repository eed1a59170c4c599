"""Whether a server shows in which order the rows of one statement were written.

A unit of work of SQLAlchemy writes the objects of a set in any order. So rows match in
any order where nothing can show their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.sql import dml, elements, operators, schema


def order_shows(
    statement: Any, rows: Sequence[Mapping[str, Any]], bind_names: Mapping[Any, str]
) -> bool:
    """Check whether another order of the rows can have another effect.

    | the statement | whose order cannot show |
    |---|---|
    | an INSERT | the rows hold all that the server would make, such as an id |
    | an UPDATE | each row writes to another row of the table, by `WHERE id = :id` |
    | a DELETE | each row says by such a `WHERE` what it deletes |

    The order can show in a text, in a table that refers to itself, and where a value is
    unique. Triggers are not known.

    Args:
        statement: The statement as SQLAlchemy knows it.
        rows: The parameters of each row, by their names in the compiled statement.
        bind_names: By the key of a parameter's element, that name.
    """
    table = getattr(statement, "table", None)
    if not rows or not isinstance(table, schema.Table):
        return True
    names = frozenset(rows[0])
    if isinstance(statement, dml.Insert):
        return _insert_shows_order(statement, table, names)
    columns_of_where = _columns_of_where(statement, table, bind_names)
    if columns_of_where is None:
        return True
    if isinstance(statement, dml.Delete):
        return _refers_to_itself(table)
    if not isinstance(statement, dml.Update) or _has_values(statement):
        return True
    written_keys = names.difference(columns_of_where.values())
    if _has_unique_column(table, written_keys):
        return True
    # What a row writes may be what the next one looks for.
    names_of_places = []
    for key, name in columns_of_where.items():
        if key not in written_keys:
            names_of_places.append(name)
    places = {repr([row.get(name) for name in names_of_places]) for row in rows}
    return len(places) < len(rows)


def _insert_shows_order(
    statement: dml.Insert, table: schema.Table, names: frozenset[str]
) -> bool:
    """Check whether another order of the rows of an INSERT can have another effect."""
    # An `ON CONFLICT` stands behind the values, an `OR REPLACE` before them.
    has_more = statement._post_values_clause is not None or bool(statement._prefixes)
    if has_more or _has_values(statement) or _refers_to_itself(table):
        return True
    for column in table.columns:
        if column.key not in names and _is_made_by_server(column, table):
            return True
    return False


def _is_made_by_server(column: schema.Column[Any], table: schema.Table) -> bool:
    """Check whether a server makes the value of a column for which there is none."""
    if column.default is not None or column.server_default is not None:
        return True
    numbered = table.autoincrement_column
    return numbered is not None and numbered.key == column.key


def _has_values(statement: Any) -> bool:
    """Check whether a statement has values besides those of its rows."""
    if getattr(statement, "select", None) is not None:
        return True
    names = ("_values", "_ordered_values", "_multi_values")
    return any(getattr(statement, name, None) for name in names)


def _refers_to_itself(table: schema.Table) -> bool:
    """Check whether a row has to be written before another row of the table."""
    for key in table.foreign_keys:
        name_of_table = key.target_fullname.rpartition(".")[0]
        if name_of_table == table.fullname:
            return True
    return False


def _has_unique_column(table: schema.Table, keys: Iterable[str]) -> bool:
    """Check whether a server refuses a value of a column that another row has."""
    unique_kinds = (schema.PrimaryKeyConstraint, schema.UniqueConstraint)
    unique_keys: set[str] = set()
    for constraint in table.constraints:
        if isinstance(constraint, unique_kinds):
            unique_keys.update(constraint.columns.keys())
    for index in table.indexes:
        if index.unique:
            unique_keys.update(index.columns.keys())
    return not unique_keys.isdisjoint(keys)


def _columns_of_where(
    statement: Any, table: schema.Table, bind_names: Mapping[Any, str]
) -> dict[str, str] | None:
    """Return the name of the parameter with which each column is compared.

    None: the `WHERE` has more than `column = :parameter`, joined by `AND`.
    """
    columns: dict[str, str] = {}
    for condition in _conditions(statement._where_criteria):
        is_equation = (
            isinstance(condition, elements.BinaryExpression)
            and condition.operator is operators.eq
        )
        if not is_equation:
            return None
        column, parameter = condition.left, condition.right
        is_of_table = getattr(column, "table", None) is table
        if not is_of_table or not isinstance(parameter, elements.BindParameter):
            return None
        columns[column.key] = bind_names.get(parameter.key, parameter.key)
    return columns


def _conditions(conditions: Iterable[Any]) -> Iterator[Any]:
    """Yield conditions; of those that `AND` joins, each."""
    pending = list(conditions)
    while pending:
        condition = pending.pop()
        is_joined = (
            isinstance(condition, elements.BooleanClauseList)
            and condition.operator is operators.and_
        )
        if is_joined:
            pending.extend(condition.clauses)
        elif isinstance(condition, elements.Grouping):
            pending.append(condition.element)
        else:
            yield condition

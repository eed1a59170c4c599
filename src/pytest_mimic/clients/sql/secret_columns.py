"""The columns to which parameters and results of a compiled statement belong.

Their own names often do not say it: `param_1` may be compared with a password, and `q`
may be one. SQLAlchemy knows, as it has compiled the statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy.sql import elements, operators, selectable, visitors

from pytest_mimic.client import Plain
from pytest_mimic.clients.sql import statements

_KEYED = (operators.json_getitem_op, operators.json_path_getitem_op)


def columns_behind(compiled: Any) -> Plain:
    """Return what is known of a compiled statement.

    Returns:
        Where they hold something:

        - `is_text`: whether a part of it was written as text.
        - `names`: the columns of `parameters` and of the result's `columns`, where
          their own names do not say it; `:name` is the value of that parameter.
    """
    state = getattr(compiled, "compile_state", None)
    of_orm = getattr(state, "statement", None)
    statement = compiled.statement if of_orm is None else of_orm
    known: Plain = {}
    texts = [
        part.text
        for part in visitors.iterate(statement)
        if isinstance(part, elements.TextClause)
    ]
    if texts:
        known["is_text"] = True
    binds = {bind.key: name for bind, name in compiled.bind_names.items()}
    found = {
        "parameters": _other_names(_of_parameters(statement, texts, binds)),
        "columns": _other_names(_of_results(compiled, statement, binds)),
    }
    names = {kind: columns for kind, columns in found.items() if columns}
    if names:
        known["names"] = names
    return known


def _of_parameters(
    statement: Any, texts: Iterable[str], binds: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield parameters, each with a column with which it is compared."""
    for part in visitors.iterate(statement):
        if isinstance(part, elements.BinaryExpression):
            columns = set(_columns_in([part], binds))
            for name in _binds_in(part, binds):
                yield from ((name, one) for one in columns - {f":{name}"})
    for text in texts:
        yield from statements.read(text).columns.items()


def _of_results(
    compiled: Any, statement: Any, binds: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the columns of the result, each with a column of which it is made."""
    entries = getattr(compiled, "_result_columns", ())
    parts: list[Iterable[Any]] = [entry[2] for entry in entries]
    if isinstance(statement, selectable.CompoundSelect):
        # Its columns are those of each query in it.
        parts = [[column] for column in statement.subquery().c]
    for entry, of_entry in zip(entries, parts):
        clauses = [one for one in of_entry if isinstance(one, elements.ClauseElement)]
        for column in _columns_in(clauses, binds):
            yield entry[0], column


def _columns_in(parts: Iterable[Any], binds: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of columns in expressions, and of those behind them."""
    seen: set[int] = set()
    pending = list(parts)
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if not isinstance(part, elements.ColumnClause):
            if getattr(part, "operator", None) in _KEYED:
                yield from (f":{name}" for name in _binds_in(part.right, binds))
            pending += part.get_children()
        elif part.is_literal:
            yield from statements.read(part.name).names
        else:
            yield part.name
            pending += part.proxy_set


def _binds_in(expression: Any, binds: Mapping[str, str]) -> Iterator[str]:
    for part in visitors.iterate(expression):
        if isinstance(part, elements.BindParameter):
            yield binds.get(part.key, part.key)


def _other_names(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return by name the columns that the name itself does not say."""
    others: dict[str, set[str]] = defaultdict(set)
    for name, column in found:
        if column.lower() not in name.lower():
            others[name].add(column)
    return {name: sorted(columns) for name, columns in others.items()}

"""The columns to which parameters and results of a compiled statement belong.

Their own names often do not say it: `param_1` may be compared with a password, and `q`
may be one. SQLAlchemy knows, as it has compiled the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy.sql import elements, operators, selectable, visitors

from pytest_mimic.client import Plain
from pytest_mimic.clients.sql import statements

# Their results say nothing of what is counted.
_COUNTING = frozenset(["count", "length", "char_length", "octet_length"])
_KEYED = (operators.json_getitem_op, operators.json_path_getitem_op)


def of(compiled: Any) -> Plain:
    """Return what is known of a compiled statement, which SQLAlchemy keeps and reuses.

    Returns:
        Where they hold something:

        - `is_text`: whether a part of it was written as text.
        - `names`: the columns of `parameters` and of the result's `columns`, where
          their own names do not say it; `:name` is the value of that parameter.
    """
    kept: Plain | None = vars(compiled).get("_mimic_columns")
    if kept is None:
        kept = vars(compiled)["_mimic_columns"] = _Columns(compiled).plain()
    return kept


class _Columns:
    """The columns of a compiled statement."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._names = {bind.key: name for bind, name in compiled.bind_names.items()}

    def plain(self) -> Plain:
        """Return what is known."""
        state = getattr(self._compiled, "compile_state", None)
        of_orm = getattr(state, "statement", None)
        statement = self._compiled.statement if of_orm is None else of_orm
        parts = [*visitors.iterate(statement)]
        known: Plain = {}
        if any(isinstance(part, elements.TextClause) for part in parts):
            known["is_text"] = True
        names = {
            "parameters": _other_names(self._parameters(parts)),
            "columns": _other_names(self._results(statement)),
        }
        noted = {kind: columns for kind, columns in names.items() if columns}
        return {**known, "names": noted} if noted else known

    def _parameters(self, parts: Iterable[Any]) -> Iterator[tuple[str, set[str]]]:
        """Yield parameters, each with the columns with which it is compared."""
        for part in parts:
            if isinstance(part, elements.BinaryExpression):
                columns = set(self._columns_in([part]))
                for name in self._binds_in(part):
                    yield name, columns - {f":{name}"}
            elif isinstance(part, elements.TextClause):
                for name, known in statements.read(part.text).columns.items():
                    yield name, set(known)

    def _results(self, statement: Any) -> Iterator[tuple[str, set[str]]]:
        """Yield the columns of the result, each with those that it is made of."""
        entries = getattr(self._compiled, "_result_columns", ())
        for entry in entries:
            parts = [one for one in entry[2] if isinstance(one, elements.ClauseElement)]
            yield entry[0], set(self._columns_in(parts))
        if isinstance(statement, selectable.CompoundSelect):
            for select in _selects_of(statement):
                for entry, column in zip(entries, select.selected_columns):
                    yield entry[0], set(self._columns_in([column]))

    def _columns_in(self, parts: Iterable[Any]) -> Iterator[str]:
        """Yield the names of columns in expressions, and of those behind them."""
        seen: set[int] = set()
        pending = list(parts)
        while pending:
            part = pending.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, elements.ColumnClause):
                is_text = part.is_literal
                yield from statements.read(part.name).names if is_text else [part.name]
                pending += part.proxy_set
                continue
            if isinstance(part, elements.Label):
                yield part.name
            if getattr(part, "operator", None) in _KEYED:
                yield from (f":{name}" for name in self._binds_in(part.right))
            if getattr(part, "name", "") not in _COUNTING:
                pending += part.get_children()

    def _binds_in(self, expression: Any) -> Iterator[str]:
        for part in visitors.iterate(expression):
            if isinstance(part, elements.BindParameter):
                yield self._names.get(part.key, part.key)


def _selects_of(statement: Any) -> Iterator[Any]:
    """Yield the queries of which a union is made."""
    for select in statement.selects:
        inner = getattr(select, "element", select)
        if isinstance(inner, selectable.CompoundSelect):
            yield from _selects_of(inner)
        else:
            yield inner


def _other_names(found: Iterable[tuple[str, set[str]]]) -> dict[str, list[str]]:
    """Return by name the columns that the name itself does not say."""
    noted: dict[str, set[str]] = {}
    for name, columns in found:
        others = {one for one in columns if one.lower() not in name.lower()}
        if others:
            noted.setdefault(name, set()).update(others)
    return {name: sorted(columns) for name, columns in noted.items()}

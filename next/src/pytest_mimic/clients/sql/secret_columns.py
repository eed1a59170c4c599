"""The columns to which parameters and results of a statement belong.

Their own names often do not say it: `param_1` may be compared with a password, and `q`
may be one. SQLAlchemy knows, as it has compiled the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.sql import elements, operators, selectable
from sqlalchemy.sql.dml import Insert, UpdateBase

from pytest_mimic.client import Plain
from pytest_mimic.clients.sql import statements

# Their results say nothing of what is counted.
_COUNTING = frozenset(["count", "length", "char_length", "octet_length"])
_KEYED = (operators.json_getitem_op, operators.json_path_getitem_op)


def of(compiled: Any) -> Columns:
    """Return the columns of a compiled statement, which SQLAlchemy keeps and reuses."""
    kept: Columns | None = vars(compiled).get("_mimic_columns")
    if kept is None:
        kept = vars(compiled)["_mimic_columns"] = Columns(compiled)
    return kept


class Columns:
    """The columns of a compiled statement.

    Attributes:
        has_text: Whether a part of it was written as text, and cannot be followed.
    """

    def __init__(self, compiled: Any) -> None:
        state = getattr(compiled, "compile_state", None)
        of_orm = getattr(state, "statement", None)
        statement = compiled.statement if of_orm is None else of_orm
        self.has_text = False
        self._names = {bind.key: name for bind, name in compiled.bind_names.items()}
        self._params: dict[str, set[str]] = {}
        self._results: dict[str, set[str]] = {}
        # Keys of documents, which are parameters: their values are names.
        self._keys: set[str] = set()
        self._seen: set[int] = set()
        self._visit(statement)
        for entry in getattr(compiled, "_result_columns", ()):
            parts = [one for one in entry[2] if isinstance(one, elements.ClauseElement)]
            self._results[entry[0]] = set(self._sources(parts))
        self._fixed: Plain | None = None

    def names(self, values: Sequence[Mapping[str, Any]]) -> Plain:
        """Return the columns of parameters and results whose own names differ.

        Args:
            values: The sets of parameters, before types have processed them.
        """
        if self._fixed is not None:
            return self._fixed
        first = values[0] if values else {}
        found: Plain = {}
        for kind, sources in (("parameters", self._params), ("columns", self._results)):
            named = {
                name: ", ".join(self._other_names(name, columns, first))
                for name, columns in sources.items()
                if name not in self._keys
            }
            noted = {name: columns for name, columns in named.items() if columns}
            if noted:
                found[kind] = noted
        if not self._keys:
            self._fixed = found
        return found

    def _other_names(
        self, name: str, columns: Iterable[str], values: Mapping[str, Any]
    ) -> list[str]:
        found = {self._resolved(column, values) for column in columns}
        return sorted(column for column in found if column.lower() not in name.lower())

    def _resolved(self, column: str, values: Mapping[str, Any]) -> str:
        """Return the name of a column, or of a part of a document."""
        if column not in self._keys:
            return column
        key = values.get(column, "")
        return str(key[-1] if isinstance(key, (list, tuple)) and key else key)

    # -- parameters

    def _visit(self, element: Any) -> None:
        """Look at each expression that stands for itself in a statement."""
        if id(element) in self._seen or isinstance(element, selectable.TableClause):
            return
        self._seen.add(id(element))
        if isinstance(element, UpdateBase):
            self._visit_changes(element)
        if isinstance(element, elements.TextClause):
            self._visit_text(element)
        elif isinstance(element, selectable.Values):
            self.has_text = True
        elif _is_unit(element):
            self._note(element, set())
        else:
            for child in element.get_children():
                self._visit(child)

    def _note(self, unit: Any, columns: set[str]) -> None:
        """Note for the parameters in an expression all columns in it."""
        binds = []
        for part in _parts_of(unit):
            if isinstance(part, elements.BindParameter):
                binds.append(self._names.get(part.key, part.key))
            elif isinstance(part, selectable.SelectBase):
                self._visit(part)
            elif isinstance(part, elements.TextClause):
                self._visit_text(part)
        columns = columns | set(self._sources([unit]))
        for name in binds:
            self._params.setdefault(name, set()).update(columns - {name})

    def _visit_text(self, text: Any) -> None:
        self.has_text = True
        for name, column in statements.read(text.text).columns_of_markers:
            if name and column:
                self._params.setdefault(name, set()).add(column)

    def _visit_changes(self, statement: Any) -> None:
        """Note the columns that a statement changes."""
        for column in statement.table.c:
            if column.key != column.name:
                self._params.setdefault(column.key, set()).add(column.name)
        for column, value in _changes_of(statement):
            if isinstance(value, elements.ClauseElement):
                self._note(value, {getattr(column, "name", str(column))})
        if isinstance(statement, Insert) and statement.select is not None:
            names = statement._select_names or []
            for select in getattr(statement.select, "selects", [statement.select]):
                for name, column in zip(names, select.selected_columns):
                    self._note(column, {name})

    # -- the columns in an expression

    def _sources(self, parts: Iterable[Any]) -> Iterator[str]:
        """Yield the names of columns in expressions, and of those behind them."""
        seen: set[int] = set()
        pending = list(parts)
        while pending:
            part = pending.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, elements.ColumnClause):
                yield from _names_of(part)
                pending += part.proxy_set
                continue
            if isinstance(part, elements.Label):
                yield part.name
            if getattr(part, "operator", None) in _KEYED:
                yield from self._keys_in(part.right)
            if getattr(part, "name", "") not in _COUNTING:
                pending += part.get_children()

    def _keys_in(self, right: Any) -> Iterator[str]:
        for part in _parts_of(right):
            if isinstance(part, elements.BindParameter):
                name = self._names.get(part.key, part.key)
                self._keys.add(name)
                yield name


def _is_unit(element: Any) -> bool:
    """Return whether an expression is looked at as a whole."""
    if isinstance(element, elements.BooleanClauseList):
        return False
    if isinstance(element, (elements.Grouping, elements.UnaryExpression)):
        return _is_unit(element.element)
    is_query = isinstance(element, (selectable.SelectBase, elements.ClauseList))
    return isinstance(element, elements.ColumnElement) and not is_query


def _parts_of(unit: Any) -> Iterator[Any]:
    """Yield the parts of an expression, and the queries in it as a whole."""
    pending = [unit]
    while pending:
        part = pending.pop()
        yield part
        if not isinstance(part, selectable.SelectBase):
            pending += part.get_children()


def _names_of(column: Any) -> Iterable[str]:
    if not column.is_literal:
        return [column.name]
    return statements.read(column.name).names


def _changes_of(statement: Any) -> Iterator[tuple[Any, Any]]:
    """Yield columns, and the expressions that a statement gives them."""
    yield from (getattr(statement, "_values", None) or {}).items()
    yield from getattr(statement, "_ordered_values", None) or ()
    for rows in getattr(statement, "_multi_values", None) or ():
        for row in rows:
            if isinstance(row, Mapping):
                yield from row.items()
    # What is to be done with a row that is there already.
    conflict = getattr(statement, "_post_values_clause", None)
    changes = getattr(conflict, "update_values_to_set", None)
    if changes is None:
        changes = getattr(conflict, "update", None) or ()
    yield from changes.items() if isinstance(changes, Mapping) else changes

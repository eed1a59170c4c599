"""The columns that the parameters and the results of a compiled statement belong to, as SQLAlchemy knows them.

Read against SQLAlchemy 2.0.57 and 2.1.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from sqlalchemy.sql import dml, elements, functions, operators, selectable

from pytest_mimic._clients.sql.statements import MEASURING, words_in

# Functions that return one of their arguments unchanged.
_CHOOSING = frozenset(
    "any_value coalesce first_value greatest ifnull lag last_value lead least max min nullif".split()
)
_ROW_NUMBER = re.compile(r"_m\d+$")
_KEYED = frozenset((operators.getitem, operators.json_getitem_op, operators.json_path_getitem_op))


class Source(NamedTuple):
    """A column that a value belongs to. `is_itself` is false for the argument or the result of a function."""

    name: str
    is_itself: bool = True


class Shown(NamedTuple):
    """The parts of an expression.

    Attributes:
        binds: The parameters whose values it shows, by their names, and whether each is shown as it is.
        keys: The parameters that may name a part of a JSON value, or a path to one.
    """

    sources: frozenset[Source] = frozenset()  # the columns whose values it shows
    binds: frozenset[tuple[str, bool]] = frozenset()
    keys: frozenset[str] = frozenset()

    def __or__(self, other: Any) -> Shown:
        return Shown(self.sources | other.sources, self.binds | other.binds, self.keys | other.keys)

    def through_function(self) -> Shown:
        """Return the same parts, none of them shown as it is."""
        return Shown(
            frozenset(Source(name, False) for name, _ in self.sources),
            frozenset((key, False) for key, _ in self.binds),
            self.keys,
        )


_NOTHING = Shown()


class CompiledNames:
    """The names in a compiled statement.

    Attributes:
        columns: The parts that each column of its result shows; None for a text, which does not say.
        sources: The columns that a parameter is assigned to or compared with, by its name. A parameter that is
            missing is unknown.
        keys: The parameters that may name a part of JSON beside each parameter, by the names of both.
        binds: The names of positional parameters, in order.
        escaped: The names of parameters that the driver knows by another one, by that one.
    """

    __slots__ = ("binds", "columns", "escaped", "fragments", "keys", "sources")

    def __init__(
        self,
        compiled: Any,
        columns: tuple[Shown, ...] | None,
        sources: Mapping[str, AbstractSet[Source]],
        keys: Mapping[str, AbstractSet[str]],
        fragments: str,
    ) -> None:
        self.columns = columns
        self.sources = sources
        self.keys = keys
        self.fragments = fragments  # the texts in the statement, which SQLAlchemy has not read
        self.binds: tuple[str, ...] = tuple(compiled.positiontup or ()) if compiled.positional else ()
        self.escaped = {new: name for name, new in (compiled.escaped_bind_names or {}).items()}


class CompiledReader:
    """Reads a statement from the inside out. Parameters rise until a comparison or an assignment claims them."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._names = {bind.key: name for bind, name in getattr(compiled, "bind_names", {}).items()}
        self._shown: dict[int, Shown] = {}
        self._sources: dict[str, set[Source]] = {}
        self._keys: dict[str, set[str]] = {}
        self._fragments: list[str] = []
        self._kept: list[Any] = []

    def names(self) -> CompiledNames:
        compiled = self._compiled
        if compiled.isplaintext or isinstance(compiled.statement, selectable.TextualSelect):
            return CompiledNames(compiled, None, {}, {}, "")
        # The ORM compiles another statement than it was given: with columns for entities, joins and criteria.
        statement = getattr(compiled.compile_state, "statement", compiled.statement)
        self._read(statement)
        columns = []
        for entry in compiled._result_columns or ():
            found = [each for each in entry[2] if hasattr(each, "__visit_name__")]
            # A label of the compiler's own is no element of the statement. It holds one.
            found = [each.element if type(each).__name__ == "_CompileLabel" else each for each in found]
            columns.append(_union(map(self._read, found)))
        if isinstance(statement, selectable.CompoundSelect):  # of a union, the compiler knows the first query
            columns = self._columns(statement)
        # The parameters that the compiler makes for an INSERT or an UPDATE bear the key of their column.
        assigned = getattr(getattr(statement, "table", None), "c", {})
        for bind, name in compiled.bind_names.items():
            column = assigned.get(_ROW_NUMBER.sub("", name))
            if column is not None:
                self._claim(self._read(bind), _shown(column.name, column.key))
        return CompiledNames(compiled, tuple(columns), self._sources, self._keys, " ".join(self._fragments))

    def _claim(self, shown: Shown, by: Shown) -> None:
        if not by.sources and not by.keys:
            return
        for key, is_itself in shown.binds:
            claimed = self._sources.setdefault(key, set())
            claimed.update(Source(name, whole and is_itself) for name, whole in by.sources)
            self._keys.setdefault(key, set()).update(by.keys)

    def _read(self, element: Any) -> Shown:
        """Return the parts of an element; each is read once, for subqueries are used in many places."""
        if id(element) not in self._shown:
            self._kept.append(element)  # so that no other element gets its id
            self._shown[id(element)] = _NOTHING  # a recursive query meets itself
            self._shown[id(element)] = self._parts(element)
        return self._shown[id(element)]

    def _parts(self, element: Any) -> Shown:
        if isinstance(element, elements.BindParameter):
            return Shown(binds=frozenset(((self._names.get(element.key, element.key), True),)))
        if isinstance(element, elements.TextClause) or element.__visit_name__ == "tstring":
            return self._text(element)
        if isinstance(element, elements.Label):
            parts = self._read(element.element)
            named = _NOTHING if isinstance(element.name, elements._anonymous_label) else _shown(element.name)
            self._claim(parts, named)
            return parts | named
        if isinstance(element, elements.ColumnClause):
            return self._column(element)
        if isinstance(element, (selectable.SelectBase, selectable.SelectStatementGrouping)):
            return _union(self._columns(element))
        if isinstance(element, dml.UpdateBase):
            return self._change(element)
        if isinstance(element, functions.FunctionElement):
            return self._function(element)
        if isinstance(element, selectable.FromClause):
            self._children(element)
            return _NOTHING
        if isinstance(element, elements.Case):
            self._children(element)
            for condition, _ in element.whens:
                if element.value is not None:
                    self._claim(self._read(condition), self._read(element.value))
            results = [result for _, result in element.whens]
            return _union(map(self._read, [*results, *([] if element.else_ is None else [element.else_])]))
        if isinstance(element, elements.BinaryExpression):
            return self._binary(element)
        if isinstance(element, elements.Over):
            self._children(element)
            return self._read(element.element)
        if isinstance(element, elements.FunctionFilter):
            self._children(element)
            return self._read(element.func)
        parts = self._children(element)
        if isinstance(element, selectable.Exists):
            return _NOTHING
        if getattr(element, "operator", None) is operators.concat_op:
            self._claim(parts, parts)
        return parts

    def _children(self, element: Any) -> Shown:
        if isinstance(element, selectable.TableClause):
            return _NOTHING  # its columns are not all used
        return _union([self._read(child) for child in element.get_children()])

    def _text(self, element: Any) -> Shown:
        """A text in a statement shows whatever it names. Its parameters stay unknown."""
        text = getattr(element, "text", None) or "".join(map(str, getattr(element, "parts", (element,))))
        self._fragments.append(text)
        return _shown(*words_in(text))

    def _column(self, column: Any) -> Shown:
        if column.is_literal:
            return self._text(column)
        parts = _shown(column.name, column.key)
        for source in column.proxy_set:  # what it comes from in a subquery or a union
            if source is not column:
                parts |= self._read(source)
        made_of = getattr(column.table, "element", None)
        if isinstance(made_of, functions.FunctionElement):
            parts |= self._read(made_of)
        return parts

    def _columns(self, query: Any) -> list[Shown]:
        """Return what each column of a query shows; of a union, what all its queries show there."""
        if isinstance(query, selectable.SelectStatementGrouping):
            return self._columns(query.element)
        if isinstance(query, selectable.TextualSelect):
            parts = self._text(query.element)
            return [parts | _shown(column.name) for column in query.column_args]
        for name in ("limit", "offset", "fetch"):
            clause = getattr(query, f"_{name}_clause", None)
            if clause is not None:
                self._claim(self._read(clause), _shown("limit"))
        if isinstance(query, selectable.CompoundSelect):
            lists = [self._columns(each) for each in query.selects]
            self._children(query)
            return [_union(place) for place in zip(*lists)]
        self._children(query)
        return [self._read(column) for column in query._all_selected_columns]

    def _function(self, function: Any) -> Shown:
        given = self._children(function)
        self._claim(given.through_function(), given)
        name = getattr(function, "name", "").lower()
        itself = Shown(frozenset((Source(name, False),)), keys=frozenset(key for key, _ in given.binds))
        if name in MEASURING:
            return Shown(itself.sources, given.through_function().binds)
        return itself | (given if name in _CHOOSING else given.through_function())

    def _binary(self, binary: Any) -> Shown:
        left, right = self._read(binary.left), self._read(binary.right)
        operator = binary.operator
        if operator in _KEYED or str(getattr(operator, "opstring", "")).startswith(("->", "#>")):
            self._claim(right, _shown("key"))
            return left | Shown(keys=frozenset(key for key, _ in right.binds))
        self._claim(left, right)
        self._claim(right, left)
        return _NOTHING if operators.is_comparison(operator) else left | right

    def _change(self, statement: Any) -> Shown:
        """Read an INSERT, UPDATE or DELETE, each value with the column that it is assigned to."""
        assigned: list[tuple[Any, Any]] = [*(getattr(statement, "_ordered_values", None) or ())]
        rows = [getattr(statement, "_values", None), *getattr(statement, "_multi_values", ())]
        upsert = getattr(statement, "_post_values_clause", None)
        rows += [getattr(upsert, "update_values_to_set", None), getattr(upsert, "update", None)]
        for row in rows:
            for each in row if isinstance(row, list) and row and isinstance(row[0], dict) else [row]:
                assigned += each.items() if isinstance(each, Mapping) else each or ()
        for column, value in assigned:
            if isinstance(value, elements.ClauseElement):
                self._claim(self._read(value), _named(column, statement.table))
        query = getattr(statement, "select", None)
        if isinstance(query, selectable.SelectBase):
            for name, shown in zip(statement._select_names or (), self._columns(query)):
                self._claim(shown, _named(name, statement.table))
        self._children(statement)
        if upsert is not None:
            self._children(upsert)
        return _union([self._read(column) for column in statement._returning])


def _named(column: Any, table: Any) -> Shown:
    names = {column} if isinstance(column, str) else {column.name, column.key}
    known = [table.c[name].name for name in names if name in getattr(table, "c", {})]
    return _shown(*names, *known)


def _shown(*names: str) -> Shown:
    return Shown(frozenset(map(Source, names)))


def _union(parts: Iterable[Shown]) -> Shown:
    whole = _NOTHING
    for part in parts:
        whole |= part
    return whole

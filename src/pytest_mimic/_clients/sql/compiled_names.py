"""The names in a compiled statement: of the columns of its parameters and results.

SQLAlchemy knows these columns. By their names, `statement_calls.py` decides which
parameters are secret, and which columns of a result are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from sqlalchemy.sql import dml, elements, functions, operators, selectable

from pytest_mimic._clients.sql.statement_text import words_in

# The result of these functions is a number, so its column is not hidden.
_MEASURING_FUNCTIONS = frozenset(
    "bit_length char_length character_length count length octet_length".split()
)
# The parts of an expression: first the names of its columns, labels and functions, then
# those of its parameters. `lower(users.token || :salt) AS key` has the parts `({"key",
# "token"}, {"salt"})`.
Shown = tuple[frozenset[str], frozenset[str]]
_ELEMENTS_WITH_NAME = (elements.ColumnClause, elements.Label)
# Operators whose right side names a part of a JSON value; others are known by their
# texts.
_OPERATORS_INTO_JSON = frozenset(
    (operators.getitem, operators.json_getitem_op, operators.json_path_getitem_op)
)
_STARTS_OF_OPERATORS_INTO_JSON = ("->", "#>")
# The place of a parameter that SQLAlchemy replaces by one for each value of a list:
# `IN (__[POSTCOMPILE_id_1])`, with a word before it in the first group.
_PLACE_OF_LIST = re.compile(
    r"(\bIN\s*)?\(__\[POSTCOMPILE_(\S+?)(?:~~.+?~~)?\]\)", re.IGNORECASE
)


class CompiledNames:
    """The names in a compiled statement.

    Attributes:
        columns: The parts that each column of the result shows; None for a statement
            that is a text, whose columns SQLAlchemy does not know.
        names_beside_parameter: By the name of a parameter, the names in the expressions
            around it. A parameter without any is unknown.
        keys: The parameters that may name a part of a JSON value.
        words_of_texts: The words of texts in the statement, such as those of `text()`,
            which SQLAlchemy has not read.
        binds: The names of positional parameters, in order.
        names: The same names, in no order.
        escaped: Maps the driver's name of a parameter to SQLAlchemy's, where they
            differ.
        lists_in_any_order: The parameters with lists of values that stand only behind
            an `IN`, where the order of the values cannot show.
    """

    def __init__(self, compiled: Any) -> None:
        self.columns: tuple[Shown, ...] | None = None
        self.names_beside_parameter: dict[str, set[str]] = {}
        self.keys: set[str] = set()
        self.words_of_texts: set[str] = set()
        self.binds: tuple[str, ...] = ()
        if compiled.positional:
            self.binds = tuple(compiled.positiontup or ())
        self.names = frozenset(self.binds)
        self.escaped: dict[str, str] = {}
        for name, name_of_driver in (compiled.escaped_bind_names or {}).items():
            self.escaped[name_of_driver] = name
        self.lists_in_any_order = self._lists_behind_in(compiled.string)
        # The name in the compiled statement, by the key of a parameter's element.
        self._names = {bind.key: name for bind, name in compiled.bind_names.items()}
        is_textual = isinstance(compiled.statement, selectable.TextualSelect)
        if compiled.isplaintext or is_textual:
            return
        # The ORM compiles another statement than it was given: with columns for
        # entities, joins and criteria.
        statement = getattr(compiled.compile_state, "statement", compiled.statement)
        for element in _walk(statement):
            self._note_names(element)
        if isinstance(statement, selectable.CompoundSelect):
            # Of a union, the compiler knows the first query only.
            columns = _elements_of_columns(statement)
        else:
            columns = [entry[2] for entry in compiled._result_columns or ()]
        self.columns = tuple([self._parts_of(*column) for column in columns])

    def _lists_behind_in(self, sql: str) -> set[str]:
        """Return the parameters with lists that stand only behind an `IN`."""
        behind_in = set()
        elsewhere = set()
        for word, name_of_driver in _PLACE_OF_LIST.findall(sql):
            name = self.escaped.get(name_of_driver, name_of_driver)
            if word:
                behind_in.add(name)
            else:
                elsewhere.add(name)
        return behind_in - elsewhere

    def _note_names(self, element: Any) -> None:
        """Note the names beside the parameters of an expression, and the texts."""
        text = _text_of(element)
        if text is not None:
            self.words_of_texts.update(words_in(text))
        is_function = isinstance(element, functions.FunctionElement)
        is_operation = isinstance(element, (elements.BinaryExpression, elements.Label))
        if not is_function and not is_operation:
            return
        names, binds = self._parts_of(element, is_result=False)
        if is_function or _opens_json(element):
            self.keys.update(binds)
        if names:
            for bind in binds:
                self.names_beside_parameter.setdefault(bind, set()).update(names)

    def _parts_of(self, *expressions: Any, is_result: bool = True) -> Shown:
        """Return the parts of expressions; of a result, those that it shows."""
        names: set[str] = set()
        binds: set[str] = set()
        for part in _walk(*expressions, is_expression=True, is_result=is_result):
            text = _text_of(part)
            if isinstance(part, elements.BindParameter):
                binds.add(self._names.get(part.key, part.key))
            elif text is not None:
                names.update(words_in(text))
            elif isinstance(part, _ELEMENTS_WITH_NAME):
                names.update(_names_of(part))
            elif is_result and isinstance(part, functions.FunctionElement):
                # A column without a label is called after its function.
                names.update(_names_of(part))
        return frozenset(names), frozenset(binds)


def _opens_json(element: Any) -> bool:
    """Check whether an operation takes a part of a JSON value."""
    operator = getattr(element, "operator", None)
    text = str(getattr(operator, "opstring", ""))
    return operator in _OPERATORS_INTO_JSON or text.startswith(
        _STARTS_OF_OPERATORS_INTO_JSON
    )


def _names_of(element: Any) -> list[str]:
    """Return the names of an element that the statement's author has given."""
    names = []
    for attribute in ("name", "key"):
        name = getattr(element, attribute, None)
        if name and not isinstance(name, elements._anonymous_label):
            names.append(name)
    return names


def _text_of(element: Any) -> str | None:
    """Return a text in a statement that SQLAlchemy has not read.

    None: the element is no such text.
    """
    if isinstance(element, elements.TextClause):
        return element.text
    if getattr(element, "__visit_name__", "") == "tstring":
        return "".join(map(str, element.parts))
    if isinstance(element, elements.ColumnClause) and element.is_literal:
        return element.name
    return None


def _elements_of_columns(query: Any) -> list[list[Any]]:
    """Return the elements of a query that give the value of each column of its result.

    A union has several for one column: one of each of its queries.
    """
    if isinstance(query, selectable.CompoundSelect):
        # UNION, INTERSECT, EXCEPT
        columns = []
        for elements_at_place in zip(*map(_elements_of_columns, query.selects)):
            columns.append(list(chain.from_iterable(elements_at_place)))
        return columns
    if isinstance(query, selectable.SelectStatementGrouping):
        return _elements_of_columns(query.element)
    return [[column] for column in query._all_selected_columns]


def _walk(
    *start: Any, is_expression: bool = False, is_result: bool = False
) -> Iterator[Any]:
    """Yield elements of a statement and all that they are made of, each once.

    Args:
        start: The elements, such as a `ColumnClause`, `BinaryExpression` or `Select`.
        is_expression: Whether the conditions of subqueries are left out. Their columns
            are yielded.
        is_result: Whether that is left out which a result only compares or measures.
    """
    pending = list(start)
    # The elements stay alive here, so that no other one gets the id of one of them.
    seen = {}
    while pending:
        element = pending.pop()
        if type(element).__name__ == "_CompileLabel":
            # The compiler has put this label around an element of the statement.
            element = element.element
        if id(element) in seen or not hasattr(element, "__visit_name__"):
            continue
        seen[id(element)] = element
        if is_result and _is_measure(element):
            continue
        yield element
        if is_expression:
            pending += _sources_of(element)
        else:
            pending += element.get_children()


def _sources_of(element: Any) -> Iterable[Any]:
    """Return the elements that a part of an expression takes its value from.

    A column of a subquery gives the column in the subquery; `lower(a || b)` gives its
    arguments.
    """
    if isinstance(element, elements.ColumnClause):
        # A column of a subquery or a union comes from the columns in there.
        sources = list(element.proxy_set)
        table = getattr(element.table, "element", None)
        if isinstance(table, functions.FunctionElement):
            sources.append(table)
        return sources
    if isinstance(element, selectable.CompoundSelect):
        return list(element.selects)
    if isinstance(element, (selectable.SelectBase, dml.UpdateBase)):
        return list(element._all_selected_columns)
    is_function = isinstance(element, functions.FunctionElement)
    if is_function or not isinstance(element, selectable.FromClause):
        return list(element.get_children())
    # A table holds values, and is none: its other columns do not count.
    return []


def _is_measure(element: Any) -> bool:
    """Check whether an expression tells of values and gives none of them.

    | the expression | for example |
    |---|---|
    | a comparison | `password = 'x'` |
    | a function that measures | `length(password)` |
    | a test for rows | `EXISTS (SELECT password …)` |
    """
    if isinstance(element, elements.BinaryExpression):
        return operators.is_comparison(element.operator)
    if isinstance(element, functions.FunctionElement):
        # A function that a table is selected from may have no name.
        name: str = getattr(element, "name", "")
        return name.lower() in _MEASURING_FUNCTIONS
    return isinstance(element, selectable.Exists)

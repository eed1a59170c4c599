"""The names in a compiled statement: of the columns of its parameters and results.

SQLAlchemy knows these columns. By their names, `statement_calls.py` decides which
parameters are secret, and which columns of a result are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy.sql import dml, elements, functions, operators, selectable

from pytest_mimic._clients.sql.statement_text import words_in

# The result of these functions is a number, so its column is not hidden, whatever the
# name of what they measure.
_MEASURING_FUNCTIONS = frozenset(
    "bit_length char_length character_length count length octet_length".split()
)


class ExpressionNames(NamedTuple):
    """The names in an expression, such as that of a column of the result.

    `lower(users.token || :salt) AS key` has the names `key` and `token`, and the
    parameter `salt`.

    Attributes:
        names: The names of its columns, labels and functions.
        parameters: The names of its parameters.
    """

    names: frozenset[str]
    parameters: frozenset[str]


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

    They decide what is secret in its parameters and its result. A change of them hides
    or shows other values, and with those of parameters it changes identities.

    Attributes:
        columns: For each column of the result, the names in its expression; None for a
            statement that is a text, whose columns SQLAlchemy does not know.
        names_beside_parameter: By the name of a parameter, the names in the expressions
            around it. A parameter without any is unknown.
        json_path_parameters: The parameters that may name a part of a JSON value.
        words_of_texts: The words of texts in the statement, such as those of `text()`,
            which SQLAlchemy has not read.
        positional_names: The names of positional parameters, in order.
        set_of_positional_names: The same names, in no order.
        compiled_name_by_driver_name: SQLAlchemy's name of a parameter by the driver's,
            where they differ.
        lists_in_any_order: The parameters with lists of values that stand only behind
            an `IN`, where the order of the values cannot show.
    """

    def __init__(self, compiled: Any) -> None:
        self.columns: tuple[ExpressionNames, ...] | None = None
        self.names_beside_parameter: dict[str, set[str]] = {}
        self.json_path_parameters: set[str] = set()
        self.words_of_texts: set[str] = set()
        self.positional_names: tuple[str, ...] = ()
        if compiled.positional:
            self.positional_names = tuple(compiled.positiontup or ())
        self.set_of_positional_names = frozenset(self.positional_names)
        self.compiled_name_by_driver_name: dict[str, str] = {}
        for name, name_of_driver in (compiled.escaped_bind_names or {}).items():
            self.compiled_name_by_driver_name[name_of_driver] = name
        self.lists_in_any_order = self._lists_behind_in(compiled.string)
        # The name in the compiled statement, by the key of a parameter's element.
        self._compiled_name_by_key: dict[str, str] = {}
        for bind_parameter, name in compiled.bind_names.items():
            self._compiled_name_by_key[bind_parameter.key] = name
        is_textual = isinstance(compiled.statement, selectable.TextualSelect)
        if compiled.isplaintext or is_textual:
            # SQLAlchemy knows no column of it: `statement_text.py` reads the text.
            return
        # The ORM compiles another statement than it was given: with columns for
        # entities, joins and criteria.
        statement = getattr(compiled.compile_state, "statement", compiled.statement)
        for element in _walk(statement):
            self._note_names(element)
        if isinstance(statement, selectable.CompoundSelect):
            # Of a union, the compiler knows the first query only.
            elements_by_column = _elements_of_columns(statement)
        else:
            elements_by_column = [entry[2] for entry in compiled._result_columns or ()]
        self.columns = tuple(
            [self._names_in(*expressions) for expressions in elements_by_column]
        )

    def _lists_behind_in(self, sql: str) -> set[str]:
        """Return the parameters with lists that stand only behind an `IN`.

        Their values are sorted in the identity, as the order may be a set's.
        """
        lists_behind_in = set()
        lists_elsewhere = set()
        for word_before, name_of_driver in _PLACE_OF_LIST.findall(sql):
            name = self.compiled_name_by_driver_name.get(name_of_driver, name_of_driver)
            if word_before:
                lists_behind_in.add(name)
            else:
                lists_elsewhere.add(name)
        return lists_behind_in - lists_elsewhere

    def _note_names(self, element: Any) -> None:
        """Note the names beside the parameters of an expression, and the texts."""
        text = _text_of(element)
        if text is not None:
            self.words_of_texts.update(words_in(text))
        is_function = isinstance(element, functions.FunctionElement)
        is_operation = isinstance(element, (elements.BinaryExpression, elements.Label))
        if not is_function and not is_operation:
            return
        names, parameters = self._names_in(element, is_result=False)
        if is_function or _opens_json(element):
            # `json_extract(data, :path)` takes a part of a JSON value, too.
            self.json_path_parameters.update(parameters)
        # Beside no name, a parameter stays unknown: the text has to tell of it.
        if names:
            for parameter in parameters:
                names_beside = self.names_beside_parameter.setdefault(parameter, set())
                names_beside.update(names)

    def _names_in(self, *expressions: Any, is_result: bool = True) -> ExpressionNames:
        """Return the names in expressions; of a result, those of what it shows."""
        names: set[str] = set()
        parameters: set[str] = set()
        for element in _walk(*expressions, is_expression=True, is_result=is_result):
            text = _text_of(element)
            if isinstance(element, elements.BindParameter):
                parameters.add(self._compiled_name_by_key.get(element.key, element.key))
            elif text is not None:
                # Each word of a text may be a secret name.
                names.update(words_in(text))
            elif isinstance(element, _ELEMENTS_WITH_NAME):
                names.update(_names_of(element))
            elif is_result and isinstance(element, functions.FunctionElement):
                # A column without a label is called after its function.
                names.update(_names_of(element))
        return ExpressionNames(frozenset(names), frozenset(parameters))


def _opens_json(element: Any) -> bool:
    """Check whether an operation takes a part of a JSON value, as `data -> :name` does.

    Its parameter names the part, and may be a secret name itself.
    """
    operator = getattr(element, "operator", None)
    text_of_operator = str(getattr(operator, "opstring", ""))
    return operator in _OPERATORS_INTO_JSON or text_of_operator.startswith(
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
    # SQLAlchemy 2.1 takes a template string of Python, too.
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
        elements_by_column = []
        for elements_at_place in zip(*map(_elements_of_columns, query.selects)):
            elements_by_column.append(list(chain.from_iterable(elements_at_place)))
        return elements_by_column
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
            # The result shows no value of what is compared or measured in it.
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
    # A table holds values, and is no value itself: its other columns do not count.
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

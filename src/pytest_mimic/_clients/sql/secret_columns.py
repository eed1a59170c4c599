"""The columns that the parameters and the results of a compiled statement belong to, as SQLAlchemy knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.sql import dml, elements, functions, operators, selectable

from pytest_mimic._clients.sql.statements import words_in

# Functions that measure a value. Their result is no secret.
_MEASURING = frozenset(
    "bit_length char_length character_length count length octet_length".split()
)
# The parts of an expression: the names of columns, labels and functions in it, and of
# parameters.
Shown = tuple[frozenset[str], frozenset[str]]
_NAMED = (elements.ColumnClause, elements.Label)
_KEYED = frozenset(
    (operators.getitem, operators.json_getitem_op, operators.json_path_getitem_op)
)


class CompiledNames:
    """The names in a compiled statement.

    Attributes:
        columns: The parts that each column of its result shows; None for a text, which
            does not say.
        beside: The names in the expressions that a parameter is part of, by its name.
            Without any, it is unknown.
        keys: The parameters that may name a part of a JSON value.
        fragments: The words of texts in the statement, which SQLAlchemy has not read.
        binds: The names of positional parameters, in order; `names` without it.
        escaped: The names of parameters that the driver knows by another one, by that
            one.
    """

    def __init__(self, compiled: Any) -> None:
        self.columns: tuple[Shown, ...] | None = None
        self.beside: dict[str, set[str]] = {}
        self.keys: set[str] = set()
        self.fragments: set[str] = set()
        self.binds: tuple[str, ...] = (
            tuple(compiled.positiontup or ()) if compiled.positional else ()
        )
        self.names = frozenset(self.binds)
        self.escaped = {
            new: name for name, new in (compiled.escaped_bind_names or {}).items()
        }
        self._names = {bind.key: name for bind, name in compiled.bind_names.items()}
        if compiled.isplaintext or isinstance(
            compiled.statement, selectable.TextualSelect
        ):
            return
        # The ORM compiles another statement than it was given: with columns for
        # entities, joins and criteria.
        statement = getattr(compiled.compile_state, "statement", compiled.statement)
        for element in _walk(statement):
            self._note(element)
        is_union = isinstance(
            statement, selectable.CompoundSelect
        )  # the compiler knows its first query only
        columns = (
            _columns(statement)
            if is_union
            else [entry[2] for entry in compiled._result_columns or ()]
        )
        self.columns = tuple(self._shown(*column) for column in columns)

    def _note(self, element: Any) -> None:
        """Note the names beside the parameters of an expression, and the texts."""
        if (text := _text_of(element)) is not None:
            self.fragments.update(words_in(text))
        is_function = isinstance(element, functions.FunctionElement)
        if is_function or isinstance(
            element, (elements.BinaryExpression, elements.Label)
        ):
            names, binds = self._shown(element, is_result=False)
            operator = getattr(element, "operator", None)
            opens = operator in _KEYED or str(
                getattr(operator, "opstring", "")
            ).startswith(("->", "#>"))
            if is_function or opens:
                self.keys.update(binds)
            for bind in binds if names else ():
                self.beside.setdefault(bind, set()).update(names)

    def _shown(self, *found: Any, is_result: bool = True) -> Shown:
        names: set[str] = set()
        binds: set[str] = set()
        named = (*_NAMED, functions.FunctionElement) if is_result else _NAMED
        for part in _walk(*found, is_expression=True, is_result=is_result):
            if isinstance(part, elements.BindParameter):
                binds.add(self._names.get(part.key, part.key))
            elif (text := _text_of(part)) is not None:
                names.update(words_in(text))
            elif isinstance(part, named):
                own = (getattr(part, "name", None), getattr(part, "key", None))
                names.update(
                    n for n in own if n and not isinstance(n, elements._anonymous_label)
                )
        return frozenset(names), frozenset(binds)


def _text_of(element: Any) -> str | None:
    """Return a text in a statement that SQLAlchemy has not read."""
    if isinstance(element, elements.TextClause):
        return element.text
    if getattr(element, "__visit_name__", "") == "tstring":
        return "".join(map(str, element.parts))
    return (
        element.name
        if isinstance(element, elements.ColumnClause) and element.is_literal
        else None
    )


def _columns(query: Any) -> list[list[Any]]:
    """Return the elements of each column of a query; of a union, those of all its queries at this place."""
    if isinstance(query, selectable.SelectStatementGrouping):
        return _columns(query.element)
    if isinstance(query, selectable.CompoundSelect):
        return [
            [each for column in place for each in column]
            for place in zip(*map(_columns, query.selects))
        ]
    return [[column] for column in query._all_selected_columns]


def _walk(
    *start: Any, is_expression: bool = False, is_result: bool = False
) -> Iterator[Any]:
    """Yield elements and all that they are made of, each once.

    Of an expression these are the columns of its subqueries, not their conditions; of a
    result they are without what it only
    compares or measures.
    """
    todo, seen = list(start), {}
    while todo:
        element = todo.pop()
        if (
            type(element).__name__ == "_CompileLabel"
        ):  # it is no element of the statement, but has one
            element = element.element
        if id(element) in seen or not hasattr(element, "__visit_name__"):
            continue
        seen[id(element)] = (
            element  # which keeps it alive, so that no other element gets its id
        )
        if is_result and _is_measure(element):
            continue
        yield element
        if not is_expression:
            todo += element.get_children()
        elif isinstance(element, elements.ColumnClause):
            todo += element.proxy_set  # what it comes from in a subquery or a union
            made_of = getattr(element.table, "element", None)
            todo += [made_of] if isinstance(made_of, functions.FunctionElement) else []
        elif isinstance(element, selectable.CompoundSelect):
            todo += element.selects
        elif isinstance(element, (selectable.SelectBase, dml.UpdateBase)):
            todo += element._all_selected_columns
        elif isinstance(element, functions.FunctionElement) or not isinstance(
            element, selectable.FromClause
        ):
            todo += element.get_children()


def _is_measure(element: Any) -> bool:
    if isinstance(element, elements.BinaryExpression):
        return operators.is_comparison(element.operator)
    name = (
        getattr(element, "name", "")
        if isinstance(element, functions.FunctionElement)
        else ""
    )
    return name.lower() in _MEASURING or isinstance(element, selectable.Exists)

"""Statements, rows and errors without their secrets, by the names beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.sql import statements
from pytest_mimic.clients.sql.statements import Token
from pytest_mimic.secrets.issued import texts_in
from pytest_mimic.secrets.known import map_texts
from pytest_mimic.values.rows import bytes_of

# How PostgreSQL shows values of a row in an error.
_KEY = re.compile(r"\((?P<columns>[^()]*)\)=\((?P<values>.*?)\)(?= |$)", re.M)
_ROW = re.compile(r"(?<=Failing row contains \().*(?=\))", re.S)
_BYTES = frozenset(["$bytes", "$base64"])
_MOMENTS = frozenset(["$date", "$datetime", "$time", "$timedelta"])
_LARGE = 1_000
"""Smaller numbers count or number something."""
# What SQLAlchemy and its dialects put behind a column for a parameter of it.
_NUMBER = re.compile(r"(_m?\d+)+$|__\d+$")


class Hiding:
    """Hides what is secret in a statement and its answer.

    A statement that names a secret hides all its literals, and texts of which nobody
    can tell the column: of parameters, and of results, of these also long numbers.

    Args:
        redactor: Knows the secret names.
        stand_in: Gives what stands in place of a secret.
        request: The statement, with its secrets or as it is stored.
    """

    def __init__(self, redactor: Redactor, stand_in: StandIn, request: Plain) -> None:
        self._redactor = redactor
        self._stand_in = stand_in
        self._request = request
        self._statement = statements.read(request["statement"])
        params = request.get("parameters", {})
        self._sets: list[Plain] = params if isinstance(params, list) else [params]
        # The name of a part of a document may be a parameter.
        self._words = _words_in([value for one in self._sets for value in one.values()])
        names = sorted([*self._statement.names, *self._sets[0], *self._words])
        # A secret name in the statement; empty: there is none.
        self._secret = next(filter(redactor.names.secret, names), "")

    def request(self) -> Plain:
        """Return the statement and its parameters without secrets."""
        hidden = {**self._request, "statement": self._text(self._request["statement"])}
        if "parameters" in hidden:
            sets = [
                self._values(values, self._name_of_parameter, "parameters")
                for values in self._sets
            ]
            is_list = isinstance(hidden["parameters"], list)
            hidden["parameters"] = sets if is_list else sets[0]
        return hidden

    def answer(self, answer: Plain) -> Plain:
        """Return rows, or an error, without secrets."""
        if "raised" in answer:
            return {**answer, "raised": self._error(answer["raised"])}
        if "rows" not in answer:
            return answer
        columns = [self._text(column) for column in answer["columns"]]
        hidden_rows = [
            self._values(row, self._name_of_cell, f"rows[{index}]")
            for index, row in enumerate(answer["rows"])
        ]
        return {**answer, "columns": columns, "rows": hidden_rows}

    # -- the text of a statement

    def _text(self, text: str) -> str:
        """Return a statement, or the name of a column, without secrets in literals."""
        if self._secret and "\\'" in text:
            # Databases disagree where such a text ends.
            first, last = text.index("'") + 1, text.rindex("'")
            kept = self._stand_in(text[first:last], "statement")
            return text[:first] + kept + text[last:]
        pieces = []
        end = 0
        for literal in statements.read(text).literals:
            pieces += [text[end : literal.start], self._literal(literal)]
            end = literal.end
        hidden = "".join([*pieces, text[end:]])
        if self._secret and hidden != text:
            self._stand_in(text, "statement")  # Notes what nobody can tell any more.
        return hidden

    def _literal(self, literal: Token) -> str:
        content = literal.content
        if not self._secret:
            hidden: str = self._redactor.hide(content, self._stand_in, "statement")
            return content if literal.kind == "comment" else hidden
        if literal.kind == "comment":
            return " "
        if literal.kind == "number":
            return "0"
        words = statements.words_in(content) if literal.is_key else []
        if any(map(self._redactor.names.secret, words)):
            return content  # It is a name, by which the answer is judged, too.
        path = f"statement.{self._secret}"
        return self._stand_in(content, path) if content else ""

    # -- values beside their names

    def _name_of_parameter(self, name: str, shown: Any) -> str:
        """Return the name by which a parameter is judged."""
        compared = self._statement.compared.get(name, ())
        around = self._request.get("names", {}).get(name, compared)
        columns = [*filter(self._is_column, around)]
        is_told = columns or self._is_column(name)
        words = self._words if ":" in around else []
        has_text = any(texts_in([shown]))
        return self._judged([*columns, *words, name], not is_told and has_text)

    def _is_column(self, name: str) -> bool:
        """Return whether a parameter has the name of a column, numbers apart."""
        return _NUMBER.sub("", name) in self._statement.columns

    def _name_of_cell(self, name: str, shown: Any) -> str:
        """Return the name by which a value of a row is judged."""
        statement = self._statement
        column = statement.labels.get(name, name)
        is_known = column in statement.columns and not statement.renames
        is_told = is_known or statement.lists_all
        # A label of the ORM has the name of the table, too.
        is_public = self._redactor.names.takes_out(column)
        names = [column] if is_public else [column, name]
        return self._judged(names, not is_told and _says_much(shown))

    def _judged(self, names: list[str], is_hidden: bool) -> str:
        """Return the name by which a value is judged: a secret name, or its own."""
        secret = filter(self._redactor.names.secret, names)
        own = self._secret if is_hidden and self._secret else names[-1]
        return next(secret, own)

    def _values(
        self, values: Plain, name_of: Callable[[str, Any], str], path: str
    ) -> Plain:
        """Return values without secrets.

        Args:
            values: By name.
            name_of: Returns the name by which a value is judged.
            path: Where the values stand.
        """
        names = {}
        shown = {}
        for number, (name, value) in enumerate(values.items()):
            text = _shown(value)
            judged = name_of(name, text)
            # Several values may be judged by one name.
            names[name] = name if judged == name else f"{judged} {number}"
            shown[names[name]] = text
        hidden = self._redactor.hide(shown, self._stand_in, path)
        return {
            name: _kept(value, shown[names[name]], hidden[names[name]])
            for name, value in values.items()
        }

    # -- errors

    def _error(self, error: Plain) -> Any:
        def hide_values(match: re.Match[str]) -> str:
            columns = match["columns"].split(", ")
            if not any(map(self._redactor.names.secret, columns)):
                return match[0]
            return f"({match['columns']})=({self._stand_in(match['values'], 'error')})"

        def hide(text: str) -> str:
            text = _KEY.sub(hide_values, text)
            return _ROW.sub(lambda match: self._stand_in(match[0], "error"), text)

        return map_texts(self._redactor.hide(error, self._stand_in, "error"), hide)


def _words_in(values: list[Any]) -> list[str]:
    """Return the names in texts that are a name, or a path into a document."""
    found = []
    for text in texts_in(values):
        if text[:1] in ("$", "{") or " " not in text:
            found += statements.words_in(text)
    return found


def _says_much(shown: Any) -> bool:
    """Return whether a value is no small number, truth value or moment."""
    is_number = isinstance(shown, (int, float, type(None)))
    return not is_number or abs(shown or 0) >= _LARGE


def _shown(value: Any) -> Any:
    """Return the text of a value that has a tag, for a secret to be found in it."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(tag, content)] = value.items()
    if tag == "$memoryview":
        return _shown(content)
    if tag in _BYTES:
        return bytes_of(value).decode("latin-1")
    if tag in _MOMENTS:
        return None
    return content if tag.startswith("$") and isinstance(content, str) else value


def _kept(value: Any, shown: Any, hidden: Any) -> Any:
    """Return a value, or what stands for it in the class that it has."""
    if hidden == shown:
        return value
    if not isinstance(value, dict) or not isinstance(hidden, str):
        return hidden
    tag = next(iter(value))
    if tag == "$memoryview":
        return {"$memoryview": {"$bytes": hidden}}
    return {"$bytes": hidden} if tag in _BYTES else hidden

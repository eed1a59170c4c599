"""Statements, rows and errors without their secrets, by the names beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.sql import rows, statements
from pytest_mimic.clients.sql.statements import Literal
from pytest_mimic.secrets.values import map_texts
from pytest_mimic.values.rows import bytes_of

# How PostgreSQL shows values of a row in an error.
_KEY = re.compile(r"\((?P<columns>[^()]*)\)=\((?P<values>.*?)\)(?= |$)", re.M)
_ROW = re.compile(r"(?<=Failing row contains \().*(?=\))", re.S)
_BYTES = frozenset(["$bytes", "$base64"])
_MOMENTS = frozenset(["$date", "$datetime", "$time", "$timedelta"])
# What SQLAlchemy and its dialects put behind a column for a parameter of it.
_NUMBER = re.compile(r"(_m?\d+)+$|__\d+$")


def hide_request(redactor: Redactor, request: Plain, stand_in: StandIn) -> Plain:
    """Return a statement and its parameters without secrets.

    A statement that names a secret hides the texts of all parameters of which nobody
    can tell the column.
    """
    hiding = _Hiding(redactor, stand_in, request)
    hidden = {**request, "statement": hiding.text(request["statement"])}
    params = request.get("parameters")
    if isinstance(params, list):
        hidden["parameters"] = [hiding.parameters(values) for values in params]
    elif params:
        hidden["parameters"] = hiding.parameters(params)
    return hidden


def hide_answer(
    redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
) -> Plain:
    """Return rows, or an error, without secrets.

    Args:
        redactor: Knows the secret names.
        answer: The answer.
        stand_in: Gives what stands in place of a secret.
        request: The statement, without secrets. If the application wrote it as text,
            and it names a secret, the texts of all columns are hidden but of those
            that it plainly gives without one.
    """
    hiding = _Hiding(redactor, stand_in, request)
    if "raised" in answer:
        return {**answer, "raised": hiding.error(answer["raised"])}
    if "rows" not in answer:
        return answer
    columns = [hiding.text(column) for column in answer["columns"]]
    keys = rows.row_keys(answer["columns"])
    return {**answer, "columns": columns, "rows": hiding.rows(answer["rows"], keys)}


class _Hiding:
    """Hides what is secret in a statement and its answer."""

    def __init__(self, redactor: Redactor, stand_in: StandIn, request: Plain) -> None:
        self._redactor = redactor
        self._stand_in = stand_in
        self._statement = statements.read(request["statement"])
        self._is_text = request.get("is_text", False)
        self._names = request.get("names", {})
        params = request.get("parameters", {})
        self._params: Plain = params[0] if isinstance(params, list) else params
        names = [*self._statement.names, *self._params]
        self._is_secret = any(map(redactor.names.secret, names))

    # -- the text of a statement

    def text(self, text: str) -> str:
        """Return a statement, or the name of a column, without secrets in literals."""
        statement = statements.read(text)
        if self._is_secret and "\\'" in text:
            # Databases disagree where such a text ends.
            first, last = text.index("'") + 1, text.rindex("'")
            kept = self._stand_in(text[first:last], "statement")
            return text[:first] + kept + text[last:]
        pieces = []
        end = 0
        for literal in statement.literals:
            content = text[literal.start : literal.end]
            pieces += [text[end : literal.start], self._literal(content, literal)]
            end = literal.end
        return "".join([*pieces, text[end:]])

    def _literal(self, content: str, literal: Literal) -> str:
        if literal.kind == "comment":
            return " " if self._is_secret else content
        path = f"statement.{literal.column}" if literal.column else "statement"
        is_number = literal.kind == "number"
        if literal.column:
            is_hidden = self._redactor.names.secret(literal.column)
        else:
            is_short_number = is_number and len(content) <= 3
            is_hidden = self._is_secret and not (literal.is_key or is_short_number)
        if is_number:
            return "0" if is_hidden and self._stand_in(content, path) else content
        if is_hidden:
            return self._stand_in(content, path) if content else ""
        return self._redactor.hide_text(content, self._stand_in, path)

    # -- values beside their names

    def parameters(self, values: Plain) -> Plain:
        """Return a set of parameters without secrets."""
        known = {**self._statement.columns, **self._names.get("parameters", {})}
        judged = {}
        unknown = []
        for number, name in enumerate(values):
            # One statement that inserts several rows has `name__0` and `name__1`.
            columns = known.get(name) or known.get(name.rpartition("__")[0]) or []
            names = [*_resolved(columns, values), name]
            judged[name] = self._judged_name(name, number, names)
            if self._is_secret and not columns and not self._is_column(name):
                unknown.append(name)
        return self._values(values, judged, unknown, "parameters")

    def _is_column(self, name: str) -> bool:
        """Return whether a parameter has the name of a column, numbers apart."""
        column = _NUMBER.sub("", name)
        statement = self._statement
        return column in statement.names and column not in statement.functions

    def rows(self, found: list[Plain], keys: list[str]) -> list[Plain]:
        """Return the rows of a result without secrets, by their keys."""
        known = self._names.get("columns", {})
        judged = {}
        for number, key in enumerate(keys):
            columns = _resolved(known.get(key, ()), self._params)
            names = [*columns, _column_of(key, self._statement.names)]
            judged[key] = self._judged_name(key, number, names)
        plain = self._plain_columns(keys)
        unknown = [key for key in keys if key not in plain]
        return [
            self._values(row, judged, unknown, f"rows[{index}]")
            for index, row in enumerate(found)
        ]

    def _plain_columns(self, keys: list[str]) -> Collection[str]:
        """Return the columns of which none can show a secret by another name."""
        if not self._is_text or not self._is_secret:
            return keys
        items = self._statement.items or ()
        secret = self._redactor.names.secret
        is_plain = [not any(map(secret, item)) for item in items]
        if len(items) == len(keys) and not any("*" in item for item in items):
            return [key for key, is_shown in zip(keys, is_plain) if is_shown]
        return keys if items and all(is_plain) else ()

    def _judged_name(self, name: str, number: int, columns: list[str]) -> str:
        """Return the name by which a value is judged: a secret column's, or its own."""
        secret = [one for one in columns if self._redactor.names.secret(one)]
        judged = [*secret, columns[-1]][0]
        return name if judged == name else f"{judged} {number}"

    def _values(
        self,
        values: Plain,
        judged: Mapping[str, str],
        unknown: Iterable[str],
        path: str,
    ) -> Plain:
        """Return values without secrets.

        Args:
            values: By name.
            judged: The name by which each is judged.
            unknown: The names of those whose texts are hidden.
            path: Where the values stand.
        """
        shown = {judged[name]: _shown(value) for name, value in values.items()}
        hidden = self._redactor.hide(shown, self._stand_in, path)
        kept = {
            name: _kept(value, shown[judged[name]], hidden[judged[name]])
            for name, value in values.items()
        }
        for name in unknown:
            if not self._redactor.names.secret(judged[name]):
                kept[name] = self._without_texts(values[name], f"{path}.{name}")
        return kept

    def _without_texts(self, value: Any, path: str) -> Any:
        """Return a value whose texts are hidden."""
        shown = _shown(value)
        if isinstance(shown, str):
            return _kept(value, shown, self._stand_in(shown, path) if shown else "")
        if isinstance(value, list):
            return [self._without_texts(item, path) for item in value]
        if isinstance(value, dict):
            return {key: self._without_texts(one, path) for key, one in value.items()}
        return value

    # -- errors

    def error(self, error: Plain) -> Any:
        """Return an error without the secrets in its texts."""

        def hide_values(match: re.Match[str]) -> str:
            columns = match["columns"].split(", ")
            if not any(map(self._redactor.names.secret, columns)):
                return match[0]
            return f"({match['columns']})=({self._stand_in(match['values'], 'error')})"

        def hide(text: str) -> str:
            text = _KEY.sub(hide_values, text)
            return _ROW.sub(lambda match: self._stand_in(match[0], "error"), text)

        return map_texts(self._redactor.hide(error, self._stand_in, "error"), hide)


def _resolved(columns: Iterable[str], params: Mapping[str, Any]) -> list[str]:
    """Return the names of columns, and those of the parts of documents.

    The name of a part is itself a parameter: `:settings_1` stands for its value.
    """
    found: list[str] = []
    for column in columns:
        value = str(params.get(column[1:])) if column.startswith(":") else ""
        found += re.findall(r"[\w-]+", value) if value else [column]
    return found


def _column_of(label: str, names: Collection[str]) -> str:
    """Return the column to which SQLAlchemy gave a label: `users_id` for `users.id`."""
    for match in re.finditer("_", label):
        table, column = label[: match.start()], label[match.end() :]
        if table in names and column in names:
            return _column_of(column, names)
    return label


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

"""Statements, rows and errors without their secrets, by the names beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.sql import statements
from pytest_mimic.clients.sql.statements import Literal, Statement
from pytest_mimic.values.rows import bytes_of

# How PostgreSQL shows values of a row in an error.
_KEY = re.compile(r"\((?P<columns>[^()]*)\)=\((?P<values>.*?)\)(?= |$)", re.M)
_ROW = re.compile(r"(?<=Failing row contains \().*(?=\))", re.S)
_BYTES = frozenset(["$bytes", "$base64"])
_MOMENTS = frozenset(["$date", "$datetime", "$time", "$timedelta"])


def hide_request(redactor: Redactor, request: Plain, stand_in: StandIn) -> Plain:
    """Return a statement and its parameters without secrets.

    A statement that the application wrote as text, and that names a secret, hides the
    texts of all parameters of which nobody can tell the column.
    """
    text: str = request["statement"]
    statement = statements.read(text)
    is_secret = _names_a_secret(statement, redactor)
    hidden = {**request}
    if statement.literals:
        hidden["statement"] = _hide_literals(text, redactor, stand_in)
    if "parameters" not in request:
        return hidden
    named: Mapping[str, str] = request.get("names", {}).get("parameters", {})
    hides_texts = is_secret and request.get("is_text", False)

    def hide(params: Any) -> Any:
        by_name = _by_name(params)
        columns = {**_compared_columns(statement, by_name), **named}
        kept = _hide_mapping(by_name, columns, redactor, stand_in, "parameters")
        if hides_texts:
            for name, value in kept.items():
                if name not in columns:
                    kept[name] = _without_texts(value, stand_in, f"parameters.{name}")
        return kept if isinstance(params, dict) else [*kept.values()]

    params = request["parameters"]
    is_many = isinstance(params, list) and isinstance(params[0], (dict, list))
    hidden["parameters"] = [hide(one) for one in params] if is_many else hide(params)
    return hidden


def hide_answer(
    redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
) -> Plain:
    """Return rows, or an error, without secrets.

    Args:
        redactor: Knows the secret names.
        answer: The answer.
        stand_in: Gives what stands in place of a secret.
        request: The statement, without secrets. One that the application wrote as
            text, and that names a secret, hides the texts of all columns that it does
            not list by their own names.
    """
    if "raised" in answer:
        return {**answer, "raised": _hide_error(answer["raised"], redactor, stand_in)}
    if "rows" not in answer:
        return answer
    statement = statements.read(request["statement"])
    hides_texts = request.get("is_text") and _names_a_secret(statement, redactor)
    plain = statement.plain_columns or frozenset()
    named = request.get("names", {}).get("columns", {})
    rows = []
    for index, row in enumerate(answer["rows"]):
        place = f"rows[{index}]"
        kept = _hide_mapping(row, named, redactor, stand_in, place)
        if hides_texts and "*" not in plain:
            for name, value in kept.items():
                if name not in plain:
                    kept[name] = _without_texts(value, stand_in, f"{place}.{name}")
        rows.append(kept)
    columns = [_hide_literals(name, redactor, stand_in) for name in answer["columns"]]
    return {**answer, "columns": columns, "rows": rows}


def _names_a_secret(statement: Statement, redactor: Redactor) -> bool:
    return statement.names_a_key or any(map(redactor.names.secret, statement.names))


# -- the text of a statement


def _hide_literals(text: str, redactor: Redactor, stand_in: StandIn) -> str:
    """Return a statement without the secrets that stand in it as literals."""
    statement = statements.read(text)
    is_secret = _names_a_secret(statement, redactor)
    if is_secret and "\\'" in text:
        # Databases disagree where such a text ends.
        first, last = text.index("'"), text.rindex("'")
        kept = stand_in(text[first + 1 : last], "statement")
        return f"{text[: first + 1]}{kept}{text[last:]}"
    pieces = []
    end = 0
    for literal in statement.literals:
        old = text[literal.start : literal.end]
        new = _hide_literal(old, literal, redactor, stand_in, is_secret=is_secret)
        pieces += [text[end : literal.start], new]
        end = literal.end
    return "".join([*pieces, text[end:]])


def _hide_literal(
    text: str,
    literal: Literal,
    redactor: Redactor,
    stand_in: StandIn,
    *,
    is_secret: bool,
) -> str:
    column = literal.column
    is_hidden = is_secret and not literal.is_key
    if column:
        is_hidden = redactor.names.secret(column)
    path = f"statement.{column}" if column else "statement"
    if literal.kind == "comment":
        return "/* */" if is_secret else text
    if literal.kind == "number":
        is_hidden = is_hidden and (bool(column) or len(text) > 3)
        return "0" if is_hidden and stand_in(text, path) else text
    opening, content, closing = _parts_of(text)
    if is_hidden:
        return f"{opening}{stand_in(content, path) if content else ''}{closing}"
    hidden = redactor.hide_text(content, stand_in, path)
    return f"{opening}{hidden}{closing}"


def _parts_of(text: str) -> tuple[str, str, str]:
    """Return the signs around a text, and the text: `'ann'`, `$body$ann$body$`."""
    match = re.match(r"[A-Za-z]?['\"]|\$\w*\$", text)
    opening = match[0] if match else ""
    closing = opening.lstrip("EeNnBbXx") if opening[-1:] in "'\"" else opening
    if not text.endswith(closing) or len(text) < len(opening) + len(closing):
        return opening, text[len(opening) :], closing
    return opening, text[len(opening) : len(text) - len(closing)], closing


# -- values beside their names


def _by_name(params: Any) -> dict[str, Any]:
    if isinstance(params, dict):
        return params
    return {str(number): value for number, value in enumerate(params)}


def _compared_columns(statement: Statement, params: dict[str, Any]) -> dict[str, str]:
    """Return the columns with which parameters are compared in a text."""
    found = {}
    for number, (marker, column) in enumerate(statement.columns_of_markers):
        name = marker or str(number)
        if column and name in params:
            found[name] = column
    return found


def _hide_mapping(
    values: Mapping[str, Any],
    columns: Mapping[str, str],
    redactor: Redactor,
    stand_in: StandIn,
    path: str,
) -> dict[str, Any]:
    """Return values without secrets, each judged by its name and its column."""
    names = {
        name: _judged_name(name, number, columns, redactor)
        for number, name in enumerate(values)
    }
    shown = {names[name]: _shown(value) for name, value in values.items()}
    hidden = redactor.hide(shown, stand_in, path)
    return {
        name: _kept(value, shown[names[name]], hidden[names[name]])
        for name, value in values.items()
    }


def _judged_name(
    name: str, number: int, columns: Mapping[str, str], redactor: Redactor
) -> str:
    """Return the name by which a value is judged: its own, or a secret column's."""
    # One statement that inserts several rows has `name__0` and `name__1`.
    noted = columns.get(name) or columns.get(name.rpartition("__")[0], "")
    for column in noted.split(", "):
        if column and redactor.names.secret(column):
            return f"{column} {number}"
    return name


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


def _without_texts(value: Any, stand_in: StandIn, path: str) -> Any:
    """Return a value whose texts are hidden."""
    shown = _shown(value)
    if isinstance(shown, str):
        return _kept(value, shown, stand_in(shown, path) if shown else shown)
    if isinstance(value, list):
        return [_without_texts(item, stand_in, path) for item in value]
    if isinstance(value, dict):
        return {
            key: _without_texts(item, stand_in, path) for key, item in value.items()
        }
    return value


# -- errors


def _hide_error(error: Any, redactor: Redactor, stand_in: StandIn) -> Any:
    """Return an error without the secrets in its texts."""
    if isinstance(error, dict):
        hidden = redactor.hide(error, stand_in, "error")
        return {
            key: _hide_error(part, redactor, stand_in) for key, part in hidden.items()
        }
    if isinstance(error, list):
        return [_hide_error(item, redactor, stand_in) for item in error]
    if not isinstance(error, str):
        return error

    def hide_values(match: re.Match[str]) -> str:
        columns = match["columns"].split(", ")
        if not any(map(redactor.names.secret, columns)):
            return match[0]
        kept = stand_in(match["values"], "error")
        return f"({match['columns']})=({kept})"

    text = _KEY.sub(hide_values, error)
    return _ROW.sub(lambda match: stand_in(match[0], "error"), text)

"""A statement and its parameters as plain data, a name beside each value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_mimic.client import Plain, fields
from pytest_mimic.clients.sql import statements
from pytest_mimic.clients.sql.database import described
from pytest_mimic.values.tree import text_of


def request_of(text: str, parameters: Any, context: Any) -> Plain:
    """Return what is asked of a database.

    Args:
        text: The statement, as the driver gets it.
        parameters: Its parameters by name or in order, or a list of sets of them.
        context: SQLAlchemy's context of the execution; None: the application uses the
            driver's cursor.

    Returns:
        `statement` and `parameters` by name, or a list of such sets; and in `names` the
        columns with which they are compared, where their own names do not say it.
    """
    request: Plain = {"statement": text}
    if not parameters:
        return request
    names: Sequence[str] = ()
    lists: Mapping[str, list[str]] = {}
    compiled: Any = getattr(context, "compiled", None)
    # Else it is a text for the driver, or a definition such as CREATE TABLE.
    if hasattr(compiled, "bind_names"):
        lists = getattr(context, "_expanded_parameters", None) or {}
        names = _names_in_order(compiled, lists, context.dialect.paramstyle)
    is_many = isinstance(parameters, list) and isinstance(
        parameters[0], (dict, tuple, list)
    )
    sets = [_named(one, names) for one in (parameters if is_many else [parameters])]
    if lists:
        sets = [_with_lists(one, lists, compiled.string) for one in sets]
    request["parameters"] = sets if is_many else sets[0]
    found = _other_names(text, names)
    return {**request, "names": found} if found else request


def _other_names(text: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Return by parameter the columns of its condition that its name does not say."""
    by_number = {str(number): name for number, name in enumerate(names, 1)}
    found = {}
    for mark, columns in statements.read(text).compared.items():
        name = by_number.get(mark, mark)
        others = [one for one in columns if one.lower() not in name.lower()]
        if others:
            found[name] = others
    return found


def _names_in_order(
    compiled: Any, lists: Mapping[str, list[str]], style: str
) -> Sequence[str]:
    """Return the names of parameters in order; none: they have no order.

    Args:
        compiled: The statement.
        lists: The parameters that SQLAlchemy has made of each list, its members:
            `name_1_1` and `name_1_2` are two values of `name_1`, and `name_1_1_1` and
            `name_1_1_2` are one tuple.
        style: How parameters are marked.
    """
    names: list[str] = []
    numbered: list[str] = []
    for name in compiled.positiontup or ():
        if name in lists and style.startswith("numeric"):
            # Numbered members come after all other parameters.
            numbered += lists[name]
        else:
            names += lists.get(name, [name])
    return names + numbered


def _named(parameters: Any, names: Sequence[str]) -> Plain:
    """Return a set of parameters by name, or by number where nobody knows names."""
    if isinstance(parameters, (tuple, list)):
        count = len(parameters)
        if not names or count % len(names):
            names = [str(number) for number in range(1, count + 1)]
        elif count > len(names):
            # One statement inserts several rows.
            rows = range(count // len(names))
            names = [f"{name}__{row}" for row in rows for name in names]
        parameters = dict(zip(names, parameters))
    return {name: described(value) for name, value in parameters.items()}


def _with_lists(params: Plain, lists: Mapping[str, list[str]], statement: str) -> Plain:
    """Return parameters with the members of each list as one."""
    grouped = dict(params)
    for name, members in lists.items():
        items = fields(
            (member[len(name) + 1 :].partition("_")[0], grouped.pop(member))
            for member in members
        )
        values = [*items.values()]
        if _is_set(name, statement):
            values.sort(key=text_of)
        grouped[name] = values
    return grouped


def _is_set(name: str, statement: str) -> bool:
    """Return whether the order of a list does not count: it stands behind IN."""
    mark = re.escape(f"__[POSTCOMPILE_{name}") + r"\b"
    marks = re.findall(mark, statement)
    behind_in = re.findall(rf"\bIN\s*\(?\s*{mark}", statement, re.I)
    return len(behind_in) == len(marks)

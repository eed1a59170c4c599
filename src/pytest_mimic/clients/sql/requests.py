"""A statement and its parameters as plain data, a name beside each value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_mimic.client import Plain
from pytest_mimic.clients.sql import statements
from pytest_mimic.values.database import described
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
    compiled = getattr(context, "compiled", None)
    request: Plain = {"statement": text}
    if not hasattr(compiled, "bind_names"):
        # A text for the driver, or a definition such as CREATE TABLE.
        compiled = None
    names: Sequence[str] = ()
    if parameters:
        lists: Mapping[str, list[str]] = {}
        if compiled is not None:
            lists = getattr(context, "_expanded_parameters", None) or {}
            names = _names_in_order(compiled, lists, context.dialect.paramstyle)
        is_many = isinstance(parameters, list) and isinstance(
            parameters[0], (dict, tuple, list)
        )
        sets = [_named(one, names) for one in (parameters if is_many else [parameters])]
        if compiled is not None and lists:
            sets = [_with_lists(one, lists, compiled.string) for one in sets]
        request["parameters"] = sets if is_many else sets[0]
        found = _other_names(text, names)
        if found:
            request["names"] = found
    return request


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
    positions: Sequence[str] = compiled.positiontup or ()
    if not lists:
        return positions
    names: list[str] = []
    numbered: list[str] = []
    for name in positions:
        if name not in lists:
            names.append(name)
        elif style.startswith("numeric"):
            # Numbered members come after all other parameters.
            numbered += lists[name]
        else:
            names += lists[name]
    return names + numbered


def _named(parameters: Any, names: Sequence[str]) -> Plain:
    """Return a set of parameters by name, or by number where nobody knows names."""
    if not isinstance(parameters, (tuple, list)):
        return {name: described(value) for name, value in parameters.items()}
    if not names or len(parameters) % len(names):
        return {str(number): described(one) for number, one in enumerate(parameters, 1)}
    if len(parameters) > len(names):
        # One statement inserts several rows.
        rows = range(len(parameters) // len(names))
        names = [f"{name}__{row}" for row in rows for name in names]
    return {name: described(value) for name, value in zip(names, parameters)}


def _with_lists(params: Plain, lists: Mapping[str, list[str]], statement: str) -> Plain:
    """Return parameters with the members of each list as one."""
    grouped = dict(params)
    for name, members in lists.items():
        items: dict[str, list[Any]] = {}
        for member in members:
            number = member[len(name) + 1 :].partition("_")[0]
            items.setdefault(number, []).append(grouped.pop(member))
        values = [item if len(item) > 1 else item[0] for item in items.values()]
        if _is_set(name, statement):
            values.sort(key=text_of)
        grouped[name] = values
    return grouped


def _is_set(name: str, statement: str) -> bool:
    """Return whether the order of a list does not count: it stands behind IN."""
    mark = re.escape(f"__[POSTCOMPILE_{name}") + r"\b"
    places = re.findall(mark, statement)
    return len(re.findall(rf"\bIN\s*\(?\s*{mark}", statement, re.I)) == len(places)

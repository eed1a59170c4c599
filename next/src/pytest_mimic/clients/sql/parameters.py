"""A statement and its parameters as plain data, a name beside each value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

from pytest_mimic.client import Plain
from pytest_mimic.values.database import described
from pytest_mimic.values.tree import text_of


def request_of(text: str, given: Any, context: Any) -> Plain:
    """Return what is asked of a database.

    Args:
        text: The statement, as the driver gets it.
        given: Its parameters by name or in order, or a list of sets of them.
        context: SQLAlchemy's context of the execution; None: the application uses the
            driver's cursor.

    Returns:
        `statement` and `parameters`, and where they hold something:

        - `is_text`: whether the application wrote a part of the statement as text.
        - `names`: the columns to which parameters and columns of the result belong,
          where their own names do not say it.
    """
    compiled = getattr(context, "compiled", None)
    if not hasattr(compiled, "bind_names"):
        # A text for the driver, or a definition such as CREATE TABLE.
        compiled = None
    request: Plain = {"statement": text}
    if given:
        order = _Order(compiled, context)
        is_many = isinstance(given, list) and isinstance(given[0], (dict, tuple, list))
        sets = given if is_many else [given]
        named = [order.named(one) for one in sets]
        request["parameters"] = named if is_many else named[0]
    if compiled is None:
        request["is_text"] = True
        return request
    # It loads SQLAlchemy, which has compiled the statement.
    from pytest_mimic.clients.sql import secret_columns

    columns = secret_columns.of(compiled)
    if columns.has_text:
        request["is_text"] = True
    names = columns.names(context.compiled_parameters)
    if names:
        request["names"] = names
    return request


class _Order:
    """The names of the parameters of an execution.

    For each value of a list, SQLAlchemy makes a parameter of its own, a member:
    `name_1_1` and `name_1_2` are two values of `name_1`, and `name_1_1_1` and
    `name_1_1_2` are one tuple.
    """

    def __init__(self, compiled: Any, context: Any) -> None:
        self._lists: dict[str, list[str]] = {}
        self._list_of: dict[str, str] = {}
        self._names: list[str] = []
        self._text = ""
        if compiled is None:
            return
        self._text = compiled.string
        self._lists = getattr(context, "_expanded_parameters", None) or {}
        for name, members in self._lists.items():
            self._list_of.update(dict.fromkeys(members, name))
        self._names = self._in_order(compiled, context.dialect.paramstyle)

    def _in_order(self, compiled: Any, style: str) -> list[str]:
        names: list[str] = []
        numbered: list[str] = []
        for name in compiled.positiontup or ():
            if name not in self._lists:
                names.append(name)
            elif style.startswith("numeric"):
                # Numbered members come after all other parameters.
                numbered += self._lists[name]
            else:
                names += self._lists[name]
        return names + numbered

    def named(self, given: Any) -> Any:
        """Return a set of parameters by name, or in order where nobody knows names."""
        if isinstance(given, Mapping):
            return self._grouped(given.items())
        values: Sequence[Any] = [*given]
        names = self._names
        if not names or len(values) % len(names):
            return [described(value) for value in values]
        if len(values) == len(names):
            return self._grouped(zip(names, values))
        # One statement inserts several rows.
        rows = [number // len(names) for number in range(len(values))]
        pairs = zip(cycle(names), rows, values)
        return {f"{name}__{row}": described(value) for name, row, value in pairs}

    def _grouped(self, pairs: Iterable[tuple[str, Any]]) -> Plain:
        """Return parameters by name, with the members of a list as one."""
        params: Plain = {}
        lists: dict[str, dict[str, list[Any]]] = {name: {} for name in self._lists}
        for name, value in pairs:
            owner = self._list_of.get(name)
            if owner is None:
                params[name] = described(value)
                continue
            number = name[len(owner) + 1 :].partition("_")[0]
            lists[owner].setdefault(number, []).append(described(value))
        for name, members in lists.items():
            items = [item if len(item) > 1 else item[0] for item in members.values()]
            params[name] = sorted(items, key=text_of) if self._is_set(name) else items
        return params

    def _is_set(self, name: str) -> bool:
        """Return whether the order of a list does not count: it stands behind IN."""
        mark = re.escape(f"__[POSTCOMPILE_{name}") + r"\b"
        places = re.findall(mark, self._text)
        return len(re.findall(rf"\bIN\s*\(?\s*{mark}", self._text, re.I)) == len(places)

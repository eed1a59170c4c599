"""A statement and its parameters as plain data, a name beside each value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
        `statement` and `parameters` by name, or a list of such sets, and where they
        hold something `is_text` and `names`, as `secret_columns` has them.
    """
    compiled = getattr(context, "compiled", None)
    request: Plain = {"statement": text}
    if not hasattr(compiled, "bind_names"):
        # A text for the driver, or a definition such as CREATE TABLE.
        compiled = None
    if given:
        order = _Order(compiled, context)
        is_many = isinstance(given, list) and isinstance(given[0], (dict, tuple, list))
        request["parameters"] = (
            [order.named(one) for one in given] if is_many else order.named(given)
        )
    if compiled is None:
        return {**request, "is_text": True}
    # It loads SQLAlchemy, which has compiled the statement.
    from pytest_mimic.clients.sql import secret_columns

    return {**request, **secret_columns.of(compiled)}


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

    def named(self, given: Any) -> Plain:
        """Return a set of parameters by name, or by number where nobody knows names."""
        if isinstance(given, Mapping):
            return self._grouped(given.items())
        names = self._names
        if not names or len(given) % len(names):
            return {str(number): described(one) for number, one in enumerate(given, 1)}
        if len(given) == len(names):
            return self._grouped(zip(names, given))
        # One statement inserts several rows.
        return {
            f"{names[place % len(names)]}__{place // len(names)}": described(value)
            for place, value in enumerate(given)
        }

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

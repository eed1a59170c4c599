"""Says of an INSERT that misses that it has the recorded rows in another order.

The order counts in the identity. A miss names it in place of many values that differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Node
from pytest_mimic._core.nodes.node_json import node_of, order


def only_order_differs(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> bool:
    """Return whether an INSERT has the rows of the recorded one in another order.

    name__0='a', name__1='b'    name__0='b', name__1='a'    →  True
    """
    if old is None or new is None or not _is_insert(new):
        return False
    if old.get("statement") != new.get("statement"):
        return False
    old_rows = _rows_to_compare(old.get("params"))
    new_rows = _rows_to_compare(new.get("params"))
    if old_rows is None or new_rows is None or old_rows == new_rows:
        return False
    return sorted(old_rows) == sorted(new_rows)


def _is_insert(arguments: Mapping[str, Any]) -> bool:
    """Return whether a statement of SQL writes rows.

    The parameters `id_1` and `id_2` of an INSERT are the `id` of two rows. In any other
    statement, such as `WHERE id > :id_1 AND id < :id_2`, they do not mean the same.
    """
    statement = arguments.get("statement")
    return type(statement) is str and statement.lstrip()[:6].upper() == "INSERT"


def _rows_to_compare(params: Any) -> list[str] | None:
    """Return the parameters of an INSERT of several rows as a text for each row.

    A miss compares them with the recorded rows, to say that only their order differs.

    {name__0: 'a', name__1: 'b'}  →  the texts of {name: 'a'} and of {name: 'b'}

    None: the parameters are those of one row, or no mapping.
    """
    node = node_of(params)
    if not (isinstance(node, Fields) and node.kind == "dict"):
        return None
    # The values of each row by its number and by column. Parameters without a number
    # are those of one row.
    rows: dict[str, dict[str, Node]] = {}
    for name, value in node.parts.items():
        column, number = name, ""
        # SQLAlchemy numbers the parameters of an INSERT of several rows.
        numbered_name = re.fullmatch(r"(.+?)_{1,2}(\d+)", name)
        if numbered_name:
            column, number = numbered_name.groups()
        rows.setdefault(number, {})[column] = value
    if len(rows) < 2:
        # One row has no other order, so the miss shows its values.
        return None
    return [order(Fields("dict", row)) for row in rows.values()]

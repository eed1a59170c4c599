"""Hides the values of secret names in an outcome as the vault has it, with or without tags."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._tagged.nodes import tag_in

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

# The tags of values with a name of their own, or with the names of columns apart from the columns.
_NAMED = ("$pandas.", "$polars.")


def without_secrets(body: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of an outcome in which the values of secret names are replaced.

    Besides keys, a name may be the first of a pair, a word before its value (`--password`), or that of a column.
    """
    copy: dict[str, Any] = redactor.scrub(body)
    todo: list[Any] = [copy]
    while todo:
        node = todo.pop()
        if type(node) is list:
            _hide_in_list(node, redactor)
            todo += node
        elif type(node) is dict:
            tag = tag_in(node)
            if tag is not None and tag.startswith(_NAMED) and _names_secret(node, redactor):
                node[tag] = PLACEHOLDER
            todo += node.values()
    return copy


def _hide_in_list(items: list[Any], redactor: Redactor) -> None:
    if len(items) == 2 and isinstance(items[0], str) and redactor.hides(items[0], items[1]):
        items[1] = PLACEHOLDER
    for index, (flag, _) in enumerate(pairwise(items)):
        if isinstance(flag, str) and redactor.secret_flag(flag):
            items[index + 1] = PLACEHOLDER


def _names_secret(node: dict[str, Any], redactor: Redactor) -> bool:
    """Check whether a series, or a column that is named apart from its values, has a secret name."""
    todo = [node[key] for key in ("name", "columns") if key in node]
    while todo:
        part = todo.pop()
        if isinstance(part, str) and redactor.hides(part, "text"):
            return True
        if isinstance(part, dict | list):
            todo += part.values() if isinstance(part, dict) else part
    return False

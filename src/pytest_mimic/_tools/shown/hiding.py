"""Hides the values of secret names in an outcome as the vault has it, with or without tags."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor


def without_secrets(body: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of an outcome in which the values of secret names are replaced.

    Besides keys, a name may be the first of a pair, or a word before its value (`--password`).
    """
    copy: dict[str, Any] = redactor.scrub(body)
    todo: list[Any] = [copy]
    while todo:
        node = todo.pop()
        if type(node) is list:
            _hide_in_list(node, redactor)
            todo += node
        elif type(node) is dict:
            todo += node.values()
    return copy


def _hide_in_list(items: list[Any], redactor: Redactor) -> None:
    if len(items) == 2 and isinstance(items[0], str) and redactor.hides(items[0], items[1]):
        items[1] = PLACEHOLDER
    for index, (flag, _) in enumerate(pairwise(items)):
        if isinstance(flag, str) and redactor.secret_flag(flag):
            items[index + 1] = PLACEHOLDER

"""Finds new paths of `ignore=` that meet nothing in a recorded call: a misspelt name.

The identity of such a call stays as it is, and the call replays. So to record it would
do nothing: the line has to be mended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.nodes.node_parts import NUMBERED
from pytest_mimic._core.types.option_paths import parse_path
from pytest_mimic._core.vault.recording_facts import Recording


class NewPaths(NamedTuple):
    """What the new paths of a line's `ignore=` meet in one recorded call.

    A recording may show only a part of an argument. Then its paths may do both.

    Attributes:
        idle: The paths, if none of them can meet anything; else empty.
        is_any_met: Whether one of them meets something for sure.
    """

    idle: tuple[str, ...]
    is_any_met: bool


def new_paths(call: Recording, options: Mapping[str, Any]) -> NewPaths | None:
    """Return what the new paths of `ignore=` meet in a recorded call of a function.

    None: other options have changed, too.

    Args:
        call: The recorded call.
        options: The options of the line that takes the call today.
    """
    options_before = call.options or {}
    for name in {*options_before, *options} - {"ignore", "line"}:
        if options_before.get(name) != options.get(name):
            return None
    ignored_before = set(options_before.get("ignore", ()))
    paths = sorted(set(options.get("ignore", ())) - ignored_before)
    if not paths or not ignored_before <= set(options["ignore"]):
        return None
    if not any(_meets(path, call, if_unknown=True) for path in paths):
        return NewPaths(tuple(paths), is_any_met=False)
    is_any_met = any(_meets(path, call, if_unknown=False) for path in paths)
    return NewPaths((), is_any_met)


def _meets(path: str, call: Recording, *, if_unknown: bool) -> bool:
    """Return whether a path leads to a part of a recorded call.

    Args:
        path: The path.
        call: The recorded call.
        if_unknown: What to return if the recording does not show it.
    """
    first_step, *steps = parse_path(path)
    for name, tree in (call.arguments or {}).items():
        is_named = first_step in ("*", name.lstrip("*"))
        if is_named and _leads_on(steps, node_of(tree), if_unknown=if_unknown):
            return True
    return False


def _leads_on(steps: Sequence[str], node: Node, *, if_unknown: bool) -> bool:
    """Return whether steps lead from a value to a part of it.

    Args:
        steps: The rest of a path, `("order", "*", "id")`.
        node: The value.
        if_unknown: What to return if the description does not show the part.
    """
    if not steps:
        return True
    first_step, *later_steps = steps
    parts = _named_parts(node)
    if parts is None:
        return if_unknown
    for name, part in parts.items():
        is_named = first_step in ("*", name)
        if is_named and _leads_on(later_steps, part, if_unknown=if_unknown):
            return True
    return False


def _named_parts(node: Node) -> dict[str, Node] | None:
    """Return the parts of a value by the steps that lead to them.

    None: not all of them are shown.
    """
    if node is None or isinstance(node, bool | int | float | str):
        return {}
    if not isinstance(node, Fields | Items) or node.length is not None or node.facts:
        return None
    if isinstance(node, Fields):
        # An object may have content beside its named parts.
        if "" in node.parts or "*" in node.parts:
            return None
        return dict(node.parts)
    if node.kind in NUMBERED:
        parts: dict[str, Node] = {}
        for place, item in enumerate(node.items):
            parts[str(place)] = item
        # Negative numbers count from the end.
        for place, item in enumerate(reversed(node.items), start=1):
            parts[str(-place)] = item
        return parts
    return None

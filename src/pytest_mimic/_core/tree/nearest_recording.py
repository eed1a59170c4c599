"""Chooses the recording that a miss shows as the nearest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_classes import Node
from pytest_mimic._core.nodes.node_parts import kind_of
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.differing import part_differences
from pytest_mimic._core.vault.long_parts import shortened

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Recording

#: The recordings that a miss is compared with, at most.
CANDIDATES = 300


def nearest_recording(
    candidates: Iterable[Recording],
    arguments: Mapping[str, Any] | None,
    *,
    test: str | None = None,
    owner: str | None = None,
) -> Recording | None:
    """Return the recording that is most like a call, or None without candidates.

    A recording of the same owner comes first, which may be the scope of a wider
    fixture, then one of the same test, then the one with the fewest arguments
    that differ, then with the fewest parts that differ, then of the same kinds, then
    one of other parameters of the test, then the latest. Only the first few hundred
    candidates are considered.

    Args:
        candidates: The recordings of the same target.
        arguments: The description of the call's arguments; None: they are not known.
        test: The id of the test that made the call, if it is known.
        owner: The test or the scope that the call belongs to; None if one recording
            serves all.
    """
    short = short_descriptions(arguments)
    parts: dict[str, Node] | None = None
    if short is not None:
        parts = by_name(short)

    def likeness(known: Recording) -> tuple[Any, ...]:
        counts: tuple[float, ...] = (float("-inf"),)
        if known.arguments is not None and parts is not None:
            differences = part_differences(by_name(known.arguments), parts)
            # The parts of different kinds, such as a text and a path.
            others = 0
            paths = set()
            for difference in differences:
                paths.add(_argument_of(difference.path))
                others += kind_of(difference.old) != kind_of(difference.new)
            counts = (-len(paths), -len(differences), -others)
        known_test = known.test or ""
        is_like = known_test.partition("[")[0] == (test or "").partition("[")[0]
        is_of_owner = owner is not None and known.owner == owner
        return (
            is_of_owner,
            # The first test that used a wider fixture has recorded its calls.
            is_of_owner or known.test == test,
            counts,
            is_like,
            known.recorded or "",
            known_test,
        )

    return max(islice(candidates, CANDIDATES), key=likeness, default=None)


def short_descriptions(arguments: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return described arguments with long ones cut; None: they are not known."""
    if arguments is None:
        return None
    return shortened(dict(arguments))


def _argument_of(path: str) -> str:
    """Return the name at the start of a path: `order` of `order.items[0]`."""
    return re.split(r"[.\[{]", path)[0]

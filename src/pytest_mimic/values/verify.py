"""Compares what a call gave with what it gives now, by the trees of both."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_mimic.values.differences import (
    EXACT,
    MISSING,
    Difference,
    Rules,
    differences,
)
from pytest_mimic.values.tree import Tree, digest_of, without
from pytest_mimic.values.walk import FEW, Walk, deeply

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places


def outcome_differences(
    recorded: object,
    real: object,
    rules: Rules = EXACT,
    places: Places | None = None,
    *,
    step: str = "",
) -> list[Difference]:
    """Give where two outcomes differ: values, exceptions, arrays and tables.

    Args:
        recorded: What a replay gives.
        real: What the call gives now.
        rules: How they are compared.
        places: The folders of this run.
        step: Begins all paths: `items` of a stream. An exception begins them with its
            class.
    """
    if isinstance(recorded, BaseException) and type(recorded) is type(real):
        step = type(recorded).__name__
    if step:
        paths = rules.volatile
        below = [(step, *path) for path in paths]
        in_items = [(step, "*", *path) for path in paths]
        rules = rules._replace(volatile=(*paths, *below, *in_items))

    def trees(few: int) -> list[Tree]:
        found: list[Tree] = []
        for value in (recorded, real):
            walk = Walk("identity", places)
            walk.is_by_code = True
            walk.few = few
            tree = walk.node(value)
            found.append({step: tree} if step else tree)
        return found

    def differing() -> list[Difference]:
        bare = [without(tree, rules.volatile) for tree in trees(FEW)]
        if len(set(map(digest_of, bare))) == 1:
            return []
        # Each item of an array is looked at.
        old, new = trees(sys.maxsize)
        found = differences(old, new, rules)
        if found or rules != EXACT:
            return found
        fact = "differs from the recording in a part that has no readable form"
        return [Difference((step,), MISSING, MISSING, fact)]

    return deeply(differing)

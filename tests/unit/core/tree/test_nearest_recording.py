"""The recording that a miss shows as the nearest."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.tree.nearest_recording import nearest_recording
from unit.core.tree.recorded import TEST, Recorded, described, of

#: A call, and recordings of which the last one is the nearest.
NEAREST = {
    "of the same test": (described(day="2024-05-01"), [of(day="2024-05-02"), of(TEST, day="2024-05-02")]),
    "of the same test with more differences": (
        described(prompt="Greet Zoe", model="small", limit=3),
        [of(prompt="Greet Zoe", model="small", limit=4), of(TEST, prompt="Greet Ann", model="large", limit=3)],
    ),
    # Three parts of one argument are nearer than two whole arguments.
    "the fewest arguments": (
        described(filters={"x": 1, "y": 5, "z": 7, "w": 0}, page=9),
        [of(filters="Oslo", page=3), of(filters={"x": 1, "y": 2, "z": 3}, page=9)],
    ),
    "the latest": (
        described(base="EUR"),
        [of(base="USD")._replace(recorded="2026-01-01"), of(base="CHF")._replace(recorded="2026-11-03")],
    ),
    "the fewest parts": (
        described(prompt={"a": 1, "b": 2, "c": 3}),
        [of(prompt={"a": 1, "b": 4, "c": 4}), of(prompt={"a": 1, "b": 2, "c": 4})],
    ),
    "the only one": (described(base="EUR"), [Recorded(None)]),
}  # fmt: skip


@pytest.mark.parametrize(("now", "candidates"), NEAREST.values(), ids=NEAREST)
def test_the_nearest_recording_is_found(
    now: dict[str, Any], candidates: list[Recorded]
) -> None:
    assert nearest_recording(candidates, now, test=TEST) is candidates[-1]
    assert nearest_recording([], now) is None


def test_the_nearest_recording_is_one_of_the_same_owner() -> None:
    """Another test may have recorded what a wider fixture sent."""
    of_scope = of(page=2)._replace(owner="session")
    candidates = [of(TEST, page=1)._replace(owner=TEST), of_scope, of(page=1)]

    nearest = nearest_recording(
        candidates, described(page=1), test=TEST, owner="session"
    )

    assert nearest is of_scope

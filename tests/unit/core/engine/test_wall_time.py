"""Calls at the same time: which of their seconds count."""

from __future__ import annotations

import pytest

from pytest_mimic._core.engine.wall_time import WallTime


@pytest.mark.parametrize(
    ("calls", "beside"),
    [
        pytest.param([(0, 1), (1, 3)], [0, 0], id="one after the other"),
        pytest.param([(0, 3), (1, 5)], [0, 2], id="side by side"),
        pytest.param([(1, 2), (3, 4), (0, 5)], [0, 0, 2], id="around two others"),
        pytest.param([(0, 3), (0, 3), (0, 3)], [0, 3, 3], id="all at once"),
        pytest.param([(4, 6), (0, 2), (1, 7)], [0, 0, 3], id="reported late"),
    ],
)
def test_the_seconds_that_others_have_taken(
    calls: list[tuple[float, float]], beside: list[float]
) -> None:
    wall_time = WallTime()

    assert [wall_time.seconds_shared(*call) for call in calls] == beside

"""Outcomes that nobody would read are pickles, which are smaller and load faster."""

from __future__ import annotations

import pytest

from pytest_mimic._core.outcome.encoding import encode
from pytest_mimic._core.outcome.outcome import Outcome


@pytest.mark.parametrize(
    ("value", "is_readable"),
    [
        ([(number,) for number in range(10_000)], True),
        ([(number,) for number in range(10_001)], False),
        ([(1, 2)] * 5_000, True),
        ([(1, 2)] * 10_001, False),
        (b"\xff" * (16 << 20), True),
        ([b"\xff" * (8 << 20), b"\xfe" * ((8 << 20) + 1)], False),
    ],
    ids=["tags", "too many tags", "repeated", "repeated too often", "bytes", "too many bytes"],
)
def test_large_outcomes_are_pickles(value: object, is_readable: bool) -> None:
    assert (encode(Outcome("value", value)).readable is not None) == is_readable
